//! One thing worth showing.

use std::collections::BTreeMap;

use alloy::primitives::B256;
use keepwright::core::{BalanceDelta, OpportunityId, Outcome, Settlement, units::Wei};
use serde::Serialize;

/// A balance change with names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Delta {
    pub(crate) holder: String,
    pub(crate) change: String,
}

/// What an operator is shown, and a program reads with `--json`: one object each.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    Note {
        text: String,
    },
    Head {
        number: u64,
        timestamp: u64,
        base_fee_wei: String,
    },
    World {
        text: String,
    },
    Opportunity {
        id: OpportunityId,
        class: String,
        net_usd: String,
        facts: BTreeMap<String, String>,
    },
    Withdrawn {
        id: OpportunityId,
    },
    Planned {
        reason: String,
        calls: Vec<String>,
    },
    PlanFailed {
        why: String,
    },
    Offered {
        id: OpportunityId,
        class: String,
        by: String,
    },
    Simulated {
        id: OpportunityId,
        block: u64,
        success: bool,
        gas: u64,
        deltas: Vec<Delta>,
    },
    Approved {
        id: OpportunityId,
    },
    Waits {
        id: OpportunityId,
        digest: B256,
        why: String,
        shown: String,
        expires: u64,
    },
    Refused {
        id: OpportunityId,
        reason: String,
    },
    Recorded {
        id: OpportunityId,
        entry: u64,
    },
    Sent {
        id: OpportunityId,
        transaction: B256,
        nonce: u64,
        block_to_broadcast_us: Option<u64>,
    },
    Closed {
        id: OpportunityId,
        outcome: &'static str,
        detail: String,
        gas_wei: Option<Wei>,
        deltas: Vec<Delta>,
        as_simulated: bool,
    },
    Remembered {
        subject: String,
        text: String,
    },
    Warned {
        text: String,
    },
    Summary(Box<Summary>),
}

/// The end of a demo.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Summary {
    pub(crate) seed: u64,
    pub(crate) profit_usd: String,
    pub(crate) token_deltas: BTreeMap<String, String>,
    pub(crate) gas_wei: String,
    pub(crate) intents_settled: u64,
    pub(crate) intents_by_reflex: u64,
    pub(crate) intents_by_planner: u64,
    pub(crate) intents_by_strategy: BTreeMap<String, u64>,
    /// How many of them moved the tokens to the wei as simulated.
    pub(crate) intents_as_simulated: u64,
    pub(crate) refusals: u64,
    pub(crate) memories: usize,
    pub(crate) journal_entries: u64,
    pub(crate) journal_verified: bool,
    pub(crate) block_to_broadcast_us: Option<u64>,
    pub(crate) devnet_load_ms: u128,
    pub(crate) rss_bytes: Option<u64>,
    pub(crate) ended_with_more: bool,
}

/// How an outcome is called, and what else there is to say.
pub(crate) fn outcome(outcome: &Outcome) -> (&'static str, String, Option<Wei>, &[BalanceDelta]) {
    match outcome {
        Outcome::Refused(refusal) => ("refused", refusal.to_string(), None, &[]),
        Outcome::Closed(Settlement::Dropped { why }) => ("dropped", why.clone(), None, &[]),
        Outcome::Closed(Settlement::Cancelled(mined)) => {
            ("cancelled", format!("in block {}", mined.block.number), Some(mined.gas_paid), &mined.deltas)
        }
        Outcome::Closed(Settlement::Settled(mined)) => {
            ("settled", format!("in block {}", mined.block.number), Some(mined.gas_paid), &mined.deltas)
        }
        Outcome::Closed(Settlement::Reverted(mined)) => {
            ("reverted", format!("in block {}", mined.block.number), Some(mined.gas_paid), &mined.deltas)
        }
    }
}
