//! The second entrance: what an earlier process recorded and did not close.

use std::sync::Arc;

use agent_core::{
    Action, Draft, Origin, OutsideMandate, Refusal, Settlement,
    ports::{DoorError, SimulatedOutcome, SimulationRequest, Standing, Stored, Underway},
};

use super::{Shared, settle::Handed};
use crate::{
    Page,
    executor::ExecutorRevert,
    judge::watch,
    ladder::{Recorded, RecordedEntry},
    payload::RecordedPage,
};

impl Shared {
    pub(super) async fn recover(self: Arc<Self>) -> Result<Vec<Underway>, DoorError> {
        let mut underway = Vec::new();
        for stored in self.ports.journal.open_intents().await? {
            underway.extend(self.clone().take_up(stored).await?);
        }
        Ok(underway)
    }

    async fn take_up(self: Arc<Self>, stored: Stored) -> Result<Option<Underway>, DoorError> {
        let Page::Recorded(page) = Page::of(&stored)? else {
            return Err(DoorError::Payload("an open intent whose page records none".to_owned()));
        };
        let (page, recorded) = self.rebuild(*page, &stored);
        let handed = Handed::of(&recorded);
        match self.ports.sender.find(&recorded).await {
            Ok(Standing::Known(sent)) => Ok(Some(self.follow(handed, sent, recorded.watch))),
            Ok(Standing::Superseded) => {
                self.drop_it(handed, "its nonce was used by another transaction").await
            }
            Ok(Standing::Unknown) => match self.still_allowed(&page).await {
                Ok(()) => Ok(self.underway(recorded).await?.ok()),
                Err(refusal) => self.drop_it(handed, &format!("after a restart: {refusal}")).await,
            },
            // Not knowing is no reason to drop it: it stays open, and holds its nonce and budgets, for the next start.
            Err(error) => Err(DoorError::Payload(format!("cannot find out where it stands: {error}"))),
        }
    }

    /// The rung as it was: this crate wrote the page, and the journal vouches for its bytes.
    fn rebuild(&self, page: RecordedPage, stored: &Stored) -> (RecordedPage, Recorded) {
        let entry = RecordedEntry {
            subject: stored.entry.subject,
            at: stored.entry.at,
            reservations: stored.entry.reservations.clone(),
        };
        let watch = watch(&self.policy, page.transaction.from);
        let recorded =
            Recorded { draft: page.draft.clone(), transaction: page.transaction.clone(), watch, entry };
        (page, recorded)
    }

    async fn drop_it(&self, handed: Handed, why: &str) -> Result<Option<Underway>, DoorError> {
        self.close(handed, Settlement::Dropped { why: why.to_owned() }).await?;
        Ok(None)
    }

    /// Everything that may have changed since it was recorded.
    async fn still_allowed(&self, page: &RecordedPage) -> Result<(), Refusal> {
        self.is_alive()?;
        if page.policy != self.policy.hash {
            return Err(Refusal::PolicyChanged);
        }
        let now = self.quote().await?.head.timestamp;
        in_time(&page.draft, now.0)?;
        self.mandate_lives(&page.origin, now.0)?;
        let request = SimulationRequest {
            frame: page.transaction.frame(),
            gas_limit: page.transaction.gas.limit,
            watch: Vec::new(),
        };
        let unavailable = |cause: String| Refusal::Unavailable { port: "simulator".to_owned(), cause };
        let simulation = self.ports.simulator.simulate(request).await;
        match simulation.map_err(|error| unavailable(error.to_string()))?.outcome {
            SimulatedOutcome::Success => Ok(()),
            SimulatedOutcome::Revert(data) => {
                Err(Refusal::SimulationReverts(ExecutorRevert::decode(&data).to_string()))
            }
        }
    }

    /// The mandate that it was recorded under is still armed. Its use was counted when it was recorded.
    fn mandate_lives(&self, origin: &Origin, now: u64) -> Result<(), Refusal> {
        let Origin::Reflex { .. } = origin else { return Ok(()) };
        let mandate = self.book().mandate(origin).ok_or(Refusal::OutsideMandate(OutsideMandate::NotArmed))?;
        if now < mandate.order.expires.0 {
            Ok(())
        } else {
            Err(Refusal::OutsideMandate(OutsideMandate::Expired))
        }
    }
}

/// An intent has its own deadline; an operator's maintenance is simply asked for again.
fn in_time(draft: &Draft, now: u64) -> Result<(), Refusal> {
    match &draft.action {
        Action::Execute(intent) if now < intent.deadline.0 => Ok(()),
        Action::Execute(intent) => Err(Refusal::Deadline { deadline: intent.deadline.0, now }),
        Action::Maintain(_) => Err(Refusal::Deadline { deadline: 0, now }),
    }
}
