//! How an agent ends: asked to, or by itself.

use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_core::{
    ChainEvent, Draft, Origin, Refusal, Settlement,
    ports::{BoxFuture, Command, Door, DoorError, DoorStatus, JournalError, Offered, Underway},
    scripted::{ScriptedDoor, sample_head, sample_mined, sample_order, underway},
};
use agent_runtime::AgentError;
use tokio::time::{Instant, sleep};

use crate::bench::*;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A door at which an offer takes so long, and what it took is final so much later.
fn slow_door(at_the_door: Duration, under_way: Duration) -> ScriptedDoor {
    ScriptedDoor::new(move |draft, _| {
        let settlement = async move {
            sleep(under_way).await;
            Settlement::Settled(sample_mined(1))
        };
        let taken = underway(draft, settlement);
        Box::pin(async move {
            sleep(at_the_door).await;
            Ok(Offered::Underway(taken))
        })
    })
}

#[tokio::test(start_paused = true)]
async fn offers_at_the_door_are_seen_through_and_nothing_new_is_offered() {
    // Both lanes: neither the end of a reflex nor that of a sitting cancels what it brought.
    for door in [slow_door(secs(3), secs(4)), slow_door(secs(3), secs(4)).armed(sample_order())] {
        let strategy = Told::new(|event, outbox| {
            if let ChainEvent::Block { head, .. } = event {
                outbox.publish(opportunity(u8::try_from(head.block.number.0).unwrap()));
            }
        });
        let bench = Bench::new(door.clone(), strategy);
        let memory = bench.memory.clone();
        let mut agent = bench.start(eager()).await;
        agent.block().await;
        assert_eq!((door.offers().len(), door.judged()), (1, 0));
        let (asked, reader) = (Instant::now(), agent.reader.clone());
        let ended = agent.ask_to_stop();
        reader.tell(ChainEvent::Block { head: sample_head(3), logs: vec![] });
        ended.await.unwrap().unwrap();
        assert_eq!((door.offers().len(), door.judged()), (1, 1), "seen through, and nothing new");
        assert!(asked.elapsed().abs_diff(secs(7)) < secs(1), "as long as it took, and no longer");
        assert_eq!(memory.export().await.unwrap().len(), 1, "followed to its end");
    }
}

#[tokio::test(start_paused = true)]
async fn what_only_waits_for_its_turn_is_not_begun_after_shutdown() {
    let door = slow_door(secs(3), secs(0)).armed(sample_order());
    let seeds: Vec<u8> = (0..100).collect();
    let mut agent = Bench::new(door.clone(), Told::publishes(&seeds)).start(unasked()).await;
    agent.block().await;
    let begun = door.offers().len();
    agent.stop().await.unwrap();
    assert_eq!((begun, door.offers().len(), door.judged()), (32, 32, 32));
}

#[tokio::test(start_paused = true)]
async fn the_grace_period_bounds_the_wait_and_what_is_unfinished_is_left() {
    let never = secs(1_000_000);
    for door in [slow_door(secs(0), never), slow_door(never, secs(0))] {
        let door = door.armed(sample_order());
        let mut agent = Bench::new(door.clone(), Told::publishes(&[1])).start(unasked()).await;
        agent.block().await;
        let (asked, heard) = (Instant::now(), agent.heard.clone());
        agent.stop().await.unwrap();
        assert_eq!(asked.elapsed().as_secs(), GRACE.as_secs());
        assert_eq!(heard.all("warned: the grace period is over").len(), 1);
    }
}

/// A door whose recovery takes so long.
struct Recovering(Duration, Arc<Mutex<bool>>);

impl Door for Recovering {
    fn offer(&self, _: Draft, _: Origin) -> BoxFuture<'_, Result<Offered, DoorError>> {
        Box::pin(pending())
    }
    fn command(&self, _: Command, _: Origin) -> BoxFuture<'_, Result<Result<(), Refusal>, DoorError>> {
        Box::pin(pending())
    }
    fn recover(&self) -> BoxFuture<'_, Result<Vec<Underway>, DoorError>> {
        Box::pin(async {
            sleep(self.0).await;
            *self.1.lock().unwrap() = true;
            Ok(Vec::new())
        })
    }
    fn status(&self) -> DoorStatus {
        DoorStatus::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_during_recovery_sees_the_recovery_through_within_the_grace_period() {
    for (takes, waited, through) in [(5, 4, true), (100, GRACE.as_secs(), false)] {
        let recovered = Arc::new(Mutex::new(false));
        let door = Recovering(secs(takes), recovered.clone());
        let agent = Bench::new(door, Told::publishes(&[1])).start(unasked()).await;
        sleep(secs(1)).await;
        let asked = Instant::now();
        agent.stop().await.unwrap();
        assert!(asked.elapsed().as_secs().abs_diff(waited) <= 1);
        assert_eq!(*recovered.lock().unwrap(), through);
    }
}

fn panics_at_block(number: u64) -> Told {
    Told::new(move |event, outbox| {
        if let ChainEvent::Block { head, .. } = event {
            assert!(head.block.number.0 < number, "a strategy's bug");
            outbox.publish(opportunity(1));
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_strategy_that_panics_ends_the_agent_but_not_what_is_at_the_door() {
    let door = slow_door(secs(3), secs(4)).armed(sample_order());
    let mut agent = Bench::new(door.clone(), panics_at_block(3)).start(eager()).await;
    agent.block().await;
    agent.mine();
    let ended = agent.end().await;
    assert!(matches!(&ended, Err(AgentError::Died(died)) if died.is_panic()), "{ended:?}");
    assert_eq!(door.judged(), 1);
}

fn broken() -> DoorError {
    JournalError::Damaged { at: 0, what: "torn".into() }.into()
}

#[tokio::test(start_paused = true)]
async fn a_broken_door_ends_the_agent_and_sees_through_what_else_is_at_it() {
    let door = ScriptedDoor::new(|draft, _| {
        let (taken, seed) = (underway(draft, pending()), draft.id == opportunity(1).id);
        Box::pin(async move {
            if seed {
                return Err(broken());
            }
            sleep(secs(5)).await;
            Ok(Offered::Underway(taken))
        })
    });
    let door = door.armed(sample_order());
    let mut agent = Bench::new(door.clone(), Told::publishes(&[2, 1])).start(unasked()).await;
    agent.mine();
    let ended = agent.end().await;
    assert!(matches!(ended, Err(AgentError::Door(DoorError::Journal(_)))), "{ended:?}");
    assert_eq!((door.offers().len(), door.judged()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_settlement_that_cannot_be_written_ends_the_agent() {
    let mut left = underway(&opportunity(1).draft(), pending());
    left.outcome = Box::pin(async { Err(broken()) });
    let agent = Bench::new(armed_door().left([left]), Told::publishes(&[2])).start(unasked()).await;
    assert!(matches!(agent.end().await, Err(AgentError::Door(_))));
}

#[tokio::test(start_paused = true)]
async fn an_agent_whose_reader_is_closed_says_so_and_ends() {
    let agent = Bench::new(armed_door(), Told::publishes(&[1])).start(unasked()).await;
    agent.reader.close();
    let heard = agent.heard.clone();
    agent.end().await.unwrap();
    assert_eq!(heard.all("warned"), ["warned: the reader is closed: nothing is heard of the chain"]);
}
