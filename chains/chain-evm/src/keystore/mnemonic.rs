//! Keys from a mnemonic phrase (BIP-39) in a file. The phrase lies there in clear: for development, not for money.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::PermissionsExt,
    path::Path,
};

use alloy::signers::local::MnemonicBuilder;
use zeroize::Zeroizing;

use super::{KeystoreError, UnlockedKey, key::SecretBytes};

/// Twenty-four words have no more than this.
const MOST_BYTES: u64 = 1024;
const OTHERS: u32 = 0o077;

impl UnlockedKey {
    /// The key of the account `m/44'/60'/0'/0/account` of the English phrase in the file at `path`, without a passphrase.
    ///
    /// # Errors
    /// When the file cannot be read, others than its owner may use it, or it holds no such phrase. No error quotes it.
    pub fn from_mnemonic_file(path: &Path, account: u32) -> Result<Self, KeystoreError> {
        let phrase = read(path)?;
        let none = || KeystoreError::NotAMnemonic { path: path.to_owned() };
        let words: Vec<_> = phrase.split_whitespace().collect();
        let phrase = Zeroizing::new(words.join(" "));
        // The builder wipes its copy; its errors would quote words.
        let builder = MnemonicBuilder::from_phrase(phrase.as_str()).index(account);
        let signer = builder.and_then(|builder| builder.build()).map_err(|_quotes_words| none())?;
        SecretBytes(Zeroizing::new(signer.to_bytes().0)).unlock().ok_or_else(none)
    }
}

fn read(path: &Path) -> Result<Zeroizing<String>, KeystoreError> {
    let unreadable = |source| KeystoreError::from_read(path, source);
    // Asked before it is opened, as opening a pipe would wait for a writer.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(KeystoreError::NotAMnemonic { path: path.to_owned() });
    }
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(KeystoreError::OpenToOthers { path: path.to_owned(), mode });
    }
    // Of this size from the start, so that growing leaves no copy behind.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(MOST_BYTES).unwrap_or_default()));
    file.take(MOST_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use alloy::primitives::address;

    use super::*;

    /// The phrase that every development node has.
    const PHRASE: &str = "test test test test test test test test test test test junk";

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("phrase");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    fn check_refused(text: &str, mode: u32, expected: &str) {
        let (folder, path) = file(text, mode);
        let said = UnlockedKey::from_mnemonic_file(&path, 0).unwrap_err().to_string();
        assert_eq!(said.replace(&folder.path().display().to_string(), "DIR"), expected);
    }

    #[test]
    fn accounts_are_those_of_every_development_node() {
        let (_folder, path) = file(&format!("  {}\n", PHRASE.replace(' ', "\n")), 0o600);
        let of = |account| UnlockedKey::from_mnemonic_file(&path, account).unwrap().address();
        assert_eq!(of(0), address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"));
        assert_eq!(of(1), address!("70997970C51812dc3A010C7d01b50e0d17dc79C8"));
    }

    #[test]
    fn what_others_may_read_or_is_no_phrase_is_refused_without_being_quoted() {
        let others = "others may use DIR/phrase (mode 0640): take their permissions away with chmod go-rwx";
        check_refused(PHRASE, 0o640, others);
        let none = "DIR/phrase holds no english mnemonic phrase: give a file with its 12 to 24 words and nothing else";
        check_refused(&PHRASE.replace("junk", "test"), 0o600, none);
        check_refused("", 0o600, none);
        check_refused(&"test ".repeat(2_000), 0o600, none);
        let folder = tempfile::tempdir().unwrap();
        assert!(UnlockedKey::from_mnemonic_file(folder.path(), 0).is_err());
        assert!(UnlockedKey::from_mnemonic_file(&folder.path().join("none"), 0).is_err());
    }
}
