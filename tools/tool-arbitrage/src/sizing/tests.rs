#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]
#![expect(clippy::float_arithmetic, clippy::as_conversions, reason = "a test's made up reserves")]

use std::sync::Arc;

use alloy_primitives::Address;
use proptest::prelude::*;

use super::*;
use crate::{
    math::v2::{MOST, V2Fee},
    math::v3::sqrt_price_at_tick,
    pool::{Quote, Stretch, TickLiquidity, Unquotable, V2Pool, V3Pool, V3Slot, V3Terms},
};

/// A pair that does not say what it is, so that it is walked.
#[derive(Debug, Clone)]
struct Plain(V2Pool);

impl Pool for Plain {
    fn tokens(&self) -> [Address; 2] {
        self.0.tokens()
    }
    fn quote_in(&self, side: Side, amount: U256) -> Result<Quote, Unquotable> {
        self.0.quote_in(side, amount)
    }
    fn quote_out(&self, side: Side, amount: U256) -> Result<Quote, Unquotable> {
        self.0.quote_out(side, amount)
    }
    fn after_in(&self, side: Side, amount: U256) -> Result<(Quote, Box<dyn Pool>), Unquotable> {
        self.0.after_in(side, amount)
    }
    /// Ends early, as a stretch of a v3 pool does.
    fn stretch(&self, side: Side) -> Option<Stretch> {
        let stretch = self.0.stretch(side)?;
        Some(Stretch { until: stretch.reserve_in / 500.0, ..stretch })
    }
}

fn pair(reserves: [u128; 2], fee: V2Fee) -> V2Pool {
    V2Pool::new([Address::ZERO, Address::repeat_byte(1)], reserves, fee).unwrap()
}

fn free(premium: u32) -> Costs {
    Costs { fixed: U256::ZERO, premium: Bps(premium), tip: Tip::None }
}

fn limits(effort: u32) -> Limits {
    Limits { most: U256::MAX, effort }
}

fn legs(pools: &[V2Pool]) -> Vec<Leg<'_>> {
    pools.iter().map(|pool| Leg { pool, side: Side::Zero }).collect()
}

fn fee() -> impl Strategy<Value = V2Fee> {
    prop_oneof![Just((997, 1_000)), Just((9_975, 10_000)), Just((1, 1)), Just((9_999, 10_000)), Just((1, 2))]
        .prop_map(|(kept, whole)| V2Fee::new(kept, whole).unwrap())
}

fn cycle(reserve: impl Strategy<Value = u128> + Clone) -> impl Strategy<Value = Vec<V2Pool>> {
    let pool = (reserve.clone(), reserve, fee()).prop_map(|(zero, one, fee)| pair([zero, one], fee));
    proptest::collection::vec(pool, 1..5)
}

/// Every input, one after the other: the greatest profit after the premium.
fn tried(legs: &[Leg<'_>], premium: u64, most: u64) -> Option<i128> {
    let profit = |input: u64| {
        let output = output(legs, U256::from(input))?.to::<u64>();
        Some(i128::from(output) - i128::from(input + (input * premium).div_ceil(10_000)))
    };
    (1..=most).filter_map(profit).max().filter(|profit| *profit > 0)
}

fn profit(sized: &Sized) -> i128 {
    sized.gross.to::<i128>() - sized.costs.premium.to::<i128>()
}

/// Golden section search: 60 evaluations of the exact quotes.
fn golden(legs: &[Leg<'_>], most: u128) -> i128 {
    let value = |input: u128| {
        let output = output(legs, U256::from(input)).unwrap_or_default();
        output.to::<i128>() - i128::try_from(input).unwrap()
    };
    let (mut low, mut high) = (0u128, most);
    let inner = |low: u128, high: u128| (high - low) / 1_000_000_000 * 618_033_989;
    let (mut one, mut other) = (high - inner(low, high), low + inner(low, high));
    let (mut at_one, mut at_other) = (value(one), value(other));
    for _evaluation in 2..60 {
        if at_one < at_other {
            (low, one, at_one) = (one, other, at_other);
            other = low + inner(low, high);
            at_other = value(other);
        } else {
            (high, other, at_other) = (other, one, at_one);
            one = high - inner(low, high);
            at_one = value(one);
        }
    }
    at_one.max(at_other)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_closed_form_is_the_best_of_all_inputs(
        pools in cycle(1u128..4_000), premium in prop_oneof![Just(0u32), 1u32..60], effort in 0u32..40,
    ) {
        let legs = legs(&pools);
        let expected = tried(&legs, premium.into(), 12_000);
        let sized = size(&legs, &free(premium), &limits(u32::MAX));
        if sized.is_none_or(|sized| sized.input <= U256::from(12_000)) {
            prop_assert_eq!(sized.as_ref().map(profit), expected);
            if let Some(sized) = sized {
                prop_assert_eq!(sized.gap, Some(U256::ZERO));
                let less = output(&legs, sized.input - U256::ONE);
                prop_assert!(less.is_none_or(|less| less < sized.output), "the least input that brings it");
            }
        }
        // With less effort there may be better, but not by more than is said.
        if let (Some(hasty), Some(most)) = (size(&legs, &free(premium), &limits(effort)), expected) {
            prop_assert!(profit(&hasty) + hasty.gap.unwrap().to::<i128>() >= most);
            let less = output(&legs, hasty.input - U256::ONE);
            prop_assert!(less.is_none_or(|less| less < hasty.output), "the least input that brings it");
        }
    }

    #[test]
    fn no_other_input_beats_a_large_one_by_more_than_the_gap(
        pools in cycle(1u128 << 30..1 << 100), shift in 0u32..60, off in any::<u64>(), effort in 0u32..40,
    ) {
        let legs = legs(&pools);
        if let Some(sized) = size(&legs, &free(0), &limits(effort)) {
            prop_assert_eq!(output(&legs, sized.input), Some(sized.output));
            prop_assert!(output(&legs, sized.input - U256::ONE).is_none_or(|less| less < sized.output));
            let off = U256::from(off >> shift);
            for other in [sized.input.saturating_add(off), sized.input.saturating_sub(off)] {
                let Some(brought) = output(&legs, other) else { continue };
                let better = brought.to::<i128>() - other.to::<i128>();
                prop_assert!(better <= profit(&sized) + sized.gap.unwrap().to::<i128>());
            }
        }
    }

    #[test]
    fn it_is_no_worse_than_golden_section(
        depths in proptest::collection::vec((1u128 << 60..1 << 90, 1u128..1 << 40), 2..5), edge in 1.007f64..1.1,
    ) {
        // Prices that close to the edge, with tokens of any unit.
        let units: Vec<u128> = depths.iter().map(|(_, unit)| *unit).collect();
        let pools: Vec<V2Pool> = depths.iter().enumerate().map(|(place, (depth, unit))| {
            let next = units[(place + 1) % units.len()];
            let gain = if place == 0 { edge.powi(i32::try_from(units.len()).unwrap()) } else { 1.0 };
            let out = (*depth as f64 / *unit as f64 * next as f64 * gain) as u128;
            pair([*depth, out.clamp(1, MOST)], V2Fee::UNISWAP)
        }).collect();
        let legs = legs(&pools);
        let searched = golden(&legs, pools[0].reserves()[0]);
        let found = size(&legs, &free(0), &limits(256));
        prop_assert!(found.map_or(0, |sized| profit(&sized) + sized.gap.unwrap().to::<i128>()) >= searched);
    }

    #[test]
    fn a_walk_finds_what_the_closed_form_does(pools in cycle(1u128 << 40..1 << 60), premium in 0u32..30) {
        let plain: Vec<Plain> = pools.iter().copied().map(Plain).collect();
        let walked: Vec<Leg<'_>> = plain.iter().map(|pool| Leg { pool, side: Side::Zero }).collect();
        let exact = size(&legs(&pools), &free(premium), &limits(1_000));
        let walked = size(&walked, &free(premium), &limits(64));
        if let Some(exact) = exact {
            // Rounding makes hills of a few units.
            let least = profit(&exact) - 16 - profit(&exact) / 1_000_000_000;
            prop_assert!(walked.map_or(0, |walked| profit(&walked)) >= least, "{exact:?} {walked:?}");
        }
        if let Some(walked) = walked {
            prop_assert!(walked.gap.is_none());
            prop_assert!(output(&legs(&pools), walked.input - U256::ONE).is_none_or(|less| less < walked.output));
        }
    }

    #[test]
    fn no_more_goes_in_than_may(pools in cycle(1u128..3_000), most in 1u64..200) {
        let legs = legs(&pools);
        let capped = Limits { most: U256::from(most), effort: u32::MAX };
        let sized = size(&legs, &free(0), &capped);
        let best = tried(&legs, 0, most).unwrap_or_default();
        if let Some(sized) = sized {
            prop_assert!(sized.input <= U256::from(most));
            prop_assert!(profit(&sized) + sized.gap.unwrap().to::<i128>() >= best);
        }
    }

    #[test]
    fn a_split_brings_as_much_as_any_other(
        reserves in proptest::collection::vec((50u128..3_000, 50u128..3_000, fee()), 2..3), amount in 1u64..600,
    ) {
        let pools: Vec<V2Pool> = reserves.iter().map(|(zero, one, fee)| pair([*zero, *one], *fee)).collect();
        let shared = pools.iter().map(|pool| -> Arc<dyn Pool> { Arc::new(*pool) }).collect();
        let both = Parallel::new(shared).unwrap();
        let of = |pool: &V2Pool, amount: u64| {
            pool.quote_in(Side::Zero, U256::from(amount)).map_or(U256::ZERO, |quote| quote.output)
        };
        let best = (0..=amount).map(|one| of(&pools[0], one) + of(&pools[1], amount - one)).max().unwrap();
        let alone = pools.iter().map(|pool| of(pool, amount)).max().unwrap();
        let split = both.split(Side::Zero, U256::from(amount));
        let brought = split.as_ref().map_or(U256::ZERO, Split::output);
        prop_assert!(brought <= best && brought >= alone && brought + U256::ONE >= best, "{brought} of {best}");
        if let Ok(split) = split {
            let consumed: U256 = split.shares.iter().map(|share| share.consumed).sum();
            prop_assert_eq!(consumed, U256::from(amount));
        }
    }
}

/// A pool at this tick with a position a hundred ticks wide around each of some ticks, which leaves gaps.
fn ticked(tick: i32, positions: &[(i32, u128)]) -> V3Pool {
    let terms = V3Terms { tokens: [Address::ZERO, Address::repeat_byte(1)], fee_pips: 500, tick_spacing: 10 };
    let mut ticks: std::collections::BTreeMap<i32, TickLiquidity> = std::collections::BTreeMap::new();
    let mut in_range = 0;
    for (middle, liquidity) in positions {
        let (low, high) = (middle * 10 - 50, middle * 10 + 50);
        for (end, net) in
            [(low, i128::try_from(*liquidity).unwrap()), (high, -i128::try_from(*liquidity).unwrap())]
        {
            let there = ticks.entry(end).or_insert(TickLiquidity { gross: 0, net: 0 });
            *there = TickLiquidity { gross: there.gross + liquidity, net: there.net + net };
        }
        in_range += if (low..high).contains(&tick) { *liquidity } else { 0 };
    }
    let sqrt_price = sqrt_price_at_tick(tick).unwrap();
    V3Pool::new(terms, V3Slot { sqrt_price, tick, liquidity: in_range, fee_protocol: 0 }, ticks).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_cycle_through_ticks_is_no_worse_than_golden_section(
        positions in proptest::collection::vec((-30i32..60, 1u128 << 60..1 << 70), 1..8), tick in 20i32..400,
        depth in 1u128 << 66..1 << 76,
    ) {
        let (ticked, pair) = (ticked(tick, &positions), pair([depth, depth], V2Fee::UNISWAP));
        let legs = [Leg { pool: &ticked, side: Side::Zero }, Leg { pool: &pair, side: Side::Zero }];
        let searched = golden(&legs, 1 << 72);
        let found = size(&legs, &free(0), &limits(64));
        if let Some(sized) = &found {
            prop_assert_eq!(output(&legs, sized.input), Some(sized.output));
            prop_assert!(output(&legs, sized.input - U256::ONE).is_none_or(|less| less < sized.output));
        }
        // Rounding makes hills of a few units.
        prop_assert!(found.as_ref().map_or(0, profit) + 8 >= searched, "{searched} {found:?}");
    }
}

#[test]
fn two_pairs_at_the_old_prices() {
    // WETH → USDC at 3,000 and USDC → WETH at 2,950, a million dollars each.
    let rich = pair([333 * 10u128.pow(18), 999_000 * 10u128.pow(6)], V2Fee::UNISWAP);
    let poor = pair([982_350 * 10u128.pow(6), 333 * 10u128.pow(18)], V2Fee::UNISWAP);
    let pools = [rich, poor];
    let costs = Costs { fixed: U256::from(10u64.pow(15)), premium: Bps(5), tip: Tip::Share(Bps(9_000)) };
    let sized = size(&legs(&pools), &costs, &limits(256)).unwrap();
    assert_eq!(sized.gap, Some(U256::ZERO));
    assert_eq!(sized.output - sized.input, sized.gross);
    let paid = sized.costs.fixed + sized.costs.premium + sized.costs.tip;
    assert_eq!(sized.net, I256::try_from(sized.gross - paid).unwrap());
    assert!(sized.pays());
    let dear = Costs { fixed: U256::from(10u64.pow(18)), ..costs };
    let sized = size(&legs(&pools), &dear, &limits(256)).unwrap();
    assert!(!sized.pays() && sized.costs.tip.is_zero(), "nothing is left for a tip");
}

#[test]
fn a_pool_that_comes_twice_is_not_sized() {
    let pool = pair([1_000, 5_000], V2Fee::UNISWAP);
    let twice = [Leg { pool: &pool, side: Side::Zero }, Leg { pool: &pool, side: Side::Zero }];
    assert_eq!(size(&twice, &free(0), &limits(1)), None);
    assert_eq!(size(&[], &free(0), &limits(1)), None);
}

#[test]
fn a_split_pair_is_a_pool_like_any_other() {
    let deep = |extra: u128| pair([10u128.pow(24), 10u128.pow(24) + extra], V2Fee::UNISWAP);
    let parallel = Parallel::new(vec![Arc::new(deep(10u128.pow(22))), Arc::new(deep(0))]).unwrap();
    let (half, back) = (deep(10u128.pow(22)), pair([10u128.pow(25), 10u128.pow(25)], V2Fee::UNISWAP));
    let one = [Leg { pool: &half, side: Side::Zero }, Leg { pool: &back, side: Side::Zero }];
    let two = [Leg { pool: &parallel, side: Side::Zero }, Leg { pool: &back, side: Side::Zero }];
    let [one, two] = [one, two].map(|legs| size(&legs, &free(0), &limits(64)).unwrap());
    assert!(profit(&two) >= profit(&one), "{two:?} {one:?}");
    let out = parallel.quote_in(Side::Zero, U256::from(10u128.pow(23))).unwrap().output;
    let quote = parallel.quote_out(Side::Zero, out).unwrap();
    assert!(quote.consumed <= U256::from(10u128.pow(23)) && quote.output == out);
    let (quote, after) = parallel.after_in(Side::Zero, quote.consumed).unwrap();
    assert!(after.quote_in(Side::Zero, quote.consumed).unwrap().output < quote.output);
}
