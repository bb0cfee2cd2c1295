//! The policy file's keys and their types. What their values must be beyond that is checked in [`file`](super::file).

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{DEFAULT_LANE, OrderFlow};

/// What an agent may do with money. Whatever is not named here is refused.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Keepwright policy")]
pub(super) struct PolicyFile {
    /// Always 1.
    pub(super) version: u32,
    /// The one chain that it is for, by its EIP-155 id.
    pub(super) chain: u64,
    /// The executor contract. Without it, nothing but deploying one is allowed.
    #[schemars(with = "Option<String>", regex(pattern = "^0x[0-9a-fA-F]{40}$"))]
    pub(super) executor: Option<Address>,
    /// Further keys at work, by name: each owns an executor of its own, and nothing that it sends waits for another's.
    #[serde(default)]
    pub(super) lanes: BTreeMap<String, LaneTable>,
    /// Bounds of every transaction.
    pub(super) limits: LimitsTable,
    /// The tokens that it knows.
    #[serde(default)]
    pub(super) tokens: Vec<TokenTable>,
    /// The contracts that calls may name.
    #[serde(default)]
    pub(super) contracts: Vec<ContractTable>,
    /// Whose pairs and pools may lend what they sell until the calls are made.
    #[serde(default)]
    pub(super) flash_swaps: Vec<FlashSwapTable>,
    /// Who may receive withdrawals and the executor's ownership.
    #[serde(default)]
    #[schemars(with = "Vec<String>", inner(regex(pattern = "^0x[0-9a-fA-F]{40}$")))]
    pub(super) recipients: Vec<Address>,
    /// Who may ask, by name.
    #[serde(default)]
    pub(super) strategies: BTreeMap<String, StrategyTable>,
    /// What a planner may do beyond proposing.
    pub(super) planner: Option<PlannerTable>,
    /// How a person is asked.
    pub(super) approval: Option<ApprovalTable>,
    /// When a strategy is stood down without anybody asking.
    pub(super) breakers: Option<BreakersTable>,
}

/// A key at work beside the one that owns the top-level executor. Limits and budgets are for all lanes together.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LaneTable {
    /// The executor contract that its key owns. Without it, nothing but deploying one is allowed.
    #[schemars(with = "Option<String>", regex(pattern = "^0x[0-9a-fA-F]{40}$"))]
    pub(super) executor: Option<Address>,
}

/// Bounds of every transaction.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsTable {
    /// Gas units that one transaction may use.
    pub(super) gas_per_transaction: u64,
    /// The highest fee per gas, in gwei.
    pub(super) max_fee_gwei: String,
    /// What all gas together may cost in a window, in whole coins.
    pub(super) gas_per_window_eth: String,
    /// Seconds of chain time that every budget's window has.
    pub(super) window_seconds: u64,
    /// How many seconds ahead an intent's deadline may lie.
    pub(super) deadline_seconds: u64,
    /// Transactions that may be recorded and not yet final.
    pub(super) in_flight: usize,
}

/// A token, and how much of it may be put to work. Amounts are in whole tokens, exactly.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenTable {
    /// The operator's name for it: letters, digits, dot, dash, underscore.
    pub(super) symbol: String,
    /// The token's contract.
    #[schemars(with = "String", regex(pattern = "^0x[0-9a-fA-F]{40}$"))]
    pub(super) address: Address,
    /// How many decimals one whole token has.
    pub(super) decimals: u8,
    /// What one transaction may put to work.
    pub(super) per_transaction: String,
    /// What all transactions of a window may.
    pub(super) per_window: String,
    /// Above this in one transaction, a person is asked. Needs `[approval]`.
    pub(super) ask_above: Option<String>,
}

/// A contract that calls may name.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ContractTable {
    /// The operator's name for it.
    pub(super) name: String,
    /// Where it is.
    #[schemars(with = "String", regex(pattern = "^0x[0-9a-fA-F]{40}$"))]
    pub(super) address: Address,
    /// Canonical signatures of functions that are judged by their arguments.
    #[serde(default)]
    pub(super) functions: Vec<String>,
    /// Canonical signatures of functions that are allowed whatever their arguments.
    #[serde(default)]
    pub(super) opaque: Vec<String>,
    /// Whether it may take what a call declares to spend.
    #[serde(default)]
    pub(super) spender: bool,
    /// Whether it may be asked for flash loans.
    #[serde(default)]
    pub(super) lender: bool,
    /// Whether its calls may pay one of `recipients` instead of the executor.
    #[serde(default)]
    pub(super) pays_recipients: bool,
}

/// A factory whose pairs or pools may be asked for flash swaps between the policy's tokens. An address is one of them if the
/// factory makes it by CREATE2.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FlashSwapTable {
    /// The operator's name for it.
    pub(super) name: String,
    /// Which callback it gives, and how addresses come about.
    pub(super) kind: FlashSwapKind,
    /// Who makes the addresses: the factory, or its deployer where that is another contract.
    #[schemars(with = "String", regex(pattern = "^0x[0-9a-fA-F]{40}$"))]
    pub(super) factory: Address,
    /// The hash of a pair's or pool's creation code.
    #[schemars(with = "String", regex(pattern = "^0x[0-9a-fA-F]{64}$"))]
    pub(super) init_code_hash: B256,
    /// The fees that v3 pools may have, in pips; without it, Uniswap's own four. Pairs have none.
    pub(super) fees: Option<Vec<u32>>,
}

/// Uniswap's, or a fork's with the same callback.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum FlashSwapKind {
    /// `uniswapV2Call`.
    V2,
    /// `uniswapV3SwapCallback`.
    V3,
}

/// How a strategy may act.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StrategyTable {
    /// What its gas may cost in a window, in whole coins.
    pub(super) gas_per_window_eth: String,
    /// Who gets to see its transactions before they are mined.
    #[serde(default)]
    pub(super) order_flow: OrderFlow,
    /// The lane in which it acts, one of `lanes`. Without it, the one of the top-level executor.
    #[serde(default = "default_lane")]
    pub(super) lane: String,
    /// Makes it a strategy that does nothing but move proceeds from its lane's executor to a recipient.
    pub(super) sweep: Option<SweepTable>,
}

/// Proceeds that go to a recipient by themselves.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SweepTable {
    /// Who receives them: one of `recipients`.
    #[schemars(with = "String", regex(pattern = "^0x[0-9a-fA-F]{40}$"))]
    pub(super) to: Address,
    /// Seconds of chain time between two sweeps of one token, at least.
    pub(super) every_seconds: u64,
    /// What is swept.
    pub(super) tokens: Vec<SweptTable>,
}

/// A token that is swept. Amounts are in whole tokens, exactly.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SweptTable {
    /// One of `tokens`.
    pub(super) symbol: String,
    /// How much of it stays in the executor.
    pub(super) keep: String,
    /// How much more than that there must be.
    pub(super) least: String,
}

fn default_lane() -> String {
    DEFAULT_LANE.to_owned()
}

/// How a person is asked. No reply means no.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApprovalTable {
    /// Seconds of chain time to reply in.
    pub(super) seconds: u64,
    /// A person is also asked when gas may cost more than this, in whole coins.
    pub(super) gas_above_eth: Option<String>,
}

/// When a strategy is stood down without anybody asking.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BreakersTable {
    /// Seconds of chain time within which lost gas is summed.
    pub(super) window_seconds: u64,
    /// Gas that may be paid for nothing in that time, in whole coins.
    pub(super) gas_lost_eth: Option<String>,
    /// Reverts in a row.
    pub(super) reverts: Option<u32>,
    /// For how many seconds of chain time it is stood down.
    pub(super) rest_seconds: u64,
}

/// Standing orders that a planner may arm.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PlannerTable {
    /// Classes, or everything below one, as in `liquidation/*`.
    pub(super) may_arm: Vec<String>,
    /// Transactions that one order may make.
    pub(super) max_uses: u32,
    /// How many seconds it may live.
    pub(super) max_seconds: u64,
}
