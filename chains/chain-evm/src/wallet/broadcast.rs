//! Giving signed bytes to the node.

use alloy::primitives::B256;

use super::{WalletError, key_task::Signed, lane::Lane};
use crate::endpoint::RpcFailure;

impl Lane {
    /// Broadcasts, unless the kill switch is latched by now. Whatever the node or the wire says is no failure: the
    /// transaction may have arrived.
    pub(super) async fn broadcast(&self, signed: &Signed) -> Result<(), WalletError> {
        if self.config.kill.is_latched() {
            return Err(WalletError::Killed);
        }
        let transaction = signed.sent.transaction;
        // The one place of the workspace that names this method.
        let answer: Result<B256, _> = self.endpoint.ask("eth_sendRawTransaction", (&signed.bytes,)).await;
        match answer {
            Ok(hash) if hash == transaction => tracing::debug!(%transaction, "broadcast"),
            Ok(hash) => {
                tracing::warn!(%transaction, %hash, "the node answered a broadcast with another hash")
            }
            Err(failure) if has_it_already(&failure) => {
                tracing::debug!(%transaction, "the node has it already")
            }
            Err(failure) => {
                tracing::warn!(%transaction, %failure, "a broadcast may not have arrived; following it all the same");
            }
        }
        Ok(())
    }
}

/// How nodes say that they have a transaction: geth and reth, anvil, erigon and nethermind, besu.
fn has_it_already(failure: &RpcFailure) -> bool {
    const SIGNS: [&str; 5] =
        ["already known", "already imported", "alreadyknown", "known transaction", "already in pool"];
    let RpcFailure::Refused { message, .. } = failure else { return false };
    let message = message.to_string().to_ascii_lowercase();
    SIGNS.iter().any(|sign| message.contains(sign))
}
