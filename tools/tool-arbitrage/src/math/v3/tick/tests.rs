#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use super::*;

/// The contract's own words, on 256 bits.
fn sqrt_price_by_the_book(tick: i32) -> U256 {
    let absolute = tick.unsigned_abs();
    let mut ratio: U256 = U256::ONE << 128;
    for (bit, factor) in FACTORS.iter().enumerate() {
        if absolute & (1 << bit) != 0 {
            ratio = (ratio * U256::from(*factor)) >> 128;
        }
    }
    if tick > 0 {
        ratio = U256::MAX / ratio;
    }
    let up = if ratio.as_limbs()[0] & 0xffff_ffff == 0 { U256::ZERO } else { U256::ONE };
    (ratio >> 32) + up
}

/// The contract's own words, in two's complement on 256 bits.
fn candidates_by_the_book(price: U256) -> (i32, i32) {
    use alloy_primitives::I256;
    let ratio: U256 = price << 32;
    let highest = 255 - ratio.leading_zeros();
    let mut r = if highest >= 128 { ratio >> (highest - 127) } else { ratio << (127 - highest) };
    let mut log_2 = (I256::try_from(highest).unwrap() - I256::try_from(128).unwrap()) << 64;
    for bit in (50..64).rev() {
        r = (r * r) >> 127;
        let f = r >> 128;
        log_2 |= I256::from_raw(f) << bit;
        r >>= usize::try_from(f).unwrap();
    }
    let log = log_2 * I256::from_dec_str("255738958999603826347141").unwrap();
    let tick = |of: I256| i32::try_from(of.asr(128)).unwrap();
    (
        tick(log - I256::from_dec_str("3402992956809132418596140100660247210").unwrap()),
        tick(log + I256::from_dec_str("291339464771989622907027621153398088495").unwrap()),
    )
}

#[test]
fn the_ends_are_the_contracts() {
    assert_eq!(sqrt_price_at_tick(MIN_TICK), Ok(MIN_SQRT_PRICE));
    assert_eq!(sqrt_price_at_tick(MAX_TICK), Ok(MAX_SQRT_PRICE));
    assert_eq!(MAX_SQRT_PRICE.to_string(), "1461446703485210103287273052203988822378723970342");
    assert_eq!(sqrt_price_at_tick(0), Ok(U256::from(1_u128 << 96)));
    assert_eq!(sqrt_price_at_tick(MIN_TICK - 1), Err(MathError::Tick));
    assert_eq!(sqrt_price_at_tick(MAX_TICK + 1), Err(MathError::Tick));
    assert_eq!(sqrt_price_at_tick(i32::MIN), Err(MathError::Tick));
    assert_eq!(tick_at_sqrt_price(MIN_SQRT_PRICE - U256::ONE), Err(MathError::Price));
    assert_eq!(tick_at_sqrt_price(MAX_SQRT_PRICE), Err(MathError::Price));
    assert_eq!(tick_at_sqrt_price(MIN_SQRT_PRICE), Ok(MIN_TICK));
    assert_eq!(tick_at_sqrt_price(MAX_SQRT_PRICE - U256::ONE), Ok(MAX_TICK - 1));
}

/// Each `stride`th tick in both directions, and the prices beside it.
fn ticks_are_the_contracts(stride: usize) {
    for tick in (MIN_TICK..MAX_TICK).step_by(stride) {
        let price = sqrt_price_at_tick(tick).unwrap();
        assert_eq!(price, sqrt_price_by_the_book(tick), "{tick}");
        assert_eq!(tick_at_sqrt_price(price), Ok(tick));
        if tick > MIN_TICK {
            assert_eq!(tick_at_sqrt_price(price - U256::ONE), Ok(tick - 1));
        }
        for price in [price, price + U256::ONE] {
            assert_eq!(candidates(logarithm(price)), candidates_by_the_book(price), "{price}");
        }
    }
}

#[test]
fn a_tick_in_31_is_the_contracts() {
    ticks_are_the_contracts(31);
}

#[test]
#[ignore = "long: scripts/test --long every_tick runs it"]
fn long_every_tick_is_the_contracts() {
    ticks_are_the_contracts(1);
}
