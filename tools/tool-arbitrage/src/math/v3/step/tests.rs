#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use super::*;
use crate::math::v3::{MAX_SQRT_PRICE, MIN_SQRT_PRICE, sqrt_price_at_tick};
use proptest::prelude::*;

fn peer(from: U256, to: U256, liquidity: u128, amount: I256, fee: u32) -> Option<SwapStep> {
    let (sqrt_price_next, amount_in, amount_out, fee_amount) =
        uniswap_v3_math::swap_math::compute_swap_step(from, to, liquidity, amount, fee).ok()?;
    Some(SwapStep { sqrt_price_next, amount_in, amount_out, fee_amount })
}

/// The numbers of SwapMath's own tests: the price is one, the target 1.01.
#[test]
fn the_contracts_own_numbers() {
    let one = U256::from(1_u128 << 96);
    let target: U256 = "79623317895830914510639640423".parse().unwrap();
    let ether = U256::from(1_000_000_000_000_000_000_u128);
    let step = swap_step(one, target, 2_000_000_000_000_000_000, Exact::In(ether), 600).unwrap();
    assert_eq!(step.amount_in, U256::from(9_975_124_224_178_055_u64));
    assert_eq!(step.fee_amount, U256::from(5_988_667_735_148_u64));
    assert_eq!(step.amount_out, U256::from(9_925_619_580_021_728_u64));
    assert_eq!(step.sqrt_price_next, target);
    let one_wei = swap_step(
        U256::from(417_332_158_212_080_721_273_783_715_441_582_u128),
        U256::from(1_452_870_262_520_218_020_823_638_996_u128),
        159_344_665_391_607_089_467_575_320_103,
        Exact::Out(U256::ONE),
        1,
    );
    // Capped at what was asked for.
    assert_eq!(one_wei.unwrap().amount_out, U256::ONE);
    assert_eq!(swap_step(one, target, 1, Exact::In(ether), WHOLE_FEE), Err(MathError::Fee));
}

fn price() -> impl Strategy<Value = U256> {
    let some = prop::array::uniform3(any::<u64>());
    let some = (some, 0_usize..130)
        .prop_map(|([a, b, c], down)| U256::from_limbs([a, b, c & 0xffff_ffff, 0]) >> down);
    let some = some.prop_map(|price: U256| price.clamp(MIN_SQRT_PRICE, MAX_SQRT_PRICE));
    let ticks = (-887_272_i32..=887_272).prop_map(|tick| sqrt_price_at_tick(tick).unwrap());
    prop_oneof![some, ticks, Just(MIN_SQRT_PRICE), Just(MAX_SQRT_PRICE), Just(U256::from(1_u128 << 96))]
}

fn amount() -> impl Strategy<Value = I256> {
    let some = (any::<[u64; 4]>(), 1_usize..256).prop_map(|(limbs, down)| U256::from_limbs(limbs) >> down);
    let some = prop_oneof![4 => some, 1 => (0_u64..4).prop_map(U256::from), 1 => Just(I256::MAX.into_raw())];
    (some, any::<bool>()).prop_map(|(of, out)| if out { -I256::from_raw(of) } else { I256::from_raw(of) })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8_192))]
    #[test]
    fn any_step_is_that_of_the_reference(
        from in price(), to in price(), near in -3_i64..=3, beside: bool,
        liquidity: u128, down in 0_u32..128, amount in amount(), fee in 0_u32..1_000_000,
    ) {
        let near = if near < 0 { from - U256::from(near.unsigned_abs()) } else { from + U256::from(near.unsigned_abs()) };
        let (to, liquidity) = (if beside { near } else { to }, liquidity >> down);
        // The reference takes a denominator of zero for any other.
        prop_assume!(liquidity > 0);
        prop_assert_eq!(
            compute_swap_step(from, to, liquidity, amount, fee).ok(),
            peer(from, to, liquidity, amount, fee)
        );
    }

    /// Just enough to come to the target, and one less, and one more.
    #[test]
    fn what_takes_it_to_the_target_is_that_of_the_reference(
        from in price(), to in price(), liquidity in 1_u128.., down in 0_u32..128, off in -2_i8..=2, fee in 0_u32..1_000_000,
    ) {
        let liquidity = (liquidity >> down).max(1);
        let most = I256::MAX.into_raw();
        let (all_in, all_out) = (Exact::In(most), Exact::Out(most));
        let there = swap_step(from, to, liquidity, all_in, fee).unwrap();
        prop_assume!(there.sqrt_price_next == to);
        let taken = I256::from_raw(there.amount_in + there.fee_amount) + I256::try_from(off).unwrap();
        let out = swap_step(from, to, liquidity, all_out, fee).unwrap().amount_out;
        let given = I256::try_from(off).unwrap() - I256::from_raw(out);
        for amount in [taken, given] {
            prop_assert_eq!(
                compute_swap_step(from, to, liquidity, amount, fee).ok(), peer(from, to, liquidity, amount, fee)
            );
        }
    }
}
