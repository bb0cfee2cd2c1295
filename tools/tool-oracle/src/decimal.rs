//! Decimal numbers, exactly: an integer, and how many of its digits are behind the point.

mod deviation;
mod text;

use std::{cmp::Ordering, fmt, str::FromStr};

use alloy_primitives::{I256, Sign, U256, Uint};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

pub(crate) use self::deviation::Deviation;
use crate::unusable::Unusable;

/// Most digits behind the point. Ten to this power still fits 256 bits, so that two numbers on one scale always fit 512.
pub const MOST_DECIMALS: u8 = 77;

/// What comparisons are made in. The largest product in this crate is of a distance (513 bits), a hundred (7) and ten to the 77th
/// (256): nothing here comes near its end, and nothing here can wrap.
pub(crate) type Wide = Uint<1024, 16>;

/// A number with at most [`MOST_DECIMALS`] digits behind the point, exactly. Equal numbers are equal values: `1.50` is `1.5`.
///
/// Written as text everywhere, since a JSON or TOML number would pass through a float.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Decimal {
    digits: I256,
    decimals: u8,
}

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self { digits: I256::ZERO, decimals: 0 };

    /// `digits` with the point before the last `decimals` of them: what a contract with that many decimals means by an integer.
    /// `None` for more than [`MOST_DECIMALS`].
    #[must_use]
    pub fn new(digits: I256, decimals: u8) -> Option<Self> {
        if decimals > MOST_DECIMALS {
            return None;
        }
        Self { digits, decimals }.shortened()
    }

    /// Parses a number as JSON writes them: `3000.1`, `-2`, `1.5e-7`. No plus, separator, surrounding space or leading zero.
    ///
    /// # Errors
    /// [`Unusable`] says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, Unusable> {
        text::parse(text)
    }

    /// The integer that a contract with so many decimals means by this number; what does not fit them is cut off, towards zero, as
    /// Chainlink's nodes do. `None` when it does not fit 256 bits.
    #[must_use]
    pub fn to_units(self, decimals: u8) -> Option<I256> {
        let magnitude = if decimals >= self.decimals {
            self.magnitude_at(decimals)?
        } else {
            let cut = ten_to(self.decimals.saturating_sub(decimals));
            Wide::from(self.digits.unsigned_abs()).checked_div(cut)?
        };
        signed(self.is_negative(), magnitude)
    }

    /// The number itself, with no more than so many digits behind the point; the rest is cut off, towards zero.
    #[must_use]
    pub fn cut_to(self, decimals: u8) -> Self {
        if decimals >= self.decimals {
            return self;
        }
        // What is cut is smaller than what fitted.
        self.to_units(decimals).and_then(|digits| Self::new(digits, decimals)).unwrap_or_default()
    }

    /// A whole number's digits with the point moved before the last few: for constants of this crate, which fit.
    pub(crate) fn shifted(self, decimals: u8) -> Self {
        let shifted = Self { decimals: self.decimals.saturating_add(decimals), ..self };
        shifted.shortened().unwrap_or(self)
    }

    /// How many digits it has behind the point.
    #[must_use]
    pub const fn decimals(self) -> u8 {
        self.decimals
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.digits.is_zero()
    }

    /// Whether it is less than nothing.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.digits.is_negative()
    }

    /// The mean of several, with at most `decimals` digits behind the point, cut off towards zero; exact where so many suffice.
    /// `None` of none, and where it does not fit 256 bits.
    #[must_use]
    pub fn mean(values: &[Self], decimals: u8) -> Option<Self> {
        let scale = values.iter().map(|value| value.decimals).max()?;
        let (mut above, mut below) = (Wide::ZERO, Wide::ZERO);
        for value in values {
            let side = if value.is_negative() { &mut below } else { &mut above };
            *side = side.checked_add(value.magnitude_at(scale)?)?;
        }
        let (negative, sum) = (above < below, above.abs_diff(below));
        let count = Wide::from(values.len());
        // Exactly as many digits as were asked for, before the division cuts the rest.
        let quotient = if decimals >= scale {
            sum.checked_mul(ten_to(decimals.saturating_sub(scale)))?.checked_div(count)?
        } else {
            sum.checked_div(count.checked_mul(ten_to(scale.saturating_sub(decimals)))?)?
        };
        Self::new(signed(negative, quotient)?, decimals)
    }

    /// Without zeros at its end.
    fn shortened(self) -> Option<Self> {
        let (ten, mut left) = (U256::from(10u8), self);
        let mut digits = self.digits.unsigned_abs();
        while left.decimals > 0 {
            let (quotient, rest) = (digits.checked_div(ten)?, digits.checked_rem(ten)?);
            if !rest.is_zero() {
                break;
            }
            (digits, left.decimals) = (quotient, left.decimals.saturating_sub(1));
        }
        let sign = if self.is_negative() { Sign::Negative } else { Sign::Positive };
        left.digits = I256::checked_from_sign_and_abs(sign, digits)?;
        Some(left)
    }

    /// Its size in units of so many decimals, at least its own.
    fn magnitude_at(self, decimals: u8) -> Option<Wide> {
        let missing = decimals.checked_sub(self.decimals)?;
        let size = Wide::from(self.digits.unsigned_abs());
        if missing == 0 { Some(size) } else { size.checked_mul(ten_to(missing)) }
    }

    /// The sizes of both in one unit. At most 511 bits each: nothing saturates.
    fn aligned(self, other: Self) -> (Wide, Wide) {
        let size = |value: Self, missing: u8| times_ten_to(Wide::from(value.digits.unsigned_abs()), missing);
        (
            size(self, other.decimals.saturating_sub(self.decimals)),
            size(other, self.decimals.saturating_sub(other.decimals)),
        )
    }
}

/// Ten to the power: at most 255, which is less than 848 bits.
fn ten_to(power: u8) -> Wide {
    // Most powers fit the narrower type, where they take a fraction of the time.
    match U256::from(10u8).checked_pow(U256::from(power)) {
        Some(narrow) => Wide::from(narrow),
        None => Wide::from(10u8).saturating_pow(Wide::from(power)),
    }
}

/// So many times ten to the power; mostly the power is none.
fn times_ten_to(number: Wide, power: u8) -> Wide {
    if power == 0 { number } else { number.saturating_mul(ten_to(power)) }
}

fn signed(negative: bool, magnitude: Wide) -> Option<I256> {
    let sign = if negative { Sign::Negative } else { Sign::Positive };
    I256::checked_from_sign_and_abs(sign, U256::checked_from_limbs_slice(magnitude.as_limbs())?)
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let (own, others) = self.aligned(*other);
        match (self.is_negative(), other.is_negative()) {
            (false, false) => own.cmp(&others),
            (true, true) => others.cmp(&own),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative() { "-" } else { "" };
        let (digits, decimals) = (self.digits.unsigned_abs().to_string(), usize::from(self.decimals));
        if decimals == 0 {
            return write!(f, "{sign}{digits}");
        }
        let width = decimals.saturating_add(1);
        let padded = format!("{digits:0>width$}");
        let (whole, fraction) =
            padded.split_at_checked(padded.len().saturating_sub(decimals)).ok_or(fmt::Error)?;
        write!(f, "{sign}{whole}.{fraction}")
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Decimal {
    type Err = Unusable;

    fn from_str(text: &str) -> Result<Self, Unusable> {
        Self::parse(text)
    }
}

impl From<u64> for Decimal {
    fn from(whole: u64) -> Self {
        // A whole number has no zeros behind the point to lose.
        Self { digits: I256::unchecked_from(whole), decimals: 0 }
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
pub(crate) mod tests;
