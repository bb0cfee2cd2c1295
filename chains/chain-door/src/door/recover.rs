//! The second entrance: what an earlier process recorded and did not close.

use std::sync::Arc;

use agent_core::{
    Refusal, Settlement,
    ports::{DoorError, Entry, SenderError, Standing, Stored, Underway},
};

use super::{Shared, settle::Handed};
use crate::{
    Page,
    judge::{judge_again, watch},
    ladder::{Approved, Recorded, RecordedEntry},
    payload::RecordedPage,
};

impl Shared {
    /// Takes up every open intent that nobody follows. It may be called again at any time: in between it mends what a
    /// dropped offer or a dropped outcome left.
    pub(super) async fn recover(self: Arc<Self>) -> Result<Vec<Underway>, DoorError> {
        if self.is_alive().is_err() {
            self.stand_down().await?;
        }
        let shared = self.clone();
        // No offer is between its record and its signature while this is held.
        let _lane = shared.lane.lock().await;
        // How late it is decides what may be given up. Who cannot say gives up nothing.
        drop(self.quote().await);
        let followed = self.intents.followed();
        let mut underway = Vec::new();
        for stored in self.ports.journal.open_intents().await? {
            if !followed.contains(&stored.entry.subject) {
                underway.extend(self.clone().take_up(stored).await?);
            }
        }
        Ok(underway)
    }

    async fn take_up(self: Arc<Self>, stored: Stored) -> Result<Option<Underway>, DoorError> {
        let Page::Recorded(page) = Page::of(&stored)? else {
            return Err(DoorError::Payload("an open intent whose page records none".to_owned()));
        };
        self.intents.open(stored.entry.subject, &page.transaction);
        let recorded = self.rebuild(&page, &stored);
        let handed = Handed::of(&recorded);
        match self.ports.sender.find(&recorded).await {
            Ok(Standing::Known(sent)) => Ok(Some(self.follow(handed, sent, recorded.watch))),
            Ok(Standing::Superseded) => {
                self.drop_it(handed, "its nonce was used by another transaction").await
            }
            Ok(Standing::Unknown) => match self.still_allowed(*page, &stored).await {
                Ok(()) => Ok(self.underway(recorded).await?.ok()),
                // Not knowing is no reason to drop it.
                Err(refusal @ Refusal::Unavailable { .. }) => {
                    let doing = "check a recorded transaction again";
                    Err(DoorError::Standing(SenderError { doing, cause: Box::new(refusal) }))
                }
                // It may have been broadcast before, and come back from somewhere: as long as it can still do what it
                // says, it keeps its claims, and waits for a later `recover`.
                Err(_refusal) if self.is_in_time(&handed) => Ok(None),
                Err(refusal) => self.drop_it(handed, &format!("after a restart: {refusal}")).await,
            },
            Err(error) => Err(DoorError::Standing(error)),
        }
    }

    /// The rung as the page has it. It is judged again before anybody signs it.
    fn rebuild(&self, page: &RecordedPage, stored: &Stored) -> Recorded {
        let Entry { subject, at, reservations, .. } = stored.entry.clone();
        let watch = watch(&self.policy, page.transaction.from);
        let entry = RecordedEntry { subject, at, reservations };
        let order_flow = self.policy.order_flow(&page.draft.strategy);
        Recorded {
            draft: page.draft.clone(),
            transaction: page.transaction.clone(),
            watch,
            order_flow,
            entry,
        }
    }

    /// Whether the executor would still run it. An operator's maintenance has no deadline, and is simply asked for again.
    fn is_in_time(&self, handed: &Handed) -> bool {
        handed.deadline().is_some_and(|deadline| self.now() <= deadline)
    }

    async fn drop_it(&self, handed: Handed, why: &str) -> Result<Option<Underway>, DoorError> {
        self.close(handed, Settlement::Dropped { why: why.to_owned() }).await?;
        Ok(None)
    }

    /// Everything that may have changed since it was recorded, on a new simulation of its very bytes.
    async fn still_allowed(&self, page: RecordedPage, stored: &Stored) -> Result<(), Refusal> {
        self.is_alive()?;
        if page.policy != self.policy.hash {
            return Err(Refusal::PolicyChanged);
        }
        let RecordedPage { draft, origin, transaction, .. } = page;
        let simulated = self
            .simulate_frame(draft, origin, &transaction.frame(), (transaction.nonce, transaction.gas.limit))
            .await?;
        let quote = self.quote().await?;
        let mandate = self.book().mandate(&simulated.origin);
        let again = Approved { simulated, transaction, reservations: stored.entry.reservations.clone() };
        judge_again(&self.policy, &again, &quote, mandate.as_ref())
    }
}
