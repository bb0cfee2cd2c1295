//! What is at the door: each offer and command in a task of its own, seen through whatever becomes of who brought it.
//!
//! A future that is dropped between the journal and the broadcast would leave a recorded transaction to the next start.
//! No lane, sitting or shutdown does that, because none of them holds such a future.

use std::{sync::Arc, time::Duration};

use agent_core::{
    Answer, Draft, Origin, Outcome, OutcomeReport, Refusal,
    ports::{Command, Door, DoorError, Observer, Offered, Question, Reply},
};
use tokio::{
    sync::{
        OwnedSemaphorePermit, Semaphore,
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    task::JoinSet,
    time::interval,
};
use tokio_util::sync::CancellationToken;

use crate::{
    board::Board,
    error::{AgentError, ended},
    inboxes::Inboxes,
    load::Tally,
    settlements::UnderWay,
};

/// Offers and commands at the door at once.
pub(crate) const AT_ONCE: usize = 32;
/// Offers and commands that wait for their turn. One more is turned away: the strategy publishes it again with the next
/// block, if it is still there.
const WAITING: usize = 128;

/// Of those, drafts that are being prepared: offers find a place beside them.
const PREPARING: usize = 8;

/// How often the door is asked for what nobody follows.
const TIDYING: Duration = Duration::from_secs(15);

/// How often the door is asked whether a person has replied.
const ASKING: Duration = Duration::from_millis(250);

/// What the door says; nothing, when the agent is stopping.
type Heard = Option<Answer>;

enum Errand {
    Offer(Box<Draft>),
    Prepare(Box<Draft>, OwnedSemaphorePermit),
    Command(Box<Command>),
}

/// There is no room for one more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Full;

type Brought = (Errand, Origin, oneshot::Sender<Answer>);

/// Where lanes bring what they want of the door.
#[derive(Clone)]
pub(crate) struct Errands {
    board: Board,
    tally: Tally,
    preparing: Arc<Semaphore>,
    queue: mpsc::Sender<Brought>,
}

impl Errands {
    /// Brings an offer, unless somebody has it already. Nobody waits for what the door says.
    ///
    /// # Errors
    /// When too many wait already. The opportunity is free again.
    pub(crate) fn drop_off(&self, draft: Draft, origin: Origin) -> Result<(), Full> {
        let id = draft.id;
        if !self.board.take(id) {
            return Ok(());
        }
        let (heard, _nobody_listens) = oneshot::channel();
        let brought = (Errand::Offer(Box::new(draft)), origin, heard);
        self.try_queue(brought).inspect_err(|_full| self.board.give_back(id))
    }

    /// Has the door get a draft ready. Nobody waits for it, and it takes nobody's turn.
    ///
    /// # Errors
    /// When too many are being prepared already. Nothing is lost but time.
    pub(crate) fn prepare(&self, draft: Draft, origin: Origin) -> Result<(), Full> {
        let permit = Arc::clone(&self.preparing).try_acquire_owned().map_err(|_all_taken| Full)?;
        let (heard, _nobody_listens) = oneshot::channel();
        self.try_queue((Errand::Prepare(Box::new(draft), permit), origin, heard))
    }

    /// Offers, and waits for what the door says.
    pub(crate) async fn offer(&self, draft: Draft, origin: Origin) -> Heard {
        if !self.board.take(draft.id) {
            return Some(Answer::Heard(Err(Refusal::AlreadyTaken)));
        }
        self.bring(Errand::Offer(Box::new(draft)), origin).await
    }

    /// Commands, and waits for what the door says.
    pub(crate) async fn command(&self, command: Command, origin: Origin) -> Heard {
        self.bring(Errand::Command(Box::new(command)), origin).await
    }

    async fn bring(&self, errand: Errand, origin: Origin) -> Heard {
        let (heard, answer) = oneshot::channel();
        let place = self.queue.reserve().await.ok()?;
        self.tally.waits();
        place.send((errand, origin, heard));
        answer.await.ok()
    }

    /// A queue that is closed is no full one: the agent is stopping, and nothing more is wanted.
    fn try_queue(&self, brought: Brought) -> Result<(), Full> {
        match self.queue.try_reserve() {
            Ok(place) => {
                self.tally.waits();
                place.send(brought);
                Ok(())
            }
            Err(TrySendError::Full(())) => Err(Full),
            Err(TrySendError::Closed(())) => Ok(()),
        }
    }
}

/// The task that sees errands through.
pub(crate) struct AtTheDoor {
    queue: mpsc::Receiver<Brought>,
    tally: Tally,
    observer: Arc<dyn Observer>,
    visit: Visit,
    stop: CancellationToken,
}

/// What one errand needs.
#[derive(Clone)]
struct Visit {
    door: Arc<dyn Door>,
    board: Board,
    under_way: UnderWay,
    inboxes: Inboxes,
}

impl AtTheDoor {
    pub(crate) fn new(
        door: Arc<dyn Door>,
        board: Board,
        (tally, observer): (Tally, Arc<dyn Observer>),
        (under_way, inboxes): (UnderWay, Inboxes),
        stop: CancellationToken,
    ) -> (Errands, Self) {
        let (bring, queue) = mpsc::channel(WAITING);
        let preparing = Arc::new(Semaphore::new(PREPARING));
        let errands = Errands { board: board.clone(), tally: tally.clone(), preparing, queue: bring };
        (errands, Self { queue, tally, observer, visit: Visit { door, board, under_way, inboxes }, stop })
    }

    /// Works until nobody can bring anything any more. Once the agent is stopping, what only waits is not begun. A broken
    /// door stops the agent; what else is at it is seen through all the same.
    pub(crate) async fn run(mut self) -> Result<(), AgentError> {
        let (mut visits, mut outcome) = (JoinSet::new(), Ok(()));
        let mut tidying = interval(TIDYING);
        tidying.reset();
        loop {
            self.tally.serves(visits.len());
            tokio::select! {
                biased;
                Some(visit) = visits.join_next() => {
                    outcome = outcome.and(ended(visit).inspect_err(|_| self.stop.cancel()));
                }
                brought = self.queue.recv(), if visits.len() < AT_ONCE => {
                    let Some(brought) = brought else { break };
                    self.tally.is_served();
                    if !self.stop.is_cancelled() {
                        visits.spawn(self.visit.clone().make(brought));
                    }
                },
                _ = tidying.tick(), if !self.stop.is_cancelled() => {
                    self.tally.tell(self.observer.as_ref());
                    visits.spawn(self.visit.clone().tidy());
                }
            }
        }
        self.tally.tell(self.observer.as_ref());
        while let Some(visit) = visits.join_next().await {
            outcome = outcome.and(ended(visit));
        }
        self.tally.serves(0);
        outcome
    }
}

impl Visit {
    /// Takes up what the door holds open and nobody follows: what an earlier process left and could neither be sent again
    /// nor given up at the start.
    async fn tidy(self) -> Result<(), AgentError> {
        match self.door.recover().await {
            Ok(left) => left.into_iter().for_each(|underway| self.under_way.follow(underway)),
            // The node cannot say where something stands; there is a next time.
            Err(DoorError::Standing(_)) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    async fn make(self, (errand, origin, answer): Brought) -> Result<(), AgentError> {
        let heard = match errand {
            Errand::Offer(draft) => self.offer(*draft, origin).await?,
            Errand::Prepare(draft, _permit) => {
                self.door.prepare(*draft, origin).await;
                return Ok(());
            }
            Errand::Command(command) => Answer::Heard(self.door.command(*command, origin).await?),
        };
        // Who brought it may have left: the reflex lane at once, a sitting because the agent is stopping.
        drop(answer.send(heard));
        Ok(())
    }

    /// What the door refuses for now, or asks a person about, goes back on the board. A run waits for the reply itself; for
    /// the reflex lane, which waits for nothing, it is waited for here.
    async fn offer(&self, draft: Draft, origin: Origin) -> Result<Answer, DoorError> {
        let mut answer = self.offer_once(draft.clone(), origin.clone()).await?;
        while let (Answer::Asked(question), Origin::Reflex { .. }) = (&answer, &origin) {
            if reply_to(self.door.as_ref(), question).await != Some(Reply::Approve)
                || !self.board.take(draft.id)
            {
                break;
            }
            answer = self.offer_once(draft.clone(), origin.clone()).await?;
        }
        Ok(answer)
    }

    async fn offer_once(&self, draft: Draft, origin: Origin) -> Result<Answer, DoorError> {
        let (id, strategy, class) = (draft.id, draft.strategy.clone(), draft.class.clone());
        match self.door.offer(draft, origin).await? {
            Offered::Underway(underway) => {
                self.under_way.follow(underway);
                Ok(Answer::Heard(Ok(())))
            }
            Offered::Asked(question) => {
                self.board.give_back(id);
                Ok(Answer::Asked(Box::new(question)))
            }
            Offered::Refused(refusal) => {
                if refusal == Refusal::AlreadyTaken {
                    self.board.spent(id);
                } else {
                    self.board.give_back(id);
                }
                let outcome = Outcome::Refused(refusal.clone());
                self.inboxes.tell(&OutcomeReport { id, strategy, class, outcome });
                Ok(Answer::Heard(Err(refusal)))
            }
        }
    }
}

/// Waits until a person has replied. Nothing, when the question is over.
pub(crate) async fn reply_to(door: &dyn Door, question: &Question) -> Option<Reply> {
    let mut asking = interval(ASKING);
    loop {
        asking.tick().await;
        let questions = door.status().questions;
        let open = questions.into_iter().find(|open| open.digest == question.digest)?;
        if open.reply.is_some() {
            return open.reply;
        }
    }
}
