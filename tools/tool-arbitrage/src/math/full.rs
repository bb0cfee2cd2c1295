//! `FullMath.sol`: products of 512 bits.

use alloy_primitives::U256;
use alloy_primitives::aliases::U512;

use super::{MathError, wide};

/// `a * b / denominator`, rounded down (`mulDiv`).
///
/// # Errors
/// [`MathError::DivisionByZero`], and [`MathError::Overflow`] where the quotient takes more than 256 bits.
pub fn mul_div(a: U256, b: U256, denominator: U256) -> Result<U256, MathError> {
    Ok(divide(a, b, denominator)?.0)
}

/// `a * b / denominator`, rounded up (`mulDivRoundingUp`).
///
/// # Errors
/// Those of [`mul_div`].
pub fn mul_div_rounding_up(a: U256, b: U256, denominator: U256) -> Result<U256, MathError> {
    let (quotient, rest) = divide(a, b, denominator)?;
    if rest { quotient.checked_add(U256::ONE).ok_or(MathError::Overflow) } else { Ok(quotient) }
}

/// Both in one: the quotient, and whether there is a remainder.
fn divide(a: U256, b: U256, denominator: U256) -> Result<(U256, bool), MathError> {
    if let (Some(a), Some(b), Some(denominator)) = (narrow(a), narrow(b), narrow(denominator)) {
        let (high, low) = wide::widening_mul(a, b);
        if let Some((quotient, rest)) = wide::divide(high, low, denominator) {
            return Ok((U256::from(quotient), rest));
        }
    }
    if denominator.is_zero() {
        return Err(MathError::DivisionByZero);
    }
    let product: U512 = a.widening_mul(b);
    let [l0, l1, l2, l3, above @ ..] = product.into_limbs();
    if above == [0; 4] {
        let (quotient, rest) = U256::from_limbs([l0, l1, l2, l3]).div_rem(denominator);
        return Ok((quotient, !rest.is_zero()));
    }
    let (quotient, rest) = product.div_rem(U512::from(denominator));
    match quotient.into_limbs() {
        [l0, l1, l2, l3, 0, 0, 0, 0] => Ok((U256::from_limbs([l0, l1, l2, l3]), !rest.is_zero())),
        _ => Err(MathError::Overflow),
    }
}

/// The number in 128 bits, where it has no more.
#[inline]
pub(crate) fn narrow(value: U256) -> Option<u128> {
    match value.into_limbs() {
        [low, high, 0, 0] => Some((u128::from(high) << 64) | u128::from(low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

    use super::*;
    use proptest::prelude::*;

    const TWO: U256 = U256::from_limbs([2, 0, 0, 0]);
    const Q128: U256 = U256::from_limbs([0, 0, 1, 0]);

    #[test]
    fn what_the_contract_refuses_is_refused() {
        for zero in [mul_div(Q128, TWO, U256::ZERO), mul_div_rounding_up(U256::ZERO, U256::ZERO, U256::ZERO)]
        {
            assert_eq!(zero, Err(MathError::DivisionByZero));
        }
        assert_eq!(mul_div(Q128, Q128, U256::ONE), Err(MathError::Overflow));
        assert_eq!(mul_div(U256::MAX, U256::MAX, U256::MAX - U256::ONE), Err(MathError::Overflow));
        assert_eq!(mul_div(U256::MAX, U256::MAX, U256::MAX), Ok(U256::MAX));
        // Rounding up is what overflows here: the numbers of FullMath's own tests.
        let a = U256::from_str_radix("535006138814359", 10).unwrap();
        let b = "432862656469423142931042426214547535783388063929571229938474969".parse().unwrap();
        assert_eq!(mul_div(a, b, TWO), Ok(U256::MAX));
        assert_eq!(mul_div_rounding_up(a, b, TWO), Err(MathError::Overflow));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_048))]
        #[test]
        fn it_is_the_quotient_of_the_whole_product(
            a: [u64; 4], b: [u64; 4], by: [u64; 4], down in prop::array::uniform3(0_usize..256),
        ) {
            let [a, b, by] = [(a, down[0]), (b, down[1]), (by, down[2])].map(|(n, down)| U256::from_limbs(n) >> down);
            prop_assume!(!by.is_zero());
            let product: U512 = a.widening_mul(b);
            let (quotient, rest) = product.div_rem(U512::from(by));
            let fits = |of: U512| U256::checked_from_limbs_slice(of.as_limbs()).ok_or(MathError::Overflow);
            prop_assert_eq!(mul_div(a, b, by), fits(quotient));
            let up = if rest.is_zero() { quotient } else { quotient + U512::ONE };
            prop_assert_eq!(mul_div_rounding_up(a, b, by), fits(up));
        }
    }
}
