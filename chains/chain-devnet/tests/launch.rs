//! Starting and stopping the node.

use chain_devnet::{Devnet, DevnetConfig, DevnetError};

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
    assert!(is_running(pid));
    drop(first);
    assert!(!is_running(pid));
}
