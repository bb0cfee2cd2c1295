// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.27;

import {KeepwrightExecutor as Executor} from "../KeepwrightExecutor.sol";
import {Intruder, Refuser, TestLender, TestMarket, TestSwaps, TestToken} from "./Actors.sol";

/// What every group of tests starts from: an executor that this contract owns, two tokens, a lender and a market.
/// Every `test*` function is run by its own `eth_call` on an otherwise empty world.
abstract contract Suite {
    bytes internal constant NO_REASON = "";

    Executor internal executor;
    TestToken internal usd;
    TestToken internal weth;
    TestLender internal lender;
    TestMarket internal market;
    TestSwaps internal swaps;

    receive() external payable {}

    /// Runs one test by its selector. The world is made here, as an `eth_call` keeps nothing.
    function run(bytes4 test) external {
        executor = new Executor(address(this));
        usd = new TestToken(TestToken.Quirk.None);
        weth = new TestToken(TestToken.Quirk.None);
        lender = new TestLender();
        market = new TestMarket();
        swaps = new TestSwaps(usd, weth);
        usd.mint(address(lender), 1e12);
        usd.mint(address(market), 1e12);
        weth.mint(address(market), 1e12);
        usd.mint(address(swaps), 1e12);
        weth.mint(address(swaps), 1e12);
        (bool passed, bytes memory reason) = address(this).call(abi.encodePacked(test));
        if (passed) return;
        assembly {
            revert(add(reason, 32), mload(reason))
        }
    }

    function _noLoan() internal pure returns (Executor.Loan memory) {
        return Executor.Loan(Executor.Kind.FlashLoan, address(0), address(0), 0, address(0), 0);
    }

    function _loan(uint256 amount) internal view returns (Executor.Loan memory) {
        return Executor.Loan(Executor.Kind.FlashLoan, address(lender), address(usd), amount, address(0), 0);
    }

    /// Takes `amount` of `token` from the pair or pool first, and pays `price` of the other token after the calls.
    function _flashSwap(Executor.Kind kind, TestToken token, uint256 amount, uint256 price)
        internal
        view
        returns (Executor.Loan memory)
    {
        address other = address(token == usd ? weth : usd);
        return Executor.Loan(kind, address(swaps), address(token), amount, other, price);
    }

    function _noCalls() internal pure returns (Executor.Call[] memory) {
        return new Executor.Call[](0);
    }

    function _one(Executor.Call memory step) internal pure returns (Executor.Call[] memory calls) {
        calls = new Executor.Call[](1);
        calls[0] = step;
    }

    function _two(Executor.Call memory first, Executor.Call memory second)
        internal
        pure
        returns (Executor.Call[] memory calls)
    {
        calls = new Executor.Call[](2);
        calls[0] = first;
        calls[1] = second;
    }

    function _plain(address target, bytes memory data) internal pure returns (Executor.Call memory) {
        return Executor.Call(target, address(0), 0, data);
    }

    /// A market call that is allowed `allowed`, takes `taken` and pays `paid`.
    function _trade(TestToken tokenIn, uint256 allowed, uint256 taken, TestToken tokenOut, uint256 paid)
        internal
        view
        returns (Executor.Call memory)
    {
        bytes memory data = abi.encodeCall(TestMarket.swap, (address(tokenIn), taken, address(tokenOut), paid));
        return Executor.Call(address(market), address(tokenIn), allowed, data);
    }

    function _noFloors() internal pure returns (Executor.Floor[] memory) {
        return new Executor.Floor[](0);
    }

    function _floor(address token, uint256 atLeast) internal pure returns (Executor.Floor[] memory floors) {
        floors = new Executor.Floor[](1);
        floors[0] = Executor.Floor(token, atLeast);
    }

    function _encode(Executor.Loan memory loan, Executor.Call[] memory calls, Executor.Floor[] memory floors)
        internal
        view
        returns (bytes memory)
    {
        return abi.encodeCall(Executor.execute, (loan, calls, floors, block.timestamp));
    }

    function _execute(Executor.Loan memory loan, Executor.Call[] memory calls, Executor.Floor[] memory floors) internal {
        executor.execute(loan, calls, floors, block.timestamp);
    }

    /// The executor must answer `data` with exactly `revertData`.
    function _refused(bytes memory data, bytes memory revertData) internal {
        (bool succeeded, bytes memory answer) = address(executor).call(data);
        require(!succeeded, "was not refused");
        _same(answer, revertData);
    }

    function _same(bytes memory left, bytes memory right) internal pure {
        require(keccak256(left) == keccak256(right), "another revert than expected");
    }

    function _equal(uint256 left, uint256 right, string memory what) internal pure {
        require(left == right, what);
    }

    function _holds(TestToken token, uint256 amount) internal view {
        _equal(token.balanceOf(address(executor)), amount, "executor's balance");
    }

    function _allowsNobody(TestToken token) internal view {
        _equal(token.allowance(address(executor), address(lender)), 0, "allowance of the lender");
        _equal(token.allowance(address(executor), address(market)), 0, "allowance of the market");
        _equal(token.allowance(address(executor), address(swaps)), 0, "allowance of the pair");
    }
}
