//! `TickMath.sol`.

use alloy_primitives::U256;

use crate::math::MathError;
use crate::math::wide::widening_mul;

/// The least tick: the logarithm of 2^-128, to the base 1.0001.
pub const MIN_TICK: i32 = -887_272;
/// The greatest tick.
pub const MAX_TICK: i32 = 887_272;
/// The square root of the price at the least tick.
pub const MIN_SQRT_PRICE: U256 = U256::from_limbs([4_295_128_739, 0, 0, 0]);
/// The square root of the price at the greatest tick, which no pool reaches:
/// 1461446703485210103287273052203988822378723970342.
pub const MAX_SQRT_PRICE: U256 =
    U256::from_limbs([0x5d95_1d52_6398_8d26, 0xefd1_fc6a_5064_8849, 0xfffd_8963, 0]);

/// `1 / sqrt(1.0001)^(2^i)`, in Q128.128.
const FACTORS: [u128; 20] = [
    0xfffc_b933_bd6f_ad37_aa2d_162d_1a59_4001,
    0xfff9_7272_373d_4132_59a4_6990_580e_213a,
    0xfff2_e50f_5f65_6932_ef12_357c_f3c7_fdcc,
    0xffe5_caca_7e10_e4e6_1c36_24ea_a094_1cd0,
    0xffcb_9843_d60f_6159_c9db_5883_5c92_6644,
    0xff97_3b41_fa98_c081_472e_6896_dfb2_54c0,
    0xff2e_a164_66c9_6a38_43ec_78b3_26b5_2861,
    0xfe5d_ee04_6a99_a2a8_11c4_61f1_969c_3053,
    0xfcbe_86c7_900a_88ae_dcff_c83b_479a_a3a4,
    0xf987_a725_3ac4_1317_6f2b_074c_f781_5e54,
    0xf339_2b08_22b7_0005_940c_7a39_8e4b_70f3,
    0xe715_9475_a2c2_9b74_43b2_9c7f_a6e8_89d9,
    0xd097_f3bd_fd20_22b8_845a_d8f7_92aa_5825,
    0xa9f7_4646_2d87_0fdf_8a65_dc1f_90e0_61e5,
    0x70d8_69a1_56d2_a1b8_90bb_3df6_2baf_32f7,
    0x31be_135f_97d0_8fd9_8123_1505_542f_cfa6,
    0x09aa_508b_5b7a_84e1_c677_de54_f3e9_9bc9,
    0x005d_6af8_dedb_8119_6699_c329_225e_e604,
    0x0000_2216_e584_f5fa_1ea9_2604_1bed_fe98,
    0x0000_0000_048a_1703_91f7_dc42_444e_8fa2,
];

/// How many of the lower factors stand multiplied in [`LOWER`].
const LOWER_BITS: u32 = 8;

/// The products of the lower factors, in the order and with the rounding of the contract. The first, which would be 2^128,
/// stands as zero.
static LOWER: [u128; 256] = lower();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated by the compiler, which refuses what would panic"
)]
const fn lower() -> [u128; 256] {
    let mut table = [0; 256];
    let mut bits = 1;
    while bits < 256 {
        let mut ratio = 0;
        let mut bit = 0;
        while bit < 8 {
            if bits & (1 << bit) != 0 {
                ratio = times(ratio, FACTORS[bit]);
            }
            bit += 1;
        }
        table[bits] = ratio;
        bits += 1;
    }
    table
}

/// `ratio * factor / 2^128`, where a ratio of zero stands for 2^128.
const fn times(ratio: u128, factor: u128) -> u128 {
    if ratio == 0 { factor } else { widening_mul(ratio, factor).0 }
}

/// The square root of the price at a tick (`getSqrtRatioAtTick`), rounded up.
///
/// # Errors
/// [`MathError::Tick`] outside of [`MIN_TICK`] to [`MAX_TICK`].
#[inline]
pub fn sqrt_price_at_tick(tick: i32) -> Result<U256, MathError> {
    if !(MIN_TICK..=MAX_TICK).contains(&tick) {
        return Err(MathError::Tick);
    }
    let ratio = ratio(tick.unsigned_abs());
    if ratio == 0 {
        return Ok(U256::from_limbs([0, 1 << 32, 0, 0]));
    }
    if tick > 0 {
        // All bits set, divided by more than zero.
        let inverse = U256::MAX.wrapping_div(U256::from(ratio));
        let [l0, ..] = inverse.into_limbs();
        let shifted = inverse.wrapping_shr(32);
        // 2^224 at most, and one more.
        return Ok(if l0 & 0xffff_ffff == 0 { shifted } else { shifted.wrapping_add(U256::ONE) });
    }
    let up = u128::from(ratio & 0xffff_ffff != 0);
    // Less than 2^96, and one more.
    Ok(U256::from((ratio >> 32).wrapping_add(up)))
}

/// `1 / sqrt(1.0001)^absolute`, in Q128.128; zero for 1.
fn ratio(absolute: u32) -> u128 {
    let [lowest, ..] = absolute.to_le_bytes();
    let mut ratio = LOWER.get(usize::from(lowest)).copied().unwrap_or_default();
    let mut above = absolute >> LOWER_BITS;
    for factor in &FACTORS[8..] {
        if above == 0 {
            break;
        }
        if above & 1 != 0 {
            ratio = times(ratio, *factor);
        }
        above >>= 1;
    }
    ratio
}

/// The greatest tick whose square root of a price is not above this one (`getTickAtSqrtRatio`).
///
/// # Errors
/// [`MathError::Price`] below [`MIN_SQRT_PRICE`], and from [`MAX_SQRT_PRICE`] on.
#[inline]
pub fn tick_at_sqrt_price(sqrt_price: U256) -> Result<i32, MathError> {
    if sqrt_price < MIN_SQRT_PRICE || sqrt_price >= MAX_SQRT_PRICE {
        return Err(MathError::Price);
    }
    let (low, high) = candidates(logarithm(sqrt_price));
    if low == high {
        return Ok(low);
    }
    Ok(if sqrt_price_at_tick(high)? <= sqrt_price { high } else { low })
}

/// The logarithm of the square root of a price to the base 2, rounded down, with 14 fractional bits.
fn logarithm(sqrt_price: U256) -> i128 {
    // The contract's `ratio` has 128 fractional bits, this one 96: its highest bit stands for that much.
    let highest = 255_usize.wrapping_sub(sqrt_price.leading_zeros());
    let normal = if highest >= 127 {
        sqrt_price.wrapping_shr(highest.wrapping_sub(127))
    } else {
        sqrt_price.wrapping_shl(127_usize.wrapping_sub(highest))
    };
    let [low, high, ..] = normal.into_limbs();
    let mut mantissa = (u128::from(high) << 64) | u128::from(low);
    // Between -64 and 64: it cannot wrap.
    let mut logarithm = i128::try_from(highest).unwrap_or_default().wrapping_sub(96);
    for _ in 0..14 {
        let (upper, lower) = widening_mul(mantissa, mantissa);
        let doubled = upper >> 127;
        mantissa = if doubled == 1 { upper } else { (upper << 1) | (lower >> 127) };
        logarithm = (logarithm << 1) | i128::from(doubled == 1);
    }
    logarithm
}

/// The ticks below and above, by the contract's bounds of its own error.
///
/// Its logarithm is this one with 50 zeros behind it. The product of those and the base's are shifted out of all numbers at
/// once here: 99 bits instead of 149.
fn candidates(logarithm: i128) -> (i32, i32) {
    /// `sqrt(1.0001)` as the base, in 64.64.
    const BASE: i128 = 255_738_958_999_603_826_347_141;
    /// 3402992956809132418596140100660247210 / 2^50, rounded up.
    const BELOW: i128 = 3_022_464_906_629_391_750_845;
    /// 291339464771989622907027621153398088495 / 2^50, rounded down.
    const ABOVE: i128 = 258_761_425_417_466_049_220_951;
    // 23 bits and 78.
    let scaled = logarithm.wrapping_mul(BASE);
    let tick = |scaled: i128| i32::try_from(scaled >> 78).unwrap_or_default();
    (tick(scaled.wrapping_sub(BELOW)), tick(scaled.wrapping_add(ABOVE)))
}

#[cfg(test)]
mod tests;
