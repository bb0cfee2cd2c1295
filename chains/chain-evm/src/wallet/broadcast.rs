//! Giving signed bytes to the node.

use alloy::primitives::B256;

use super::{WalletError, answer::Objection, key_task::Signed, lane::Lane};

impl Lane {
    /// Broadcasts, unless the kill switch is latched by now. Whatever the node or the wire says is no failure: the
    /// transaction may have arrived, and where it is only a look at its hash says.
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
            Err(failure) => match Objection::of(&failure) {
                Some(objection @ (Objection::Known | Objection::NonceUsed)) => {
                    tracing::debug!(%transaction, "the node did not take a broadcast: {objection}");
                }
                Some(objection) => {
                    tracing::warn!(%transaction, %failure, "the node did not take a broadcast: {objection}; following it all the same");
                }
                None => {
                    tracing::warn!(%transaction, %failure, "a broadcast may not have arrived; following it all the same");
                }
            },
        }
        Ok(())
    }
}
