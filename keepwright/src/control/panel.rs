//! What can be seen and done, whoever asks for it and however.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use agent_core::{
    OrderId, Origin, Refusal, StandDown, StandingOrder,
    ports::{Command, Door, DoorError, DoorStatus, Journal, Moment, Question, Reader, Reply, Sequence},
    units::Timestamp,
};
use alloy_primitives::B256;
use axum::http::StatusCode;
use chain_evm::Endpoint;
use tokio::time::timeout;

use super::{
    About, ArmRequest, JournalPage, KillReport, PolicyReport, Replied, StandDownRequest, StatusReport,
    VerifyReport, routes::Refused,
};
use crate::Premises;

/// What can be seen and done. Cheap to clone; all clones are one panel.
#[derive(Clone)]
pub struct Panel(Arc<Inside>);

struct Inside {
    premises: Premises,
    door: Arc<dyn Door>,
    journal: Option<Arc<dyn Journal>>,
    reader: Arc<dyn Reader>,
    /// Digests of questions that were seen open, so that a late reply can be told from a mistaken one.
    asked: Mutex<VecDeque<B256>>,
}

impl fmt::Debug for Panel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panel").field("premises", &self.0.premises).finish_non_exhaustive()
    }
}

/// Entries of the journal in one answer.
pub(crate) const PAGE: usize = 256;
/// Digests that are remembered.
const ASKED: usize = 256;
/// How long the node may take to say what time it is.
const HEAD: Duration = Duration::from_secs(10);

impl Panel {
    /// A panel for the agent behind these ports; `journal` is none where it only observes.
    #[must_use]
    pub fn new(
        premises: Premises,
        door: Arc<dyn Door>,
        journal: Option<Arc<dyn Journal>>,
        reader: Arc<dyn Reader>,
    ) -> Self {
        Self(Arc::new(Inside { premises, door, journal, reader, asked: Mutex::default() }))
    }

    pub(crate) fn premises(&self) -> &Premises {
        &self.0.premises
    }

    pub(crate) fn warn(&self, sentence: &str) {
        self.0.premises.observer.saw(Moment::Warned(sentence));
    }

    pub(crate) fn about(&self) -> About {
        About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            process: std::process::id(),
            chain: self.0.premises.chain,
            // A door in another process has a policy, and no journal here; a closed door has neither.
            acts: self.0.journal.is_some() || !self.0.door.status().policy.is_zero(),
        }
    }

    fn door_status(&self) -> DoorStatus {
        let status = self.0.door.status();
        let mut asked = self.asked();
        for question in &status.questions {
            if !asked.contains(&question.digest) {
                asked.push_back(question.digest);
            }
        }
        while asked.len() > ASKED {
            asked.pop_front();
        }
        status
    }

    fn asked(&self) -> MutexGuard<'_, VecDeque<B256>> {
        self.0.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How things stand.
    #[must_use]
    pub fn status(&self) -> StatusReport {
        let mut door = self.door_status();
        door.killed |= self.0.premises.kill.is_latched();
        let nodes = self.0.premises.endpoint.as_ref().map(Endpoint::health);
        StatusReport { agent: self.about(), door, nodes }
    }

    /// What waits for a person, oldest first.
    #[must_use]
    pub fn questions(&self) -> Vec<Question> {
        self.door_status().questions
    }

    /// Gives a person's reply to the one question that has this digest.
    pub(crate) async fn reply(&self, replied: Replied) -> Result<(), Refused> {
        let Replied { digest, reply } = replied;
        if let Some(before) =
            self.questions().iter().find(|open| open.digest == digest).and_then(|open| open.reply)
        {
            let said = if before == Reply::Approve { "approved" } else { "denied" };
            return Err(Refused::new(
                StatusCode::CONFLICT,
                format!(
                    "question {digest} was {said} before; a reply stands, and is good for one transaction"
                ),
            ));
        }
        let was_asked = self.asked().contains(&digest);
        let heard = self.command(Command::Reply { digest, reply }).await;
        let is_over = |refused: &Refused| {
            matches!(refused.refusal.as_deref(), Some(Refusal::NoQuestion(_) | Refusal::NoReply))
        };
        if was_asked && heard.as_ref().is_err_and(is_over) {
            let sentence = format!("too late: question {digest} is over, and this reply changed nothing");
            return Err(Refused::new(StatusCode::GONE, sentence));
        }
        heard
    }

    /// Latches the kill switch, in this process at once, and disarms every standing order.
    pub async fn kill(&self, why: &str) -> KillReport {
        let problem = self.0.premises.kill.latch_because(why).err().map(|error| error.to_string());
        self.warn(&format!("killed by the operator: {why}"));
        for status in self.0.door.orders() {
            // A killed door may refuse to be told anything; it disarms by itself then.
            drop(self.command(Command::Disarm(status.order.id)).await);
        }
        KillReport { latched: true, problem }
    }

    pub(crate) async fn arm(&self, request: ArmRequest) -> Result<(), Refused> {
        let expires = self.chain_time().await?.plus(request.seconds);
        let order = StandingOrder { expires, ..request.order };
        self.command(Command::Arm(order)).await
    }

    pub(crate) async fn disarm(&self, id: OrderId) -> Result<(), Refused> {
        if !self.0.door.orders().iter().any(|status| status.order.id == id) {
            return Err(Refused::new(StatusCode::NOT_FOUND, format!("no standing order {id} is armed")));
        }
        self.command(Command::Disarm(id)).await
    }

    pub(crate) async fn stand_down(&self, request: StandDownRequest) -> Result<(), Refused> {
        let StandDownRequest { class, seconds, why } = request;
        let until = self.chain_time().await?.plus(seconds);
        self.command(Command::StandDown(StandDown { class, until, why, by: Origin::Operator })).await
    }

    pub(crate) async fn resume(&self, class: String) -> Result<(), Refused> {
        if !self.0.door.status().stood_down.iter().any(|stood_down| stood_down.class == class) {
            return Err(Refused::new(StatusCode::NOT_FOUND, format!("{class} is not stood down")));
        }
        self.command(Command::Resume { class }).await
    }

    pub(crate) fn policy(&self) -> PolicyReport {
        let DoorStatus { policy, confirmed, .. } = self.0.door.status();
        PolicyReport { hash: policy, confirmed }
    }

    pub(crate) async fn confirm(&self, policy: B256) -> Result<(), Refused> {
        let running = self.policy().hash;
        if running != policy {
            let sentence =
                format!("the agent runs under policy {running}, not {policy}; restart it with that one");
            return Err(Refused::new(StatusCode::CONFLICT, sentence));
        }
        self.command(Command::Confirm { policy }).await
    }

    pub(crate) async fn journal(&self, from: Sequence, limit: usize) -> Result<JournalPage, Refused> {
        let limit = limit.clamp(1, PAGE);
        let stored = self.journalled()?.read(from, limit).await.map_err(Refused::broken)?;
        Ok(JournalPage::of(stored, limit))
    }

    pub(crate) async fn verify(&self) -> Result<VerifyReport, Refused> {
        let verified = self.journalled()?.verify().await.map_err(Refused::broken)?;
        Ok(VerifyReport { entries: verified.entries, head: verified.head })
    }

    fn journalled(&self) -> Result<&dyn Journal, Refused> {
        let none = || Refused::new(StatusCode::NOT_FOUND, "the agent only observes, and keeps no journal");
        self.0.journal.as_deref().ok_or_else(none)
    }

    async fn chain_time(&self) -> Result<Timestamp, Refused> {
        let unknown = |cause: &dyn fmt::Display| {
            Refused::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("the chain's time is not known ({cause}); try again"),
            )
        };
        match timeout(HEAD, self.0.reader.read(Vec::new())).await {
            Ok(Ok((head, _))) => Ok(head.timestamp),
            Ok(Err(error)) => Err(unknown(&error)),
            Err(elapsed) => Err(unknown(&elapsed)),
        }
    }

    async fn command(&self, command: Command) -> Result<(), Refused> {
        let heard: Result<Result<(), Refusal>, DoorError> =
            self.0.door.command(command, Origin::Operator).await;
        heard.map_err(Refused::broken)?.map_err(Refused::by_the_door)
    }
}
