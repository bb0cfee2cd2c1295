//! The table `[key]`, and those of further lanes: where a key is.

use std::path::{Path, PathBuf};

use eyre::{bail, ensure};
use keepwright::{
    core::units::ChainId,
    evm::{AwsKmsKey, GcpKmsKey, LedgerKey},
};
use serde::Deserialize;

/// The local anvil's chain, where no key is worth anything.
const DEVNET: ChainId = ChainId(31_337);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyTable {
    keystore: Option<PathBuf>,
    password_file: Option<PathBuf>,
    mnemonic: Option<MnemonicTable>,
    aws_kms: Option<AwsKmsKey>,
    gcp_kms: Option<GcpKmsKey>,
    ledger: Option<LedgerKey>,
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
    /// In AWS KMS.
    AwsKms(AwsKmsKey),
    /// In Google Cloud KMS.
    GcpKms(GcpKmsKey),
    /// In a device.
    Ledger(LedgerKey),
}

impl KeyTable {
    /// `table` is what it is called in the file.
    pub(super) fn resolve(self, table: &str, folder: &Path, chain: ChainId) -> eyre::Result<KeyConfig> {
        let password_file = self.password_file.map(|file| folder.join(file));
        let keystore =
            self.keystore.map(|file| KeyConfig::Keystore { file: folder.join(file), password_file });
        let mnemonic = self.mnemonic.map(|phrase| phrase.resolve(table, folder, chain)).transpose()?;
        let places = [
            ("keystore", keystore),
            ("mnemonic", mnemonic),
            ("aws_kms", self.aws_kms.map(KeyConfig::AwsKms)),
            ("gcp_kms", self.gcp_kms.map(KeyConfig::GcpKms)),
            ("ledger", self.ledger.map(KeyConfig::Ledger)),
        ];
        let mut named = places.into_iter().filter_map(|(name, place)| Some((name, place?)));
        match (named.next(), named.next()) {
            (Some((_, place)), None) => Ok(place),
            (Some((one, _)), Some((other, _))) => {
                bail!("`{table}.{one}` and `{table}.{other}` are both there; keep one")
            }
            (None, _) => bail!("`{table}` names no file; add `{table}.keystore`"),
        }
    }
}

impl MnemonicTable {
    fn resolve(self, table: &str, folder: &Path, chain: ChainId) -> eyre::Result<KeyConfig> {
        let Self { file, account, beyond_devnet } = self;
        ensure!(
            beyond_devnet || chain == DEVNET,
            "`{table}.mnemonic` lies on disk in clear, and this is chain {chain}; use a keystore, or say `beyond_devnet = true`"
        );
        Ok(KeyConfig::Mnemonic { file: folder.join(file), account })
    }
}
