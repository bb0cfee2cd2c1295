//! Follows what is under way to its end, remembers, and tells the strategies.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use agent_core::{
    Outcome, OutcomeReport, Settlement,
    ports::{BoxFuture, DoorError, Provenance, Record, RecordKind, Underway},
};
use futures::{StreamExt, stream::FuturesUnordered};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{advisory::Advisory, board::Board, error::AgentError, inboxes::Inboxes};

/// How many transactions are under way. Counted before anybody hears that the door took one, so that no planner decides on
/// a count that is behind.
#[derive(Debug, Clone, Default)]
pub(crate) struct InFlight(Arc<AtomicU32>);

impl InFlight {
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Where the door's transactions are handed over. The queue is bounded by what the policy lets in flight.
#[derive(Clone)]
pub(crate) struct UnderWay {
    in_flight: InFlight,
    queue: mpsc::UnboundedSender<Underway>,
}

impl UnderWay {
    pub(crate) fn follow(&self, underway: Underway) {
        self.in_flight.0.fetch_add(1, Ordering::SeqCst);
        // The settlement task outlives everybody who holds this; if it died, the journal still has the transaction.
        drop(self.queue.send(underway));
    }
}

/// The settlement task.
pub(crate) struct Settlements {
    queue: mpsc::UnboundedReceiver<Underway>,
    in_flight: InFlight,
    inboxes: Inboxes,
    memory: Advisory,
    board: Board,
    stop: CancellationToken,
}

type Following = FuturesUnordered<BoxFuture<'static, Result<OutcomeReport, DoorError>>>;

impl Settlements {
    pub(crate) fn new(
        inboxes: Inboxes,
        memory: Advisory,
        board: Board,
        stop: CancellationToken,
    ) -> (UnderWay, InFlight, Self) {
        let (hand_over, queue) = mpsc::unbounded_channel();
        let in_flight = InFlight::default();
        let under_way = UnderWay { in_flight: in_flight.clone(), queue: hand_over };
        (under_way, in_flight.clone(), Self { queue, in_flight, inboxes, memory, board, stop })
    }

    /// Follows until nothing can be handed over any more and all is final. A broken door stops the agent; the rest is
    /// followed all the same.
    pub(crate) async fn run(mut self) -> Result<(), AgentError> {
        let (mut following, mut open, mut outcome) = (Following::new(), true, Ok(()));
        while open || !following.is_empty() {
            tokio::select! {
                biased;
                underway = self.queue.recv(), if open => match underway {
                    Some(underway) => following.push(self.follow(underway)),
                    None => open = false,
                },
                Some(report) = following.next() => match report {
                    Ok(report) => self.settled(&report),
                    Err(error) => {
                        self.stop.cancel();
                        outcome = outcome.and(Err(error.into()));
                    }
                },
            }
        }
        outcome
    }

    /// To its end, and into memory, so that whoever hears of it can recall it.
    fn follow(&self, underway: Underway) -> BoxFuture<'static, Result<OutcomeReport, DoorError>> {
        let (memory, board) = (self.memory.clone(), self.board.clone());
        Box::pin(async move {
            let report = underway.outcome.await?;
            memory.remember(episode(&report, &board)).await;
            Ok(report)
        })
    }

    fn settled(&self, report: &OutcomeReport) {
        self.in_flight.0.fetch_sub(1, Ordering::SeqCst);
        if matches!(
            report.outcome,
            Outcome::Closed(Settlement::Cancelled(_) | Settlement::Dropped { .. }) | Outcome::Refused(_)
        ) {
            self.board.give_back(report.id);
        } else {
            self.board.spent(report.id);
        }
        self.inboxes.tell(report);
    }
}

fn episode(report: &OutcomeReport, board: &Board) -> Record {
    Record {
        kind: RecordKind::Episode,
        subject: report.class.clone(),
        at: board.chain_time(),
        provenance: Provenance::Agent,
        text: format!("opportunity {} {}", report.id, report.outcome),
    }
}
