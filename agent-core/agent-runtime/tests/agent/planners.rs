//! Planners that hang, fail or panic: the reflex lane does not notice, and the agent goes on.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use agent_core::{
    Briefing, ChainEvent, Plan,
    ports::{BoxFuture, PlannerError},
    scripted::sample_order,
};
use tower::{Service, service_fn};

use crate::bench::*;

type Planned = BoxFuture<'static, Result<Plan, PlannerError>>;

/// A planner whose first answer is `first`, and that takes everything afterwards.
fn at_first(
    first: impl Fn() -> Planned + Send + 'static,
) -> (Arc<AtomicUsize>, impl agent_core::ports::Planner) {
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, mut eager) = (asked.clone(), eager());
    let planner =
        service_fn(
            move |briefing: Briefing| {
                if count.fetch_add(1, Ordering::SeqCst) == 0 { first() } else { eager.call(briefing) }
            },
        );
    (asked, planner)
}

/// What no order covers, and what one does.
fn half_armed() -> (agent_core::scripted::ScriptedDoor, Told) {
    let mut order = sample_order();
    order.class = "sample/armed".into();
    let strategy = Told::new(|event, outbox| {
        if let ChainEvent::Block { head, .. } = event {
            outbox.publish(opportunity(1));
            let mut covered = opportunity(u8::try_from(head.block.number.0).unwrap());
            covered.class = "sample/armed".into();
            outbox.publish(covered);
        }
    });
    (open_door().armed(order), strategy)
}

async fn goes_on(first: impl Fn() -> Planned + Send + 'static) -> Vec<String> {
    let (door, strategy) = half_armed();
    let (asked, planner) = at_first(first);
    let mut agent = Bench::new(door.clone(), strategy).start(planner).await;
    agent.block().await;
    assert_eq!(offers(&door), [(2, "reflex")]);
    assert_eq!(asked.load(Ordering::SeqCst), 1, "no second try within the block");
    agent.block().await;
    agent.block().await;
    let reflexes = offers(&door).into_iter().filter(|(_, who)| *who == "reflex").count();
    assert_eq!(reflexes, 3);
    assert!(offers(&door).contains(&(1, "planner")), "the next block is another chance");
    let heard = agent.heard.all("plan failed");
    agent.stop().await.unwrap();
    heard
}

#[tokio::test(start_paused = true)]
async fn a_planner_that_fails_costs_its_turn() {
    let heard = goes_on(|| Box::pin(async { Err(PlannerError::TimedOut) })).await;
    assert_eq!(heard, ["plan failed: planner did not answer in time"]);
}

#[tokio::test(start_paused = true)]
async fn a_planner_that_panics_costs_its_turn() {
    let heard = goes_on(|| Box::pin(async { panic!("a planner's bug") })).await;
    assert_eq!(heard, ["plan failed: planner panicked; see the log"]);
    let heard = goes_on(|| panic!("before its first await")).await;
    assert_eq!(heard, ["plan failed: planner panicked; see the log"]);
}

#[tokio::test(start_paused = true)]
async fn a_planner_that_hangs_delays_no_reflex_and_no_shutdown() {
    let (door, strategy) = half_armed();
    let (asked, planner) = at_first(|| Box::pin(pending()));
    let mut agent = Bench::new(door.clone(), strategy).start(planner).await;
    for _ in 0..3 {
        agent.block().await;
    }
    assert_eq!(offers(&door), [(2, "reflex"), (3, "reflex"), (4, "reflex")]);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let asked_to_stop = tokio::time::Instant::now();
    agent.stop().await.unwrap();
    assert!(asked_to_stop.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_slow_planner_acts_on_the_board_as_it_is_when_it_answers() {
    let strategy = Told::new(|event, outbox| {
        if let ChainEvent::Block { head, .. } = event {
            let mut newer = opportunity(1);
            newer.seen_at = head.block;
            newer.intent.calls[0].data = [0, 0, 0, 0, u8::try_from(head.block.number.0).unwrap()].into();
            if head.block.number.0 < 5 { outbox.publish(newer) } else { outbox.withdraw(newer.id) }
        }
    });
    let door = open_door();
    let slow = service_fn(|briefing: Briefing| -> Planned {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            eager().call(briefing).await
        })
    });
    let mut agent = Bench::new(door.clone(), strategy).start(slow).await;
    agent.block().await;
    agent.block().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(offers(&door), [(3, "planner")], "the newer appraisal");
    agent.stop().await.unwrap();
}
