// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.27;

import {KeepwrightExecutor} from "../KeepwrightExecutor.sol";

/// A plain token. `quirk` turns it into one of the odd ones that exist.
contract TestToken {
    enum Quirk {
        None,
        AnswersNothing,
        AnswersFalse,
        RefusesChangeOfAllowance,
        RefusesZeroAllowance
    }

    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    Quirk public quirk;
    Intruder public hook;

    constructor(Quirk quirk_) {
        quirk = quirk_;
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function setHook(Intruder hook_) external {
        hook = hook_;
    }

    function approve(address spender, uint256 amount) external {
        if (quirk == Quirk.RefusesChangeOfAllowance || quirk == Quirk.AnswersNothing) {
            require(amount == 0 || allowance[msg.sender][spender] == 0, "from non-zero to non-zero");
        }
        if (quirk == Quirk.RefusesZeroAllowance) require(amount != 0, "approve of zero");
        allowance[msg.sender][spender] = amount;
        _answer();
    }

    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
        _answer();
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
        _answer();
    }

    function _move(address from, address to, uint256 amount) private {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        if (address(hook) != address(0)) hook.intrude();
    }

    function _answer() private view {
        if (quirk == Quirk.AnswersNothing) return;
        uint256 word = quirk == Quirk.AnswersFalse ? 0 : 1;
        assembly {
            mstore(0, word)
            return(0, 32)
        }
    }
}

interface IReceiver {
    function executeOperation(address token, uint256 amount, uint256 premium, address initiator, bytes calldata params)
        external
        returns (bool);
}

/// A lender in Aave v3's manner. `mood` turns it into a faulty or hostile one.
contract TestLender {
    enum Mood {
        Honest,
        Silent,
        CallsTwice,
        ChangesToken,
        ChangesAmount,
        ChangesCalls,
        SpoofsInitiator,
        TakesLess
    }

    uint256 public constant PREMIUM = 5;
    Mood public mood;
    address public otherToken;

    function setMood(Mood mood_, address otherToken_) external {
        mood = mood_;
        otherToken = otherToken_;
    }

    function flashLoanSimple(address receiver, address asset, uint256 amount, bytes calldata params, uint16) external {
        if (mood == Mood.Silent) return;
        TestToken(asset).transfer(receiver, amount);
        _callBack(receiver, asset, amount, params);
        if (mood == Mood.CallsTwice) _callBack(receiver, asset, amount, params);
        uint256 due = mood == Mood.TakesLess ? amount : amount + PREMIUM;
        TestToken(asset).transferFrom(receiver, address(this), due);
    }

    function _callBack(address receiver, address asset, uint256 amount, bytes calldata params) private {
        address token = mood == Mood.ChangesToken ? otherToken : asset;
        address initiator = mood == Mood.SpoofsInitiator ? address(this) : msg.sender;
        uint256 told = mood == Mood.ChangesAmount ? amount + 1 : amount;
        (KeepwrightExecutor.Loan memory loan,) = abi.decode(params, (KeepwrightExecutor.Loan, KeepwrightExecutor.Call[]));
        bytes memory calls = mood == Mood.ChangesCalls ? abi.encode(loan, new KeepwrightExecutor.Call[](0)) : params;
        require(IReceiver(receiver).executeOperation(token, told, PREMIUM, initiator, calls), "callback refused");
    }
}

interface ISwapReceiver {
    function uniswapV2Call(address initiator, uint256 amount0, uint256 amount1, bytes calldata params) external;
    function uniswapV3SwapCallback(int256 due0, int256 due1, bytes calldata params) external;
}

/// A pair and a pool in Uniswap's manner, which sell at whatever price is paid. `mood` turns them into faulty or hostile ones.
contract TestSwaps {
    enum Mood {
        Honest,
        Silent,
        CallsTwice,
        ChangesCalls,
        SpoofsInitiator,
        AsksForMore,
        AsksForNothing,
        CallsBackAsLender,
        CallsBackAsTheOther
    }

    TestToken public immutable token0;
    TestToken public immutable token1;
    Mood public mood;
    /// What it gives for any price, as a pool.
    uint256 public output;

    constructor(TestToken one, TestToken other) {
        (token0, token1) = address(one) < address(other) ? (one, other) : (other, one);
    }

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    function setOutput(uint256 output_) external {
        output = output_;
    }

    function swap(uint256 amount0Out, uint256 amount1Out, address to, bytes calldata params) external {
        if (mood == Mood.Silent) return;
        if (amount0Out > 0) token0.transfer(to, amount0Out);
        if (amount1Out > 0) token1.transfer(to, amount1Out);
        _callBackAsPair(to, amount0Out, amount1Out, params);
        if (mood == Mood.CallsTwice) _callBackAsPair(to, amount0Out, amount1Out, params);
    }

    function swap(address to, bool zeroForOne, int256 amount, uint160, bytes calldata params)
        external
        returns (int256 due0, int256 due1)
    {
        if (mood == Mood.Silent) return (0, 0);
        (TestToken from, TestToken out) = zeroForOne ? (token0, token1) : (token1, token0);
        out.transfer(to, output);
        uint256 had = from.balanceOf(address(this));
        int256 due = mood == Mood.AsksForMore ? amount + 1 : amount;
        (due0, due1) = zeroForOne ? (due, -int256(output)) : (-int256(output), due);
        if (mood == Mood.AsksForNothing) (due0, due1) = (int256(-1), int256(-1));
        _callBackAsPool(to, due0, due1, params);
        if (mood == Mood.CallsTwice) _callBackAsPool(to, due0, due1, params);
        require(from.balanceOf(address(this)) - had == uint256(amount), "was not paid");
    }

    function _callBackAsPair(address to, uint256 amount0, uint256 amount1, bytes calldata params) private {
        address initiator = mood == Mood.SpoofsInitiator ? address(this) : msg.sender;
        if (mood == Mood.CallsBackAsLender) return _callBackAsLender(to, params);
        if (mood == Mood.CallsBackAsTheOther) return ISwapReceiver(to).uniswapV3SwapCallback(1, 0, params);
        ISwapReceiver(to).uniswapV2Call(initiator, amount0, amount1, _calls(params));
    }

    function _callBackAsPool(address to, int256 due0, int256 due1, bytes calldata params) private {
        if (mood == Mood.CallsBackAsLender) return _callBackAsLender(to, params);
        if (mood == Mood.CallsBackAsTheOther) return ISwapReceiver(to).uniswapV2Call(to, 0, 0, params);
        ISwapReceiver(to).uniswapV3SwapCallback(due0, due1, _calls(params));
    }

    /// A loan's allowance would be left to it.
    function _callBackAsLender(address to, bytes calldata params) private {
        (KeepwrightExecutor.Loan memory loan,) =
            abi.decode(params, (KeepwrightExecutor.Loan, KeepwrightExecutor.Call[]));
        IReceiver(to).executeOperation(loan.token, loan.amount, 1000, to, params);
    }

    function _calls(bytes calldata params) private view returns (bytes memory) {
        if (mood != Mood.ChangesCalls) return params;
        (KeepwrightExecutor.Loan memory loan,) =
            abi.decode(params, (KeepwrightExecutor.Loan, KeepwrightExecutor.Call[]));
        return abi.encode(loan, new KeepwrightExecutor.Call[](0));
    }
}

/// Trades at whatever terms the caller names, and may take less than it was allowed.
contract TestMarket {
    error Closed(uint256 code);

    function swap(address tokenIn, uint256 amountIn, address tokenOut, uint256 amountOut) external {
        TestToken(tokenIn).transferFrom(msg.sender, address(this), amountIn);
        TestToken(tokenOut).transfer(msg.sender, amountOut);
    }

    function closed() external pure {
        revert Closed(7);
    }

    function payCoin(uint256 amount) external {
        (bool sent,) = msg.sender.call{value: amount}("");
        require(sent, "coin refused");
    }

    receive() external payable {}
}

/// Does one prepared call the first time it is woken, and keeps what came of it.
contract Intruder {
    address private target;
    bytes private data;
    bool public woken;
    bool public succeeded;
    bytes public answer;

    function prepare(address target_, bytes calldata data_) external {
        target = target_;
        data = data_;
    }

    function intrude() external {
        if (woken) return;
        woken = true;
        (succeeded, answer) = target.call(data);
    }
}

/// Has code, and takes no coin.
contract Refuser {}
