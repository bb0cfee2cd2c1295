//! The operator's names for addresses. What a contract calls itself is never shown.

use std::collections::BTreeMap;

use alloy::primitives::{Address, I256};
use keepwright::core::{
    BalanceDelta,
    units::{Asset, Token},
};

/// Tokens by address, and who is who.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) tokens: BTreeMap<Address, Token>,
    pub(crate) holders: BTreeMap<Address, String>,
}

impl Names {
    pub(crate) fn holder(&self, address: Address) -> String {
        self.holders.get(&address).cloned().unwrap_or_else(|| address.to_string())
    }

    /// `+1.5 WETH`.
    pub(crate) fn change(&self, delta: &BalanceDelta) -> String {
        let native = Token { address: Address::ZERO, symbol: "ETH".to_owned(), decimals: 18 };
        let unknown = |address| Token { address, symbol: format!("base units of {address}"), decimals: 0 };
        let token = match delta.asset {
            Asset::Native => native,
            Asset::Token(address) => self.tokens.get(&address).cloned().unwrap_or_else(|| unknown(address)),
        };
        let sign = if delta.change < I256::ZERO { "-" } else { "+" };
        format!("{sign}{}", token.display(delta.change.unsigned_abs()))
    }
}
