//! Keys that are elsewhere, behind alloy's signers: in a cloud's key management service, or in a device. Each is asked for its
//! address once, and from then on for signatures of recorded transactions.
//!
//! Where a key is can always be written down and read; reaching it needs the feature of its kind.

#[cfg(feature = "aws-kms")]
mod aws_kms;
#[cfg(feature = "gcp-kms")]
mod gcp_kms;
#[cfg(feature = "ledger")]
mod ledger;

use std::time::Duration;

#[cfg(any(feature = "aws-kms", feature = "gcp-kms", feature = "ledger"))]
use agent_core::ports::BoxFuture;
use serde::Deserialize;

use crate::causes::causes;

/// How long a key management service may take for an answer, and a person at a device.
const SERVICE: Duration = Duration::from_secs(10);
const PERSON: Duration = Duration::from_secs(120);

/// A key in AWS KMS: asymmetric, to sign and verify, of the spec `ECC_SECG_P256K1`. Who acts needs `kms:GetPublicKey` and
/// `kms:Sign` on it, and is found as the AWS SDK finds them: in the environment, the files in `~/.aws`, a web identity, or by the
/// machine's metadata.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsKmsKey {
    /// Its id, its ARN, or an alias. An alias that is turned to another key later gives no signature any more.
    pub key: String,
    /// The region, in place of the one that the SDK finds.
    #[serde(default)]
    pub region: Option<String>,
    /// The service's URL, in place of the region's: a VPC endpoint, say.
    #[serde(default)]
    pub endpoint: Option<String>,
}

impl AwsKmsKey {
    /// How long an answer may take.
    pub const PATIENCE: Duration = SERVICE;
}

/// A key in Google Cloud KMS: for `ASYMMETRIC_SIGN`, of the algorithm `EC_SIGN_SECP256K1_SHA256`. Who acts needs
/// `cloudkms.cryptoKeyVersions.viewPublicKey` and `useToSign` on it, and is found as Google's libraries find them: in the file
/// that `GOOGLE_APPLICATION_CREDENTIALS` names, gcloud's own, or by the machine's metadata.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GcpKmsKey {
    /// The project's id.
    pub project: String,
    /// Where the key ring is: `global`, `europe-west1`.
    pub location: String,
    /// The key ring's name.
    pub key_ring: String,
    /// The key's name.
    pub key: String,
    /// Which of the key's versions. Another one is another address.
    pub version: u64,
}

impl GcpKmsKey {
    /// How long an answer may take.
    pub const PATIENCE: Duration = SERVICE;
}

/// A key in a Ledger that is plugged into this machine, unlocked, with its Ethereum app open. A person confirms each transaction.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerKey {
    /// The derivation path.
    #[serde(default = "first_account")]
    pub path: String,
}

impl LedgerKey {
    /// How long a person may take.
    pub const PATIENCE: Duration = PERSON;
}

/// As Ledger's own program has it.
fn first_account() -> String {
    "m/44'/60'/0'/0/0".to_owned()
}

/// Why a key that is elsewhere cannot be used. Nothing was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ElsewhereError {
    /// No answer.
    #[error("{place} does not answer within {} seconds; see whether it can be reached from here", patience.as_secs())]
    Silent {
        /// What was asked.
        place: String,
        /// For how long it was waited.
        patience: Duration,
    },
    /// It gives no key, and says why.
    #[error("{place} gives no key ({}); see that it is there, and that this process may use it", causes(source.as_ref()))]
    Refused {
        /// What was asked.
        place: String,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// That is no derivation path.
    #[error("`{0}` is no derivation path; write one like m/44'/60'/0'/0/0")]
    Path(String),
}

/// Waits for a key, though not for ever. Boxed, as the types of the clouds' libraries are deep.
#[cfg(any(feature = "aws-kms", feature = "gcp-kms", feature = "ledger"))]
async fn within<T, E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    place: String,
    patience: Duration,
    key: BoxFuture<'_, Result<T, E>>,
) -> Result<T, ElsewhereError> {
    match tokio::time::timeout(patience, key).await {
        Ok(Ok(key)) => Ok(key),
        Ok(Err(refusal)) => Err(ElsewhereError::Refused { place, source: refusal.into() }),
        Err(_elapsed) => Err(ElsewhereError::Silent { place, patience }),
    }
}
