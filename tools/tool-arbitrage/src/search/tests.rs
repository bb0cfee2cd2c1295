#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use std::collections::BTreeSet;

use alloy_primitives::{U256, aliases::U512};
use proptest::prelude::*;

use super::*;
use crate::{
    math::v2::V2Fee,
    pool::V2Pool,
    recording::{Generator, Pools, Recorded, Shape},
    sizing::{Costs, Leg, Limits, Sized, Tip, size},
};

mod exhaustive;

fn terms(bases: &[Address], hops: Hops) -> Terms {
    let bases = bases.iter().map(|token| Base { token: *token, dust: U256::ZERO }).collect();
    Terms { bases, hops, limit: usize::MAX }
}

fn updated<P: Pool>(pools: &[P], terms: &Terms) -> Search {
    let tokens: Vec<[Address; 2]> = pools.iter().map(Pool::tokens).collect();
    let mut search = Search::new(&tokens, terms).unwrap();
    pools.iter().enumerate().for_each(|(place, pool)| search.update(place, pool));
    search
}

fn token(number: u8) -> Address {
    Address::repeat_byte(number)
}

fn pool(tokens: [u8; 2], reserves: [u128; 2]) -> V2Pool {
    V2Pool::new(tokens.map(token), reserves, V2Fee::UNISWAP).unwrap()
}

/// The cycles by their tokens, with their gains.
fn named(search: &Search, cycles: &[Cycle]) -> BTreeSet<(Vec<Address>, i32)> {
    cycles.iter().map(|cycle| (search.tokens(cycle).collect(), cycle.gain())).collect()
}

fn sized<P: Pool>(pools: &[P], hops: &[Hop]) -> Option<Sized> {
    let legs: Vec<Leg<'_>> = hops.iter().map(|hop| Leg { pool: &pools[hop.pool], side: hop.side }).collect();
    let costs = Costs { fixed: U256::ZERO, premium: agent_core::units::Bps(0), tip: Tip::None };
    size(&legs, &costs, &Limits { most: U256::MAX, effort: 256 })
}

/// The best gross profit of each base, over all cycles and all their routes; each of them is what its quotes bring, and no loss.
fn best(search: &Search, pools: &[Recorded], bases: &[Address], cycles: &[Cycle]) -> Vec<U256> {
    let mut best = vec![U256::ZERO; bases.len()];
    for cycle in cycles {
        let base = search.tokens(cycle).next().unwrap();
        let place = bases.iter().position(|token| *token == base).unwrap();
        let routes = search.routes(cycle, usize::MAX);
        assert!(!routes.cut && !routes.routes.is_empty());
        for route in &routes.routes {
            let Some(sized) = sized(pools, &route.hops) else { continue };
            let output = route.hops.iter().fold(sized.input, |amount, hop| {
                let quote = pools[hop.pool].quote_in(hop.side, amount).unwrap();
                assert_eq!(quote.consumed, amount);
                quote.output
            });
            assert!(output > sized.input && output - sized.input == sized.gross, "{sized:?}");
            best[place] = best[place].max(sized.gross);
        }
    }
    best
}

/// How much more golden section search may find in a cycle with ticks: rounding makes hills of a few units.
const HILL: U256 = U256::from_limbs([8, 0, 0, 0]);

fn follows(shape: Shape, blocks: usize) {
    let mut market = Generator::new(shape);
    let header = market.header();
    let mut pools = Pools::of(&header);
    assert_eq!(pools.pools().len(), header.pools.len());
    let mut search = updated(pools.pools(), &terms(&header.bases, Hops::Four));
    search.rescan();
    let (mut gained, mut through_ticks) = (0, 0);
    for block in 0..blocks {
        for place in pools.apply(&market.block()).unwrap() {
            search.update(place, &pools.pools()[place]);
        }
        let before = named(&search, search.standing());
        let again = search.search();
        let standing = named(&search, search.standing());
        let mut fresh = updated(pools.pools(), &terms(&header.bases, Hops::Four));
        fresh.rescan();
        assert_eq!(standing, named(&fresh, fresh.standing()), "block {block}");
        // What is new is announced.
        assert!(standing.difference(&before).all(|cycle| named(&search, &again).contains(cycle)));
        let found = best(&search, pools.pools(), &header.bases, search.standing());
        let all = exhaustive::best(pools.pools(), &header.bases);
        assert_eq!(found, all.sized, "block {block}");
        for (found, golden) in found.iter().zip(&all.golden) {
            assert!(*found + HILL >= *golden, "block {block}: {found} is less than {golden}");
        }
        gained += usize::from(found.iter().any(|profit| !profit.is_zero()));
        through_ticks += usize::from(all.golden.iter().any(|profit| !profit.is_zero()));
    }
    assert!(gained * 4 >= blocks, "too few blocks with a profit to tell: {gained} of {blocks}");
    let wanted = if shape.ticked > 0 { blocks.div_ceil(4) } else { 0 };
    assert!(through_ticks >= wanted, "too few blocks with a profit through ticks: {through_ticks}");
}

#[test]
fn every_block_of_a_recording_is_searched_as_if_exhaustively() {
    follows(Shape { seed: 3, tokens: 25, pools: 70, ticked: 0, changes: 50 }, 12);
    follows(Shape { seed: 4, tokens: 12, pools: 50, ticked: 40, changes: 30 }, 12);
}

/// KEEPWRIGHT_SEED and the 40 after it: without ticks, with some, and with hardly anything else.
#[test]
#[ignore = "takes minutes: `cargo nextest run -p tool-arbitrage --run-ignored only -E 'test(long_)'`"]
fn long_every_block_of_many_recordings_is_searched_as_if_exhaustively() {
    #[expect(clippy::disallowed_methods, reason = "test support is told where to begin")]
    let seed = std::env::var("KEEPWRIGHT_SEED").ok().map_or(0, |seed| seed.parse().unwrap());
    for seed in seed..seed + 40 {
        let ticked = usize::try_from(seed % 3).unwrap() * 40;
        follows(Shape { seed, tokens: 40, pools: 140, ticked, changes: 60 }, 25);
    }
}

/// What happens to a pool: other reserves, or none.
#[derive(Debug, Clone)]
enum Change {
    Reserves([u128; 2]),
    Disabled,
}

fn reserve() -> impl Strategy<Value = u128> {
    // Ties, dust with enormous rates, nothing at all, and prices that nearly agree.
    prop_oneof![
        Just(0),
        Just(1),
        Just(1_000),
        Just(1_003),
        Just(10u128.pow(18)),
        Just((1 << 112) - 1),
        990..1_010u128
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![9 => [reserve(), reserve()].prop_map(Change::Reserves), 1 => Just(Change::Disabled)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_graph_is_followed_through_any_changes(
        shape in proptest::collection::vec([1u8..7, 1u8..7], 1..24),
        rounds in proptest::collection::vec(proptest::collection::vec((any::<prop::sample::Index>(), change()), 0..6), 1..8),
        bases in proptest::sample::subsequence(vec![1u8, 2, 3, 9], 1..4),
        four in any::<bool>(),
    ) {
        let bases: Vec<Address> = bases.into_iter().map(token).collect();
        let hops = if four { Hops::Four } else { Hops::Three };
        let mut pools: Vec<Option<V2Pool>> = shape.iter().map(|tokens| Some(pool(*tokens, [1_000, 1_000]))).collect();
        let tokens: Vec<[Address; 2]> = shape.iter().map(|tokens| tokens.map(token)).collect();
        let mut search = Search::new(&tokens, &terms(&bases, hops)).unwrap();
        pools.iter().enumerate().for_each(|(place, pool)| search.update(place, pool.as_ref().unwrap()));
        for changes in rounds {
            for (index, change) in changes {
                let place = index.index(pools.len());
                match change {
                    Change::Reserves(reserves) => {
                        let changed = pool(shape[place], reserves);
                        search.update(place, &changed);
                        pools[place] = Some(changed);
                    }
                    Change::Disabled => {
                        search.disable(place);
                        pools[place] = None;
                    }
                }
            }
            search.search();
            let expected = exhaustive::cycles(&tokens, &pools, &bases, if four { 4 } else { 3 });
            prop_assert_eq!(named(&search, search.standing()), expected.clone());
            let mut fresh = Search::new(&tokens, &terms(&bases, hops)).unwrap();
            for (place, pool) in pools.iter().enumerate() {
                if let Some(pool) = pool {
                    fresh.update(place, pool);
                }
            }
            fresh.rescan();
            prop_assert_eq!(named(&fresh, fresh.standing()), expected);
        }
    }

    #[test]
    fn what_gains_in_whole_numbers_passes_the_screen(
        hops in proptest::collection::vec((1u128..1 << 112, 1u128..1 << 112, 1u32..32_768, 1u32..32_768), 2..5),
        near in any::<bool>(), off in 0u128..4,
    ) {
        let mut hops = hops;
        if near {
            // The last hop nearly undoes the others: the product is within a millionth of a millionth of 1.
            let one: U512 = U512::ONE << 60;
            let product = hops.iter().skip(1).fold(one, |product, (zero, other, ..)| product * U512::from(*other) / U512::from(*zero));
            let back = (product.saturating_to::<u128>()).clamp(1, (1 << 112) - 1);
            for hop in &mut hops {
                (hop.2, hop.3) = (1, 1);
            }
            hops[0] = (back.saturating_sub(off).max(1), 1 << 60, 1, 1);
        }
        let (mut out, mut into, mut weight) = (U512::ONE, U512::ONE, 0);
        for (zero, one, kept, whole) in hops {
            let fee = V2Fee::new(kept.min(whole), whole).unwrap();
            let pool = V2Pool::new([token(1), token(2)], [zero, one], fee).unwrap();
            out *= U512::from(one) * U512::from(fee.kept());
            into *= U512::from(zero) * U512::from(fee.whole());
            let stretches = [Side::Zero, Side::One].map(|side| pool.stretch(side));
            let [forth, _] = weight::weights(stretches[0], stretches[1], &mut weight::Kept::default());
            weight = weight::plus(weight, forth);
        }
        prop_assert!(out <= into || weight > 0, "{out} > {into}, and yet {weight}");
        // And what is kept is not four millionths below break-even.
        prop_assert!(weight <= 0 || out > into - into / U512::from(250_000u32));
    }
}

#[test]
fn a_deeper_pool_behind_the_best_rate_is_not_hidden() {
    let shallow = pool([1, 2], [1_000, 1_100]);
    let deep = pool([1, 2], [10u128.pow(24), 10u128.pow(24) / 100 * 105]);
    let back = pool([1, 2], [10u128.pow(24), 10u128.pow(24)]);
    let pools = [shallow, deep, back];
    let mut search = updated(&pools, &terms(&[token(1)], Hops::Three));
    let found = search.search();
    assert_eq!(found.len(), 1);
    let routes = search.routes(&found[0], usize::MAX);
    let best = routes.routes.iter().max_by_key(|route| sized(&pools, &route.hops).map(|sized| sized.gross));
    let hops = &best.unwrap().hops;
    assert_eq!(hops.iter().map(|hop| hop.pool).collect::<Vec<_>>(), [1, 2]);
    assert!(search.routes(&found[0], 1).cut);
}

#[test]
fn a_better_pool_that_falls_promotes_the_next() {
    let good = pool([1, 2], [1_000_000, 1_200_000]);
    let next = pool([1, 2], [1_000_000, 1_100_000]);
    let back = pool([1, 2], [1_000_000, 1_000_000]);
    let mut search = updated(&[good, next, back], &terms(&[token(1)], Hops::Four));
    let before = search.search()[0];
    search.update(0, &pool([1, 2], [1_000_000, 1_000_000]));
    let after = search.search();
    assert_eq!(after.len(), 1);
    assert!(after[0].gain() < before.gain());
    search.disable(1);
    assert!(search.search().is_empty() && search.standing().is_empty());
    // So far down that the way back through it gains.
    search.update(0, &pool([1, 2], [1_000_000, 900_000]));
    assert_eq!(search.search().len(), 1);
}

#[test]
fn dust_is_not_traded_into_a_base() {
    let dust = pool([1, 2], [500, 1]);
    let deep = pool([1, 2], [10u128.pow(18), 10u128.pow(18)]);
    let mut terms = terms(&[token(1)], Hops::Four);
    assert_eq!(updated(&[dust, deep], &terms).search().len(), 1);
    terms.bases[0].dust = U256::from(1_000);
    assert!(updated(&[dust, deep], &terms).search().is_empty());
}

#[test]
fn what_is_too_much_is_said_to_be() {
    let pools: Vec<V2Pool> = (2..30)
        .flat_map(|other| {
            [pool([1, other], [1_000_000, 1_000_000]), pool([1, other], [1_000_000, 1_100_000])]
        })
        .collect();
    let mut few = terms(&[token(1)], Hops::Four);
    few.limit = 10;
    let mut search = updated(&pools, &few);
    assert_eq!((search.search().len(), search.is_full()), (10, true));
    let mut search = updated(&pools, &terms(&[token(1)], Hops::Four));
    assert_eq!((search.search().len(), search.is_full()), (28, false));
}

#[test]
fn a_pool_that_changed_without_its_rate_is_sized_again() {
    let rich = |scale: u128| pool([1, 2], [1_000 * scale, 1_100 * scale]);
    let back = pool([1, 2], [1_000_000, 1_000_000]);
    let mut search = updated(&[rich(10), back], &terms(&[token(1)], Hops::Three));
    let first = search.search();
    assert!(search.search().is_empty());
    search.update(0, &rich(1_000));
    assert_eq!(search.search(), first);
}
