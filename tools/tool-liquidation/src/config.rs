//! What the operator says.

use agent_core::units::{BlockNumber, Bps, Token, UsdE8};
use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

/// How one pool is hunted. In TOML, an operator writes this as the example in the crate's documentation shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiquidationConfig {
    /// Where.
    pub market: MarketConfig,
    /// The operator's executor contract: it pays the debt and receives the collateral.
    pub executor: Address,
    /// The tokens that may be touched, with the operator's names for them. Others are left alone.
    pub tokens: Vec<Token>,
    /// Where collateral is sold for debt. A pair without a venue is left alone.
    pub venues: Vec<Venue>,
    /// What is worth doing.
    #[serde(default)]
    pub terms: TermsConfig,
}

/// The pool and its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketConfig {
    /// The pool, by its proxy. Everything around it is read from it.
    pub pool: Address,
    /// The chain's wrapped native coin. It has to be one of the pool's reserves: its price there is what gas is
    /// valued at.
    pub wrapped_native: Address,
    /// A block before the pool's first log. Later than that, positions are wrong; they are found out and left alone.
    pub start_block: BlockNumber,
    /// How long a block takes, in seconds: interest is projected to the next one.
    pub block_time: u64,
    /// The `GasPriceOracle` of an OP-stack chain: what a transaction pays there for its data is asked of it with every quote.
    /// None where gas is all there is to pay.
    #[serde(default)]
    pub data_fee_oracle: Option<Address>,
}

/// A Uniswap v3 pool that sells one collateral for one debt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Venue {
    /// What is sold.
    pub collateral: Address,
    /// What is bought.
    pub debt: Address,
    /// Uniswap's `SwapRouter02`.
    pub router: Address,
    /// Uniswap's `QuoterV2`.
    pub quoter: Address,
    /// The pool's fee, in millionths.
    pub fee: u32,
}

/// What makes a liquidation worth proposing, and how it is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TermsConfig {
    /// How much more than gas a liquidation has to bring.
    pub min_margin: UsdE8,
    /// What a liquidation costs in gas.
    pub gas: u64,
    /// How long a liquidation's transaction is, in bytes, where its data is paid for.
    pub data_bytes: u64,
    /// How much worse than quoted the sale may turn out.
    pub slippage: Bps,
    /// Whether the pool lends the debt for the length of the transaction; otherwise the executor has to hold it.
    pub flash_loan: bool,
    /// How many blocks after the one it was computed from a liquidation may still be mined.
    pub deadline_blocks: u64,
    /// How many pairs of collateral and debt are quoted per block, over all users.
    pub quotes: usize,
    /// After how many blocks the pool's configuration is read again, in case that a change left no log.
    pub survey_blocks: u64,
}

impl Default for TermsConfig {
    fn default() -> Self {
        Self {
            min_margin: UsdE8::ZERO,
            gas: 600_000,
            // A flash loan, a liquidation and a sale through the executor are 36 words, a selector and what is around them.
            data_bytes: 1_300,
            slippage: Bps(50),
            flash_loan: true,
            deadline_blocks: 5,
            quotes: 24,
            survey_blocks: 300,
        }
    }
}

impl LiquidationConfig {
    /// The operator's entry for a token.
    pub(crate) fn token(&self, address: &Address) -> Option<&Token> {
        self.tokens.iter().find(|token| token.address == *address)
    }

    /// How `collateral` becomes `debt`. `None` where the operator names no way.
    pub(crate) fn exit(&self, collateral: Address, debt: Address) -> Option<Exit> {
        if collateral == debt {
            return Some(Exit::Same);
        }
        let venue = self.venues.iter().find(|venue| venue.collateral == collateral && venue.debt == debt);
        venue.copied().map(Exit::Sell)
    }
}

/// How seized collateral becomes the debt's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It is that token.
    Same,
    /// It is sold.
    Sell(Venue),
}
