//! `run --record`, and `replay`.

use std::fs;

use chain_devnet::{Asset, Mining, World};
use expect_test::{Expect, expect};
use serde_json::Value;

use crate::{
    arbitrage::{self, at_desk},
    desk::{Checked, Desk},
};

const HEADER: &str = "{\"format\":\"keepwright-events\",\"version\":1,\"strategy\":\"arbitrage\"}\n";
const REPLAY: &str = "replay --config arbitrageur.toml recording/arbitrage.jsonl";

/// The last line that a replay prints as JSON, once the config was changed like this.
fn sum(desk: &Desk, arguments: &str) -> Checked<Value> {
    let said = desk.run(&format!("{arguments} --json"))?;
    let text = desk.told(&said.stdout);
    Ok(serde_json::from_str(text.lines().last().ok_or_else(|| desk.told(&said.stderr))?)?)
}

/// What an agent saw is played again: the same strategy asks for the same, to the byte, and another one does otherwise.
#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn a_recording_replays_to_the_same_requests_and_shows_what_another_config_would_do() -> Checked {
    let (desk, devnet, _) = at_desk(Mining::Automine).await?;
    let mut agent = desk.start(&format!("{} --record recording", arbitrage::RUN))?;
    agent.until_event("head")?;
    let mut world = World::new(&devnet, 1);
    for gap in [150, -300] {
        world.open_gap(Asset::Weth, gap).await?;
        agent.until_event("opportunity")?;
    }
    arbitrage::ends(agent)?;
    let again = desk.refuses(&format!("{} --record recording", arbitrage::RUN))?;
    assert!(
        again.starts_with("recording recording/arbitrage.jsonl cannot be begun; name a new folder"),
        "{again}"
    );
    drop(devnet);
    let same = sum(&desk, &format!("{REPLAY} --exact"))?;
    assert_eq!((&same["different"], &same["recorded"]), (&0.into(), &same["found"]), "{same}");
    assert!(same["found"]["opportunities"].as_u64() >= Some(2), "{same}");
    assert!(desk.succeeds(&format!("{REPLAY} --exact"))?.ends_with("as recorded every time\n"));
    // A recording that was cut off is played to its last whole line.
    let text = fs::read_to_string(desk.path("recording/arbitrage.jsonl"))?;
    let (whole, _) = text.trim_end().rsplit_once('}').ok_or("no event")?;
    desk.write("cut.jsonl", whole)?;
    let cut = sum(&desk, "replay --config arbitrageur.toml cut.jsonl")?;
    assert_eq!(cut["events"].as_u64(), same["events"].as_u64().map(|events| events - 1), "{cut}");
    desk.edit("arbitrageur.toml", "min_margin = \"100000000\"", "min_margin = \"9000000000000\"")?;
    let choosy = sum(&desk, REPLAY)?;
    assert_eq!(
        (choosy["found"]["opportunities"].as_u64(), &choosy["recorded"]),
        (Some(0), &same["recorded"])
    );
    assert!(choosy["different"].as_u64() >= Some(1), "{choosy}");
    assert_eq!(desk.run(&format!("{REPLAY} --exact"))?.status.code(), Some(1));
    Ok(())
}

/// The liquidator is recorded by the same wrapper.
#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn a_liquidators_recording_replays_to_the_same_requests() -> Checked {
    let (desk, devnet, _) = Desk::on_devnet().await?;
    let mut agent = desk.start("run --config liquidator.toml --json --record recording")?;
    agent.until_event("head")?;
    World::new(&devnet, 1).crash(Asset::Weth, 900).await?;
    agent.until_event("opportunity")?;
    arbitrage::ends(agent)?;
    let replay = "replay --exact --config liquidator.toml recording/aave-liquidation.jsonl";
    assert!(desk.succeeds(replay)?.ends_with("as recorded every time\n"));
    Ok(())
}

/// A desk with the arbitrageur's example and the recording beside it.
fn with_recording() -> Checked<Desk> {
    let desk = Desk::new()?;
    desk.write("arbitrageur.toml", include_str!("../../../examples/arbitrageur.toml"))?;
    desk.write("arbitrageur.policy.toml", include_str!("../../../examples/arbitrageur.policy.toml"))?;
    let recording = include_bytes!("../../../examples/recordings/arbitrage.jsonl.zst");
    fs::write(desk.path("arbitrage.jsonl.zst"), recording)?;
    Ok(desk)
}

/// Out of order, they would set too little aside.
#[test]
fn tips_out_of_order_are_refused() -> Checked {
    let desk = with_recording()?;
    let tips = "tips = [{ above = \"200\", share = 9000 }, { above = \"100\", share = 5000 }]";
    desk.edit("arbitrageur.toml", "[arbitrage.terms]\n", &format!("[arbitrage.terms]\n{tips}\n"))?;
    let said = desk.refuses("replay --config arbitrageur.toml arbitrage.jsonl.zst")?;
    expect!["recording arbitrage.jsonl.zst cannot be replayed: `arbitrage.terms.tips` are not in rising order of `above`; sort them"].assert_eq(&said);
    Ok(())
}

/// The recording beside the examples, of a devnet whose world opens gaps: no node is needed to see what the strategy makes of it.
#[test]
fn the_examples_recording_replays_to_the_same_requests() -> Checked {
    let desk = with_recording()?;
    let said = desk.succeeds("replay --exact --config arbitrageur.toml arbitrage.jsonl.zst")?;
    let end = said.split_once("101 events").ok_or("other events")?.1;
    expect![[r#"
         of `arbitrage`, to block 514
        found       8 opportunities, $1235.98 after gas
        recorded    8 opportunities, $1235.98 after gas
        as recorded every time
    "#]]
    .assert_eq(end);
    Ok(())
}

/// What is refused, when this is the recording.
fn check(recording: &str, expected: &Expect) -> Checked {
    let desk = Desk::new()?;
    desk.write("recording.jsonl", recording)?;
    expected.assert_eq(&desk.refuses("replay --config liquidator.toml recording.jsonl")?);
    Ok(())
}

#[test]
fn what_is_no_recording_is_named() -> Checked {
    check("", &expect!["recording recording.jsonl cannot be replayed: it is empty"])?;
    check(
        "hello\n",
        &expect![
            "recording recording.jsonl cannot be replayed: the first line is no header; name a file of `run --record`: expected value at line 1 column 1"
        ],
    )?;
    check(
        &HEADER.replace("\":1,", "\":2,"),
        &expect![
            "recording recording.jsonl cannot be replayed: it is of format keepwright-events 2; this version reads keepwright-events 1"
        ],
    )?;
    check(
        HEADER,
        &expect![
            "recording recording.jsonl cannot be replayed: the config has no strategy `arbitrage`; name the config that it was recorded with"
        ],
    )?;
    let own = HEADER.replace("arbitrage", "aave-liquidation");
    check(&own, &expect!["recording recording.jsonl cannot be replayed: it has no events"])?;
    check(
        &format!("{own}{{\"event\":7}}\n"),
        &expect![
            "recording recording.jsonl cannot be replayed: line 2 is no event: expected value at line 1 column 10"
        ],
    )?;
    check(
        &format!("{own}{}\n", "[".repeat(100_000)),
        &expect![
            "recording recording.jsonl cannot be replayed: line 2 is no event: expected value at line 1 column 2"
        ],
    )?;
    let desk = Desk::new()?;
    let missing = desk.refuses("replay --config liquidator.toml nowhere.jsonl")?;
    expect!["recording nowhere.jsonl cannot be read; name an existing file: No such file or directory (os error 2)"].assert_eq(&missing);
    Ok(())
}
