//! What the operator says.

use std::collections::BTreeSet;

use agent_core::units::UsdE8;
use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use crate::{
    aggregate::Aggregation,
    mode::Mode,
    reading::Extraction,
    target::{FunctionError, Target},
};

/// Which feeds are kept, and on what terms. In TOML, an operator writes this as the example in the crate's documentation shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedsConfig {
    /// The operator's executor contract. It is who calls, so it is what a feed has to know as its oracle.
    pub executor: Address,
    /// How long a block takes, in seconds.
    pub block_time: u64,
    /// A token of the policy. Updates put none of it to work; standing orders name it, since they name what they bear.
    pub notional: Address,
    /// What is worth doing, and how.
    #[serde(default)]
    pub terms: FeedTerms,
    /// The feeds.
    pub feeds: Vec<FeedConfig>,
}

/// The terms of every update. What one may cost is for the standing order to say: its `min_net` may be less than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedTerms {
    /// What gas is valued at: one native coin in dollars.
    pub native_price: UsdE8,
    /// What an update costs in gas.
    pub gas: u64,
    /// How many blocks after the one that it was decided on an update may still be mined.
    pub deadline_blocks: u64,
    /// How many blocks an update has to be due before this instance publishes it. None for the first of several instances of one
    /// keeper, and more for each further one: it acts where those before it did not.
    pub standby_blocks: u64,
    /// How many blocks an update rests whose simulation failed.
    pub rest_blocks: u64,
}

impl Default for FeedTerms {
    fn default() -> Self {
        Self {
            native_price: UsdE8::ZERO,
            gas: 350_000,
            deadline_blocks: 5,
            standby_blocks: 0,
            rest_blocks: 20,
        }
    }
}

/// One feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedConfig {
    /// The operator's name for it: `ETH/USD`.
    pub name: String,
    /// Where its value comes from.
    pub sources: Vec<SourceConfig>,
    /// How they become one value.
    #[serde(default)]
    pub aggregation: Aggregation,
    /// When an update is due.
    pub mode: Mode,
    /// What is updated.
    pub target: Target,
}

/// A source, and where the feed's value is in its answers. Several feeds may read the same answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// The source's name.
    pub name: String,
    /// Where the value is.
    #[serde(default)]
    pub read: Extraction,
}

/// Why a config cannot be kept to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FeedsError {
    /// Two feeds of one name.
    #[error("two feeds are named {0}; give each its own name")]
    TwoFeeds(String),
    /// Two sources of one name in a feed: they would be one voice counted twice.
    #[error("feed {feed} names source {source_name} twice; one source is one voice")]
    TwoSources {
        /// The feed.
        feed: String,
        /// The source.
        source_name: String,
    },
    /// A quorum that can never be reached.
    #[error(
        "feed {feed} needs {quorum} sources and names {sources}; name more, or write the quorum that you mean"
    )]
    NoQuorum {
        /// The feed.
        feed: String,
        /// What it needs.
        quorum: usize,
        /// What it has.
        sources: usize,
    },
    /// A setter that cannot be called.
    #[error("the target of feed {feed} cannot be called: {cause}")]
    Function {
        /// The feed.
        feed: String,
        /// Why.
        cause: FunctionError,
    },
}

impl FeedsConfig {
    /// Whether it can be kept to.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self) -> Result<(), FeedsError> {
        let mut names = BTreeSet::new();
        for feed in &self.feeds {
            if !names.insert(&feed.name) {
                return Err(FeedsError::TwoFeeds(feed.name.clone()));
            }
            feed.check()?;
        }
        Ok(())
    }
}

impl FeedConfig {
    fn check(&self) -> Result<(), FeedsError> {
        let feed = || self.name.clone();
        let mut names = BTreeSet::new();
        if let Some(twice) = self.sources.iter().find(|source| !names.insert(&source.name)) {
            return Err(FeedsError::TwoSources { feed: feed(), source_name: twice.name.clone() });
        }
        let (quorum, sources) = (self.aggregation.quorum.max(1), self.sources.len());
        if quorum > sources {
            return Err(FeedsError::NoQuorum { feed: feed(), quorum, sources });
        }
        self.target.check().map_err(|cause| FeedsError::Function { feed: feed(), cause })
    }
}
