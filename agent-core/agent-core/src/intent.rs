//! What a draft wants done, in protocol-neutral steps that the door encodes, simulates and checks.

use std::collections::BTreeMap;

use alloy_primitives::{Address, Bytes, U256};
use serde::{Deserialize, Serialize};

use crate::units::{Timestamp, TokenAmount};

/// Steps that happen all together or not at all, and what must be true afterwards.
///
/// The steps run in the operator's executor contract. Proceeds stay there until the operator withdraws them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// What is lent for the length of the calls, and paid for after the last one.
    pub borrow: Option<Borrow>,
    /// The calls, in order.
    pub calls: Vec<Call>,
    /// What the executor must have gained of each token, or everything reverts. Checked on chain.
    pub floors: Vec<TokenAmount>,
    /// Chain time after which the transaction must revert. Checked on chain.
    pub deadline: Timestamp,
}

impl Intent {
    /// What it puts to work of each token: the larger of what it borrows and what its calls may spend together, a flash swap's
    /// price among that. `None` when that does not fit 256 bits.
    #[must_use]
    pub fn at_work(&self) -> Option<BTreeMap<Address, U256>> {
        let mut work: BTreeMap<Address, U256> = BTreeMap::new();
        let price = self.borrow.and_then(|borrow| borrow.lending.price());
        for spend in self.calls.iter().filter_map(|call| call.spend).chain(price) {
            let sum = work.entry(spend.token).or_default();
            *sum = sum.checked_add(spend.raw)?;
        }
        if let Some(borrow) = self.borrow {
            let sum = work.entry(borrow.amount.token).or_default();
            *sum = (*sum).max(borrow.amount.raw);
        }
        Some(work)
    }
}

/// A flash loan or a flash swap: both are paid within the transaction, or nothing happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Borrow {
    /// The pool.
    pub lender: Address,
    /// What is lent, without a premium.
    pub amount: TokenAmount,
    /// How it is lent, and what it costs.
    #[serde(default, skip_serializing_if = "Lending::is_loan")]
    pub lending: Lending,
}

impl Borrow {
    /// A flash loan of `amount`.
    #[must_use]
    pub const fn loan(lender: Address, amount: TokenAmount) -> Self {
        Self { lender, amount, lending: Lending::FlashLoan }
    }
}

/// How a [`Borrow`] is lent and paid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lending {
    /// By a pool in Aave v3's manner (`flashLoanSimple`): paid back with its premium.
    #[default]
    FlashLoan,
    /// By a pair in Uniswap v2's manner: a swap of which the output comes first, and the price, exactly this, after the calls.
    PairV2 {
        /// Of the pair's other token.
        price: TokenAmount,
    },
    /// By a pool in Uniswap v3's manner: likewise, but at most the price is paid, and at least the amount is given.
    PoolV3 {
        /// Of the pool's other token, at most.
        price: TokenAmount,
    },
}

impl Lending {
    /// What a flash swap's output is paid with.
    #[must_use]
    pub const fn price(self) -> Option<TokenAmount> {
        match self {
            Self::FlashLoan => None,
            Self::PairV2 { price } | Self::PoolV3 { price } => Some(price),
        }
    }

    fn is_loan(&self) -> bool {
        *self == Self::FlashLoan
    }
}

/// One call of the executor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The contract called; no native coin is sent along.
    pub target: Address,
    /// What `target` may take, exactly: approved before the call, and back to zero after it.
    pub spend: Option<TokenAmount>,
    /// Selector and arguments.
    pub data: Bytes,
}

/// An operator's own business with the executor contract. Only [`Origin::Operator`](crate::Origin) may ask for it, but for filling a nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Maintenance {
    /// Create the executor contract, owned by the agent's key.
    DeployExecutor,
    /// Offer the executor to a new owner, who has to accept it.
    TransferOwnership {
        /// The new owner.
        to: Address,
    },
    /// Take the ownership that another executor's owner has offered.
    AcceptOwnership,
    /// Move tokens out of the executor.
    Withdraw {
        /// The token; the zero address stands for the native coin.
        token: Address,
        /// Base units.
        raw: U256,
        /// Who receives them.
        to: Address,
    },
    /// Use up the key's next nonce for nothing, where later ones wait for it. Only the door itself asks for it.
    FillNonce,
}

/// What a draft asks the door for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Run an intent through the executor.
    Execute(Intent),
    /// Look after the executor itself.
    Maintain(Maintenance),
}
