//! The sweep of proceeds that a policy asks for: looks at an executor's balances now and then, and brings what is above the rest
//! to the door, like everything else. It decides nothing that the policy has not decided.

use std::{sync::Arc, time::Duration};

use agent_core::{
    Draft, Origin,
    ports::{Door, DoorError, DoorStatus, Moment, Observer, Offered, ReadError, Reader},
    units::Timestamp,
};
use chain_door::Sweep;
use tokio::time::{MissedTickBehavior, interval};

/// How often balances are looked at.
const GLANCE: Duration = Duration::from_secs(5);
/// Seconds of chain time after which what the door has refused is offered again.
const AGAIN: u64 = 60;

/// One strategy that sweeps. A crash leaves nothing of it but what the journal has; what is under way is the door's to follow.
pub(crate) struct Sweeper {
    pub(crate) sweep: Sweep,
    pub(crate) door: Arc<dyn Door>,
    pub(crate) reader: Arc<dyn Reader>,
    pub(crate) observer: Arc<dyn Observer>,
}

/// Why a look came to nothing.
#[derive(Debug, thiserror::Error)]
enum Blind {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Door(#[from] DoorError),
}

impl Sweeper {
    /// Sweeps for ever, or until the door breaks, which ends the agent too.
    pub(crate) async fn run(self) {
        let (mut glances, mut not_before) = (interval(GLANCE), Timestamp(0));
        glances.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            glances.tick().await;
            match self.look(&mut not_before).await {
                Ok(()) => {}
                Err(Blind::Read(error)) => self.warn(&error.to_string()),
                Err(Blind::Door(error)) => return self.warn(&error.to_string()),
            }
        }
    }

    fn warn(&self, cause: &str) {
        self.observer.saw(Moment::Warned(&format!("`{}` sweeps nothing: {cause}", self.sweep.strategy)));
    }

    /// Offers what there is to sweep, one token after the other, and sees each through.
    async fn look(&self, not_before: &mut Timestamp) -> Result<(), Blind> {
        if !self.is_free(&self.door.status()) {
            return Ok(());
        }
        let (head, answers) = self.reader.read(self.sweep.questions()).await?;
        let now = head.timestamp;
        if now < *not_before {
            return Ok(());
        }
        for draft in self.sweep.drafts(&answers, now) {
            if !self.is_swept(draft, now).await? {
                *not_before = now.plus(AGAIN);
            }
        }
        Ok(())
    }

    async fn is_swept(&self, draft: Draft, now: Timestamp) -> Result<bool, DoorError> {
        let status = self.door.status();
        if !self.is_free(&status) || status.stood_down.iter().any(|rest| rest.holds(&draft, now)) {
            return Ok(false);
        }
        match self.door.offer(draft, Origin::Sweep).await? {
            Offered::Underway(underway) => underway.outcome.await.map(|_report| true),
            // The journal has the reason.
            Offered::Refused(_) | Offered::Asked(_) => Ok(false),
        }
    }

    /// Whether its lane has nothing under way, and the door lets anything through at all.
    fn is_free(&self, status: &DoorStatus) -> bool {
        let Some(lane) = status.lanes.iter().find(|lane| lane.name == self.sweep.lane) else { return false };
        let busy = status.under_way.iter().any(|pending| pending.key == lane.key);
        !busy && !status.killed && status.confirmed
    }
}
