//! Keys in Google Cloud KMS. Type-checked: no such service could be reached where this was written.

use agent_core::units::ChainId;
use alloy::signers::gcp::{
    GcpKeyRingRef, GcpSigner, GcpSignerError, KeySpecifier,
    gcloud_sdk::{
        GoogleApi, google::cloud::kms::v1::key_management_service_client::KeyManagementServiceClient,
    },
};

use super::{ElsewhereError, GcpKmsKey, within};
use crate::keystore::UnlockedKey;

const SERVICE: &str = "https://cloudkms.googleapis.com";

impl UnlockedKey {
    /// The key that `place` names, for transactions of `chain`. Asks for its public half.
    ///
    /// # Errors
    /// When KMS cannot be reached in time, nobody acts here that may use the key, or the key is of another kind.
    pub async fn in_gcp_kms(place: &GcpKmsKey, chain: ChainId) -> Result<Self, ElsewhereError> {
        let GcpKmsKey { project, location, key_ring, key, version } = place;
        let name = format!("the Google Cloud KMS key {key} of {key_ring}");
        let connecting = async {
            let client = GoogleApi::from_function(KeyManagementServiceClient::new, SERVICE, None).await;
            let client = client.map_err(GcpSignerError::GoogleKmsError)?;
            let ring = GcpKeyRingRef::new(project, location, key_ring);
            let which = KeySpecifier::new(ring, key, *version);
            GcpSigner::new(client, which, Some(chain.0)).await
        };
        let signer = within(name, GcpKmsKey::PATIENCE, Box::pin(connecting)).await?;
        Ok(Self::elsewhere(signer, GcpKmsKey::PATIENCE))
    }
}
