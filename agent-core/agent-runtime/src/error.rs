//! Why an agent ends by itself.

use agent_core::ports::DoorError;
use tokio::task::JoinError;

/// Why an agent ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The door cannot work: no money may move.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// A task of the agent died. The rest was stopped: an agent is whole or not there.
    #[error("a task of the agent died: {0}")]
    Died(#[from] JoinError),
}

/// How a task ended: by itself, with an error, or by a panic.
pub(crate) fn ended(joined: Result<Result<(), AgentError>, JoinError>) -> Result<(), AgentError> {
    joined.unwrap_or_else(|died| Err(died.into()))
}
