//! Whether the contracts that will be used are the ones that were meant.

use std::{collections::BTreeMap, fmt};

use alloy::primitives::{Address, B256, keccak256};

use super::ChainProfile;
use crate::endpoint::{Endpoint, RpcFailure};

/// The code that was seen at each address: the first time is trusted, and later ones must be equal. The caller keeps it.
pub type SeenCode = BTreeMap<Address, B256>;

/// What stands at one address, and what to think of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What the address is used for.
    pub role: String,
    /// The address.
    pub address: Address,
    /// The keccak-256 hash of its code.
    pub code_hash: B256,
    /// What to think of it.
    pub verdict: CodeVerdict,
}

/// What to think of the code at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeVerdict {
    /// It has the hash that the profile gives.
    AsCited,
    /// It is what was there the last time.
    AsBefore,
    /// Nobody gave a hash, and it was never seen before: keep it, to notice a change.
    FirstSeen,
    /// There is no code.
    NoCode,
    /// It does not have the hash that the profile gives.
    NotAsCited {
        /// The profile's hash.
        cited: B256,
    },
    /// It is not what was there the last time.
    Changed {
        /// The hash of the last time.
        before: B256,
    },
}

impl Finding {
    /// Whether the address may be used.
    #[must_use]
    pub const fn is_fit(&self) -> bool {
        matches!(self.verdict, CodeVerdict::AsCited | CodeVerdict::AsBefore | CodeVerdict::FirstSeen)
    }

    fn new(role: &str, address: Address, code: &[u8], cited: Option<B256>, before: Option<B256>) -> Self {
        let code_hash = keccak256(code);
        let verdict = match (cited, before) {
            _ if code.is_empty() => CodeVerdict::NoCode,
            (Some(cited), _) if cited != code_hash => CodeVerdict::NotAsCited { cited },
            (Some(_), _) => CodeVerdict::AsCited,
            (None, Some(before)) if before != code_hash => CodeVerdict::Changed { before },
            (None, Some(_)) => CodeVerdict::AsBefore,
            (None, None) => CodeVerdict::FirstSeen,
        };
        Self { role: role.to_owned(), address, code_hash, verdict }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, address, code_hash, verdict } = self;
        match verdict {
            CodeVerdict::AsCited => write!(f, "{role} {address} has the code that its profile cites"),
            CodeVerdict::AsBefore => write!(f, "{role} {address} has the code that it had before"),
            CodeVerdict::FirstSeen => {
                write!(f, "{role} {address} is seen for the first time, with code {code_hash}")
            }
            CodeVerdict::NoCode => {
                write!(f, "{role} {address} holds no code on this chain; correct the address")
            }
            CodeVerdict::NotAsCited { cited } => {
                write!(
                    f,
                    "{role} {address} has code {code_hash}, but its profile cites {cited}; find out why"
                )
            }
            CodeVerdict::Changed { before } => write!(
                f,
                "{role} {address} has code {code_hash}, but had {before}; find out why before it is used again"
            ),
        }
    }
}

impl ChainProfile {
    /// Reads the code at each of the addresses in `used`, named by what they are used for, at the latest block, and
    /// compares it with the profile's hash, or else with what was `seen` before. One finding for each.
    ///
    /// An address that the profile does not know is compared with what was seen only. The code of a proxy stays when
    /// what is behind it changes: such a change is not noticed here.
    ///
    /// # Errors
    /// When the node cannot be asked.
    pub async fn check(
        &self,
        endpoint: &Endpoint,
        used: &[(String, Address)],
        seen: &SeenCode,
    ) -> Result<Vec<Finding>, RpcFailure> {
        let block = endpoint.latest().await?.block.hash;
        let mut findings = Vec::with_capacity(used.len());
        for (role, address) in used {
            let code = endpoint.code(*address, block).await?;
            let known = self.addresses.iter().find(|known| known.address == *address);
            let cited = known.and_then(|known| known.code_hash);
            findings.push(Finding::new(role, *address, &code, cited, seen.get(address).copied()));
        }
        Ok(findings)
    }
}
