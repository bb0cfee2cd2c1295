use std::sync::{Arc, Mutex};

use alloy_primitives::{Address, Bytes};

use super::*;
use crate::{
    event::Observation,
    outcome::{Outcome, OutcomeReport, Refusal},
    ports::SourceError,
    scripted::{sample_head, sample_opportunity},
    units::BlockRef,
};

/// Asks about every block, and publishes what it is answered: the first byte says which opportunity.
struct Curious {
    asks: Vec<u8>,
    tag: u64,
    heard: Arc<Mutex<Vec<ChainEvent>>>,
}

impl Curious {
    fn new(asks: &[u8], tag: u64) -> (Self, Arc<Mutex<Vec<ChainEvent>>>) {
        let heard = Arc::<Mutex<Vec<ChainEvent>>>::default();
        (Self { asks: asks.to_vec(), tag, heard: heard.clone() }, heard)
    }
}

fn query(about: u8) -> Vec<Query> {
    vec![Query { to: Address::repeat_byte(about), data: Bytes::new() }]
}

impl Strategy for Curious {
    fn name(&self) -> &str {
        "curious"
    }

    fn interests(&self) -> Vec<Interest> {
        Vec::new()
    }

    fn on_event(&mut self, event: &ChainEvent, outbox: &mut Outbox) {
        self.heard.lock().unwrap().push(event.clone());
        match event {
            ChainEvent::Block { .. } => {
                for about in &self.asks {
                    outbox.ask(self.tag, query(*about));
                    self.tag = self.tag.saturating_add(1);
                }
            }
            ChainEvent::Answer { answers, .. } => {
                let byte = answers[0].as_ref().unwrap()[0];
                outbox.publish(sample_opportunity(byte));
            }
            ChainEvent::History { .. }
            | ChainEvent::Rollback { .. }
            | ChainEvent::Observed(_)
            | ChainEvent::Outcome(_) => {}
        }
    }
}

fn block(number: u64) -> ChainEvent {
    ChainEvent::Block { head: sample_head(number), logs: Vec::new() }
}

fn answer(tag: u64, byte: u8) -> ChainEvent {
    ChainEvent::Answer { tag, at: BlockRef::default(), answers: vec![Ok(vec![byte].into())] }
}

fn outcome(byte: u8) -> ChainEvent {
    ChainEvent::Outcome(OutcomeReport {
        id: sample_opportunity(byte).id,
        strategy: "curious".into(),
        class: String::new(),
        outcome: Outcome::Refused(Refusal::Killed),
    })
}

fn observed(said: Result<&'static str, SourceError>) -> ChainEvent {
    let (source, at) = ("venue".into(), sample_head(2).block);
    ChainEvent::Observed(Observation { source, at, said: said.map(Bytes::from) })
}

/// Two blocks, about each of which two things are asked; the answers come late and the other way round.
fn recording() -> Vec<Heard> {
    let told = Arc::<Mutex<Vec<Heard>>>::default();
    let ear = told.clone();
    let (strategy, _) = Curious::new(&[1, 2], 10);
    let mut recorded = Recorded::new(strategy, move |heard| ear.lock().unwrap().push(heard));
    let mut outbox = Outbox::default();
    for event in [
        block(1),
        block(2),
        answer(13, 0xd),
        answer(10, 0xa),
        answer(11, 0xb),
        outcome(0xa),
        observed(Ok("{\"price\":1e400}")),
        observed(Err(SourceError::Status(502))),
    ] {
        recorded.on_event(&event, &mut outbox);
    }
    // It behaves as it would alone.
    let requests: Vec<_> = told.lock().unwrap().iter().flat_map(|heard| heard.requests.clone()).collect();
    assert_eq!((outbox.drain(), requests.len()), (requests, 7));
    told.lock().unwrap().clone()
}

#[test]
fn the_recorded_strategy_asks_for_the_same_again_also_from_a_file() {
    let (strategy, heard) = Curious::new(&[1, 2], 10);
    let mut replay = Replay::new(strategy);
    let recording = recording();
    for line in &recording {
        let text = serde_json::to_string(line).unwrap();
        let read: Heard = serde_json::from_str(&text).unwrap();
        assert_eq!(read, *line);
        let replayed = replay.play(&read);
        assert_eq!(replayed, Replayed::Asked { requests: line.requests.clone(), same: true });
    }
    assert_eq!(*heard.lock().unwrap(), recording.iter().map(|heard| heard.event.clone()).collect::<Vec<_>>());
    // The recording has no answer to the last one either: it is still to come.
    assert_eq!(replay.unanswered(), 0);
}

#[test]
fn another_strategy_gets_the_answers_to_its_own_questions_and_hears_of_its_own_opportunities() {
    let (strategy, heard) = Curious::new(&[7, 2], 90);
    let mut replay = Replay::new(strategy);
    let replayed: Vec<_> = recording().iter().map(|heard| replay.play(heard)).collect();
    // What was asked about 2 at tags 11 and 13 are its 91 and 93. Nothing is known of 7. What was said outside of the chain, all hear.
    let heard = heard.lock().unwrap();
    let outside = [observed(Ok("{\"price\":1e400}")), observed(Err(SourceError::Status(502)))];
    assert_eq!(heard[2..], [[answer(93, 0xd), answer(91, 0xb)], outside].concat());
    assert_eq!(replayed[3], Replayed::Untold, "an answer about 1");
    assert_eq!(replayed[5], Replayed::Untold, "the outcome of what it never published");
    assert!(matches!(&replayed[0], Replayed::Asked { same: false, .. }));
    assert_eq!(replay.unanswered(), 2);
}
