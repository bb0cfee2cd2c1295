//! What the world did.

use alloy::primitives::{Address, U256};
use serde::{Deserialize, Serialize};

use crate::manifest::Asset;
use crate::price::UsdE8;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WorldEvent {
    /// Somebody swapped.
    Trade(Trade),
    /// A feed has a new answer.
    Round(Round),
}

/// A swap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// Who swapped.
    pub trader: Address,
    /// The pool or pair.
    pub venue: Address,
    /// What went in.
    pub sold: Asset,
    /// How much of it, in raw units.
    pub amount_in: U256,
    /// What came out.
    pub bought: Asset,
    /// How much of it, in raw units.
    pub amount_out: U256,
    /// The block.
    pub block: u64,
}

/// A round of a feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// What it prices.
    pub asset: Asset,
    /// The feed's aggregator.
    pub aggregator: Address,
    /// The round's number in the aggregator.
    pub round: u64,
    /// The answer.
    pub answer: UsdE8,
    /// The block of the last submission.
    pub block: u64,
}
