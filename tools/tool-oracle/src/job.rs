//! Keeper jobs: what a keeper asks a contract, and what it does when there is work.
//!
//! A job is pure: queries out, answers in, and a call where there is work. It does not decide whether the work pays, and an answer that
//! says that there is some is only that: contracts say so when they cannot pay, or when the work reverts. What is done about it goes
//! through the door, which simulates the work itself.

mod automation;
mod gelato;
mod keep3r;
mod maker;

use agent_core::{Answered, Call, Query};
use alloy_primitives::{Address, Bytes};
use alloy_sol_types::SolCall;
use serde::{Deserialize, Serialize};

pub use self::{
    automation::{RegisteredUpkeep, Upkeep},
    gelato::Gelato,
    keep3r::Keep3rJob,
    maker::MakerJob,
};

/// The longest call that a job may ask for, in bytes. Automation's own limit is half of that.
pub const MOST_WORK: usize = 10_000;

/// Whether there is work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// There is, by the job's own word: this call does it.
    Work(Call),
    /// There is none.
    Idle(Idle),
    /// The job does not say.
    Broken(Broken),
}

/// Why there is no work.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, thiserror::Error,
)]
#[serde(rename_all = "snake_case")]
pub enum Idle {
    /// Nothing to do.
    #[error("there is nothing to do")]
    NotNeeded,
    /// It is another network's turn.
    #[error("it is another network's turn")]
    NotMaster,
}

/// Why a job does not say whether there is work. Nothing of what it answered is repeated: anybody may have written it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, thiserror::Error,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Broken {
    /// The check reverted, or used up all gas.
    #[error("the job's check reverts")]
    Reverts,
    /// It answered something else than such a job does.
    #[error("the job answers something else than such a job does")]
    Unreadable,
    /// It asks for a call that is longer than [`MOST_WORK`].
    #[error("the job asks for a call that is too long")]
    TooLong,
}

/// Work that a contract has for keepers.
pub trait Job: Send + Sync {
    /// What to ask, for a keeper with this address: the operator's executor.
    fn queries(&self, keeper: Address) -> Vec<Query>;

    /// What the answers to those mean.
    fn readiness(&self, answers: &[Answered]) -> Readiness;
}

/// A job of any kind, as one entry of a config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnyJob {
    /// A contract with `checkUpkeep` and `performUpkeep`, called directly.
    Upkeep(Upkeep),
    /// The same through Chainlink's registry, where the executor is a keeper.
    RegisteredUpkeep(RegisteredUpkeep),
    /// A job of Keep3r's.
    Keep3r(Keep3rJob),
    /// A job of Maker's `dss-cron`.
    Maker(MakerJob),
    /// A contract with a `checker` as Gelato asks it.
    Gelato(Gelato),
}

impl AnyJob {
    fn job(&self) -> &dyn Job {
        match self {
            Self::Upkeep(job) => job,
            Self::RegisteredUpkeep(job) => job,
            Self::Keep3r(job) => job,
            Self::Maker(job) => job,
            Self::Gelato(job) => job,
        }
    }
}

impl Job for AnyJob {
    fn queries(&self, keeper: Address) -> Vec<Query> {
        self.job().queries(keeper)
    }

    fn readiness(&self, answers: &[Answered]) -> Readiness {
        self.job().readiness(answers)
    }
}

/// The call of `target` with `data`, if that is not too long.
fn work(target: Address, data: Vec<u8>) -> Readiness {
    if data.len() > MOST_WORK {
        return Readiness::Broken(Broken::TooLong);
    }
    Readiness::Work(Call { target, spend: None, data: data.into() })
}

fn query(to: Address, call: &impl SolCall) -> Query {
    Query { to, data: call.abi_encode().into() }
}

/// What a check says, decoded strictly.
fn said<C: SolCall>(answer: Option<&Answered>) -> Result<C::Return, Readiness> {
    let bytes = succeeded(answer)?;
    C::abi_decode_returns_validate(bytes).map_err(|_encoding| Readiness::Broken(Broken::Unreadable))
}

fn succeeded(answer: Option<&Answered>) -> Result<&Bytes, Readiness> {
    let answer = answer.ok_or(Readiness::Broken(Broken::Unreadable))?;
    answer.as_ref().map_err(|_revert| Readiness::Broken(Broken::Reverts))
}

// A job can be a trait object; a change that breaks that fails here first.
#[cfg(test)]
const _: () = {
    fn _jobs(_: &dyn Job) {}
};

#[cfg(test)]
mod tests;
