//! The text of a keystore file. Errors never quote it: what looks like a keystore may be anything.

use alloy::hex;
use alloy::primitives::Address;
use serde_json::{Value, json};

use super::KeystoreError;
use super::envelope::Envelope;
use super::error::Flaw;
use super::kdf::Kdf;
use super::key::{KEY_BYTES, random};

const CIPHER: &str = "aes-128-ctr";
const PRF: &str = "hmac-sha256";
const SCRYPT: &str = "scrypt";
const PBKDF2: &str = "pbkdf2";

pub(super) fn parse(text: &[u8]) -> Result<Envelope, Flaw> {
    let root: Value = serde_json::from_slice(text).map_err(|_quotes_input| Flaw::Form("it is not JSON"))?;
    let version = field(&root, "version").ok_or(Flaw::Form("it has no version"))?;
    if version.as_u64() != Some(3) {
        return Err(Flaw::Version);
    }
    let crypto = field(&root, "crypto").ok_or(Flaw::Form("it has no crypto section"))?;
    if !text_of(crypto, "cipher").ok_or(Flaw::Form("it names no cipher"))?.eq_ignore_ascii_case(CIPHER) {
        return Err(Flaw::Cipher);
    }
    let cipher = field(crypto, "cipherparams").ok_or(Flaw::Form("it has no cipherparams"))?;
    let ciphertext = bytes_of(crypto, "ciphertext").ok_or(Flaw::Form("its ciphertext is not hexadecimal"))?;
    if !(1..=KEY_BYTES).contains(&ciphertext.len()) {
        return Err(Flaw::Form("its ciphertext does not have the length of a key"));
    }
    Ok(Envelope {
        address: address(&root)?,
        kdf: kdf(crypto)?,
        iv: array_of(cipher, "iv").ok_or(Flaw::Form("its iv is not 16 bytes"))?,
        ciphertext,
        mac: array_of(crypto, "mac").ok_or(Flaw::Form("its mac is not 32 bytes"))?,
    })
}

pub(super) fn render(envelope: &Envelope) -> Result<String, KeystoreError> {
    let (kdf, kdfparams) = match &envelope.kdf {
        Kdf::Scrypt { log_n, r, p, salt } => {
            let n = 1_u64.checked_shl(u32::from(*log_n));
            (SCRYPT, json!({ "dklen": 32, "n": n, "r": r, "p": p, "salt": hex::encode(salt) }))
        }
        Kdf::Pbkdf2 { rounds, salt } => {
            (PBKDF2, json!({ "dklen": 32, "c": rounds, "prf": PRF, "salt": hex::encode(salt) }))
        }
    };
    let file = json!({
        "address": envelope.address.map(hex::encode),
        "crypto": {
            "cipher": CIPHER,
            "cipherparams": { "iv": hex::encode(envelope.iv) },
            "ciphertext": hex::encode(&envelope.ciphertext),
            "kdf": kdf,
            "kdfparams": kdfparams,
            "mac": hex::encode(envelope.mac),
        },
        "id": uuid_v4()?,
        "version": 3,
    });
    serde_json::to_string_pretty(&file).map_err(|source| KeystoreError::Encode { source })
}

fn kdf(crypto: &Value) -> Result<Kdf, Flaw> {
    let name = text_of(crypto, "kdf").ok_or(Flaw::Form("it names no kdf"))?;
    let params = field(crypto, "kdfparams").ok_or(Flaw::Form("it has no kdfparams"))?;
    let is_scrypt = name.eq_ignore_ascii_case(SCRYPT);
    let is_hmac = text_of(params, "prf").is_some_and(|prf| prf.eq_ignore_ascii_case(PRF));
    let is_pbkdf2 = is_hmac && name.eq_ignore_ascii_case(PBKDF2);
    if !is_scrypt && !is_pbkdf2 {
        return Err(Flaw::Kdf);
    }
    let salt = bytes_of(params, "salt").ok_or(Flaw::Form("its salt is not hexadecimal"))?;
    let missing = Flaw::Form("a number of its kdfparams is missing");
    let number = |name| field(params, name).and_then(Value::as_u64).ok_or(missing);
    if number("dklen")? < 32 {
        return Err(Flaw::Bounds("dklen is less than 32"));
    }
    if is_scrypt {
        Kdf::scrypt(number("n")?, number("r")?, number("p")?, salt)
    } else {
        Kdf::pbkdf2(number("c")?, salt)
    }
}

/// The address that the file claims. Privacy-minded wallets leave it out or empty.
fn address(root: &Value) -> Result<Option<Address>, Flaw> {
    match field(root, "address") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(_) => array_of(root, "address")
            .map(|bytes| Some(Address::new(bytes)))
            .ok_or(Flaw::Form("its address is malformed")),
    }
}

/// A member by name; some wallets write `Crypto`.
fn field<'value>(value: &'value Value, name: &str) -> Option<&'value Value> {
    value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, member)| member)
}

fn text_of<'value>(value: &'value Value, name: &str) -> Option<&'value str> {
    field(value, name)?.as_str()
}

fn bytes_of(value: &Value, name: &str) -> Option<Vec<u8>> {
    hex::decode(text_of(value, name)?).ok()
}

fn array_of<const LENGTH: usize>(value: &Value, name: &str) -> Option<[u8; LENGTH]> {
    bytes_of(value, name)?.try_into().ok()
}

/// A random UUID. The format wants one; nothing here reads it.
fn uuid_v4() -> Result<String, KeystoreError> {
    let mut bytes: [u8; 16] = random()?;
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version = (*version & 0x0f) | 0x40;
    *variant = (*variant & 0x3f) | 0x80;
    let part = |range| hex::encode(bytes.get::<std::ops::Range<usize>>(range).unwrap_or_default());
    Ok([part(0..4), part(4..6), part(6..8), part(8..10), part(10..16)].join("-"))
}
