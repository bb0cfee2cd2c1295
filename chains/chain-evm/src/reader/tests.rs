//! Against a fake node that refuses and lies, and (ignored by default) against anvil.

use std::time::Duration;

use agent_core::{ChainLog, Head};
use alloy::primitives::{B256, U64, U256};
use serde_json::{Value, json};

use super::*;
use crate::{
    anvil::{Anvil, CHAIN, LOGGER},
    endpoint::{
        fake_node::{Reply, fake},
        wire::WireLog,
    },
};

mod against_anvil;
mod against_fake;
mod against_pool;
mod cuts_and_reorgs;

fn interests() -> Vec<Interest> {
    // The second matches everything the first does: each log must still come once.
    vec![
        Interest { from: BlockNumber(0), addresses: vec![LOGGER], topics: vec![] },
        Interest { from: BlockNumber(0), addresses: vec![LOGGER], topics: vec![] },
    ]
}

fn config(span: u64) -> ReaderConfig {
    ReaderConfig { poll: Some(Duration::from_millis(20)), span, depth: 128 }
}

/// What a strategy would know after some events.
#[derive(Debug, Default)]
struct Replay {
    /// Live blocks, or the last of each chunk.
    heads: Vec<Head>,
    logs: Vec<ChainLog>,
    rollbacks: Vec<BlockRef>,
    live: bool,
    /// The last event was a rollback.
    void: bool,
}

impl Replay {
    fn apply(&mut self, event: ChainEvent) {
        let after_rollback = std::mem::replace(&mut self.void, matches!(event, ChainEvent::Rollback { .. }));
        match event {
            ChainEvent::History { head, logs, last } => {
                assert!(!self.live || after_rollback, "history after live");
                if let Some(told) = self.heads.last() {
                    assert!(told.block.number <= head.block.number, "told again");
                    assert!(logs.iter().all(|log| told.block.number < log.block), "logs told again");
                }
                self.live = last;
                self.heads.push(head);
                self.logs.extend(logs);
            }
            ChainEvent::Block { head, logs } => {
                assert!(self.live, "live before history ended");
                assert_eq!(head.parent, self.heads.last().unwrap().block.hash, "gap-free");
                assert!(logs.iter().all(|log| log.block == head.block.number));
                self.heads.push(head);
                self.logs.extend(logs);
            }
            ChainEvent::Rollback { to } => {
                self.rollbacks.push(to);
                self.heads.retain(|head| head.block.number <= to.number);
                self.logs.retain(|log| log.block <= to.number);
                // The anchor may lie between two chunks' heads.
                if self.heads.last().is_none_or(|head| head.block.hash != to.hash) {
                    let parent = self.heads.last().map_or(B256::ZERO, |head| head.block.hash);
                    self.heads.push(Head { block: to, parent, base_fee: 0 });
                }
            }
            other @ (ChainEvent::Answer { .. } | ChainEvent::Observed(_) | ChainEvent::Outcome(_)) => {
                panic!("{other:?}")
            }
        }
    }

    async fn until(&mut self, events: &mut BoxStream<'static, ChainEvent>, hash: B256) {
        while !self.live || self.heads.last().is_none_or(|head| head.block.hash != hash) {
            let event = tokio::time::timeout(Duration::from_secs(600), events.next()).await;
            self.apply(event.expect("an event in time").expect("the stream never ends"));
        }
    }

    fn topics(&self) -> Vec<u64> {
        self.logs.iter().map(|log| U256::from_be_bytes(log.topics[0].0).to()).collect()
    }
}
