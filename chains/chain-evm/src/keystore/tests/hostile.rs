use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

fn refused(file: &Value) -> String {
    let (folder, path) = write(file.to_string());
    let outcome = Keystore::open(&path).and_then(|keystore| keystore.unlock(&password()));
    outcome.expect_err("refused").to_string().replace(&folder.path().display().to_string(), "")
}

fn check(pointer: &str, value: Value, expected: &Expect) {
    let mut file = cheap(&official_key(), Some(OWNER));
    *file.pointer_mut(pointer).expect("a member") = value;
    expected.assert_eq(&refused(&file));
}

#[test]
fn keystore_says_what_is_not_supported() {
    check(
        "/version",
        json!(1),
        &expect![
            "keystore /key.json is not of version 3: export the key as version 3 from the wallet that made it"
        ],
    );
    check(
        "/version",
        json!("3"),
        &expect![
            "keystore /key.json is not of version 3: export the key as version 3 from the wallet that made it"
        ],
    );
    check(
        "/crypto/cipher",
        json!("aes-256-gcm"),
        &expect!["keystore /key.json uses an unknown cipher: export it with aes-128-ctr"],
    );
    check(
        "/crypto/kdf",
        json!("argon2id"),
        &expect![
            "keystore /key.json derives its key in an unknown way: export it with scrypt or pbkdf2 (hmac-sha256)"
        ],
    );
    let mut file = official_pbkdf2();
    file["crypto"]["kdfparams"]["prf"] = json!("hmac-sha1");
    expect![
        "keystore /key.json derives its key in an unknown way: export it with scrypt or pbkdf2 (hmac-sha256)"
    ]
    .assert_eq(&refused(&file));
}

#[test]
fn keystore_says_what_is_malformed() {
    check(
        "/version",
        json!(null),
        &expect![
            "keystore /key.json is not of version 3: export the key as version 3 from the wallet that made it"
        ],
    );
    check(
        "/crypto",
        json!([]),
        &expect![
            "/key.json is not a keystore (it names no cipher): give the path of a version 3 keystore file"
        ],
    );
    check(
        "/crypto/ciphertext",
        json!("00".repeat(33)),
        &expect![
            "/key.json is not a keystore (its ciphertext does not have the length of a key): give the path of a version 3 keystore file"
        ],
    );
    check(
        "/crypto/ciphertext",
        json!(""),
        &expect![
            "/key.json is not a keystore (its ciphertext does not have the length of a key): give the path of a version 3 keystore file"
        ],
    );
    check(
        "/crypto/ciphertext",
        json!("xyz"),
        &expect![
            "/key.json is not a keystore (its ciphertext is not hexadecimal): give the path of a version 3 keystore file"
        ],
    );
    check(
        "/crypto/cipherparams/iv",
        json!("00"),
        &expect![
            "/key.json is not a keystore (its iv is not 16 bytes): give the path of a version 3 keystore file"
        ],
    );
    check(
        "/crypto/mac",
        json!("00"),
        &expect![
            "/key.json is not a keystore (its mac is not 32 bytes): give the path of a version 3 keystore file"
        ],
    );
    check(
        "/crypto/kdfparams/n",
        json!(-8),
        &expect![
            "/key.json is not a keystore (a number of its kdfparams is missing): give the path of a version 3 keystore file"
        ],
    );
    check(
        "/crypto/kdfparams/n",
        json!(1e300),
        &expect![
            "/key.json is not a keystore (a number of its kdfparams is missing): give the path of a version 3 keystore file"
        ],
    );
    check(
        "/address",
        json!("0x12"),
        &expect![
            "/key.json is not a keystore (its address is malformed): give the path of a version 3 keystore file"
        ],
    );
}

#[test]
fn keystore_bounds_what_a_file_may_ask_for() {
    check(
        "/crypto/kdfparams/dklen",
        json!(16),
        &expect![
            "keystore /key.json asks for a key derivation out of bounds (dklen is less than 32): do not use a file of unknown origin"
        ],
    );
    for n in [0, 1, 3, 262_143, 1 << 21, 1 << 40, 1 << 63, u64::MAX] {
        asks_too_much("n", n);
    }
    for factor in [0, 33, 1 << 20, 1 << 32, u64::MAX] {
        asks_too_much("r", factor);
        asks_too_much("p", factor);
    }
    for rounds in [0, 10_000_001, 1 << 32, u64::MAX] {
        let mut file = official_pbkdf2();
        file["crypto"]["kdfparams"]["c"] = json!(rounds);
        assert!(matches!(open(&file), Err(KeystoreError::KdfOutOfBounds { .. })), "{rounds}");
    }
    let mut file = official_scrypt();
    file["crypto"]["kdfparams"] = json!({ "dklen": 32, "n": 1 << 20, "r": 8, "p": 4, "salt": "" });
    assert!(matches!(open(&file), Err(KeystoreError::KdfOutOfBounds { .. })), "too much time");
}

fn asks_too_much(name: &str, value: u64) {
    let mut file = cheap(&official_key(), None);
    file["crypto"]["kdfparams"][name] = json!(value);
    assert!(matches!(open(&file), Err(KeystoreError::KdfOutOfBounds { .. })), "{name} {value}");
}

#[test]
fn keystore_says_when_it_does_not_open() {
    check(
        "/crypto/mac",
        json!("00".repeat(32)),
        &expect!["password does not open keystore /key.json: check it, or restore the file if it is damaged"],
    );
    check(
        "/crypto/ciphertext",
        json!("00".repeat(32)),
        &expect!["password does not open keystore /key.json: check it, or restore the file if it is damaged"],
    );
    check(
        "/address",
        json!("00".repeat(20)),
        &expect![
            "keystore /key.json claims address 0x0000000000000000000000000000000000000000 but holds the key of 0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b: do not use it before you know why"
        ],
    );
    expect!["keystore /key.json holds no valid private key: restore it from a backup"]
        .assert_eq(&refused(&cheap(&[0; 32], None)));
    expect!["keystore /key.json holds no valid private key: restore it from a backup"]
        .assert_eq(&refused(&cheap(&[0xff; 32], None)));
}

#[test]
fn keystore_is_a_plain_small_file() {
    let (folder, path) = write(vec![b' '; 1 << 20]);
    assert!(matches!(Keystore::open(&path), Err(KeystoreError::NotAKeystore { .. })));
    assert!(matches!(Keystore::open(folder.path()), Err(KeystoreError::NotAKeystore { .. })));
    let missing = Keystore::open(&folder.path().join("nowhere.json")).expect_err("missing").to_string();
    expect!["keystore /nowhere.json does not exist: check the path, or create a keystore first"]
        .assert_eq(&missing.replace(&folder.path().display().to_string(), ""));
    assert!(matches!(
        open(&json!(format!("{}3", "[".repeat(9000)))),
        Err(KeystoreError::NotAKeystore { .. })
    ));
    let (_folder, path) = write("[".repeat(60_000));
    assert!(matches!(Keystore::open(&path), Err(KeystoreError::NotAKeystore { .. })));
}

#[test]
fn keystore_does_not_wait_for_a_pipe() {
    let folder = TempDir::new().expect("folder");
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo");
    assert!(made.success());
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(Keystore::open(&path).is_err()));
    assert_eq!(receiver.recv_timeout(Duration::from_secs(10)), Ok(true));
}

/// Any JSON value up to a small depth.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,70}".prop_map(Value::from),
        "(0x)?[0-9a-fA-F]{0,70}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Value::from))
}

const MEMBERS: [&str; 14] = [
    "/version",
    "/address",
    "/id",
    "/crypto",
    "/crypto/cipher",
    "/crypto/cipherparams",
    "/crypto/cipherparams/iv",
    "/crypto/ciphertext",
    "/crypto/kdf",
    "/crypto/kdfparams",
    "/crypto/mac",
    "/crypto/kdfparams/salt",
    "/crypto/kdfparams/dklen",
    "/crypto/kdfparams/p",
];

proptest! {
    #[test]
    fn keystore_survives_garbage(text in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(json::parse(&text).is_err());
    }

    #[test]
    fn keystore_survives_truncation(keep in 0_usize..1000) {
        let text = cheap(&official_key(), Some(OWNER)).to_string();
        let cut = &text.as_bytes()[..keep.min(text.len().saturating_sub(1))];
        prop_assert!(json::parse(cut).is_err());
    }

    #[test]
    fn keystore_survives_flipped_bytes(at in 0_usize..520, byte in any::<u8>()) {
        let mut text = cheap(&official_key(), Some(OWNER)).to_string().into_bytes();
        if let Some(place) = text.get_mut(at) {
            *place = byte;
        }
        // Whatever still opens has the same key. The MAC does not cover the iv, so this takes the address.
        if let Some(key) = json::parse(&text).ok().and_then(|envelope| cheap_open(&envelope)) {
            prop_assert_eq!(key.address(), OWNER);
        }
    }

    #[test]
    fn keystore_survives_any_member(member in prop::sample::select(&MEMBERS[..]), value in any_json()) {
        let mut file = cheap(&official_key(), Some(OWNER));
        if let Some(place) = file.pointer_mut(member) {
            *place = value;
        }
        let _outcome = json::parse(file.to_string().as_bytes()).map(|envelope| cheap_open(&envelope).is_some());
    }

    #[test]
    fn keystore_rendering_is_parsed_back(
        claimed in any::<Option<[u8; 20]>>(), iv in any::<[u8; 16]>(), mac in any::<[u8; 32]>(),
        ciphertext in prop::collection::vec(any::<u8>(), 1..=32), salt in prop::collection::vec(any::<u8>(), 0..64),
        log_n in 1_u8..=20, rounds in 1_u32..10_000_000, by_scrypt in any::<bool>(),
    ) {
        let kdf = if by_scrypt { Kdf::Scrypt { log_n, r: 8, p: 1, salt } } else { Kdf::Pbkdf2 { rounds, salt } };
        let envelope = Envelope { address: claimed.map(Address::from), kdf, iv, ciphertext, mac };
        let text = json::render(&envelope).expect("rendered");
        prop_assert_eq!(json::parse(text.as_bytes()), Ok(envelope));
    }
}

/// Unlocks only what stayed cheap, so that a case takes no second.
fn cheap_open(envelope: &Envelope) -> Option<UnlockedKey> {
    if !matches!(envelope.kdf, Kdf::Scrypt { log_n: 0..=4, r: 0..=8, p: 0..=8, .. }) {
        return None;
    }
    let keystore = Keystore { path: PathBuf::new(), envelope: envelope.clone(), warnings: Vec::new() };
    keystore.unlock(&password()).ok()
}
