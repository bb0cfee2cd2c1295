// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.27;

interface IERC20 {
    function allowance(address holder, address spender) external view returns (uint256);
    function balanceOf(address holder) external view returns (uint256);
    function approve(address spender, uint256 amount) external returns (bool);
    function transfer(address to, uint256 amount) external returns (bool);
}

interface IFlashLender {
    function flashLoanSimple(
        address receiver,
        address asset,
        uint256 amount,
        bytes calldata params,
        uint16 referralCode
    ) external;
}

interface IPairV2 {
    function swap(uint256 amount0Out, uint256 amount1Out, address to, bytes calldata data) external;
}

interface IPoolV3 {
    function swap(address recipient, bool zeroForOne, int256 amountSpecified, uint160 sqrtPriceLimitX96, bytes calldata data)
        external
        returns (int256 amount0, int256 amount1);
}

/// @title Runs the steps of one intent atomically, and checks the outcome on chain.
/// @notice An optional flash loan or flash swap, then calls, then "this contract gained at least that much of each named token,
/// or nothing happened at all". A changed world costs the owner gas, never principal.
/// @dev What it deliberately does not know: any protocol but the lenders' callbacks. Which targets, selectors and spenders are
/// allowed is the door's policy, checked before a signature exists; a call that itself says `approve` to a token is the door's to
/// refuse. Floors must name the loan's token and a swap's price token, or the lender is paid out of what this contract holds.
/// No delegatecall, no selfdestruct, no upgrade. No immutables: the runtime code is the same for every owner, so that its hash
/// identifies it. Locks are plain storage and the code is compiled for Paris (no PUSH0, no TSTORE): it must run unchanged on
/// chains that adopted neither Shanghai nor Cancun.
contract KeepwrightExecutor {
    /// Who lends, and how: Aave v3's `flashLoanSimple`, or a Uniswap pair's or pool's flash swap.
    enum Kind {
        FlashLoan,
        PairV2,
        PoolV3
    }

    /// What is lent for the length of the calls; `lender` zero means nothing is. A flash loan is paid back with its premium. A
    /// flash swap is a swap whose `price` is paid after the calls: a pair's exactly, for exactly `amount`; a pool's at most, for at
    /// least `amount`.
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

    event OwnershipTransferStarted(address indexed owner, address indexed pendingOwner);
    event OwnershipTransferred(address indexed previousOwner, address indexed owner);

    error NotOwner(address caller);
    error ZeroAddress();
    error Reentered();
    error Expired(uint256 deadline, uint256 blockTime);
    error UnexpectedCallback(address caller, address initiator);
    error LoanNotGiven(address lender);
    error LoanTooDear(address lender, int256 due, int256 given);
    error SelfCall(uint256 index);
    error NoCode(uint256 index, address target);
    error CallFailed(uint256 index, bytes reason);
    error TokenFailed(address token, bytes reason);
    error BelowFloor(address token, uint256 balanceBefore, uint256 balanceAfter, uint256 atLeast);
    error WithdrawFailed(address to, uint256 amount);

    address public owner;
    bool private running;
    address public pendingOwner;
    /// Identifies the one callback that is awaited, by its loan and calls; zero while none is.
    bytes32 private awaitedLoan;

    /// The last prices that a v3 pool swaps to, either way: as far as its liquidity goes.
    uint160 private constant LOWEST_PRICE = 4295128740;
    uint160 private constant HIGHEST_PRICE = 1461446703485210103287273052203988822378723970341;

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        _;
    }

    modifier locked() {
        if (running) revert Reentered();
        running = true;
        _;
        running = false;
    }

    constructor(address firstOwner) {
        if (firstOwner == address(0)) revert ZeroAddress();
        owner = firstOwner;
        emit OwnershipTransferred(address(0), firstOwner);
    }

    /// Unwrapping a wrapped coin sends the coin here.
    receive() external payable {}

    /// Runs `calls`, inside `loan` if there is one, and reverts as a whole unless every floor holds after the repayment.
    /// @param deadline the last block timestamp (unix seconds) at which this may run.
    function execute(Loan calldata loan, Call[] calldata calls, Floor[] calldata floors, uint256 deadline)
        external
        onlyOwner
        locked
    {
        if (block.timestamp > deadline) revert Expired(deadline, block.timestamp);
        uint256[] memory balancesBefore = _balances(floors);
        if (loan.lender == address(0)) _run(calls);
        else _borrow(loan, abi.encode(loan, calls));
        _requireFloors(floors, balancesBefore);
    }

    /// A flash loan's callback. Only the awaited one is served, and it only once.
    function executeOperation(address token, uint256 amount, uint256 premium, address initiator, bytes calldata params)
        external
        returns (bool)
    {
        Loan memory loan = _serve(Kind.FlashLoan, initiator, params);
        if (token != loan.token || amount != loan.amount) revert UnexpectedCallback(msg.sender, initiator);
        _setAllowance(token, msg.sender, amount + premium);
        return true;
    }

    /// A pair's callback, under the same condition.
    function uniswapV2Call(address initiator, uint256, uint256, bytes calldata params) external {
        Loan memory loan = _serve(Kind.PairV2, initiator, params);
        _pay(loan, loan.price);
    }

    /// A pool's callback, under the same condition. It names no initiator: a pool calls back whoever swaps.
    function uniswapV3SwapCallback(int256 due0, int256 due1, bytes calldata params) external {
        Loan memory loan = _serve(Kind.PoolV3, address(this), params);
        (int256 due, int256 given) = due0 > 0 ? (due0, -due1) : (due1, -due0);
        bool fair = due > 0 && uint256(due) <= loan.price && given >= 0 && uint256(given) >= loan.amount;
        if (!fair) revert LoanTooDear(loan.lender, due, given);
        _pay(loan, uint256(due));
    }

    /// Offers ownership to `next`; nothing changes until it accepts. Zero takes an offer back.
    function transferOwnership(address next) external onlyOwner {
        pendingOwner = next;
        emit OwnershipTransferStarted(owner, next);
    }

    /// Takes an offered ownership, which proves that somebody holds the key of the new owner.
    function acceptOwnership() external locked {
        if (msg.sender != pendingOwner) revert NotOwner(msg.sender);
        emit OwnershipTransferred(owner, msg.sender);
        owner = msg.sender;
        pendingOwner = address(0);
    }

    /// Sends `amount` of `token` (zero means the chain's own coin) to `to`.
    function withdraw(address token, address to, uint256 amount) external onlyOwner locked {
        if (to == address(0)) revert ZeroAddress();
        if (token != address(0)) return _callToken(token, abi.encodeCall(IERC20.transfer, (to, amount)));
        (bool sent,) = to.call{value: amount}("");
        if (!sent) revert WithdrawFailed(to, amount);
    }

    function _borrow(Loan calldata loan, bytes memory params) private {
        awaitedLoan = keccak256(params);
        if (loan.kind == Kind.FlashLoan) {
            IFlashLender(loan.lender).flashLoanSimple(address(this), loan.token, loan.amount, params, 0);
        } else {
            _swap(loan, params);
        }
        if (awaitedLoan != 0) revert LoanNotGiven(loan.lender);
        if (loan.kind == Kind.FlashLoan) _setAllowance(loan.token, loan.lender, 0);
    }

    /// Takes the output first. Both factories order a pair's tokens by address.
    function _swap(Loan calldata loan, bytes memory params) private {
        bool zeroForOne = loan.priceToken < loan.token;
        if (loan.kind == Kind.PairV2) {
            (uint256 zero, uint256 one) = zeroForOne ? (uint256(0), loan.amount) : (loan.amount, uint256(0));
            IPairV2(loan.lender).swap(zero, one, address(this), params);
        } else {
            uint160 limit = zeroForOne ? LOWEST_PRICE : HIGHEST_PRICE;
            // One that does not fit would make it a swap of another kind.
            if (loan.price > uint256(type(int256).max)) revert LoanNotGiven(loan.lender);
            IPoolV3(loan.lender).swap(address(this), zeroForOne, int256(loan.price), limit, params);
        }
    }

    /// Runs the awaited loan's calls, if this is its callback.
    function _serve(Kind kind, address initiator, bytes calldata params) private returns (Loan memory loan) {
        bool awaited = keccak256(params) == awaitedLoan && initiator == address(this);
        if (!awaited) revert UnexpectedCallback(msg.sender, initiator);
        Call[] memory calls;
        (loan, calls) = abi.decode(params, (Loan, Call[]));
        if (msg.sender != loan.lender || kind != loan.kind) revert UnexpectedCallback(msg.sender, initiator);
        awaitedLoan = 0;
        _run(calls);
    }

    function _pay(Loan memory loan, uint256 amount) private {
        _callToken(loan.priceToken, abi.encodeCall(IERC20.transfer, (loan.lender, amount)));
    }

    function _run(Call[] memory calls) private {
        for (uint256 i = 0; i < calls.length; ++i) {
            Call memory step = calls[i];
            if (step.target == address(this)) revert SelfCall(i);
            if (step.target.code.length == 0) revert NoCode(i, step.target);
            if (step.spendToken != address(0)) _setAllowance(step.spendToken, step.target, step.spendAmount);
            (bool succeeded, bytes memory answer) = step.target.call(step.data);
            if (!succeeded) revert CallFailed(i, answer);
            if (step.spendToken != address(0)) _setAllowance(step.spendToken, step.target, 0);
        }
    }

    /// Makes the allowance exactly `amount`. Goes through zero, as USDT refuses a change from non-zero to non-zero, but approves
    /// zero only where something is left, as a few tokens refuse to approve zero.
    function _setAllowance(address token, address spender, uint256 amount) private {
        if (IERC20(token).allowance(address(this), spender) != 0) {
            _callToken(token, abi.encodeCall(IERC20.approve, (spender, 0)));
        }
        if (amount != 0) _callToken(token, abi.encodeCall(IERC20.approve, (spender, amount)));
    }

    /// Calls a token which answers `true`, or nothing at all as USDT does.
    function _callToken(address token, bytes memory data) private {
        (bool succeeded, bytes memory answer) = token.call(data);
        bool agreed = answer.length == 0 ? token.code.length != 0 : answer.length >= 32 && uint256(bytes32(answer)) == 1;
        if (!succeeded || !agreed) revert TokenFailed(token, answer);
    }

    function _balances(Floor[] calldata floors) private view returns (uint256[] memory balances) {
        balances = new uint256[](floors.length);
        for (uint256 i = 0; i < floors.length; ++i) {
            balances[i] = _balance(floors[i].token);
        }
    }

    function _requireFloors(Floor[] calldata floors, uint256[] memory balancesBefore) private view {
        for (uint256 i = 0; i < floors.length; ++i) {
            uint256 balance = _balance(floors[i].token);
            if (balance < balancesBefore[i] || balance - balancesBefore[i] < floors[i].atLeast) {
                revert BelowFloor(floors[i].token, balancesBefore[i], balance, floors[i].atLeast);
            }
        }
    }

    function _balance(address token) private view returns (uint256) {
        return token == address(0) ? address(this).balance : IERC20(token).balanceOf(address(this));
    }
}
