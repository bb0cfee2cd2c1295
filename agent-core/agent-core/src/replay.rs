//! What a strategy heard and made of it, so that it can be played again: to the same strategy, which then asks for the same, or to
//! a changed one, to see what it would have done.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use crate::{
    event::{ChainEvent, Interest, Query},
    opportunity::OpportunityId,
    ports::{Outbox, Request, Strategy},
};

#[cfg(test)]
mod tests;

/// One event, and what the strategy asked for when it heard it. As JSON, one a line, a file of these is a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// What it heard.
    pub event: ChainEvent,
    /// What it asked for, in order.
    pub requests: Vec<Request>,
}

/// A strategy that tells somebody what it hears and what it asks for. It behaves as it would alone.
pub struct Recorded {
    strategy: Box<dyn Strategy>,
    tell: Box<dyn FnMut(Heard) + Send>,
}

impl Recorded {
    /// Records `strategy`. `tell` is called on the strategy's own path, so it must not wait.
    pub fn new(strategy: impl Strategy + 'static, tell: impl FnMut(Heard) + Send + 'static) -> Self {
        Self { strategy: Box::new(strategy), tell: Box::new(tell) }
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded").field("strategy", &self.strategy.name()).finish_non_exhaustive()
    }
}

impl Strategy for Recorded {
    fn name(&self) -> &str {
        self.strategy.name()
    }

    fn interests(&self) -> Vec<Interest> {
        self.strategy.interests()
    }

    fn on_event(&mut self, event: &ChainEvent, outbox: &mut Outbox) {
        let mut own = Outbox::default();
        self.strategy.on_event(event, &mut own);
        let requests = own.drain();
        requests.iter().cloned().for_each(|request| outbox.request(request));
        (self.tell)(Heard { event: event.clone(), requests });
    }
}

/// What became of one recorded event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// The strategy heard it, and asked for this.
    Asked {
        /// What it asked for, in order.
        requests: Vec<Request>,
        /// Whether that is what was recorded, to the byte.
        same: bool,
    },
    /// It was not told: an answer to what it never asked, or the outcome of what it never published.
    Untold,
}

/// Plays a recording to a strategy.
///
/// A strategy that is not the recorded one may ask other questions. It is given the recorded answer to the same question, under
/// its own tag, if it asked no later than the recorded one did, and no answer to others: what is asked together (the pools of one
/// question, say) is answered together or not at all, so a strategy that looks at other contracts may come to know less. Likewise it hears of the outcomes of what it published itself, and of no others.
/// Logs outside of what the recorded strategy was interested in are not in a recording: a strategy that is interested in more
/// does not get them.
pub struct Replay {
    strategy: Box<dyn Strategy>,
    /// How many events were played.
    played: u64,
    /// What the recording asked and is not answered yet.
    recorded: BTreeMap<u64, Asked>,
    /// What the strategy asked and is not answered yet.
    asked: BTreeMap<u64, Asked>,
    published: BTreeSet<OpportunityId>,
}

/// A question, and which event it was asked at.
struct Asked {
    at: u64,
    queries: Vec<Query>,
}

impl Replay {
    /// Plays to `strategy`, which knows nothing yet.
    pub fn new(strategy: impl Strategy + 'static) -> Self {
        let (recorded, asked) = (BTreeMap::new(), BTreeMap::new());
        Self { strategy: Box::new(strategy), played: 0, recorded, asked, published: BTreeSet::new() }
    }

    /// Plays the recording's next event.
    pub fn play(&mut self, heard: &Heard) -> Replayed {
        let told = self.told(&heard.event);
        let at = self.played;
        self.played = at.saturating_add(1);
        self.recorded.extend(questions(&heard.requests, at));
        let Some(event) = told else { return Replayed::Untold };
        let mut outbox = Outbox::default();
        self.strategy.on_event(&event, &mut outbox);
        let requests = outbox.drain();
        self.asked.extend(questions(&requests, at));
        for request in &requests {
            if let Request::Publish(opportunity) = request {
                self.published.insert(opportunity.id);
            }
        }
        let same = requests == heard.requests;
        Replayed::Asked { requests, same }
    }

    /// How many of its questions have no recorded answer, so far.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        let open = |asked: &Asked| self.recorded.values().any(|recorded| recorded.queries == asked.queries);
        self.asked.values().filter(|asked| !open(asked)).count()
    }

    /// The event as this strategy is to hear it.
    fn told(&mut self, event: &ChainEvent) -> Option<ChainEvent> {
        match event {
            ChainEvent::Answer { tag, at, answers } => {
                let recorded = self.recorded.remove(tag)?;
                let same = |asked: &Asked| asked.queries == recorded.queries && asked.at <= recorded.at;
                let asked = self.asked.iter().filter(|(_, asked)| same(asked));
                let tag = *asked.max_by_key(|(_, asked)| asked.at)?.0;
                self.asked.remove(&tag);
                Some(ChainEvent::Answer { tag, at: *at, answers: answers.clone() })
            }
            ChainEvent::Outcome(report) if !self.published.contains(&report.id) => None,
            ChainEvent::Outcome(_)
            | ChainEvent::Observed(_)
            | ChainEvent::History { .. }
            | ChainEvent::Block { .. }
            | ChainEvent::Rollback { .. } => Some(event.clone()),
        }
    }
}

fn questions(requests: &[Request], at: u64) -> impl Iterator<Item = (u64, Asked)> {
    requests.iter().filter_map(move |request| {
        let Request::Ask { tag, queries } = request else { return None };
        Some((*tag, Asked { at, queries: queries.clone() }))
    })
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").field("strategy", &self.strategy.name()).finish_non_exhaustive()
    }
}
