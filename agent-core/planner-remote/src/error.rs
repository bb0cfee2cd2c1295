//! What can go wrong between a question and a plan. No variant holds a URL, a key, or a body that came back.

use std::time::Duration;

use agent_core::ports::PlannerError;

use crate::contract::printable;

/// Characters of a refusal that are passed on.
const DECLINED: usize = 200;

/// Why a model gave no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// It took longer than it may, or fell silent.
    #[error("the model did not answer in time")]
    TimedOut,
    /// No connection.
    #[error("no connection to the model's endpoint: is it running, and is the address right?")]
    Unreachable,
    /// The connection broke.
    #[error("the connection to the model's endpoint broke")]
    Broken,
    /// The account's or the server's limit.
    #[error("the model's endpoint has too many questions")]
    Busy {
        /// What it asks us to wait.
        after: Option<Duration>,
    },
    /// A failure of the server's own.
    #[error("the model's endpoint failed (status {status})")]
    Failed {
        /// The HTTP status, or what it put in its place.
        status: u16,
    },
    /// It will say so every time, until somebody changes something.
    #[error("the model's endpoint turned the question down (status {status}{})", code_of(.code))]
    TurnedDown {
        /// The HTTP status.
        status: u16,
        /// Its own word for it: `invalid_api_key`.
        code: Option<String>,
    },
    /// It points elsewhere. We do not follow: the key is for this endpoint alone.
    #[error("the model's endpoint points elsewhere (status {status}): give the address that it points to")]
    Redirected {
        /// The HTTP status.
        status: u16,
    },
    /// The answer stopped in the middle.
    #[error("the model's answer broke off")]
    Truncated,
    /// There was an answer with nothing in it.
    #[error("the model's answer is empty")]
    Empty,
    /// More bytes than an answer may have.
    #[error("the model's answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// Not what an OpenAI-compatible endpoint says.
    #[error("the endpoint's answer is none of an OpenAI-compatible one")]
    Garbled,
    /// The model, or a filter before it, will not say.
    #[error("the model declined: {0}")]
    Declined(String),
    /// What it said is no plan, and was none the second time either.
    #[error("the model's answer is no plan: {0}")]
    NoPlan(String),
    /// A tool whose arguments cannot be asked of a model.
    #[error("the arguments of tool {tool} cannot be put to a model: {cause}")]
    BadTool {
        /// The tool.
        tool: String,
        /// What is wrong with its schema.
        cause: String,
    },
}

fn code_of(code: &Option<String>) -> String {
    code.as_ref().map(|code| format!(", {code}")).unwrap_or_default()
}

impl RemoteError {
    /// Whether the endpoint says, by this, that it has not worked on the question: then it bills nothing.
    pub(crate) const fn is_free(&self) -> bool {
        matches!(
            self,
            Self::Unreachable
                | Self::Busy { .. }
                | Self::Failed { .. }
                | Self::TurnedDown { .. }
                | Self::Redirected { .. }
        )
    }
}

impl From<RemoteError> for PlannerError {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::TimedOut => Self::TimedOut,
            RemoteError::Busy { after } => Self::Busy { after },
            RemoteError::Unreachable
            | RemoteError::Broken
            | RemoteError::Failed { .. }
            | RemoteError::Truncated
            | RemoteError::Empty
            | RemoteError::Garbled => Self::Unavailable(Box::new(error)),
            RemoteError::TurnedDown { .. } | RemoteError::Redirected { .. } | RemoteError::BadTool { .. } => {
                Self::Rejected(Box::new(error))
            }
            RemoteError::Declined(why) => Self::Declined(printable(&why, DECLINED)),
            RemoteError::NoPlan(why) => Self::Malformed(why),
            RemoteError::TooLarge { .. } => Self::Malformed(error.to_string()),
        }
    }
}
