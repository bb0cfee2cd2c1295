//! From what several sources say to one value, or to the reason why there is none.

use std::{collections::BTreeMap, fmt};

use agent_core::units::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    decimal::{Decimal, Deviation, MOST_DECIMALS},
    mode::ocr2,
    reading::Reading,
    unusable::Unusable,
};

/// The last that one source said, and when it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// What it said, or why that is of no use.
    pub reading: Result<Reading, Unusable>,
    /// Chain time of its arrival.
    pub arrived: Timestamp,
}

/// How several values become one. Percentages are of the median; what is exactly as far is not too far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Aggregation {
    /// The fewest sources that a value may stand on. Two, unless the operator writes otherwise; never none.
    pub quorum: usize,
    /// Seconds of chain time after which what was published counts no more.
    pub max_age: u64,
    /// Seconds by which a source's clock may be ahead of chain time, which is up to a block old.
    pub max_ahead: u64,
    /// A source that is further than this from the median of all is left out.
    pub outlier: Option<Decimal>,
    /// With the least and the greatest of those left further apart than this, there is no value.
    pub disagreement: Option<Decimal>,
    /// What is made of those left.
    pub method: Method,
}

impl Default for Aggregation {
    fn default() -> Self {
        let (outlier, disagreement) = (Some(Decimal::from(10)), None);
        Self { quorum: 2, max_age: 120, max_ahead: 60, outlier, disagreement, method: Method::Median }
    }
}

/// What is made of several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The one in the middle; of an even number, the mean of the two in the middle.
    Median,
    /// The one in the middle; of an even number, the upper of the two, as OCR2 takes it.
    UpperMedian,
    /// The mean of what is left after this percentage of the values, rounded down to whole values, was cut off at each end. Cut off
    /// after eighteen digits behind the point, or after as many as the values have.
    TrimmedMean(u8),
}

/// Why a source has no part in a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Dropped {
    /// It has not answered yet.
    #[error("it has said nothing yet")]
    Silent,
    /// What it said is no number.
    #[error("{0}")]
    Unusable(Unusable),
    /// Too old.
    #[error("it is {age} seconds old, and {most} are allowed")]
    Stale {
        /// Seconds since it was published.
        age: u64,
        /// The rule.
        most: u64,
    },
    /// Published later than now.
    #[error("it is {ahead} seconds ahead of the chain, and {most} are allowed")]
    Ahead {
        /// Seconds until it will be published.
        ahead: u64,
        /// The rule.
        most: u64,
    },
    /// Too far from the others.
    #[error("{value} is {off} away from the median {median}")]
    Outlier {
        /// What it said.
        value: Decimal,
        /// The median of all.
        median: Decimal,
        /// How far that is, in per cent.
        off: String,
    },
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoValue {
    /// Too few sources are left.
    #[error("{left} sources are left, and {needed} are needed")]
    TooFew {
        /// How many.
        left: usize,
        /// The quorum.
        needed: usize,
    },
    /// Those that are left say too different things.
    #[error("the sources are {spread} apart")]
    Disagreement {
        /// How far the least and the greatest are apart, in per cent.
        spread: String,
    },
    /// What it comes to cannot be written with 256 bits.
    #[error("the value does not fit 256 bits")]
    TooLarge,
}

/// A value, and what it stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    /// The value.
    pub value: Decimal,
    /// The values that it was made of, the least first.
    pub points: Vec<Decimal>,
    /// The widest confidence interval of those that say one: half its width.
    pub confidence: Option<Decimal>,
    /// The earliest time at which any of them was published: it is at least as new as that.
    pub published: Timestamp,
}

/// What came of the sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aggregate {
    /// The value, or why there is none.
    pub value: Result<Value, NoValue>,
    /// Who has no part in it, and why.
    pub dropped: BTreeMap<String, Dropped>,
}

struct Usable<'a> {
    source: &'a str,
    reading: Reading,
    published: Timestamp,
}

impl Aggregation {
    /// Makes one value of what each source said last; of one that has not answered yet, `None`.
    #[must_use]
    pub fn aggregate(&self, sightings: &BTreeMap<String, Option<Sighting>>, now: Timestamp) -> Aggregate {
        let mut dropped = BTreeMap::new();
        let mut usable = Vec::new();
        for (source, sighting) in sightings {
            match self.usable(source, sighting.as_ref(), now) {
                Ok(one) => usable.push(one),
                Err(reason) => drop(dropped.insert(source.clone(), reason)),
            }
        }
        self.without_outliers(&mut usable, &mut dropped);
        Aggregate { value: self.combine(&usable), dropped }
    }

    fn usable<'a>(
        &self,
        source: &'a str,
        sighting: Option<&Sighting>,
        now: Timestamp,
    ) -> Result<Usable<'a>, Dropped> {
        let Sighting { reading, arrived } = sighting.ok_or(Dropped::Silent)?;
        let reading = reading.clone().map_err(Dropped::Unusable)?;
        let published = reading.published.unwrap_or(*arrived);
        let age = now.0.saturating_sub(published.0);
        let ahead = published.0.saturating_sub(now.0);
        if age > self.max_age {
            return Err(Dropped::Stale { age, most: self.max_age });
        }
        if ahead > self.max_ahead {
            return Err(Dropped::Ahead { ahead, most: self.max_ahead });
        }
        Ok(Usable { source, reading, published })
    }

    fn without_outliers(&self, usable: &mut Vec<Usable<'_>>, dropped: &mut BTreeMap<String, Dropped>) {
        let Some(limit) = self.outlier else { return };
        let Some(median) = middle(&sorted(usable)) else { return };
        usable.retain(|one| {
            let value = one.reading.value;
            let deviation = Deviation::between(median, value);
            let outlier = is_beyond(deviation, limit);
            if outlier {
                let off = deviation.to_string();
                dropped.insert(one.source.to_owned(), Dropped::Outlier { value, median, off });
            }
            !outlier
        });
    }

    fn combine(&self, usable: &[Usable<'_>]) -> Result<Value, NoValue> {
        let points = sorted(usable);
        let (left, needed) = (points.len(), self.quorum.max(1));
        if left < needed {
            return Err(NoValue::TooFew { left, needed });
        }
        self.agree(&points)?;
        let value = self.method.of(&points).ok_or(NoValue::TooLarge)?;
        let confidence = usable.iter().filter_map(|one| one.reading.confidence).max();
        let published = usable.iter().map(|one| one.published).min().unwrap_or_default();
        Ok(Value { value, points, confidence, published })
    }

    fn agree(&self, points: &[Decimal]) -> Result<(), NoValue> {
        let (Some(limit), Some(median)) = (self.disagreement, middle(points)) else { return Ok(()) };
        let (Some(least), Some(most)) = (points.first(), points.last()) else { return Ok(()) };
        let Some(spread) = Deviation::apart(*least, *most, median) else { return Err(NoValue::TooLarge) };
        if is_beyond(spread, limit) {
            return Err(NoValue::Disagreement { spread: spread.to_string() });
        }
        Ok(())
    }
}

impl Method {
    fn of(self, points: &[Decimal]) -> Option<Decimal> {
        match self {
            Self::Median => middle(points),
            Self::UpperMedian => ocr2::median(points),
            Self::TrimmedMean(percent) => {
                let cut = points.len().saturating_mul(usize::from(percent.min(49))).div_euclid(100);
                let kept = points.get(cut..points.len().saturating_sub(cut))?;
                let decimals = kept.iter().map(|point| point.decimals()).max()?;
                Decimal::mean(kept, decimals.max(18))
            }
        }
    }
}

/// The median of sorted values; of an even number, the exact mean of the two in the middle.
fn middle(points: &[Decimal]) -> Option<Decimal> {
    let half = points.len().div_euclid(2);
    let upper = points.get(half).copied()?;
    if points.len().rem_euclid(2) == 1 {
        return Some(upper);
    }
    let lower = points.get(half.checked_sub(1)?).copied()?;
    // A half has one more digit, where there is room for it.
    let decimals = lower.decimals().max(upper.decimals()).saturating_add(1).min(MOST_DECIMALS);
    Decimal::mean(&[lower, upper], decimals)
}

fn sorted(usable: &[Usable<'_>]) -> Vec<Decimal> {
    let mut points: Vec<Decimal> = usable.iter().map(|one| one.reading.value).collect();
    points.sort_unstable();
    points
}

/// More than so many per cent; any part of nothing is.
fn is_beyond(deviation: Deviation, percent: Decimal) -> bool {
    if deviation.has_no_whole() { !deviation.has_no_part() } else { deviation.exceeds(percent) }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Ok(value) => write!(f, "{} of {} sources", value.value, value.points.len())?,
            Err(reason) => write!(f, "no value: {reason}")?,
        }
        self.dropped.iter().try_for_each(|(source, reason)| write!(f, "; without {source}: {reason}"))
    }
}

#[cfg(test)]
mod tests;
