//! A key in AWS KMS, which moto plays: the SDK and the wire are the real ones, and no two signatures are the same.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
};

use alloy::{
    primitives::{Address, hex},
    providers::ext::AnvilApi,
};
use chain_devnet::{Devnet, Mining};

use crate::{
    desk::{Checked, Desk},
    live::{LIVE, ends, fall, has_gained, start},
};

/// Who acts at the service; nothing else knows the second.
const IDENTITY: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
];

/// The service, with one key. It ends with this.
struct Kms {
    process: Child,
    url: String,
    key: String,
    address: Address,
    _alive: ChildStdin,
}

impl Kms {
    fn start() -> Checked<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = here.join("../.cache/kms/bin/python");
        let mut process = Command::new(python)
            .arg(here.join("tests/cli/kms/serve.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let alive = process.stdin.take().ok_or("no input")?;
        let mut said = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut said)?;
        let mut words = said.split_whitespace();
        let mut word =
            || words.next().ok_or("the service did not start: run scripts/test once, which fetches it");
        let (port, key, public) = (word()?, word()?.to_owned(), word()?);
        let (url, public) = (format!("http://127.0.0.1:{port}"), hex::decode(public)?);
        let address = Address::from_raw_public_key(public.get(1..).ok_or("no key")?);
        Ok(Self { process, url, key, address, _alive: alive })
    }
}

impl Drop for Kms {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A desk whose key is in the service.
async fn desk(kms: &Kms) -> Checked<(Desk, Devnet)> {
    let (desk, devnet, _) = Desk::on(Mining::Manual).await?;
    std::fs::remove_dir_all(desk.path("keys"))?;
    let desk = desk.with_env(&IDENTITY);
    let Kms { url, key, .. } = kms;
    let place = format!("aws_kms = {{ key = \"{key}\", region = \"eu-central-1\", endpoint = \"{url}\" }}");
    desk.edit("liquidator.toml", "keystore = \"keys/agent.json\"", &place)?;
    devnet.fund(kms.address, alloy::primitives::U256::from(10_u128.pow(19))).await?;
    Ok((desk, devnet))
}

/// The hashes whose signatures are in the journal.
fn written(desk: &Desk) -> Checked<Vec<String>> {
    let export = desk.succeeds("journal export --config liquidator.toml")?;
    let pages =
        export.lines().map(serde_json::from_str::<serde_json::Value>).collect::<Result<Vec<_>, _>>()?;
    let hashes = pages.iter().map(|line| &line["page"]["signed"]["signature"]["transaction"]);
    Ok(hashes.filter_map(|hash| hash.as_str().map(str::to_owned)).collect())
}

/// Killed outright while its transaction waits, and with nobody who still has it, the agent sends what it had signed: the
/// service would give another signature.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a node and moto: scripts/test runs it"]
async fn what_a_key_in_aws_kms_signed_outlives_kill_9() -> Checked {
    let kms = Kms::start()?;
    let (desk, devnet) = desk(&kms).await?;
    devnet.set_automine(true).await?;
    desk.succeeds("executor deploy --config liquidator.toml")?;
    let executor = kms.address.create(0);
    desk.adopt(executor)?;
    assert_eq!(written(&desk)?.len(), 1, "what deployed");
    let mut agent = start(&desk)?;
    agent.until_event("head")?;
    devnet.set_automine(false).await?;
    fall(&devnet).await?;
    let sent = agent.until_event("sent")?["transaction"].clone();
    agent.signal("KILL")?;
    let _killed = agent.ended()?;
    let before = written(&desk)?;
    assert!(before.iter().any(|hash| sent == **hash), "{sent} {before:?}");
    devnet.provider().anvil_drop_all_transactions().await?;
    let mut agent = desk.start(LIVE)?;
    let again = agent.until(|line| {
        line.starts_with("{\"event\":\"sent\"") && line.contains(sent.as_str().unwrap_or("-"))
    })?;
    let still = written(&desk)?;
    assert!(still.starts_with(&before), "{again}");
    assert_eq!(still.iter().filter(|hash| sent == ***hash).count(), 1, "it was not signed again");
    devnet.mine(1).await?;
    agent.until(|line| line.contains("\"outcome\":\"settled\""))?;
    ends(agent)?;
    let verified = desk.succeeds("journal verify --config liquidator.toml")?;
    assert!(verified.contains("every hash as it should be"), "{verified}");
    has_gained(&devnet, executor).await
}

/// However much the operator asks to be told, the secret by which the service knows us is not in it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a node and moto: scripts/test runs it"]
async fn no_word_of_it_holds_the_secret_of_who_acts() -> Checked {
    let kms = Kms::start()?;
    let (desk, devnet) = desk(&kms).await?;
    devnet.set_automine(true).await?;
    let told = desk.trace("executor deploy --config liquidator.toml")?;
    let words = format!("{}{}", desk.told(&told.stdout), desk.told(&told.stderr));
    assert!(told.status.success() && words.contains("executor deployed at"), "{words}");
    assert!(words.contains("TRACE"), "it says as much as it can");
    let [_, (_, secret), _] = IDENTITY;
    assert!(!words.contains(secret), "it is told");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a node and moto: scripts/test runs it"]
async fn a_service_that_is_gone_or_has_no_such_key_is_named() -> Checked {
    let kms = Kms::start()?;
    let (desk, _devnet) = desk(&kms).await?;
    let key = kms.key.clone();
    desk.edit("liquidator.toml", &key, "another")?;
    let said = desk.refuses("executor deploy --config liquidator.toml")?;
    assert!(
        said.starts_with("the AWS KMS key another gives no key (") && said.contains("NotFound"),
        "{said}"
    );
    drop(kms);
    let said = desk.refuses("executor deploy --config liquidator.toml")?;
    assert!(said.starts_with("the AWS KMS key another ") && said.contains("see "), "{said}");
    assert!(!desk.path("state/journal").exists(), "nothing was begun");
    Ok(())
}
