//! What the operator says.

use agent_core::units::{BlockNumber, Bps, Token, UsdE8};
use alloy_primitives::{Address, U256};
use serde::{Deserialize, Serialize};

use crate::math::v2::V2Fee;

/// Where is traded, and what is worth it. In TOML, an operator writes this as the example in the crate's documentation shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArbitrageConfig {
    /// The operator's executor contract: it swaps, and keeps what is gained.
    pub executor: Address,
    /// The tokens that may be touched, with the operator's names for them. A pool of any other is left alone, whatever it pays.
    pub tokens: Vec<Token>,
    /// The chain's wrapped native coin: gas is valued at the price of its feed.
    pub wrapped_native: Address,
    /// Where cycles begin and end, the preferred ones first.
    pub bases: Vec<BaseConfig>,
    /// Who makes pools.
    pub exchanges: Vec<Exchange>,
    /// Pools to leave alone.
    #[serde(default)]
    pub denied: Vec<Address>,
    /// How long a block takes, in seconds.
    pub block_time: u64,
    /// The `GasPriceOracle` of an OP-stack chain: what a transaction pays there for its data is asked of it.
    /// None where gas is all there is to pay.
    #[serde(default)]
    pub data_fee_oracle: Option<Address>,
    /// What is worth doing.
    #[serde(default)]
    pub terms: TermsConfig,
}

/// A token that cycles begin and end with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseConfig {
    /// Which.
    pub token: Address,
    /// A Chainlink feed of its price in US dollars, with eight decimals.
    pub feed: Address,
    /// The most that is put into one cycle, in base units.
    pub most: U256,
    /// A v2 pair that holds less of it, in base units, is not traded into it: it could not pay for its gas.
    #[serde(default)]
    pub dust: U256,
}

/// A factory of pools, and the router that trades with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Its pools.
    pub kind: Kind,
    /// The factory: its logs name the pools.
    pub factory: Address,
    /// Of Uniswap v2's `Router02` or v3's `SwapRouter02`, or of a fork that has the same functions.
    pub router: Address,
    /// A block before the factory's first pool.
    #[serde(default)]
    pub start_block: BlockNumber,
    /// The pools were compared with the bytecode that is deployed, by this crate's tests or by the operator: an exchange that
    /// was not is left alone, and a warning says so. Only Uniswap's own v2 and v3 are by this crate's tests.
    #[serde(default)]
    pub verified: bool,
    /// Its pools give out what they sell before they are paid, with Uniswap's own callbacks, and the door's policy knows the
    /// factory: a cycle that begins with one of them needs neither a lender nor own funds, and saves the premium. Output and
    /// price are both fixed: what a pair's reserves improve until the transaction is mined is left to the pair.
    #[serde(default)]
    pub flash_swaps: bool,
}

/// How an exchange's pools compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    /// Uniswap v2's pairs, and forks with the same events.
    V2 {
        /// Of what goes in, so many parts of `whole` are swapped: 997 of 1,000 with Uniswap.
        kept: u32,
        /// See `kept`.
        whole: u32,
    },
    /// Uniswap v3's pools, and forks with the same events, or with Pancake's `Swap`.
    V3,
}

impl Kind {
    /// The fee of a pair; `None` of a v3 pool, and where the two numbers are no fee.
    pub(crate) fn fee(self) -> Option<V2Fee> {
        match self {
            Self::V2 { kept, whole } => V2Fee::new(kept, whole),
            Self::V3 => None,
        }
    }
}

/// The tip's share of one part of a gain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TipConfig {
    /// Where the part begins; it ends where the next one begins.
    #[serde(default)]
    pub above: UsdE8,
    /// The share. More than all counts as all.
    pub share: Bps,
}

/// What makes a cycle worth proposing, and how it is proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TermsConfig {
    /// How much more a cycle has to bring than its gas at the most that the next block's base fee can be and its `tips`. Base fees
    /// that go on rising until the deadline, and a tip beyond those, are to be covered by this.
    pub min_margin: UsdE8,
    /// What of a gain after gas is counted as spent on the tip, part by part, in rising order; nothing without any. It is a
    /// reserve: what is published is net of it, and less than gas, tip and margin is never gained. What is tipped in fact is the
    /// sender's, by its own bounds: an intent does not carry a tip.
    pub tips: Vec<TipConfig>,
    /// Whether an amount may be split between several pools of a pair, where that gains more than the further swaps cost in gas.
    /// Looking for it takes some ten milliseconds a cycle, of which a block has up to `cycles`.
    pub split: bool,
    /// What a cycle costs in gas, beside its swaps.
    pub gas: u64,
    /// What each swap adds to that.
    pub gas_per_hop: u64,
    /// How long a transaction is in bytes, where its data is paid for. For each four swaps once more, where an amount is split.
    pub data_bytes: u64,
    /// How much less than computed the last swap may bring of the profit. Zero means exactly what was computed, or nothing happens;
    /// the swaps before it have to bring what the next one spends in any case.
    pub slippage: Bps,
    /// An Aave v3 pool that lends what is put in, for the length of the transaction. Without one the executor has to hold it; or,
    /// where an exchange has `flash_swaps`, only cycles that begin with one of those are proposed.
    pub lender: Option<Address>,
    /// How many swaps a cycle has at most: from two to four.
    pub hops: u8,
    /// How many blocks after the one it was computed from a cycle may still be mined. The door looks three blocks ahead.
    pub deadline_blocks: u64,
    /// How many cycles are sized per block at most, those with the best rates first. What was sized is not again before one of
    /// its pools changes, so that cycles which gain on paper only do not keep the others from their turn.
    pub cycles: usize,
    /// After how many blocks prices, the premium and some pools are read from the chain.
    pub check_blocks: u64,
    /// How many pools are compared with the chain then, each in its turn.
    pub check_pools: usize,
}

impl Default for TermsConfig {
    fn default() -> Self {
        Self {
            min_margin: UsdE8::ZERO,
            tips: Vec::new(),
            split: false,
            gas: 200_000,
            gas_per_hop: 125_000,
            // A flash loan and four swaps through the executor are at most 70 words, a selector and what is around them.
            data_bytes: 2_400,
            slippage: Bps(0),
            lender: None,
            hops: 3,
            deadline_blocks: 5,
            cycles: 64,
            check_blocks: 10,
            check_pools: 16,
        }
    }
}

impl ArbitrageConfig {
    /// The operator's entry for a token.
    pub(crate) fn token(&self, address: &Address) -> Option<&Token> {
        self.tokens.iter().find(|token| token.address == *address)
    }

    /// What the operator said about where a cycle begins.
    pub(crate) fn base(&self, token: &Address) -> Option<&BaseConfig> {
        self.bases.iter().find(|base| base.token == *token)
    }

    /// Whether there is anything to put in but what pools lend.
    pub(crate) fn lends(&self) -> bool {
        self.terms.lender.is_some() || !self.exchanges.iter().any(|exchange| exchange.flash_swaps)
    }

    /// Whether a pool of these tokens may be traded with.
    pub(crate) fn admits(&self, pool: Address, tokens: [Address; 2]) -> bool {
        !self.denied.contains(&pool) && tokens.iter().all(|token| self.token(token).is_some())
    }
}
