//! Percentages in basis points, rounded half up (`PercentageMath.sol`).

use alloy_primitives::U256;

use super::ray::{div_half_up, mul_half_up};

/// 100 %.
pub(super) const WHOLE: U256 = U256::from_limbs([10_000, 0, 0, 0]);

/// This share of `value`.
#[must_use]
pub fn percent_mul(value: U256, share: U256) -> Option<U256> {
    mul_half_up(value, share, WHOLE)
}

/// The value of which `value` is this share. `None` for a share of zero.
#[must_use]
pub fn percent_div(value: U256, share: U256) -> Option<U256> {
    div_half_up(value, share, WHOLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_round_half_up() {
        let percent = |value: u64, share: u64| percent_mul(U256::from(value), U256::from(share));
        assert_eq!(percent(1, 5_000), Some(U256::from(1u8)));
        assert_eq!(percent(1, 4_999), Some(U256::ZERO));
        assert_eq!(percent(10_001, 10_500), Some(U256::from(10_501u64)));
        assert_eq!(percent_div(U256::from(105u8), U256::from(10_500u64)), Some(U256::from(100u8)));
        assert_eq!(percent_div(U256::from(1u8), U256::from(20_000u64)), Some(U256::from(1u8)));
        assert_eq!(percent_div(U256::from(1u8), U256::ZERO), None);
        assert_eq!(percent_mul(U256::MAX, U256::from(2u8)), None);
    }
}
