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
        bytes memory calls = mood == Mood.ChangesCalls ? abi.encode(new KeepwrightExecutor.Call[](0)) : params;
        require(IReceiver(receiver).executeOperation(token, told, PREMIUM, initiator, calls), "callback refused");
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
