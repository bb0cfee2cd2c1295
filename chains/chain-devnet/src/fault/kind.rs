//! What can be done to an exchange, and the names under which it is counted.

use std::time::Duration;

use alloy::primitives::{Bytes, U256};
use serde_json::Value;

/// What happens to a request, an answer or a pushed frame.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// The exchange fails.
    Fail {
        /// Whether the node has seen the request by then.
        stage: Stage,
        /// How it fails.
        failure: Failure,
    },
    /// This one answer is given as of so many blocks ago: one lagging node behind a load balancer. For a lag that lasts, see
    /// [`FaultHandle::set_head`](super::FaultHandle::set_head).
    Behind(u64),
    /// The node answers, and the client hears something else.
    Lie(Lie),
    /// `eth_sendRawTransaction` is answered with the hash, and the transaction goes nowhere.
    Forget,
    /// The answer, or the pushed frame, comes so much later. Frames behind it wait as well.
    Delay(Duration),
    /// The answer, or the pushed frame, comes twice. Websockets only.
    Repeat,
}

/// When an exchange fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The node never sees the request. For a pushed frame: it is lost.
    Before,
    /// The node has accepted the request, and the answer is lost. For a pushed frame: it is delivered first.
    After,
}

/// How an exchange fails.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The connection is reset (a TCP RST), with whatever else was under way on it.
    Reset,
    /// Nothing comes, ever. A request is not answered; at a pushed frame the whole socket goes mute and stays open.
    Silence,
    /// HTTP 429. On a websocket: the JSON-RPC error 429, as the large providers have it.
    RateLimited {
        /// The seconds of its `Retry-After` header, where it has one. A websocket has none.
        retry_after: Option<u32>,
    },
    /// A status of 500 or more with a page of HTML. On a websocket: it is closed with code 1011.
    ServerError {
        /// The status.
        status: u16,
    },
    /// An answer that is not JSON.
    Malformed,
    /// Half of the answer, though the header promised all of it; then the connection ends.
    Truncated,
    /// The right answer, with so many bytes of white space behind it. The node is asked, whatever the stage says.
    Huge {
        /// The bytes of white space.
        bytes: usize,
    },
    /// The right answer in up to eight pieces with a pause before each. On a websocket: in one piece after eight pauses. The
    /// node is asked, whatever the stage says.
    Slow {
        /// The pause before each piece.
        pause: Duration,
    },
    /// A JSON-RPC error with status 200.
    RpcError {
        /// Its code.
        code: i64,
        /// Its message.
        message: String,
    },
}

/// What the client hears instead of the truth. A lie is told only to the methods that it is about.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Lie {
    /// `eth_chainId` and `net_version` name another chain.
    ChainId(u64),
    /// `eth_getBalance` says this, in wei.
    Balance(U256),
    /// `eth_getTransactionCount` is so much off.
    Nonce(i64),
    /// `eth_call` returns this, even where it reverted.
    CallResult(Bytes),
    /// `eth_getTransactionReceipt` has this status; where there is no receipt, one is invented in the latest block.
    Receipt {
        /// The status: `true` says that it succeeded.
        success: bool,
    },
    /// Of the logs that `eth_getLogs` answers each `every`th is missing (1: all of them). A pushed log is swallowed.
    MissingLogs {
        /// Which ones.
        every: usize,
    },
    /// The answer is `null`, to whatever was asked. A pushed frame is swallowed.
    Null,
    /// The answer is this, to whatever was asked.
    Answer(Value),
}

/// The name under which an injected fault is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// [`Failure::Reset`].
    Reset,
    /// [`Failure::Silence`].
    Silence,
    /// [`Failure::RateLimited`], by a rule or by [`RateLimit`](super::RateLimit).
    RateLimited,
    /// [`Failure::ServerError`].
    ServerError,
    /// [`Failure::Malformed`].
    Malformed,
    /// [`Failure::Truncated`].
    Truncated,
    /// [`Failure::Huge`].
    Huge,
    /// [`Failure::Slow`].
    Slow,
    /// [`Failure::RpcError`].
    RpcError,
    /// An answer as of an older block, by a rule or by [`HeadView`](super::HeadView).
    Behind,
    /// A pushed frame of a block that the client may not see yet. It is held back until the client may.
    Withheld,
    /// [`Fault::Forget`].
    Forget,
    /// [`Fault::Delay`].
    Delay,
    /// [`Fault::Repeat`].
    Repeat,
    /// [`Lie::ChainId`].
    WrongChain,
    /// [`Lie::Balance`].
    ForgedBalance,
    /// [`Lie::Nonce`].
    WrongNonce,
    /// [`Lie::CallResult`].
    ForgedCall,
    /// [`Lie::Receipt`].
    ForgedReceipt,
    /// [`Lie::MissingLogs`].
    MissingLogs,
    /// [`Lie::Null`].
    Null,
    /// [`Lie::Answer`].
    ForgedAnswer,
    /// A connection that was reset as soon as it was made ([`Link::Refusing`](super::Link::Refusing)).
    Refused,
    /// A connection that was cut by [`FaultHandle::sever`](super::FaultHandle::sever).
    Severed,
    /// A connection that went mute by [`FaultHandle::mute`](super::FaultHandle::mute) or
    /// [`Link::Mute`](super::Link::Mute).
    Muted,
}

impl FaultKind {
    /// The honest faults: nothing is wrong in what is answered, but it comes late, broken or not at all.
    pub const HONEST: [Self; 14] = [
        Self::Reset,
        Self::Silence,
        Self::RateLimited,
        Self::ServerError,
        Self::Malformed,
        Self::Truncated,
        Self::Huge,
        Self::Slow,
        Self::RpcError,
        Self::Behind,
        Self::Forget,
        Self::Delay,
        Self::Repeat,
        Self::Null,
    ];
    /// The lies that no single node would tell by mistake.
    pub const LIES: [Self; 6] = [
        Self::WrongChain,
        Self::ForgedBalance,
        Self::WrongNonce,
        Self::ForgedCall,
        Self::ForgedReceipt,
        Self::MissingLogs,
    ];
}

impl Fault {
    /// The exchange fails, and the node never saw the request.
    #[must_use]
    pub const fn before(failure: Failure) -> Self {
        Self::Fail { stage: Stage::Before, failure }
    }

    /// The node accepted the request, and the answer is lost.
    #[must_use]
    pub const fn after(failure: Failure) -> Self {
        Self::Fail { stage: Stage::After, failure }
    }

    /// The name under which it is counted.
    #[must_use]
    pub const fn kind(&self) -> FaultKind {
        match self {
            Self::Fail { failure, .. } => failure.kind(),
            Self::Behind(_) => FaultKind::Behind,
            Self::Lie(lie) => lie.kind(),
            Self::Forget => FaultKind::Forget,
            Self::Delay(_) => FaultKind::Delay,
            Self::Repeat => FaultKind::Repeat,
        }
    }
}

impl Failure {
    /// The name under which it is counted.
    #[must_use]
    pub const fn kind(&self) -> FaultKind {
        match self {
            Self::Reset => FaultKind::Reset,
            Self::Silence => FaultKind::Silence,
            Self::RateLimited { .. } => FaultKind::RateLimited,
            Self::ServerError { .. } => FaultKind::ServerError,
            Self::Malformed => FaultKind::Malformed,
            Self::Truncated => FaultKind::Truncated,
            Self::Huge { .. } => FaultKind::Huge,
            Self::Slow { .. } => FaultKind::Slow,
            Self::RpcError { .. } => FaultKind::RpcError,
        }
    }
}

impl Lie {
    /// The name under which it is counted.
    #[must_use]
    pub const fn kind(&self) -> FaultKind {
        match self {
            Self::ChainId(_) => FaultKind::WrongChain,
            Self::Balance(_) => FaultKind::ForgedBalance,
            Self::Nonce(_) => FaultKind::WrongNonce,
            Self::CallResult(_) => FaultKind::ForgedCall,
            Self::Receipt { .. } => FaultKind::ForgedReceipt,
            Self::MissingLogs { .. } => FaultKind::MissingLogs,
            Self::Null => FaultKind::Null,
            Self::Answer(_) => FaultKind::ForgedAnswer,
        }
    }
}
