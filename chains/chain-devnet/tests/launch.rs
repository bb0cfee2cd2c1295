//! Starting and stopping the node.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use chain_devnet::{Devnet, DevnetConfig, DevnetError, Mining, StartTime};

fn is_running(pid: u32) -> bool {
    // A killed child that nobody has waited for is a zombie: gone, though still listed.
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

#[tokio::test]
async fn missing_artifacts_name_the_remedy() {
    let empty = tempfile::tempdir().unwrap();
    let config = DevnetConfig { cache: Some(empty.path().to_owned()), ..DevnetConfig::default() };
    let error = Devnet::launch(config).await.unwrap_err();
    assert!(matches!(error, DevnetError::ArtifactsMissing { .. }));
    assert!(error.to_string().ends_with("run scripts/setup"), "{error}");
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn two_nodes_live_side_by_side_and_die_when_dropped() {
    let first = Devnet::launch(DevnetConfig::default()).await.unwrap();
    let second = Devnet::launch(DevnetConfig::default()).await.unwrap();
    println!("loaded in {:?} and {:?}", first.load_time(), second.load_time());
    assert_ne!(first.http_url(), second.http_url());
    first.mine(3).await.unwrap();
    let ahead = first.latest_block().await.unwrap().number;
    assert_eq!(ahead, second.latest_block().await.unwrap().number + 3);
    let pid = first.pid();
    assert!(is_running(pid) && first.ipc_path().exists());
    drop(first);
    assert!(!is_running(pid));
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_taken_port_is_refused_and_nobody_elses_node_is_used() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Devnet::launch(DevnetConfig { port, ..DevnetConfig::default() }).await.unwrap_err();
    assert!(matches!(error, DevnetError::NotStarted { .. }), "{error}");
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn time_starts_where_it_is_told_to() {
    let config = DevnetConfig { start_time: StartTime::AtDump, ..DevnetConfig::default() };
    let devnet = Devnet::launch(config).await.unwrap();
    devnet.mine(1).await.unwrap();
    let (dumped, now) = (devnet.manifest().head.timestamp, devnet.latest_block().await.unwrap().timestamp);
    assert!(now > dumped && now < dumped + 30, "{dumped} {now}");
    devnet.set_block_timestamp_interval(12).await.unwrap();
    devnet.mine(2).await.unwrap();
    assert_eq!(devnet.latest_block().await.unwrap().timestamp, now + 24);
    let devnet = Devnet::launch(DevnetConfig::default()).await.unwrap();
    devnet.mine(1).await.unwrap();
    assert!(devnet.latest_block().await.unwrap().timestamp >= dumped);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn blocks_come_when_they_are_told_to() {
    let ticking =
        Devnet::launch(DevnetConfig::mining(Mining::Interval(Duration::from_millis(200)))).await.unwrap();
    let still = Devnet::launch(DevnetConfig::mining(Mining::Manual)).await.unwrap();
    let start = still.latest_block().await.unwrap().number;
    while ticking.latest_block().await.unwrap().number <= ticking.manifest().head.number + 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(still.latest_block().await.unwrap().number, start);
    let snapshot = still.snapshot().await.unwrap();
    still.mine(5).await.unwrap();
    still.revert(snapshot).await.unwrap();
    assert_eq!(still.latest_block().await.unwrap().number, start);
    assert!(still.revert(snapshot).await.is_err());
}

/// The parent of the next test: it holds a devnet until its input ends. In a plain run it has nothing to do.
#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn holds_a_devnet() {
    if !std::env::args().any(|argument| argument == "--exact") {
        return;
    }
    let devnet = Devnet::launch(DevnetConfig::default()).await.unwrap();
    println!("\nholding {}", devnet.pid());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn the_node_dies_with_a_parent_that_is_killed_outright() {
    if Command::new("setpriv").arg("--version").output().is_err() {
        return;
    }
    let arguments = ["--ignored", "--exact", "holds_a_devnet", "--nocapture"];
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    let held = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("holding ")?.parse().ok());
    let node: u32 = held.unwrap();
    assert!(is_running(node));
    parent.kill().unwrap();
    parent.wait().unwrap();
    for _ in 0..100 {
        if !is_running(node) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the node {node} outlived its parent");
}
