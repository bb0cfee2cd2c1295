//! `TickBitmap.sol`: one bit for each tick that liquidity refers to, 256 to a word.

use alloy_primitives::U256;

use crate::math::MathError;

/// A tick's number when only multiples of the spacing count, rounded down.
///
/// # Errors
/// [`MathError::Spacing`] for a spacing that is not positive.
pub fn compress(tick: i32, spacing: i32) -> Result<i32, MathError> {
    if spacing <= 0 {
        return Err(MathError::Spacing);
    }
    // A positive divisor: the quotient rounded towards negative infinity.
    tick.checked_div_euclid(spacing).ok_or(MathError::Spacing)
}

/// The word and the bit of a compressed tick.
///
/// # Errors
/// [`MathError::Tick`] for more than the contract's 24 bits.
pub fn position(compressed: i32) -> Result<(i16, u8), MathError> {
    let word = i16::try_from(compressed >> 8).or(Err(MathError::Tick))?;
    let [bit, ..] = compressed.to_le_bytes();
    Ok((word, bit))
}

/// Where a swap that comes from `tick` stops next, and whether liquidity refers to that (`nextInitializedTickWithinOneWord`):
/// the next tick that one refers to, at or below (`lte`) or above, else the end of the word. `word` looks a word up.
///
/// The answer may lie outside of the ticks that there are: the pool stops at the last of them.
///
/// # Errors
/// [`MathError::Spacing`], and [`MathError::Tick`] where the contract's 24 bits would not hold it.
pub fn next_initialized_tick_within_one_word(
    tick: i32,
    spacing: i32,
    lte: bool,
    word: impl FnOnce(i16) -> U256,
) -> Result<(i32, bool), MathError> {
    let compressed = compress(tick, spacing)?;
    let (next, initialized) = if lte { at_or_below(compressed, word)? } else { above(compressed, word)? };
    Ok((next.checked_mul(spacing).ok_or(MathError::Tick)?, initialized))
}

fn at_or_below(compressed: i32, word: impl FnOnce(i16) -> U256) -> Result<(i32, bool), MathError> {
    let (index, bit) = position(compressed)?;
    // All bits at or below this one come to the top.
    let masked = word(index).wrapping_shl(usize::from(u8::MAX.wrapping_sub(bit)));
    let initialized = !masked.is_zero();
    let back = if initialized { masked.leading_zeros() } else { usize::from(bit) };
    let back = i32::try_from(back).or(Err(MathError::Tick))?;
    Ok((compressed.checked_sub(back).ok_or(MathError::Tick)?, initialized))
}

fn above(compressed: i32, word: impl FnOnce(i16) -> U256) -> Result<(i32, bool), MathError> {
    let next = compressed.checked_add(1).ok_or(MathError::Tick)?;
    let (index, bit) = position(next)?;
    let masked = word(index).wrapping_shr(usize::from(bit));
    let initialized = !masked.is_zero();
    let on = if initialized { masked.trailing_zeros() } else { usize::from(u8::MAX.wrapping_sub(bit)) };
    let on = i32::try_from(on).or(Err(MathError::Tick))?;
    Ok((next.checked_add(on).ok_or(MathError::Tick)?, initialized))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

    use super::*;

    /// The words of TickBitmap's own tests.
    fn next(tick: i32, lte: bool) -> (i32, bool) {
        let ticks = [-200, -55, -4, 70, 78, 84, 139, 240, 535];
        let bits = |index: i16| {
            ticks
                .iter()
                .filter_map(|tick| position(*tick).ok())
                .filter(|(word, _)| *word == index)
                .fold(U256::ZERO, |word, (_, bit)| word | (U256::ONE << usize::from(bit)))
        };
        next_initialized_tick_within_one_word(tick, 1, lte, bits).unwrap()
    }

    #[test]
    fn the_next_above_is_found_within_the_word() {
        let cases =
            [(78, 84), (-55, -4), (77, 78), (-56, -55), (-257, -200), (69, 70), (-200, -55), (240, 255)];
        for (tick, expected) in cases {
            assert_eq!(next(tick, false), (expected, expected != 255), "{tick}");
        }
        assert_eq!(next(255, false), (511, false));
        assert_eq!(next(383, false), (511, false));
        assert_eq!(next(-1, false), (70, true));
    }

    #[test]
    fn the_next_below_is_found_within_the_word() {
        let cases =
            [(78, 78), (79, 78), (258, 256), (256, 256), (72, 70), (-257, -512), (1023, 768), (900, 768)];
        for (tick, expected) in cases {
            assert_eq!(next(tick, true), (expected, expected < 256 && expected > -256), "{tick}");
        }
        assert_eq!(next(-1, true), (-4, true));
    }

    #[test]
    fn spacing_rounds_towards_negative_infinity() {
        let none = |_: i16| U256::ZERO;
        assert_eq!(next_initialized_tick_within_one_word(-1, 60, true, none), Ok((-256 * 60, false)));
        assert_eq!(next_initialized_tick_within_one_word(-61, 60, false, none), Ok((-60, false)));
        assert_eq!(next_initialized_tick_within_one_word(1, 0, true, none), Err(MathError::Spacing));
        assert_eq!(next_initialized_tick_within_one_word(i32::MAX, 1, false, none), Err(MathError::Tick));
    }
}
