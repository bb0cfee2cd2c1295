//! Chainlink's off-chain reporting, version 2, with the numerical median plugin.
//!
//! After `offchainreporting2/reportingplugin/median/median.go` of libocr, which compares exact rationals, as this does.

use agent_core::units::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Verdict, Why, WhyNot};
use crate::decimal::{Decimal, Deviation};

/// The plugin's off-chain and on-chain configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ocr2 {
    /// Relative deviation in billionths; reached by what is exactly as far.
    pub alpha_report_ppb: u64,
    /// No deviation is far enough.
    #[serde(default)]
    pub alpha_report_infinite: bool,
    /// Seconds after the last report beyond which a new one is due: **not** when exactly so many have passed.
    pub delta_c_seconds: u64,
    /// The least answer that the contract takes.
    pub min: Decimal,
    /// The greatest.
    pub max: Decimal,
}

/// The latest transmission, as the contract has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transmission {
    /// The answer. A contract without a report has zero.
    pub answer: Decimal,
    /// When it was transmitted.
    pub at: Timestamp,
    /// Whether it is still the first epoch's first round under this configuration.
    pub initial: bool,
    /// Whether a round was requested that this one does not answer.
    pub requested: bool,
}

/// Whether `new` is at least so many billionths of `old` away from it. From nothing, everything else is.
#[must_use]
pub fn deviates(threshold_ppb: u64, old: Decimal, new: Decimal) -> bool {
    let deviation = Deviation::between(old, new);
    if deviation.has_no_whole() {
        return !new.is_zero();
    }
    // Ten million billionths are one per cent.
    deviation.reaches(Decimal::from(threshold_ppb).shifted(7))
}

/// The median as the plugin takes it: of an even number, the upper of the two in the middle. `None` of none.
#[must_use]
pub fn median(values: &[Decimal]) -> Option<Decimal> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().div_euclid(2)).copied()
}

impl Ocr2 {
    /// Whether a report with this median is due. One outside of the bounds never is.
    #[must_use]
    pub fn verdict(&self, latest: &Transmission, median: Decimal, now: Timestamp) -> Verdict {
        if median < self.min || median > self.max {
            return Verdict::Quiet(WhyNot::OutOfBounds);
        }
        if latest.initial {
            return Verdict::Due(Why::FirstRound);
        }
        if !self.alpha_report_infinite && deviates(self.alpha_report_ppb, latest.answer, median) {
            return Verdict::Due(Why::Deviation);
        }
        if latest.at.plus(self.delta_c_seconds) < now {
            return Verdict::Due(Why::Heartbeat);
        }
        if latest.requested {
            return Verdict::Due(Why::Requested);
        }
        Verdict::Quiet(WhyNot::WithinThresholds)
    }
}
