// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.27;

/// @title A token like any other, whose maker holds all of it at first.
/// @dev Those below are poisoned for everybody but their maker, so that the maker can fill pools with them.
contract Honest {
    mapping(address => uint256) internal held;
    mapping(address => mapping(address => uint256)) public allowance;
    address internal immutable maker;
    uint8 public constant decimals = 18;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    constructor() {
        maker = msg.sender;
        held[msg.sender] = 1e9 ether;
    }

    function balanceOf(address holder) public view virtual returns (uint256) {
        return held[holder];
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        emit Approval(msg.sender, spender, amount);
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _transfer(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        return _transfer(from, to, amount);
    }

    function _transfer(address from, address to, uint256 amount) private returns (bool) {
        if (from == maker || to == maker) _move(from, to, amount, amount);
        else _pass(from, to, amount);
        emit Transfer(from, to, amount);
        return true;
    }

    /// What happens to a transfer of anybody but the maker.
    function _pass(address from, address to, uint256 amount) internal virtual {
        _move(from, to, amount, amount);
    }

    function _move(address from, address to, uint256 taken, uint256 given) internal {
        held[from] -= taken;
        held[to] += given;
    }
}

/// A twentieth of every transfer is burnt.
contract TakesFee is Honest {
    function _pass(address from, address to, uint256 amount) internal override {
        _move(from, to, amount, amount - amount / 20);
    }
}

/// Pools hand it out; no router may bring it back.
contract Honeypot is Honest {
    function _pass(address from, address to, uint256 amount) internal override {
        require(msg.sender == from, "closed");
        _move(from, to, amount, amount);
    }
}

/// Says that it was moved, and was not.
contract Lies is Honest {
    function _pass(address, address, uint256) internal override {}
}

/// What everybody but the maker holds melts with every block.
contract Rebases is Honest {
    uint256 private immutable born = block.number;

    function balanceOf(address holder) public view override returns (uint256) {
        uint256 melted = (block.number - born) * 1e12;
        return holder == maker ? held[holder] : held[holder] - held[holder] * (melted < 1e18 ? melted : 1e18) / 1e18;
    }
}

/// Takes a fee of those who pay for their gas, and of no one who only asks.
contract KnowsSimulation is Honest {
    function _pass(address from, address to, uint256 amount) internal override {
        _move(from, to, amount, tx.gasprice == 0 ? amount : amount - amount / 20);
    }
}

/// Behaves until its maker has had enough.
contract Turns is Honest {
    bool private turned;

    function turn() external {
        turned = true;
    }

    function _pass(address from, address to, uint256 amount) internal override {
        require(!turned, "turned");
        _move(from, to, amount, amount);
    }
}
