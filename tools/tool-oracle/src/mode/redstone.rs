//! RedStone's relayer, by its conditions `time`, `value-deviation` and `cron`. Times are milliseconds, as its are.
//!
//! After `packages/on-chain-relayer/src/core/update-conditions`. As there, a contract's value of zero means that an update is due, also
//! when the new value is zero. Its earlier versions divide by the contract's value with its sign; here, as in its newer ones, only
//! the size counts.

use agent_core::units::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Verdict, Why, WhyNot};
use crate::{
    decimal::{Decimal, Deviation},
    schedule::Cron,
};

/// The conditions of one feed; any that is met is enough, and one that is not there is never met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redstone {
    /// Per cent of the contract's value; reached by what is exactly as far.
    #[serde(default)]
    pub deviation_percentage: Option<Decimal>,
    /// Milliseconds since the last update; reached by exactly so many.
    #[serde(default)]
    pub time_since_last_update_ms: Option<u64>,
    /// Times of which none may pass without an update after it.
    #[serde(default)]
    pub cron: Vec<Cron>,
    /// How much later than others a stand-in acts. It also wants its deviation to have been there that long ago.
    #[serde(default)]
    pub fallback_offset_ms: u64,
}

/// What the contract has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// Its value; zero where there is none.
    pub value: Decimal,
    /// The time in the package of its last update, in milliseconds.
    pub package_ms: u64,
    /// The block time of its last update, in milliseconds.
    pub updated_ms: u64,
}

/// What could be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package<'a> {
    /// The values of all signers.
    pub points: &'a [Decimal],
    /// The values as they were [`Redstone::fallback_offset_ms`] ago. A stand-in without them sees no deviation.
    pub older_points: &'a [Decimal],
    /// The package's own time, in milliseconds.
    pub package_ms: u64,
}

/// Whether any of `points` is at least `percent` per cent of the contract's value away from it. Of nothing everything is, zero included;
/// without points nothing is, unless the threshold is zero.
#[must_use]
pub fn deviates(percent: Decimal, value: Decimal, points: &[Decimal]) -> bool {
    let far = |point: &Decimal| {
        let deviation = Deviation::between(value, *point);
        deviation.has_no_whole() || deviation.reaches(percent)
    };
    points.iter().any(far) || percent <= Decimal::ZERO
}

impl Redstone {
    /// Whether to update.
    #[must_use]
    pub fn verdict(&self, package: &Package<'_>, contract: &Contract, now_ms: u64) -> Verdict {
        if package.package_ms <= contract.package_ms {
            return Verdict::Quiet(WhyNot::NotNewer);
        }
        if self.deviation_percentage.is_some_and(|percent| self.moved(percent, package, contract)) {
            return Verdict::Due(Why::Deviation);
        }
        if self.time_since_last_update_ms.is_some_and(|interval| self.rests(interval, contract, now_ms)) {
            return Verdict::Due(Why::Heartbeat);
        }
        if self.misses(contract, now_ms) {
            return Verdict::Due(Why::Scheduled);
        }
        Verdict::Quiet(WhyNot::WithinThresholds)
    }

    fn moved(&self, percent: Decimal, package: &Package<'_>, contract: &Contract) -> bool {
        let now = deviates(percent, contract.value, package.points);
        let stands_in = self.fallback_offset_ms > 0;
        now && (!stands_in || deviates(percent, contract.value, package.older_points))
    }

    /// Whether a scheduled time has passed since the last update. What it stands in for has the offset's time to act on it.
    fn misses(&self, contract: &Contract, now_ms: u64) -> bool {
        // Schedules are of whole seconds: those before the begun one are over.
        let before = Timestamp(now_ms.saturating_sub(self.fallback_offset_ms).div_ceil(1_000));
        let mut last = self.cron.iter().filter_map(|cron| cron.last_before(before));
        last.any(|last| last.0.saturating_mul(1_000) > contract.updated_ms)
    }

    fn rests(&self, interval: u64, contract: &Contract, now_ms: u64) -> bool {
        now_ms.saturating_sub(contract.updated_ms) >= interval.saturating_add(self.fallback_offset_ms)
    }
}
