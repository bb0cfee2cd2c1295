//! `run`, from observing to acting.

use std::{fs, path::Path};

use alloy::primitives::{Address, keccak256};
use chain_devnet::{Asset, Devnet, World};

use crate::desk::{Checked, Desk, Running, sent};

pub(crate) const LIVE: &str = "run --config liquidator.toml --json --mode live";

/// On a devnet, with an executor that the policy names.
pub(crate) async fn deployed() -> Checked<(Desk, Devnet, Address)> {
    let (desk, devnet, key) = Desk::on_devnet().await?;
    desk.succeeds("executor deploy --config liquidator.toml")?;
    let executor: Address = key.create(0);
    desk.adopt(executor)?;
    Ok((desk, devnet, executor))
}

/// The hash by which an operator confirms the policy.
pub(crate) fn hash(desk: &Desk) -> Checked<String> {
    Ok(keccak256(fs::read(desk.path("liquidator.policy.toml"))?).to_string())
}

/// Starts a live agent under a policy that is confirmed on the way.
pub(crate) fn start(desk: &Desk) -> Checked<Running> {
    desk.start(&format!("{LIVE} --confirm-policy {}", hash(desk)?))
}

/// Ether falls until something can be liquidated.
pub(crate) async fn fall(devnet: &Devnet) -> Checked {
    World::new(devnet, 1).crash(Asset::Weth, 900).await?;
    Ok(())
}

pub(crate) fn ends(mut agent: Running) -> Checked {
    agent.signal("TERM")?;
    assert!(agent.ended()?.success());
    Ok(())
}

pub(crate) async fn has_gained(devnet: &Devnet, executor: Address) -> Checked {
    for asset in [Asset::Usdc, Asset::Weth, Asset::Wbtc] {
        let token = devnet.manifest().asset(asset)?.address;
        if !devnet.balance_of(token, executor).await?.is_zero() {
            return Ok(());
        }
    }
    Err("the executor has nothing".into())
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn the_example_observes_without_a_key() -> Checked {
    let (desk, devnet, key) = Desk::on_devnet().await?;
    std::fs::remove_dir_all(desk.path("keys"))?;
    let mut agent = desk.start("run --config liquidator.toml --json")?;
    agent.until_event("head")?;
    fall(&devnet).await?;
    let found = agent.until_event("opportunity")?;
    assert!(
        found["class"].as_str().is_some_and(|class| class.starts_with("aave-liquidation/WETH/")),
        "{found}"
    );
    assert!(found["facts"]["health_factor"].is_string(), "{found}");
    assert!(desk.succeeds("status --config liquidator.toml")?.contains("only observes on chain 31337"));
    ends(agent)?;
    assert_eq!(sent(&devnet, key).await?, 0);
    Ok(())
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn live_it_liquidates() -> Checked {
    let (desk, devnet, executor) = deployed().await?;
    let mut agent = start(&desk)?;
    agent.until_event("head")?;
    fall(&devnet).await?;
    // Where two land in one block, the block is as simulated once both are counted.
    agent.until(|line| line.contains("\"outcome\":\"settled\"") && line.contains("\"as_simulated\":true"))?;
    assert!(desk.succeeds("status --config liquidator.toml")?.contains("aave-liquidation: "));
    ends(agent)?;
    has_gained(&devnet, executor).await
}

/// A policy that was changed does nothing until its operator has seen what changed.
#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn a_changed_policy_waits_for_its_operator() -> Checked {
    let (desk, devnet, executor) = deployed().await?;
    ends({
        let mut agent = start(&desk)?;
        agent.until_event("head")?;
        agent
    })?;
    desk.edit("liquidator.policy.toml", "in_flight = 4", "in_flight = 3")?;
    let said = desk.refuses(&format!("{LIVE} --confirm-policy {}", keccak256("another")))?;
    assert!(said.starts_with("`--confirm-policy` names 0x"), "{said}");
    let mut agent = desk.start(LIVE)?;
    let note = agent.until_event("note")?;
    let text = note["text"].as_str().unwrap_or_default();
    assert!(text.contains("\n- in_flight = 4\n+ in_flight = 3\n"), "{text}");
    fall(&devnet).await?;
    let refused = agent.until_event("refused")?;
    assert!(refused["reason"].as_str().is_some_and(|reason| reason.contains("policy confirm")), "{refused}");
    let config = "--config liquidator.toml";
    assert!(desk.succeeds(&format!("status {config}"))?.contains("NOT CONFIRMED"));
    let said = desk.succeeds(&format!("policy confirm {config} --yes"))?;
    assert!(said.ends_with(&format!("policy {} is confirmed\n", hash(&desk)?)), "{said}");
    agent.until(|line| line.contains("the policy is confirmed: the agent acts"))?;
    devnet.mine(1).await?;
    agent.until(|line| line.contains("\"outcome\":\"settled\""))?;
    ends(agent)?;
    has_gained(&devnet, executor).await
}

/// Asks a person for everything that puts anything to work.
pub(crate) fn ask_always(desk: &Desk) -> Checked {
    for window in ["per_window = \"500\"", "per_window = \"1000000\"", "per_window = \"20\""] {
        desk.edit("liquidator.policy.toml", window, &format!("{window}\nask_above = \"0.000001\""))?;
    }
    desk.edit("liquidator.policy.toml", "[limits]", "[approval]\nseconds = 100000\n\n[limits]")
}

/// The first transaction waits for a person, and is let through by socket or by file.
#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn a_person_lets_it_through() -> Checked {
    for by_file in [false, true] {
        let (desk, devnet, executor) = deployed().await?;
        ask_always(&desk)?;
        let mut agent = start(&desk)?;
        agent.until_event("head")?;
        fall(&devnet).await?;
        let waits = agent.until_event("waits")?;
        let digest = waits["digest"].as_str().ok_or("no digest")?;
        assert!(waits["shown"].as_str().is_some_and(|shown| !shown.is_empty()), "{waits}");
        let nobody = sent(&devnet, crate::desk::key_of(&[1; 32])?).await?;
        if by_file {
            drop_reply(&desk.path("state/approvals"), digest)?;
        } else {
            let said = desk.succeeds(&format!("approve {digest} --config liquidator.toml --yes"))?;
            assert!(said.ends_with(&format!("approved {digest}\n")), "{said}");
        }
        agent.until(|line| line.contains("\"outcome\":\"settled\""))?;
        assert_eq!(nobody, 1, "nothing but the deployment was sent before the reply");
        let again = desk.refuses(&format!("approve {digest} --config liquidator.toml --yes"))?;
        let over = ["too late", "no question", "was approved before"];
        assert!(over.iter().any(|said| again.contains(said)), "{again}");
        ends(agent)?;
        has_gained(&devnet, executor).await?;
    }
    Ok(())
}

fn drop_reply(approvals: &Path, digest: &str) -> Checked {
    let made = approvals.join("made");
    fs::write(&made, "")?;
    Ok(fs::rename(made, approvals.join(format!("{digest}.approve")))?)
}

/// The file, the socket and the signal: after each, nothing leaves, and a restart does not help.
#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn a_killed_agent_sends_nothing() -> Checked {
    for how in ["command", "signal", "file"] {
        let (desk, devnet, executor) = deployed().await?;
        let mut agent = start(&desk)?;
        agent.until_event("head")?;
        match how {
            "command" => drop(desk.succeeds("kill --config liquidator.toml --why test")?),
            "signal" => {
                agent.signal("USR1")?;
                agent.until(|line| line.contains("killed by the operator: SIGUSR1"))?;
            }
            _ => fs::write(desk.path("state/KILL"), "")?,
        }
        fall(&devnet).await?;
        let refused = agent.until_event("refused")?;
        assert!(
            refused["reason"].as_str().is_some_and(|reason| reason.contains("kill switch")),
            "{how}: {refused}"
        );
        assert!(desk.succeeds("orders --config liquidator.toml")?.contains("no standing order"), "{how}");
        ends(agent)?;
        assert!(desk.path("state/KILL").exists());
        desk.succeeds("unkill --config liquidator.toml --yes")?;
        let mut agent = desk.start(LIVE)?;
        agent.until_event("head")?;
        devnet.mine(1).await?;
        agent.until(|line| line.contains("\"outcome\":\"settled\""))?;
        ends(agent)?;
        has_gained(&devnet, executor).await?;
    }
    Ok(())
}

/// The first account of the phrase that every development node has.
#[cfg(feature = "mnemonic")]
#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn a_mnemonic_phrase_is_for_the_devnet() -> Checked {
    let (desk, devnet, _) = Desk::on_devnet().await?;
    desk.write("phrase", "test test test test test test test test test test test junk")?;
    desk.edit("liquidator.toml", "keystore = \"keys/agent.json\"", "mnemonic = { file = \"phrase\" }")?;
    let key = alloy::primitives::address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
    devnet.fund(key, alloy::primitives::U256::from(10_u128.pow(19))).await?;
    let before = sent(&devnet, key).await?;
    desk.succeeds("executor deploy --config liquidator.toml")?;
    desk.adopt(key.create(before))?;
    let said = desk.succeeds("executor owner --config liquidator.toml")?;
    assert!(said.ends_with(&format!("owned by {key}\n")), "{said}");
    std::fs::set_permissions(desk.path("phrase"), std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    let said = desk.refuses(&format!("{LIVE} --confirm-policy {}", hash(&desk)?))?;
    assert_eq!(said, "others may use phrase (mode 0644): take their permissions away with chmod go-rwx");
    Ok(())
}
