//! The key that a config names.

mod elsewhere;

use std::path::Path;

use eyre::OptionExt;
use keepwright::evm::{Keystore, UnlockedKey};

use crate::{
    config::{Config, KeyConfig},
    password,
};

/// The key that the config names. What is unsafe about its file is said on standard error.
pub(crate) async fn unlock(config: &Config) -> eyre::Result<UnlockedKey> {
    let (key, chain) = (config.key.as_ref(), config.chain.id);
    match key.ok_or_eyre("the config has no `[key]`; name a keystore, or run in mode `observe`")? {
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
