//! The agent's end of the socket: a door without a key, a journal or a policy.

use std::{
    collections::BTreeSet,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use agent_core::{
    Draft, OpportunityId, Origin, OutcomeReport, Refusal,
    ports::{BoxFuture, Command, Door, DoorError, DoorStatus, Offered, SenderError, Sent, Underway},
};
use alloy_primitives::B256;
use chain_door::KillSwitch;
use tokio::{
    task::AbortHandle,
    time::{MissedTickBehavior, interval, sleep},
};

use super::wire::{Answer, Ended, Heard, Offer, OnItsWay, Ordered};
use crate::control::{Client, ControlError};

/// How often the door is asked how it stands.
const GLANCE: Duration = Duration::from_millis(200);
/// How long a door that is gone is left alone, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The door of another process. Its orders and questions are those of a moment ago; what it allows it decides at the offer.
pub struct RemoteDoor {
    shared: Arc<Shared>,
    glances: AbortHandle,
}

struct Shared {
    client: Client,
    kill: KillSwitch,
    status: Mutex<DoorStatus>,
    open: Mutex<Open>,
}

/// What this agent waits for.
#[derive(Default)]
struct Open {
    followed: BTreeSet<OpportunityId>,
    /// Offers whose answer is waited for.
    offering: BTreeSet<OpportunityId>,
    /// Offers whose answer was lost: the door may have taken them.
    unsure: BTreeSet<OpportunityId>,
}

impl fmt::Debug for RemoteDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteDoor").field("client", &self.shared.client).finish_non_exhaustive()
    }
}

impl Drop for RemoteDoor {
    fn drop(&mut self) {
        self.glances.abort();
    }
}

impl RemoteDoor {
    /// Connects to the door at `socket`. While `kill` is latched nothing is offered to it, whatever its own switch says.
    ///
    /// # Errors
    /// When no door serves the socket. One that goes away later is waited for.
    pub async fn connect(socket: PathBuf, kill: KillSwitch) -> Result<Self, ControlError> {
        let client = Client::at(socket);
        let status = Mutex::new(client.get("/v1/status").await?);
        let shared = Arc::new(Shared { client, kill, status, open: Mutex::default() });
        let glances = tokio::spawn(watch(shared.clone())).abort_handle();
        Ok(Self { shared, glances })
    }
}

async fn watch(shared: Arc<Shared>) {
    let mut glances = interval(GLANCE);
    glances.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        glances.tick().await;
        // A door that is gone refuses what is offered; there is nothing better to show than how it stood.
        if let Ok(status) = shared.client.get("/v1/status").await {
            *shared.status() = status;
        }
    }
}

/// An offer whose answer is waited for. Given up on, or broken off, it is asked for later.
struct Offering {
    shared: Arc<Shared>,
    id: OpportunityId,
    answered: bool,
}

impl Offering {
    fn begin(shared: Arc<Shared>, id: OpportunityId) -> Self {
        shared.open().offering.insert(id);
        Self { shared, id, answered: false }
    }
}

impl Drop for Offering {
    fn drop(&mut self) {
        let mut open = self.shared.open();
        open.offering.remove(&self.id);
        if !self.answered {
            open.unsure.insert(self.id);
        }
    }
}

fn unavailable(error: &ControlError) -> Refusal {
    Refusal::Unavailable { port: "door".to_owned(), cause: error.to_string() }
}

impl Shared {
    fn status(&self) -> MutexGuard<'_, DoorStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn offer(self: Arc<Self>, draft: Draft, origin: Origin) -> Offered {
        let id = draft.id;
        if self.kill.is_latched() {
            return Offered::Refused(Refusal::Killed);
        }
        let mut offering = Offering::begin(self.clone(), id);
        let answer = self.client.post("/v1/offer", &Offer { draft, origin }).await;
        offering.answered = !matches!(answer, Err(ControlError::Broken(_)));
        match answer {
            Ok(Answer::Refused(refusal)) => Offered::Refused(refusal),
            Ok(Answer::Asked(question)) => Offered::Asked(question),
            Ok(Answer::Underway(OnItsWay { id, sent })) => Offered::Underway(self.follow(id, sent)),
            Err(error) => Offered::Refused(unavailable(&error)),
        }
    }

    fn follow(self: Arc<Self>, id: OpportunityId, sent: Sent) -> Underway {
        self.open().followed.insert(id);
        let outcome = Box::pin(async move {
            let ended = self.end_of(id).await;
            self.open().followed.remove(&id);
            ended
        });
        Underway { id, sent, outcome }
    }

    /// Asks until it is heard, however often the door goes and comes.
    async fn end_of(&self, id: OpportunityId) -> Result<OutcomeReport, DoorError> {
        let (first, most) = PAUSES;
        let mut pause = first;
        loop {
            match self.ended(id).await {
                Ok(Ended::Yes(report)) => return Ok(*report),
                Ok(Ended::NotYet) => pause = first,
                Ok(Ended::Unknown) => return Err(lost("the door's journal does not know it")),
                Err(_gone_for_now) => pause = pause.saturating_mul(2).min(most),
            }
            sleep(pause).await;
        }
    }

    async fn ended(&self, id: OpportunityId) -> Result<Ended, ControlError> {
        self.client.get(&format!("/v1/outcome/{}", id.0)).await
    }

    /// What the door holds open and this agent does not follow, and what it took without this agent hearing of it.
    async fn recover(self: Arc<Self>) -> Result<Vec<Underway>, DoorError> {
        let gone = |error: ControlError| lost(error.to_string());
        let open: Vec<OnItsWay> = self.client.post("/v1/recover", &()).await.map_err(gone)?;
        let mut found = Vec::new();
        for OnItsWay { id, sent } in open {
            let mut mine = self.open();
            mine.unsure.remove(&id);
            let known = mine.followed.contains(&id) || mine.offering.contains(&id);
            drop(mine);
            if !known {
                found.push(self.clone().follow(id, sent));
            }
        }
        let unsure = self.open().unsure.clone();
        for id in unsure {
            match self.ended(id).await.map_err(gone)? {
                // Its transaction is in the report, if it has one; nothing more is done with it here.
                Ended::Yes(_) | Ended::NotYet => {
                    let sent = Sent { transaction: B256::ZERO, nonce: 0 };
                    found.push(self.clone().follow(id, sent));
                }
                Ended::Unknown => {}
            }
            self.open().unsure.remove(&id);
        }
        Ok(found)
    }

    async fn command(&self, command: Command, origin: Origin) -> Result<(), Refusal> {
        if let Origin::Operator | Origin::Sweep | Origin::Door = origin {
            return Err(Refusal::OperatorOnly);
        }
        match self.client.post("/v1/command", &Ordered { command, origin }).await {
            Ok(Heard::Done) => Ok(()),
            Ok(Heard::Refused(refusal)) => Err(refusal),
            Err(error) => Err(unavailable(&error)),
        }
    }
}

fn lost(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DoorError {
    DoorError::Standing(SenderError {
        doing: "follow a transaction behind the door's socket",
        cause: cause.into(),
    })
}

impl Door for RemoteDoor {
    /// A door that cannot be reached refuses; one that was lost in the middle is asked again by [`recover`](Door::recover).
    fn offer(&self, draft: Draft, origin: Origin) -> BoxFuture<'_, Result<Offered, DoorError>> {
        let shared = self.shared.clone();
        Box::pin(async { Ok(shared.offer(draft, origin).await) })
    }

    fn command(
        &self,
        command: Command,
        origin: Origin,
    ) -> BoxFuture<'_, Result<Result<(), Refusal>, DoorError>> {
        Box::pin(async { Ok(self.shared.command(command, origin).await) })
    }

    fn recover(&self) -> BoxFuture<'_, Result<Vec<Underway>, DoorError>> {
        Box::pin(self.shared.clone().recover())
    }

    fn status(&self) -> DoorStatus {
        self.shared.status().clone()
    }
}
