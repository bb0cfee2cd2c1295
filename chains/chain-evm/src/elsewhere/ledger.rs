//! Keys in a Ledger. Type-checked: there was no device where this was written.

use agent_core::units::ChainId;
use alloy::signers::ledger::{HDPath, LedgerSigner};

use super::{ElsewhereError, LedgerKey, within};
use crate::keystore::UnlockedKey;

impl UnlockedKey {
    /// The key that `place` names, for transactions of `chain`. Asks the device for its address, which needs no confirmation.
    ///
    /// # Errors
    /// When there is no device, it is locked, in use by another program, or its Ethereum app is not open.
    pub async fn on_ledger(place: &LedgerKey, chain: ChainId) -> Result<Self, ElsewhereError> {
        let LedgerKey { path } = place;
        if !is_path(path) {
            return Err(ElsewhereError::Path(path.clone()));
        }
        let connecting = LedgerSigner::new(HDPath::Other(path.clone()), Some(chain.0));
        let signer = within("the Ledger".to_owned(), LedgerKey::PATIENCE, Box::pin(connecting)).await?;
        Ok(Self::elsewhere(signer, LedgerKey::PATIENCE))
    }
}

/// `m`, and up to ten numbers, each hardened or not: the signer takes anything for granted.
fn is_path(path: &str) -> bool {
    let mut parts = path.split('/');
    let is_number = |part: &str| {
        let digits = part.strip_suffix('\'').unwrap_or(part);
        digits.bytes().all(|digit| digit.is_ascii_digit())
            && digits.parse::<u32>().is_ok_and(|number| number < 1 << 31)
    };
    let from_root = parts.next() == Some("m");
    let parts: Vec<_> = parts.collect();
    from_root && (1..=10).contains(&parts.len()) && parts.into_iter().all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_a_derivation_path_is_asked_for() {
        for good in ["m/44'/60'/0'/0/0", "m/44'/60'/0'", "m/0"] {
            assert!(is_path(good), "{good}");
        }
        for bad in
            ["", "m", "m/", "44'/60'", "m/44''/60'", "m/-1", "m/+1", "m/2147483648", "m/ 1", "m//1", "n/1"]
        {
            assert!(!is_path(bad), "{bad}");
        }
    }
}
