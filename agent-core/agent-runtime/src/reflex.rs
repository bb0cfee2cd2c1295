//! The reflex lane: one strategy's events in, opportunities out, and offers under standing orders, without asking anybody.

use std::sync::Arc;

use agent_core::{
    ChainEvent, Opportunity, Origin, OutcomeReport, Refusal,
    ports::{
        BoxFuture, Door, DoorError, Moment, Observer, Offered, Outbox, Reader, Request, Strategy, Underway,
        covering,
    },
};
use futures::{StreamExt, stream::FuturesUnordered};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{board::Board, feed::Feed};

/// What every task of the agent shares.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) board: Board,
    pub(crate) door: Arc<dyn Door>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) underway: mpsc::UnboundedSender<Underway>,
}

impl Shared {
    /// Offers what was taken from the board; what the door refuses for now goes back.
    pub(crate) async fn offer(
        &self,
        draft: agent_core::Draft,
        origin: Origin,
    ) -> Result<Result<(), Refusal>, DoorError> {
        let id = draft.id;
        match self.door.offer(draft, origin).await? {
            Offered::Underway(underway) => {
                // The settlement task outlives every sender; when it is gone, the journal still has it.
                drop(self.underway.send(underway));
                Ok(Ok(()))
            }
            Offered::Refused(refusal) => {
                if refusal != Refusal::AlreadyTaken {
                    self.board.give_back(id);
                }
                Ok(Err(refusal))
            }
        }
    }
}

/// One strategy at work.
pub(crate) struct Reflex {
    strategy: Box<dyn Strategy>,
    feed: Feed,
    outcomes: mpsc::UnboundedReceiver<OutcomeReport>,
    shared: Shared,
    offers: FuturesUnordered<BoxFuture<'static, Result<(), DoorError>>>,
}

impl Reflex {
    pub(crate) fn new(
        strategy: Box<dyn Strategy>,
        reader: Arc<dyn Reader>,
        outcomes: mpsc::UnboundedReceiver<OutcomeReport>,
        shared: Shared,
    ) -> Self {
        let feed = Feed::new(reader, strategy.as_ref());
        Self { strategy, feed, outcomes, shared, offers: FuturesUnordered::new() }
    }

    /// Works until it is told to stop, or the door breaks. Offers that are at the door are seen through.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), DoorError> {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(offered) = self.offers.next() => offered?,
                event = self.feed.next(&mut self.outcomes) => match event {
                    Some(Ok(event)) => self.handle(&event).await,
                    Some(Err(sentence)) => self.shared.observer.saw(Moment::Warned(&sentence)),
                    None => break,
                },
            }
        }
        while let Some(offered) = self.offers.next().await {
            offered?;
        }
        Ok(())
    }

    async fn handle(&mut self, event: &ChainEvent) {
        if let ChainEvent::Block { head, .. } | ChainEvent::History { head, last: true, .. } = event {
            self.shared.observer.saw(Moment::Head(head));
            self.shared.board.tick(head.block);
        }
        let mut outbox = Outbox::default();
        self.strategy.on_event(event, &mut outbox);
        for request in outbox.drain() {
            self.serve(request);
        }
        let (_, interests) = self.strategy.interests();
        self.feed.follow(interests).await;
    }

    fn serve(&self, request: Request) {
        match request {
            Request::Publish(opportunity) => self.publish(*opportunity),
            Request::Withdraw(id) => {
                self.shared.observer.saw(Moment::Withdrawn(id));
                self.shared.board.withdraw(id);
            }
            Request::Ask { tag, queries } => self.feed.ask(tag, queries),
            Request::Warn(sentence) => self.shared.observer.saw(Moment::Warned(&sentence)),
        }
    }

    /// On the board for everybody, and straight to the door when a standing order covers it.
    fn publish(&self, opportunity: Opportunity) {
        let (shared, draft) = (self.shared.clone(), opportunity.draft());
        shared.observer.saw(Moment::Published(&opportunity));
        let (id, now) = (opportunity.id, shared.board.chain_time());
        shared.board.publish(opportunity);
        let Some(order) = covering(&shared.door.orders(), &draft, now) else { return };
        if shared.board.take(id) {
            let origin = Origin::Reflex { order };
            self.offers.push(Box::pin(async move { shared.offer(draft, origin).await.map(drop) }));
        }
    }
}
