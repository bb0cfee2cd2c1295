//! From pools to opportunities.

mod board;
mod plan;
mod proposal;
mod split;

pub(crate) use board::Board;
pub(crate) use plan::{Planned, plan};
pub(crate) use proposal::Proposal;
pub use proposal::STRATEGY;

use agent_core::Head;

use crate::{config::ArbitrageConfig, market::Market, prices::Prices};

/// What everything is computed with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    /// The operator's word.
    pub(crate) config: &'a ArbitrageConfig,
    /// The pools.
    pub(crate) market: &'a Market,
    /// What was read beside them.
    pub(crate) prices: &'a Prices,
    /// The block that all of it is of.
    pub(crate) head: Head,
}
