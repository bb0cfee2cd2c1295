//! What the operator allows. Default-deny: whatever is not named here is refused.

mod file;
mod flash_swaps;
mod report;
mod signature;
mod sweep;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use agent_core::{
    Borrow,
    units::{ChainId, Token, Wei},
};
use alloy_primitives::{Address, B256, U256};

pub use file::PolicyError;
pub(crate) use flash_swaps::FlashSwapRule;
pub use report::PolicyReport;
pub use sweep::Sweep;
pub(crate) use sweep::SweepRule;

/// The lane of the top-level `executor`, and of every strategy that names none.
pub const DEFAULT_LANE: &str = "default";

/// A valid policy. Made by [`Policy::parse`] only; immutable; its hash is in every record made under it.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(crate) hash: B256,
    pub(crate) chain: ChainId,
    /// The lane that acts through `executor`.
    pub(crate) lane: String,
    pub(crate) executor: Option<Address>,
    /// The executors of further lanes, by name.
    pub(crate) others: BTreeMap<String, Option<Address>>,
    pub(crate) limits: Limits,
    pub(crate) tokens: BTreeMap<Address, TokenRule>,
    pub(crate) contracts: BTreeMap<Address, ContractRule>,
    pub(crate) flash_swaps: Vec<FlashSwapRule>,
    pub(crate) parties: Parties,
    pub(crate) approval: ApprovalRule,
    pub(crate) breakers: Option<Breakers>,
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
    /// Above this, a person is asked.
    pub(crate) ask_above: Option<U256>,
}

/// How a strategy may act.
#[derive(Debug, Clone)]
pub(crate) struct StrategyRule {
    /// In which lane.
    pub(crate) lane: String,
    /// Wei of gas per window.
    pub(crate) gas_per_window: U256,
    pub(crate) order_flow: OrderFlow,
    /// What it moves out of the executor by itself, if that is what it does.
    pub(crate) sweep: Option<SweepRule>,
}

/// Who gets to see a transaction before it is mined.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum OrderFlow {
    /// Everybody: it goes to the nodes' public pool.
    #[default]
    Public,
    /// The configured relays and builders only.
    Private,
    /// These first; everybody, when none has it mined within some blocks.
    PrivateThenPublic {
        /// How many blocks.
        after_blocks: u64,
    },
}

/// When a person is asked.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ApprovalRule {
    /// Seconds of chain time to reply in.
    pub(crate) seconds: u64,
    /// Wei that gas may cost at most, above which it is asked.
    pub(crate) gas_above: Option<U256>,
}

/// When the door stands a strategy down by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Breakers {
    pub(crate) window_seconds: u64,
    /// Wei of gas paid within the window for transactions that reverted or were cancelled.
    pub(crate) gas_lost: Option<U256>,
    /// Reverts of one strategy in a row.
    pub(crate) reverts: Option<u32>,
    pub(crate) rest_seconds: u64,
}

/// A contract that calls may name.
#[derive(Debug, Clone)]
pub(crate) struct ContractRule {
    /// The operator's name for it.
    pub(crate) name: String,
    pub(crate) functions: BTreeMap<[u8; 4], Function>,
    pub(crate) spender: bool,
    pub(crate) lender: bool,
    /// Whether calls of it may name a recipient of the policy beside the executor.
    pub(crate) pays_recipients: bool,
}

/// A function that may be called.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) selector: [u8; 4],
    /// Canonical.
    pub(crate) signature: String,
    /// Whether its arguments are not looked at.
    pub(crate) opaque: bool,
}

/// Who may ask, and who may receive.
#[derive(Debug, Clone)]
pub(crate) struct Parties {
    pub(crate) recipients: BTreeSet<Address>,
    pub(crate) strategies: BTreeMap<String, StrategyRule>,
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

    /// What it allows, in plain sentences, and what may not have been meant.
    #[must_use]
    pub fn report(&self) -> PolicyReport {
        report::report(self)
    }

    /// The JSON schema of the policy file. TOML's values are JSON's, so an editor that knows it checks keys and types.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        file::schema()
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

    /// The executor contract of the default lane, if it was deployed yet.
    #[must_use]
    pub const fn executor(&self) -> Option<Address> {
        self.executor
    }

    /// Every lane, with its executor if that was deployed yet; the default one first.
    pub fn lanes(&self) -> impl Iterator<Item = (&str, Option<Address>)> {
        let others = self.others.iter().map(|(lane, executor)| (lane.as_str(), *executor));
        std::iter::once((self.lane.as_str(), self.executor)).chain(others)
    }

    /// The lane in which `strategy` acts; the default one for whatever is no strategy's.
    #[must_use]
    pub fn lane_of(&self, strategy: &str) -> &str {
        self.parties.strategies.get(strategy).map_or(&self.lane, |rule| &rule.lane)
    }

    /// The executor through which `strategy` acts, if it was deployed yet.
    #[must_use]
    pub fn executor_of(&self, strategy: &str) -> Option<Address> {
        let own = self.lane_of(strategy);
        self.lanes().find(|(lane, _)| *lane == own).and_then(|(_, executor)| executor)
    }

    /// The policy as one lane is held to it: through its own executor, for its own strategies, and blind to every other lane.
    /// Its text is the same, and so is its hash. `None` where there is no such lane.
    #[must_use]
    pub fn in_lane(&self, lane: &str) -> Option<Self> {
        let (_, executor) = self.lanes().find(|(name, _)| *name == lane)?;
        Some(self.narrowed(lane, executor))
    }

    pub(crate) fn narrowed(&self, lane: &str, executor: Option<Address>) -> Self {
        let mut own = Self { lane: lane.to_owned(), executor, others: BTreeMap::new(), ..self.clone() };
        own.parties.strategies.retain(|_, rule| rule.lane == lane);
        own
    }

    /// The function with this selector, where the policy lists it for `target`.
    pub(crate) fn function(&self, target: Address, selector: [u8; 4]) -> Option<&Function> {
        self.contracts.get(&target)?.functions.get(&selector)
    }

    /// Whether anybody may be asked for flash swaps.
    #[must_use]
    pub const fn takes_flash_swaps(&self) -> bool {
        !self.flash_swaps.is_empty()
    }

    /// Who made the lender of a flash swap, where the policy lets it lend.
    pub(crate) fn made(&self, borrow: &Borrow) -> Option<&FlashSwapRule> {
        self.flash_swaps.iter().find(|rule| rule.made(borrow))
    }

    /// What so many transactions cost at most, each with as much gas, and as dear, as is allowed.
    #[must_use]
    pub fn dearest(&self, transactions: u64) -> Wei {
        let Limits { gas_per_transaction, max_fee, .. } = self.limits;
        let one = Wei::for_gas(gas_per_transaction, max_fee).unwrap_or(Wei(U256::MAX));
        Wei(one.0.saturating_mul(U256::from(transactions)))
    }

    /// Who may see what `strategy` sends. What is not a strategy's (maintenance) is nobody's secret.
    pub(crate) fn order_flow(&self, strategy: &str) -> OrderFlow {
        self.parties.strategies.get(strategy).map_or(OrderFlow::Public, |rule| rule.order_flow)
    }

    /// The strategies of which not everything goes to the public pool at once.
    pub fn keeps_secret(&self) -> impl Iterator<Item = &str> {
        let secretive =
            self.parties.strategies.iter().filter(|(_, rule)| rule.order_flow != OrderFlow::Public);
        secretive.map(|(name, _)| name.as_str())
    }

    /// The strategies that sweep proceeds, those without an executor left out.
    pub fn sweeps(&self) -> impl Iterator<Item = Sweep> {
        Sweep::all(self)
    }

    /// What `strategy` sweeps, if that is what it does.
    pub(crate) fn sweep(&self, strategy: &str) -> Option<&SweepRule> {
        self.parties.strategies.get(strategy)?.sweep.as_ref()
    }

    /// The operator's token registry: the only names that tokens have.
    pub fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.values().map(|rule| &rule.token)
    }
}
