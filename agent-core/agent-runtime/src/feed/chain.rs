//! The chain as one strategy follows it, and the history that it catches up on when its interests grow.

use std::{collections::VecDeque, sync::Arc};

use agent_core::{
    ChainEvent, ChainLog, Head, Interest,
    ports::Reader,
    units::{BlockNumber, BlockRef},
};
use futures::{StreamExt, stream::BoxStream};

type Events = BoxStream<'static, ChainEvent>;

pub(super) struct Chain {
    reader: Arc<dyn Reader>,
    wanted: Vec<Interest>,
    had: Had,
    live: Live,
    /// The last block that the strategy has seen.
    seen: Option<Head>,
    catching_up: CatchingUp,
}

/// The stream of everything known, from a block on: a reader gives no logs of blocks before it.
struct Live {
    from: BlockNumber,
    events: Events,
}

/// What the strategy is told besides the live stream.
#[derive(Default)]
struct CatchingUp {
    /// To be told before anything else.
    told: VecDeque<ChainEvent>,
    /// The new interests' way up to the block that the strategy has seen.
    under_way: Option<Past>,
}

/// The past of some interests.
struct Past {
    events: Events,
    reached: Option<BlockNumber>,
    logs: Vec<ChainLog>,
}

/// Which logs the strategy holds, up to the last block that it has seen: those that each of these lists wants. What it did
/// not want for a while it has let go.
struct Had(Vec<Vec<Interest>>);

impl Had {
    fn has(&self, log: &ChainLog) -> bool {
        self.0.iter().all(|wanted| wanted.iter().any(|interest| interest.wants(log)))
    }

    fn has_all_of(&self, interest: &Interest) -> bool {
        self.0.iter().all(|wanted| wanted.contains(interest))
    }
}

/// The first block that any of them wants; any block where there are none.
fn earliest(interests: &[Interest]) -> BlockNumber {
    interests.iter().map(|interest| interest.from).min().unwrap_or_default()
}

impl Chain {
    pub(super) fn new(reader: Arc<dyn Reader>, wanted: Vec<Interest>) -> Self {
        let from = earliest(&wanted);
        let live = Live { from, events: reader.events(from, wanted.clone()) };
        let had = Had(vec![wanted.clone()]);
        Self { reader, wanted, had, live, seen: None, catching_up: CatchingUp::default() }
    }

    /// The last block that the strategy has seen.
    pub(super) fn seen(&self) -> Option<BlockNumber> {
        self.seen.map(|head| head.block.number)
    }

    /// What the strategy is interested in from now on. Live blocks wait until what is new has caught up; what is gone is
    /// filtered out, and is new again when it comes back.
    pub(super) fn follow(&mut self, wanted: Vec<Interest>) {
        if wanted == self.wanted {
            return;
        }
        let new: Vec<_> = wanted.iter().filter(|interest| !self.had.has_all_of(interest)).cloned().collect();
        self.had.0.push(wanted.clone());
        self.wanted = wanted;
        let interrupted = self.catching_up.under_way.take().is_some();
        let Some(seen) = self.seen() else { return self.go_live(earliest(&self.wanted)) };
        if new.iter().any(|interest| interest.from <= seen) {
            let events = self.reader.events(earliest(&new), new);
            self.catching_up.under_way = Some(Past { events, reached: None, logs: Vec::new() });
        } else if interrupted || !new.is_empty() {
            self.go_live(seen.next());
        }
    }

    /// The next event; `None` when the reader is closed. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<ChainEvent> {
        loop {
            self.arrive();
            if let Some(event) = self.catching_up.told.pop_front() {
                return Some(self.tell(event));
            }
            let Some(past) = &mut self.catching_up.under_way else {
                let event = self.live.events.next().await?;
                if let Some(event) = self.in_order(event) {
                    return Some(self.tell(event));
                }
                continue;
            };
            tokio::select! {
                biased;
                // Blocks can wait: they are read again, with the new logs. That a block which was told is void cannot.
                live = self.live.events.next() => if let ChainEvent::Rollback { to } = live? {
                    self.void_after(to);
                },
                event = past.events.next() => match event? {
                    ChainEvent::Rollback { to } => self.void_after(to),
                    ChainEvent::History { head, logs, .. } | ChainEvent::Block { head, logs } => {
                        past.reached = Some(head.block.number);
                        past.logs.extend(logs);
                    }
                    ChainEvent::Answer { .. } | ChainEvent::Observed(_) | ChainEvent::Outcome(_) => {}
                },
            }
        }
    }

    /// Goes live again, once the past has reached the block that the strategy has seen. Logs that an older interest
    /// brought already are not told twice.
    fn arrive(&mut self) {
        let Some(head) = self.seen else { return };
        let last = head.block.number;
        if let Some(Past { mut logs, .. }) =
            self.catching_up.under_way.take_if(|past| past.reached.is_some_and(|reached| reached >= last))
        {
            logs.retain(|log| log.block <= last && !self.had.has(log));
            // Not the last of history: the new live stream begins with where it stands.
            self.catching_up.told.push_back(ChainEvent::History { head, logs, last: false });
            self.go_live(last.next());
        }
    }

    fn void_after(&mut self, to: BlockRef) {
        if let Some(past) = &mut self.catching_up.under_way {
            past.logs.retain(|log| log.block <= to.number);
            past.reached = past.reached.min(Some(to.number));
        }
        if self.seen().is_some_and(|seen| to.number < seen) {
            self.catching_up.told.push_back(ChainEvent::Rollback { to });
        }
    }

    fn go_live(&mut self, from: BlockNumber) {
        self.had = Had(vec![self.wanted.clone()]);
        self.live = Live { from, events: self.reader.events(from, self.wanted.clone()) };
    }

    /// A node that is behind lets a new stream begin below the block that the strategy has seen. Those blocks are no news
    /// (they are void only after a rollback), but that history is over is.
    fn in_order(&self, mut event: ChainEvent) -> Option<ChainEvent> {
        match (&mut event, self.seen) {
            (ChainEvent::Block { head, .. }, Some(seen)) if head.block.number <= seen.block.number => {
                return None;
            }
            (ChainEvent::History { head, .. }, Some(seen)) if head.block.number < seen.block.number => {
                *head = seen
            }
            _ => {}
        }
        Some(event)
    }

    fn tell(&mut self, mut event: ChainEvent) -> ChainEvent {
        match &mut event {
            ChainEvent::History { head, logs, .. } | ChainEvent::Block { head, logs } => {
                self.seen = Some(*head);
                logs.retain(|log| self.had.has(log));
            }
            ChainEvent::Rollback { to } => {
                self.seen = self.seen.map(|head| Head { block: *to, ..head });
                let next = to.number.next().max(earliest(&self.wanted));
                if next < self.live.from {
                    self.live = Live { from: next, events: self.reader.events(next, self.wanted.clone()) };
                }
            }
            ChainEvent::Answer { .. } | ChainEvent::Observed(_) | ChainEvent::Outcome(_) => {}
        }
        event
    }
}
