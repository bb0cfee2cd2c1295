//! How a feed stands: what was decided for it, and why.

use std::fmt;

use agent_core::{
    OpportunityId,
    units::{BlockNumber, BlockRef},
};
use serde::{Deserialize, Serialize};

use crate::{
    aggregate::{Aggregate, NoValue},
    decimal::Decimal,
    mode::{Why, WhyNot},
    target::Unread,
};

/// What was decided for a feed, and what that stands on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The block whose state it was decided on.
    pub at: BlockRef,
    /// What was decided.
    pub decision: Decision,
    /// What the target holds.
    pub held: Option<Decimal>,
    /// What the sources come to.
    pub aggregate: Option<Aggregate>,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decision {
    /// An update is published.
    Due(Why, OpportunityId),
    /// An update is due, and left to other instances until this block.
    Standby(Why, BlockNumber),
    /// None is due.
    Quiet(WhyNot),
    /// None is due; it would go along with another.
    Early,
    /// It is not known what the target holds.
    Unread(Unread),
    /// There is no value to hold it against.
    NoValue(NoValue),
    /// The aggregator has no turn for this oracle: it submitted to the round, or has to leave the next to others.
    NotEligible,
    /// The aggregator cannot pay for three rounds.
    Underfunded,
    /// The target cannot hold such a value.
    Unsendable,
    /// It is due, and was mined. The target was not read since, or says otherwise.
    Done,
    /// It is due, and was mined and reverted.
    Reverted,
    /// It is due, and failed in its simulation; it is tried again after this block.
    Resting(BlockNumber),
}

impl Default for Decision {
    fn default() -> Self {
        Self::Unread(Unread::NotYet)
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Due(why, id) => write!(f, "an update is due ({why}): {id}"),
            Self::Standby(why, until) => {
                write!(f, "an update is due ({why}), and left to others until block {until}")
            }
            Self::Quiet(why) => write!(f, "no update is due: {why}"),
            Self::Early => f.write_str("no update is due; it would go along with another"),
            Self::Unread(why) => why.fmt(f),
            Self::NoValue(why) => write!(f, "there is no value to send: {why}"),
            Self::NotEligible => f.write_str("the aggregator has no turn for this oracle"),
            Self::Underfunded => f.write_str("the aggregator cannot pay for three rounds"),
            Self::Unsendable => f.write_str("the target cannot hold such a value"),
            Self::Done => f.write_str("an update was mined"),
            Self::Reverted => f.write_str(
                "an update was mined and reverted; it is not paid for again until the target changes",
            ),
            Self::Resting(until) => {
                write!(f, "an update failed in its simulation; it is tried again after block {until}")
            }
        }
    }
}
