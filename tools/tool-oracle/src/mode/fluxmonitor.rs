//! Chainlink's Flux Monitor: a node that submits to a `FluxAggregator` when its own last submission is too far off.
//!
//! After `core/services/fluxmonitorv2/{deviation_checker,flux_monitor}.go`. Their relative deviation is a decimal quotient that is
//! rounded at its 16th digit behind the point; here it is not rounded, so that a deviation that falls short of the threshold by less than
//! 5·10⁻¹⁷ is far enough for them and not for this.

use agent_core::units::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Verdict, Why, WhyNot};
use crate::decimal::{Decimal, Deviation};

/// The node's thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FluxMonitor {
    /// Relative deviation in per cent of the last submission; reached by what is exactly as far.
    pub threshold: Decimal,
    /// Absolute deviation, in the feed's unit; **not** reached by what is exactly as far. Both must be reached.
    #[serde(default)]
    pub absolute_threshold: Decimal,
    /// Seconds after the start of the latest round when a new one is due whatever the value is. None: never.
    #[serde(default)]
    pub idle_seconds: Option<u64>,
}

/// What the aggregator says about the round that this oracle would submit to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// Its number.
    pub id: u32,
    /// When it was started, by somebody else; none for a round that a submission would start.
    pub started: Option<Timestamp>,
    /// This oracle's last submission.
    pub last_submission: Decimal,
    /// When the latest round was started; none before the first.
    pub latest_started: Option<Timestamp>,
}

impl FluxMonitor {
    /// Whether `next` is far enough from `current`. With both thresholds zero, everything is.
    #[must_use]
    pub fn deviates(&self, current: Decimal, next: Decimal) -> bool {
        let (relative, absolute) = (self.threshold, self.absolute_threshold);
        if relative.is_zero() && absolute.is_zero() {
            return true;
        }
        if !exceeds(current, next, absolute) {
            return false;
        }
        let deviation = Deviation::between(current, next);
        if deviation.has_no_whole() {
            return !next.is_zero();
        }
        deviation.reaches(relative)
    }

    /// Whether a round that was started then has been idle for long enough.
    #[must_use]
    pub fn idles(&self, started: Timestamp, now: Timestamp) -> bool {
        self.idle_seconds.is_some_and(|idle| now >= started.plus(idle))
    }

    /// Whether to submit `next` to `round`, given that the aggregator would take it.
    ///
    /// A round that somebody else began is answered whatever the value is, as theirs answer every `NewRound` log.
    #[must_use]
    pub fn verdict(&self, round: &Round, next: Decimal, now: Timestamp) -> Verdict {
        if round.id <= 1 {
            return Verdict::Due(Why::FirstRound);
        }
        if round.started.is_some() {
            return Verdict::Due(Why::Requested);
        }
        if self.deviates(round.last_submission, next) {
            return Verdict::Due(Why::Deviation);
        }
        if round.latest_started.is_some_and(|started| self.idles(started, now)) {
            return Verdict::Due(Why::Heartbeat);
        }
        Verdict::Quiet(WhyNot::WithinThresholds)
    }
}

/// Whether the two are more than `limit` apart. A negative limit is always exceeded.
fn exceeds(current: Decimal, next: Decimal, limit: Decimal) -> bool {
    if limit.is_negative() {
        return true;
    }
    // `|next - current| / |limit| > 1`; a limit of nothing is exceeded by any difference.
    Deviation::apart(current, next, limit).is_some_and(Deviation::exceeds_whole)
}
