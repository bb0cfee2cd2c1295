//! Giving signed bytes to whoever may have them.

use agent_core::units::BlockRef;

use super::{
    WalletError,
    answer::Objection,
    key_task::Signed,
    lane::{Attempt, Lane, Way},
};
use crate::relay::Offer;

impl Lane {
    /// Sends `attempt` to the nodes or to the relays, unless the kill switch is latched by now.
    pub(super) async fn send(&self, attempt: &Attempt, head: BlockRef) -> Result<(), WalletError> {
        if self.config.kill.is_latched() {
            return Err(WalletError::Killed);
        }
        let (from, nonce, kill) = (self.from, attempt.signed.sent.nonce, &self.config.kill);
        match self.way(attempt, head.number) {
            Way::Public => self.broadcast(&attempt.signed).await,
            Way::PublicInstead => {
                let withdrawn = self.config.routes.withdraw(from, nonce, head.number, kill);
                let (broadcast, ()) = futures::join!(self.broadcast(&attempt.signed), withdrawn);
                broadcast
            }
            Way::Private => {
                let offer = Offer { from, nonce, bytes: &attempt.signed.bytes, deadline: attempt.deadline };
                self.config.routes.offer(&offer, head, kill).await;
                Ok(())
            }
            Way::Offered => Ok(()),
        }
    }

    /// Broadcasts, unless the kill switch is latched by now. Whatever the node or the wire says is no failure: the
    /// transaction may have arrived, and where it is only a look at its hash says.
    pub(super) async fn broadcast(&self, signed: &Signed) -> Result<(), WalletError> {
        if self.config.kill.is_latched() {
            return Err(WalletError::Killed);
        }
        let transaction = signed.sent.transaction;
        // The one place of the workspace that asks this of a public node.
        match self.endpoint.broadcast(&signed.bytes, &self.config.kill).await {
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
