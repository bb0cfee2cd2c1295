//! Keys in AWS KMS.

use agent_core::units::ChainId;
use alloy::signers::aws::AwsSigner;
use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_kms::Client;

use super::{AwsKmsKey, ElsewhereError, within};
use crate::keystore::UnlockedKey;

/// Of one request, which is made up to twice more.
const ATTEMPT: std::time::Duration = std::time::Duration::from_secs(3);

impl UnlockedKey {
    /// The key that `place` names, for transactions of `chain`. Asks for its public half.
    ///
    /// # Errors
    /// When KMS cannot be reached in time, nobody acts here that may use the key, or the key is of another kind.
    pub async fn in_aws_kms(place: &AwsKmsKey, chain: ChainId) -> Result<Self, ElsewhereError> {
        let AwsKmsKey { key, region, endpoint } = place;
        let name = format!("the AWS KMS key {key}");
        let connecting = async {
            let limits = TimeoutConfig::builder()
                .connect_timeout(ATTEMPT)
                .operation_attempt_timeout(ATTEMPT)
                .operation_timeout(AwsKmsKey::PATIENCE)
                .build();
            let mut config = aws_config::defaults(BehaviorVersion::v2026_01_12())
                .timeout_config(limits)
                .retry_config(RetryConfig::standard().with_max_attempts(3));
            if let Some(region) = region {
                config = config.region(Region::new(region.clone()));
            }
            if let Some(endpoint) = endpoint {
                config = config.endpoint_url(endpoint);
            }
            let client = Client::new(&config.load().await);
            AwsSigner::new(client, key.clone(), Some(chain.0)).await
        };
        let signer = within(name, AwsKmsKey::PATIENCE, Box::pin(connecting)).await?;
        Ok(Self::elsewhere(signer, AwsKmsKey::PATIENCE))
    }
}
