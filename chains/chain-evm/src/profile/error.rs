//! Why there is no profile.

/// Why a profile cannot be used, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The text is no profile.
    #[error("chain profile is wrong in line {line}: {what}")]
    Unreadable {
        /// The line, from 1 on.
        line: usize,
        /// What the parser says.
        what: String,
    },
    /// Sections that would replace those of a known profile do not fit.
    #[error("chain profile {name} is wrong: {what}")]
    Unfit {
        /// The profile.
        name: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// Nobody wrote a profile of that name.
    #[error("there is no chain profile `{name}`; the known ones are {known}, and a TOML file adds another")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
}
