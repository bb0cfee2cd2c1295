//! Who offers what, and how often.

use std::sync::atomic::{AtomicUsize, Ordering};

use agent_core::{
    ChainEvent, Outcome, Refusal, Settlement,
    scripted::{ScriptedDoor, refused, sample_mined, sample_order, settled},
    units::UsdE8,
};
use agent_runtime::ClosedDoor;

use crate::bench::*;

#[tokio::test(start_paused = true)]
async fn the_reflex_lane_offers_what_an_order_covers_once_and_asks_nobody() {
    let door = armed_door();
    let mut agent = Bench::new(door.clone(), Told::publishes(&[1, 2])).start(eager()).await;
    for _ in 0..20 {
        agent.block().await;
    }
    assert_eq!(offers(&door), [(1, "reflex"), (2, "reflex")]);
    assert_eq!(agent.heard.all("asked"), [""; 0]);
    agent.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_order_takes_the_best_of_a_block_and_no_more_than_it_has_uses() {
    let mut order = sample_order();
    order.uses = 2;
    let door = open_door().armed(order);
    let worth = |seed: u8, dollars: i128| {
        let mut opportunity = opportunity(seed);
        opportunity.appraisal.gross = UsdE8(dollars * 100_000_000);
        opportunity
    };
    let all = [worth(1, 10), worth(2, 30), worth(3, 20)];
    let strategy = Told::new(move |event, outbox| {
        if let ChainEvent::Block { .. } = event {
            all.iter().for_each(|opportunity| outbox.publish(opportunity.clone()));
        }
    });
    let mut agent = Bench::new(door.clone(), strategy)
        .start(agent_runtime::planner_fn(|_: &agent_core::Briefing| agent_core::Plan::default()))
        .await;
    agent.block().await;
    assert_eq!(offers(&door), [(2, "reflex"), (3, "reflex")]);
    agent.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_planner_decides_what_no_order_covers_once() {
    let door = open_door();
    let mut agent = Bench::new(door.clone(), Told::publishes(&[1, 2])).start(eager()).await;
    for _ in 0..20 {
        agent.block().await;
    }
    let mut offered = offers(&door);
    offered.sort_unstable();
    assert_eq!(offered, [(1, "planner"), (2, "planner")]);
    agent.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_too_choosy_leaves_it_to_the_planner() {
    let mut order = sample_order();
    order.min_net = UsdE8(i128::MAX);
    let door = open_door().armed(order);
    let mut agent = Bench::new(door.clone(), Told::publishes(&[1])).start(eager()).await;
    agent.block().await;
    assert_eq!(offers(&door), [(1, "planner")]);
    agent.stop().await.unwrap();
}

/// Refuses the first offers, then takes all.
fn refusing(first: usize, refusal: Refusal) -> ScriptedDoor {
    let left = AtomicUsize::new(first);
    ScriptedDoor::new(move |draft, _| {
        let refuses = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        refuses.map_or_else(
            |_none_left| settled(draft, Settlement::Settled(sample_mined(1))),
            |_| refused(refusal.clone()),
        )
    })
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_may_be_offered_again_at_a_later_block_and_not_before() {
    let reverts = Refusal::SimulationReverts("not yet".into());
    for door in [refusing(2, reverts.clone()), refusing(2, reverts).armed(sample_order())] {
        let mut agent = Bench::new(door.clone(), Told::publishes(&[1])).start(eager()).await;
        let mut offered = Vec::new();
        for _ in 0..6 {
            agent.block().await;
            offered.push(door.offers().len());
        }
        // A planner may think twice within a sitting; nobody offers without end within a block.
        assert!(offered[0] >= 1 && offered[0] <= 2, "{offered:?}");
        assert_eq!(offered[5], 3, "two refusals, and through: {offered:?}");
        agent.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_planner_is_not_asked_again_about_what_the_policy_forbids() {
    let door = refusing(usize::MAX, Refusal::StrategyNotAllowed("sample".into()));
    let mut agent = Bench::new(door.clone(), Told::publishes(&[1])).start(eager()).await;
    for _ in 0..10 {
        agent.block().await;
    }
    assert_eq!(agent.heard.all("asked").len(), 2, "the rounds of one sitting");
    agent.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_already_is_not_offered_again() {
    for door in [
        refusing(usize::MAX, Refusal::AlreadyTaken),
        refusing(usize::MAX, Refusal::AlreadyTaken).armed(sample_order()),
    ] {
        let mut agent = Bench::new(door.clone(), Told::publishes(&[1])).start(eager()).await;
        for _ in 0..20 {
            agent.block().await;
        }
        assert_eq!(door.offers().len(), 1);
        agent.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_transaction_frees_its_opportunity() {
    let times = AtomicUsize::new(0);
    let door = ScriptedDoor::new(move |draft, _| {
        let first = times.fetch_add(1, Ordering::SeqCst) == 0;
        let dropped = Settlement::Dropped { why: "overtaken".into() };
        settled(draft, if first { dropped } else { Settlement::Settled(sample_mined(1)) })
    });
    let mut agent = Bench::new(door.clone(), Told::publishes(&[1])).start(eager()).await;
    for _ in 0..6 {
        agent.block().await;
    }
    assert_eq!(offers(&door), [(1, "planner"), (1, "planner")]);
    agent.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn more_than_the_door_can_hear_waits_for_another_block() {
    let door = ScriptedDoor::new(|_, _| Box::pin(std::future::pending())).armed(sample_order());
    let seeds: Vec<u8> = (0..=u8::MAX).collect();
    let mut agent = Bench::new(door.clone(), Told::publishes(&seeds)).start(unasked()).await;
    for _ in 0..5 {
        agent.block().await;
    }
    assert_eq!(door.offers().len(), 32, "at once");
    assert!(!agent.heard.all("warned: more than there is room for").is_empty());
    agent.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_only_observes_looks_decides_and_does_nothing() {
    let strategy = Told::publishes(&[1]);
    let told = strategy.events.clone();
    let mut agent = Bench::new(ClosedDoor, strategy).start(eager()).await;
    for _ in 0..5 {
        agent.block().await;
    }
    assert_eq!(agent.heard.all("asked").len(), 2, "one sitting of two rounds");
    let closed = |event: &ChainEvent| matches!(event, ChainEvent::Outcome(report) if matches!(report.outcome, Outcome::Closed(_)));
    assert!(!told.lock().unwrap().iter().any(closed));
    agent.stop().await.unwrap();
}
