// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.27;

import {KeepwrightExecutor as Executor} from "../KeepwrightExecutor.sol";
import {Intruder, TestLender, TestSwaps, TestToken} from "./Actors.sol";
import {Suite} from "./Suite.sol";

/// Strangers, hostile lenders, hostile tokens and re-entry.
contract Intrusions is Suite {
    function testStrangersAreRefused() external {
        usd.mint(address(executor), 10);
        _strangerIsRefused(_encode(_noLoan(), _noCalls(), _noFloors()));
        _strangerIsRefused(abi.encodeCall(Executor.withdraw, (address(usd), address(0xbad), 10)));
        _strangerIsRefused(abi.encodeCall(Executor.transferOwnership, (address(0xbad))));
        _strangerIsRefused(abi.encodeCall(Executor.acceptOwnership, ()));
        _holds(usd, 10);
    }

    function testOwnershipMovesInTwoSteps() external {
        Intruder next = new Intruder();
        executor.transferOwnership(address(next));
        require(executor.owner() == address(this) && executor.pendingOwner() == address(next), "moved too early");
        next.prepare(address(executor), abi.encodeCall(Executor.acceptOwnership, ()));
        next.intrude();
        require(next.succeeded() && executor.owner() == address(next), "did not move");
        require(executor.pendingOwner() == address(0), "offer is still open");
        bytes memory reason = abi.encodeWithSelector(Executor.NotOwner.selector, address(this));
        _refused(_encode(_noLoan(), _noCalls(), _noFloors()), reason);
    }

    function testOwnershipOfferCanBeTakenBack() external {
        executor.transferOwnership(address(0xbad));
        executor.transferOwnership(address(0));
        require(executor.pendingOwner() == address(0), "offer is still open");
    }

    function testNobodyIsNotAnOwner() external {
        try new Executor(address(0)) {
            revert("deployed for nobody");
        } catch (bytes memory reason) {
            _same(reason, abi.encodeWithSelector(Executor.ZeroAddress.selector));
        }
    }

    function testDirectCallbackIsRefused() external {
        usd.mint(address(executor), 10);
        bytes memory params = abi.encode(_loan(0), _noCalls());
        bytes memory data = _callback(address(executor), 0, params);
        _refused(data, _unexpected(address(this), address(executor)));
        bytes memory unexpected = _unexpected(address(this), address(executor));
        _refused(abi.encodeCall(Executor.uniswapV2Call, (address(executor), 0, 1, params)), unexpected);
        _refused(abi.encodeCall(Executor.uniswapV3SwapCallback, (0, 1, params)), unexpected);
        Intruder stranger = new Intruder();
        stranger.prepare(address(executor), data);
        stranger.intrude();
        _intrusionFailed(stranger, _unexpected(address(stranger), address(executor)));
    }

    function testLoanThatAStrangerAskedForIsRefused() external {
        usd.mint(address(executor), 10);
        Intruder stranger = new Intruder();
        stranger.prepare(address(lender), _strangersLoan());
        stranger.intrude();
        require(!stranger.succeeded(), "executor served a stranger's loan");
        _same(stranger.answer(), _unexpected(address(lender), address(stranger)));
        _holds(usd, 10);
    }

    function testHostileLendersAreRefused() external {
        usd.mint(address(executor), 1000);
        _moodIsRefused(TestLender.Mood.Silent, abi.encodeWithSelector(Executor.LoanNotGiven.selector, address(lender)));
        bytes memory unexpected = _unexpected(address(lender), address(executor));
        _moodIsRefused(TestLender.Mood.CallsTwice, unexpected);
        _moodIsRefused(TestLender.Mood.ChangesToken, unexpected);
        _moodIsRefused(TestLender.Mood.ChangesAmount, unexpected);
        _moodIsRefused(TestLender.Mood.ChangesCalls, unexpected);
        _moodIsRefused(TestLender.Mood.SpoofsInitiator, _unexpected(address(lender), address(lender)));
        _holds(usd, 1000);
    }

    function testHostilePairsAreRefused() external {
        usd.mint(address(executor), 1000);
        bytes memory unexpected = _unexpected(address(swaps), address(executor));
        for (uint256 i = 1; i <= 2; ++i) {
            Executor.Kind kind = Executor.Kind(i);
            _moodIsRefused(kind, TestSwaps.Mood.Silent, abi.encodeWithSelector(Executor.LoanNotGiven.selector, address(swaps)));
            _moodIsRefused(kind, TestSwaps.Mood.CallsTwice, unexpected);
            _moodIsRefused(kind, TestSwaps.Mood.ChangesCalls, unexpected);
            _moodIsRefused(kind, TestSwaps.Mood.CallsBackAsLender, unexpected);
            _moodIsRefused(kind, TestSwaps.Mood.CallsBackAsTheOther, unexpected);
        }
        _moodIsRefused(Executor.Kind.PairV2, TestSwaps.Mood.SpoofsInitiator, _unexpected(address(swaps), address(swaps)));
        _moodIsRefused(Executor.Kind.PoolV3, TestSwaps.Mood.AsksForMore, _tooDear(8, 3));
        _moodIsRefused(Executor.Kind.PoolV3, TestSwaps.Mood.AsksForNothing, _tooDear(-1, 1));
        swaps.setMood(TestSwaps.Mood.Honest);
        swaps.setOutput(2);
        _refused(_encode(_flashSwap(Executor.Kind.PoolV3, weth, 3, 7), _noCalls(), _noFloors()), _tooDear(7, 2));
        Executor.Loan memory huge = _flashSwap(Executor.Kind.PoolV3, weth, 3, 1 << 255);
        _refused(_encode(huge, _noCalls(), _noFloors()), abi.encodeWithSelector(Executor.LoanNotGiven.selector, address(swaps)));
        _holds(usd, 1000);
    }

    /// What a stranger takes from a pair in the executor's name is not served, not even with the bytes that are awaited.
    function testSwapThatAStrangerAskedForIsRefused() external {
        usd.mint(address(executor), 10);
        bytes memory params = abi.encode(_flashSwap(Executor.Kind.PairV2, weth, 3, 7), _noCalls());
        Intruder stranger = new Intruder();
        (bool usdFirst, uint256 out) = (swaps.token0() == usd, uint256(3));
        bytes4 selector = bytes4(keccak256("swap(uint256,uint256,address,bytes)"));
        (uint256 zero, uint256 one) = usdFirst ? (uint256(0), out) : (out, uint256(0));
        stranger.prepare(address(swaps), abi.encodeWithSelector(selector, zero, one, address(executor), params));
        stranger.intrude();
        require(!stranger.succeeded(), "executor served a stranger's swap");
        _same(stranger.answer(), _unexpected(address(swaps), address(stranger)));
        stranger = new Intruder();
        stranger.prepare(address(swaps), abi.encodeWithSelector(selector, zero, one, address(executor), params));
        weth.setHook(stranger);
        _execute(_flashSwap(Executor.Kind.PairV2, weth, 3, 7), _noCalls(), _noFloors());
        _intrusionFailed(stranger, _unexpected(address(swaps), address(stranger)));
        _holds(usd, 3);
    }

    /// While the callback is awaited, a hostile token is the first to run. It can neither give the callback itself nor make the
    /// lender give another one.
    function testHostileTokenCannotUseTheAwaitedCallback() external {
        usd.mint(address(executor), 5);
        Executor.Call[] memory calls = _one(_plain(address(usd), abi.encodeCall(usd.quirk, ())));
        bytes memory data = _callback(address(executor), 1000, abi.encode(_loan(1000), calls));
        Intruder intruder = _hostileToken(address(executor), data);
        _execute(_loan(1000), calls, _noFloors());
        _intrusionFailed(intruder, _unexpected(address(intruder), address(executor)));

        intruder = _hostileToken(address(lender), _strangersLoan());
        usd.mint(address(executor), 5);
        _execute(_loan(1000), calls, _noFloors());
        _intrusionFailed(intruder, _unexpected(address(lender), address(intruder)));
    }

    function testReentryIsRefusedEvenOfTheOwner() external {
        bytes memory reason = abi.encodeWithSelector(Executor.Reentered.selector);
        _ownerReenters(_encode(_noLoan(), _noCalls(), _noFloors()), reason);
        _ownerReenters(abi.encodeCall(Executor.withdraw, (address(usd), address(this), 0)), reason);
        executor.transferOwnership(address(this));
        _ownerReenters(abi.encodeCall(Executor.acceptOwnership, ()), reason);
        _ownerReenters(_callback(address(executor), 0, abi.encode(_loan(0), _noCalls())), _unexpected(address(this), address(executor)));
        _execute(_noLoan(), _noCalls(), _noFloors());
    }

    function testStrangerCannotReenter() external {
        Intruder intruder = new Intruder();
        intruder.prepare(address(executor), _encode(_noLoan(), _noCalls(), _noFloors()));
        _execute(_noLoan(), _one(_plain(address(intruder), abi.encodeCall(Intruder.intrude, ()))), _noFloors());
        _intrusionFailed(intruder, abi.encodeWithSelector(Executor.NotOwner.selector, address(intruder)));
    }

    function testCallsCannotNameTheExecutor() external {
        bytes memory data = abi.encodeCall(Executor.transferOwnership, (address(0xbad)));
        bytes memory reason = abi.encodeWithSelector(Executor.SelfCall.selector, 0);
        _refused(_encode(_noLoan(), _one(_plain(address(executor), data)), _noFloors()), reason);
        _refused(_encode(_loan(1000), _one(_plain(address(executor), data)), _noFloors()), reason);
    }

    /// A call may ask the lender for a second loan to the executor, but its callback is not served.
    function testLoansDoNotNest() external {
        Executor.Call memory nested = _plain(address(lender), _strangersLoan());
        bytes memory inner = _unexpected(address(lender), address(executor));
        bytes memory reason = abi.encodeWithSelector(Executor.CallFailed.selector, 0, inner);
        _refused(_encode(_loan(1000), _one(nested), _noFloors()), reason);
        _refused(_encode(_noLoan(), _one(nested), _noFloors()), reason);
    }

    /// Called by the executor as a step: the owner tries to come in again.
    function reenter(bytes calldata data, bytes calldata reason) external {
        _refused(data, reason);
    }

    function _ownerReenters(bytes memory data, bytes memory reason) private {
        Executor.Call memory step = _plain(address(this), abi.encodeCall(this.reenter, (data, reason)));
        _execute(_noLoan(), _one(step), _noFloors());
    }

    function _hostileToken(address target, bytes memory data) private returns (Intruder intruder) {
        intruder = new Intruder();
        intruder.prepare(target, data);
        usd.setHook(intruder);
    }

    function _intrusionFailed(Intruder intruder, bytes memory reason) private view {
        require(intruder.woken(), "the intruder did not run");
        require(!intruder.succeeded(), "the intruder came in");
        _same(intruder.answer(), reason);
    }

    function _moodIsRefused(TestLender.Mood mood, bytes memory reason) private {
        lender.setMood(mood, address(weth));
        Executor.Call[] memory calls = _one(_plain(address(usd), abi.encodeCall(usd.quirk, ())));
        _refused(_encode(_loan(1000), calls, _noFloors()), reason);
        _allowsNobody(usd);
    }

    function _moodIsRefused(Executor.Kind kind, TestSwaps.Mood mood, bytes memory reason) private {
        swaps.setMood(mood);
        swaps.setOutput(3);
        Executor.Call[] memory calls = _one(_plain(address(usd), abi.encodeCall(usd.quirk, ())));
        _refused(_encode(_flashSwap(kind, weth, 3, 7), calls, _noFloors()), reason);
        _allowsNobody(usd);
        _allowsNobody(weth);
    }

    function _tooDear(int256 due, int256 given) private view returns (bytes memory) {
        return abi.encodeWithSelector(Executor.LoanTooDear.selector, address(swaps), due, given);
    }

    function _strangerIsRefused(bytes memory data) private {
        Intruder stranger = new Intruder();
        stranger.prepare(address(executor), data);
        stranger.intrude();
        _intrusionFailed(stranger, abi.encodeWithSelector(Executor.NotOwner.selector, address(stranger)));
    }

    function _callback(address initiator, uint256 amount, bytes memory params) private view returns (bytes memory) {
        return abi.encodeCall(Executor.executeOperation, (address(usd), amount, 5, initiator, params));
    }

    function _strangersLoan() private view returns (bytes memory) {
        bytes memory params = abi.encode(_loan(1000), _noCalls());
        return abi.encodeCall(TestLender.flashLoanSimple, (address(executor), address(usd), 1000, params, 0));
    }

    function _unexpected(address caller, address initiator) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Executor.UnexpectedCallback.selector, caller, initiator);
    }
}
