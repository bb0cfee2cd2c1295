//! What becomes of offers: strategies hear of it, memory keeps it, the next start takes up the rest.

use std::{
    future::{pending, ready},
    sync::Arc,
    time::Duration,
};

use agent_core::{
    ChainEvent, Outcome, OutcomeReport, Refusal, Settlement,
    ports::{BoxFuture, Cue, Memory, MemoryError, Record, RecordKind},
    scripted::{ListMemory, ScriptedDoor, refused, sample_mined, sample_order, settled, underway},
};

use crate::bench::*;

fn outcomes(events: &[ChainEvent]) -> Vec<OutcomeReport> {
    let outcome = |event: &ChainEvent| {
        if let ChainEvent::Outcome(report) = event { Some(report.clone()) } else { None }
    };
    events.iter().filter_map(outcome).collect()
}

fn everything() -> Cue {
    Cue { subject: String::new(), kind: None, limit: 100 }
}

#[tokio::test(start_paused = true)]
async fn a_strategy_hears_what_became_of_its_opportunity_and_memory_keeps_it() {
    let door = ScriptedDoor::new(|draft, _| settled(draft, Settlement::Reverted(sample_mined(9))));
    let (strategy, namesake) = (Told::publishes(&[1]), Told::publishes(&[]));
    let told = [strategy.events.clone(), namesake.events.clone()];
    let mut bench = Bench::new(door.armed(sample_order()), strategy);
    bench.strategies.push(Box::new(namesake));
    let memory = bench.memory.clone();
    let mut agent = bench.start(unasked()).await;
    agent.block().await;
    for told in told {
        let heard = outcomes(&told.lock().unwrap());
        let [OutcomeReport { id, outcome, .. }] = &heard[..] else { panic!("{heard:?}") };
        assert_eq!(*id, opportunity(1).id);
        assert_eq!(*outcome, Outcome::Closed(Settlement::Reverted(sample_mined(9))));
    }
    let records = memory.recall(everything()).await.unwrap();
    let [Record { kind: RecordKind::Episode, subject, text, .. }] = &records[..] else {
        panic!("{records:?}")
    };
    assert_eq!(subject, "sample/one");
    assert_eq!(*text, format!("opportunity {} reverted in block 9", opportunity(1).id));
    agent.stop().await.unwrap();
}

/// What cannot be done now is worth knowing at once: a strategy has something else for the next block.
#[tokio::test(start_paused = true)]
async fn a_strategy_hears_why_its_opportunity_was_refused() {
    let reverts = Refusal::SimulationReverts("not yet".into());
    let refusal = reverts.clone();
    let door = ScriptedDoor::new(move |_, _| refused(refusal.clone())).armed(sample_order());
    let strategy = Told::publishes(&[1]);
    let told = strategy.events.clone();
    let mut agent = Bench::new(door, strategy).start(unasked()).await;
    agent.block().await;
    let heard = outcomes(&told.lock().unwrap());
    let [OutcomeReport { id, class, outcome, .. }] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!((*id, class.as_str()), (opportunity(1).id, "sample/one"));
    assert_eq!(*outcome, Outcome::Refused(reverts));
    agent.stop().await.unwrap();
}

/// A memory that answers like this.
struct Broken(fn() -> BoxFuture<'static, Result<(), MemoryError>>);

impl Memory for Broken {
    fn remember(&self, _: Record) -> BoxFuture<'_, Result<(), MemoryError>> {
        (self.0)()
    }
    fn recall(&self, _: Cue) -> BoxFuture<'_, Result<Vec<Record>, MemoryError>> {
        let answer = (self.0)();
        Box::pin(async move { answer.await.map(|()| Vec::new()) })
    }
    fn forget(&self, _: String) -> BoxFuture<'_, Result<usize, MemoryError>> {
        Box::pin(ready(Ok(0)))
    }
    fn export(&self) -> BoxFuture<'_, Result<Vec<Record>, MemoryError>> {
        Box::pin(ready(Ok(Vec::new())))
    }
}

async fn only_warns(memory: Broken, warning: &str) {
    let (door, strategy) = (open_door(), Told::publishes(&[1, 2, 3]));
    let told = strategy.events.clone();
    let mut bench = Bench::new(door.clone(), strategy);
    bench.memory = Arc::new(memory);
    let mut agent = bench.start(eager()).await;
    agent.block().await;
    // Five seconds to recall, five to remember: three outcomes wait together, not one after another.
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(offers(&door).len(), 3);
    assert_eq!(outcomes(&told.lock().unwrap()).len(), 3);
    assert!(agent.heard.all("warned").iter().all(|line| line == warning), "{:?}", agent.heard);
    assert!(!agent.heard.all("warned").is_empty());
    agent.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_memory_that_fails_or_hangs_costs_a_warning() {
    let fails = Broken(|| Box::pin(ready(Err(MemoryError::Closed))));
    only_warns(fails, "warned: memory is closed").await;
    let hangs = Broken(|| Box::pin(pending()));
    only_warns(hangs, "warned: memory did not answer within 5 s").await;
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_process_left_is_followed_before_anything_else() {
    let left = opportunity(1).draft();
    let settlement = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Settlement::Settled(sample_mined(1))
    };
    let door = armed_door().left([underway(&left, settlement)]);
    let strategy = Told::publishes(&[1, 2]);
    let told = strategy.events.clone();
    let mut bench = Bench::new(door.clone(), strategy);
    bench.memory = Arc::new(ListMemory::default());
    let memory = bench.memory.clone();
    let mut agent = bench.start(unasked()).await;
    agent.block().await;
    assert_eq!(offers(&door), [(2, "reflex")], "the other is under way");
    tokio::time::sleep(Duration::from_secs(61)).await;
    let ids: Vec<_> = outcomes(&told.lock().unwrap()).iter().map(|report| report.id).collect();
    assert_eq!(ids, [opportunity(2).id, opportunity(1).id]);
    assert_eq!(memory.recall(everything()).await.unwrap().len(), 2);
    agent.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_planner_that_does_one_thing_at_a_time_counts_what_was_left() {
    let left = opportunity(1).draft();
    let door = open_door().left([underway(&left, pending())]);
    let mut agent = Bench::new(door.clone(), Told::publishes(&[1, 2]))
        .start(agent_runtime::RulesPlanner { min_net: agent_core::units::UsdE8::ZERO })
        .await;
    for _ in 0..5 {
        agent.block().await;
    }
    assert_eq!(offers(&door), []);
    agent.stop().await.unwrap();
}
