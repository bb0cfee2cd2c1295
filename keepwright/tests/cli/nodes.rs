//! Several nodes as one: what dies or lies among them costs no liquidation. Proxies run beside the test, which blocks its own
//! thread.

use std::time::Duration;

use alloy::providers::ext::AnvilApi;
use chain_devnet::{
    Devnet,
    fault::{Calls, Fault, FaultKind, FaultProxy, Lie, Link, Rule, Trigger},
};
use tokio::task::JoinSet;

use crate::{
    desk::{Checked, Desk},
    live::{deployed, ends, fall, has_gained, start},
};

const STATUS: &str = "status --config liquidator.toml";

/// These nodes, in place of the one.
fn listen_to(desk: &Desk, devnet: &Devnet, urls: &[String]) -> Checked {
    let before = format!("endpoints = [\"{}\"]", devnet.ws_url());
    desk.edit("liquidator.toml", &before, &format!("endpoints = {urls:?}"))
}

/// The line about the node at `url`.
fn told(desk: &Desk, url: &str) -> Checked<String> {
    let said = desk.succeeds(STATUS)?;
    let line = said.lines().find(|line| line.starts_with(&format!("node         {url}:")));
    Ok(line.ok_or_else(|| format!("nothing of {url} in {said}"))?.to_owned())
}

/// Looks until the line about the node at `url` says so: nodes are looked at twice in a block time.
fn until(desk: &Desk, url: &str, is_so: impl Fn(&str) -> bool) -> Checked {
    for _look in 0..300 {
        if is_so(&told(desk, url)?) {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    Err(told(desk, url)?.into())
}

/// Blocks come, as on every chain, until this is dropped: a read that failed is tried again some blocks later.
fn alive(devnet: &Devnet) -> JoinSet<()> {
    let (chain, mut blocks) = (devnet.provider().clone(), JoinSet::new());
    blocks.spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        while chain.anvil_mine(Some(1), None).await.is_ok() {
            ticks.tick().await;
        }
    });
    blocks
}

/// The first of two nodes goes away before the market falls.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a node: scripts/test runs it"]
async fn one_of_two_nodes_dies_and_it_liquidates_all_the_same() -> Checked {
    let (desk, devnet, executor) = deployed().await?;
    let proxy = FaultProxy::launch(&devnet.http_url()).await?;
    listen_to(&desk, &devnet, &[proxy.ws_url(), devnet.ws_url()])?;
    let mut agent = start(&desk)?;
    agent.until_event("head")?;
    until(&desk, &proxy.ws_url(), |line| line.contains(": alive, head "))?;
    proxy.handle().set_link(Link::Refusing);
    proxy.handle().sever();
    fall(&devnet).await?;
    let _blocks = alive(&devnet);
    agent.until(|line| line.contains("\"outcome\":\"settled\""))?;
    until(&desk, &proxy.ws_url(), |line| line.contains(": unreachable"))?;
    assert!(told(&desk, &devnet.ws_url())?.ends_with(", in use"));
    ends(agent)?;
    has_gained(&devnet, executor).await
}

/// One of three nodes hides every log: the others outvote it, and it is not asked any more.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a node: scripts/test runs it"]
async fn one_of_three_nodes_lies_and_it_liquidates_all_the_same() -> Checked {
    let (desk, devnet, executor) = deployed().await?;
    let proxy = FaultProxy::launch(&devnet.http_url()).await?;
    listen_to(&desk, &devnet, &[proxy.ws_url(), devnet.ws_url(), devnet.http_url()])?;
    let lie = Lie::MissingLogs { every: 1 };
    proxy.handle().add(Rule::new(Calls::to("eth_getLogs"), Trigger::Always, Fault::Lie(lie)));
    let mut agent = start(&desk)?;
    agent.until_event("head")?;
    fall(&devnet).await?;
    let _blocks = alive(&devnet);
    agent.until(|line| line.contains("\"outcome\":\"settled\""))?;
    assert!(proxy.handle().tally().count(FaultKind::MissingLogs) > 0, "it lied");
    until(&desk, &proxy.ws_url(), |line| line.contains(": contradicted the majority"))?;
    ends(agent)?;
    has_gained(&devnet, executor).await
}

/// What an operator sees of the nodes holds nothing of their secrets.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a node: scripts/test runs it"]
async fn nodes_are_shown_up_to_their_hosts() -> Checked {
    let (desk, devnet, _) = Desk::on_devnet().await?;
    let proxy = FaultProxy::launch(&devnet.http_url()).await?;
    let secret = format!("{}/v3/0123456789abcdef", proxy.http_url());
    listen_to(&desk, &devnet, &[devnet.ws_url(), secret])?;
    let mut agent = desk.start("run --config liquidator.toml --json")?;
    agent.until_event("head")?;
    until(&desk, &format!("{}/…", proxy.http_url()), |line| line.contains(": alive, head "))?;
    let json: serde_json::Value = serde_json::from_str(&desk.succeeds(&format!("{STATUS} --json"))?)?;
    let nodes = json["nodes"]["nodes"].as_array().ok_or("no nodes")?;
    assert_eq!(nodes.len(), 2);
    assert!(!json.to_string().contains("0123456789abcdef"), "{json}");
    ends(agent)
}
