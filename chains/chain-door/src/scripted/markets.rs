//! Markets whose calls are judged by their arguments, for the same small policy; and calls of them.

use alloy_primitives::{Address, Bytes, U256, aliases::U24};
use alloy_sol_types::{SolCall, sol};

use super::samples::*;
use crate::Policy;

pub(crate) const AMM: Address = Address::repeat_byte(0xc1);
pub(crate) const UNIVERSAL: Address = Address::repeat_byte(0xc2);
pub(crate) const LENDING: Address = Address::repeat_byte(0xc3);
pub(crate) const SEVERAL: Address = Address::repeat_byte(0xc4);
pub(crate) const PAYER: Address = Address::repeat_byte(0xc5);

const MARKETS: &str = r#"
[[contracts]]
name = "amm"
address = "0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1"
functions = [
    "exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))",
    "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))",
    "exactInput((bytes,address,uint256,uint256))",
    "exactOutput((bytes,address,uint256,uint256))",
    "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)",
    "swapExactTokensForETH(uint256,uint256,address[],address,uint256)",
    "multicall(bytes[])",
    "multicall(uint256,bytes[])",
    "multicall(bytes32,bytes[])",
    "sweepToken(address,uint256)",
    "sweepTokenWithFee(address,uint256,uint256,address)",
    "unwrapWETH9(uint256,address)",
    "refundETH()",
    "pull(address,uint256)",
]
opaque = ["donate(uint256)"]
spender = true

[[contracts]]
name = "universal"
address = "0xc2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2"
functions = ["execute(bytes,bytes[])", "execute(bytes,bytes[],uint256)"]
spender = true

[[contracts]]
name = "lending"
address = "0xc3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3"
functions = [
    "liquidationCall(address,address,address,uint256,bool)",
    "supply(address,uint256,address,uint16)",
    "withdraw(address,uint256,address)",
    "borrow(address,uint256,uint256,uint16,address)",
]
spender = true

[[contracts]]
name = "several"
address = "0xc4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4"
functions = ["aggregate3((address,bool,bytes)[])", "aggregate3Value((address,bool,uint256,bytes)[])"]

[[contracts]]
name = "payer"
address = "0xc5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5"
functions = ["exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))"]
spender = true
pays_recipients = true
"#;

/// [`POLICY`](super::POLICY), with these markets.
pub(crate) fn markets_text() -> String {
    [POLICY, MARKETS].concat()
}

pub(crate) fn markets() -> Policy {
    Policy::parse(&markets_text()).unwrap()
}

// Written a second time, apart from the decoder's, so that the two can disagree.
sol! {
    struct Single { address tokenIn; address tokenOut; uint24 fee; address recipient; uint256 amountIn; uint256 amountOutMinimum; uint160 limit; }
    struct OldSingle { address tokenIn; address tokenOut; uint24 fee; address recipient; uint256 deadline; uint256 amountIn; uint256 amountOutMinimum; uint160 limit; }
    struct Hops { bytes path; address recipient; uint256 amountIn; uint256 amountOutMinimum; }
    struct Part { address target; bool allowFailure; bytes callData; }
    struct ValuePart { address target; bool allowFailure; uint256 value; bytes callData; }

    interface Old { function exactInputSingle(OldSingle params) external; }
    interface Fees { function sweepTokenWithFee(address token, uint256 least, uint256 bips, address to) external; }
    interface Market {
        function exactInputSingle(Single params) external;
        function exactInput(Hops params) external;
        function exactOutput(Hops params) external;
        function swapExactTokensForTokens(uint256 amountIn, uint256 least, address[] path, address to, uint256 deadline) external;
        function swapExactTokensForETH(uint256 amountIn, uint256 least, address[] path, address to, uint256 deadline) external;
        function sweepToken(address token, uint256 least) external;
        function unwrapWETH9(uint256 least, address to) external;
        function refundETH() external;
        function pull(address token, uint256 amount) external;
        function liquidationCall(address collateral, address debt, address user, uint256 amount, bool receipts) external;
        function supply(address asset, uint256 amount, address account, uint16 code) external;
        function withdraw(address asset, uint256 amount, address to) external;
        function borrow(address asset, uint256 amount, uint256 mode, uint16 code, address account) external;
        function aggregate3(Part[] parts) external;
        function aggregate3Value(ValuePart[] parts) external;
        function approve(address spender, uint256 amount) external;
        function permit(address owner, address spender, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
        function transferFrom(address from, address to, uint256 amount) external;
    }
    interface Many { function multicall(bytes[] data) external; }
    interface ManyUntil { function multicall(uint256 deadline, bytes[] data) external; }
    interface Plan { function execute(bytes commands, bytes[] inputs) external; }
    interface PlanUntil { function execute(bytes commands, bytes[] inputs, uint256 deadline) external; }
    interface Input {
        function v3(address to, uint256 amountIn, uint256 least, bytes path, bool takes) external;
        function v2(address to, uint256 amountIn, uint256 least, address[] path, bool takes) external;
        function out(address token, address to, uint256 amount) external;
    }
}

pub(crate) fn encoded(call: &impl SolCall) -> Bytes {
    call.abi_encode().into()
}

/// USDC for WETH.
pub(crate) fn single(recipient: Address, amount_in: u64) -> Bytes {
    let (fee, limit) = (U24::from(500), Default::default());
    let (amount_in, least) = (U256::from(amount_in), U256::ONE);
    let params = Single {
        tokenIn: USDC,
        tokenOut: WETH,
        fee,
        recipient,
        amountIn: amount_in,
        amountOutMinimum: least,
        limit,
    };
    encoded(&Market::exactInputSingleCall { params })
}

pub(crate) fn old_single(recipient: Address, amount_in: u64, deadline: u64) -> Bytes {
    let (fee, limit, deadline) = (U24::from(500), Default::default(), U256::from(deadline));
    let (amount_in, least) = (U256::from(amount_in), U256::ONE);
    let params = OldSingle {
        tokenIn: USDC,
        tokenOut: WETH,
        fee,
        recipient,
        deadline,
        amountIn: amount_in,
        amountOutMinimum: least,
        limit,
    };
    encoded(&Old::exactInputSingleCall { params })
}

/// A packed path through pools of the same fee.
pub(crate) fn packed(tokens: &[Address]) -> Bytes {
    let mut path = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if index > 0 {
            path.extend([0, 1, 0xf4]);
        }
        path.extend(token.as_slice());
    }
    path.into()
}

pub(crate) fn several(data: Vec<Bytes>) -> Bytes {
    encoded(&Many::multicallCall { data })
}

/// A router's plan of commands and inputs.
pub(crate) fn plan(steps: Vec<(u8, Bytes)>) -> Bytes {
    let (commands, inputs): (Vec<u8>, Vec<Bytes>) = steps.into_iter().unzip();
    encoded(&Plan::executeCall { commands: commands.into(), inputs })
}

/// Arguments without a selector.
pub(crate) fn input(call: &impl SolCall) -> Bytes {
    call.abi_encode()[4..].to_vec().into()
}
