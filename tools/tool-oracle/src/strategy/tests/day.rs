//! Days of a volatile price, dead sources, lost reads, reorgs, closed contracts, and another keeper, against the rules written plainly.

use std::collections::BTreeSet;

use agent_core::ports::SourceError;
use alloy_primitives::I256;
use proptest::prelude::*;

use super::bench::{Bench, Contracts, config};

/// A small generator: the same seed gives the same day.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }
}

/// What the sources said last, in micro units, and when.
struct Sources([Option<(i64, u64)>; 3]);

impl Sources {
    /// Twice the median of those that count, in micro units: doubled, it is whole.
    fn doubled(&self, now: u64) -> Option<i64> {
        let mut fresh: Vec<i64> =
            self.0.iter().flatten().filter(|(_, at)| now - at <= 60).map(|(value, _)| *value).collect();
        let middle = |sorted: &[i64]| {
            let half = sorted.len() / 2;
            if sorted.len() % 2 == 1 { 2 * sorted[half] } else { sorted[half - 1] + sorted[half] }
        };
        fresh.sort_unstable();
        if fresh.is_empty() {
            return None;
        }
        let median = middle(&fresh);
        fresh.retain(|value| 10 * (2 * value - median).abs() <= median.abs());
        (fresh.len() >= 2).then(|| middle(&fresh))
    }
}

fn small(value: I256) -> i128 {
    i128::try_from(value).unwrap()
}

/// Whether each feed is due, and with what, in its target's units.
fn due(contracts: &Contracts, doubled: Option<i64>, now: u64) -> [Option<i128>; 2] {
    let Some(doubled) = doubled.map(i128::from) else { return [None, None] };
    // Six digits more, halved, cut to eight and to six.
    let (eight, six) = (doubled * 50, doubled / 2);
    let state = contracts.flux.state(0, now);
    let latest = small(state.latest);
    let moved = (eight - latest).abs() * 1_000 >= latest.abs() * 5 && eight != latest;
    let idle = contracts.flux.latest().is_some_and(|(_, _, started, _)| now >= started + 600);
    let flux = state.eligible && (state.round == 1 || state.started > 0 || moved || idle);
    let (held, updated) = (small(contracts.set.0), contracts.set.1);
    let far = if held == 0 { six != 0 } else { (six - held).abs() * 100 >= held.abs() };
    let set = updated == 0 || far || updated + 300 < now;
    [flux.then_some(eight), set.then_some(six)]
}

/// How a run went.
#[derive(Debug, Default)]
struct Tally {
    updates: [usize; 2],
    reverts: usize,
    /// The most blocks in a row at whose end a feed was due.
    longest: [u64; 2],
}

fn run(seed: u64, blocks: u64, chaos: bool) -> Tally {
    let mut chance = Chance(seed | 1);
    let mut bench = Bench::new(config());
    let mut sources = Sources([None; 3]);
    let mut price = 3_000_000_000_i64;
    let (mut tally, mut reverted, mut waiting) = (Tally::default(), BTreeSet::new(), [0_u64; 2]);
    for block in 0..blocks {
        let step = i64::try_from(chance.below(1 + price.unsigned_abs() / 300)).unwrap();
        price += if chance.one_in(2) { step } else { -step };
        let now = bench.now();
        for (place, name) in ["a", "b", "c"].into_iter().enumerate() {
            let dead = chaos && place == 2 && block % 500 > 250;
            match chance.below(if chaos { 20 } else { 12 }) {
                0 => {}
                _ if dead => bench.said(name, Err(SourceError::Unreachable)),
                14 => bench.said(name, Err(SourceError::Status(502))),
                15 => {
                    bench.says(
                        name,
                        ["<html>", r#"{"price":NaN}"#, r#"{"price":1e400}"#, "{}"]
                            [usize::try_from(chance.below(4)).unwrap()],
                    );
                    sources.0[place] = None;
                }
                odd => {
                    let value = if odd == 16 {
                        price * 100
                    } else {
                        price + i64::try_from(chance.below(1_000_000)).unwrap()
                    };
                    bench.says(name, &format!(r#"{{"price":"{}e-6"}}"#, value));
                    sources.0[place] = Some((value, now));
                }
            }
        }
        // What the door takes is what goes through on this block's state.
        let offered = bench.offered();
        if chaos && chance.one_in(30) {
            bench.contracts.closed = !bench.contracts.closed;
        }
        if chaos && chance.one_in(15) {
            bench.other_submits(price * 100);
        }
        if chaos && chance.one_in(60) {
            bench.contracts.set = (I256::unchecked_from(price), bench.now());
        }
        bench.deaf = chaos && block % 97 > 90;
        for one in &offered {
            assert!(!reverted.contains(&one.id), "paid twice for a revert");
            let target = if one.class.ends_with("FLUX") { 0 } else { 1 };
            if bench.contracts.after(&one.intent, bench.now() + 12).is_some() {
                tally.updates[target] += 1;
            } else {
                tally.reverts += 1;
                reverted.insert(one.id);
            }
        }
        bench.mine(&offered);
        if chaos && chance.one_in(80) {
            bench.deaf = false;
            bench.rollback(usize::try_from(1 + chance.below(3)).unwrap());
            bench.mine(&[]);
        }
        if bench.deaf {
            waiting = [0; 2];
            continue;
        }
        let (now, number) = (bench.now(), bench.chain.last().unwrap().0.block.number);
        // After a reorg, what was said may be ahead of the chain: it counts, and this test does not say how old it is.
        if sources.0.iter().flatten().any(|(_, at)| *at > now) {
            continue;
        }
        let expected = due(&bench.contracts, sources.doubled(now), now);
        for (place, name) in ["FLUX", "SET"].into_iter().enumerate() {
            let open = bench.of(name);
            let Some(value) = expected[place] else {
                assert!(
                    open.is_none(),
                    "seed {seed}, block {number}: {name} is not due: {}",
                    bench.decision(name)
                );
                waiting[place] = 0;
                continue;
            };
            if let Some(open) = open {
                let word = if place == 0 { 36..68 } else { 4..36 };
                let sent = I256::from_be_bytes::<32>(open.intent.calls[0].data[word].try_into().unwrap());
                assert_eq!(small(sent), value, "seed {seed}, block {number}: {name}");
                assert!(!reverted.contains(&open.id));
            } else {
                // It was tried, and may not be tried again, or not yet.
                let decision = bench.decision(name);
                let tried = ["an update was mined", "an update failed"]
                    .iter()
                    .any(|words| decision.starts_with(words));
                assert!(tried, "seed {seed}, block {number}: {name} is due with {value}: {decision}");
                assert!(chaos, "{decision}");
            }
            waiting[place] += 1;
            tally.longest[place] = tally.longest[place].max(waiting[place]);
        }
    }
    tally
}

/// 24 hours in blocks of 12 seconds.
#[test]
fn a_day_of_a_volatile_price_meets_every_deviation_and_heartbeat_with_the_next_block() {
    let tally = run(7, 7_200, false);
    assert!(tally.updates.iter().all(|updates| *updates > 200), "{tally:?}");
    // Due at the end of a block, and updated in the next.
    assert_eq!((tally.longest, tally.reverts), ([1, 1], 0), "{tally:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn whatever_happens_what_is_due_is_published_and_nothing_else(seed: u64) {
        let _tally = run(seed, 250, true);
    }
}
