//! A chain that happens as a test tells it.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use futures::stream::{BoxStream, StreamExt, poll_fn};

use crate::{
    event::{Answered, ChainEvent, Interest, Query},
    ports::{BoxFuture, ReadError, Reader},
    units::{BlockNumber, BlockRef},
};

type Answers = Box<dyn Fn(&Query) -> Option<Answered> + Send + Sync>;

/// Plays one list of events to every stream, each with its own logs, and waits at the list's end until more is told. As a
/// real one does, a stream that begins in the middle first says, with an empty history, where it stands.
///
/// All clones are one chain.
#[derive(Clone)]
pub struct ScriptedReader {
    script: Arc<Mutex<Script>>,
    answers: Arc<Answers>,
}

#[derive(Debug, Default)]
struct Script {
    events: Vec<ChainEvent>,
    closed: bool,
    asked: Vec<(BlockNumber, Vec<Interest>)>,
    waiting: Vec<Waker>,
}

impl fmt::Debug for ScriptedReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedReader").field("script", &self.script).finish_non_exhaustive()
    }
}

impl ScriptedReader {
    /// A chain on which this happened, and whose contracts answer nothing: every read fails.
    pub fn new(events: impl IntoIterator<Item = ChainEvent>) -> Self {
        let script = Script { events: events.into_iter().collect(), ..Script::default() };
        Self { script: Arc::new(Mutex::new(script)), answers: Arc::new(Box::new(|_| None)) }
    }

    /// The same chain, its contracts answering like this. The whole read fails when one answer is `None`.
    #[must_use]
    pub fn answering(self, answers: impl Fn(&Query) -> Option<Answered> + Send + Sync + 'static) -> Self {
        Self { answers: Arc::new(Box::new(answers)), ..self }
    }

    /// This happens next.
    pub fn tell(&self, event: ChainEvent) {
        self.change(|script| script.events.push(event));
    }

    /// Ends all streams, once they have played everything.
    pub fn close(&self) {
        self.change(|script| script.closed = true);
    }

    /// The streams that were asked for, oldest first.
    #[must_use]
    pub fn asked(&self) -> Vec<(BlockNumber, Vec<Interest>)> {
        self.script().asked.clone()
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Script)) {
        let mut script = self.script();
        change(&mut script);
        let waiting = std::mem::take(&mut script.waiting);
        drop(script);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn latest(&self) -> BlockRef {
        let script = self.script();
        script.events.iter().rev().find_map(block_of).unwrap_or_default()
    }
}

/// The newest block once this event has happened.
const fn block_of(event: &ChainEvent) -> Option<BlockRef> {
    match event {
        ChainEvent::History { head, .. } | ChainEvent::Block { head, .. } => Some(head.block),
        ChainEvent::Rollback { to } => Some(*to),
        ChainEvent::Answer { .. } | ChainEvent::Observed(_) | ChainEvent::Outcome(_) => None,
    }
}

/// One stream's way through the script.
struct Playing {
    next: usize,
    from: BlockNumber,
    interests: Vec<Interest>,
    ready: VecDeque<ChainEvent>,
}

impl Playing {
    /// Passes over what was before this stream's first block, and says so.
    fn skip(&mut self, events: &[ChainEvent]) {
        let mut skipped = None;
        while let Some(ChainEvent::History { head, .. } | ChainEvent::Block { head, .. }) =
            events.get(self.next)
            && head.block.number < self.from
        {
            skipped = Some(*head);
            self.next = self.next.saturating_add(1);
        }
        if let Some(head) = skipped {
            self.ready.push_back(ChainEvent::History { head, logs: Vec::new(), last: true });
        }
    }

    fn next(&mut self, events: &[ChainEvent]) -> Option<ChainEvent> {
        if self.next == 0 {
            self.skip(events);
        }
        if let Some(event) = self.ready.pop_front() {
            return Some(event);
        }
        let mut event = events.get(self.next)?.clone();
        self.next = self.next.saturating_add(1);
        if let ChainEvent::History { logs, .. } | ChainEvent::Block { logs, .. } = &mut event {
            let interests = &self.interests;
            logs.retain(|log| log.block >= self.from && interests.iter().any(|interest| interest.wants(log)));
        }
        Some(event)
    }
}

impl Reader for ScriptedReader {
    fn events(&self, from: BlockNumber, interests: Vec<Interest>) -> BoxStream<'static, ChainEvent> {
        self.script().asked.push((from, interests.clone()));
        let (chain, mut playing) =
            (self.clone(), Playing { next: 0, from, interests, ready: VecDeque::new() });
        let events = poll_fn(move |context| {
            let mut script = chain.script();
            match playing.next(&script.events) {
                Some(event) => Poll::Ready(Some(event)),
                None if script.closed => Poll::Ready(None),
                None => {
                    script.waiting.push(context.waker().clone());
                    Poll::Pending
                }
            }
        });
        events.boxed()
    }

    fn read(&self, queries: Vec<Query>) -> BoxFuture<'_, Result<(BlockRef, Vec<Answered>), ReadError>> {
        let answers: Option<Vec<_>> = queries.iter().map(|query| (self.answers)(query)).collect();
        let cause = || "the script has no answer".into();
        let read = answers
            .map(|answers| (self.latest(), answers))
            .ok_or_else(|| ReadError { what: "a scripted contract", cause: cause() });
        Box::pin(std::future::ready(read))
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::scripted::sample_head;

    fn numbers(stream: &mut BoxStream<'static, ChainEvent>) -> Vec<u64> {
        let mut numbers = Vec::new();
        while let Some(Some(event)) = stream.next().now_or_never() {
            numbers.extend(block_of(&event).map(|block| block.number.0));
        }
        numbers
    }

    #[test]
    fn a_stream_begins_where_it_was_asked_to_and_goes_on_as_more_is_told() {
        let block = |number| ChainEvent::Block { head: sample_head(number), logs: vec![] };
        let reader = ScriptedReader::new([block(1), block(2), block(3)]);
        let mut all = reader.events(BlockNumber(0), vec![]);
        let mut some = reader.events(BlockNumber(3), vec![]);
        let mut none = reader.events(BlockNumber(9), vec![]);
        assert_eq!(numbers(&mut all), [1, 2, 3]);
        assert_eq!(numbers(&mut some), [2, 3], "where it stands, then its first block");
        assert_eq!(numbers(&mut none), [3]);
        reader.tell(block(4));
        assert_eq!(numbers(&mut all), [4]);
        reader.close();
        assert_eq!(all.next().now_or_never(), Some(None));
    }
}
