//! Pyth's price pusher.
//!
//! After `apps/price_pusher/src/{price-config,controller}.ts`, with two decisions where theirs are accidents of floats:
//!
//! - Theirs divides by the target's price with its sign, so that a negative price on chain never deviates. Here the distance is held
//!   against the price's size: a feed that may be negative is kept like any other.
//! - Theirs compares prices as integers, whatever exponents they have. Here they are numbers: a change of exponent is no deviation.
//!
//! A target of zero deviates from anything but zero, and zero from zero not even with a threshold of zero, as `0 / 0 >= 0` is false there.

use agent_core::units::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Verdict, Why, WhyNot};
use crate::decimal::{Decimal, Deviation};

/// When one feed is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pyth {
    /// Seconds between the two publish times; reached by exactly so many. The wall clock has no part in it.
    pub time_difference: u64,
    /// Per cent of the target's price; reached by what is exactly as far.
    pub price_deviation: Decimal,
    /// Per cent of the source's price that its confidence interval is; reached by exactly as much.
    pub confidence_ratio: Decimal,
    /// When it goes along with another feed's update. Without this, always.
    #[serde(default)]
    pub early_update: Option<EarlyUpdate>,
}

/// Lower thresholds, any of which is enough to go along. With none, it never does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyUpdate {
    /// As [`Pyth::time_difference`].
    #[serde(default)]
    pub time_difference: Option<u64>,
    /// As [`Pyth::price_deviation`].
    #[serde(default)]
    pub price_deviation: Option<Decimal>,
    /// As [`Pyth::confidence_ratio`].
    #[serde(default)]
    pub confidence_ratio: Option<Decimal>,
}

/// A price on either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// The price.
    pub price: Decimal,
    /// Half the width of its confidence interval.
    pub confidence: Decimal,
    /// When it was published.
    pub published: Timestamp,
}

impl Pyth {
    /// Whether to push the source's price.
    #[must_use]
    pub fn verdict(&self, source: Option<&Price>, target: Option<&Price>) -> Verdict {
        let Some(source) = source else { return Verdict::Quiet(WhyNot::NoValue) };
        let Some(target) = target else { return Verdict::Due(Why::FirstRound) };
        let Some(age) = source.published.0.checked_sub(target.published.0) else {
            return Verdict::Quiet(WhyNot::NotNewer);
        };
        let moved = Deviation::between(target.price, source.price);
        let doubt = Deviation::share(source.confidence, source.price);
        if age >= self.time_difference {
            return Verdict::Due(Why::Heartbeat);
        }
        if reaches(moved, self.price_deviation) {
            return Verdict::Due(Why::Deviation);
        }
        if reaches(doubt, self.confidence_ratio) {
            return Verdict::Due(Why::Confidence);
        }
        let early = self.early_update.is_none_or(|early| {
            early.time_difference.is_some_and(|least| age >= least)
                || early.price_deviation.is_some_and(|least| reaches(moved, least))
                || early.confidence_ratio.is_some_and(|least| reaches(doubt, least))
        });
        if early { Verdict::Early } else { Verdict::Quiet(WhyNot::WithinThresholds) }
    }
}

/// Which of these feeds are pushed together: the ones that are due and the early ones, as soon as one is due; none otherwise.
pub fn batch(verdicts: &[Verdict]) -> impl Iterator<Item = usize> + '_ {
    let any = verdicts.iter().any(|verdict| verdict.is_due());
    let goes = move |verdict: &Verdict| any && (verdict.is_due() || *verdict == Verdict::Early);
    verdicts.iter().enumerate().filter(move |(_, verdict)| goes(verdict)).map(|(place, _)| place)
}

fn reaches(share: Deviation, percent: Decimal) -> bool {
    if share.has_no_whole() { !share.has_no_part() } else { share.reaches(percent) }
}
