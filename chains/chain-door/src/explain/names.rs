//! The operator's words for addresses and amounts.

use agent_core::units::{Asset, Token};
use alloy_primitives::{Address, U256};

use crate::policy::Policy;

/// How many characters of an operator's name are printed.
const LONGEST: usize = 48;

/// Names as the policy knows them. Whatever it does not know is printed in full: look-alikes share first and last digits.
pub(super) struct Names<'a> {
    pub(super) policy: &'a Policy,
    /// The key of the transaction.
    pub(super) from: Address,
}

impl Names<'_> {
    pub(super) fn address(&self, address: Address) -> String {
        let policy = self.policy;
        if Some(address) == policy.executor {
            return "the executor".to_owned();
        }
        if address == self.from {
            return "the key".to_owned();
        }
        if let Some(rule) = policy.tokens.get(&address) {
            return rule.token.symbol.clone();
        }
        if let Some(rule) = policy.contracts.get(&address) {
            return format!("\"{}\"", plain(&rule.name));
        }
        if policy.parties.recipients.contains(&address) {
            return format!("recipient {address}");
        }
        format!("{address} (not in the policy)")
    }

    /// `1.5 WETH`, or base units of what is not known.
    pub(super) fn amount(&self, token: Address, raw: U256) -> String {
        match self.policy.tokens.get(&token) {
            Some(rule) => rule.token.display(raw),
            None if token.is_zero() => self.asset(Some(Asset::Native), raw),
            None => format!("{raw} base units of {}", self.address(token)),
        }
    }

    pub(super) fn asset(&self, asset: Option<Asset>, raw: U256) -> String {
        match asset {
            Some(Asset::Token(token)) => self.amount(token, raw),
            Some(Asset::Native) => coin(raw),
            None => format!("{} wrapped", coin(raw)),
        }
    }

    /// What an asset is called, without an amount.
    pub(super) fn kind(&self, asset: Option<Asset>) -> String {
        match asset {
            Some(Asset::Token(token)) => self.address(token),
            Some(Asset::Native) => "the chain's own coin".to_owned(),
            None => "the wrapped coin".to_owned(),
        }
    }
}

/// An amount of the chain's own coin, without zeros that say nothing.
pub(crate) fn coin(wei: U256) -> String {
    Token { address: Address::ZERO, symbol: "ETH".to_owned(), decimals: 18 }.display(wei)
}

/// Printable, and of bearable length.
pub(super) fn plain(text: &str) -> String {
    text.escape_debug().take(LONGEST).collect()
}
