//! The door: one way in for new drafts, one for what an earlier process left, and no way around.

mod ask;
mod command;
mod intents;
mod lane;
mod mend;
mod offer;
mod past;
mod prepare;
mod record;
mod recover;
mod refusals;
mod settle;
mod signatures;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use agent_core::{
    Draft, Origin, Refusal, StandDown,
    ports::{
        BoxFuture, Command, Door as Port, DoorError, DoorStatus, Entry, EntryKind, Journal, LaneStatus,
        Observer, Offered, OrderStatus, Sequence, Simulator, Underway,
    },
    units::Timestamp,
};

use intents::Intents;
use past::Past;
use prepare::Shelf;
use refusals::Refusals;
pub(crate) use signatures::Signatures;

use crate::{KillSwitch, Policy, books::Books, orders::OrderBook, questions::Questions, rests::Rests};

pub use lane::Senders;
use lane::{Lane, Lanes};

/// What the door needs of the world. It calls them in this order: simulator, (policy,) journal, sender.
#[derive(Clone)]
pub struct DoorPorts {
    /// What a draft would do now.
    pub simulator: Arc<dyn Simulator>,
    /// Where it is written down before it is signed.
    pub journal: Arc<dyn Journal>,
    /// Who signs and broadcasts it, lane by lane.
    pub senders: Senders,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// What stops everything.
    pub kill: KillSwitch,
}

impl std::fmt::Debug for DoorPorts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DoorPorts").field("kill", &self.kill).finish_non_exhaustive()
    }
}

/// The one door. Cheap to clone; all clones are one door.
#[derive(Debug, Clone)]
pub struct Door(Arc<Lanes>);

/// What all lanes have in common.
#[derive(Debug)]
struct Shared {
    policy: Policy,
    ports: DoorPorts,
    /// A `std` mutex: nothing is awaited while it is held.
    desk: Mutex<Desk>,
    /// Held from the last look at what all lanes share until the journal has what follows from it: one more in flight, a
    /// use of an order, an order that is armed no more.
    writing: futures::lock::Mutex<()>,
    intents: Intents,
    /// Whether the operator has confirmed this policy.
    confirmed: AtomicBool,
    /// The latest chain time heard of, for entries that are written without a quote.
    chain_time: AtomicU64,
}

/// What the door keeps in mind. All but the questions, refusals and what is ready is what the journal says.
#[derive(Debug, Default)]
struct Desk {
    orders: OrderBook,
    rests: Rests,
    books: Books,
    questions: Questions,
    refusals: Refusals,
    shelf: Shelf,
}

impl Door {
    /// Opens the door: verifies the whole journal and reads from it the standing orders, what is stood down, the strategies'
    /// books and what is in flight. Call [`recover`](agent_core::ports::Door::recover) next.
    ///
    /// A policy other than the journal's last one lets nothing through until the operator has confirmed it, with
    /// [`Command::Confirm`]; an empty journal takes the first one.
    ///
    /// # Errors
    /// When the senders are not those of the policy's lanes, or the journal is damaged or unreadable. There is no door then,
    /// and nothing can be signed.
    pub async fn open(policy: Policy, ports: DoorPorts) -> Result<Self, DoorError> {
        ports.senders.fit(&policy)?;
        ports.journal.verify().await?;
        let past = Past::read(ports.journal.as_ref()).await?;
        let confirmed = past.policy() == Some(policy.hash);
        let is_first = past.policy().is_none();
        let Past { orders, rests, books, intents, latest, .. } = past;
        let desk = Desk { orders, rests, books, ..Desk::default() };
        let senders = ports.senders.clone();
        let shared = Arc::new(Shared {
            policy,
            ports,
            desk: Mutex::new(desk),
            writing: futures::lock::Mutex::new(()),
            intents,
            confirmed: AtomicBool::new(confirmed),
            chain_time: AtomicU64::new(latest.0),
        });
        if is_first {
            shared.confirm(Origin::Operator).await?;
        }
        if shared.is_alive().is_err() {
            shared.disarm_all().await?;
        }
        let lanes = Lanes::new(&shared, senders);
        lanes.tell_of_strangers();
        Ok(Self(Arc::new(lanes)))
    }

    /// The policy that it holds everybody to.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.0.own.shared.policy
    }
}

impl Shared {
    /// A panic elsewhere leaves the desk whole: it is only ever changed by single calls.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.chain_time.load(Ordering::SeqCst))
    }

    /// Chain time as told by a head. It never goes back, so that a reorg or a lying node extends no mandate.
    fn tell_time(&self, now: Timestamp) -> Timestamp {
        Timestamp(self.chain_time.fetch_max(now.0, Ordering::SeqCst)).max(now)
    }

    fn is_alive(&self) -> Result<(), Refusal> {
        if self.ports.kill.is_latched() { Err(Refusal::Killed) } else { Ok(()) }
    }

    fn is_confirmed(&self) -> Result<(), Refusal> {
        self.confirmed.load(Ordering::SeqCst).then_some(()).ok_or(Refusal::PolicyUnconfirmed)
    }

    /// What is stood down now, by command or by a breaker.
    fn stood_down(&self) -> Vec<StandDown> {
        let (desk, now) = (self.desk(), self.now());
        let tripped = desk.books.tripped(self.policy.breakers.as_ref(), now);
        desk.rests.live(now).cloned().chain(tripped).collect()
    }

    fn status(&self, lanes: Vec<LaneStatus>) -> DoorStatus {
        let stood_down = self.stood_down();
        let (desk, now) = (self.desk(), self.now());
        let mut questions: Vec<_> = desk.questions.live(now).cloned().collect();
        questions.sort_by_key(|question| question.expires);
        DoorStatus {
            killed: self.is_alive().is_err(),
            policy: self.policy.hash,
            confirmed: self.is_confirmed().is_ok(),
            orders: desk.orders.statuses(),
            questions,
            stood_down,
            lanes,
            under_way: self.intents.statuses(),
            books: desk.books.statuses(),
        }
    }

    /// Writes an entry that nothing can reject.
    async fn note(
        &self,
        kind: EntryKind,
        subject: alloy_primitives::B256,
        payload: Vec<u8>,
    ) -> Result<Sequence, DoorError> {
        let (claims, reservations) = (Vec::new(), Vec::new());
        let entry = Entry { kind, subject, at: self.now(), claims, reservations, payload };
        record::written(self.ports.journal.append(entry).await?)
    }
}

impl Port for Door {
    fn offer(&self, draft: Draft, origin: Origin) -> BoxFuture<'_, Result<Offered, DoorError>> {
        Box::pin(self.0.of(&draft).clone().offer(draft, origin))
    }

    fn command(
        &self,
        command: Command,
        origin: Origin,
    ) -> BoxFuture<'_, Result<Result<(), Refusal>, DoorError>> {
        Box::pin(self.0.command(command, origin))
    }

    fn recover(&self) -> BoxFuture<'_, Result<Vec<Underway>, DoorError>> {
        Box::pin(self.0.recover())
    }

    fn prepare(&self, draft: Draft, origin: Origin) -> BoxFuture<'_, ()> {
        Box::pin(self.0.of(&draft).prepare(draft, origin))
    }

    fn status(&self) -> DoorStatus {
        self.0.own.shared.status(self.0.statuses())
    }

    fn orders(&self) -> Vec<OrderStatus> {
        self.0.own.shared.desk().orders.statuses()
    }
}

#[cfg(test)]
mod tests;
