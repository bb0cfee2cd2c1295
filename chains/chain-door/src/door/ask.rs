//! Asking a person first.

use std::sync::Arc;

use agent_core::{
    Action, Draft, Origin, Refusal,
    ports::{DoorError, Moment, Offered, Question},
    units::Wei,
};
use alloy_primitives::B256;

use super::Lane;
use crate::{
    Policy, Transaction, encode::decode, explain::shown, judge::needed, ladder::Approved, questions::Stand,
};

impl Lane {
    /// How it stands with `draft`, if a person was asked about it.
    pub(super) fn stand(&self, draft: &Draft) -> Stand {
        self.shared.desk().questions.stand(draft, self.shared.now())
    }

    /// Asks a person about an approved draft, if the policy wants that; the question. Nothing is reserved meanwhile, not even
    /// the nonce: when the world has moved on by the time of the reply, it is asked again.
    pub(super) fn ask(&self, approved: &Approved) -> Result<Option<Question>, Refusal> {
        let Approved { simulated, transaction, .. } = approved;
        // The operator's own drafts were asked for by a person.
        if let Origin::Operator | Origin::Door = simulated.origin {
            return Ok(None);
        }
        let action = decode(&simulated.frame, self.policy.executor)?;
        let Some(why) = above(&self.policy, &action, transaction) else { return Ok(None) };
        let text = (why, shown(&self.policy, transaction, &action));
        let now = self.shared.now();
        let asked =
            self.shared.desk().questions.ask(&self.policy, &simulated.draft, transaction, text, now)?;
        self.shared.ports.observer.saw(Moment::Waits(&asked));
        Ok(Some(asked))
    }

    /// Lets the very transaction through that a person has approved, after everything was checked again but what the person
    /// has decided. `None` when the world has moved on from it.
    pub(super) async fn climb_approved(
        self: Arc<Self>,
        draft: Draft,
        origin: Origin,
        (transaction, digest): (Transaction, B256),
    ) -> Result<Option<Result<Offered, Refusal>>, DoorError> {
        let id = draft.id;
        let approved = match self.still_approved(draft, origin, transaction).await {
            Ok(approved) => approved,
            // What it asks of the world may be there again in a moment, and the reply still counts.
            Err(
                refusal @ (Refusal::Killed | Refusal::Unavailable { .. } | Refusal::StaleSimulation { .. }),
            ) => {
                return Ok(Some(Err(refusal)));
            }
            Err(_moved_on) => {
                self.shared.desk().questions.over(id);
                return Ok(None);
            }
        };
        let recorded = self.record(approved, Some(digest)).await?;
        self.shared.desk().questions.over(id);
        Ok(Some(match recorded {
            Ok(recorded) => self.underway(recorded).await?.map(Offered::Underway),
            Err(refusal) => Err(refusal),
        }))
    }

    async fn still_approved(
        &self,
        draft: Draft,
        origin: Origin,
        transaction: Transaction,
    ) -> Result<Approved, Refusal> {
        let before = (transaction.nonce, transaction.gas.limit);
        let simulated = self.simulate_frame(draft, origin, &transaction.frame(), before).await?;
        let quote = self.quote().await?;
        if quote.nonce != transaction.nonce || quote.least_fee > transaction.gas.max_fee {
            return Err(Refusal::PolicyChanged);
        }
        let mandate = self.shared.desk().orders.mandate(&simulated.origin);
        let approved = Approved { simulated, transaction, reservations: Vec::new() };
        // Nothing of it was recorded, so no use of its order is counted yet.
        let reservations = needed(&self.policy, &approved, &quote, mandate.as_ref())?;
        Ok(Approved { reservations, ..approved })
    }
}

/// The first threshold that it is above, in words.
fn above(policy: &Policy, action: &Action, transaction: &Transaction) -> Option<String> {
    let Action::Execute(intent) = action else { return None };
    let works = intent.at_work()?.into_iter().find_map(|(token, raw)| {
        let rule = policy.tokens.get(&token)?;
        let threshold = rule.ask_above.filter(|threshold| raw > *threshold)?;
        Some(format!(
            "it puts {} to work, more than {}",
            rule.token.display(raw),
            rule.token.display(threshold)
        ))
    });
    works.or_else(|| {
        let most = Wei::for_gas(transaction.gas.limit, transaction.gas.max_fee)?;
        let threshold = policy.approval.gas_above.filter(|threshold| most.0 > *threshold)?;
        Some(format!("its gas may cost {most}, more than {}", Wei(threshold)))
    })
}
