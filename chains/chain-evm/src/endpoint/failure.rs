//! Why a node gave no answer.

use std::{error::Error, fmt, time::Duration};

use agent_core::units::ChainId;
use alloy::{
    primitives::Bytes,
    transports::{RpcError, TransportError},
};

use super::address::RpcAddress;

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
    pub(super) fn new(method: &'static str, error: TransportError, address: &RpcAddress) -> Self {
        match error {
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
            RpcError::UnsupportedFeature(_)
            | RpcError::LocalUsageError(_)
            | RpcError::SerError(_)
            | RpcError::Transport(_) => Self::Transport { method, cause: address.scrub(&whole(&error)) },
        }
    }

    /// An answer that makes no sense, in our own words.
    #[cold]
    pub(crate) fn unreadable(method: &'static str, cause: impl Into<String>) -> Self {
        Self::Unreadable { method, cause: Scrubbed(cause.into()) }
    }

    /// Whether the connection, rather than the request, is to blame.
    pub(crate) const fn is_of_the_line(&self) -> bool {
        matches!(self, Self::TimedOut { .. } | Self::Transport { .. } | Self::WrongChain { .. })
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
    pub(crate) fn revert_data(&self) -> Option<Bytes> {
        const OF_THE_MACHINE: [&str; 6] =
            ["revert", "out of gas", "invalid opcode", "stack", "execution failed", "invalid jump"];
        let Self::Refused { code, message, data, .. } = self else { return None };
        let message = message.0.to_ascii_lowercase();
        let of_the_machine = *code == 3 || OF_THE_MACHINE.iter().any(|sign| message.contains(sign));
        match data {
            Some(data) => Some(data.clone()),
            None => of_the_machine.then(Bytes::new),
        }
    }
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
