// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.27;

import {KeepwrightExecutor as Executor} from "../KeepwrightExecutor.sol";
import {Refuser, TestLender, TestMarket, TestToken} from "./Actors.sol";
import {Suite} from "./Suite.sol";

/// Steps, floors, approvals and coins.
contract Outcomes is Suite {
    function testLoanCallsFloor() external {
        Executor.Call memory sell = _trade(usd, 1000, 1000, weth, 3);
        Executor.Call memory buy = _trade(weth, 3, 3, usd, 1100);
        _execute(_loan(1000), _two(sell, buy), _floor(address(usd), 95));
        _holds(usd, 95);
        _holds(weth, 0);
        _equal(usd.balanceOf(address(lender)), 1e12 + 5, "lender's balance");
        _allowsNobody(usd);
        _allowsNobody(weth);
    }

    /// Either token may be the one that is taken first.
    function testFlashSwapsCallsFloor() external {
        for (uint256 i = 1; i <= 2; ++i) {
            Executor.Kind kind = Executor.Kind(i);
            swaps.setOutput(3);
            _execute(_flashSwap(kind, weth, 3, 1000), _one(_trade(weth, 3, 3, usd, 1100)), _floor(address(usd), 100));
            swaps.setOutput(700);
            _execute(_flashSwap(kind, usd, 700, 5), _one(_trade(usd, 700, 700, weth, 6)), _floor(address(weth), 1));
            _holds(usd, 100 * i);
            _holds(weth, i);
        }
        _equal(usd.balanceOf(address(swaps)), 1e12 + 2 * (1000 - 700), "the pair's dollars");
        _equal(weth.balanceOf(address(swaps)), 1e12 + 2 * (5 - 3), "the pair's ether");
        _allowsNobody(usd);
        _allowsNobody(weth);
    }

    function testFlashSwapOutOfOwnStockIsALoss() external {
        usd.mint(address(executor), 10);
        swaps.setOutput(3);
        bytes memory reason = abi.encodeWithSelector(Executor.BelowFloor.selector, address(usd), 10, 6, 0);
        for (uint256 i = 1; i <= 2; ++i) {
            Executor.Loan memory loan = _flashSwap(Executor.Kind(i), weth, 3, 4);
            _refused(_encode(loan, _noCalls(), _floor(address(usd), 0)), reason);
        }
    }

    function testCallsWithoutLoan() external {
        usd.mint(address(executor), 50);
        _execute(_noLoan(), _one(_trade(usd, 50, 50, weth, 4)), _floor(address(weth), 4));
        _holds(usd, 0);
        _holds(weth, 4);
    }

    function testBelowFloorRevertsAndLeavesNothing() external {
        Executor.Call memory buy = _trade(usd, 1000, 900, usd, 1000);
        bytes memory reason = abi.encodeWithSelector(Executor.BelowFloor.selector, address(usd), 0, 95, 96);
        _refused(_encode(_loan(1000), _one(buy), _floor(address(usd), 96)), reason);
        _holds(usd, 0);
        _equal(usd.balanceOf(address(lender)), 1e12, "lender's balance");
        _allowsNobody(usd);
    }

    function testLossIsBelowAFloorOfZero() external {
        usd.mint(address(executor), 10);
        bytes memory reason = abi.encodeWithSelector(Executor.BelowFloor.selector, address(usd), 10, 9, 0);
        _refused(_encode(_noLoan(), _one(_trade(usd, 1, 1, weth, 0)), _floor(address(usd), 0)), reason);
    }

    function testHugeFloorIsNotMetByWrapping() external {
        usd.mint(address(executor), 10);
        uint256 most = type(uint256).max;
        bytes memory reason = abi.encodeWithSelector(Executor.BelowFloor.selector, address(usd), 10, 9, most);
        _refused(_encode(_noLoan(), _one(_trade(usd, 1, 1, weth, 0)), _floor(address(usd), most)), reason);
    }

    function testPremiumOutOfOwnStockIsALoss() external {
        usd.mint(address(executor), 10);
        bytes memory reason = abi.encodeWithSelector(Executor.BelowFloor.selector, address(usd), 10, 5, 0);
        _refused(_encode(_loan(1000), _noCalls(), _floor(address(usd), 0)), reason);
    }

    function testEveryFloorCounts() external {
        usd.mint(address(executor), 10);
        Executor.Floor[] memory floors = new Executor.Floor[](2);
        floors[0] = Executor.Floor(address(weth), 1);
        floors[1] = Executor.Floor(address(usd), 0);
        bytes memory reason = abi.encodeWithSelector(Executor.BelowFloor.selector, address(usd), 10, 9, 0);
        _refused(_encode(_noLoan(), _one(_trade(usd, 1, 1, weth, 1)), floors), reason);
    }

    function testDeadlineIsTheLastTimestamp() external {
        executor.execute(_noLoan(), _noCalls(), _noFloors(), block.timestamp);
        uint256 late = block.timestamp - 1;
        bytes memory data = abi.encodeCall(Executor.execute, (_noLoan(), _noCalls(), _noFloors(), late));
        _refused(data, abi.encodeWithSelector(Executor.Expired.selector, late, block.timestamp));
    }

    function testFailedCallNamesItselfAndItsReason() external {
        Executor.Call memory failing = _plain(address(market), abi.encodeCall(TestMarket.closed, ()));
        bytes memory inner = abi.encodeWithSelector(TestMarket.Closed.selector, 7);
        bytes memory reason = abi.encodeWithSelector(Executor.CallFailed.selector, 1, inner);
        Executor.Call memory fine = _plain(address(usd), abi.encodeCall(usd.quirk, ()));
        _refused(_encode(_noLoan(), _two(fine, failing), _noFloors()), reason);
        _refused(_encode(_loan(1000), _two(fine, failing), _noFloors()), reason);
    }

    function testTargetMayNotSpendMoreThanAllowed() external {
        usd.mint(address(executor), 50);
        (bool succeeded,) = address(executor).call(_encode(_noLoan(), _one(_trade(usd, 49, 50, weth, 4)), _noFloors()));
        require(!succeeded, "spent more than allowed");
        _holds(usd, 50);
    }

    function testWhatIsLeftOfAnAllowanceIsTakenBack() external {
        usd.mint(address(executor), 50);
        _execute(_noLoan(), _one(_trade(usd, 50, 20, weth, 4)), _noFloors());
        _holds(usd, 30);
        _allowsNobody(usd);
    }

    function testLenderThatTakesLessKeepsNoAllowance() external {
        lender.setMood(TestLender.Mood.TakesLess, address(0));
        usd.mint(address(executor), 5);
        _execute(_loan(1000), _noCalls(), _floor(address(usd), 0));
        _allowsNobody(usd);
    }

    function testTokenThatAnswersNothing() external {
        _tradeWithLeftover(TestToken.Quirk.AnswersNothing);
    }

    function testTokenThatRefusesAChangeOfAllowance() external {
        _tradeWithLeftover(TestToken.Quirk.RefusesChangeOfAllowance);
    }

    function testTokenThatRefusesZeroAllowance() external {
        usd = new TestToken(TestToken.Quirk.RefusesZeroAllowance);
        usd.mint(address(executor), 50);
        _execute(_noLoan(), _one(_trade(usd, 50, 50, weth, 4)), _noFloors());
        _allowsNobody(usd);
    }

    function testTokenThatAnswersFalse() external {
        usd = new TestToken(TestToken.Quirk.AnswersFalse);
        bytes memory reason = abi.encodeWithSelector(Executor.TokenFailed.selector, address(usd), abi.encode(false));
        _refused(_encode(_noLoan(), _one(_trade(usd, 1, 1, weth, 1)), _noFloors()), reason);
        usd.mint(address(executor), 1);
        _refused(abi.encodeCall(Executor.withdraw, (address(usd), address(this), 1)), reason);
    }

    function testTokenWithoutCode() external {
        address nobody = address(0xdead);
        bytes memory reason = abi.encodeWithSelector(Executor.TokenFailed.selector, nobody, NO_REASON);
        _refused(abi.encodeCall(Executor.withdraw, (nobody, address(this), 1)), reason);
        Executor.Call memory step = Executor.Call(address(market), nobody, 1, "");
        _refused(_encode(_noLoan(), _one(step), _noFloors()), NO_REASON);
        _refused(_encode(_noLoan(), _noCalls(), _floor(nobody, 0)), NO_REASON);
    }

    function testTargetWithoutCode() external {
        bytes memory reason = abi.encodeWithSelector(Executor.NoCode.selector, 0, address(0xdead));
        _refused(_encode(_noLoan(), _one(_plain(address(0xdead), "")), _noFloors()), reason);
    }

    function testCoinFloorAndWithdrawal() external {
        _give(address(market), 10);
        Executor.Call memory pay = _plain(address(market), abi.encodeCall(TestMarket.payCoin, (10)));
        bytes memory reason = abi.encodeWithSelector(Executor.BelowFloor.selector, address(0), 0, 10, 11);
        _refused(_encode(_noLoan(), _one(pay), _floor(address(0), 11)), reason);
        _execute(_noLoan(), _one(pay), _floor(address(0), 10));
        executor.withdraw(address(0), address(market), 4);
        _equal(address(executor).balance, 6, "coin left");
        address refuser = address(new Refuser());
        reason = abi.encodeWithSelector(Executor.WithdrawFailed.selector, refuser, 6);
        _refused(abi.encodeCall(Executor.withdraw, (address(0), refuser, 6)), reason);
        reason = abi.encodeWithSelector(Executor.WithdrawFailed.selector, address(market), 7);
        _refused(abi.encodeCall(Executor.withdraw, (address(0), address(market), 7)), reason);
    }

    function testTokenWithdrawal() external {
        usd.mint(address(executor), 9);
        executor.withdraw(address(usd), address(0xbeef), 4);
        _equal(usd.balanceOf(address(0xbeef)), 4, "withdrawn");
        bytes memory reason = abi.encodeWithSelector(Executor.ZeroAddress.selector);
        _refused(abi.encodeCall(Executor.withdraw, (address(usd), address(0), 4)), reason);
    }

    /// An allowance that an earlier call left behind does not stop the next one, and is gone afterwards.
    function _tradeWithLeftover(TestToken.Quirk quirk) private {
        usd = new TestToken(quirk);
        usd.mint(address(executor), 50);
        Executor.Call memory leave = _plain(address(usd), abi.encodeCall(TestToken.approve, (address(market), 7)));
        _execute(_noLoan(), _two(leave, _trade(usd, 50, 20, weth, 4)), _noFloors());
        _holds(usd, 30);
        _allowsNobody(usd);
        executor.withdraw(address(usd), address(this), 30);
        _holds(usd, 0);
    }

    /// The caller of `run` gives this contract coin by a state override.
    function _give(address to, uint256 amount) private {
        (bool sent,) = to.call{value: amount}("");
        require(sent, "no coin to give");
    }
}
