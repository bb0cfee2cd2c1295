//! Keys that are elsewhere. A program that was built without the way to one says so.

use keepwright::{
    core::units::ChainId,
    evm::{AwsKmsKey, GcpKmsKey, LedgerKey, UnlockedKey},
};

#[cfg(feature = "aws-kms")]
pub(super) async fn in_aws_kms(place: &AwsKmsKey, chain: ChainId) -> eyre::Result<UnlockedKey> {
    Ok(UnlockedKey::in_aws_kms(place, chain).await?)
}

#[cfg(feature = "gcp-kms")]
pub(super) async fn in_gcp_kms(place: &GcpKmsKey, chain: ChainId) -> eyre::Result<UnlockedKey> {
    Ok(UnlockedKey::in_gcp_kms(place, chain).await?)
}

#[cfg(feature = "ledger")]
pub(super) async fn on_ledger(place: &LedgerKey, chain: ChainId) -> eyre::Result<UnlockedKey> {
    eprintln!("keepwright: confirm each transaction at the Ledger; nobody else can");
    Ok(UnlockedKey::on_ledger(place, chain).await?)
}

#[cfg(not(feature = "aws-kms"))]
pub(super) async fn in_aws_kms(_: &AwsKmsKey, _: ChainId) -> eyre::Result<UnlockedKey> {
    not_here("aws_kms", "aws-kms")
}

#[cfg(not(feature = "gcp-kms"))]
pub(super) async fn in_gcp_kms(_: &GcpKmsKey, _: ChainId) -> eyre::Result<UnlockedKey> {
    not_here("gcp_kms", "gcp-kms")
}

#[cfg(not(feature = "ledger"))]
pub(super) async fn on_ledger(_: &LedgerKey, _: ChainId) -> eyre::Result<UnlockedKey> {
    not_here("ledger", "ledger")
}

#[cfg(not(all(feature = "aws-kms", feature = "gcp-kms", feature = "ledger")))]
fn not_here(key: &str, feature: &str) -> eyre::Result<UnlockedKey> {
    eyre::bail!(
        "`key.{key}` cannot be used: this program was built without the feature `{feature}`; build it with `--features cli,{feature}`, or use a keystore"
    )
}
