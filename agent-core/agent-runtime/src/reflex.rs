//! The reflex lane: one strategy's events in, opportunities out, and offers under standing orders, without asking anybody.

use std::sync::Arc;

use agent_core::{
    ChainEvent, Opportunity, Origin, OutcomeReport,
    ports::{Door, Moment, Observer, Outbox, Reader, Request, Strategy, covering},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{at_the_door::Errands, board::Board, feed::Feed};

/// What both speeds have in common.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) board: Board,
    /// Asked for its orders only: what is wanted of it goes by `errands`.
    pub(crate) door: Arc<dyn Door>,
    pub(crate) errands: Errands,
    pub(crate) observer: Arc<dyn Observer>,
}

/// One strategy at work.
pub(crate) struct Reflex {
    strategy: Box<dyn Strategy>,
    feed: Feed,
    outcomes: mpsc::UnboundedReceiver<OutcomeReport>,
    shared: Shared,
}

impl Reflex {
    /// A lane for `strategy`. The outcomes' queue is bounded by what was in flight.
    pub(crate) fn new(
        strategy: Box<dyn Strategy>,
        reader: Arc<dyn Reader>,
        outcomes: mpsc::UnboundedReceiver<OutcomeReport>,
        shared: Shared,
    ) -> Self {
        let feed = Feed::new(reader, strategy.as_ref());
        Self { strategy, feed, outcomes, shared }
    }

    /// Works until it is told to stop, or the chain's stream ends.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                event = self.feed.next(&mut self.outcomes) => match event {
                    Some(Ok(event)) => self.handle(&event),
                    Some(Err(sentence)) => self.shared.observer.saw(Moment::Warned(&sentence)),
                    None => return self.shared.observer.saw(Moment::Warned("the reader is closed: nothing is heard of the chain")),
                },
            }
        }
    }

    fn handle(&mut self, event: &ChainEvent) {
        if let ChainEvent::Block { head, .. } | ChainEvent::History { head, last: true, .. } = event {
            self.shared.observer.saw(Moment::Head(head));
            self.shared.board.tick(head.block);
        }
        let mut outbox = Outbox::default();
        self.strategy.on_event(event, &mut outbox);
        for request in outbox.drain() {
            if let Err(sentence) = self.serve(request) {
                self.shared.observer.saw(Moment::Warned(&sentence));
            }
        }
        let (_, interests) = self.strategy.interests();
        self.feed.follow(interests);
    }

    /// Does what the strategy asks for, or says what the operator should know.
    fn serve(&mut self, request: Request) -> Result<(), String> {
        match request {
            Request::Publish(opportunity) => self.publish(*opportunity)?,
            Request::Withdraw(id) => {
                self.shared.observer.saw(Moment::Withdrawn(id));
                self.shared.board.withdraw(id);
            }
            Request::Ask { tag, queries } => self.feed.ask(tag, queries)?,
            Request::Warn(sentence) => return Err(sentence),
        }
        Ok(())
    }

    /// On the board for everybody, and straight to the door when a standing order covers it.
    fn publish(&self, opportunity: Opportunity) -> Result<(), String> {
        let (shared, draft) = (&self.shared, opportunity.draft());
        shared.observer.saw(Moment::Published(&opportunity));
        let gone = shared.board.publish(opportunity);
        if let Some(order) = covering(&shared.door.orders(), &draft, shared.board.chain_time()) {
            shared.errands.drop_off(draft, Origin::Reflex { order })?;
        }
        gone.map_or(Ok(()), |gone| Err(format!("the board is full: {gone} is worth least and goes")))
    }
}
