//! The executor's ABI, typed by hand; a test compares it with the compiled one.

use alloy_sol_types::sol;

sol! {
    /// Runs the steps of one intent atomically, and checks the outcome on chain.
    #[derive(Debug, PartialEq, Eq)]
    contract KeepwrightExecutor {
        /// Who lends, and how: Aave v3's `flashLoanSimple`, or a Uniswap pair's or pool's flash swap.
        enum Kind {
            /// Paid back with a premium.
            FlashLoan,
            /// `uniswapV2Call`.
            PairV2,
            /// `uniswapV3SwapCallback`.
            PoolV3
        }

        /// What is lent for the length of the calls; `lender` zero means nothing is. A flash loan is paid back with its
        /// premium. A flash swap is a swap whose `price` is paid after the calls: a pair's exactly, for exactly `amount`; a
        /// pool's at most, for at least `amount`.
        struct Loan {
            Kind kind;
            address lender;
            address token;
            uint256 amount;
            address priceToken;
            uint256 price;
        }

        /// One call; `target` may spend exactly `spendAmount` of `spendToken` during it (zero means no approval).
        struct Call {
            address target;
            address spendToken;
            uint256 spendAmount;
            bytes data;
        }

        /// What must be gained of `token` (zero means the chain's own coin); naming it with 0 forbids a loss.
        struct Floor {
            address token;
            uint256 atLeast;
        }

        /// Ownership was offered to `pendingOwner`.
        event OwnershipTransferStarted(address indexed owner, address indexed pendingOwner);
        /// `owner` took the ownership.
        event OwnershipTransferred(address indexed previousOwner, address indexed owner);

        /// The caller may not do this.
        error NotOwner(address caller);
        /// The zero address can neither own nor receive.
        error ZeroAddress();
        /// The executor is running already.
        error Reentered();
        /// The deadline has passed.
        error Expired(uint256 deadline, uint256 blockTime);
        /// A loan callback which nobody awaited.
        error UnexpectedCallback(address caller, address initiator);
        /// The lender returned without calling back.
        error LoanNotGiven(address lender);
        /// The pool asks for more than the loan's price, or gives less than its amount.
        error LoanTooDear(address lender, int256 due, int256 given);
        /// A call names the executor itself.
        error SelfCall(uint256 index);
        /// A call names an address without code.
        error NoCode(uint256 index, address target);
        /// A call reverted.
        error CallFailed(uint256 index, bytes reason);
        /// A token refused an approval or a transfer.
        error TokenFailed(address token, bytes reason);
        /// Less was gained than the floor demands.
        error BelowFloor(address token, uint256 balanceBefore, uint256 balanceAfter, uint256 atLeast);
        /// The receiver refused the chain's own coin.
        error WithdrawFailed(address to, uint256 amount);

        /// Sets the first owner.
        constructor(address firstOwner);

        /// Who may execute and withdraw.
        function owner() external view returns (address);
        /// Who may accept the ownership.
        function pendingOwner() external view returns (address);
        /// Runs `calls`, inside `loan` if there is one, and reverts as a whole unless every floor holds.
        function execute(Loan calldata loan, Call[] calldata calls, Floor[] calldata floors, uint256 deadline) external;
        /// A flash loan's callback.
        function executeOperation(address token, uint256 amount, uint256 premium, address initiator, bytes calldata params)
            external
            returns (bool);
        /// A pair's callback.
        function uniswapV2Call(address initiator, uint256 amount0, uint256 amount1, bytes calldata params) external;
        /// A pool's callback.
        function uniswapV3SwapCallback(int256 due0, int256 due1, bytes calldata params) external;
        /// Offers ownership to `next`.
        function transferOwnership(address next) external;
        /// Takes an offered ownership.
        function acceptOwnership() external;
        /// Sends `amount` of `token` (zero means the chain's own coin) to `to`.
        function withdraw(address token, address to, uint256 amount) external;
    }
}
