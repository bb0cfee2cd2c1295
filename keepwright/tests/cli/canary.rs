//! A canary for a key and a secret in a URL: whatever the binary says and writes, neither is in it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use alloy::primitives::hex;
use chain_devnet::{Asset, World};

use crate::desk::{Checked, Desk, sent};

/// Thirty-two bytes that nothing else makes.
const CANARY: [u8; 32] = [
    0xc4, 0x4a, 0x91, 0x1e, 0x5f, 0x0d, 0xb3, 0x77, 0x29, 0xe8, 0x6c, 0x13, 0xd2, 0x58, 0xaf, 0x40, 0x9b,
    0x36, 0xf1, 0x84, 0x0a, 0x6d, 0xc7, 0x52, 0xbe, 0x15, 0x68, 0xd9, 0x33, 0x8c, 0xe5, 0x7f,
];
const SECRET: &str = "s3cr3t-of-the-provider-9f8e7d";

/// Each way in which the key could be written, in parts long enough to be nothing else.
fn needles() -> Vec<Vec<u8>> {
    let mut backwards = CANARY;
    backwards.reverse();
    let mut found = vec![SECRET.as_bytes().to_vec()];
    for key in [CANARY, backwards] {
        let text = hex::encode(key).into_bytes();
        found.extend([key[..8].to_vec(), key[24..].to_vec()]);
        found.extend([text[..16].into(), text[48..].into(), text[..16].to_ascii_uppercase()]);
        found.push(text[..16].iter().rev().copied().collect());
        found.push(base64(&key).bytes().take(16).collect());
        let list: Vec<_> = key[..6].iter().map(u8::to_string).collect();
        found.extend([list.join(", ").into(), list.join(",").into()]);
    }
    found
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |group: &[u8], shift: usize| {
        let bits = group.iter().fold(0_usize, |bits, byte| (bits << 8) | usize::from(*byte));
        char::from(DIGITS[(bits >> shift) & 63])
    };
    bytes.chunks_exact(3).flat_map(|group| [18, 12, 6, 0].map(|shift| digit(group, shift))).collect()
}

/// Bytes that are shown before and after a find.
const AROUND: usize = 400;

fn is_clean(what: &str, bytes: &[u8]) -> Checked {
    for needle in needles() {
        let place = bytes.windows(needle.len()).position(|window| window == needle);
        let around = place.map(|place| {
            let (start, end) = (place.saturating_sub(AROUND), bytes.len().min(place.saturating_add(AROUND)));
            String::from_utf8_lossy(&bytes[start..end]).into_owned()
        });
        assert_eq!(around, None, "{what} holds {:?}", String::from_utf8_lossy(&needle));
    }
    Ok(())
}

fn files_are_clean(folder: &Path) -> Checked<Vec<PathBuf>> {
    let mut checked = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            checked.extend(files_are_clean(&path)?);
        } else if path.is_file() {
            is_clean(&path.display().to_string(), &fs::read(&path)?)?;
            checked.push(path);
        }
    }
    Ok(checked)
}

#[test]
fn the_canary_would_be_found() {
    for needle in needles() {
        assert!(
            std::panic::catch_unwind(|| is_clean("a cage", &[b"..", needle.as_slice()].concat())).is_err()
        );
    }
    assert_eq!(base64(b"a canary!"), "YSBjYW5hcnkh");
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn neither_key_nor_url_secret_is_said_or_written() -> Checked {
    let (desk, devnet, _) = Desk::on_devnet().await?;
    let key = desk.import(&CANARY)?;
    devnet.fund(key, alloy::primitives::U256::from(10_u128.pow(19))).await?;
    desk.edit("liquidator.toml", &devnet.ws_url(), &format!("{}/?key={SECRET}", devnet.ws_url()))?;
    let mut said = Vec::new();
    let mut hear = |output: std::process::Output| said.extend([output.stdout, output.stderr].concat());
    hear(desk.trace("executor deploy --config liquidator.toml")?);
    desk.adopt(key.create(0))?;
    // Things that go wrong.
    let config = fs::read_to_string(desk.path("liquidator.toml"))?;
    desk.edit("liquidator.toml", "profile = \"devnet\"", "profile = \"ethereum\"")?;
    hear(desk.trace("run --config liquidator.toml --mode live")?);
    desk.write("liquidator.toml", &config)?;
    let nowhere = format!("http://user:{SECRET}@127.0.0.1:1/{SECRET}?key={SECRET}");
    desk.edit("liquidator.toml", &format!("{}/?key={SECRET}", devnet.ws_url()), &nowhere)?;
    hear(desk.trace("run --config liquidator.toml --mode live")?);
    desk.write("liquidator.toml", &config)?;
    desk.write("password", "not the password")?;
    hear(desk.trace("run --config liquidator.toml --mode live")?);
    desk.write("password", "nobody else is on this chain")?;
    // A life, with everything that an operator may ask meanwhile.
    let hash = crate::live::hash(&desk)?;
    let mut agent = desk
        .start_traced(&format!("run --config liquidator.toml --mode live --json --confirm-policy {hash}"))?;
    agent.until_event("head")?;
    World::new(&devnet, 1).crash(Asset::Weth, 900).await?;
    let mut lines = Vec::new();
    agent.until(|line| {
        lines.push(line.to_owned());
        line.contains("\"outcome\":\"settled\"")
    })?;
    for command in ["status", "orders", "questions", "journal export", "journal verify", "kill"] {
        hear(desk.trace(&format!("{command} --config liquidator.toml"))?);
    }
    agent.signal("TERM")?;
    lines.push(agent.last_words()?);
    hear(desk.trace("journal export --config liquidator.toml")?);
    is_clean("what was said", &said)?;
    is_clean("what the agent said", lines.join("\n").as_bytes())?;
    assert!(said.len() > 10_000 && lines.join("").len() > 10_000, "a trace says more than this");
    assert!(files_are_clean(&desk.path("state"))?.len() > 3);
    assert!(sent(&devnet, key).await? > 1);
    Ok(())
}
