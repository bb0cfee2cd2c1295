//! What is updated: how its state is read, and what is called when an update is due.

mod flux;
pub(crate) mod flux_abi;
mod function;
mod setter;

use agent_core::{
    Answered, Call, Query,
    units::{Timestamp, Token, TokenAmount, UsdE8},
};
use alloy_primitives::{Address, U256};
use serde::{Deserialize, Serialize};

pub use self::{
    flux::{FluxAggregator, Payment},
    function::{Function, FunctionError},
    setter::{Argument, Lookup, Setter},
};
use crate::{aggregate::Value, decimal::Decimal, mode::fluxmonitor::Round};

/// A contract that holds a feed's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Chainlink's `FluxAggregator`.
    FluxAggregator(FluxAggregator),
    /// A contract that takes a value from whom it knows.
    Setter(Setter),
}

/// What a target holds, as it was last read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    /// Its value; none before the first.
    pub(crate) value: Option<Decimal>,
    /// When that was set.
    pub(crate) updated: Timestamp,
    /// The round that a submission would go to, where there are rounds.
    pub(crate) round: Option<Round>,
    /// What an update earns.
    pub(crate) payment: U256,
    /// Whether it would take one.
    pub(crate) takes: Takes,
}

/// Whether a target would take an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// It would.
    Any,
    /// It would, between these two, both included.
    Between(Decimal, Decimal),
    /// It would not: this oracle has no turn.
    NotEligible,
    /// It would, but it cannot pay for three rounds.
    Underfunded,
}

/// Why a target's state could not be read.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, thiserror::Error,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unread {
    /// It was not asked since the last block.
    #[error("it was not read yet")]
    NotYet,
    /// It reverted. A `FluxAggregator` says who may submit to callers from outside only: not through another contract.
    #[error("the target does not say what it holds")]
    Reverted,
    /// It answered something else than it should.
    #[error("the target answers something else than such a contract does")]
    Unreadable,
}

/// What is to be done for an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Update {
    pub(crate) calls: Vec<Call>,
    /// What they bring at least.
    pub(crate) floors: Vec<TokenAmount>,
    /// What that is worth.
    pub(crate) gross: UsdE8,
    /// Changes when an update would be another decision: with the round, or with what it replaces.
    pub(crate) occasion: Vec<u8>,
}

impl Target {
    pub(crate) fn check(&self) -> Result<(), FunctionError> {
        match self {
            Self::FluxAggregator(_) => Ok(()),
            Self::Setter(setter) => setter.check(),
        }
    }

    /// The contract.
    #[must_use]
    pub const fn address(&self) -> Address {
        match self {
            Self::FluxAggregator(aggregator) => aggregator.address,
            Self::Setter(setter) => setter.address,
        }
    }

    /// How many digits behind the point it keeps.
    #[must_use]
    pub const fn decimals(&self) -> u8 {
        match self {
            Self::FluxAggregator(aggregator) => aggregator.decimals,
            Self::Setter(setter) => setter.decimals,
        }
    }

    /// What to ask of it.
    pub(crate) fn queries(&self, executor: Address) -> Vec<Query> {
        match self {
            Self::FluxAggregator(aggregator) => aggregator.queries(executor),
            Self::Setter(setter) => setter.queries(),
        }
    }

    /// What it holds, by its answers to those.
    pub(crate) fn read(&self, answers: &[Answered]) -> Result<Held, Unread> {
        match self {
            Self::FluxAggregator(aggregator) => aggregator.read(answers),
            Self::Setter(setter) => setter.read(answers),
        }
    }

    /// What to do so that it holds `value`. `None` when it cannot hold such a value.
    pub(crate) fn update(
        &self,
        held: &Held,
        value: &Value,
        executor: Address,
        now: Timestamp,
    ) -> Option<Update> {
        match self {
            Self::FluxAggregator(aggregator) => aggregator.update(held, value.value, executor),
            Self::Setter(setter) => setter.update(held, value, now),
        }
    }
}

/// What so much of a token is worth at the operator's price.
fn worth(token: &Token, raw: U256, price: UsdE8) -> Option<UsdE8> {
    UsdE8::value_of(raw, token.decimals, price)
}

#[cfg(test)]
mod tests;
