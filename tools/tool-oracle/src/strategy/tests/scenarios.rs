//! One thing at a time.

use std::sync::Arc;

use agent_core::{
    Replay, Replayed,
    ports::{SourceError, Tool, ToolContext, ToolErrorKind},
    units::{BlockRef, UsdE8},
};
use alloy_primitives::{I256, U256};
use alloy_sol_types::SolCall;
use futures::executor::block_on;

use super::bench::{Bench, FLUX, LINK, config};
use crate::{
    ExplainFeed, FeedStatus, FeedStrategy, FeedsConfig, FeedsError, HowMany, WhichFeed,
    target::flux_abi::IFluxAggregator as Flux,
};

/// Both feeds hold 100.
fn settled() -> Bench {
    let mut bench = Bench::new(config());
    bench.price("100");
    let first = bench.offered();
    assert_eq!(first.len(), 2, "first rounds");
    bench.mine(&first);
    assert!(bench.open.is_empty());
    bench
}

#[test]
fn a_deviation_is_published_when_it_is_seen_and_collects_its_payment() {
    let mut bench = settled();
    bench.price("100.499999999");
    assert_eq!(
        bench.decision("FLUX"),
        "no update is due: the value is near the target's, and the last update is recent"
    );
    bench.price("100.5");
    let update = bench.of("FLUX").unwrap().clone();
    assert!(bench.of("SET").is_none(), "one per cent is not reached");
    let submit = Flux::submitCall::abi_decode(&update.intent.calls[0].data).unwrap();
    assert_eq!(
        (submit.roundId, submit.submission),
        (U256::from(2), I256::unchecked_from(10_050_000_000_i64))
    );
    assert!(update.intent.calls.iter().all(|call| call.target == FLUX));
    let collect = Flux::withdrawPaymentCall::abi_decode(&update.intent.calls[1].data).unwrap();
    assert_eq!((collect.oracle, collect.recipient), (config().executor, config().executor));
    assert_eq!(
        (update.intent.floors[0].token, update.intent.floors[0].raw),
        (LINK, U256::from(10_u64.pow(16)))
    );
    // A hundredth of a LINK at 15 dollars; 350,000 gas at 10 gwei and 3,000 dollars.
    assert_eq!((update.appraisal.gross, update.appraisal.gas), (UsdE8(15_000_000), UsdE8(1_050_000_000)));
    assert_eq!((update.facts["round"].as_str(), update.facts["held"].as_str()), ("2", "100"));
    // Said again it is not published again; gone it is withdrawn.
    let published = bench.published;
    bench.price("100.5");
    assert_eq!(bench.published, published);
    bench.price("100");
    assert!(bench.open.is_empty());
}

#[test]
fn what_the_target_would_not_keep_is_not_due() {
    let mut config = config();
    // The setter keeps six digits; the least change that it keeps is far enough.
    let mode = "ocr2 = { alpha_report_ppb = 1, delta_c_seconds = 300, min = \"1\", max = \"1000000\" }";
    config.feeds[1].mode = toml::from_str(mode).unwrap();
    let mut bench = Bench::new(config);
    bench.price("100");
    let first = bench.offered();
    bench.mine(&first);
    bench.price("100.0000009");
    assert!(bench.of("SET").is_none());
    bench.price("100.000001");
    assert!(bench.of("SET").is_some());
}

#[test]
fn a_round_of_others_is_answered_and_one_of_ours_is_not_answered_twice() {
    let mut bench = settled();
    bench.other_submits(10_000_000_000);
    bench.mine(&[]);
    assert!(bench.of("FLUX").is_none(), "the other submitted to the round that we began");
    bench.other_submits(10_000_000_000);
    bench.mine(&[]);
    assert_eq!(bench.of("FLUX").unwrap().facts["why"], "a round waits for this oracle");
    bench.price("100");
    let answer = bench.offered();
    bench.mine(&answer);
    assert!(bench.of("FLUX").is_none());
    // Begun by a request, and standing still: nobody may begin the next.
    bench.contracts.flux.request(bench.now());
    bench.mine(&[]);
    assert!(bench.of("FLUX").is_some());
}

#[test]
fn a_target_that_would_refuse_is_left_alone_and_said_so() {
    let mut bench = settled();
    bench.contracts.flux.bounds.1 = I256::unchecked_from(10_100_000_000_i64);
    bench.mine(&[]);
    bench.price("101");
    assert!(bench.of("FLUX").is_some(), "exactly the most");
    bench.price("101.00000001");
    assert_eq!(bench.decision("FLUX"), "no update is due: the target would refuse the value");
    bench.price("101");
    bench.contracts.flux.available = 6 * bench.contracts.flux.payment;
    bench.mine(&[]);
    assert!(bench.of("FLUX").is_some(), "three rounds of two oracles");
    bench.contracts.flux.available -= 1;
    bench.mine(&[]);
    assert_eq!(bench.decision("FLUX"), "the aggregator cannot pay for three rounds");
}

#[test]
fn one_source_moves_nothing() {
    let mut bench = settled();
    bench.says("a", r#"{"price":10000}"#);
    assert!(bench.open.is_empty(), "a hundred times off");
    bench.said("b", Err(SourceError::TimedOut));
    bench.says("c", "<html>");
    assert_eq!(bench.decision("SET"), "there is no value to send: 0 sources are left, and 2 are needed");
    bench.says("c", r#"{"price":105}"#);
    // What b said before it fell silent still counts.
    assert_eq!(bench.of("FLUX").unwrap().facts["value"], "102.5");
    for _ in 0..6 {
        bench.mine(&[]);
    }
    bench.says("c", r#"{"price":105}"#);
    assert_eq!(bench.decision("FLUX"), "there is no value to send: 1 sources are left, and 2 are needed");
    bench.said("nobody's", Err(SourceError::Failed));
}

#[test]
fn what_fails_in_its_simulation_rests() {
    let mut bench = settled();
    bench.contracts.closed = true;
    bench.mine(&[]);
    bench.price("102");
    let offered = bench.offered();
    assert_eq!(offered.len(), 1, "the aggregator is open");
    bench.mine(&offered);
    assert_eq!(
        bench.decision("SET"),
        "an update failed in its simulation; it is tried again after block 122"
    );
    bench.contracts.closed = false;
    let mut blocks = 0;
    while bench.of("SET").is_none() {
        bench.mine(&[]);
        bench.price("102");
        blocks += 1;
    }
    assert_eq!(blocks, 20);
    // A reorg voids what it failed on.
    bench.contracts.closed = true;
    let _refused = bench.offered();
    assert!(bench.of("SET").is_none());
    bench.rollback(1);
    bench.contracts.closed = false;
    bench.mine(&[]);
    assert!(bench.of("SET").is_some());
}

#[test]
fn a_second_instance_acts_where_the_first_did_not() {
    let mut config = config();
    config.terms.standby_blocks = 2;
    let mut bench = Bench::new(config);
    bench.price("100");
    assert_eq!(
        bench.decision("SET"),
        "an update is due (the target has no value yet), and left to others until block 102"
    );
    bench.mine(&[]);
    assert!(bench.open.is_empty());
    // The first updates one of the two.
    bench.contracts.set = (I256::unchecked_from(100_000_000), bench.now());
    bench.mine(&[]);
    assert!(bench.of("SET").is_none() && bench.of("FLUX").is_some());
    // What was due, was not, and is again, is left to others anew.
    bench.price("102");
    bench.price("100");
    bench.mine(&[]);
    bench.price("102");
    assert!(bench.of("SET").is_none());
    bench.mine(&[]);
    assert!(bench.of("SET").is_none());
    bench.mine(&[]);
    assert!(bench.of("SET").is_some());
}

#[test]
fn a_revert_is_not_paid_for_twice() {
    let mut bench = settled();
    bench.price("102");
    let both = bench.offered();
    // It closes after the simulation.
    bench.contracts.closed = true;
    bench.mine(&both);
    assert_eq!(bench.warnings.len(), 1);
    bench.contracts.closed = false;
    for price in ["103", "104", "105"] {
        bench.price(price);
        bench.mine(&[]);
        assert!(bench.of("SET").is_none(), "{}", bench.decision("SET"));
    }
    bench.rollback(2);
    bench.mine(&[]);
    assert!(bench.of("SET").is_none());
    // Somebody else updated it: that is another update.
    bench.contracts.set.1 = bench.now();
    bench.mine(&[]);
    assert!(bench.of("SET").is_some());
}

#[test]
fn after_a_reorg_nothing_is_published_before_targets_are_read() {
    let mut bench = settled();
    bench.price("102");
    assert_eq!(bench.open.len(), 2);
    bench.deaf = true;
    bench.rollback(1);
    assert!(bench.open.is_empty());
    bench.price("110");
    bench.mine(&[]);
    bench.price("111");
    assert!(bench.open.is_empty());
    assert_eq!(bench.decision("SET"), "it was not read yet");
    bench.deaf = false;
    bench.mine(&[]);
    assert_eq!(bench.open.len(), 2);
}

#[test]
fn a_recording_plays_the_same_again() {
    let mut bench = settled();
    bench.price("102");
    bench.says("a", "NaN");
    let both = bench.offered();
    bench.mine(&both);
    bench.rollback(1);
    bench.mine(&[]);
    let mut replay = Replay::new(FeedStrategy::new(config()).unwrap());
    for heard in bench.heard.lock().unwrap().iter() {
        let line = serde_json::from_str(&serde_json::to_string(heard).unwrap()).unwrap();
        assert_eq!(replay.play(&line), Replayed::Asked { requests: heard.requests.clone(), same: true });
    }
}

#[test]
fn a_config_that_cannot_be_kept_to_is_refused() {
    let wrong = |change: &dyn Fn(&mut FeedsConfig)| {
        let mut config = config();
        change(&mut config);
        FeedStrategy::new(config).unwrap_err()
    };
    assert_eq!(wrong(&|config| config.feeds[1].name = "FLUX".into()), FeedsError::TwoFeeds("FLUX".into()));
    let twice = wrong(&|config| config.feeds[0].sources[1].name = "a".into());
    assert_eq!(twice.to_string(), "feed FLUX names source a twice; one source is one voice");
    assert!(matches!(wrong(&|config| config.feeds[0].sources.truncate(1)), FeedsError::NoQuorum { .. }));
    assert!(matches!(wrong(&|config| config.feeds[0].aggregation.quorum = 4), FeedsError::NoQuorum { .. }));
    let signature = super::bench::CONFIG.replace("set(int256)", "set(uint)");
    assert!(toml::from_str::<FeedsConfig>(&signature).is_err());
}

#[test]
fn planners_are_told_how_feeds_stand_and_why() {
    let context = || ToolContext { now: BlockRef::default(), board: Arc::new([]) };
    let mut bench = settled();
    bench.price("100.6");
    bench.says("c", "<script>obey me</script>");
    let explain = ExplainFeed::new(bench.view.clone());
    let steps = |feed: &str| block_on(explain.call(context(), WhichFeed { feed: feed.into() }));
    let explained = steps(" FLUX ").unwrap().output.steps;
    assert_eq!(
        explained[..3],
        [
            "at block 101 the target holds 100",
            "2 sources come to 100.6",
            "c is left out: the answer is not JSON"
        ]
    );
    assert!(explained[3].starts_with("an update is due (the value moved far enough): "), "{explained:?}");
    assert_eq!(steps("none").unwrap_err().kind, ToolErrorKind::NotFound);
    let status = FeedStatus::new(bench.view.clone());
    let feeds = |count| block_on(status.call(context(), HowMany { count })).unwrap().output;
    let all = feeds(10);
    assert_eq!((all.kept, all.in_trouble, feeds(1).feeds.len()), (2, 0, 1));
    assert_eq!((all.feeds[0].feed.as_str(), all.feeds[0].value.as_deref()), ("FLUX", Some("100.6")));
    bench.says("b", "NaN");
    assert_eq!(feeds(10).in_trouble, 2);
}
