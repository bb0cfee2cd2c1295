//! Uniswap v2's router, and its forks'.

use agent_core::units::Asset;
use alloy_primitives::{Address, U256};
use alloy_sol_types::sol;

use super::{Deeds, Effect, Means, Reader, Scene, Unread, judged, path::Way};

sol! {
    interface IRouterV2 {
        function swapExactTokensForTokens(uint256 amountIn, uint256 amountOutMin, address[] calldata path, address to, uint256 deadline) external;
        function swapTokensForExactTokens(uint256 amountOut, uint256 amountInMax, address[] calldata path, address to, uint256 deadline) external;
        function swapExactTokensForETH(uint256 amountIn, uint256 amountOutMin, address[] calldata path, address to, uint256 deadline) external;
        function swapTokensForExactETH(uint256 amountOut, uint256 amountInMax, address[] calldata path, address to, uint256 deadline) external;
        function swapExactETHForTokens(uint256 amountOutMin, address[] calldata path, address to, uint256 deadline) external;
        function swapETHForExactTokens(uint256 amountOut, address[] calldata path, address to, uint256 deadline) external;
        function swapExactTokensForTokensSupportingFeeOnTransferTokens(uint256 amountIn, uint256 amountOutMin, address[] calldata path, address to, uint256 deadline) external;
        function swapExactTokensForETHSupportingFeeOnTransferTokens(uint256 amountIn, uint256 amountOutMin, address[] calldata path, address to, uint256 deadline) external;
        function swapExactETHForTokensSupportingFeeOnTransferTokens(uint256 amountOutMin, address[] calldata path, address to, uint256 deadline) external;
    }
}

pub(super) const READERS: &[Reader] = &[
    judged::<IRouterV2::swapExactTokensForTokensCall>(),
    judged::<IRouterV2::swapTokensForExactTokensCall>(),
    judged::<IRouterV2::swapExactTokensForETHCall>(),
    judged::<IRouterV2::swapTokensForExactETHCall>(),
    judged::<IRouterV2::swapExactETHForTokensCall>(),
    judged::<IRouterV2::swapETHForExactTokensCall>(),
    judged::<IRouterV2::swapExactTokensForTokensSupportingFeeOnTransferTokensCall>(),
    judged::<IRouterV2::swapExactTokensForETHSupportingFeeOnTransferTokensCall>(),
    judged::<IRouterV2::swapExactETHForTokensSupportingFeeOnTransferTokensCall>(),
];

/// What is given for what.
struct Swap {
    /// `None` is the coin that was sent along, which is none.
    gives: Option<U256>,
    gets: U256,
    /// Unwrapped at the end.
    in_coin: bool,
    path: Vec<Address>,
    to: Address,
    deadline: U256,
}

impl Swap {
    fn deeds(self) -> Result<Deeds, Unread> {
        let way = Way::of(&self.path)?;
        let begins = match self.gives {
            Some(most) => Effect::Spends { token: way.first, most },
            None => Effect::Passes(way.first),
        };
        let asset = if self.in_coin { Asset::Native } else { Asset::Token(way.last) };
        let ends = self.in_coin.then_some(Effect::Passes(way.last));
        let pays = Effect::Pays { asset: Some(asset), least: self.gets, to: self.to };
        let passes = way.passes().chain(ends);
        Ok([begins]
            .into_iter()
            .chain(passes)
            .chain([pays, Effect::Until(self.deadline)])
            .collect::<Vec<_>>()
            .into())
    }
}

impl Means for IRouterV2::swapExactTokensForTokensCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let Self { amountIn, amountOutMin: gets, path, to, deadline } = self;
        Swap { gives: Some(amountIn), gets, in_coin: false, path, to, deadline }.deeds()
    }
}

impl Means for IRouterV2::swapTokensForExactTokensCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let Self { amountOut: gets, amountInMax, path, to, deadline } = self;
        Swap { gives: Some(amountInMax), gets, in_coin: false, path, to, deadline }.deeds()
    }
}

impl Means for IRouterV2::swapExactTokensForETHCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let Self { amountIn, amountOutMin: gets, path, to, deadline } = self;
        Swap { gives: Some(amountIn), gets, in_coin: true, path, to, deadline }.deeds()
    }
}

impl Means for IRouterV2::swapTokensForExactETHCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let Self { amountOut: gets, amountInMax, path, to, deadline } = self;
        Swap { gives: Some(amountInMax), gets, in_coin: true, path, to, deadline }.deeds()
    }
}

impl Means for IRouterV2::swapExactETHForTokensCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let Self { amountOutMin: gets, path, to, deadline } = self;
        Swap { gives: None, gets, in_coin: false, path, to, deadline }.deeds()
    }
}

impl Means for IRouterV2::swapETHForExactTokensCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let Self { amountOut: gets, path, to, deadline } = self;
        Swap { gives: None, gets, in_coin: false, path, to, deadline }.deeds()
    }
}

impl Means for IRouterV2::swapExactTokensForTokensSupportingFeeOnTransferTokensCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let Self { amountIn, amountOutMin: gets, path, to, deadline } = self;
        Swap { gives: Some(amountIn), gets, in_coin: false, path, to, deadline }.deeds()
    }
}

impl Means for IRouterV2::swapExactTokensForETHSupportingFeeOnTransferTokensCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let Self { amountIn, amountOutMin: gets, path, to, deadline } = self;
        Swap { gives: Some(amountIn), gets, in_coin: true, path, to, deadline }.deeds()
    }
}

impl Means for IRouterV2::swapExactETHForTokensSupportingFeeOnTransferTokensCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let Self { amountOutMin: gets, path, to, deadline } = self;
        Swap { gives: None, gets, in_coin: false, path, to, deadline }.deeds()
    }
}
