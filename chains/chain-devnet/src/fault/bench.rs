//! What all connections of a proxy share, and the handle by which a test changes it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alloy::primitives::TxHash;
use tokio::sync::watch;
use tokio::time::Instant;

use super::kind::{Failure, Fault, FaultKind, Stage};
use super::node::Node;
use super::schedule::{Passage, Rule, Schedule};
use super::tally::{Tallies, Tally};
use super::view::HeadView;
use super::wire::{Link, Wires};
use crate::error::{DevnetError, Result};

/// More requests than this in one second are refused with 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// The requests that are let through in each second, counted from the first one.
    pub per_second: u64,
    /// The seconds of the `Retry-After` header, where it has one.
    pub retry_after: Option<u32>,
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) node: Node,
    pub(crate) tallies: Arc<Tallies>,
    pub(crate) wires: Arc<Wires>,
    pub(crate) head: watch::Sender<HeadView>,
    schedule: Mutex<Schedule>,
    limit: Mutex<Option<Window>>,
}

/// A rate limit, and how much of the running second is used up.
#[derive(Debug)]
struct Window {
    limit: RateLimit,
    began: Instant,
    used: u64,
}

impl Window {
    const fn new(limit: RateLimit, began: Instant) -> Self {
        Self { limit, began, used: 0 }
    }

    /// Counts a request. Returns whether it is one too many.
    fn is_over(&mut self, now: Instant) -> bool {
        if now.duration_since(self.began) >= Duration::from_secs(1) {
            (self.began, self.used) = (now, 0);
        }
        self.used = self.used.saturating_add(1);
        self.used > self.limit.per_second
    }
}

impl Bench {
    pub(crate) fn new(node: Node) -> Self {
        Self {
            node,
            tallies: Arc::default(),
            wires: Arc::default(),
            head: watch::Sender::default(),
            schedule: Mutex::default(),
            limit: Mutex::default(),
        }
    }

    /// What happens to a passage. It is not counted as injected until it is.
    pub(crate) fn decide(&self, passage: Passage<'_>) -> Option<Fault> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner).decide(passage)
    }

    /// The failure of a request that comes too soon.
    pub(crate) fn over_limit(&self) -> Option<Failure> {
        let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        let window = limit.as_mut()?;
        let retry_after = window.limit.retry_after;
        window.is_over(Instant::now()).then_some(Failure::RateLimited { retry_after })
    }

    pub(crate) fn failed(&self, stage: Stage, failure: &Failure) {
        self.tallies.failed(failure.kind(), stage);
    }
}

/// Changes a running proxy's faults and reads what it did. Clones are the same proxy; they outlive it without harm.
#[derive(Debug, Clone)]
pub struct FaultHandle(pub(crate) Arc<Bench>);

impl FaultHandle {
    /// Replaces the schedule. Its counts start at nothing.
    pub fn set_schedule(&self, schedule: Schedule) {
        *self.0.schedule.lock().unwrap_or_else(PoisonError::into_inner) = schedule;
    }

    /// Adds a rule behind the others.
    pub fn add(&self, rule: Rule) {
        self.0.schedule.lock().unwrap_or_else(PoisonError::into_inner).push(rule);
    }

    /// An honest proxy from now on: no rules, no limit, the true head, the link up. Connections that were cut stay cut, and
    /// requests that were never answered stay so.
    pub fn clear(&self) {
        self.set_schedule(Schedule::none());
        self.set_rate_limit(None);
        self.set_head(HeadView::True);
        self.set_link(Link::Up);
    }

    /// How much of the chain clients see from now on. Answers are given as of the last visible block (the node must have its
    /// state), frames of later blocks are held back until they may be seen. Filters (`eth_newFilter`) and `debug_` methods
    /// are not covered.
    pub fn set_head(&self, view: HeadView) {
        self.0.head.send_replace(view);
    }

    /// Stalls the head where the node's is now, and returns that block.
    ///
    /// # Errors
    /// Where the node behind the proxy does not answer.
    pub async fn stall_head(&self) -> Result<u64> {
        let head = self.0.node.head().await;
        let head = head.map_err(|_unreachable| DevnetError::unknown("head of the node behind the proxy"))?;
        self.set_head(HeadView::StalledAt(head));
        Ok(head)
    }

    /// Whether clients reach the proxy at all.
    pub fn set_link(&self, link: Link) {
        self.0.wires.set_link(link, &self.0.tallies);
    }

    /// Limits the requests per second, websockets included.
    pub fn set_rate_limit(&self, limit: Option<RateLimit>) {
        let window = limit.map(|limit| Window::new(limit, Instant::now()));
        *self.0.limit.lock().unwrap_or_else(PoisonError::into_inner) = window;
    }

    /// Resets every open connection. New ones are welcome.
    pub fn sever(&self) {
        self.0.wires.sever(&self.0.tallies);
    }

    /// Makes every open connection half-open: it stays, and not a byte comes or goes on it until
    /// [`Link::Up`] is set again. New ones are not affected.
    pub fn mute(&self) {
        self.0.wires.mute(&self.0.tallies);
    }

    /// What passed and what was done to it, up to now.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.0.tallies.now()
    }

    /// How often a fault of this kind was injected.
    #[must_use]
    pub fn count(&self, kind: FaultKind) -> u64 {
        self.tally().count(kind)
    }

    /// The transactions that were accepted and thrown away.
    #[must_use]
    pub fn forgotten(&self) -> Vec<TxHash> {
        self.tally().forgotten
    }

    /// Waits until the tally is so: that is how a test knows that a request which is never answered has arrived.
    pub async fn until(&self, is_so: impl FnMut(&Tally) -> bool) -> Tally {
        self.0.tallies.until(is_so).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_lets_so_many_through() {
        let began = Instant::now();
        let mut window = Window::new(RateLimit { per_second: 2, retry_after: None }, began);
        let mut at = |milliseconds| window.is_over(began + Duration::from_millis(milliseconds));
        assert_eq!([at(0), at(1), at(2), at(999)], [false, false, true, true]);
        assert_eq!([at(1_000), at(1_001), at(1_002)], [false, false, true]);
    }
}
