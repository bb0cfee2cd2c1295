//! Why what a source gave is no price. A value, not an error: it is counted and named, and the other sources go on.

use agent_core::ports::SourceError;
use serde::{Deserialize, Serialize};

/// Why an answer has no number in it. Nothing of the answer itself is repeated here: anybody may have written it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unusable {
    /// There was no answer.
    #[error("{0}")]
    Unanswered(SourceError),
    /// More bytes than any price needs.
    #[error("the answer is longer than {limit} bytes")]
    TooLong {
        /// How many are read.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("the answer is not text")]
    NotText,
    /// Not JSON: a page of HTML, a cut answer.
    #[error("the answer is not JSON")]
    NotJson,
    /// JSON without what the pointer names.
    #[error("the answer has nothing where the number should be")]
    Missing,
    /// Something else than a plain decimal number: `NaN`, `null`, `1,5`.
    #[error("it is not a plain decimal number")]
    NotANumber,
    /// Does not fit 256 bits, as `1e400` does not.
    #[error("the number is too large")]
    TooLarge,
    /// More digits than can be kept exactly. It is not rounded.
    #[error("the number has too many digits")]
    TooManyDigits,
}
