//! Fixed-point numbers with 18 and 27 decimals, rounded half up (`WadRayMath.sol`).

use alloy_primitives::U256;

/// One, with 18 decimals.
pub const WAD: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);
/// One, with 27 decimals.
pub const RAY: U256 = U256::from_limbs([0x9fd0_803c_e800_0000, 0x033b_2e3c, 0, 0]);

/// `a * b / unit`, rounded half up.
pub(super) fn mul_half_up(a: U256, b: U256, unit: U256) -> Option<U256> {
    let half = unit.checked_div(U256::from(2u8))?;
    a.checked_mul(b)?.checked_add(half)?.checked_div(unit)
}

/// `a * unit / b`, rounded half up. `None` when `b` is zero.
pub(super) fn div_half_up(a: U256, b: U256, unit: U256) -> Option<U256> {
    let half = b.checked_div(U256::from(2u8))?;
    a.checked_mul(unit)?.checked_add(half)?.checked_div(b)
}

/// The product of two rays.
#[must_use]
pub fn ray_mul(a: U256, b: U256) -> Option<U256> {
    mul_half_up(a, b, RAY)
}

/// The quotient of two rays.
#[must_use]
pub fn ray_div(a: U256, b: U256) -> Option<U256> {
    div_half_up(a, b, RAY)
}

/// The quotient of two wads.
#[must_use]
pub fn wad_div(a: U256, b: U256) -> Option<U256> {
    div_half_up(a, b, WAD)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_are_what_they_say() {
        assert_eq!(WAD, U256::from(10u8).pow(U256::from(18u8)));
        assert_eq!(RAY, U256::from(10u8).pow(U256::from(27u8)));
    }

    #[test]
    fn halves_round_up() {
        let half = RAY / U256::from(2u8);
        assert_eq!(ray_mul(U256::from(1u8), half), Some(U256::from(1u8)));
        assert_eq!(ray_mul(U256::from(1u8), half - U256::from(1u8)), Some(U256::ZERO));
        assert_eq!(ray_div(U256::from(1u8), U256::from(2u8) * RAY), Some(U256::from(1u8)));
        assert_eq!(ray_div(U256::from(1u8), U256::from(2u8) * RAY + U256::from(1u8)), Some(U256::ZERO));
        assert_eq!(wad_div(U256::from(2u8), U256::from(3u8)), Some(U256::from(666_666_666_666_666_667u64)));
    }

    #[test]
    fn a_zero_divisor_and_an_overflow_are_none() {
        assert_eq!(ray_div(RAY, U256::ZERO), None);
        assert_eq!(ray_mul(U256::MAX, RAY), None);
        // The contract allows a product that is just below the limit, half a unit included.
        let half = RAY / U256::from(2u8);
        assert!(ray_mul(U256::MAX - half, U256::from(1u8)).is_some());
        assert_eq!(ray_mul(U256::MAX - half + U256::from(1u8), U256::from(1u8)), None);
    }

    proptest! {
        #[test]
        fn scaling_and_back_is_the_identity_from_one_ray_on(scaled in any::<u128>(), over in any::<u64>()) {
            let index = RAY + U256::from(over);
            let balance = ray_mul(U256::from(scaled), index).unwrap();
            prop_assert_eq!(ray_div(balance, index), Some(U256::from(scaled)));
        }
    }
}
