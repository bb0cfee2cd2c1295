//! What the operator allows. Default-deny: whatever is not named here is refused.

mod file;
mod signature;

use std::collections::{BTreeMap, BTreeSet};

use agent_core::units::{ChainId, Token};
use alloy_primitives::{Address, B256, U256};

pub use file::PolicyError;

/// A valid policy. Made by [`Policy::parse`] only; immutable; its hash is in every record made under it.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(crate) hash: B256,
    pub(crate) chain: ChainId,
    pub(crate) executor: Option<Address>,
    pub(crate) limits: Limits,
    pub(crate) tokens: BTreeMap<Address, TokenRule>,
    pub(crate) contracts: BTreeMap<Address, ContractRule>,
    pub(crate) parties: Parties,
}

/// Bounds of every transaction.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) gas_per_transaction: u64,
    pub(crate) max_fee: u128,
    pub(crate) gas_per_window: U256,
    pub(crate) window_seconds: u64,
    pub(crate) deadline_seconds: u64,
    pub(crate) in_flight: usize,
}

/// A token, and how much of it may be put to work. "Put to work" is the larger of what is borrowed and what calls may spend.
#[derive(Debug, Clone)]
pub(crate) struct TokenRule {
    pub(crate) token: Token,
    pub(crate) per_transaction: U256,
    pub(crate) per_window: U256,
}

/// A contract that calls may name.
#[derive(Debug, Clone)]
pub(crate) struct ContractRule {
    pub(crate) selectors: BTreeSet<[u8; 4]>,
    pub(crate) spender: bool,
    pub(crate) lender: bool,
}

/// Who may ask, and who may receive.
#[derive(Debug, Clone)]
pub(crate) struct Parties {
    pub(crate) recipients: BTreeSet<Address>,
    /// Wei of gas per window and strategy.
    pub(crate) strategies: BTreeMap<String, U256>,
    pub(crate) planner: PlannerRule,
}

/// What a planner may do beyond proposing.
#[derive(Debug, Clone, Default)]
pub(crate) struct PlannerRule {
    pub(crate) may_arm: Vec<String>,
    pub(crate) max_uses: u32,
    pub(crate) max_seconds: u64,
}

impl Policy {
    /// Reads a policy from its TOML text. The policy's hash is the Keccak-256 of exactly this text.
    ///
    /// # Errors
    /// One sentence that names the key and says what to write instead.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        file::parse(text)
    }

    /// The hash of the text that it was read from.
    #[must_use]
    pub const fn hash(&self) -> B256 {
        self.hash
    }

    /// The one chain that it is for.
    #[must_use]
    pub const fn chain(&self) -> ChainId {
        self.chain
    }

    /// The executor contract, if it was deployed yet.
    #[must_use]
    pub const fn executor(&self) -> Option<Address> {
        self.executor
    }

    /// The operator's token registry: the only names that tokens have.
    pub fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.values().map(|rule| &rule.token)
    }
}
