//! Which Aave a pool is.

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

/// A revision of Aave's pool whose arithmetic this crate knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Revision {
    /// Revision 1, as core-v3 1.19 has it (v3.0.2).
    V3_0,
}

/// The pool is of a revision that this crate does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("pool revision {0} is not supported: this version knows revision 1 (Aave v3.0) only")]
pub struct UnknownRevision(pub U256);

impl TryFrom<U256> for Revision {
    type Error = UnknownRevision;

    fn try_from(revision: U256) -> Result<Self, UnknownRevision> {
        if revision == U256::from(1u8) { Ok(Self::V3_0) } else { Err(UnknownRevision(revision)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_revisions_pass() {
        assert_eq!(Revision::try_from(U256::from(1u8)), Ok(Revision::V3_0));
        for unknown in [U256::ZERO, U256::from(2u8), U256::from(11u8), U256::MAX] {
            assert_eq!(Revision::try_from(unknown), Err(UnknownRevision(unknown)));
        }
    }
}
