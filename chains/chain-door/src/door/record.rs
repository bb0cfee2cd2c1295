//! From approved to recorded: the one atomic durable step.

use agent_core::{
    Draft, Origin, OutsideMandate, Refusal,
    ports::{
        Appended, Claim, Conflict, DoorError, Entry, EntryKind, JournalError, Moment, Reservation, Sequence,
    },
};
use alloy_primitives::{B256, keccak256};

use super::{Lane, Shared, intents::Attempt};
use crate::{
    Page,
    judge::watch,
    ladder::{Approved, Recorded, RecordedEntry},
    payload::{RecordedPage, approval_claim, nonce_claim, taken_claim},
};

impl Lane {
    /// Claims the opportunity and the nonce, reserves the budgets, and writes the transaction down; or a refusal, and
    /// nothing is claimed.
    pub(super) async fn record(
        &self,
        approved: Approved,
        approval: Option<B256>,
    ) -> Result<Result<Recorded, Refusal>, DoorError> {
        let Approved { simulated, transaction, reservations } = approved;
        let (draft, origin) = (simulated.draft.clone(), simulated.origin.clone());
        let keeps_signatures = self.sender.keeps_signatures();
        let _writing = self.shared.writing.lock().await;
        if let Err(refusal) = self.shared.may_still(&draft, &origin, &reservations) {
            return Ok(Err(refusal));
        }
        let page = RecordedPage {
            draft: draft.clone(),
            origin: origin.clone(),
            simulation: simulated.simulation,
            policy: self.policy.hash,
            transaction: transaction.clone(),
            approval,
            keeps_signatures,
        };
        let payload = Page::Recorded(Box::new(page)).bytes()?;
        let (subject, at) = (keccak256(&payload), self.shared.now());
        let mut claims = vec![
            Claim { key: taken_claim(&draft), releasable: true },
            Claim { key: nonce_claim(&transaction), releasable: true },
        ];
        claims.extend(approval.map(|digest| Claim { key: approval_claim(digest), releasable: false }));
        let kind = EntryKind::Recorded;
        let entry = Entry { kind, subject, at, claims, reservations: reservations.clone(), payload };
        // Counted before it is written: should this future be dropped meanwhile, it may be in the journal all the same.
        let attempt = Attempt::of(transaction.clone(), false, keeps_signatures);
        let counted = self.shared.intents.open(subject, attempt, &reservations);
        match self.shared.ports.journal.append(entry).await? {
            Appended::Rejected(conflict) => {
                if counted {
                    self.shared.intents.closed(subject);
                }
                Ok(Err(refused(conflict)))
            }
            Appended::Written(sequence) => {
                {
                    let mut desk = self.shared.desk();
                    desk.orders.used(&origin);
                    desk.books.opened(subject, &draft.strategy);
                }
                self.shared.ports.observer.saw(Moment::Recorded(draft.id, sequence));
                let watch = watch(&self.policy, transaction.from);
                let entry = RecordedEntry { subject, at, reservations };
                let order_flow = self.policy.order_flow(&draft.strategy);
                let signatures = self.shared.signatures(subject, &transaction);
                Ok(Ok(Recorded { draft, origin, transaction, watch, order_flow, entry, signatures }))
            }
        }
    }
}

impl Shared {
    /// The last look at what other lanes and commands may have changed since it was judged. The caller holds `writing`.
    fn may_still(&self, draft: &Draft, origin: &Origin, reservations: &[Reservation]) -> Result<(), Refusal> {
        self.may_act(draft, origin)?;
        self.is_still_armed(origin, reservations)
    }

    /// The order that it was judged under, whose use is among `reservations`, is still the one that is armed.
    pub(super) fn is_still_armed(
        &self,
        origin: &Origin,
        reservations: &[Reservation],
    ) -> Result<(), Refusal> {
        let Origin::Reflex { .. } = origin else { return Ok(()) };
        let armed = self.desk().orders.mandate(origin);
        let holds = armed.is_some_and(|armed| reservations.iter().any(|use_| use_.budget == armed.budget));
        holds.then_some(()).ok_or(Refusal::OutsideMandate(OutsideMandate::NotArmed))
    }
}

/// The journal's reason in the door's words.
pub(super) fn refused(conflict: Conflict) -> Refusal {
    match conflict {
        Conflict::Claimed(key) if key.starts_with("taken/") => Refusal::AlreadyTaken,
        Conflict::WrongState => Refusal::AlreadyTaken,
        Conflict::Claimed(key) => {
            Refusal::Unavailable { port: "sender".to_owned(), cause: format!("{key} is in use") }
        }
        Conflict::OverBudget { budget, asked, left } => Refusal::OverLimit {
            limit: format!("budget {budget}"),
            asked: asked.to_string(),
            allowed: left.to_string(),
        },
    }
}

/// The sequence of an entry that nothing may reject; a rejection means that the journal and the door disagree.
pub(super) fn written(appended: Appended) -> Result<Sequence, DoorError> {
    match appended {
        Appended::Written(sequence) => Ok(sequence),
        Appended::Rejected(conflict) => Err(JournalError::Damaged {
            at: 0,
            what: format!("it rejects an entry that must fit: {conflict}"),
        }
        .into()),
    }
}
