use std::os::unix::fs::{PermissionsExt, symlink};

use alloy::hex;
use alloy::primitives::address;
use serde_json::{Value, json};
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::*;
use crate::keystore::key::SecretBytes;

mod hostile;

/// The private key, password and files of the format's own definition.
const PRIVATE_KEY: &str = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
/// The same key, cut.
const PART: &str = "28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
const START: &str = "7a28b5ba57c53603";
const PASSWORD: &str = "testpassword";
const OWNER: Address = address!("0x008aeeda4d805471df9b2a5b0f38a0c3bcba786b");

fn password() -> Password {
    Password::new(PASSWORD.to_owned())
}

fn official_scrypt() -> Value {
    json!({
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": "83dbcc02d8ccb40e466191a123791e0e" },
            "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
            "kdf": "scrypt",
            "kdfparams": {
                "dklen": 32, "n": 262_144, "r": 1, "p": 8,
                "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
            },
            "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
        },
        "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
        "version": 3,
    })
}

fn official_pbkdf2() -> Value {
    json!({
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": "6087dab2f9fdbbfaddc31a909735c1e6" },
            "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
            "kdf": "pbkdf2",
            "kdfparams": {
                "c": 262_144, "dklen": 32, "prf": "hmac-sha256",
                "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
            },
            "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
        },
        "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
        "version": 3,
    })
}

/// A keystore of `secret` that costs next to nothing to open.
fn cheap(secret: &[u8], claimed: Option<Address>) -> Value {
    let kdf = Kdf::Scrypt { log_n: 1, r: 8, p: 1, salt: vec![7; 32] };
    let envelope = Envelope::seal(secret, claimed, &password(), kdf, [9; 16]).expect("sealed");
    serde_json::from_str(&json::render(&envelope).expect("rendered")).expect("is JSON")
}

fn official_key() -> Vec<u8> {
    hex::decode(PRIVATE_KEY).expect("hexadecimal")
}

fn write(text: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("folder");
    let path = folder.path().join("key.json");
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode set");
    (folder, path)
}

fn open(file: &Value) -> Result<Keystore, KeystoreError> {
    let (_folder, path) = write(file.to_string());
    Keystore::open(&path)
}

fn unlock(file: &Value) -> Result<UnlockedKey, KeystoreError> {
    open(file)?.unlock(&password())
}

fn opens(file: &Value) {
    let key = unlock(file).expect("opens");
    assert_eq!(key.address(), OWNER);
    let Place::Here(secret) = &key.place else { panic!("elsewhere") };
    assert_eq!(hex::encode(secret.key.secret_bytes()), PRIVATE_KEY);
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("is there").permissions().mode() & 0o7777
}

#[test]
fn keystore_opens_the_official_scrypt_vector() {
    opens(&official_scrypt());
    // N is large enough, but r = 1 makes it 32 MiB.
    let weak = KeystoreWarning::WeakKdf { kdf: "scrypt", cost: 32_768, least: 131_072 };
    assert_eq!(open(&official_scrypt()).expect("opens").warnings(), [weak]);
}

#[test]
fn keystore_opens_the_official_pbkdf2_vector() {
    opens(&official_pbkdf2());
    assert_eq!(open(&official_pbkdf2()).expect("opens").warnings(), []);
}

#[test]
fn keystore_opens_the_spellings_of_other_wallets() {
    let plain = cheap(&official_key(), Some(OWNER));
    opens(&plain);
    let text = plain.to_string();
    let spelled = |from: &str, to: &str| {
        assert!(text.contains(from), "nothing to respell");
        opens(&serde_json::from_str(&text.replacen(from, to, 1)).expect("is JSON"));
    };
    let claimed = format!("\"{}\"", hex::encode(OWNER));
    spelled("\"crypto\"", "\"Crypto\"");
    spelled("\"aes-128-ctr\"", "\"AES-128-CTR\"");
    spelled("\"dklen\":32", "\"dklen\":64");
    spelled(&claimed, &format!("\"{OWNER}\""));
    spelled(&claimed, &claimed.to_uppercase());
    spelled(&claimed, "\"\"");
    spelled(&claimed, "null");
    let mut prefixed = plain.clone();
    for name in ["mac", "ciphertext"] {
        let digits = prefixed["crypto"][name].as_str().unwrap_or_default().to_uppercase();
        prefixed["crypto"][name] = format!("0x{digits}").into();
    }
    opens(&prefixed);
}

#[test]
fn keystore_opens_keys_that_lost_their_leading_zeros() {
    let mut bytes = [0x55; 32];
    bytes[0] = 0;
    let whole = SecretBytes(Zeroizing::new(bytes)).unlock().expect("a key").address();
    assert_eq!(unlock(&cheap(&bytes[1..], Some(whole))).expect("opens").address(), whole);
}

#[test]
fn keystore_round_trip_on_disk() {
    let folder = TempDir::new().expect("folder");
    let directory = folder.path().join("new/keys");
    let keystore = Keystore::generate(&directory, &password(), ScryptCost::LEAST).expect("generated");
    assert_eq!((mode(keystore.path()), mode(&directory)), (0o600, 0o700));
    assert_eq!(keystore.warnings(), []);
    let key = keystore.unlock(&password()).expect("opens");
    assert_eq!(keystore.address(), Some(key.address()));
    assert_eq!(keystore.path(), directory.join(format!("{:#x}.json", key.address())));
    assert_eq!(fs::read_dir(&directory).expect("folder").count(), 1, "nothing else is left behind");
    let wrong = keystore.unlock(&Password::new("testpasswore".to_owned()));
    assert!(matches!(wrong, Err(KeystoreError::WrongPassword { .. })));
    let written: Value = serde_json::from_slice(&fs::read(keystore.path()).expect("read")).expect("is JSON");
    assert_eq!(written["crypto"]["kdfparams"]["n"], 131_072);
    let id = written["id"].as_str().expect("an id");
    assert_eq!((id.len(), id.chars().nth(14)), (36, Some('4')));
}

#[test]
fn keystore_import_never_overwrites() {
    let folder = TempDir::new().expect("folder");
    let import = |text: &str| Keystore::import(folder.path(), text, &password(), ScryptCost::LEAST);
    let path = import(PRIVATE_KEY).expect("imported").path().to_owned();
    let before = fs::read(&path).expect("read");
    assert!(matches!(import(&format!("0x{PRIVATE_KEY}\n")), Err(KeystoreError::Exists { .. })));
    assert_eq!(fs::read(&path).expect("read"), before);
    assert_eq!(Keystore::open(&path).expect("opens").address(), Some(OWNER));
}

#[test]
fn keystore_file_is_created_by_one_of_many() {
    let folder = TempDir::new().expect("folder");
    let path = folder.path().join("key.json");
    let created = std::thread::scope(|scope| {
        let attempt =
            |number: u8| disk::create(folder.path(), &folder.path().join("key.json"), &[number; 500]);
        let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || attempt(number))).collect();
        threads.into_iter().map(|thread| thread.join().expect("joined").is_ok()).filter(|won| *won).count()
    });
    assert_eq!(created, 1);
    assert_eq!(fs::read(&path).expect("read").len(), 500);
    assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 1, "no part file is left");
}

#[test]
fn keystore_does_not_write_through_a_dangling_link() {
    let folder = TempDir::new().expect("folder");
    let path = folder.path().join(format!("{OWNER:#x}.json"));
    symlink(folder.path().join("elsewhere"), &path).expect("linked");
    let refused = Keystore::import(folder.path(), PRIVATE_KEY, &password(), ScryptCost::LEAST);
    assert!(matches!(refused, Err(KeystoreError::Exists { .. })));
}

#[test]
fn keystore_warns_about_loose_modes() {
    let (folder, path) = write(cheap(&official_key(), None).to_string());
    let loose = |path: &Path, mode| KeystoreWarning::LooseMode { path: path.to_owned(), mode };
    let weak = KeystoreWarning::WeakKdf { kdf: "scrypt", cost: 2, least: 131_072 };
    assert_eq!(Keystore::open(&path).expect("opens").warnings(), std::slice::from_ref(&weak));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("mode set");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o770)).expect("mode set");
    let expected = [loose(&path, 0o640), loose(folder.path(), 0o770), weak];
    assert_eq!(Keystore::open(&path).expect("opens").warnings(), expected);
}

#[test]
fn keystore_list_is_ordered_and_says_what_is_wrong() {
    let (folder, path) = write(cheap(&official_key(), Some(OWNER)).to_string());
    fs::write(folder.path().join("a-note.txt"), "remember the milk").expect("written");
    fs::write(folder.path().join(".hidden.part"), "").expect("written");
    fs::create_dir(folder.path().join("folder")).expect("made");
    let listed = Keystore::list(folder.path()).expect("listed");
    assert_eq!(listed.len(), 2);
    assert!(matches!(listed[0], Err(KeystoreError::NotAKeystore { .. })));
    assert_eq!(listed[1].as_ref().expect("opens").path(), path);
    let missing = Keystore::list(&folder.path().join("nowhere"));
    assert!(matches!(missing, Err(KeystoreError::Missing { .. })));
}

#[test]
fn keystore_refuses_what_is_not_safe_to_create() {
    let folder = TempDir::new().expect("folder");
    let empty = Keystore::generate(folder.path(), &Password::new(String::new()), ScryptCost::LEAST);
    assert!(matches!(empty, Err(KeystoreError::EmptyPassword)));
    for log_n in [0, 13, 16, 21, 255] {
        assert!(matches!(ScryptCost::new(log_n), Err(KeystoreError::CostOutOfBounds { .. })), "{log_n}");
    }
    assert_eq!(ScryptCost::new(17).expect("in bounds"), ScryptCost::LEAST);
    assert_eq!(ScryptCost::default().log_n(), 18);
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    for text in ["", "0x", "zz", PART, &format!("{PRIVATE_KEY}00"), &"0".repeat(64), order] {
        let refused = Keystore::import(folder.path(), text, &password(), ScryptCost::LEAST);
        assert!(matches!(refused, Err(KeystoreError::InvalidPrivateKey)), "{text}");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 0);
}

#[test]
fn keystore_shows_neither_key_nor_password() {
    let file = cheap(&official_key(), Some(OWNER));
    let keystore = open(&file).expect("opens");
    let key = keystore.unlock(&password()).expect("opens");
    let wrong_word = Password::new(PRIVATE_KEY.to_owned());
    let wrong = keystore.unlock(&wrong_word).expect_err("wrong password");
    let folder = TempDir::new().expect("folder");
    let bad_import = Keystore::import(folder.path(), PART, &wrong_word, ScryptCost::LEAST);
    let bad_import = bad_import.expect_err("too short");
    // A user who gives a key or password file for a keystore must not find it in a log.
    let bad_file = Keystore::open(&write(PRIVATE_KEY).1).expect_err("gone");
    let (_folder, path) = write(format!("{{\"version\":\"{PRIVATE_KEY}\",\"{PASSWORD}\":1"));
    let bad_json = Keystore::open(&path).expect_err("not JSON");
    let bad_version = open(&json!({ "version": PRIVATE_KEY })).expect_err("no version");
    let shown = format!(
        "{:?} {wrong_word:?} {keystore:?} {key:?} {wrong} {wrong:?} {bad_import} {bad_import:?} {bad_file} {bad_file:?} \
         {bad_json} {bad_json:?} {bad_version} {bad_version:?}",
        password()
    );
    let shown = shown.to_lowercase();
    let secret_numbers = format!("{:?}", official_key());
    for secret in [PASSWORD, PRIVATE_KEY, PART, START, secret_numbers.trim_matches(['[', ']'])] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(shown.contains("008aeeda"), "the address may be shown");
}
