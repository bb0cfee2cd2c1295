//! Millionths of a US dollar: what models cost.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::UsdE8;

/// Millionths of a US dollar, never negative.
///
/// Written and read as dollars (`"2.50"`): exactly, or not at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MicroUsd(pub u64);

/// A text that is no such amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write dollars as a plain decimal with at most six decimals (2.50)")]
pub struct NotDollars;

const DECIMALS: usize = 6;
const UNIT: u64 = 1_000_000;

impl MicroUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum; what does not fit is the most there is, because a bill is never made smaller.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference; nothing where it would be less than that.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// So many times this much; what does not fit is the most there is.
    #[must_use]
    pub const fn times(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

impl From<MicroUsd> for UsdE8 {
    fn from(MicroUsd(micro): MicroUsd) -> Self {
        Self(i128::from(micro).saturating_mul(100))
    }
}

impl FromStr for MicroUsd {
    type Err = NotDollars;

    fn from_str(text: &str) -> Result<Self, NotDollars> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > DECIMALS {
            return Err(NotDollars);
        }
        let micro = |digits: &str| digits.parse::<u64>().ok();
        let whole = micro(whole).and_then(|whole| whole.checked_mul(UNIT));
        let fraction = micro(&format!("{fraction:0<DECIMALS$}"));
        whole
            .zip(fraction)
            .and_then(|(whole, fraction)| whole.checked_add(fraction))
            .map(Self)
            .ok_or(NotDollars)
    }
}

impl fmt::Display for MicroUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", dollars(self.0))
    }
}

fn dollars(micro: u64) -> String {
    format!("{}.{:06}", micro.div_euclid(UNIT), micro.rem_euclid(UNIT))
}

impl Serialize for MicroUsd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&dollars(self.0))
    }
}

impl<'de> Deserialize<'de> for MicroUsd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dollars_parse_exactly_or_not_at_all() {
        for (text, micro) in
            [("2.50", 2_500_000), ("0", 0), ("0.000001", 1), ("18446744073709.551615", u64::MAX)]
        {
            assert_eq!(text.parse(), Ok(MicroUsd(micro)), "{text}");
        }
        for bad in ["", ".", "1.", ".5", "-1", "$1", "1e6", "0.0000001", "18446744073709.551616", "1,5"] {
            assert_eq!(bad.parse::<MicroUsd>(), Err(NotDollars), "{bad}");
        }
        assert_eq!(MicroUsd(1_230_000).to_string(), "$1.230000");
        assert_eq!(UsdE8::from(MicroUsd(1)), UsdE8(100));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(micro in any::<u64>()) {
            let text = serde_json::to_string(&MicroUsd(micro)).unwrap();
            prop_assert_eq!(serde_json::from_str::<MicroUsd>(&text).unwrap(), MicroUsd(micro));
        }
    }
}
