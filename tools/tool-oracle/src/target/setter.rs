//! A contract that takes a value from whom it knows, by whatever function it has for it.

use agent_core::{
    Answered, Call, Query,
    units::{Timestamp, UsdE8},
};
use alloy_primitives::{Address, B256, I256, U256};
use serde::{Deserialize, Serialize};

use super::{Function, FunctionError, Held, Takes, Unread, Update};
use crate::{aggregate::Value, decimal::Decimal};

/// One such contract. It has to take values from the executor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setter {
    /// The contract.
    pub address: Address,
    /// How many digits of its integers are behind the point.
    pub decimals: u8,
    /// What is called for an update: `setPrice(bytes32,int256)`.
    pub function: Function,
    /// What it is called with.
    pub arguments: Vec<Argument>,
    /// How its value is read.
    pub read: Lookup,
}

/// An argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Argument {
    /// `{value}`: the new value, in the target's units.
    Value,
    /// `{published}`: when the earliest of its sources published it.
    Published,
    /// `{time}`: the time of the block that the update was decided on.
    Time,
    /// Anything else, as it is.
    Literal(String),
}

/// A view that says value and time, each as one word of its answer, counted from 0: for `latestRoundData()` these are 1 and 3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// The view.
    pub function: Function,
    /// What it is asked with: constants.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Which word is the value: an `int256`. Zero at time zero means that there is none yet.
    pub value: usize,
    /// Which word is the time of the last update, in seconds.
    pub updated: usize,
}

impl Setter {
    pub(super) fn check(&self) -> Result<(), FunctionError> {
        self.function.count(self.arguments.len())?;
        for (place, argument) in self.arguments.iter().enumerate() {
            if let Argument::Literal(text) = argument {
                self.function.literal(place, text)?;
            } else if self.function.number(place, I256::ZERO).is_none() {
                let literal = String::from(argument.clone());
                return Err(FunctionError::Literal {
                    literal,
                    kind: "argument of a type that is no number".to_owned(),
                });
            }
        }
        self.read.function.count(self.read.arguments.len())?;
        self.read.call().map(drop)
    }

    pub(super) fn queries(&self) -> Vec<Query> {
        // What cannot be encoded is refused with the config.
        let data = self.read.call().unwrap_or_default();
        vec![Query { to: self.address, data: data.into() }]
    }

    pub(super) fn read(&self, answers: &[Answered]) -> Result<Held, Unread> {
        let [answer] = answers else { return Err(Unread::Unreadable) };
        let bytes = answer.as_ref().map_err(|_revert| Unread::Reverted)?;
        let word = |place| bytes.chunks_exact(32).nth(place).map(B256::from_slice).ok_or(Unread::Unreadable);
        let units = I256::from_raw(word(self.read.value)?.into());
        let updated = u64::try_from(U256::from_be_bytes(word(self.read.updated)?.0));
        let updated = Timestamp(updated.map_err(|_range| Unread::Unreadable)?);
        let value = Decimal::new(units, self.decimals).ok_or(Unread::Unreadable)?;
        let value = (!value.is_zero() || updated.0 > 0).then_some(value);
        Ok(Held { value, updated, round: None, payment: U256::ZERO, takes: Takes::Any })
    }

    pub(super) fn update(&self, held: &Held, value: &Value, now: Timestamp) -> Option<Update> {
        let units = value.value.to_units(self.decimals)?;
        let word = |(place, argument): (usize, &Argument)| match argument {
            Argument::Value => self.function.number(place, units),
            Argument::Published => self.function.number(place, I256::unchecked_from(value.published.0)),
            Argument::Time => self.function.number(place, I256::unchecked_from(now.0)),
            Argument::Literal(text) => self.function.literal(place, text).ok(),
        };
        let words = self.arguments.iter().enumerate().map(word).collect::<Option<Vec<_>>>()?;
        let call = Call { target: self.address, spend: None, data: self.function.call(&words).into() };
        // Another value on the target, or the same at another time, makes it another update.
        let held_units = held.value.unwrap_or_default().to_units(self.decimals)?;
        let occasion = [held_units.to_be_bytes::<32>().as_slice(), &held.updated.0.to_be_bytes()].concat();
        Some(Update { calls: vec![call], floors: Vec::new(), gross: UsdE8::ZERO, occasion })
    }
}

impl Lookup {
    fn call(&self) -> Result<Vec<u8>, FunctionError> {
        let literal = |(place, text): (usize, &String)| self.function.literal(place, text);
        let words = self.arguments.iter().enumerate().map(literal).collect::<Result<Vec<_>, _>>()?;
        Ok(self.function.call(&words))
    }
}

impl From<String> for Argument {
    fn from(text: String) -> Self {
        match text.as_str() {
            "{value}" => Self::Value,
            "{published}" => Self::Published,
            "{time}" => Self::Time,
            _ => Self::Literal(text),
        }
    }
}

impl From<Argument> for String {
    fn from(argument: Argument) -> Self {
        match argument {
            Argument::Value => "{value}".to_owned(),
            Argument::Published => "{published}".to_owned(),
            Argument::Time => "{time}".to_owned(),
            Argument::Literal(text) => text,
        }
    }
}
