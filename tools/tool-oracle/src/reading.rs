//! What an answer says: the number in it, wherever it is, without a float on the way.

mod pointer;

use agent_core::units::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::pointer::Pointer;
use crate::{decimal::Decimal, unusable::Unusable};

/// The longest answer that is looked at, in bytes.
pub const MOST_BYTES: usize = 1 << 20;

/// Where things are in a source's answers. A JSON number and a JSON string with a number in it are alike.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Extraction {
    /// Where the value is in a JSON answer. Without this, the whole answer is the value's text, as a file or a command gives it.
    pub value: Option<Pointer>,
    /// Where the power of ten is that value and confidence are multiplied by. Without this, they are as they stand.
    pub exponent: Option<Pointer>,
    /// Where half the width of the confidence interval is, where a source says it.
    pub confidence: Option<Pointer>,
    /// Where the Unix time is at which the value was published. Without this, it is as old as its arrival.
    pub published: Option<Pointer>,
    /// Whether that time is in milliseconds; otherwise in seconds. What is less than a second is cut off.
    pub published_in_milliseconds: bool,
}

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The value.
    pub value: Decimal,
    /// Half the width of its confidence interval.
    pub confidence: Option<Decimal>,
    /// When it was published, by its source's word.
    pub published: Option<Timestamp>,
}

impl Extraction {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`Unusable`] says why there is nothing to be read. Whatever was asked for must be there.
    pub fn read(&self, answer: &[u8]) -> Result<Reading, Unusable> {
        if answer.len() > MOST_BYTES {
            return Err(Unusable::TooLong { limit: MOST_BYTES });
        }
        let value = match &self.value {
            Some(pointer) => pointer.number(answer)?,
            None => Decimal::parse(text(answer)?)?,
        };
        let exponent = self.exponent.as_ref().map(|pointer| pointer.number(answer)).transpose()?;
        let confidence = self.confidence.as_ref().map(|pointer| pointer.number(answer)).transpose()?;
        let published = self.published.as_ref().map(|pointer| self.time(pointer, answer)).transpose()?;
        let confidence = confidence.map(|confidence| powered(confidence, exponent)).transpose()?;
        Ok(Reading { value: powered(value, exponent)?, confidence, published })
    }

    fn time(&self, pointer: &Pointer, answer: &[u8]) -> Result<Timestamp, Unusable> {
        let units = pointer.number(answer)?.to_units(0).ok_or(Unusable::TooLarge)?;
        let time = u64::try_from(units).map_err(|_range| Unusable::TooLarge)?;
        Ok(Timestamp(if self.published_in_milliseconds { time.div_euclid(1_000) } else { time }))
    }
}

fn text(answer: &[u8]) -> Result<&str, Unusable> {
    std::str::from_utf8(answer.trim_ascii()).map_err(|_bytes| Unusable::NotText)
}

/// `number` times ten to the power of `exponent`, which has to be whole.
fn powered(number: Decimal, exponent: Option<Decimal>) -> Result<Decimal, Unusable> {
    let Some(exponent) = exponent else { return Ok(number) };
    if exponent != exponent.cut_to(0) {
        return Err(Unusable::NotANumber);
    }
    Decimal::parse(&format!("{number}e{exponent}"))
}

#[cfg(test)]
mod tests;
