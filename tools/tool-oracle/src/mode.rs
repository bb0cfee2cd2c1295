//! When an update is due, as each network decides it: named modes with the exact comparisons.
//!
//! Every comparison is of integers, by cross-multiplication. Where a network computes with floats, its rule is applied to the numbers
//! that its operator wrote, and what the float makes of them is not imitated; the modes say where that matters.

pub mod fluxmonitor;
mod held;
pub mod ocr2;
pub mod pyth;
pub mod redstone;

use std::fmt;

pub use held::Mode;
use serde::{Deserialize, Serialize};

/// Whether an update is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is.
    Due(Why),
    /// It may go along when another one is due, and not alone.
    Early,
    /// It is not.
    Quiet(WhyNot),
}

impl Verdict {
    /// Whether an update is due by itself.
    #[must_use]
    pub const fn is_due(self) -> bool {
        matches!(self, Self::Due(_))
    }
}

/// The first reason, in the network's own order, why an update is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The target has no value yet.
    FirstRound,
    /// Somebody asked for a round, or began one that waits for this oracle.
    Requested,
    /// The value moved far enough.
    Deviation,
    /// The last update is long enough ago.
    Heartbeat,
    /// The value became uncertain enough.
    Confidence,
    /// A scheduled time has passed since the last update.
    Scheduled,
}

/// Why no update is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNot {
    /// Nothing moved far enough, and the last update is recent.
    WithinThresholds,
    /// There is no value to send.
    NoValue,
    /// The target has a value that is as new, or newer.
    NotNewer,
    /// The target would refuse the value.
    OutOfBounds,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FirstRound => "the target has no value yet",
            Self::Requested => "a round waits for this oracle",
            Self::Deviation => "the value moved far enough",
            Self::Heartbeat => "the last update is long enough ago",
            Self::Confidence => "the value is uncertain enough",
            Self::Scheduled => "a scheduled time has passed",
        })
    }
}

impl fmt::Display for WhyNot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WithinThresholds => "the value is near the target's, and the last update is recent",
            Self::NoValue => "there is no value to send",
            Self::NotNewer => "the target's value is as new",
            Self::OutOfBounds => "the target would refuse the value",
        })
    }
}

#[cfg(test)]
mod tests;
