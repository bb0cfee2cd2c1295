//! `[liquidation]`.

use std::iter;

use alloy::primitives::Address;
use eyre::ensure;
use keepwright::{
    ChainTerms,
    core::units::BlockNumber,
    door::Policy,
    evm::FeeModel,
    liquidation::{LiquidationConfig, MarketConfig, STRATEGY, TermsConfig, Venue},
};
use serde::Deserialize;

use super::token;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiquidationTable {
    pub(crate) pool: Address,
    wrapped_native: String,
    start_block: u64,
    venues: Vec<VenueTable>,
    #[serde(default)]
    terms: TermsConfig,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VenueTable {
    collateral: String,
    debt: String,
    router: Address,
    quoter: Address,
    fee: u32,
}

impl LiquidationTable {
    /// The contracts that it names, by the keys that name them.
    pub(crate) fn contracts(&self) -> impl Iterator<Item = (String, Address)> {
        let venues =
            self.venues.iter().flat_map(|venue| [("router", venue.router), ("quoter", venue.quoter)]);
        let venues = venues.map(|(key, address)| (format!("`liquidation.venues.{key}`"), address));
        iter::once(("`liquidation.pool`".to_owned(), self.pool)).chain(venues)
    }

    /// The strategy's configuration: the names are the policy's, and so is the executor.
    pub(crate) fn strategy(&self, policy: &Policy, terms: ChainTerms) -> eyre::Result<LiquidationConfig> {
        ensure!(!self.venues.is_empty(), "`liquidation.venues` is empty; name where collateral can be sold");
        let venue = |venue: &VenueTable| {
            Ok(Venue {
                collateral: token(policy, &venue.collateral)?.address,
                debt: token(policy, &venue.debt)?.address,
                router: venue.router,
                quoter: venue.quoter,
                fee: venue.fee,
            })
        };
        Ok(LiquidationConfig {
            market: MarketConfig {
                pool: self.pool,
                wrapped_native: token(policy, &self.wrapped_native)?.address,
                start_block: BlockNumber(self.start_block),
                block_time: terms.block_seconds.get(),
                data_fee_oracle: match terms.fees {
                    FeeModel::OpStack { oracle } => Some(oracle),
                    FeeModel::Eip1559 | FeeModel::Arbitrum => None,
                },
            },
            // An agent that only observes needs none: its door is closed.
            executor: policy.executor_of(STRATEGY).unwrap_or_default(),
            tokens: policy.tokens().cloned().collect(),
            venues: self.venues.iter().map(venue).collect::<eyre::Result<_>>()?,
            terms: self.terms,
        })
    }
}
