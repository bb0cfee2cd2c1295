//! The door: one way in for new drafts, one for what an earlier process left, and no way around.

mod intents;
mod offer;
mod record;
mod recover;
mod refusals;
mod settle;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use agent_core::{
    Draft, Origin, Refusal,
    ports::{
        BoxFuture, Command, Door as Port, DoorError, DoorStatus, Entry, EntryKind, Journal, Moment, Observer,
        Offered, Sender, Sequence, Simulator, Underway,
    },
    units::Timestamp,
};

use intents::Intents;
use refusals::Refusals;

use crate::{KillSwitch, Page, Policy, Recorded, orders::OrderBook, payload::ORDERS};

/// What the door needs of the world. It calls them in this order: simulator, (policy,) journal, sender.
#[derive(Clone)]
pub struct DoorPorts {
    /// What a draft would do now.
    pub simulator: Arc<dyn Simulator>,
    /// Where it is written down before it is signed.
    pub journal: Arc<dyn Journal>,
    /// Who signs and broadcasts it.
    pub sender: Arc<dyn Sender<Recorded>>,
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
pub struct Door(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    policy: Policy,
    ports: DoorPorts,
    /// A `std` mutex: nothing is awaited while it is held.
    book: Mutex<OrderBook>,
    /// Held from the simulation until the transaction is on its way, so that no two drafts see one nonce, and each is
    /// simulated after all that come before it.
    lane: futures::lock::Mutex<()>,
    intents: Intents,
    refusals: Mutex<Refusals>,
    /// The latest chain time heard of, for entries that are written without a quote.
    chain_time: AtomicU64,
}

impl Door {
    /// Opens the door: verifies the whole journal and reads from it the standing orders and what is in flight. Call
    /// [`recover`](agent_core::ports::Door::recover) next.
    ///
    /// # Errors
    /// When the journal is damaged or unreadable. There is no door then, and nothing can be signed.
    pub async fn open(policy: Policy, ports: DoorPorts) -> Result<Self, DoorError> {
        ports.journal.verify().await?;
        let (book, chain_time) = read_orders(ports.journal.as_ref()).await?;
        let intents = Intents::left(&ports.journal.open_intents().await?)?;
        let shared = Shared {
            policy,
            ports,
            book: Mutex::new(book),
            lane: futures::lock::Mutex::new(()),
            intents,
            refusals: Mutex::default(),
            chain_time: AtomicU64::new(chain_time.0),
        };
        if shared.is_alive().is_err() {
            shared.stand_down().await?;
        }
        Ok(Self(Arc::new(shared)))
    }

    /// The policy that it holds everybody to.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }
}

/// How many entries are read from the journal at a time.
const PAGE: usize = 1_024;

async fn read_orders(journal: &dyn Journal) -> Result<(OrderBook, Timestamp), DoorError> {
    let (mut book, mut latest, mut from) = (OrderBook::default(), Timestamp(0), Sequence(0));
    loop {
        let page = journal.read(from, PAGE).await?;
        let Some(last) = page.last() else { return Ok((book, latest)) };
        from = Sequence(last.sequence.0.saturating_add(1));
        for stored in page {
            latest = latest.max(stored.entry.at);
            match Page::of(&stored)? {
                Page::Order { command, .. } => book.apply(command, stored.sequence),
                Page::Recorded(page) => book.used(&page.origin),
                Page::Refused(_) | Page::Closed { .. } => {}
            }
        }
    }
}

impl Shared {
    /// A panic elsewhere leaves the book whole: it is only ever changed by single calls.
    fn book(&self) -> MutexGuard<'_, OrderBook> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.chain_time.load(Ordering::SeqCst))
    }

    /// Chain time as told by a head. It never goes back, so that a reorg or a lying node extends no mandate.
    fn tell_time(&self, now: Timestamp) -> Timestamp {
        Timestamp(self.chain_time.fetch_max(now.0, Ordering::SeqCst)).max(now)
    }

    async fn command(&self, command: Command, origin: Origin) -> Result<Result<(), Refusal>, DoorError> {
        if let Err(refusal) = self.is_alive() {
            self.stand_down().await?;
            return Ok(Err(refusal));
        }
        if matches!(command, Command::Arm(_)) && self.quote().await.is_err() {
            // The last time known is the stricter one: a planner's orders end earlier, and live ones look live.
            self.ports.observer.saw(Moment::Warned("armed without a new head: the sender is unavailable"));
        }
        let _lane = self.lane.lock().await;
        let checked = self.book().check(&self.policy, command, &origin, self.now());
        match checked {
            Ok(command) => self.write_order(command, origin).await.map(Ok),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    async fn write_order(&self, command: Command, origin: Origin) -> Result<(), DoorError> {
        let payload = Page::Order { command: command.clone(), origin, policy: self.policy.hash }.bytes()?;
        let sequence = self.note(EntryKind::Order, ORDERS, payload).await?;
        self.book().apply(command, sequence);
        Ok(())
    }

    /// After the latch no standing order lives on, durably: clearing the switch arms none of them again.
    async fn stand_down(&self) -> Result<(), DoorError> {
        let _lane = self.lane.lock().await;
        let orders = self.book().statuses();
        for status in orders {
            self.write_order(Command::Disarm(status.order.id), Origin::Operator).await?;
        }
        Ok(())
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
        Box::pin(self.0.clone().offer(draft, origin))
    }

    fn command(
        &self,
        command: Command,
        origin: Origin,
    ) -> BoxFuture<'_, Result<Result<(), Refusal>, DoorError>> {
        Box::pin(self.0.command(command, origin))
    }

    fn recover(&self) -> BoxFuture<'_, Result<Vec<Underway>, DoorError>> {
        Box::pin(self.0.clone().recover())
    }

    fn status(&self) -> DoorStatus {
        DoorStatus { orders: self.0.book().statuses(), ..DoorStatus::default() }
    }
}

#[cfg(test)]
mod tests;
