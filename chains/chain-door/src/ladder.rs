//! The rungs: `Draft → Simulated → Approved → Recorded`.
//!
//! Each is made from the one below by the one function that may do so, and by nothing else: no public constructor, no
//! `Clone`, no `Default`, no `Deserialize`. Whoever holds a [`Recorded`] knows that its exact transaction was simulated,
//! allowed by the policy, and written down durably.
//!
//! ```
//! # fn signs(recorded: chain_door::Recorded) {
//! let transaction: &chain_door::Transaction = recorded.transaction();
//! # }
//! ```
//!
//! No other crate makes one from parts:
//!
//! ```compile_fail
//! # fn forge(transaction: chain_door::Transaction) -> chain_door::Recorded {
//! chain_door::Recorded { transaction }
//! # }
//! ```
//!
//! copies one to send it twice:
//!
//! ```compile_fail,E0277
//! # fn copy(recorded: &chain_door::Recorded) -> chain_door::Recorded {
//! <chain_door::Recorded as Clone>::clone(recorded)
//! # }
//! ```
//!
//! or reads one from bytes that somebody wrote:
//!
//! ```compile_fail,E0277
//! # fn read(bytes: &[u8]) -> Option<chain_door::Recorded> {
//! serde_json::from_slice(bytes).ok()
//! # }
//! ```
//!
//! or finds one where there is none:
//!
//! ```compile_fail,E0277
//! # fn find() -> chain_door::Recorded {
//! Default::default()
//! # }
//! ```
//!
//! or puts another transaction into one:
//!
//! ```compile_fail,E0616
//! # fn swap(recorded: &mut chain_door::Recorded, other: chain_door::Transaction) {
//! recorded.transaction = other;
//! # }
//! ```
//!
//! or makes one of a transaction that it likes:
//!
//! ```compile_fail,E0277
//! # fn promote(transaction: chain_door::Transaction) -> chain_door::Recorded {
//! transaction.into()
//! # }
//! ```
//!
//! or starts from a lower rung, which has no name outside:
//!
//! ```compile_fail,E0603
//! # fn approve(approved: chain_door::ladder::Approved) {}
//! ```
//!
//! ```compile_fail,E0603
//! # fn simulate(simulated: chain_door::ladder::Simulated) {}
//! ```
//!
//! or brings a policy that nobody parsed and hashed:
//!
//! ```compile_fail,E0277
//! # fn policy(text: &str) -> Option<chain_door::Policy> {
//! serde_json::from_str(text).ok()
//! # }
//! ```

use agent_core::{
    Action, Draft, OpportunityId, Origin,
    ports::{DoorError, Frame, Quote, Reservation, Simulation},
    units::{Asset, ChainId, Timestamp},
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::SolValue;
use serde::{Deserialize, Serialize};

use crate::{door::Signatures, payload::KeptSignature, policy::OrderFlow};

/// The exact transaction that may be signed. It carries no native coin, and no room for any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// The chain.
    pub chain: ChainId,
    /// The signer and its nonce.
    pub from: Address,
    /// The nonce.
    pub nonce: u64,
    /// The contract called, or `None` to create one.
    pub to: Option<Address>,
    /// Input data, or creation code.
    pub data: Bytes,
    /// Gas it may use, and what it may pay for it.
    pub gas: Gas,
}

/// EIP-1559 gas terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gas {
    /// Gas units at most.
    pub limit: u64,
    /// Wei per gas at most.
    pub max_fee: u128,
    /// Wei per gas for whoever includes it.
    pub tip: u128,
}

impl Transaction {
    pub(crate) fn new(frame: Frame, quote: &Quote, gas: Gas) -> Self {
        Self { chain: quote.chain, from: frame.from, nonce: quote.nonce, to: frame.to, data: frame.data, gas }
    }

    pub(crate) fn frame(&self) -> Frame {
        Frame { from: self.from, to: self.to, data: self.data.clone() }
    }

    /// What tells it from every other transaction, before there is a signature: every field.
    pub(crate) fn digest(&self) -> B256 {
        let Self { chain, from, nonce, to, data, gas } = self;
        let whole = (
            "keepwright transaction 1",
            U256::from(chain.0),
            *from,
            U256::from(*nonce),
            to.is_some(),
            to.unwrap_or_default(),
            data.clone(),
            (U256::from(gas.limit), U256::from(gas.max_fee), U256::from(gas.tip)),
        );
        keccak256(whole.abi_encode())
    }
}

/// A draft, encoded, and what it would do now.
#[derive(Debug)]
pub(crate) struct Simulated {
    pub(crate) draft: Draft,
    pub(crate) origin: Origin,
    pub(crate) frame: Frame,
    pub(crate) simulation: Simulation,
}

/// A simulated draft that the policy allows, as the exact transaction, with what it needs of the budgets.
#[derive(Debug)]
pub(crate) struct Approved {
    pub(crate) simulated: Simulated,
    pub(crate) transaction: Transaction,
    pub(crate) reservations: Vec<Reservation>,
}

/// A transaction that is durably recorded with its budgets reserved: the only thing that can be signed.
#[derive(Debug)]
pub struct Recorded {
    pub(crate) draft: Draft,
    pub(crate) origin: Origin,
    pub(crate) transaction: Transaction,
    pub(crate) watch: Vec<(Address, Asset)>,
    pub(crate) order_flow: OrderFlow,
    pub(crate) entry: RecordedEntry,
    pub(crate) signatures: Signatures,
}

/// Where the journal keeps it, and what was reserved.
#[derive(Debug, Clone)]
pub(crate) struct RecordedEntry {
    pub(crate) subject: B256,
    pub(crate) at: Timestamp,
    pub(crate) reservations: Vec<Reservation>,
}

impl Recorded {
    /// What may be signed, to the byte.
    #[must_use]
    pub const fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// Who may see it before it is mined.
    #[must_use]
    pub const fn order_flow(&self) -> OrderFlow {
        self.order_flow
    }

    /// The chain time after which the executor refuses it. What the executor does not see, such as a cancellation, has none.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        match &self.draft.action {
            Action::Execute(intent) if self.transaction.to != Some(self.transaction.from) => {
                Some(intent.deadline)
            }
            Action::Execute(_) | Action::Maintain(_) => None,
        }
    }

    /// The opportunity that it takes.
    #[must_use]
    pub const fn id(&self) -> OpportunityId {
        self.draft.id
    }

    /// Whether each of its signatures is in the journal before it leaves: it was recorded for a sender whose signatures cannot
    /// be made a second time. Then what is not among [`kept`](Self::kept) never left.
    #[must_use]
    pub const fn keeps(&self) -> bool {
        self.signatures.keeps()
    }

    /// Its signatures that the journal has, the latest last. Any of them may have left.
    #[must_use]
    pub fn kept(&self) -> &[KeptSignature] {
        self.signatures.kept()
    }

    /// Writes a signature down. Once this resolves, it survives a crash and a loss of power, and may leave.
    ///
    /// # Errors
    /// When the journal fails. The signature must not leave then. When the future is dropped, it may or may not be written,
    /// and must not leave either.
    pub async fn keep(&self, signature: KeptSignature) -> Result<(), DoorError> {
        self.signatures.keep(signature).await
    }

    /// The balances whose real change the outcome reports.
    #[must_use]
    pub fn watch(&self) -> &[(Address, Asset)] {
        &self.watch
    }
}
