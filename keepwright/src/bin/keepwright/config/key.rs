//! The table `[key]`: where the key is.

use std::path::{Path, PathBuf};

use eyre::{bail, ensure};
use keepwright::core::units::ChainId;
use serde::Deserialize;

/// The local anvil's chain, where no key is worth anything.
const DEVNET: ChainId = ChainId(31_337);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyTable {
    keystore: Option<PathBuf>,
    password_file: Option<PathBuf>,
    mnemonic: Option<MnemonicTable>,
}

/// A phrase in a file, in clear.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MnemonicTable {
    file: PathBuf,
    #[serde(default)]
    account: u32,
    #[serde(default)]
    beyond_devnet: bool,
}

/// Where the key is.
#[derive(Debug)]
pub(crate) enum KeyConfig {
    /// In a keystore, behind a password.
    Keystore { file: PathBuf, password_file: Option<PathBuf> },
    /// Under a mnemonic phrase, in clear.
    Mnemonic { file: PathBuf, account: u32 },
}

impl KeyTable {
    pub(super) fn resolve(self, folder: &Path, chain: ChainId) -> eyre::Result<KeyConfig> {
        match (self.keystore, self.mnemonic) {
            (Some(file), None) => {
                let password_file = self.password_file.map(|file| folder.join(file));
                Ok(KeyConfig::Keystore { file: folder.join(file), password_file })
            }
            (None, Some(MnemonicTable { file, account, beyond_devnet })) => {
                ensure!(
                    beyond_devnet || chain == DEVNET,
                    "`key.mnemonic` lies on disk in clear, and this is chain {chain}; use a keystore, or say `beyond_devnet = true`"
                );
                Ok(KeyConfig::Mnemonic { file: folder.join(file), account })
            }
            (Some(_), Some(_)) => bail!("`key.keystore` and `key.mnemonic` are both there; keep one"),
            (None, None) => bail!("`key` names no file; add `key.keystore`"),
        }
    }
}
