//! What Uniswap's routers do beside exchanging: fetch, wrap, unwrap and hand out what they hold. And SwapRouter02's own words for
//! exchanges by v2.

use agent_core::units::Asset;
use alloy_primitives::{Address, U256};
use alloy_sol_types::sol;

use super::{
    Deeds, Effect, Means, Reader, Scene, Unread, judged, never,
    path::Way,
    uniswap_v3::{Swap, named},
};

sol! {
    interface IPayments {
        function unwrapWETH9(uint256 amountMinimum, address recipient) external;
        function unwrapWETH9WithFee(uint256 amountMinimum, address recipient, uint256 feeBips, address feeRecipient) external;
        function sweepToken(address token, uint256 amountMinimum, address recipient) external;
        function sweepTokenWithFee(address token, uint256 amountMinimum, address recipient, uint256 feeBips, address feeRecipient) external;
        function refundETH() external;
        function selfPermit(address token, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
        function selfPermitIfNecessary(address token, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
        function selfPermitAllowed(address token, uint256 nonce, uint256 expiry, uint8 v, bytes32 r, bytes32 s) external;
        function selfPermitAllowedIfNecessary(address token, uint256 nonce, uint256 expiry, uint8 v, bytes32 r, bytes32 s) external;
    }
    interface ISwapRouter02 {
        function unwrapWETH9(uint256 amountMinimum) external;
        function unwrapWETH9WithFee(uint256 amountMinimum, uint256 feeBips, address feeRecipient) external;
        function sweepToken(address token, uint256 amountMinimum) external;
        function sweepTokenWithFee(address token, uint256 amountMinimum, uint256 feeBips, address feeRecipient) external;
        function wrapETH(uint256 value) external;
        function pull(address token, uint256 value) external;
        function swapExactTokensForTokens(uint256 amountIn, uint256 amountOutMin, address[] calldata path, address to) external;
        function swapTokensForExactTokens(uint256 amountOut, uint256 amountInMax, address[] calldata path, address to) external;
    }
}

pub(super) const READERS: &[Reader] = &[
    judged::<IPayments::unwrapWETH9Call>(),
    judged::<IPayments::unwrapWETH9WithFeeCall>(),
    judged::<IPayments::sweepTokenCall>(),
    judged::<IPayments::sweepTokenWithFeeCall>(),
    judged::<IPayments::refundETHCall>(),
    never::<IPayments::selfPermitCall>(),
    never::<IPayments::selfPermitIfNecessaryCall>(),
    never::<IPayments::selfPermitAllowedCall>(),
    never::<IPayments::selfPermitAllowedIfNecessaryCall>(),
    judged::<ISwapRouter02::unwrapWETH9Call>(),
    judged::<ISwapRouter02::unwrapWETH9WithFeeCall>(),
    judged::<ISwapRouter02::sweepTokenCall>(),
    judged::<ISwapRouter02::sweepTokenWithFeeCall>(),
    judged::<ISwapRouter02::wrapETHCall>(),
    judged::<ISwapRouter02::pullCall>(),
    judged::<ISwapRouter02::swapExactTokensForTokensCall>(),
    judged::<ISwapRouter02::swapTokensForExactTokensCall>(),
];

const COIN: Option<Asset> = Some(Asset::Native);

/// Uniswap knows the coin by the zero address.
pub(super) const fn asset(token: Address) -> Option<Asset> {
    if token.const_eq(&Address::ZERO) { COIN } else { Some(Asset::Token(token)) }
}

const fn pays(asset: Option<Asset>, least: U256, to: Address) -> Effect {
    Effect::Pays { asset, least, to }
}

impl Means for IPayments::unwrapWETH9Call {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok([pays(COIN, self.amountMinimum, self.recipient)].into())
    }
}

impl Means for IPayments::unwrapWETH9WithFeeCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let rest = pays(COIN, self.amountMinimum, self.recipient);
        Ok([rest, pays(COIN, U256::ZERO, self.feeRecipient)].into())
    }
}

impl Means for IPayments::sweepTokenCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok([pays(Some(Asset::Token(self.token)), self.amountMinimum, self.recipient)].into())
    }
}

impl Means for IPayments::sweepTokenWithFeeCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let token = Some(Asset::Token(self.token));
        let rest = pays(token, self.amountMinimum, self.recipient);
        Ok([rest, pays(token, U256::ZERO, self.feeRecipient)].into())
    }
}

impl Means for IPayments::refundETHCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok([pays(COIN, U256::ZERO, scene.caller)].into())
    }
}

fn permits(scene: &Scene<'_>, token: Address, most: U256, until: U256) -> Deeds {
    let (owner, spender, token) = (scene.caller, scene.target, Some(token));
    [Effect::Allows { owner, token, spender, most }, Effect::Until(until)].into()
}

impl Means for IPayments::selfPermitCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(permits(scene, self.token, self.value, self.deadline))
    }
}

impl Means for IPayments::selfPermitIfNecessaryCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(permits(scene, self.token, self.value, self.deadline))
    }
}

impl Means for IPayments::selfPermitAllowedCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(permits(scene, self.token, U256::MAX, self.expiry))
    }
}

impl Means for IPayments::selfPermitAllowedIfNecessaryCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(permits(scene, self.token, U256::MAX, self.expiry))
    }
}

impl Means for ISwapRouter02::unwrapWETH9Call {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok([pays(COIN, self.amountMinimum, scene.caller)].into())
    }
}

impl Means for ISwapRouter02::unwrapWETH9WithFeeCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let rest = pays(COIN, self.amountMinimum, scene.caller);
        Ok([rest, pays(COIN, U256::ZERO, self.feeRecipient)].into())
    }
}

impl Means for ISwapRouter02::sweepTokenCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok([pays(Some(Asset::Token(self.token)), self.amountMinimum, scene.caller)].into())
    }
}

impl Means for ISwapRouter02::sweepTokenWithFeeCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let token = Some(Asset::Token(self.token));
        let rest = pays(token, self.amountMinimum, scene.caller);
        Ok([rest, pays(token, U256::ZERO, self.feeRecipient)].into())
    }
}

impl Means for ISwapRouter02::wrapETHCall {
    /// The router keeps what it wraps.
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok([pays(None, self.value, scene.target)].into())
    }
}

impl Means for ISwapRouter02::pullCall {
    /// The router keeps what it fetches.
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let spends = Effect::Spends { token: self.token, most: self.value };
        Ok([spends, pays(Some(Asset::Token(self.token)), self.value, scene.target)].into())
    }
}

impl Means for ISwapRouter02::swapExactTokensForTokensCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let (way, to) = (Way::of(&self.path)?, named(scene, self.to));
        let (gives, gets, prepaid) = (self.amountIn, self.amountOutMin, self.amountIn.is_zero());
        Ok(Swap { way, gives, gets, to, prepaid, deadline: None }.deeds())
    }
}

impl Means for ISwapRouter02::swapTokensForExactTokensCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let (way, to) = (Way::of(&self.path)?, named(scene, self.to));
        let (gives, gets) = (self.amountInMax, self.amountOut);
        Ok(Swap { way, gives, gets, to, prepaid: false, deadline: None }.deeds())
    }
}
