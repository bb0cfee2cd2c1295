//! `keepwright door`: the key in a process of its own, and agents that come and go.

use crate::{
    desk::{Checked, Desk, Running},
    live::{LIVE, deployed, ends, fall, has_gained, hash},
};

const TABLE: &str = "\n[door]\nstate = \"safe\"\nsocket = \"safe/agents/door.sock\"\n";

fn split(desk: &Desk) -> Checked {
    let config = std::fs::read_to_string(desk.path("liquidator.toml"))?;
    desk.write("liquidator.toml", &format!("{config}{TABLE}"))?;
    // The lock on the key is one per desk; the journal that deployed goes along.
    Ok(std::fs::rename(desk.path("state"), desk.path("safe"))?)
}

/// Serves the door, once its socket is there. A door that was killed outright leaves its own behind.
fn door(desk: &Desk) -> Checked<Running> {
    let socket = desk.path("safe/agents/door.sock");
    if socket.exists() {
        std::fs::remove_file(&socket)?;
    }
    let door =
        desk.start(&format!("door --config liquidator.toml --json --confirm-policy {}", hash(desk)?))?;
    for _look in 0..600 {
        if socket.exists() {
            return Ok(door);
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    Err("the door does not serve".into())
}

/// Both sides are killed outright while a transaction waits for a block; the next lives bring it to its end, once.
#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn nothing_is_lost_when_either_side_is_killed() -> Checked {
    let (desk, devnet, executor) = deployed().await?;
    split(&desk)?;
    let said = desk.refuses(LIVE)?;
    assert_eq!(
        said,
        "no agent serves safe/agents/door.sock; start `keepwright run`, or `keepwright door` where the door is a process of its own"
    );
    let mut key = door(&desk)?;
    // The agent's process has no key to open.
    std::fs::rename(desk.path("keys"), desk.path("hidden"))?;
    let mut agent = desk.start(LIVE)?;
    agent.until_event("head")?;
    assert!(desk.path("state/memory").exists() && !desk.path("state/journal").exists());
    devnet.set_automine(false).await?;
    let falling = fall_by_hand(&devnet);
    tokio::pin!(falling);
    falling.await?;
    key.until(|line| line.contains("\"event\":\"sent\""))?;
    agent.signal("KILL")?;
    let _killed = agent.ended()?;
    key.signal("KILL")?;
    let _killed = key.ended()?;
    std::fs::rename(desk.path("hidden"), desk.path("keys"))?;
    let mut key = door(&desk)?;
    let mut agent = desk.start(LIVE)?;
    // It has taken up what is under way; what has ended before, it would not hear of.
    agent.until_event("head")?;
    devnet.mine(1).await?;
    key.until(|line| line.contains("\"outcome\":\"settled\""))?;
    agent.until(|line| line.contains("\"event\":\"remembered\"") && line.contains("settled"))?;
    let status = desk.succeeds("status --config liquidator.toml")?;
    assert!(status.contains("acts on chain 31337"), "{status}");
    ends(agent)?;
    ends(key)?;
    let verified = desk.succeeds("journal verify --config liquidator.toml")?;
    assert!(verified.contains("every hash as it should be"), "{verified}");
    has_gained(&devnet, executor).await
}

/// The world needs its own transactions mined; the agent's come after.
async fn fall_by_hand(devnet: &chain_devnet::Devnet) -> Checked {
    devnet.set_automine(true).await?;
    let fell = fall(devnet).await;
    devnet.set_automine(false).await?;
    fell
}
