//! A door that a test stands behind.

use std::{
    fmt,
    future::ready,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::B256;

use crate::{
    draft::{Draft, Origin},
    mandate::StandingOrder,
    outcome::{Outcome, OutcomeReport, Refusal, Settlement},
    ports::{
        BoxFuture, Command, Door, DoorError, DoorStatus, Offered, OrderStatus, Question, Sent, Underway,
    },
};

/// What a scripted door does with one offer. It may take its time, never end, or panic.
pub type Verdict = BoxFuture<'static, Result<Offered, DoorError>>;

type Judge = dyn Fn(&Draft, &Origin) -> Verdict + Send + Sync;

/// Does with each offer what the test's judge says, and keeps a record. Arms whatever it is told to.
///
/// All clones are one door.
#[derive(Clone)]
pub struct ScriptedDoor {
    book: Arc<Mutex<Book>>,
    judge: Arc<Judge>,
}

#[derive(Debug, Default)]
struct Book {
    offers: Vec<(Draft, Origin)>,
    judged: usize,
    commands: Vec<(Command, Origin)>,
    status: DoorStatus,
    left: Vec<Underway>,
}

impl fmt::Debug for ScriptedDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedDoor").field("book", &self.book).finish_non_exhaustive()
    }
}

impl ScriptedDoor {
    /// A door with this judge; see [`refused`], [`settled`] and [`underway`] for what it may say.
    pub fn new(judge: impl Fn(&Draft, &Origin) -> Verdict + Send + Sync + 'static) -> Self {
        Self { book: Arc::default(), judge: Arc::new(judge) }
    }

    /// The same door, this order being armed.
    #[must_use]
    pub fn armed(self, order: StandingOrder) -> Self {
        self.book().status.orders.push(OrderStatus { order, used: 0 });
        self
    }

    /// The same door, a person being asked this.
    #[must_use]
    pub fn asking(self, question: Question) -> Self {
        self.book().status.questions.push(question);
        self
    }

    /// Nobody is asked this any more.
    pub fn give_up(&self, digest: B256) {
        self.book().status.questions.retain(|question| question.digest != digest);
    }

    /// The same door, an earlier process having left this under way.
    #[must_use]
    pub fn left(self, left: impl IntoIterator<Item = Underway>) -> Self {
        self.book().left.extend(left);
        self
    }

    /// What was offered, in order, whatever came of it.
    #[must_use]
    pub fn offers(&self) -> Vec<(Draft, Origin)> {
        self.book().offers.clone()
    }

    /// How many of the offers were seen through to a verdict.
    #[must_use]
    pub fn judged(&self) -> usize {
        self.book().judged
    }

    /// What was commanded, in order.
    #[must_use]
    pub fn commands(&self) -> Vec<(Command, Origin)> {
        self.book().commands.clone()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says no.
#[must_use]
pub fn refused(refusal: Refusal) -> Verdict {
    Box::pin(ready(Ok(Offered::Refused(refusal))))
}

/// Takes it; it is final at once.
#[must_use]
pub fn settled(draft: &Draft, settlement: Settlement) -> Verdict {
    Box::pin(ready(Ok(Offered::Underway(underway(draft, ready(settlement))))))
}

/// What takes `draft`, and is final once `settlement` resolves.
pub fn underway(draft: &Draft, settlement: impl Future<Output = Settlement> + Send + 'static) -> Underway {
    let Draft { id, strategy, class, .. } = draft.clone();
    let outcome = async move {
        let outcome = Outcome::Closed(settlement.await);
        Ok(OutcomeReport { id, strategy, class, outcome })
    };
    Underway { id, sent: Sent { transaction: B256::ZERO, nonce: 0 }, outcome: Box::pin(outcome) }
}

impl Door for ScriptedDoor {
    fn offer(&self, draft: Draft, origin: Origin) -> BoxFuture<'_, Result<Offered, DoorError>> {
        let verdict = (self.judge)(&draft, &origin);
        self.book().offers.push((draft, origin));
        Box::pin(async move {
            let offered = verdict.await;
            let mut book = self.book();
            book.judged = book.judged.saturating_add(1);
            drop(book);
            offered
        })
    }

    fn command(
        &self,
        command: Command,
        origin: Origin,
    ) -> BoxFuture<'_, Result<Result<(), Refusal>, DoorError>> {
        let mut book = self.book();
        let heard = book.status.take(&command);
        book.commands.push((command, origin));
        Box::pin(ready(Ok(heard)))
    }

    fn recover(&self) -> BoxFuture<'_, Result<Vec<Underway>, DoorError>> {
        Box::pin(ready(Ok(std::mem::take(&mut self.book().left))))
    }

    fn status(&self) -> DoorStatus {
        self.book().status.clone()
    }
}

impl DoorStatus {
    /// Does as it is told, whoever tells.
    fn take(&mut self, command: &Command) -> Result<(), Refusal> {
        match command {
            Command::Arm(order) => self.orders.push(OrderStatus { order: order.clone(), used: 0 }),
            Command::Disarm(id) => self.orders.retain(|status| status.order.id != *id),
            Command::StandDown(stand_down) => self.stood_down.push(stand_down.clone()),
            Command::Resume { class } => self.stood_down.retain(|stood_down| stood_down.class != *class),
            Command::Reply { digest, reply } => {
                let asked = self.questions.iter_mut().find(|question| question.digest == *digest);
                asked.ok_or(Refusal::NoQuestion(*digest))?.reply = Some(*reply);
            }
            Command::Confirm { policy } => self.confirmed = *policy == self.policy,
        }
        Ok(())
    }
}
