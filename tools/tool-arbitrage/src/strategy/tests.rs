#![expect(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::panic_in_result_fn,
    reason = "a chain in a test counts as it likes, and a panic is its verdict"
)]

mod bench;
mod handover;
mod ways;

use agent_core::{
    Call, Opportunity, OpportunityId, Outcome, OutcomeReport, Refusal,
    units::{Bps, UsdE8},
};
use alloy_primitives::{Address, U256};

use self::bench::{Bench, LENDER, USDC, V2, V3, WETH, WILD, config, ether};
use crate::{ArbitrageConfig, Phase, STRATEGY, TermsConfig};

/// Two pairs of WETH and USDC, and a v3 pool of the same, all at 2,000 dollars.
fn calm(config: ArbitrageConfig) -> Bench {
    let mut bench = Bench::new(config);
    bench.pair(V2, 1, [WETH, USDC], [ether(1_000), 2_000_000_000_000]);
    bench.ticks(V3, 2, [WETH, USDC], [ether(2_000), 4_000_000_000_000]);
    bench.start();
    bench
}

/// Somebody sells to the pair.
fn sell(bench: &mut Bench, from: Address, amount: u128) {
    bench.swap(bench::pool(1), from, U256::from(amount));
}

fn only(bench: &Bench) -> Opportunity {
    let open = bench.open();
    assert_eq!(open.len(), 1, "{open:?}");
    open.into_values().next().unwrap()
}

#[test]
fn what_is_level_is_left_alone() {
    let mut bench = calm(config());
    bench.mine();
    assert_eq!(bench.strategy.view().phase(), Phase::Following);
    assert!(bench.open().is_empty());
}

#[test]
fn a_gap_is_closed_with_exact_amounts() {
    let mut bench = calm(config());
    sell(&mut bench, WETH, ether(50));
    bench.mine();
    let opportunity = only(&bench);
    assert!(opportunity.class.starts_with("arbitrage/"), "{}", opportunity.class);
    let intent = &opportunity.intent;
    let [first, second] = &intent.calls[..] else { panic!("{intent:?}") };
    let spent = |call: &Call| call.spend.unwrap().raw;
    // What the first swap brings is what the second spends, to the unit; and what it has to bring.
    let (_, bought) = bench::terms(&first.data);
    assert_eq!(bought, spent(second));
    // The model does what is proposed, and gains exactly that.
    let (input, output) = bench.carry_out(&opportunity);
    assert_eq!(input, spent(first));
    let gained = output - input - bench.premium(input);
    assert_eq!(opportunity.facts["profit"], bench.show(&opportunity, gained));
    assert_eq!(intent.floors[0].raw, gained);
    // Nothing is left after that.
    bench.mine();
    assert!(bench.open().is_empty(), "{:?}", bench.open());
}

#[test]
fn slippage_lowers_the_floor_and_gas_holds_it_up() {
    let terms = TermsConfig { slippage: Bps(1_000), ..config().terms };
    let mut bench = calm(ArbitrageConfig { terms: terms.clone(), ..config() });
    sell(&mut bench, WETH, ether(50));
    bench.mine();
    let loose = only(&bench);
    let terms = TermsConfig { min_margin: UsdE8(i128::from(u32::MAX) * 100_000_000), ..terms };
    let mut dear = calm(ArbitrageConfig { terms, ..config() });
    sell(&mut dear, WETH, ether(50));
    dear.mine();
    assert!(dear.open().is_empty());
    let mut exact = calm(config());
    sell(&mut exact, WETH, ether(50));
    exact.mine();
    assert!(loose.intent.floors[0].raw < only(&exact).intent.floors[0].raw);
}

#[test]
fn the_most_is_not_exceeded() {
    let mut narrow = config();
    narrow.bases.iter_mut().for_each(|base| base.most = U256::from(1_000_000_000u64));
    let mut bench = calm(narrow);
    sell(&mut bench, WETH, ether(50));
    bench.mine();
    for opportunity in bench.open().values() {
        assert!(opportunity.appraisal.notional.raw <= U256::from(1_000_000_000u64));
    }
}

#[test]
fn only_admitted_tokens_and_pools_are_traded() {
    let mut bench = calm(ArbitrageConfig { denied: vec![bench::pool(1)], ..config() });
    // A pool of a token that nobody named, which seems to pay without end.
    bench.pair(V2, 3, [WETH, WILD], [ether(1), ether(1_000_000)]);
    bench.pair(V2, 4, [WILD, USDC], [ether(1), 1_000_000_000_000_000]);
    sell(&mut bench, WETH, ether(50));
    bench.mine();
    bench.mine();
    assert!(bench.open().is_empty());
    assert!(!bench.pools().contains_key(&bench::pool(3)));
}

#[test]
fn an_exchange_that_nobody_verified_is_left_alone_and_said() {
    let mut unsure = config();
    unsure.exchanges[0].verified = false;
    let mut bench = calm(unsure);
    sell(&mut bench, WETH, ether(50));
    bench.mine();
    assert!(bench.open().is_empty());
    assert_eq!(bench.warnings().filter(|warning| warning.contains("verified = true")).count(), 1);
}

#[test]
fn a_pool_that_appears_later_is_followed_from_its_first_log() {
    let mut bench = calm(config());
    bench.pair(V2, 5, [WETH, USDC], [ether(100), 300_000_000_000]);
    bench.mine();
    bench.mine();
    let opportunity = only(&bench);
    assert!(opportunity.facts["pools"].contains(&bench::pool(5).to_string()), "{:?}", opportunity.facts);
}

#[test]
fn a_reorg_leaves_what_a_fresh_start_finds() {
    let mut bench = calm(config());
    bench.mine();
    let keep = bench.height();
    sell(&mut bench, WETH, ether(50));
    bench.mint(2, -203_000, -200_000, 1_000_000_000_000);
    bench.pair(V2, 6, [WETH, USDC], [ether(10), 25_000_000_000]);
    bench.mine();
    bench.mine();
    assert!(!bench.open().is_empty());
    bench.rollback(keep);
    assert!(bench.open().is_empty());
    sell(&mut bench, USDC, 90_000_000_000);
    bench.mine();
    bench.mine();
    let fresh = bench.afresh();
    assert_eq!(bench.pools(), fresh.pools());
    assert_eq!(bench.open(), fresh.open());
    assert!(!bench.open().is_empty());
}

#[test]
fn a_reorg_deeper_than_can_be_taken_back_starts_over() {
    let mut bench = calm(config());
    let keep = bench.height();
    (0..140).for_each(|_| bench.mine());
    bench.rollback(keep);
    assert_eq!(bench.strategy.view().awaiting(), 2);
    assert!(bench.pools().is_empty());
    assert!(bench.warnings().any(|warning| warning.contains("reading all of them again")));
    sell(&mut bench, WETH, ether(50));
    bench.mine();
    bench.mine();
    assert_eq!(bench.strategy.view().phase(), Phase::Following);
    let fresh = bench.afresh();
    assert_eq!((bench.pools(), bench.open()), (fresh.pools(), fresh.open()));
    assert!(!bench.open().is_empty());
}

#[test]
fn worthless_pools_do_not_keep_others_from_their_turn() {
    let terms = TermsConfig { cycles: 1, ..config().terms };
    let mut bench = calm(ArbitrageConfig { terms, ..config() });
    // Gain without end by their rates, and a few units in fact.
    for number in 10..14 {
        bench.pair(V2, number, [WETH, USDC], [1_000, 900_000_000]);
    }
    sell(&mut bench, WETH, ether(50));
    (0..8).for_each(|_| bench.mine());
    assert!(only(&bench).facts["pools"].contains(&bench::pool(1).to_string()));
}

#[test]
fn a_cycle_has_no_more_swaps_than_asked_for() {
    let mut bench = calm(ArbitrageConfig { terms: TermsConfig { hops: 2, ..config().terms }, ..config() });
    sell(&mut bench, WETH, ether(50));
    bench.mine();
    assert_eq!(only(&bench).intent.calls.len(), 2);
}

#[test]
fn a_pool_that_the_chain_contradicts_is_left_alone() {
    let mut bench = calm(config());
    // A pair that moves without a `Sync`: a token that takes a fee, or a fork that says it otherwise.
    bench.move_silently(1, [ether(900), 2_000_000_000_000]);
    for _ in 0..=config().terms.check_blocks {
        bench.mine();
    }
    let why = bench.strategy.view().left_alone(&bench::pool(1)).unwrap();
    assert!(why.contains("the chain says otherwise"), "{why}");
    sell(&mut bench, WETH, ether(50));
    bench.mine();
    assert!(bench.open().is_empty());
    assert_eq!(bench.warnings().filter(|warning| warning.contains("left alone from now on")).count(), 1);
}

#[test]
fn a_log_that_cannot_follow_leaves_its_pool_alone() {
    let mut bench = calm(config());
    bench.burn(2, -203_000, -200_000, 1);
    bench.mine();
    assert!(bench.strategy.view().left_alone(&bench::pool(2)).is_some());
}

#[test]
fn without_prices_nothing_is_proposed() {
    let mut bench = calm(config());
    bench.feeds_are_silent = true;
    for _ in 0..=config().terms.check_blocks {
        bench.mine();
    }
    sell(&mut bench, WETH, ether(50));
    bench.mine();
    assert!(bench.open().is_empty());
}

fn refused(id: OpportunityId, refusal: Refusal) -> OutcomeReport {
    OutcomeReport { id, strategy: STRATEGY.into(), class: String::new(), outcome: Outcome::Refused(refusal) }
}

/// It is withdrawn at once, so that others get its pools.
#[test]
fn what_was_taken_or_fails_is_not_published_again_until_a_pool_changes() {
    for refusal in [Refusal::AlreadyTaken, Refusal::SimulationReverts("closed".into())] {
        let mut bench = calm(config());
        sell(&mut bench, WETH, ether(50));
        bench.mine();
        let shut = only(&bench).id;
        bench.tell_outcome(refused(shut, refusal));
        assert!(bench.open().is_empty());
        bench.mine();
        assert!(bench.open().is_empty());
        sell(&mut bench, WETH, ether(1));
        bench.mine();
        assert_ne!(only(&bench).id, shut);
    }
}

#[test]
fn what_fails_is_tried_again_after_a_rest() {
    let mut bench = calm(config());
    sell(&mut bench, WETH, ether(50));
    bench.mine();
    let failed = only(&bench).id;
    bench.tell_outcome(refused(failed, Refusal::SimulationReverts("no liquidity to lend".into())));
    (0..250).for_each(|_| bench.mine());
    assert!(bench.open().is_empty());
    (0..100).for_each(|_| bench.mine());
    assert_eq!(only(&bench).id, failed);
}

#[test]
fn what_is_refused_for_other_reasons_stays() {
    let mut bench = calm(config());
    sell(&mut bench, WETH, ether(50));
    bench.mine();
    let open = only(&bench).id;
    bench.tell_outcome(refused(open, Refusal::Killed));
    bench.mine();
    assert_eq!(only(&bench).id, open);
}

#[test]
fn with_own_funds_nothing_is_borrowed() {
    let terms = TermsConfig { lender: None, ..config().terms };
    let mut bench = calm(ArbitrageConfig { terms, ..config() });
    sell(&mut bench, WETH, ether(50));
    bench.mine();
    assert_eq!(only(&bench).intent.borrow, None);
    let mut lent = calm(config());
    sell(&mut lent, WETH, ether(50));
    lent.mine();
    assert_eq!(only(&lent).intent.borrow.map(|borrow| borrow.lender), Some(LENDER));
}

#[test]
fn the_same_events_give_the_same_requests() {
    let run = || {
        let mut bench = calm(config());
        sell(&mut bench, WETH, ether(50));
        bench.mine();
        sell(&mut bench, USDC, 200_000_000_000);
        bench.mine();
        bench.requests
    };
    assert_eq!(run(), run());
}
