//! The second entrance: what an earlier process recorded and did not close.

use std::sync::Arc;

use agent_core::{
    Refusal, Settlement,
    ports::{DoorError, Entry, SenderError, Sent, Standing, Underway},
};

use super::{
    Lane,
    intents::Attempt,
    past::{is_ours, recorded},
    settle::Handed,
};
use crate::{
    judge::{judge_again, watch},
    ladder::{Approved, RecordedEntry},
    payload::RecordedPage,
    remedies::is_hopeless,
};

/// Where the transactions of one intent stand, all together.
enum Stands {
    /// The node knows at least one of them.
    Known(Sent),
    /// Their nonce was used by another.
    Superseded,
    /// It knows none.
    Unknown,
}

impl Lane {
    /// Takes up every open intent of the lane's key that nobody follows. It may be called again at any time: in between it
    /// mends what a dropped offer or a dropped outcome left.
    pub(super) async fn recover(self: Arc<Self>) -> Result<Vec<Underway>, DoorError> {
        let lane = self.clone();
        // No offer is between its record and its signature while this is held.
        let _turn = lane.turn.lock().await;
        // How late it is decides what may be given up. Who cannot say gives up nothing.
        drop(self.quote().await);
        let followed = self.shared.intents.followed();
        let mut underway = Vec::new();
        for stored in self.shared.ports.journal.open_intents().await? {
            if followed.contains(&stored.entry.subject) {
                continue;
            }
            let page = recorded(&stored)?;
            if page.transaction.from == self.key {
                underway.extend(self.clone().take_up(*page, stored.entry).await?);
            }
        }
        Ok(underway)
    }

    async fn take_up(
        self: Arc<Self>,
        page: RecordedPage,
        entry: Entry,
    ) -> Result<Option<Underway>, DoorError> {
        let subject = entry.subject;
        // A dropped offer may have been written all the same.
        let attempt = Attempt::of(page.transaction.clone(), false, page.keeps_signatures);
        if self.shared.intents.open(subject, attempt, &entry.reservations) {
            self.shared.desk().books.opened(subject, &page.draft.strategy);
        }
        let handed = self.handed(&page, &entry);
        match self.stands(&handed).await? {
            Stands::Known(sent) => Ok(Some(self.follow(handed, sent))),
            Stands::Superseded => {
                let why = "its nonce was used by another transaction".to_owned();
                self.close(&handed, Settlement::Dropped { why }).await?;
                Ok(None)
            }
            Stands::Unknown => self.take_up_unknown(page, handed).await,
        }
    }

    /// Nobody has it. It may have been broadcast before, and come back from somewhere, so its nonce is never simply free
    /// again: it is sent once more, or used up for nothing.
    async fn take_up_unknown(
        self: Arc<Self>,
        page: RecordedPage,
        handed: Handed,
    ) -> Result<Option<Underway>, DoorError> {
        let Some(latest) = self.shared.intents.attempts(handed.entry.subject).pop() else { return Ok(None) };
        let transaction = latest.transaction.clone();
        if self.quote().await.is_ok_and(|quote| !is_ours(&transaction, &quote)) {
            // This lane's key never signed it, and never will.
            let why = "it is not of this chain and key".to_owned();
            self.close(&handed, Settlement::Dropped { why }).await?;
            return Ok(None);
        }
        let sent = match self.still_allowed(&page, &handed, latest).await {
            Ok(()) => self.send(self.again(&handed, transaction)).await,
            // Not knowing is no reason to give it up.
            Err(refusal @ Refusal::Unavailable { .. }) => {
                let doing = "check a recorded transaction again";
                return Err(DoorError::Standing(SenderError { doing, cause: Box::new(refusal) }));
            }
            Err(refusal) if is_hopeless(&refusal) => {
                self.release(&handed, &format!("after a restart: {refusal}")).await?
            }
            Err(refusal) => Err(refusal),
        };
        Ok(match sent {
            Ok(sent) => Some(self.follow(handed, sent)),
            // It waits, with its claims, for a later `recover`.
            Err(_for_now) => None,
        })
    }

    /// What the node knows of all that may have been signed. From then on their hashes are known.
    async fn stands(&self, handed: &Handed) -> Result<Stands, DoorError> {
        let subject = handed.entry.subject;
        let mut stands = Stands::Superseded;
        for Attempt { transaction, .. } in self.shared.intents.attempts(subject) {
            let rung = self.again(handed, transaction.clone());
            match self.sender.find(&rung).await.map_err(DoorError::Standing)? {
                Standing::Known(sent) => {
                    self.shared.intents.signed(subject, &transaction, sent);
                    stands = Stands::Known(sent);
                }
                Standing::Unknown(sent) => {
                    self.shared.intents.signed(subject, &transaction, sent);
                    if let Stands::Superseded = stands {
                        stands = Stands::Unknown;
                    }
                }
                // It never left, and may be signed now as it might have been then.
                Standing::Unsigned => {
                    if let Stands::Superseded = stands {
                        stands = Stands::Unknown;
                    }
                }
                Standing::Superseded => {}
            }
        }
        Ok(stands)
    }

    fn handed(&self, page: &RecordedPage, entry: &Entry) -> Handed {
        let Entry { subject, at, reservations, .. } = entry.clone();
        let watch = watch(&self.policy, page.transaction.from);
        let entry = RecordedEntry { subject, at, reservations };
        Handed { draft: page.draft.clone(), origin: page.origin.clone(), watch, entry }
    }

    /// Everything that may have changed since it was recorded, on a new simulation of its very bytes.
    async fn still_allowed(
        &self,
        page: &RecordedPage,
        handed: &Handed,
        latest: Attempt,
    ) -> Result<(), Refusal> {
        self.shared.is_alive()?;
        self.shared.is_confirmed()?;
        if page.policy != self.policy.hash {
            return Err(Refusal::PolicyChanged);
        }
        let Attempt { transaction, cancels, .. } = latest;
        if cancels {
            // Cheaper to make another than to judge this one twice.
            return Err(Refusal::AlreadyTaken);
        }
        let before = (transaction.nonce, transaction.gas.limit);
        let (draft, origin) = (handed.draft.clone(), handed.origin.clone());
        let simulated = self.simulate_frame(draft, origin, &transaction.frame(), before).await?;
        let quote = self.quote().await?;
        let mandate = self.shared.desk().orders.mandate(&simulated.origin);
        let again = Approved {
            simulated,
            transaction,
            reservations: self.shared.intents.reserved(handed.entry.subject),
        };
        judge_again(&self.policy, &again, &quote, mandate.as_ref())
    }
}
