//! Why a node gave no answer.

use std::{error::Error, fmt, time::Duration};

use agent_core::units::ChainId;
use alloy::{
    primitives::Bytes,
    rpc::json_rpc::ErrorPayload,
    transports::{RpcError, TransportError, TransportErrorKind},
};

use super::{address::RpcAddress, http::TooLarge};

/// Text from which the endpoint's secrets were removed. Nothing else of a transport's error is kept: its source chain
/// holds the whole URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scrubbed(pub(super) String);

impl fmt::Display for Scrubbed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why there is no endpoint.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Neither a URL that we know nor a path. The text is not repeated: it may hold a secret.
    #[error("rpc address is neither an http(s):// or ws(s):// url nor the path of an ipc socket")]
    NotAnAddress,
    /// A pool of nothing.
    #[error("no rpc address is configured: name at least one")]
    NoAddress,
    /// A quorum that two groups of nodes could reach with two answers, or none can reach.
    #[error("a quorum of {quorum} of {nodes} nodes says nothing: configure 1, or {least} to {nodes}")]
    Quorum {
        /// The configured quorum.
        quorum: usize,
        /// How many nodes there are.
        nodes: usize,
        /// More than half of them.
        least: usize,
    },
    /// Nobody there, or no answer in time.
    #[error("rpc at {address} cannot be reached: {cause}")]
    Unreachable {
        /// The address up to its host.
        address: String,
        /// What happened.
        #[source]
        cause: RpcFailure,
    },
    /// The node serves another chain than the configuration says.
    #[error("rpc serves chain {found}, but the configuration says {expected}")]
    WrongChain {
        /// The configured chain.
        expected: ChainId,
        /// The node's.
        found: ChainId,
    },
}

/// Why one request has no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RpcFailure {
    /// No answer in time. The node may have received and handled the request.
    #[error("{method} got no answer within {after:?}")]
    TimedOut {
        /// The JSON-RPC method.
        method: &'static str,
        /// How long we waited.
        after: Duration,
    },
    /// The transport failed. The node may have received and handled the request.
    #[error("{method} failed on the way: {cause}")]
    Transport {
        /// The JSON-RPC method.
        method: &'static str,
        /// What the transport said.
        cause: Scrubbed,
    },
    /// The node answered with an error.
    #[error("{method} was refused by the node: {message} (code {code})")]
    Refused {
        /// The JSON-RPC method.
        method: &'static str,
        /// The node's error code.
        code: i64,
        /// The node's message.
        message: Scrubbed,
        /// Revert data, when the error carries some.
        data: Option<Bytes>,
    },
    /// The node answered with something that is not what the method answers.
    #[error("{method} was answered with something else than expected: {cause}")]
    Unreadable {
        /// The JSON-RPC method.
        method: &'static str,
        /// What is wrong.
        cause: Scrubbed,
    },
    /// The node is asked too often.
    #[error("{method} was not answered: the node is asked too often")]
    RateLimited {
        /// The JSON-RPC method.
        method: &'static str,
        /// The rest that it asked for.
        after: Option<Duration>,
    },
    /// The request was not sent: every node that could answer asked for a rest.
    #[error("{method} was not sent: the node asked for a rest of {left:.1?} more")]
    Resting {
        /// The JSON-RPC method.
        method: &'static str,
        /// The shortest rest that is left.
        left: Duration,
    },
    /// The request was not sent: no node is left that may be believed.
    #[error("{method} was not sent: every node is quarantined or serves another chain")]
    NoNode {
        /// The JSON-RPC method.
        method: &'static str,
    },
    /// Not enough nodes gave the same answer.
    #[error(
        "{method} has no quorum: {needed} nodes must give the same answer, {agreed} of the {answered} that answered do"
    )]
    NoQuorum {
        /// The JSON-RPC method.
        method: &'static str,
        /// How many must agree.
        needed: usize,
        /// How many gave the most frequent answer.
        agreed: usize,
        /// How many gave one.
        answered: usize,
    },
    /// The answer is longer than the endpoint reads.
    #[error("{method} was answered with more than {most} bytes: ask for less, or raise the endpoint's limit")]
    TooLarge {
        /// The JSON-RPC method.
        method: &'static str,
        /// The limit.
        most: usize,
    },
    /// After a reconnect, another chain answers.
    #[error("rpc serves chain {found} now, but the configuration says {expected}")]
    WrongChain {
        /// The configured chain.
        expected: ChainId,
        /// The node's.
        found: ChainId,
    },
}

impl RpcFailure {
    #[cold]
    pub(super) fn new(
        method: &'static str,
        error: TransportError,
        address: &RpcAddress,
        most: usize,
    ) -> Self {
        match error {
            RpcError::ErrorResp(payload) if is_rate_limit(&payload) => {
                Self::RateLimited { method, after: None }
            }
            RpcError::ErrorResp(payload) => Self::Refused {
                method,
                code: payload.code,
                data: payload.as_revert_data(),
                message: address.scrub(&payload.message),
            },
            RpcError::NullResp => Self::unreadable(method, "the node does not know it"),
            RpcError::DeserError { err, .. } => {
                Self::Unreadable { method, cause: address.scrub(&err.to_string()) }
            }
            // The cause stays in alloy's task; these are the two that there are.
            RpcError::Transport(TransportErrorKind::BackendGone) => {
                let cause = format!("the node closed the connection{}", address.longest_message(most));
                Self::Transport { method, cause: Scrubbed(cause) }
            }
            RpcError::Transport(ref kind) => rate_limited(method, kind)
                .or_else(|| too_large(method, kind))
                .unwrap_or_else(|| Self::Transport { method, cause: address.scrub(&whole(&error)) }),
            RpcError::UnsupportedFeature(_) | RpcError::LocalUsageError(_) | RpcError::SerError(_) => {
                Self::Transport { method, cause: address.scrub(&whole(&error)) }
            }
        }
    }

    /// An answer that makes no sense, in our own words.
    #[cold]
    pub(crate) fn unreadable(method: &'static str, cause: impl Into<String>) -> Self {
        Self::Unreadable { method, cause: Scrubbed(cause.into()) }
    }

    /// Whether the way to the nodes, rather than the request, is to blame: the same may be answered later.
    pub(crate) const fn is_of_the_line(&self) -> bool {
        self.breaks_the_line()
            || matches!(
                self,
                Self::RateLimited { .. } | Self::Resting { .. } | Self::NoNode { .. } | Self::NoQuorum { .. }
            )
    }

    /// Whether the connection itself is in doubt, and has to be dialled again.
    pub(super) const fn breaks_the_line(&self) -> bool {
        matches!(self, Self::TimedOut { .. } | Self::Transport { .. } | Self::WrongChain { .. })
    }

    /// Whether another node may do better.
    pub(super) fn is_of_the_node(&self) -> bool {
        self.breaks_the_line()
            || matches!(
                self,
                Self::RateLimited { .. }
                    | Self::Resting { .. }
                    | Self::Unreadable { .. }
                    | Self::TooLarge { .. }
            )
            || self.is_unknown_block()
    }

    /// Whether to ask another node all of what had to come from one: that one failed, or is asked no more.
    pub(crate) fn another_may_answer(&self) -> bool {
        self.is_of_the_node() || matches!(self, Self::NoNode { .. })
    }

    /// Whether the node does not have the block that was asked about: geth and reth, erigon, nethermind, besu, anvil.
    pub(super) fn is_unknown_block(&self) -> bool {
        const SIGNS: [&str; 5] = [
            "header not found",
            "unknown block",
            "block not found",
            "blockoutofrange",
            "could not find block",
        ];
        let Self::Refused { message, .. } = self else { return false };
        let message = message.0.to_ascii_lowercase();
        SIGNS.iter().any(|sign| message.contains(sign))
    }

    /// Whether the node said no to this very request; asking again the same way is pointless.
    pub(crate) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// Whether the node does not have the method.
    pub(crate) fn is_unknown_method(&self) -> bool {
        let Self::Refused { code, message, .. } = self else { return false };
        let message = message.0.to_ascii_lowercase();
        *code == -32601
            || message.contains("method not found")
            || message.contains("does not exist/is not available")
            || message.contains("unsupported method")
    }

    /// The revert data, when a call was answered with a revert (or another failure of the machine, which has none).
    ///
    /// Code 3 says so by itself. Under the codes that nodes use for much else, only a message that *begins* as clients
    /// begin those of their machines does: a proxy's "stack trace" or "internal error" is no answer of a contract. What a
    /// client may come to say in new words is a refusal, and fails the read that holds it: a strategy must not take a
    /// node's trouble for a contract's no.
    pub(crate) fn revert_data(&self) -> Option<Bytes> {
        let Self::Refused { code, message, data, .. } = self else { return None };
        let message = message.0.to_ascii_lowercase();
        let of_the_machine = match code {
            3 => true,
            -32000 | -32003 | -32015 | -32603 => OF_THE_MACHINE.iter().any(|sign| message.starts_with(sign)),
            _ => false,
        };
        of_the_machine.then(|| data.clone().unwrap_or_default())
    }
}

/// How messages about a failed execution begin: geth, erigon and op-geth; reth and anvil; nethermind; besu; hardhat.
const OF_THE_MACHINE: [&str; 20] = [
    "execution reverted",
    "out of gas",
    "gas uint64 overflow",
    "invalid opcode",
    "stack underflow",
    "stack limit reached",
    "stack overflow",
    "invalid jump destination",
    "write protection",
    "return data out of bounds",
    "max call depth exceeded",
    "max code size exceeded",
    "contract creation code storage out of gas",
    "evm error",
    "revert",
    "vm execution error",
    "vm exception",
    "transaction reverted",
    "error: vm exception",
    "execution failed",
];

/// Providers say it with their own code, or with one that also means "too many results".
fn is_rate_limit(payload: &ErrorPayload) -> bool {
    const SIGNS: [&str; 6] = [
        "rate limit",
        "too many requests",
        "request rate",
        "requests per second",
        "compute units per second",
        "call rate limit exhausted",
    ];
    let message = payload.message.to_ascii_lowercase();
    payload.code == 429 || (payload.code != 3 && SIGNS.iter().any(|sign| message.contains(sign)))
}

fn rate_limited(method: &'static str, kind: &TransportErrorKind) -> Option<RpcFailure> {
    const TOO_MANY: u16 = 429;
    const UNAVAILABLE: u16 = 503;
    let status = kind.as_http_error()?.status;
    let after = if let TransportErrorKind::HttpErrorWithRetryAfter { retry_after, .. } = kind {
        Some(*retry_after)
    } else {
        None
    };
    let limited = status == TOO_MANY || (status == UNAVAILABLE && after.is_some());
    limited.then_some(RpcFailure::RateLimited { method, after })
}

fn too_large(method: &'static str, kind: &TransportErrorKind) -> Option<RpcFailure> {
    let TransportErrorKind::Custom(cause) = kind else { return None };
    let TooLarge { most } = *cause.downcast_ref::<TooLarge>()?;
    Some(RpcFailure::TooLarge { method, most })
}

/// An error with all its sources in one line.
fn whole(error: &TransportError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = cause.source();
    }
    text
}
