//! Why an execution reverted, as a value with a clear sentence.

use std::fmt;

use alloy_primitives::{Address, Bytes, I256, U256};
use alloy_sol_types::{GenericContractError, SolInterface};
use thiserror::Error;

use super::abi::KeepwrightExecutor::KeepwrightExecutorErrors as Raw;

/// How many characters of a foreign contract's words are shown.
const SHOWN_CHARACTERS: usize = 160;

/// A revert of the executor contract. Whatever reverts, nothing but gas is spent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExecutorRevert {
    /// Somebody else than the owner (or the offered owner) called.
    #[error("executor refused the caller ({caller}): it is not the owner")]
    NotOwner {
        /// Who called.
        caller: Address,
    },
    /// The zero address was named as owner or receiver.
    #[error("executor refused the zero address as owner or receiver")]
    ZeroAddress,
    /// The executor was entered while it ran.
    #[error("executor was entered a second time while it was running")]
    Reentered,
    /// The transaction came into a block after its deadline.
    #[error("execution came too late: block time {block_time} is after the deadline {deadline}")]
    Expired {
        /// Last allowed block timestamp, unix seconds.
        deadline: U256,
        /// Timestamp of the block.
        block_time: U256,
    },
    /// A loan callback that no running execution awaited.
    #[error(
        "executor refused a loan callback that it did not await (caller {caller}, initiator {initiator})"
    )]
    UnexpectedCallback {
        /// Who called back.
        caller: Address,
        /// Who asked for the loan, in the caller's words.
        initiator: Address,
    },
    /// The lender returned without calling back.
    #[error("lender {lender} did not give the loan")]
    LoanNotGiven {
        /// The lender.
        lender: Address,
    },
    /// The pool of a flash swap asks for more, or gives less, than was agreed.
    #[error("pool {lender} asks for {due} base units and gives {given}, which is not what was agreed")]
    LoanTooDear {
        /// The pool.
        lender: Address,
        /// What it asks for.
        due: I256,
        /// What it gives.
        given: I256,
    },
    /// A step's target is the executor.
    #[error("step {index} calls the executor itself")]
    SelfCall {
        /// Which call, from 0.
        index: U256,
    },
    /// A step's target has no code.
    #[error("step {index} calls {target}, which has no code on this chain")]
    NoCode {
        /// Which call, from 0.
        index: U256,
        /// The address without code.
        target: Address,
    },
    /// A step reverted.
    #[error("step {index} reverted: {reason}")]
    CallFailed {
        /// Which call, from 0.
        index: U256,
        /// What the target said.
        reason: RevertReason,
    },
    /// A token refused an approval or a transfer.
    #[error("token {token} refused an approval or a transfer: {reason}")]
    TokenFailed {
        /// The token.
        token: Address,
        /// What it said.
        reason: RevertReason,
    },
    /// The outcome was worse than the intent allows.
    #[error(
        "too little of token {token} was gained: balance went from {before} to {after}, at least {at_least} more was required"
    )]
    BelowFloor {
        /// The token; zero is the chain's own coin.
        token: Address,
        /// Balance at entry.
        before: U256,
        /// Balance after the loan's repayment.
        after: U256,
        /// The least gain that was allowed.
        at_least: U256,
    },
    /// The receiver refused the chain's own coin.
    #[error("receiver {to} refused {amount} wei of the chain's own coin")]
    WithdrawFailed {
        /// The receiver.
        to: Address,
        /// How much was sent, in wei.
        amount: U256,
    },
    /// Not one of the executor's own errors: the lender's or a token's, passed through.
    #[error("execution reverted outside of the executor: {0}")]
    Foreign(RevertReason),
}

impl ExecutorRevert {
    /// Reads the data that a reverted call to the executor returned. Never fails: what is unknown becomes `Foreign`.
    #[must_use]
    pub fn decode(data: &[u8]) -> Self {
        Raw::abi_decode_validate(data)
            .map_or_else(|_unknown| Self::Foreign(RevertReason::decode(data)), Self::from)
    }
}

impl From<Raw> for ExecutorRevert {
    fn from(raw: Raw) -> Self {
        match raw {
            Raw::NotOwner(error) => Self::NotOwner { caller: error.caller },
            Raw::ZeroAddress(_) => Self::ZeroAddress,
            Raw::Reentered(_) => Self::Reentered,
            Raw::Expired(error) => Self::Expired { deadline: error.deadline, block_time: error.blockTime },
            Raw::UnexpectedCallback(error) => {
                Self::UnexpectedCallback { caller: error.caller, initiator: error.initiator }
            }
            Raw::LoanNotGiven(error) => Self::LoanNotGiven { lender: error.lender },
            Raw::LoanTooDear(error) => {
                Self::LoanTooDear { lender: error.lender, due: error.due, given: error.given }
            }
            Raw::SelfCall(error) => Self::SelfCall { index: error.index },
            Raw::NoCode(error) => Self::NoCode { index: error.index, target: error.target },
            Raw::CallFailed(error) => {
                Self::CallFailed { index: error.index, reason: RevertReason::decode(&error.reason) }
            }
            Raw::TokenFailed(error) => {
                Self::TokenFailed { token: error.token, reason: RevertReason::decode(&error.reason) }
            }
            Raw::BelowFloor(error) => Self::BelowFloor {
                token: error.token,
                before: error.balanceBefore,
                after: error.balanceAfter,
                at_least: error.atLeast,
            },
            Raw::WithdrawFailed(error) => Self::WithdrawFailed { to: error.to, amount: error.amount },
        }
    }
}

/// What a foreign contract said when it reverted. It is a stranger's text: `Display` escapes and shortens it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevertReason {
    /// Nothing.
    Silent,
    /// `revert("..")` or `require(.., "..")`.
    Text(String),
    /// Solidity's own check failed, with its code (0x11 is an overflow).
    Panic(U256),
    /// Any other data, often the contract's own error: four bytes of selector and the arguments.
    Data(Bytes),
}

impl RevertReason {
    /// Reads the data that a reverted call returned.
    #[must_use]
    pub fn decode(data: &[u8]) -> Self {
        if data.is_empty() {
            return Self::Silent;
        }
        match GenericContractError::abi_decode_validate(data) {
            Ok(GenericContractError::Revert(revert)) => Self::Text(revert.reason),
            Ok(GenericContractError::Panic(panic)) => Self::Panic(panic.code),
            Err(_) => Self::Data(Bytes::copy_from_slice(data)),
        }
    }
}

impl fmt::Display for RevertReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => formatter.write_str("it gave no reason"),
            Self::Text(text) => write!(formatter, "\"{}\"", shorten(text.escape_debug())),
            Self::Panic(code) => write!(formatter, "panic 0x{code:02x}"),
            Self::Data(data) => write!(formatter, "data {}", shorten(data.to_string().chars())),
        }
    }
}

fn shorten(characters: impl Iterator<Item = char>) -> String {
    characters.take(SHOWN_CHARACTERS).collect()
}
