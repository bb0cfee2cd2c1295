//! The keys that a config names.

mod elsewhere;

use std::path::Path;

use eyre::{OptionExt, bail};
use keepwright::{
    LaneKeys,
    door::{DEFAULT_LANE, Policy},
    evm::{Keystore, UnlockedKey},
};

use crate::{
    config::{Config, KeyConfig},
    password,
};

/// Whether the config names a key for every lane of the policy, and for nothing else.
pub(crate) fn check_lanes(config: &Config, policy: &Policy) -> eyre::Result<()> {
    let is_of_policy = |name: &str| policy.lanes().any(|(lane, _)| lane == name);
    if let Some(lane) = config.lanes().find(|lane| !is_of_policy(lane)) {
        bail!("the policy has no lane `{lane}`; add `[lanes.{lane}]` there, or remove it from the config");
    }
    if let Some(lane) = others(policy).find(|lane| config.key(lane).1.is_none()) {
        bail!("lane `{lane}` of the policy has no key; add `[lanes.{lane}.key]` to the config");
    }
    Ok(())
}

/// The key of every lane that the policy has.
pub(crate) async fn unlock_all(config: &Config, policy: &Policy) -> eyre::Result<LaneKeys> {
    let mut keys = LaneKeys::one(unlock(config, DEFAULT_LANE).await?);
    for lane in others(policy) {
        keys = keys.with(lane, unlock(config, lane).await?);
    }
    Ok(keys)
}

fn others(policy: &Policy) -> impl Iterator<Item = &str> {
    policy.lanes().map(|(lane, _)| lane).filter(|lane| *lane != DEFAULT_LANE)
}

/// The key of a lane. What is unsafe about its file is said on standard error.
pub(crate) async fn unlock(config: &Config, lane: &str) -> eyre::Result<UnlockedKey> {
    let ((table, key), chain) = (config.key(lane), config.chain.id);
    let missing = format!("the config has no `[{table}]`; name a keystore, or run in mode `observe`");
    match key.ok_or_eyre(missing)? {
        KeyConfig::Keystore { file, password_file } => {
            let keystore = Keystore::open(file)?;
            for warning in keystore.warnings() {
                eprintln!("keepwright: warning: {warning}");
            }
            Ok(keystore.unlock(&password::read(password_file.as_deref())?)?)
        }
        KeyConfig::Mnemonic { file, account } => derive(file, *account),
        KeyConfig::AwsKms(place) => elsewhere::in_aws_kms(place, chain).await,
        KeyConfig::GcpKms(place) => elsewhere::in_gcp_kms(place, chain).await,
        KeyConfig::Ledger(place) => elsewhere::on_ledger(place, chain).await,
    }
}

#[cfg(feature = "mnemonic")]
fn derive(file: &Path, account: u32) -> eyre::Result<UnlockedKey> {
    Ok(UnlockedKey::from_mnemonic_file(file, account)?)
}

#[cfg(not(feature = "mnemonic"))]
fn derive(file: &Path, account: u32) -> eyre::Result<UnlockedKey> {
    eyre::bail!(
        "account {account} of {} cannot be used: this program was built without the feature `mnemonic`; use a keystore",
        file.display()
    )
}
