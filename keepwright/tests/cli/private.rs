//! What the policy keeps from the public. Relays and proxies run beside the test, which blocks its own thread.

use alloy::providers::Provider;
use chain_devnet::{
    Devnet, Mining,
    fault::FaultProxy,
    relay::{BlockBuilder, Fate, Relay},
};
use expect_test::expect;

use crate::{
    desk::{Checked, Desk},
    live::{LIVE, deployed, ends, fall, has_gained, hash, start},
};

/// The liquidator's transactions are nobody else's business.
fn keep_secret(desk: &Desk) -> Checked {
    let table = "[strategies.aave-liquidation]\n";
    desk.edit("liquidator.policy.toml", table, &format!("{table}order_flow = \"private\"\n"))
}

/// Transactions of the agent in the node's pool.
async fn in_the_pool(devnet: &Devnet) -> Checked<usize> {
    let status: serde_json::Value = devnet.provider().raw_request("txpool_status".into(), ()).await?;
    let count = |part: &str| {
        let text = status[part].as_str().unwrap_or_default().trim_start_matches("0x");
        usize::from_str_radix(text, 16)
    };
    Ok(count("pending")?.saturating_add(count("queued")?))
}

/// A private order goes to the relay that the config names, and to no node; the block that the relay wins has it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a node: scripts/test runs it"]
async fn a_private_order_lands_and_no_node_was_ever_given_it() -> Checked {
    let (desk, devnet, key) = Desk::on(Mining::Manual).await?;
    devnet.set_automine(true).await?;
    desk.succeeds("executor deploy --config liquidator.toml")?;
    let executor = key.create(0);
    desk.adopt(executor)?;
    keep_secret(&desk)?;
    let relay = Relay::launch(&devnet).await?;
    let proxy = FaultProxy::launch(&devnet.http_url()).await?;
    desk.edit("liquidator.toml", &devnet.ws_url(), &proxy.ws_url())?;
    desk.edit(
        "liquidator.toml",
        "# [order_flow]",
        &format!("[order_flow]\nbuilders = \"{}\"", relay.http_url()),
    )?;
    let mut agent = start(&desk)?;
    agent.until_event("head")?;
    devnet.set_automine(false).await?;
    fall(&devnet).await?;
    agent.until_event("sent")?;
    let orders = relay.handle().until(|orders| !orders.is_empty()).await;
    let transaction = orders[0].transactions[0];
    assert_eq!(in_the_pool(&devnet).await?, 0, "the public pool has it");
    let builder = BlockBuilder::new(&devnet, [relay.handle()])?;
    let built = builder.build(Some(0)).await?;
    assert!(built.transactions.contains(&transaction), "{built:?} {:?}", relay.handle().orders());
    agent.until(|line| line.contains("\"outcome\":\"settled\""))?;
    let fates: Vec<_> = relay.handle().orders().into_iter().map(|order| order.fate).collect();
    assert!(fates.contains(&Fate::Landed { block: built.block }), "{fates:?}");
    let tally = proxy.handle().tally();
    assert!(tally.seen("eth_getBlockByHash") > 0, "all that the agent asks passes here: {tally:?}");
    assert_eq!(tally.seen("eth_sendRawTransaction"), 0, "a node was given it");
    assert_eq!(relay.handle().tally().bad_signatures, 0);
    ends(agent)?;
    has_gained(&devnet, executor).await
}

/// Without a private way nothing private is even begun.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a node: scripts/test runs it"]
async fn what_is_private_needs_a_private_way() -> Checked {
    let (desk, _devnet, _) = deployed().await?;
    keep_secret(&desk)?;
    let said = desk.refuses(&format!("{LIVE} --confirm-policy {}", hash(&desk)?))?;
    expect!["the policy keeps what `aave-liquidation` sends from the public, and there is no private way; configure a private RPC or a builder"].assert_eq(&said);
    Ok(())
}
