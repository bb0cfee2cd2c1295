//! Why an agent cannot be controlled, or an operator cannot be heard.

use std::{io, path::PathBuf};

/// Why a control interface is not there, or what it said. Nothing was done unless it says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// Another process serves this state folder.
    #[error("another agent serves {0}; stop that one first")]
    Served(PathBuf),
    /// Nothing serves it.
    #[error(
        "no agent serves {0}; start `keepwright run`, or `keepwright door` where the door is a process of its own"
    )]
    NotServed(PathBuf),
    /// The folder, the socket or the token file cannot be made safe.
    #[error("{path} {problem}")]
    Unsafe {
        /// What is wrong.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// The system said no.
    #[error("{path} cannot be used for control: {cause}")]
    System {
        /// What was wanted.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// An address that others can reach.
    #[error("{0} is not a loopback address; control listens on 127.0.0.1 or [::1] only")]
    NotLoopback(std::net::SocketAddr),
    /// The connection broke, or took too long. Whether what was asked was done is not known; ask for the status.
    #[error("the agent did not answer ({0}); ask for its status before you repeat anything")]
    Broken(String),
    /// The agent said no, in one sentence.
    #[error("{0}")]
    Refused(String),
}

impl ControlError {
    pub(crate) fn system(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| Self::System { path, cause }
    }
}
