//! The key that a config names.

use std::path::Path;

use eyre::OptionExt;
use keepwright::evm::{Keystore, UnlockedKey};

use crate::{
    config::{Config, KeyConfig},
    password,
};

/// The key that the config names. What is unsafe about its file is said on standard error.
pub(crate) fn unlock(config: &Config) -> eyre::Result<UnlockedKey> {
    let key = config.key.as_ref();
    match key.ok_or_eyre("the config has no `[key]`; name a keystore, or run in mode `observe`")? {
        KeyConfig::Keystore { file, password_file } => {
            let keystore = Keystore::open(file)?;
            for warning in keystore.warnings() {
                eprintln!("keepwright: warning: {warning}");
            }
            Ok(keystore.unlock(&password::read(password_file.as_deref())?)?)
        }
        KeyConfig::Mnemonic { file, account } => derive(file, *account),
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
