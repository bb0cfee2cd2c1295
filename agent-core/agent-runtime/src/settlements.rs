//! Follows what is under way to its end, tells the strategies, and remembers.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use agent_core::{
    Outcome, OutcomeReport, Settlement,
    ports::{BoxFuture, DoorError, Memory, Moment, Provenance, Record, RecordKind, Underway},
};
use futures::{StreamExt, stream::FuturesUnordered};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::reflex::Shared;

/// How many transactions are under way.
#[derive(Debug, Clone, Default)]
pub(crate) struct InFlight(Arc<AtomicU32>);

impl InFlight {
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The settlement task.
pub(crate) struct Settlements {
    pub(crate) arriving: mpsc::UnboundedReceiver<Underway>,
    pub(crate) strategies: BTreeMap<String, mpsc::UnboundedSender<OutcomeReport>>,
    pub(crate) memory: Arc<dyn Memory>,
    pub(crate) shared: Shared,
    pub(crate) in_flight: InFlight,
    pub(crate) grace: Duration,
}

type Following = FuturesUnordered<BoxFuture<'static, Result<OutcomeReport, DoorError>>>;

impl Settlements {
    /// Follows until told to stop, and then for as long as the grace period what is still under way. What is not final by
    /// then stays open in the journal, and the next start takes it up.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), DoorError> {
        let mut following = Following::new();
        loop {
            tokio::select! {
                biased;
                Some(underway) = self.arriving.recv() => self.follow(&following, underway),
                Some(outcome) = following.next() => self.settled(outcome?).await,
                () = stop.cancelled() => break,
            }
        }
        // No time-out is an error here: the journal is what remembers.
        match tokio::time::timeout(self.grace, self.see_through(following)).await {
            Ok(done) => done,
            Err(_elapsed) => Ok(()),
        }
    }

    async fn see_through(&mut self, mut following: Following) -> Result<(), DoorError> {
        loop {
            // Lanes that were at the door when the stop came may still hand something over.
            while let Ok(underway) = self.arriving.try_recv() {
                self.follow(&following, underway);
            }
            let Some(outcome) = following.next().await else { return Ok(()) };
            self.settled(outcome?).await;
        }
    }

    fn follow(&self, following: &Following, underway: Underway) {
        self.in_flight.0.fetch_add(1, Ordering::SeqCst);
        following.push(underway.outcome);
    }

    async fn settled(&self, report: OutcomeReport) {
        self.in_flight.0.fetch_sub(1, Ordering::SeqCst);
        if matches!(report.outcome, Outcome::Closed(Settlement::Dropped { .. }) | Outcome::Refused(_)) {
            self.shared.board.give_back(report.id);
        } else {
            self.shared.board.withdraw(report.id);
        }
        self.remember(&report).await;
        if let Some(strategy) = self.strategies.get(&report.strategy) {
            // A strategy that has stopped needs no outcomes.
            drop(strategy.send(report));
        }
    }

    /// Memory is advisory: when it fails, the operator hears of it and the agent goes on.
    async fn remember(&self, report: &OutcomeReport) {
        let record = Record {
            kind: RecordKind::Episode,
            subject: report.class.clone(),
            at: self.shared.board.chain_time(),
            provenance: Provenance::Agent,
            text: format!("opportunity {} {}", report.id, report.outcome),
        };
        match self.memory.remember(record.clone()).await {
            Ok(()) => self.shared.observer.saw(Moment::Remembered(&record)),
            Err(error) => self.shared.observer.saw(Moment::Warned(&error.to_string())),
        }
    }
}
