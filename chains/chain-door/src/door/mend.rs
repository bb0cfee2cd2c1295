//! Helping a transaction that does not get mined. Each further transaction for a nonce is judged and recorded like the
//! first, and marked in the journal as replacing it.

use std::sync::Arc;

use agent_core::{
    Action, Draft, Maintenance, OpportunityId, Origin, Outcome, Refusal,
    ports::{Appended, DoorError, Entry, EntryKind, Moment, Offered, Quote, Sent, Stuck},
};

use super::{Lane, intents::Attempt, past::is_ours, record::refused, settle::Handed};
use crate::{
    Gas, Page, Transaction,
    encode::encode,
    fees::bump,
    judge::judge_replacement,
    ladder::{Approved, Recorded},
    payload::ReplacedPage,
    remedies::{Remedy, is_hopeless, remedy},
};

/// The strategy and class of what the door does for its own lane.
const DOOR: &str = "door";

/// What a further transaction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// The same as the one before.
    Replace,
    /// Nothing.
    Cancel,
    /// Nothing, where no node has the one before, so that there may be nobody to outbid.
    Release,
}

impl Lane {
    /// Does what helps, or tells why not; what is stuck is followed on in any case.
    pub(super) async fn mend(self: Arc<Self>, handed: &Handed, stuck: Stuck) -> Result<(), DoorError> {
        let (observer, id) = (self.shared.ports.observer.clone(), handed.draft.id);
        observer.saw(Moment::Stuck(id, stuck));
        let why = format!("stuck for {} blocks: {}", stuck.blocks, stuck.reason);
        let mended = match remedy(stuck) {
            Remedy::Wait | Remedy::Tell => return Ok(()),
            Remedy::Fill(nonce) => self.fill(nonce).await?,
            Remedy::Replace => {
                let lane = self.clone();
                let _turn = lane.turn.lock().await;
                self.replace_or_cancel(handed, &why).await?.map(drop)
            }
        };
        if let Err(refusal) = mended {
            observer
                .saw(Moment::Warned(&format!("opportunity {id} is {why}; it cannot be helped: {refusal}")));
        }
        Ok(())
    }

    /// The same at a higher price; what would be refused at any price is cancelled. It is the caller's turn.
    async fn replace_or_cancel(
        &self,
        handed: &Handed,
        why: &str,
    ) -> Result<Result<Sent, Refusal>, DoorError> {
        let cancels =
            self.shared.intents.attempts(handed.entry.subject).last().is_some_and(|latest| latest.cancels);
        if !cancels {
            match self.replace(handed, Purpose::Replace, why).await? {
                Err(refusal) if is_hopeless(&refusal) => {}
                replaced => return Ok(replaced),
            }
        }
        self.replace(handed, Purpose::Cancel, why).await
    }

    /// Uses up the nonce of an intent that no node knows. It is the caller's turn.
    pub(super) async fn release(
        &self,
        handed: &Handed,
        why: &str,
    ) -> Result<Result<Sent, Refusal>, DoorError> {
        self.replace(handed, Purpose::Release, why).await
    }

    async fn replace(
        &self,
        handed: &Handed,
        purpose: Purpose,
        why: &str,
    ) -> Result<Result<Sent, Refusal>, DoorError> {
        let subject = handed.entry.subject;
        let Some(latest) = self.shared.intents.attempts(subject).pop() else {
            return Ok(Err(Refusal::AlreadyTaken));
        };
        let (approved, more) = match self.approve_again(handed, &latest.transaction, purpose).await {
            Ok(approved) => approved,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (transaction, cancels) = (approved.transaction.clone(), purpose != Purpose::Replace);
        let page = ReplacedPage {
            transaction: transaction.clone(),
            cancels,
            why: why.to_owned(),
            policy: self.policy.hash,
            keeps_signatures: self.sender.keeps_signatures(),
        };
        let keeps = page.keeps_signatures;
        let payload = Page::Replaced(Box::new(page)).bytes()?;
        let (kind, at) = (EntryKind::Replaced, self.shared.now());
        let entry = Entry { kind, subject, at, claims: Vec::new(), reservations: more.clone(), payload };
        let writing = self.shared.writing.lock().await;
        let armed = self.shared.is_still_armed(&approved.simulated.origin, &approved.reservations);
        if let Err(refusal) = armed {
            return Ok(Err(refusal));
        }
        if let Appended::Rejected(conflict) = self.shared.ports.journal.append(entry).await? {
            return Ok(Err(refused(conflict)));
        }
        self.shared.intents.replaced(subject, Attempt::of(transaction.clone(), cancels, keeps), more);
        drop(writing);
        let sent = self.send(self.again(handed, transaction)).await;
        if let Ok(sent) = sent {
            self.shared.ports.observer.saw(Moment::Replaced(handed.draft.id, sent));
        }
        Ok(sent)
    }

    /// The rung of a further transaction of a recorded intent.
    pub(super) fn again(&self, handed: &Handed, transaction: Transaction) -> Recorded {
        let Handed { draft, origin, watch, entry } = handed.clone();
        let order_flow = self.policy.order_flow(&draft.strategy);
        let signatures = self.shared.signatures(entry.subject, &transaction);
        Recorded { draft, origin, transaction, watch, order_flow, entry, signatures }
    }

    /// Judges what comes in the place of `latest`; what it needs beyond what is reserved.
    async fn approve_again(
        &self,
        handed: &Handed,
        latest: &Transaction,
        purpose: Purpose,
    ) -> Result<(Approved, Vec<agent_core::ports::Reservation>), Refusal> {
        self.shared.is_alive()?;
        self.shared.is_confirmed()?;
        let quote = self.quote().await?;
        if !is_ours(latest, &quote) {
            return Err(Refusal::WrongChain { policy: self.policy.chain.0, chain: latest.chain.0 });
        }
        let (draft, origin) = match purpose {
            Purpose::Replace => (handed.draft.clone(), handed.origin.clone()),
            Purpose::Cancel | Purpose::Release => (filler(handed.draft.id), Origin::Door),
        };
        let transaction = self.next_attempt(latest, &draft, purpose, &quote)?;
        let before = (transaction.nonce, transaction.gas.limit);
        let simulated = self.simulate_frame(draft, origin, &transaction.frame(), before).await?;
        let mandate = self.shared.desk().orders.mandate(&simulated.origin);
        let held = self.shared.intents.reserved(handed.entry.subject);
        let approved = Approved { simulated, transaction, reservations: held };
        let more = judge_replacement(&self.policy, &approved, &quote, mandate.as_ref())?;
        Ok((approved, more))
    }

    /// The transaction that comes in the place of `latest`, at a price that nodes take for a replacement.
    fn next_attempt(
        &self,
        latest: &Transaction,
        draft: &Draft,
        purpose: Purpose,
        quote: &Quote,
    ) -> Result<Transaction, Refusal> {
        let cap = self.policy.limits.max_fee;
        let over = || Refusal::OverLimit {
            limit: "fee per gas of a replacement".to_owned(),
            asked: format!("an eighth more than {}", latest.gas.max_fee),
            allowed: cap.to_string(),
        };
        let same = || {
            let max_fee = latest.gas.max_fee.min(cap);
            let tip = latest.gas.tip.min(max_fee);
            (purpose == Purpose::Release && max_fee >= quote.least_fee).then_some(Gas {
                max_fee,
                tip,
                ..latest.gas
            })
        };
        let gas = bump(latest.gas, quote, cap).or_else(same).ok_or_else(over)?;
        if purpose == Purpose::Replace {
            return Ok(Transaction { gas, ..latest.clone() });
        }
        let frame = encode(&draft.action, latest.from, self.policy.executor)?;
        // Some chains ask more than 21,000 for a transfer; what is not used is not paid.
        let limit = FILLING_GAS.min(self.policy.limits.gas_per_transaction);
        let gas = Gas { limit, ..gas };
        Ok(Transaction { to: frame.to, data: frame.data, gas, ..latest.clone() })
    }

    /// Fills a gap in the lane below what is stuck behind it, and sees that through.
    async fn fill(self: Arc<Self>, nonce: u64) -> Result<Result<(), Refusal>, DoorError> {
        match self.quote().await {
            // Somebody else's transaction has turned up there, or one of ours.
            Ok(quote) if quote.nonce != nonce => return Ok(Ok(())),
            Ok(_) => {}
            Err(refusal) => return Ok(Err(refusal)),
        }
        let draft = filler(OpportunityId::derive(DOOR, b"fill nonce", &nonce.to_be_bytes()));
        match Box::pin(self.climb(draft, Origin::Door)).await? {
            Ok(Offered::Underway(underway)) => {
                let report = underway.outcome.await?;
                debug_assert!(matches!(report.outcome, Outcome::Closed(_)));
                Ok(Ok(()))
            }
            Ok(Offered::Asked(_) | Offered::Refused(_)) => Ok(Ok(())),
            Err(refusal) => Ok(Err(refusal)),
        }
    }
}

/// Gas that a transfer of nothing may use.
const FILLING_GAS: u64 = 100_000;

/// A draft that uses up a nonce, under the id of what it is for.
fn filler(id: OpportunityId) -> Draft {
    let (strategy, class) = (DOOR.to_owned(), format!("{DOOR}/fill-nonce"));
    Draft { id, strategy, class, appraisal: None, action: Action::Maintain(Maintenance::FillNonce) }
}
