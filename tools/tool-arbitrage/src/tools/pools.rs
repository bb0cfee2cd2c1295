//! How the pools are.

use std::convert::Infallible;

use agent_core::{
    ports::{Read, Tool, ToolContext, ToolError, ToolOutput},
    units::BlockNumber,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::view::{ArbitrageView, Phase};

/// The most that one answer lists.
const MOST: usize = 50;

/// Tells how the pools are.
#[derive(Debug, Clone)]
pub struct ArbitragePools {
    view: ArbitrageView,
}

impl ArbitragePools {
    /// The tool over what a strategy sees.
    #[must_use]
    pub const fn new(view: ArbitrageView) -> Self {
        Self { view }
    }
}

/// There is nothing to choose.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Everything {}

/// A pool that is not traded with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftAlone {
    /// Its address.
    pub pool: String,
    /// Why.
    pub why: String,
}

/// How the pools are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PoolsHealth {
    /// How far the strategy is.
    pub phase: Phase,
    /// The block that this is of.
    pub block: BlockNumber,
    /// How many pools are followed.
    pub pools: usize,
    /// How many more there are, which have to be read from the chain first.
    pub awaiting: usize,
    /// How many cycles through them gain by their rates, before costs.
    pub cycles: usize,
    /// How many pools are left alone.
    pub left_alone: usize,
    /// At most 50 of those.
    pub why: Vec<LeftAlone>,
}

impl Tool for ArbitragePools {
    const NAME: &'static str = "arbitrage_pools";
    const DESCRIPTION: &'static str = "Tells how many pools are followed for arbitrage and how many are still to be read, how many cycles gain before costs, and which pools are left alone and why.";
    type Class = Read;
    type Args = Everything;
    type Output = PoolsHealth;

    async fn call(
        &self,
        _context: ToolContext,
        Everything {}: Everything,
    ) -> Result<ToolOutput<PoolsHealth, Infallible>, ToolError> {
        let snapshot = self.view.lock();
        let lines = snapshot.left_alone.iter().take(MOST);
        let why = lines.map(|(pool, why)| LeftAlone { pool: pool.to_string(), why: why.clone() });
        Ok(ToolOutput::says(PoolsHealth {
            phase: snapshot.phase.clone(),
            block: snapshot.at.number,
            pools: snapshot.pools,
            awaiting: snapshot.awaiting,
            cycles: snapshot.cycles,
            left_alone: snapshot.left_alone.len(),
            why: why.collect(),
        }))
    }
}
