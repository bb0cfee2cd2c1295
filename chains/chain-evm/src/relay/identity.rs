//! Who asks a builder: a key that signs requests, and holds no money.

use alloy::{
    hex,
    primitives::keccak256,
    signers::{SignerSync, local::PrivateKeySigner},
};

use crate::endpoint::RpcFailure;

/// Signs requests, as messages that can be no transaction (EIP-191).
pub(super) struct Identity(PrivateKeySigner);

impl Identity {
    pub(super) fn random() -> Self {
        Self(PrivateKeySigner::random())
    }

    /// The value of `X-Flashbots-Signature` for `body`.
    pub(super) fn header(&self, method: &'static str, body: &str) -> Result<String, RpcFailure> {
        let digest = keccak256(body).to_string();
        let signature = self
            .0
            .sign_message_sync(digest.as_bytes())
            .map_err(|_of_the_curve| RpcFailure::unreadable(method, "the request cannot be signed"))?;
        Ok(format!("{}:{}", self.0.address(), hex::encode_prefixed(signature.as_bytes())))
    }
}
