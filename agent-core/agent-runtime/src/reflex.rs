//! The reflex lane: one strategy's events in, opportunities out, and offers under standing orders, without asking anybody.

use std::{cmp::Reverse, sync::Arc};

use agent_core::{
    ChainEvent, Draft, Opportunity, Origin, OutcomeReport,
    ports::{Door, Moment, Observer, Outbox, Reader, Request, Strategy, covering},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    at_the_door::Errands,
    board::Board,
    feed::Feed,
    load::{Kind, Tally},
};

/// What both speeds have in common.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) board: Board,
    /// Asked for its orders only: what is wanted of it goes by `errands`.
    pub(crate) door: Arc<dyn Door>,
    pub(crate) errands: Errands,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) tally: Tally,
}

impl Shared {
    /// There was no room for one of these.
    fn shed(&self, kind: Kind) {
        self.tally.count(kind, self.observer.as_ref());
    }
}

/// One strategy at work.
pub(crate) struct Reflex {
    strategy: Box<dyn Strategy>,
    feed: Feed,
    outcomes: mpsc::UnboundedReceiver<OutcomeReport>,
    shared: Shared,
}

impl Reflex {
    /// A lane for `strategy`. The outcomes' queue is bounded by what was in flight and at the door.
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
        let mut published = Vec::new();
        for request in outbox.drain() {
            self.serve(request, &mut published);
        }
        self.act(published);
        self.feed.follow(self.strategy.interests());
    }

    /// Does what the strategy asks for, where there is room for it.
    fn serve(&mut self, request: Request, published: &mut Vec<Opportunity>) {
        match request {
            Request::Publish(opportunity) => {
                let opportunity = self.named(*opportunity);
                published.push(opportunity.clone());
                self.publish(opportunity);
            }
            Request::Prepare(opportunity) => self.prepare(self.named(*opportunity).draft()),
            Request::Withdraw(id) => {
                self.shared.observer.saw(Moment::Withdrawn(id));
                self.shared.board.withdraw(id);
            }
            Request::Ask { tag, queries } => {
                if !self.feed.ask(tag, queries) {
                    self.shared.shed(Kind::Read);
                }
            }
            Request::Warn(sentence) => self.shared.observer.saw(Moment::Warned(&sentence)),
        }
    }

    /// Budgets are per strategy: whose it is, the driver says.
    fn named(&self, opportunity: Opportunity) -> Opportunity {
        Opportunity { strategy: self.strategy.name().to_owned(), ..opportunity }
    }

    /// On the board, for everybody.
    fn publish(&self, opportunity: Opportunity) {
        self.shared.observer.saw(Moment::Published(&opportunity));
        if self.shared.board.publish(opportunity).is_some() {
            self.shared.shed(Kind::Opportunity);
        }
    }

    /// To the door for a look ahead, if a standing order covers it.
    fn prepare(&self, draft: Draft) {
        let orders = self.shared.door.orders();
        let Some(order) = covering(&orders, &draft, self.shared.board.chain_time()) else { return };
        if self.shared.errands.prepare(draft, Origin::Reflex { order }).is_err() {
            self.shared.shed(Kind::Preparation);
        }
    }

    /// Straight to the door with what standing orders cover, the best first, and no more of it than an order has uses.
    fn act(&self, mut published: Vec<Opportunity>) {
        published.sort_by_key(|opportunity| Reverse(opportunity.appraisal.net()));
        let mut orders = self.shared.door.orders();
        for draft in published.iter().map(Opportunity::draft) {
            let Some(order) = covering(&orders, &draft, self.shared.board.chain_time()) else { continue };
            if let Some(status) = orders.iter_mut().find(|status| status.order.id == order) {
                status.used = status.used.saturating_add(1);
            }
            if self.shared.errands.drop_off(draft, Origin::Reflex { order }).is_err() {
                self.shared.shed(Kind::Offer);
            }
        }
    }
}
