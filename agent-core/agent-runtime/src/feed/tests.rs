#![expect(clippy::arithmetic_side_effects, reason = "a story counts its few blocks")]

use std::collections::BTreeMap;

use agent_core::{
    ChainLog, Head,
    ports::Outbox,
    scripted::{ScriptedReader, sample_head},
    units::{BlockNumber, BlockRef},
};
use alloy_primitives::{Address, B256, Bytes};
use futures::FutureExt;
use proptest::{
    prelude::{Just, prop, prop_assert_eq, prop_oneof, proptest},
    strategy::Strategy as Generator,
};

use super::*;

fn of(contracts: &[u8]) -> Interest {
    let addresses = contracts.iter().map(|byte| Address::with_last_byte(*byte)).collect();
    Interest { from: BlockNumber(0), addresses, topics: vec![] }
}

/// Each block has one log of each of four contracts, which says what branch it is on.
fn block(number: u64, branch: u8) -> ChainEvent {
    let log = |contract: u8| ChainLog {
        block: BlockNumber(number),
        index: u64::from(contract),
        address: Address::with_last_byte(contract),
        topics: vec![],
        data: Bytes::from([branch]),
    };
    let mut head = sample_head(number);
    head.block.hash = B256::with_last_byte(branch);
    ChainEvent::Block { head, logs: (0..4).map(log).collect() }
}

/// A strategy as the feed sees it: what it wants, and the logs that it holds to be true.
#[derive(Default)]
struct Model {
    wanted: Vec<Interest>,
    logs: BTreeMap<(BlockNumber, u64), ChainLog>,
    head: Option<Head>,
}

impl Strategy for Model {
    fn name(&self) -> &str {
        "model"
    }

    fn interests(&self) -> Vec<Interest> {
        self.wanted.clone()
    }

    fn on_event(&mut self, event: &ChainEvent, _: &mut Outbox) {
        match event {
            ChainEvent::History { head, logs, .. } | ChainEvent::Block { head, logs } => {
                for log in logs {
                    let twice = self.logs.insert((log.block, log.index), log.clone());
                    assert_eq!(twice, None, "told twice");
                    assert!(log.block <= head.block.number, "ahead of its head");
                }
                self.head = Some(*head);
            }
            ChainEvent::Rollback { to } => self.logs.retain(|(block, _), _| *block <= to.number),
            ChainEvent::Answer { .. } | ChainEvent::Observed(_) | ChainEvent::Outcome(_) => {}
        }
    }
}

impl Model {
    fn want(&mut self, wanted: Vec<Interest>) {
        self.logs.retain(|_, log| wanted.iter().any(|interest| interest.wants(log)));
        self.wanted = wanted;
    }
}

fn next(feed: &mut Feed) -> Option<Result<ChainEvent, String>> {
    let (_none, mut outcomes) = mpsc::unbounded_channel();
    feed.next(&mut outcomes).now_or_never().flatten()
}

fn take(feed: &mut Feed, model: &mut Model, most: usize) {
    for _ in 0..most {
        let Some(Ok(event)) = next(feed) else { break };
        model.on_event(&event, &mut Outbox::default());
        feed.follow(model.wanted.clone());
    }
}

#[derive(Debug, Clone)]
enum Happens {
    Block,
    Reorg(u64),
    Takes(usize),
    /// Contracts, each list from a block on: this far from the newest one.
    Wants(Vec<(Vec<u8>, i64)>),
}

fn anything() -> impl Generator<Value = Happens> {
    let far = prop_oneof![2 => Just(-100), 1 => Just(1), 2 => -6i64..4];
    let interests = prop::collection::vec((prop::collection::vec(0u8..4, 1..3), far), 0..4);
    prop_oneof![
        4 => Just(Happens::Block),
        1 => (1u64..4).prop_map(Happens::Reorg),
        4 => (1usize..4).prop_map(Happens::Takes),
        2 => interests.prop_map(Happens::Wants),
    ]
}

proptest! {
    /// However interests come and go between blocks and reorgs, a strategy ends with exactly the logs that it wants of the
    /// branch that stands, and is told none twice.
    #[test]
    fn interests_that_change_miss_nothing_and_repeat_nothing(story in prop::collection::vec(anything(), 1..40)) {
        let reader = ScriptedReader::new([]);
        let (mut model, mut tip, mut branch, mut chain) = (Model::default(), 0u64, 0u8, BTreeMap::new());
        let mut feed = Feed::new(Arc::new(reader.clone()), &model);
        for happens in story {
            match happens {
                Happens::Block => {
                    tip += 1;
                    chain.insert(tip, branch);
                    reader.tell(block(tip, branch));
                }
                Happens::Reorg(depth) => {
                    tip = tip.saturating_sub(depth);
                    branch += 1;
                    chain.retain(|number, _| *number <= tip);
                    reader.tell(ChainEvent::Rollback { to: sample_head(tip).block });
                }
                Happens::Takes(most) => take(&mut feed, &mut model, most),
                // As in life, a strategy changes its mind when it is told something.
                Happens::Wants(wanted) => {
                    take(&mut feed, &mut model, 1);
                    let seen = feed.chain.seen().unwrap_or_default();
                    let from = |far: &i64| BlockNumber(seen.0.saturating_add_signed(*far));
                    let wanted = wanted.iter().map(|(contracts, far)| Interest { from: from(far), ..of(contracts) });
                    model.want(wanted.collect());
                    feed.follow(model.wanted.clone());
                }
            }
        }
        tip += 1;
        chain.insert(tip, branch);
        reader.tell(block(tip, branch));
        take(&mut feed, &mut model, usize::MAX);
        let wanted = |number: u64, contract: u64| {
            let contract = Address::with_last_byte(u8::try_from(contract).unwrap());
            let of = |interest: &&Interest| interest.addresses.contains(&contract) && interest.from.0 <= number;
            model.wanted.iter().any(|interest| of(&interest))
        };
        let expected: Vec<_> = chain
            .iter()
            .flat_map(|(number, branch)| (0..4).map(move |contract| (*number, contract, *branch)))
            .filter(|(number, contract, _)| wanted(*number, *contract))
            .collect();
        let found: Vec<_> = model.logs.values().map(|log| (log.block.0, log.index, log.data[0])).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn what_is_wanted_from_now_on_brings_no_history() {
    let reader = ScriptedReader::new((1..=3).map(|number| block(number, 0)));
    let (mut model, mut feed) = (Model::default(), Feed::new(Arc::new(reader.clone()), &Model::default()));
    take(&mut feed, &mut model, usize::MAX);
    model.want(vec![Interest { from: BlockNumber(4), ..of(&[1]) }]);
    feed.follow(model.wanted.clone());
    reader.tell(block(4, 0));
    take(&mut feed, &mut model, usize::MAX);
    let streams: Vec<_> = reader.asked().iter().map(|(from, _)| from.0).collect();
    assert_eq!((streams, model.logs.len()), (vec![0, 4], 1), "no stream reads what is past");
}

#[test]
fn a_node_that_is_behind_repeats_no_block() {
    let reader = ScriptedReader::new([block(1, 0), block(2, 0)]);
    let (mut model, mut feed) = (Model::default(), Feed::new(Arc::new(reader.clone()), &Model::default()));
    take(&mut feed, &mut model, usize::MAX);
    model.want(vec![of(&[1])]);
    feed.follow(model.wanted.clone());
    take(&mut feed, &mut model, 2);
    assert_eq!((model.logs.len(), feed.chain.seen()), (2, Some(BlockNumber(2))));
    reader.tell(ChainEvent::History { head: sample_head(1), logs: vec![], last: true });
    reader.tell(block(2, 0));
    reader.tell(block(3, 0));
    let mut told = Vec::new();
    while let Some(Ok(event)) = next(&mut feed) {
        if let ChainEvent::History { head, last, .. } = event {
            told.push((head.block.number.0, last));
        } else if let ChainEvent::Block { head, .. } = event {
            told.push((head.block.number.0, true));
        }
    }
    assert_eq!(told, [(2, true), (3, true)], "that history is over, and the new block");
}

#[test]
fn an_answer_waits_for_its_block() {
    let reader = ScriptedReader::new([block(1, 0)]).answering(|_| Some(Ok(Bytes::new())));
    let mut feed = Feed::new(Arc::new(reader.clone()), &Model::default());
    let is_block =
        |told: &Option<Result<ChainEvent, String>>| matches!(told, Some(Ok(ChainEvent::Block { .. })));
    assert!(is_block(&next(&mut feed)));
    reader.tell(block(2, 0));
    let query = Query { to: Address::ZERO, data: Bytes::new() };
    assert!(feed.ask(7, vec![query]));
    assert!(is_block(&next(&mut feed)), "read at block 2, which comes first");
    let BlockRef { number, .. } = match next(&mut feed) {
        Some(Ok(ChainEvent::Answer { tag: 7, at, .. })) => at,
        other => panic!("{other:?}"),
    };
    assert_eq!(number, BlockNumber(2));
}

#[test]
fn a_node_that_hangs_fills_no_memory() {
    struct Hangs;
    impl Reader for Hangs {
        fn events(
            &self,
            _: BlockNumber,
            _: Vec<Interest>,
        ) -> futures::stream::BoxStream<'static, ChainEvent> {
            Box::pin(futures::stream::pending())
        }
        fn read(
            &self,
            _: Vec<Query>,
        ) -> agent_core::ports::BoxFuture<
            '_,
            Result<(BlockRef, Vec<agent_core::Answered>), agent_core::ports::ReadError>,
        > {
            Box::pin(std::future::pending())
        }
    }
    let mut feed = Feed::new(Arc::new(Hangs), &Model::default());
    let asked = (0..1_000).filter(|tag| feed.ask(*tag, vec![])).count();
    assert_eq!(asked, reads::AT_ONCE);
    assert!(next(&mut feed).is_none());
}
