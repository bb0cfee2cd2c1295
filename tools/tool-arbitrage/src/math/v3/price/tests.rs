#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use super::*;
use proptest::prelude::*;
use uniswap_v3_math::sqrt_price_math as peer;

#[test]
fn what_the_contract_refuses_is_refused() {
    let one = U256::from(1_u128 << 96);
    let ether = U256::from(100_000_000_000_000_000_u64);
    let liquidity = 1_000_000_000_000_000_000;
    assert_eq!(next_sqrt_price_from_input(U256::ZERO, 1, ether, false), Err(MathError::Zero));
    assert_eq!(next_sqrt_price_from_input(U256::ONE, 0, ether, true), Err(MathError::Zero));
    let greatest = U256::from_limbs([u64::MAX, u64::MAX, u64::from(u32::MAX), 0]);
    assert_eq!(
        next_sqrt_price_from_input(greatest, 1_024, U256::from(1_024), false),
        Err(MathError::Overflow)
    );
    assert_eq!(next_sqrt_price_from_input(one, liquidity, U256::ZERO, true), Ok(one));
    // A price of 20.282409603651670423947251286016 / 2^96 and all of the token that there is, and one less of it.
    let price = U256::from(20_282_409_603_651_670_423_947_251_286_016_u128);
    assert_eq!(next_sqrt_price_from_output(price, 1_024, U256::from(4), false), Err(MathError::TooMuch));
    assert_eq!(next_sqrt_price_from_output(price, 1_024, U256::from(262_144), true), Err(MathError::TooMuch));
    let left = U256::from(77_371_252_455_336_267_181_195_264_u128);
    assert_eq!(next_sqrt_price_from_output(price, 1_024, U256::from(262_143), true), Ok(left));
    // Without liquidity the contract's unsafe division gives zero one way, and reverts the other.
    assert_eq!(next_sqrt_price_from_amount1_rounding_down(one, 0, ether, false), Ok(one));
    assert_eq!(
        next_sqrt_price_from_amount1_rounding_down(one, 0, ether, true),
        Err(MathError::DivisionByZero)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]
    #[test]
    fn it_is_that_of_the_reference(
        price in prop::array::uniform3(any::<u64>()), amount: [u64; 4], down in prop::array::uniform3(0_usize..256),
        liquidity in 1_u128.., zero: bool, add: bool,
    ) {
        let [a, b, c] = price;
        let price = U256::from_limbs([a, b, c & 0xffff_ffff, 0]) >> (down[0] / 2);
        let (amount, liquidity) = (U256::from_limbs(amount) >> down[1], (liquidity >> (down[2] / 2)).max(1));
        prop_assume!(!price.is_zero());
        let (ours, theirs) = if add {
            (
                next_sqrt_price_from_input(price, liquidity, amount, zero),
                peer::get_next_sqrt_price_from_input(price, liquidity, amount, zero),
            )
        } else {
            (
                next_sqrt_price_from_output(price, liquidity, amount, zero),
                peer::get_next_sqrt_price_from_output(price, liquidity, amount, zero),
            )
        };
        // The reference forgets `toUint160` where token 0 goes out.
        prop_assert_eq!(ours.ok(), theirs.ok().filter(|price| price.bit_len() <= PRICE_BITS));
    }
}
