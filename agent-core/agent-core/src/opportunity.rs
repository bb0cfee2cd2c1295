//! Something worth doing, found by a strategy: priced, sized and ready to simulate.

use std::{collections::BTreeMap, fmt};

use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

use crate::{
    draft::Draft,
    intent::{Action, Intent},
    units::{BlockRef, TokenAmount, UsdE8},
};

/// Names one opportunity for ever. The same chance seen twice has the same id, so that it cannot be taken twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpportunityId(pub B256);

impl OpportunityId {
    /// The id of the chance that `strategy` sees in `subject` at the `occasion`: any bytes that change when, and
    /// only when, taking it again would be a new decision (a new oracle round, say).
    #[must_use]
    pub fn derive(strategy: &str, subject: &[u8], occasion: &[u8]) -> Self {
        let parts = [strategy.as_bytes(), subject, occasion];
        let mut bytes = Vec::new();
        for part in parts {
            // Lengths keep ("ab", "c") and ("a", "bc") apart.
            bytes.extend_from_slice(&part.len().to_string().into_bytes());
            bytes.push(b':');
            bytes.extend_from_slice(part);
        }
        Self(keccak256(bytes))
    }
}

impl fmt::Display for OpportunityId {
    /// The first four bytes: enough for a person's eye, never used to look one up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head: String = self.0.to_string().chars().skip(2).take(8).collect();
        f.write_str(&head)
    }
}

/// What an opportunity is expected to bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appraisal {
    /// Proceeds at the strategy's prices, before gas.
    pub gross: UsdE8,
    /// Gas at the strategy's estimate and the block's base fee.
    pub gas: UsdE8,
    /// What is put to work for the length of the transaction; limits of mandates and policy are in this unit.
    pub notional: TokenAmount,
}

impl Appraisal {
    /// Proceeds less gas. `None` on overflow.
    #[must_use]
    pub fn net(&self) -> Option<UsdE8> {
        self.gross.checked_sub(self.gas)
    }
}

/// A chance that a strategy publishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opportunity {
    /// Its unique id.
    pub id: OpportunityId,
    /// The strategy's name: `aave-liquidation`.
    pub strategy: String,
    /// The class a standing order names: `aave-liquidation/WETH/USDC`.
    pub class: String,
    /// The block whose state it was computed from.
    pub seen_at: BlockRef,
    /// What it should bring.
    pub appraisal: Appraisal,
    /// What would be done.
    pub intent: Intent,
    /// Why, for people and planners: short keys and values. Nothing here is read back by code.
    pub facts: BTreeMap<String, String>,
}

impl Opportunity {
    /// The draft that takes this opportunity.
    #[must_use]
    pub fn draft(&self) -> Draft {
        Draft {
            id: self.id,
            strategy: self.strategy.clone(),
            class: self.class.clone(),
            appraisal: Some(self.appraisal),
            action: Action::Execute(self.intent.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_their_parts_apart() {
        assert_ne!(OpportunityId::derive("ab", b"c", b""), OpportunityId::derive("a", b"bc", b""));
        assert_eq!(OpportunityId::derive("a", b"b", b"c"), OpportunityId::derive("a", b"b", b"c"));
    }
}
