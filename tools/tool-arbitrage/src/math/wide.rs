//! Division of 256 bits by 128, where the quotient fits 128: two digits of 64 bits, as Knuth does it (volume 2, 4.3.1,
//! algorithm D), each from one division of the processor. Nothing here can fail: what wraps is meant to.

#[expect(clippy::as_conversions, reason = "the lower half is what is meant")]
const fn low(value: u128) -> u64 {
    value as u64
}

const fn high(value: u128) -> u64 {
    low(value >> 64)
}

/// The product of two words. Cannot overflow: (2^64 - 1)² is less than 2^128.
#[expect(clippy::as_conversions, reason = "`From` is no constant function, and nothing is lost")]
const fn product(a: u64, b: u64) -> u128 {
    (a as u128).wrapping_mul(b as u128)
}

#[inline]
fn join(high: u64, low: u64) -> u128 {
    (u128::from(high) << 64) | u128::from(low)
}

/// The product of two double words: its upper and its lower half. `carrying_mul` is no constant function yet.
#[inline]
#[expect(clippy::as_conversions, reason = "`From` is no constant function, and nothing is lost")]
pub(crate) const fn widening_mul(a: u128, b: u128) -> (u128, u128) {
    let lowest = product(low(a), low(b));
    // A word times a word, and two words: (2^64 - 1)² + 2 (2^64 - 1) is the greatest double word.
    let cross = product(high(a), low(b)).wrapping_add(high(lowest) as u128);
    let middle = product(low(a), high(b)).wrapping_add(low(cross) as u128);
    let upper =
        product(high(a), high(b)).wrapping_add(high(cross) as u128).wrapping_add(high(middle) as u128);
    (upper, ((low(middle) as u128) << 64) | low(lowest) as u128)
}

/// `(high * 2^128 + low) / divisor`, and whether there is a remainder. `None` where the quotient does not fit, or the divisor
/// is zero.
#[inline]
pub(crate) fn divide(above: u128, below: u128, divisor: u128) -> Option<(u128, bool)> {
    if above >= divisor {
        return None;
    }
    // The divisor is greater than zero, so that this is less than 128.
    let shift = divisor.leading_zeros();
    let divisor = divisor << shift;
    // `above` is less than the divisor, so that nothing is lost.
    let above = upper_bits((above, below), shift);
    let below = below << shift;
    let (quotient, rest) = divide_normal(above, below, divisor);
    Some((quotient, rest != 0))
}

/// A quotient, and what is left of its divisor as a fraction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scaled {
    pub(crate) quotient: u128,
    /// Remainder and divisor, both shifted up alike.
    pub(crate) rest: u128,
    pub(crate) of: u128,
}

/// `a * b / divisor`, where `a` is less than the divisor: [`divide`] with one number to shift instead of two. `None` where it is
/// not.
#[inline]
pub(crate) fn scale(a: u128, b: u128, divisor: u128) -> Option<Scaled> {
    if a >= divisor {
        return None;
    }
    let shift = divisor.leading_zeros();
    let of = divisor << shift;
    // `a` is less than the divisor, so that nothing is lost; and the product's upper half is less than both.
    let (above, below) = widening_mul(a << shift, b);
    let (quotient, rest) = divide_normal(above, below, of);
    Some(Scaled { quotient, rest, of })
}

/// Quotient and remainder, for a divisor whose highest bit is set and which is greater than `above`.
#[inline]
fn divide_normal(above: u128, below: u128, divisor: u128) -> (u128, u128) {
    let (first, rest) = digit(above, high(below), divisor);
    let (second, rest) = digit(rest, low(below), divisor);
    (join(first, second), rest)
}

/// The upper ends of a fraction of long numbers: numerator and denominator without as many bits as leave 128 of the latter.
///
/// What is cut off is less than one of each, so that most questions have their answer here, and those that have not are told
/// apart: then the whole numbers have to be asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    above: u128,
    below: u128,
    denominator: u128,
}

impl Ends {
    /// `None` where the quotient may have more than 128 bits, or the denominator has less.
    #[inline]
    pub(crate) fn new(numerator: &[u64; 6], denominator: &[u64; 6]) -> Option<Self> {
        let top = denominator.iter().rposition(|word| *word != 0)?;
        let unused = usize::try_from(denominator.get(top)?.leading_zeros()).ok()?;
        // Bits to cut: at most 384.
        let cut = top.checked_mul(64)?.checked_sub(unused)?.checked_sub(64)?;
        let (words, bits) = (cut >> 6, u32::try_from(cut & 63).ok()?);
        let word =
            |of: &[u64; 6], index: usize| of.get(words.wrapping_add(index)).copied().unwrap_or_default();
        let denominator = window(word(denominator, 0), word(denominator, 1), word(denominator, 2), bits);
        let numerators = [0, 1, 2, 3, 4, 5].map(|index| word(numerator, index));
        let [n0, n1, n2, n3, n4, n5] = numerators;
        let (below, above) = (window(n0, n1, n2, bits), window(n2, n3, n4, bits));
        let beyond = (n4 >> bits) | n5;
        (beyond == 0 && above < denominator).then_some(Self { above, below, denominator })
    }

    /// The same for a numerator of 256 bits times 2^96 and a denominator of 129 to 256, both as their halves.
    #[inline]
    pub(crate) fn shifted(numerator: (u128, u128), denominator: (u128, u128)) -> Option<Self> {
        let unused = denominator.0.leading_zeros();
        if unused == 128 {
            return None;
        }
        let denominator = upper_bits(denominator, unused);
        let (above, below) = numerator;
        // Up by 96 and down by what is cut: 128 less than the unused bits.
        let (above, below) = if let Some(up) = unused.checked_sub(32) {
            if above.leading_zeros() < up {
                return None;
            }
            (upper_bits(numerator, up), below << up)
        } else {
            let down = 32_u32.wrapping_sub(unused);
            (above >> down, (below >> down) | (above << 128_u32.wrapping_sub(down)))
        };
        (above < denominator).then_some(Self { above, below, denominator })
    }

    /// The quotient rounded down, where it is certain, and certain that there is a remainder.
    #[inline]
    pub(crate) fn quotient(self) -> Option<u128> {
        let (quotient, rest) = divide_normal(self.above, self.below, self.denominator);
        // The remainder of the whole numbers is this one and what was cut of the numerator, without what the quotient times
        // what was cut of the denominator is: less than the quotient.
        (rest > quotient).then_some(quotient)
    }

    /// Whether the numerator is less than so many times the denominator, where that is certain.
    #[inline]
    pub(crate) fn is_below(self, times: u128) -> Option<bool> {
        if times == 0 {
            return None;
        }
        let (above, below) = widening_mul(times, self.denominator);
        if (self.above, self.below) < (above, below) {
            return Some(true);
        }
        let (below, carry) = below.overflowing_add(times);
        let above = above.checked_add(u128::from(carry))?;
        ((self.above, self.below) >= (above, below)).then_some(false)
    }
}

/// The upper half of two, shifted up by less than 128.
#[inline]
fn upper_bits((above, below): (u128, u128), up: u32) -> u128 {
    // In two shifts, since one by 128 would not be one.
    (above << up) | ((below >> 1) >> 127_u32.wrapping_sub(up))
}

/// 128 bits of three words, from a bit of the first on.
#[inline]
fn window(first: u64, second: u64, third: u64, bits: u32) -> u128 {
    let lower = join(second, first) >> bits;
    // In two shifts, since one by 64 would not be one.
    let upper = (third << 1).wrapping_shl(63_u32.wrapping_sub(bits));
    lower | (u128::from(if bits == 0 { 0 } else { upper }) << 64)
}

/// One digit of a quotient, and the remainder. `above` is less than the divisor, whose highest bit is set.
///
/// The estimate from the divisor's upper half is at most two too large, and mostly right: it is mended by branches.
#[inline]
fn digit(above: u128, below: u64, divisor: u128) -> (u64, u128) {
    let (upper, lower) = (high(divisor), low(divisor));
    let estimate = above.checked_div(u128::from(upper)).unwrap_or_default();
    // Two more than 64 bits can hold, at most: then all bits are set.
    let estimate = low(estimate) | 0_u64.wrapping_sub(high(estimate));
    let left = low(above).wrapping_sub(estimate.wrapping_mul(upper));
    let (rest, below_zero) = join(left, below).overflowing_sub(product(estimate, lower));
    // With all bits set, more than a word may be left: then it is not too large.
    if !below_zero || high(above.wrapping_sub(product(estimate, upper))) != 0 {
        return (estimate, rest);
    }
    let (rest, enough) = rest.overflowing_add(divisor);
    if enough {
        return (estimate.wrapping_sub(1), rest);
    }
    (estimate.wrapping_sub(2), rest.wrapping_add(divisor))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

    use super::*;
    use alloy_primitives::U256;
    use proptest::prelude::*;

    fn checked(above: u128, below: u128, divisor: u128) {
        let (quotient, rest) = divide(above, below, divisor).unwrap();
        let number: U256 = (U256::from(above) << 128) | U256::from(below);
        let (expected, left) = number.div_rem(U256::from(divisor));
        assert_eq!(U256::from(quotient), expected, "{number} / {divisor}");
        assert_eq!(rest, !left.is_zero(), "{number} % {divisor}");
        scaled(above % divisor, below, divisor);
    }

    fn scaled(a: u128, b: u128, divisor: u128) {
        let scaled = scale(a, b, divisor).unwrap();
        let number = U256::from(a) * U256::from(b);
        let (expected, left) = number.div_rem(U256::from(divisor));
        assert_eq!(U256::from(scaled.quotient), expected, "{a} * {b} / {divisor}");
        let up = divisor.leading_zeros();
        assert_eq!(
            (U256::from(scaled.rest), scaled.of),
            (left << up, divisor << up),
            "{a} * {b} % {divisor}"
        );
    }

    #[test]
    fn edges_divide_exactly() {
        let edges =
            [0, 1, 2, u128::from(u64::MAX), 1 << 64, (1 << 64) + 1, 1 << 127, u128::MAX - 1, u128::MAX];
        for divisor in edges {
            for above in edges {
                for below in edges {
                    if above < divisor {
                        checked(above, below, divisor);
                    } else {
                        assert_eq!(divide(above, below, divisor), None);
                    }
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]
        #[test]
        fn any_number_divides_exactly(above: u128, below: u128, divisor in 1_u128.., by in 0_u32..128, less in 0_u32..128) {
            let divisor = (divisor >> by).max(1);
            checked((above >> less) % divisor, below, divisor);
        }

        #[test]
        fn products_are_whole(a: u128, b: u128) {
            let (high, low) = widening_mul(a, b);
            prop_assert_eq!((U256::from(high) << 128) | U256::from(low), U256::from(a).wrapping_mul(U256::from(b)));
        }

        #[test]
        fn near_the_divisor_too(divisor in 1_u128.., off in 1_u128..4, below: u128) {
            checked(divisor.saturating_sub(off), below, divisor);
            checked(divisor.saturating_sub(off), u128::MAX - (below & 3), divisor);
        }
    }
}
