#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use super::*;
use crate::math::v3::sqrt_price_at_tick;
use proptest::prelude::*;

const TOKENS: [Address; 2] = [Address::ZERO, Address::repeat_byte(1)];

fn u(value: u128) -> U256 {
    U256::from(value)
}

fn terms(fee_pips: u32, tick_spacing: i32) -> V3Terms {
    V3Terms { tokens: TOKENS, fee_pips, tick_spacing }
}

fn started(terms: V3Terms, sqrt_price: U256) -> V3Pool {
    let mut pool = V3Pool::created(terms).unwrap();
    let tick = tick_at_sqrt_price(sqrt_price).unwrap();
    pool.apply(V3Event::Initialize { sqrt_price, tick }).unwrap();
    pool
}

fn mint(lower: i32, upper: i32, amount: u128) -> V3Event {
    V3Event::Mint { lower, upper, amount }
}

fn burn(lower: i32, upper: i32, amount: u128) -> V3Event {
    V3Event::Burn { lower, upper, amount }
}

fn swapped(swap: &Swap) -> V3Event {
    let V3Slot { sqrt_price, tick, liquidity, .. } = swap.after;
    V3Event::Swap { sqrt_price, liquidity, tick }
}

/// What may happen to a pool, with numbers that are made to fit it.
#[derive(Debug, Clone)]
enum Act {
    Mint { lower: i32, width: i32, amount: u128 },
    Burn { which: usize, all: bool },
    Swap { zero: bool, out: bool, amount: U256, limit: Option<i32>, off: i8 },
}

fn act() -> impl Strategy<Value = Act> {
    let near = prop_oneof![3 => -40_i32..40, 2 => -600_i32..600, 1 => any::<i32>()];
    let width = prop_oneof![3 => 1_i32..30, 1 => 1_i32..2_000, 1 => any::<i32>()];
    let amount = (any::<u128>(), 28_u32..120).prop_map(|(amount, down)| (amount >> down).max(1));
    let limit =
        prop_oneof![2 => Just(None), 3 => (-300_i32..300).prop_map(Some), 1 => any::<i32>().prop_map(Some)];
    let swapped = (any::<[u64; 4]>(), 1_usize..256).prop_map(|(limbs, down)| U256::from_limbs(limbs) >> down);
    prop_oneof![
        3 => (near, width, amount).prop_map(|(lower, width, amount)| Act::Mint { lower, width, amount }),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(which, all)| Act::Burn { which, all }),
        6 => (any::<bool>(), any::<bool>(), swapped, limit, -1_i8..=1)
            .prop_map(|(zero, out, amount, limit, off)| Act::Swap { zero, out, amount, limit, off }),
    ]
}

struct Played {
    pool: V3Pool,
    positions: Vec<(i32, i32, u128)>,
}

impl Played {
    fn play(&mut self, act: &Act) {
        let spacing = self.pool.terms.tick_spacing;
        match act {
            Act::Mint { lower, width, amount } => {
                let most = MAX_TICK / spacing;
                let lower = (lower % (most + 1)).min(most - 1);
                let upper = lower.saturating_add((width % most).abs().max(1)).min(most);
                let (lower, upper) = (lower * spacing, upper * spacing);
                self.pool.apply(mint(lower, upper, *amount)).unwrap();
                self.positions.push((lower, upper, *amount));
            }
            Act::Burn { which, all } => {
                if self.positions.is_empty() {
                    return;
                }
                let which = which % self.positions.len();
                let (lower, upper, held) = self.positions[which];
                let amount = if *all { held } else { held / 2 };
                self.positions[which].2 -= amount;
                self.pool.apply(burn(lower, upper, amount)).unwrap();
            }
            Act::Swap { zero, out, amount, limit, off } => {
                let side = if *zero { Side::Zero } else { Side::One };
                let amount = if *out { Exact::Out(*amount) } else { Exact::In(*amount) };
                let limit = limit.map(|away| {
                    let tick = self.pool.slot.tick.saturating_add(away).clamp(MIN_TICK, MAX_TICK);
                    let price = sqrt_price_at_tick(tick).unwrap();
                    if *off < 0 { price - U256::ONE } else { price + u(u128::from(off.unsigned_abs())) }
                });
                self.swap(side, amount, limit);
            }
        }
        self.pool.check().unwrap();
    }

    /// The loop and the sums, which have to agree in everything.
    fn swap(&mut self, side: Side, amount: Exact, limit: Option<U256>) {
        let quoted = self.pool.quote(side, amount, limit);
        let walked = self.pool.walk(side, amount, limit);
        assert_eq!(quoted, walked.map(|walk| walk.swap), "{side:?} {amount:?} {limit:?}");
        let Ok(swap) = quoted else { return };
        if let Ok(walk) = walked {
            assert_eq!(walk.protocol_fee, 0);
        }
        self.pool.apply(swapped(&swap)).unwrap();
    }

    /// Amounts that end exactly at each of the first stops, and beside them.
    fn edges(&self, side: Side) {
        let mut amounts = vec![];
        for away in [1, 2, 59, 60, 255, 256, 257, 10_000] {
            let tick =
                if side == Side::Zero { self.pool.slot.tick - away } else { self.pool.slot.tick + away };
            let tick = tick.clamp(MIN_TICK + 1, MAX_TICK - 1);
            for kind in [Exact::In, Exact::Out] {
                let limit = sqrt_price_at_tick(tick).ok();
                if let Ok(swap) = self.pool.quote(side, kind(U256::MAX >> 1), limit) {
                    let exact =
                        if matches!(kind(U256::ZERO), Exact::In(_)) { swap.consumed } else { swap.output };
                    amounts.extend((0..3).map(|off| kind((exact + U256::ONE).saturating_sub(u(off)))));
                }
            }
        }
        for amount in amounts {
            let walked = self.pool.walk(side, amount, None).map(|walk| walk.swap);
            assert_eq!(self.pool.quote(side, amount, None), walked, "{side:?} {amount:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn sums_are_what_the_loop_says(
        kind in prop::sample::select(vec![(100, 1), (500, 10), (3_000, 60), (10_000, 200), (0, 7), (999_999, 16_383)]),
        start in prop_oneof![4 => -3_000_i32..3_000, 1 => MIN_TICK..MAX_TICK],
        beside in 0_u8..2,
        acts in prop::collection::vec(act(), 1..24),
    ) {
        let price = sqrt_price_at_tick(start).unwrap() + u(beside.into());
        let mut played = Played { pool: started(terms(kind.0, kind.1), price), positions: vec![] };
        for act in &acts {
            played.play(act);
        }
        played.edges(Side::Zero);
        played.edges(Side::One);
        // What was built up log by log is what a snapshot of it would be.
        let ticks: Vec<_> = played.pool.book.between(MIN_TICK, MAX_TICK).collect();
        let fresh = V3Pool::new(played.pool.terms, played.pool.slot, ticks).unwrap();
        for side in [Side::Zero, Side::One] {
            prop_assert_eq!(fresh.quote_in(side, u(1 << 80)), played.pool.quote_in(side, u(1 << 80)));
        }
    }
}

fn plain() -> V3Pool {
    let mut pool = started(terms(3_000, 60), u(1 << 96));
    pool.apply(mint(-600, 600, 10_u128.pow(21))).unwrap();
    pool.apply(mint(-60, 120, 10_u128.pow(20))).unwrap();
    pool
}

#[test]
fn a_limit_leaves_what_was_not_consumed() {
    let pool = plain();
    let limit = sqrt_price_at_tick(-30).unwrap();
    let swap = pool.quote(Side::Zero, Exact::In(u(10_u128.pow(24))), Some(limit)).unwrap();
    assert_eq!((swap.after.sqrt_price, swap.after.tick), (limit, -30));
    assert!(swap.consumed < u(10_u128.pow(19)) && !swap.output.is_zero());
    let price = pool.slot.sqrt_price;
    for (side, limit) in
        [(Side::Zero, price), (Side::One, price), (Side::Zero, MIN_SQRT_PRICE), (Side::One, MAX_SQRT_PRICE)]
    {
        assert_eq!(pool.quote(side, Exact::In(u(1)), Some(limit)), Err(Unquotable::Limit));
    }
}

#[test]
fn what_runs_out_of_liquidity_says_so() {
    let pool = plain();
    let all = u(10_u128.pow(24));
    assert!(pool.quote_in(Side::Zero, all).unwrap().consumed < all);
    assert_eq!(pool.quote_out(Side::Zero, all), Err(Unquotable::TooLarge));
    assert_eq!(pool.quote_in(Side::Zero, U256::ZERO), Err(Unquotable::TooSmall));
    assert_eq!(pool.quote_in(Side::Zero, U256::ONE << 255), Err(Unquotable::TooLarge));
    // A unit is taken, and gives nothing.
    assert_eq!(pool.quote_in(Side::One, u(1)), Ok(Quote { consumed: u(1), output: u(0) }));
    let empty = started(terms(500, 10), u(1 << 96));
    assert_eq!(empty.quote_in(Side::One, u(1)), Err(Unquotable::Empty));
    assert_eq!(V3Pool::created(terms(500, 10)).unwrap().quote_in(Side::One, u(1)), Err(Unquotable::Empty));
}

#[test]
fn the_protocol_takes_its_part_of_the_fee_and_nothing_of_the_trade() {
    let mut pool = plain();
    let (side, amount) = (Side::One, Exact::In(u(10_u128.pow(20))));
    let before = pool.walk(side, amount, None).unwrap();
    pool.apply(V3Event::SetFeeProtocol { token0: 4, token1: 10 }).unwrap();
    let after = pool.walk(side, amount, None).unwrap();
    assert_eq!((after.swap.consumed, after.swap.output), (before.swap.consumed, before.swap.output));
    assert_eq!(after.provider_fee + u(after.protocol_fee), before.provider_fee);
    let tenth = before.provider_fee / u(10);
    assert!(tenth - u(after.protocol_fee) <= u(4), "{tenth} {}", after.protocol_fee);
    assert_eq!(pool.slot().fee_protocol, 4 | (10 << 4));
}

#[test]
fn logs_that_cannot_follow_change_nothing() {
    let pool = plain();
    let slot = pool.slot;
    let at = |sqrt_price, liquidity, tick| V3Event::Swap { sqrt_price, liquidity, tick };
    let cases = [
        (V3Event::Initialize { sqrt_price: slot.sqrt_price, tick: 0 }, V3LogError::Initialized),
        (burn(-600, 600, 10_u128.pow(21) + 1), V3LogError::Liquidity),
        (burn(-6_000, 6_000, 1), V3LogError::Liquidity),
        (mint(-600, 600, u128::MAX), V3LogError::Liquidity),
        (mint(600, -600, 1), V3LogError::Ticks),
        (mint(-61, 60, 1), V3LogError::Ticks),
        (mint(-887_280, 60, 1), V3LogError::Ticks),
        (at(slot.sqrt_price, slot.liquidity + 1, 0), V3LogError::Mismatch),
        (at(sqrt_price_at_tick(-61).unwrap(), slot.liquidity, -61), V3LogError::Mismatch),
        (at(U256::ONE, slot.liquidity, 0), V3LogError::Price),
        (V3Event::SetFeeProtocol { token0: 16, token1: 0 }, V3LogError::Data),
    ];
    for (event, error) in cases {
        let mut changed = pool.clone();
        assert_eq!(changed.apply(event), Err(error), "{event:?}");
        assert_eq!(changed.slot, pool.slot);
        assert_eq!(
            changed.quote_in(Side::Zero, u(10_u128.pow(20))),
            pool.quote_in(Side::Zero, u(10_u128.pow(20)))
        );
    }
    // A burn of nothing is legal: somebody had the fees counted.
    let mut poked = pool.clone();
    poked.apply(burn(-600, 600, 0)).unwrap();
    assert_eq!(poked.slot, pool.slot);
    let mut created = V3Pool::created(terms(500, 10)).unwrap();
    assert_eq!(created.apply(mint(-10, 10, 1)), Err(V3LogError::NotInitialized));
}

#[test]
fn a_snapshot_that_is_not_whole_is_found_out() {
    let pool = plain();
    let ticks: Vec<_> = pool.book.between(MIN_TICK, MAX_TICK).collect();
    let whole = V3Pool::new(pool.terms, pool.slot, ticks.clone()).unwrap();
    assert_eq!(whole.check(), Ok(()));
    let part = V3Pool::new(pool.terms, pool.slot, ticks[1..].to_vec()).unwrap();
    assert_eq!(part.check(), Err(V3LogError::Mismatch));
    let other = V3Slot { tick: 1, ..pool.slot };
    assert_eq!(V3Pool::new(pool.terms, other, ticks).unwrap().check(), Err(V3LogError::Mismatch));
    for bad in [terms(1_000_000, 60), terms(3_000, 0), terms(3_000, 16_384)] {
        assert!(matches!(V3Pool::created(bad), Err(V3LogError::Terms)));
    }
    let nowhere = V3Slot { sqrt_price: MAX_SQRT_PRICE, ..pool.slot };
    assert!(matches!(V3Pool::new(pool.terms, nowhere, []), Err(V3LogError::Price)));
}

#[test]
fn ticks_that_contradict_the_liquidity_are_no_quote() {
    let ticks = [(-60, TickLiquidity { gross: 5, net: 5 }), (60, TickLiquidity { gross: 5, net: -5 })];
    let slot = V3Slot { sqrt_price: u(1 << 96), tick: 0, liquidity: 4, fee_protocol: 0 };
    let pool = V3Pool::new(terms(3_000, 60), slot, ticks).unwrap();
    for side in [Side::Zero, Side::One] {
        let all = Exact::In(u(1_000));
        assert_eq!(pool.quote(side, all, None), Err(Unquotable::Inconsistent));
        assert_eq!(pool.walk(side, all, None), Err(Unquotable::Inconsistent));
    }
}

#[test]
fn stretches_follow_the_curve() {
    let pool = plain();
    let stretches: Vec<_> = pool.stretches(Side::Zero).collect();
    assert_eq!(stretches.len(), 2);
    assert_eq!(pool.stretch(Side::Zero), stretches.first().copied());
    let taken: f64 = stretches.iter().map(|stretch| stretch.until).sum();
    let consumed = f64::from(pool.quote_in(Side::Zero, U256::MAX >> 1).unwrap().consumed);
    assert!((taken / consumed - 1.0).abs() < 1e-9, "{taken} {consumed}");
    let [first, ..] = stretches[..] else { panic!("no stretch") };
    let x = first.until / 2.0 * (1.0 - first.fee);
    let out = first.reserve_out * x / (first.reserve_in + x);
    let exact = f64::from(pool.quote_in(Side::Zero, U256::from(first.until / 2.0)).unwrap().output);
    assert!((out / exact - 1.0).abs() < 1e-9, "{out} {exact}");
}
