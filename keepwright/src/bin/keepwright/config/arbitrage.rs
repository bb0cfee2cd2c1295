//! `[arbitrage]`.

use alloy::primitives::{Address, U256};
use eyre::{OptionExt, ensure};
use keepwright::{
    ChainTerms,
    arbitrage::{ArbitrageConfig, BaseConfig, Exchange, STRATEGY, TermsConfig},
    core::units::Bps,
    door::Policy,
    evm::FeeModel,
};
use serde::Deserialize;

use super::token;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArbitrageTable {
    wrapped_native: String,
    bases: Vec<BaseTable>,
    exchanges: Vec<Exchange>,
    #[serde(default)]
    denied: Vec<Address>,
    #[serde(default)]
    terms: TermsConfig,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BaseTable {
    token: String,
    feed: Address,
    most: String,
    dust: Option<String>,
}

impl ArbitrageTable {
    /// The contracts that it names, by the keys that name them.
    pub(crate) fn contracts(&self) -> impl Iterator<Item = (String, Address)> {
        let feeds = self.bases.iter().map(|base| ("bases.feed", base.feed));
        let made = self.exchanges.iter();
        let made = made.flat_map(|of| [("exchanges.factory", of.factory), ("exchanges.router", of.router)]);
        let lender = self.terms.lender.map(|lender| ("terms.lender", lender));
        feeds.chain(made).chain(lender).map(|(key, address)| (format!("`arbitrage.{key}`"), address))
    }

    /// The strategy's configuration: the names are the policy's, and so is the executor.
    pub(crate) fn strategy(&self, policy: &Policy, terms: ChainTerms) -> eyre::Result<ArbitrageConfig> {
        let hops = self.terms.hops;
        ensure!((2..=4).contains(&hops), "`arbitrage.terms.hops` is {hops}; write 2, 3 or 4");
        let slippage = self.terms.slippage;
        ensure!(
            slippage <= Bps::WHOLE,
            "`arbitrage.terms.slippage` is {}; write at most {}",
            slippage.0,
            Bps::WHOLE.0
        );
        let in_order = self.terms.tips.is_sorted_by(|one, other| one.above < other.above);
        ensure!(in_order, "`arbitrage.terms.tips` are not in rising order of `above`; sort them");
        ensure!(!self.exchanges.is_empty(), "`arbitrage.exchanges` is empty; name who makes pools");
        let flash_swaps = self.exchanges.iter().any(|exchange| exchange.flash_swaps);
        ensure!(
            !flash_swaps || policy.takes_flash_swaps(),
            "`arbitrage.exchanges.flash_swaps` needs the policy to say whose; add `[[flash_swaps]]` there"
        );
        let base = |table: &BaseTable| {
            let token = token(policy, &table.token)?;
            let dust = table.dust.as_ref().map(|dust| token.parse(dust)).transpose()?;
            let most = token.parse(&table.most)?.raw;
            let dust = dust.map_or(U256::ZERO, |dust| dust.raw);
            eyre::Ok(BaseConfig { token: token.address, feed: table.feed, most, dust })
        };
        let bases = self.bases.iter().map(base).collect::<eyre::Result<Vec<_>>>()?;
        let wrapped_native = token(policy, &self.wrapped_native)?.address;
        bases.iter().find(|base| base.token == wrapped_native).ok_or_eyre(format!(
            "`arbitrage.bases` lacks {}; add it, as gas is valued by its feed",
            self.wrapped_native
        ))?;
        Ok(ArbitrageConfig {
            // An agent that only observes needs none: its door is closed.
            executor: policy.executor_of(STRATEGY).unwrap_or_default(),
            tokens: policy.tokens().cloned().collect(),
            wrapped_native,
            bases,
            exchanges: self.exchanges.clone(),
            denied: self.denied.clone(),
            block_time: terms.block_seconds.get(),
            data_fee_oracle: match terms.fees {
                FeeModel::OpStack { oracle } => Some(oracle),
                FeeModel::Eip1559 | FeeModel::Arbitrum => None,
            },
            terms: self.terms.clone(),
        })
    }
}
