//! Interest since the last update (`MathUtils.sol`).

use alloy_primitives::U256;

use super::ray::{RAY, ray_mul};

const YEAR: U256 = U256::from_limbs([31_536_000, 0, 0, 0]);

/// One ray and what `rate` adds to it in `seconds`, linearly: what suppliers earn.
#[must_use]
pub fn linear(rate: U256, seconds: u64) -> Option<U256> {
    RAY.checked_add(rate.checked_mul(U256::from(seconds))?.checked_div(YEAR)?)
}

/// One ray and what `rate` adds to it in `seconds`, compounded by the first three terms of the binomial: what
/// borrowers owe.
#[must_use]
pub fn compounded(rate: U256, seconds: u64) -> Option<U256> {
    if seconds == 0 {
        return Some(RAY);
    }
    let steps = U256::from(seconds);
    let pairs = steps.checked_mul(U256::from(seconds.saturating_sub(1)))?;
    let triples = pairs.checked_mul(U256::from(seconds.saturating_sub(2)))?;
    let squared = ray_mul(rate, rate)?.checked_div(YEAR.checked_mul(YEAR)?)?;
    let cubed = ray_mul(squared, rate)?.checked_div(YEAR)?;
    let first = rate.checked_mul(steps)?.checked_div(YEAR)?;
    let second = pairs.checked_mul(squared)?.checked_div(U256::from(2u8))?;
    let third = triples.checked_mul(cubed)?.checked_div(U256::from(6u8))?;
    RAY.checked_add(first)?.checked_add(second)?.checked_add(third)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

    use super::*;
    use proptest::prelude::*;

    fn percent(whole: u64) -> U256 {
        RAY * U256::from(whole) / U256::from(100u8)
    }

    #[test]
    fn a_year_at_ten_percent() {
        let year = 31_536_000;
        assert_eq!(linear(percent(10), year), Some(percent(110)));
        // By hand: 1 + 0.1 + (n(n-1)/2)(0.1/n)² + (n(n-1)(n-2)/6)(0.1/n)³, each term cut as the contract cuts it.
        let compound = compounded(percent(10), year).unwrap();
        assert!(
            compound > percent(110) && compound < RAY * U256::from(1_105_171u64) / U256::from(1_000_000u64)
        );
        assert_eq!(compound, U256::from(1_105_162_042_821_782_412_575_504_000u128));
    }

    #[test]
    fn no_time_is_no_interest() {
        assert_eq!(linear(percent(10), 0), Some(RAY));
        assert_eq!(compounded(percent(10), 0), Some(RAY));
        let second = RAY + percent(10) / YEAR;
        assert_eq!((linear(percent(10), 1), compounded(percent(10), 1)), (Some(second), Some(second)));
    }

    proptest! {
        #[test]
        fn interest_never_panics_and_never_shrinks(rate in any::<u128>(), seconds in any::<u64>()) {
            let rate = U256::from(rate);
            if let (Some(line), Some(curve)) = (linear(rate, seconds), compounded(rate, seconds)) {
                prop_assert!(RAY <= line && line <= curve);
            }
            if let (Some(now), Some(later)) = (compounded(rate, seconds), compounded(rate, seconds.saturating_add(1))) {
                prop_assert!(now <= later);
            }
        }
    }
}
