//! What is left after gas and tip, and whether a split gains more of it.

use std::collections::BTreeSet;

use agent_core::{
    Borrow, Lending, Opportunity, Outcome, OutcomeReport, Refusal,
    units::{Bps, UsdE8},
};
use alloy_primitives::U256;

use super::{
    bench::{self, Bench, USDC, V2, V3, WETH, config, ether},
    calm, only, sell,
};
use crate::{ArbitrageConfig, STRATEGY, TermsConfig, TipConfig};

const DOLLAR: i128 = 100_000_000;

fn dollars(whole: i128) -> UsdE8 {
    UsdE8(whole * DOLLAR)
}

/// What is published after somebody sold a lot.
fn published(terms: TermsConfig) -> Option<Opportunity> {
    let mut bench = calm(ArbitrageConfig { terms, ..config() });
    sell(&mut bench, WETH, ether(50));
    bench.mine();
    assert!(bench.open().len() < 2);
    bench.open().into_values().next()
}

#[test]
fn what_is_published_is_net_of_the_tip() {
    let tips = vec![
        TipConfig { above: dollars(100), share: Bps(5_000) },
        TipConfig { above: dollars(1_000), share: Bps(9_000) },
    ];
    let slippage = Bps(10_000);
    let free = published(TermsConfig { slippage, ..config().terms }).unwrap();
    let tipped =
        published(TermsConfig { slippage, tips: tips.clone(), min_margin: dollars(7), ..config().terms })
            .unwrap();
    let before = free.appraisal.net().unwrap();
    assert_eq!((free.id, free.appraisal.gross), (tipped.id, tipped.appraisal.gross));
    assert!(before > dollars(1_500), "the case has both parts of the curve: {before}");
    let after = dollars(100 + 450).0 + (before.0 - dollars(1_000).0) / 10;
    let published = tipped.appraisal.net().unwrap();
    assert!((published.0 - after).abs() < DOLLAR / 100, "{published} is not {after}");
    // Less than gas, tip and margin is never gained, whatever slippage allows.
    let least = UsdE8(before.0 - after + 7 * DOLLAR);
    assert!(tipped.intent.floors[0].raw > free.intent.floors[0].raw);
    let floor = UsdE8::value_of(tipped.intent.floors[0].raw, 6, dollars(1)).unwrap();
    let floor = if tipped.class.ends_with("USDC") {
        floor
    } else {
        UsdE8::value_of(tipped.intent.floors[0].raw, 18, dollars(2_000)).unwrap()
    };
    assert!(floor >= least, "{floor} is less than {least}");
}

#[test]
fn a_tip_of_everything_leaves_nothing_to_publish() {
    let all = |min_margin| TermsConfig {
        tips: vec![TipConfig { above: UsdE8::ZERO, share: Bps(10_000) }],
        min_margin,
        ..config().terms
    };
    assert!(published(all(UsdE8(1))).is_none());
    assert!(published(TermsConfig { min_margin: UsdE8(1), ..config().terms }).is_some());
}

/// Two pairs that somebody sold to, to one more than to the other, and a pool with ticks that nobody did.
fn parallel(terms: TermsConfig) -> (Bench, Opportunity) {
    let mut bench = Bench::new(ArbitrageConfig { terms, ..config() });
    bench.pair(V2, 1, [WETH, USDC], [ether(1_000), 2_000_000_000_000]);
    bench.ticks(V3, 2, [WETH, USDC], [ether(2_000), 4_000_000_000_000]);
    bench.pair(V2, 7, [WETH, USDC], [ether(1_000), 2_000_000_000_000]);
    bench.start();
    bench.swap(bench::pool(1), WETH, U256::from(ether(50)));
    bench.swap(bench::pool(7), WETH, U256::from(ether(25)));
    bench.mine();
    let opportunity = only(&bench);
    (bench, opportunity)
}

#[test]
fn a_split_gains_more_exactly_as_computed() {
    let (_, alone) = parallel(config().terms);
    let (mut bench, split) = parallel(TermsConfig { split: true, ..config().terms });
    assert_eq!((alone.intent.calls.len(), split.intent.calls.len()), (2, 3), "{:?}", split.facts);
    assert!(split.facts["pools"].contains(" + "), "{:?}", split.facts);
    assert!(split.appraisal.net() > alone.appraisal.net());
    let (input, output) = bench.carry_out(&split);
    let gained = output - input - bench.premium(input);
    assert_eq!(split.intent.floors[0].raw, gained);
    assert_eq!(split.facts["profit"], bench.show(&split, gained));
    assert_eq!(split.intent.borrow.unwrap().amount.raw, input);
}

fn with_flash_swaps() -> ArbitrageConfig {
    let mut config = config();
    config.exchanges.iter_mut().for_each(|exchange| exchange.flash_swaps = true);
    config
}

/// The first pool lends what it sells, and is paid at the end: the premium is saved, and what is gained is what was computed.
#[test]
fn a_flash_swap_needs_no_lender_and_gains_the_premium() {
    let mut kinds = BTreeSet::new();
    for (token, amount) in [(WETH, ether(50)), (USDC, 100_000_000_000)] {
        let mut lent = calm(config());
        sell(&mut lent, token, amount);
        lent.mine();
        let lent = only(&lent);
        for terms in [config().terms, TermsConfig { lender: None, ..config().terms }] {
            let mut bench = calm(ArbitrageConfig { terms, ..with_flash_swaps() });
            sell(&mut bench, token, amount);
            bench.mine();
            let swap = only(&bench);
            let Borrow { lending, .. } = swap.intent.borrow.unwrap();
            assert_eq!(lending.price(), Some(swap.appraisal.notional));
            assert_eq!((lent.intent.calls.len(), swap.intent.calls.len()), (2, 1));
            assert!(swap.appraisal.gross > lent.appraisal.gross && swap.id != lent.id);
            let (input, output) = bench.carry_out(&swap);
            assert_eq!(swap.intent.floors[0].raw, output - input);
            kinds.insert(matches!(lending, Lending::PairV2 { .. }));
        }
    }
    assert_eq!(kinds.len(), 2, "both kinds lend");
}

/// A policy that does not know the pool's factory, say, may still know a lender.
#[test]
fn a_flash_swap_that_is_refused_makes_room_for_a_loan() {
    let mut bench = calm(with_flash_swaps());
    sell(&mut bench, WETH, ether(50));
    bench.mine();
    let swap = only(&bench);
    let lender = swap.intent.borrow.unwrap().lender;
    bench.tell_outcome(refused(swap, Refusal::LenderNotAllowed(lender)));
    bench.mine();
    assert_eq!(only(&bench).intent.borrow.map(|borrow| borrow.lending), Some(Lending::FlashLoan));
}

fn refused(opportunity: Opportunity, refusal: Refusal) -> OutcomeReport {
    OutcomeReport {
        id: opportunity.id,
        strategy: STRATEGY.into(),
        class: opportunity.class,
        outcome: Outcome::Refused(refusal),
    }
}

/// What fails or is too large for the policy as a split may go through one pool alone.
#[test]
fn a_split_that_is_refused_makes_room_for_the_single_way() {
    let limit =
        Refusal::OverLimit { limit: "per transaction".into(), asked: "9".into(), allowed: "5".into() };
    for refusal in [limit, Refusal::SimulationReverts("out of gas".into())] {
        let (mut bench, split) = parallel(TermsConfig { split: true, ..config().terms });
        bench.tell_outcome(refused(split, refusal));
        bench.mine();
        assert_eq!(only(&bench).intent.calls.len(), 2);
    }
}

#[test]
fn a_split_that_costs_more_gas_than_it_gains_is_none() {
    let gross =
        |split| parallel(TermsConfig { split, gas: 0, gas_per_hop: 0, ..config().terms }).1.appraisal.gross.0;
    // So much gas for the third swap that nearly all is gone that it gains, or a little more; a coin is worth 2,000 dollars.
    let more = gross(true) - gross(false);
    let gas = |percent| u64::try_from(more * percent / 100 * 10i128.pow(10) / 2_000 / 1_125_000_000).unwrap();
    let calls = |percent| {
        let terms = TermsConfig { split: true, gas: 0, gas_per_hop: gas(percent), ..config().terms };
        parallel(terms).1.intent.calls.len()
    };
    assert_eq!((calls(99), calls(101)), (3, 2));
}

#[test]
fn tips_and_splits_are_read_as_the_example_writes_them() {
    let written = r#"{ "tips": [{ "above": "10000000000", "share": 2000 }], "split": true }"#;
    let read: TermsConfig = serde_json::from_str(written).unwrap();
    assert_eq!(read.tips, [TipConfig { above: dollars(100), share: Bps(2_000) }]);
    assert!(read.split && !TermsConfig::default().split);
}
