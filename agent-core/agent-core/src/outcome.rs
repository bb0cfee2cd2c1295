//! What became of a draft. Outcomes are values, not errors, so that `?` cannot sweep one up the stack.

use std::fmt;

use alloy_primitives::{Address, B256, Bytes, I256};
use serde::{Deserialize, Serialize};

use crate::{
    mandate::{OrderId, OutsideMandate},
    opportunity::OpportunityId,
    units::{Asset, BlockRef, Wei},
};

/// How one balance changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceDelta {
    /// Whose balance.
    pub holder: Address,
    /// Of what.
    pub asset: Asset,
    /// After less before, in base units.
    pub change: I256,
}

/// Why the door did not let a draft through. A closed list: each has a sentence for the operator and a hint for a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "reason", content = "detail")]
#[non_exhaustive]
pub enum Refusal {
    /// The kill switch is latched.
    #[error("the kill switch is latched; only the operator clears it")]
    Killed,
    /// The agent only observes.
    #[error("the agent only observes; run it in mode `live` to act")]
    ObserveOnly,
    /// This id went through before.
    #[error("this opportunity was taken before")]
    AlreadyTaken,
    /// The simulated transaction reverts.
    #[error("the simulation reverts: {0}")]
    SimulationReverts(String),
    /// The simulation is older than one block.
    #[error("the simulation is stale: made at block {simulated}, head is {head}")]
    StaleSimulation {
        /// The block simulated on.
        simulated: u64,
        /// The head at the decision.
        head: u64,
    },
    /// A balance moved against what the intent declared.
    #[error("the {asset} balance of {holder} would change by {change}, and the intent allows {allowed}")]
    Delta {
        /// Whose balance.
        holder: Address,
        /// Of what.
        asset: Asset,
        /// Simulated change.
        change: I256,
        /// The least the intent allows.
        allowed: I256,
    },
    /// There is no executor to act through.
    #[error(
        "the policy names no executor; run `keepwright executor deploy` and write its address into the policy"
    )]
    NoExecutor,
    /// An order like this is live already.
    #[error("standing order {0} is armed already; disarm it first")]
    AlreadyArmed(OrderId),
    /// The final bytes are not what this door encodes.
    #[error("the final bytes do not decode as the executor's call: {0}")]
    Undecodable(String),
    /// The chain is not the policy's.
    #[error("the policy is for chain {policy}, this is chain {chain}")]
    WrongChain {
        /// The policy's chain.
        policy: u64,
        /// The draft's chain.
        chain: u64,
    },
    /// A called contract or selector is not on the policy's list.
    #[error("call to {target} with selector {selector} is not allowed by the policy")]
    CallNotAllowed {
        /// The contract.
        target: Address,
        /// The first four bytes.
        selector: Bytes,
    },
    /// A token the policy does not know.
    #[error("token {0} is not in the policy")]
    TokenNotAllowed(Address),
    /// A lender the policy does not know.
    #[error("flash loans from {0} are not allowed by the policy")]
    LenderNotAllowed(Address),
    /// A recipient the policy does not know.
    #[error("recipient {0} is not allowed by the policy")]
    RecipientNotAllowed(Address),
    /// A limit of the policy.
    #[error("{limit} is over its limit: {asked} asked, {allowed} allowed")]
    OverLimit {
        /// The name of the limit.
        limit: String,
        /// What was asked for.
        asked: String,
        /// What is left of it.
        allowed: String,
    },
    /// The key's native coin does not cover the gas.
    #[error("the key holds {has}, which does not cover the gas; send it some")]
    CannotPay {
        /// What it holds.
        has: Wei,
    },
    /// The strategy has no budget in the policy.
    #[error("strategy {0} is not in the policy")]
    StrategyNotAllowed(String),
    /// The intent demands nothing: without a floor, a loss would not revert.
    #[error("the intent names no floor, so a loss would not revert")]
    NoFloor,
    /// The deadline has passed, or is further away than the policy allows.
    #[error("the deadline {deadline} is not within the allowed window after {now}")]
    Deadline {
        /// The intent's deadline.
        deadline: u64,
        /// Chain time.
        now: u64,
    },
    /// The standing order does not cover it.
    #[error("the standing order does not cover it: {0}")]
    OutsideMandate(OutsideMandate),
    /// Only the operator may ask for this.
    #[error("only the operator may ask for this")]
    OperatorOnly,
    /// Something the door depends on failed; nothing was recorded.
    #[error("{port} is unavailable: {cause}")]
    Unavailable {
        /// The port.
        port: String,
        /// What it said.
        cause: String,
    },
    /// After a restart: the policy is not the one that this was recorded under.
    #[error("the policy changed since this was recorded")]
    PolicyChanged,
    /// The policy is another than the journal's last, and nobody has confirmed it.
    #[error(
        "the policy is not the one that was last confirmed; check it and run `keepwright policy confirm`"
    )]
    PolicyUnconfirmed,
    /// The class is stood down.
    #[error("{class} is stood down until {until}: {why}")]
    StoodDown {
        /// What is stood down.
        class: String,
        /// Chain time when that ends.
        until: u64,
        /// Why.
        why: String,
    },
    /// A person was asked and said no.
    #[error("the operator said no")]
    Denied,
    /// A person was asked and said nothing in time.
    #[error("nobody replied in time, and no reply means no")]
    NoReply,
    /// There is no such question, or it is over.
    #[error("no question of digest {0} waits for a reply")]
    NoQuestion(alloy_primitives::B256),
    /// It does something else under other conditions than those expected of the next block.
    #[error("it behaves differently with {environment}: {how}")]
    BehavesDifferently {
        /// The conditions.
        environment: String,
        /// What it does then.
        how: String,
    },
}

impl Refusal {
    /// What a planner is told: a short hint with nothing in it that came from the chain.
    #[must_use]
    pub const fn feedback(&self) -> &'static str {
        match self {
            Self::Killed => "killed: wait, do not propose anything",
            Self::ObserveOnly => "nothing can be done here: wait",
            Self::AlreadyTaken => "already taken: pick another opportunity",
            Self::SimulationReverts(_) => "it would revert now: wait for the next block or pick another",
            Self::StaleSimulation { .. } => "the world moved on: look again",
            Self::Delta { .. } | Self::Undecodable(_) | Self::NoFloor => "the draft is unsound: pick another",
            Self::WrongChain { .. }
            | Self::CallNotAllowed { .. }
            | Self::TokenNotAllowed(_)
            | Self::LenderNotAllowed(_)
            | Self::RecipientNotAllowed(_)
            | Self::StrategyNotAllowed(_) => "the policy forbids it: pick another",
            Self::NoExecutor => "the agent cannot act yet: wait",
            Self::AlreadyArmed(_) => "it is armed already: disarm it first or leave it",
            Self::CannotPay { .. } => "the agent cannot pay for gas: wait",
            Self::OverLimit { .. } => "a limit is reached: pick a smaller one or wait",
            Self::Deadline { .. } => "too late: look again",
            Self::OutsideMandate(_) => "outside the standing order: execute it yourself or wait",
            Self::OperatorOnly => "only the operator may do this: ask",
            Self::Unavailable { .. } => "a part of the agent is unavailable: wait",
            Self::PolicyChanged => "the policy changed: look again",
            Self::PolicyUnconfirmed => "the operator has to confirm the policy: wait",
            Self::StoodDown { .. } => "this class is stood down: pick another or wait",
            Self::Denied => "the operator said no: pick another",
            Self::NoReply => "the operator did not reply: pick another or wait",
            Self::NoQuestion(_) => "there is no such question",
            Self::BehavesDifferently { .. } => "it is not what it seems: pick another",
        }
    }
}

/// How a recorded draft ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// Mined, did what it should.
    Settled(Mined),
    /// Mined and reverted: gas was paid, nothing else moved.
    Reverted(Mined),
    /// Its nonce was used for nothing instead: only that gas was paid.
    Cancelled(Mined),
    /// Will never be mined under this id; its budget is released.
    Dropped {
        /// Why, in one sentence.
        why: String,
    },
}

/// Facts of a mined transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mined {
    /// The transaction.
    pub transaction: B256,
    /// The block that holds it.
    pub block: BlockRef,
    /// Gas units used.
    pub gas_used: u64,
    /// What was paid for them.
    pub gas_paid: Wei,
    /// Real balance changes of everything the simulation watched, by `balanceOf` at this block and its parent. They
    /// include whatever else moved those balances in that block.
    pub deltas: Vec<BalanceDelta>,
    /// The contract that it created.
    pub created: Option<Address>,
}

/// How an offer ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The door said no; nothing was signed.
    Refused(Refusal),
    /// It was recorded, and this became of it.
    Closed(Settlement),
}

/// An outcome, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeReport {
    /// The opportunity.
    pub id: OpportunityId,
    /// Its strategy.
    pub strategy: String,
    /// Its class.
    pub class: String,
    /// How it ended.
    pub outcome: Outcome,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "refused: {refusal}"),
            Self::Closed(Settlement::Settled(mined)) => write!(f, "settled in block {}", mined.block.number),
            Self::Closed(Settlement::Reverted(mined)) => {
                write!(f, "reverted in block {}", mined.block.number)
            }
            Self::Closed(Settlement::Cancelled(mined)) => {
                write!(f, "cancelled in block {}", mined.block.number)
            }
            Self::Closed(Settlement::Dropped { why }) => write!(f, "dropped: {why}"),
        }
    }
}
