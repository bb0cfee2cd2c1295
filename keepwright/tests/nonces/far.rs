//! A key that is elsewhere: it gives another signature each time, as a key management service does.

use agent_core::ports::BoxFuture;
use alloy::{
    consensus::SignableTransaction,
    network::TxSigner,
    primitives::{Address, B256, Signature},
    signers::local::PrivateKeySigner,
};
use secp256k1::{Message, Secp256k1, SecretKey};

/// The key of the keystore beside.
const SECRET: B256 = B256::with_last_byte(1);

pub(crate) struct Far(pub(crate) Address);

impl Far {
    pub(crate) fn new() -> Result<Self, alloy::signers::k256::ecdsa::Error> {
        Ok(Self(PrivateKeySigner::from_bytes(&SECRET)?.address()))
    }
}

impl TxSigner<Signature> for Far {
    fn address(&self) -> Address {
        self.0
    }

    fn sign_transaction<'a, 'b, 'c>(
        &'a self,
        transaction: &'b mut dyn SignableTransaction<Signature>,
    ) -> BoxFuture<'c, alloy::signers::Result<Signature>>
    where
        'a: 'c,
        'b: 'c,
    {
        let hash = transaction.signature_hash();
        Box::pin(async move {
            let secret = SecretKey::from_byte_array(SECRET.0).map_err(alloy::signers::Error::other)?;
            let salt = rand::random::<[u8; 32]>();
            #[expect(clippy::disallowed_methods, reason = "the twin of a service that signs")]
            let signature = Secp256k1::signing_only().sign_ecdsa_recoverable_with_noncedata(
                Message::from_digest(hash.0),
                &secret,
                &salt,
            );
            let (recovery, bytes) = signature.serialize_compact();
            Ok(Signature::from_bytes_and_parity(&bytes, i32::from(recovery) & 1 == 1))
        })
    }
}
