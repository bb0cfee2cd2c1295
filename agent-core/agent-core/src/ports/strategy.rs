//! Strategies: chain events in, opportunities out. No IO, no clock, no randomness, so that they replay byte for byte.

use std::mem;

use serde::{Deserialize, Serialize};

use crate::{
    event::{ChainEvent, Interest, Query},
    opportunity::{Opportunity, OpportunityId},
};

/// What a strategy asks of the runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// A new opportunity, or a newer appraisal of a known one.
    Publish(Box<Opportunity>),
    /// This may be published with one of the next blocks, exactly so: a standing order's door may get it ready.
    Prepare(Box<Opportunity>),
    /// This one is gone.
    Withdraw(OpportunityId),
    /// Contract reads at the latest block; the answer comes as [`ChainEvent::Answer`] with the same tag.
    Ask {
        /// Chosen by the strategy.
        tag: u64,
        /// What to read.
        queries: Vec<Query>,
    },
    /// Something the operator should know, in one sentence.
    Warn(String),
}

/// Where a strategy puts its requests while it handles one event.
#[derive(Debug, Default)]
pub struct Outbox {
    requests: Vec<Request>,
}

impl Outbox {
    /// Publishes an opportunity.
    pub fn publish(&mut self, opportunity: Opportunity) {
        self.requests.push(Request::Publish(Box::new(opportunity)));
    }

    /// Says what may be published soon, to the byte of its intent. Where a standing order covers it, the door simulates it
    /// ahead of time, so that publishing it costs no question to the node. It is good for the block after the one that it
    /// was simulated on, so say it with every block for as long as it may come. It promises nothing: what is not ready when
    /// it is published is simulated then.
    pub fn prepare(&mut self, opportunity: Opportunity) {
        self.requests.push(Request::Prepare(Box::new(opportunity)));
    }

    /// Withdraws one.
    pub fn withdraw(&mut self, id: OpportunityId) {
        self.requests.push(Request::Withdraw(id));
    }

    /// Asks for contract reads.
    pub fn ask(&mut self, tag: u64, queries: Vec<Query>) {
        self.requests.push(Request::Ask { tag, queries });
    }

    /// Tells the operator something.
    pub fn warn(&mut self, sentence: impl Into<String>) {
        self.requests.push(Request::Warn(sentence.into()));
    }

    /// Passes on what another outbox holds.
    pub(crate) fn request(&mut self, request: Request) {
        self.requests.push(request);
    }

    /// Takes what was asked so far, in order.
    pub fn drain(&mut self) -> Vec<Request> {
        mem::take(&mut self.requests)
    }
}

/// Turns chain events into opportunities.
pub trait Strategy: Send {
    /// Its name in policies, budgets and memory.
    fn name(&self) -> &str;

    /// The logs it wants. The driver asks again after every event: when the answer grows, those of blocks that are past
    /// already are backfilled as [`ChainEvent::History`]. What changes often belongs into few interests that stay as they
    /// are: every log is held against each of them.
    fn interests(&self) -> Vec<Interest>;

    /// Handles one event. Deterministic: the same events give the same requests.
    fn on_event(&mut self, event: &ChainEvent, outbox: &mut Outbox);
}

impl<S: Strategy + ?Sized> Strategy for Box<S> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn interests(&self) -> Vec<Interest> {
        (**self).interests()
    }

    fn on_event(&mut self, event: &ChainEvent, outbox: &mut Outbox) {
        (**self).on_event(event, outbox);
    }
}
