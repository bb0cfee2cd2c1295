//! Uniswap v3's exchanges, as both generations of its router write them: the first with a deadline of its own.

use agent_core::units::Asset;
use alloy_primitives::{Address, U256};
use alloy_sol_types::sol;

use super::{Deeds, Effect, Means, Reader, Scene, Unread, judged, path::Way};

sol! {
    interface IFirst {
        struct ExactInputSingle { address tokenIn; address tokenOut; uint24 fee; address recipient; uint256 deadline; uint256 amountIn; uint256 amountOutMinimum; uint160 sqrtPriceLimitX96; }
        struct ExactInput { bytes path; address recipient; uint256 deadline; uint256 amountIn; uint256 amountOutMinimum; }
        struct ExactOutputSingle { address tokenIn; address tokenOut; uint24 fee; address recipient; uint256 deadline; uint256 amountOut; uint256 amountInMaximum; uint160 sqrtPriceLimitX96; }
        struct ExactOutput { bytes path; address recipient; uint256 deadline; uint256 amountOut; uint256 amountInMaximum; }
        function exactInputSingle(ExactInputSingle calldata params) external;
        function exactInput(ExactInput calldata params) external;
        function exactOutputSingle(ExactOutputSingle calldata params) external;
        function exactOutput(ExactOutput calldata params) external;
    }
    interface ISecond {
        struct ExactInputSingle { address tokenIn; address tokenOut; uint24 fee; address recipient; uint256 amountIn; uint256 amountOutMinimum; uint160 sqrtPriceLimitX96; }
        struct ExactInput { bytes path; address recipient; uint256 amountIn; uint256 amountOutMinimum; }
        struct ExactOutputSingle { address tokenIn; address tokenOut; uint24 fee; address recipient; uint256 amountOut; uint256 amountInMaximum; uint160 sqrtPriceLimitX96; }
        struct ExactOutput { bytes path; address recipient; uint256 amountOut; uint256 amountInMaximum; }
        function exactInputSingle(ExactInputSingle calldata params) external;
        function exactInput(ExactInput calldata params) external;
        function exactOutputSingle(ExactOutputSingle calldata params) external;
        function exactOutput(ExactOutput calldata params) external;
    }
}

pub(super) const READERS: &[Reader] = &[
    judged::<IFirst::exactInputSingleCall>(),
    judged::<IFirst::exactInputCall>(),
    judged::<IFirst::exactOutputSingleCall>(),
    judged::<IFirst::exactOutputCall>(),
    judged::<ISecond::exactInputSingleCall>(),
    judged::<ISecond::exactInputCall>(),
    judged::<ISecond::exactOutputSingleCall>(),
    judged::<ISecond::exactOutputCall>(),
];

/// The second generation's words for addresses: 1 is the caller, 2 the router itself.
pub(super) fn named(scene: &Scene<'_>, recipient: Address) -> Address {
    match recipient.into_word().0 {
        word if word == U256::ONE.to_be_bytes::<32>() => scene.caller,
        word if word == U256::from(2).to_be_bytes::<32>() => scene.target,
        _ => recipient,
    }
}

/// The first generation's: zero is the router itself.
fn first_named(scene: &Scene<'_>, recipient: Address) -> Address {
    if recipient.is_zero() { scene.target } else { recipient }
}

/// What is given for what.
pub(super) struct Swap {
    pub(super) way: Way,
    pub(super) gives: U256,
    pub(super) gets: U256,
    pub(super) to: Address,
    /// Whether the router pays with what it holds, and takes nothing.
    pub(super) prepaid: bool,
    pub(super) deadline: Option<U256>,
}

impl Swap {
    pub(super) fn deeds(self) -> Deeds {
        let token = self.way.first;
        let begins =
            if self.prepaid { Effect::Passes(token) } else { Effect::Spends { token, most: self.gives } };
        let asset = Some(Asset::Token(self.way.last));
        let pays = Effect::Pays { asset, least: self.gets, to: self.to };
        let until = self.deadline.map(Effect::Until);
        [begins].into_iter().chain(self.way.passes()).chain([pays]).chain(until).collect::<Vec<_>>().into()
    }
}

impl Means for IFirst::exactInputSingleCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let it = self.params;
        let (way, to) = (Way::of(&[it.tokenIn, it.tokenOut])?, first_named(scene, it.recipient));
        let deadline = Some(it.deadline);
        Ok(Swap { way, gives: it.amountIn, gets: it.amountOutMinimum, to, prepaid: false, deadline }.deeds())
    }
}

impl Means for IFirst::exactInputCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let it = self.params;
        let (way, to) = (Way::packed(&it.path)?, first_named(scene, it.recipient));
        let deadline = Some(it.deadline);
        Ok(Swap { way, gives: it.amountIn, gets: it.amountOutMinimum, to, prepaid: false, deadline }.deeds())
    }
}

impl Means for IFirst::exactOutputSingleCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let it = self.params;
        let (way, to) = (Way::of(&[it.tokenIn, it.tokenOut])?, first_named(scene, it.recipient));
        let deadline = Some(it.deadline);
        Ok(Swap { way, gives: it.amountInMaximum, gets: it.amountOut, to, prepaid: false, deadline }.deeds())
    }
}

impl Means for IFirst::exactOutputCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let it = self.params;
        let (way, to) = (Way::packed(&it.path)?.back(), first_named(scene, it.recipient));
        let deadline = Some(it.deadline);
        Ok(Swap { way, gives: it.amountInMaximum, gets: it.amountOut, to, prepaid: false, deadline }.deeds())
    }
}

impl Means for ISecond::exactInputSingleCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let it = self.params;
        let (way, to) = (Way::of(&[it.tokenIn, it.tokenOut])?, named(scene, it.recipient));
        let (gives, gets, prepaid) = (it.amountIn, it.amountOutMinimum, it.amountIn.is_zero());
        Ok(Swap { way, gives, gets, to, prepaid, deadline: None }.deeds())
    }
}

impl Means for ISecond::exactInputCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let it = self.params;
        let (way, to) = (Way::packed(&it.path)?, named(scene, it.recipient));
        let (gives, gets, prepaid) = (it.amountIn, it.amountOutMinimum, it.amountIn.is_zero());
        Ok(Swap { way, gives, gets, to, prepaid, deadline: None }.deeds())
    }
}

impl Means for ISecond::exactOutputSingleCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let it = self.params;
        let (way, to) = (Way::of(&[it.tokenIn, it.tokenOut])?, named(scene, it.recipient));
        let (gives, gets) = (it.amountInMaximum, it.amountOut);
        Ok(Swap { way, gives, gets, to, prepaid: false, deadline: None }.deeds())
    }
}

impl Means for ISecond::exactOutputCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let it = self.params;
        let (way, to) = (Way::packed(&it.path)?.back(), named(scene, it.recipient));
        let (gives, gets) = (it.amountInMaximum, it.amountOut);
        Ok(Swap { way, gives, gets, to, prepaid: false, deadline: None }.deeds())
    }
}
