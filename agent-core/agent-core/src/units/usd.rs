//! US dollars as price feeds count them.

use std::fmt;

use alloy_primitives::U256;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// US dollars with eight decimals, signed: the base currency of Aave's oracle and of Chainlink's USD feeds.
///
/// Serialised as a decimal string of the raw integer, because JSON numbers lose digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsdE8(pub i128);

impl UsdE8 {
    /// No value.
    pub const ZERO: Self = Self(0);

    /// The value of `raw` base units of a token with `decimals` at `price` per whole token, rounded down.
    /// `None` when it does not fit.
    #[must_use]
    pub fn value_of(raw: U256, decimals: u8, price: Self) -> Option<Self> {
        let price = U256::from(u128::try_from(price.0).ok()?);
        let unit = U256::from(10u8).checked_pow(U256::from(decimals))?;
        let value = raw.checked_mul(price)?.checked_div(unit)?;
        i128::try_from(u128::try_from(value).ok()?).ok().map(Self)
    }

    /// The sum, or `None` on overflow.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or `None` on overflow.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl fmt::Display for UsdE8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let raw = self.0.unsigned_abs();
        let (whole, cents) = (raw.div_euclid(100_000_000), raw.rem_euclid(100_000_000).div_euclid(1_000_000));
        write!(f, "{sign}${whole}.{cents:02}")
    }
}

impl Serialize for UsdE8 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for UsdE8 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_round_down_and_keep_their_sign() {
        let price = UsdE8(2_000 * 100_000_000);
        let half_eth = U256::from(500_000_000_000_000_000u64);
        assert_eq!(UsdE8::value_of(half_eth, 18, price), Some(UsdE8(1_000 * 100_000_000)));
        assert_eq!(UsdE8(-150_000_000).to_string(), "-$1.50");
        assert_eq!(UsdE8::value_of(U256::MAX, 0, price), None);
        assert_eq!(UsdE8::value_of(half_eth, 18, UsdE8(-1)), None);
    }

    #[test]
    fn json_keeps_every_digit() {
        let value = UsdE8(i128::MAX);
        let text = serde_json::to_string(&value).unwrap();
        assert_eq!(serde_json::from_str::<UsdE8>(&text).unwrap(), value);
    }
}
