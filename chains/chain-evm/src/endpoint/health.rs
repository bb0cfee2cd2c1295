//! What is known of one node, and what follows from it. No IO and no clock: time is given, so that every story can be told
//! in a test.

use std::time::Duration;

use agent_core::{
    Head,
    units::{BlockNumber, ChainId},
};

use super::status::NodeState;
use crate::backoff::Backoff;

/// What one failure weighs against one success. Failures that outweigh successes add up, however many succeed between.
const FAILURE: u32 = 2;
/// The weight at which a node counts as unreachable: three failures in a row.
const DOWN_AT: u32 = 6;
/// The weight after which a node that was down answers again: one more failure, and it is down again.
const BACK_AT: u32 = 4;
/// Answers in a row that lacked what the majority had before the node counts as a liar. A contradiction counts at once.
const EMPTY_AT: u32 = 3;
/// How long the first lie keeps a node out; each further one twice as long as the one before.
const QUARANTINE: Duration = Duration::from_secs(600);
const LONGEST_QUARANTINE: Duration = Duration::from_secs(86_400);
/// A rest that a node asks for is not believed beyond this.
const LONGEST_REST: Duration = Duration::from_secs(300);
/// The rests after a rate limit that names none, doubling from the first.
const RESTS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// It answered a request, if only by refusing it.
    Answered,
    /// It gave no usable answer.
    Failed,
    /// It is asked too often.
    Limited {
        /// The rest that it asked for.
        after: Option<Duration>,
        /// Spreads those who come back.
        chance: u32,
    },
    /// It serves another chain.
    WrongChain(ChainId),
    /// Its newest head.
    Head(Head),
    /// Its answer is the majority's.
    Agreed,
    /// It has nothing where the majority has something.
    Empty,
    /// Its answer is not the majority's, about a block that both name by hash.
    Lied,
    /// Whether an older block of it is another than the majority's.
    Fork(bool),
}

/// What the pool's configuration says of health.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) lag_allowed: u64,
    pub(super) stall_after: Duration,
}

/// One node's record.
#[derive(Debug, Clone)]
pub(super) struct Health {
    weight: u32,
    down: bool,
    rests: Backoff,
    rest_until: Option<Duration>,
    wrong_chain: Option<ChainId>,
    head: Option<Head>,
    /// When the head last changed.
    moved: Duration,
    empties: u32,
    lies: u32,
    quarantined_until: Option<Duration>,
    forked: bool,
}

impl Health {
    pub(super) const fn new() -> Self {
        Self {
            weight: 0,
            down: false,
            rests: Backoff::new(RESTS.0, RESTS.1),
            rest_until: None,
            wrong_chain: None,
            head: None,
            moved: Duration::ZERO,
            empties: 0,
            lies: 0,
            quarantined_until: None,
            forked: false,
        }
    }

    /// The newest head that it gave.
    pub(super) const fn newest(&self) -> Option<Head> {
        self.head
    }

    /// Its height.
    pub(super) fn head(&self) -> Option<BlockNumber> {
        self.head.map(|head| head.block.number)
    }

    /// Whether its head counts when heads are compared.
    pub(super) fn is_believed(&self, now: Duration) -> bool {
        let kept_out = self.quarantined_until.is_some_and(|until| until > now);
        self.wrong_chain.is_none() && !kept_out && !self.down && !self.forked
    }

    /// Takes in what happened at `now`.
    pub(super) fn take(&mut self, now: Duration, input: Input) {
        match input {
            Input::Answered => self.answered(),
            Input::Failed => self.failed(),
            Input::Limited { after, chance } => {
                let until = now.saturating_add(self.rest(after, chance));
                self.rest_until = self.rest_until.max(Some(until));
            }
            Input::WrongChain(found) => self.wrong_chain = Some(found),
            Input::Head(head) => {
                if self.head.is_none_or(|known| known.block.hash != head.block.hash) {
                    self.moved = now;
                }
                self.head = Some(head);
            }
            Input::Agreed => self.empties = 0,
            Input::Empty => {
                self.empties = self.empties.saturating_add(1);
                if self.empties >= EMPTY_AT {
                    self.quarantine(now);
                }
            }
            Input::Lied => self.quarantine(now),
            Input::Fork(forked) => self.forked = forked,
        }
    }

    /// What it is good for at `now`, when the others are at `best`.
    pub(super) fn state(&self, now: Duration, best: Option<BlockNumber>, rules: &Rules) -> NodeState {
        let left = |until: Option<Duration>| {
            until.and_then(|until| until.checked_sub(now)).filter(|left| !left.is_zero())
        };
        if let Some(found) = self.wrong_chain {
            return NodeState::WrongChain { found };
        }
        if let Some(left) = left(self.quarantined_until) {
            return NodeState::Quarantined { left };
        }
        if let Some(left) = left(self.rest_until) {
            return NodeState::RateLimited { left };
        }
        if self.down {
            return NodeState::Unreachable;
        }
        let Some(head) = self.head() else { return NodeState::Untried };
        if self.forked {
            return NodeState::OnFork;
        }
        let silent = now.saturating_sub(self.moved);
        if silent >= rules.stall_after {
            return NodeState::Stalled { silent };
        }
        let best = best.unwrap_or(head);
        let behind = best.0.saturating_sub(head.0);
        let ahead = head.0.saturating_sub(best.0);
        if behind > rules.lag_allowed {
            NodeState::Lagging { blocks: behind }
        } else if ahead > rules.lag_allowed {
            NodeState::Ahead { blocks: ahead }
        } else {
            NodeState::Alive
        }
    }

    fn answered(&mut self) {
        self.rests.succeeded();
        if self.down {
            self.down = false;
            self.weight = BACK_AT;
        }
        self.weight = self.weight.saturating_sub(1);
    }

    fn failed(&mut self) {
        // Bounded, so that a long outage is not remembered longer than a short one.
        self.weight = self.weight.saturating_add(FAILURE).min(DOWN_AT);
        self.down |= self.weight >= DOWN_AT;
    }

    /// What was asked for and up to a quarter more, or else the next of the doubling rests.
    fn rest(&mut self, asked: Option<Duration>, chance: u32) -> Duration {
        let doubled = self.rests.next_pause(chance);
        let Some(asked) = asked else { return doubled };
        let asked = asked.min(LONGEST_REST);
        let quarter = u64::try_from(asked.as_millis()).unwrap_or(u64::MAX).div_euclid(4);
        let more = u64::from(chance).checked_rem(quarter.saturating_add(1)).unwrap_or_default();
        asked.saturating_add(Duration::from_millis(more))
    }

    fn quarantine(&mut self, now: Duration) {
        let pause = QUARANTINE.saturating_mul(2u32.saturating_pow(self.lies)).min(LONGEST_QUARANTINE);
        self.lies = self.lies.saturating_add(1);
        self.empties = 0;
        self.quarantined_until = Some(now.saturating_add(pause));
    }
}

#[cfg(test)]
mod tests;
