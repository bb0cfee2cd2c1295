//! What waits for a person. Kept in memory only: after a restart it is asked again, and an unused reply counts for nothing.

use std::collections::BTreeMap;

use agent_core::{
    Draft, OpportunityId, Refusal,
    ports::{Question, Reply},
    units::Timestamp,
};
use alloy_primitives::{B256, U256, keccak256};
use alloy_sol_types::SolValue;

use crate::{ladder::Transaction, policy::Policy};

/// Questions at once; one more is refused, so that nothing can flood a person.
const AT_ONCE: usize = 32;

/// What is asked and not over.
#[derive(Debug, Default)]
pub(crate) struct Questions(BTreeMap<OpportunityId, Asked>);

#[derive(Debug, Clone)]
struct Asked {
    question: Question,
    draft: Draft,
    transaction: Transaction,
    /// Without a reply it is not asked again before this: no reply means no.
    until: Timestamp,
}

/// How it stands with an opportunity.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// Nobody was asked, or it is long over, or it was about another draft.
    New,
    /// It waits.
    Waits(Question),
    /// This very transaction may go.
    Approved(Box<Transaction>, B256),
    /// No.
    Refused(Refusal),
}

impl Questions {
    /// How it stands with `draft`. A draft that changed under its id is another one.
    pub(crate) fn stand(&self, draft: &Draft, now: Timestamp) -> Stand {
        let Some(asked) = self.0.get(&draft.id).filter(|asked| asked.draft == *draft && now < asked.until)
        else {
            return Stand::New;
        };
        match asked.question.reply {
            Some(Reply::Deny) => Stand::Refused(Refusal::Denied),
            _ if now >= asked.question.expires => Stand::Refused(Refusal::NoReply),
            Some(Reply::Approve) => {
                Stand::Approved(Box::new(asked.transaction.clone()), asked.question.digest)
            }
            None => Stand::Waits(asked.question.clone()),
        }
    }

    /// Asks about exactly `transaction`.
    pub(crate) fn ask(
        &mut self,
        policy: &Policy,
        draft: &Draft,
        transaction: &Transaction,
        (why, shown): (String, String),
        now: Timestamp,
    ) -> Result<Question, Refusal> {
        self.0.retain(|_, asked| now < asked.until);
        if self.0.len() >= AT_ONCE && !self.0.contains_key(&draft.id) {
            let limit = "questions that wait for a person".to_owned();
            let (asked, allowed) = (AT_ONCE.saturating_add(1).to_string(), AT_ONCE.to_string());
            return Err(Refusal::OverLimit { limit, asked, allowed });
        }
        let expires = now.plus(policy.approval.seconds);
        let digest = digest(transaction, expires);
        let question = Question { id: draft.id, digest, why, shown, expires, reply: None };
        let until = expires.plus(policy.approval.seconds);
        let asked = Asked {
            question: question.clone(),
            draft: draft.clone(),
            transaction: transaction.clone(),
            until,
        };
        self.0.insert(draft.id, asked);
        Ok(question)
    }

    /// The question of this digest, if it still waits.
    pub(crate) fn waiting(&self, digest: B256, now: Timestamp) -> Option<&Question> {
        self.live(now).find(|question| question.digest == digest && question.reply.is_none())
    }

    /// Takes over a journalled reply.
    pub(crate) fn replied(&mut self, digest: B256, reply: Reply) {
        if let Some(asked) = self.0.values_mut().find(|asked| asked.question.digest == digest) {
            asked.question.reply = Some(reply);
        }
    }

    /// It went through, or the world moved on from what was asked.
    pub(crate) fn over(&mut self, id: OpportunityId) {
        self.0.remove(&id);
    }

    /// What a reply would still reach, or has just reached, the earliest to expire first.
    pub(crate) fn live(&self, now: Timestamp) -> impl Iterator<Item = &Question> {
        self.0.values().map(|asked| &asked.question).filter(move |question| now < question.expires)
    }
}

/// What a reply is bound to: every field of the transaction, and the time until which it counts.
fn digest(transaction: &Transaction, expires: Timestamp) -> B256 {
    let Transaction { chain, from, nonce, to, data, gas } = transaction;
    let whole = (
        "keepwright approval 1",
        U256::from(chain.0),
        *from,
        U256::from(*nonce),
        to.is_some(),
        to.unwrap_or_default(),
        data.clone(),
        (U256::from(gas.limit), U256::from(gas.max_fee), U256::from(gas.tip)),
        U256::from(expires.0),
    );
    keccak256(whole.abi_encode())
}

#[cfg(test)]
mod tests {
    use agent_core::units::ChainId;

    use super::*;
    use crate::{Gas, scripted::*};

    fn transaction() -> Transaction {
        let gas = Gas { limit: 1, max_fee: 2, tip: 3 };
        Transaction { chain: ChainId(1), from: KEY, nonce: 4, to: Some(EXECUTOR), data: vec![5].into(), gas }
    }

    #[test]
    fn the_digest_changes_with_every_field() {
        let base = transaction();
        let gas = |limit, max_fee, tip| Transaction { gas: Gas { limit, max_fee, tip }, ..base.clone() };
        let others = [
            Transaction { chain: ChainId(2), ..base.clone() },
            Transaction { from: SAFE, ..base.clone() },
            Transaction { nonce: 5, ..base.clone() },
            Transaction { to: None, ..base.clone() },
            Transaction { to: Some(Default::default()), ..base.clone() },
            Transaction { data: vec![6].into(), ..base.clone() },
            Transaction { data: vec![5, 0].into(), ..base.clone() },
            gas(9, 2, 3),
            gas(1, 9, 3),
            gas(1, 2, 9),
        ];
        let mut digests: Vec<_> = others.iter().map(|other| digest(other, Timestamp(9))).collect();
        digests.extend([digest(&base, Timestamp(9)), digest(&base, Timestamp(10))]);
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), 12);
    }

    #[test]
    fn no_reply_means_no_and_a_flood_is_refused() {
        let policy = Policy::parse(&format!("{POLICY}\n[approval]\nseconds = 60\n")).unwrap();
        let mut questions = Questions::default();
        let mut ask = |seed: u8, now| {
            questions.ask(&policy, &draft(seed), &transaction(), Default::default(), Timestamp(now))
        };
        let question = ask(1, 0).unwrap();
        assert!((2..=32).all(|seed| ask(seed, 0).is_ok()));
        assert!(matches!(ask(33, 0), Err(Refusal::OverLimit { .. })));
        assert!(ask(33, 120).is_ok(), "the others are over");
        let mut questions = Questions::default();
        let asked =
            questions.ask(&policy, &draft(1), &transaction(), Default::default(), Timestamp(0)).unwrap();
        assert_eq!(asked, question);
        assert_eq!(questions.stand(&draft(1), Timestamp(59)), Stand::Waits(question));
        assert_eq!(questions.stand(&draft(1), Timestamp(60)), Stand::Refused(Refusal::NoReply));
        assert_eq!(questions.stand(&draft(1), Timestamp(119)), Stand::Refused(Refusal::NoReply));
        assert_eq!(questions.stand(&draft(1), Timestamp(120)), Stand::New);
        assert!(questions.waiting(asked.digest, Timestamp(60)).is_none(), "a reply comes too late");
        questions.replied(asked.digest, Reply::Approve);
        assert_eq!(questions.stand(&draft(1), Timestamp(60)), Stand::Refused(Refusal::NoReply));
        let other = Draft { class: "other".into(), ..draft(1) };
        assert_eq!(questions.stand(&other, Timestamp(1)), Stand::New, "what was approved is another draft");
    }
}
