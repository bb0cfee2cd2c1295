//! Uniswap's Universal Router: a list of commands, each with an input of its own. Commands that are not here (v4's and the
//! markets' among them) are unknown, and so is every list that has one.

use alloy_primitives::{Bytes, U256};
use alloy_sol_types::{SolCall, sol};

use super::{
    Deeds, Effect, Inner, Meaning, Means, Reader, Scene, Unread, exact_arguments, judged,
    path::Way,
    permits::{IPermitCommands, batch, single, transfer},
    router::asset,
    uniswap_v3::{Swap, named},
};

sol! {
    interface IUniversalRouter {
        function execute(bytes calldata commands, bytes[] calldata inputs) external;
        function execute(bytes calldata commands, bytes[] calldata inputs, uint256 deadline) external;
    }

    /// The commands' inputs, written as the arguments of functions that nobody calls.
    interface ICommands {
        function v3SwapExactIn(address recipient, uint256 amountIn, uint256 amountOutMin, bytes path, bool payerIsUser) external;
        function v3SwapExactOut(address recipient, uint256 amountOut, uint256 amountInMax, bytes path, bool payerIsUser) external;
        function v2SwapExactIn(address recipient, uint256 amountIn, uint256 amountOutMin, address[] path, bool payerIsUser) external;
        function v2SwapExactOut(address recipient, uint256 amountOut, uint256 amountInMax, address[] path, bool payerIsUser) external;
        function permit2TransferFrom(address token, address recipient, uint160 amount) external;
        function sweep(address token, address recipient, uint256 amountMin) external;
        function transfer(address token, address recipient, uint256 value) external;
        function payPortion(address token, address recipient, uint256 bips) external;
        function wrapEth(address recipient, uint256 amount) external;
        function unwrapWeth(address recipient, uint256 amountMin) external;
        function balanceCheckErc20(address owner, address token, uint256 minBalance) external;
        function executeSubPlan(bytes commands, bytes[] inputs) external;
    }
}

pub(super) const READERS: &[Reader] =
    &[judged::<IUniversalRouter::execute_0Call>(), judged::<IUniversalRouter::execute_1Call>()];

impl Means for IUniversalRouter::execute_0Call {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(Deeds { effects: Vec::new(), inside: plan(scene, &self.commands, &self.inputs)? })
    }
}

impl Means for IUniversalRouter::execute_1Call {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let effects = vec![Effect::Until(self.deadline)];
        Ok(Deeds { effects, inside: plan(scene, &self.commands, &self.inputs)? })
    }
}

fn plan(scene: &mut Scene<'_>, commands: &[u8], inputs: &[Bytes]) -> Result<Vec<Inner>, Unread> {
    if commands.len() != inputs.len() {
        return Err(Unread::Nonsense("there are not as many inputs as commands"));
    }
    let (caller, target) = (scene.caller, scene.target);
    let pairs = commands.iter().zip(inputs);
    pairs
        .map(|(command, input)| scene.deeper(caller, target)?.command(*command, input).map(Inner::Command))
        .collect()
}

/// Says that the rest of the list goes on when this command fails.
const ALLOWS_FAILURE: u8 = 0x80;

impl Scene<'_> {
    fn command(&mut self, command: u8, input: &[u8]) -> Result<Meaning, Unread> {
        match command & !ALLOWS_FAILURE {
            0x00 => self.one::<ICommands::v3SwapExactInCall>("V3_SWAP_EXACT_IN", input),
            0x01 => self.one::<ICommands::v3SwapExactOutCall>("V3_SWAP_EXACT_OUT", input),
            0x02 => self.one::<ICommands::permit2TransferFromCall>("PERMIT2_TRANSFER_FROM", input),
            0x03 => self.one::<IPermitCommands::permit2PermitBatchCall>("PERMIT2_PERMIT_BATCH", input),
            0x04 => self.one::<ICommands::sweepCall>("SWEEP", input),
            0x05 => self.one::<ICommands::transferCall>("TRANSFER", input),
            0x06 => self.one::<ICommands::payPortionCall>("PAY_PORTION", input),
            0x08 => self.one::<ICommands::v2SwapExactInCall>("V2_SWAP_EXACT_IN", input),
            0x09 => self.one::<ICommands::v2SwapExactOutCall>("V2_SWAP_EXACT_OUT", input),
            0x0a => self.one::<IPermitCommands::permit2PermitCall>("PERMIT2_PERMIT", input),
            0x0b => self.one::<ICommands::wrapEthCall>("WRAP_ETH", input),
            0x0c => self.one::<ICommands::unwrapWethCall>("UNWRAP_WETH", input),
            0x0d => self
                .one::<IPermitCommands::permit2TransferFromBatchCall>("PERMIT2_TRANSFER_FROM_BATCH", input),
            0x0e => self.one::<ICommands::balanceCheckErc20Call>("BALANCE_CHECK_ERC20", input),
            0x21 => self.one::<ICommands::executeSubPlanCall>("EXECUTE_SUB_PLAN", input),
            _ => Err(Unread::Nonsense("it has a router's command that is not known")),
        }
    }

    fn one<C: Means + SolCall>(&mut self, function: &'static str, input: &[u8]) -> Result<Meaning, Unread> {
        let arguments = exact_arguments::<C>(input).ok_or(Unread::NotCanonical)?;
        let (caller, target) = (self.caller, self.target);
        let Deeds { effects, inside } = arguments.means(self)?;
        Ok(Meaning { caller, target, function, effects, inside })
    }
}

impl Means for ICommands::v3SwapExactInCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let (way, to) = (Way::packed(&self.path)?, named(scene, self.recipient));
        let (gives, gets, prepaid) = (self.amountIn, self.amountOutMin, !self.payerIsUser);
        Ok(Swap { way, gives, gets, to, prepaid, deadline: None }.deeds())
    }
}

impl Means for ICommands::v3SwapExactOutCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let (way, to) = (Way::packed(&self.path)?.back(), named(scene, self.recipient));
        let (gives, gets, prepaid) = (self.amountInMax, self.amountOut, !self.payerIsUser);
        Ok(Swap { way, gives, gets, to, prepaid, deadline: None }.deeds())
    }
}

impl Means for ICommands::v2SwapExactInCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let (way, to) = (Way::of(&self.path)?, named(scene, self.recipient));
        let (gives, gets, prepaid) = (self.amountIn, self.amountOutMin, !self.payerIsUser);
        Ok(Swap { way, gives, gets, to, prepaid, deadline: None }.deeds())
    }
}

impl Means for ICommands::v2SwapExactOutCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let (way, to) = (Way::of(&self.path)?, named(scene, self.recipient));
        let (gives, gets, prepaid) = (self.amountInMax, self.amountOut, !self.payerIsUser);
        Ok(Swap { way, gives, gets, to, prepaid, deadline: None }.deeds())
    }
}

impl Means for ICommands::permit2TransferFromCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let (from, to) = (scene.caller, named(scene, self.recipient));
        Ok([Effect::Takes { token: self.token, from, to, amount: U256::from(self.amount) }].into())
    }
}

impl Means for IPermitCommands::permit2TransferFromBatchCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(self.transfers.iter().map(transfer).collect::<Vec<_>>().into())
    }
}

impl Means for IPermitCommands::permit2PermitCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(single(scene.caller, &self.permit).into())
    }
}

impl Means for IPermitCommands::permit2PermitBatchCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(batch(scene.caller, &self.permit).into())
    }
}

impl Means for ICommands::sweepCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let to = named(scene, self.recipient);
        Ok([Effect::Pays { asset: asset(self.token), least: self.amountMin, to }].into())
    }
}

impl Means for ICommands::transferCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let to = named(scene, self.recipient);
        Ok([Effect::Pays { asset: asset(self.token), least: self.value, to }].into())
    }
}

impl Means for ICommands::payPortionCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let to = named(scene, self.recipient);
        Ok([Effect::Pays { asset: asset(self.token), least: U256::ZERO, to }].into())
    }
}

impl Means for ICommands::wrapEthCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let to = named(scene, self.recipient);
        Ok([Effect::Pays { asset: None, least: self.amount, to }].into())
    }
}

impl Means for ICommands::unwrapWethCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let to = named(scene, self.recipient);
        Ok([Effect::Pays { asset: asset(alloy_primitives::Address::ZERO), least: self.amountMin, to }].into())
    }
}

impl Means for ICommands::balanceCheckErc20Call {
    /// It only looks.
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok([Effect::Passes(self.token)].into())
    }
}

impl Means for ICommands::executeSubPlanCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(Deeds { effects: Vec::new(), inside: plan(scene, &self.commands, &self.inputs)? })
    }
}
