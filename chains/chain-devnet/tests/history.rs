//! The chain does what a script says.

use alloy::providers::Provider;
use chain_devnet::{Devnet, DevnetConfig, Mining, Orphans, Role};

const GWEI: u128 = 1_000_000_000;

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn blocks_come_at_the_times_that_were_given() {
    let devnet = Devnet::launch(DevnetConfig::mining(Mining::Manual)).await.unwrap();
    devnet.mine(1).await.unwrap();
    let start = devnet.latest_block().await.unwrap();
    devnet.mine_at([start.timestamp + 12, start.timestamp + 13, start.timestamp + 10_000]).await.unwrap();
    for (offset, time) in [(1, 12), (2, 13), (3, 10_000)] {
        let block = devnet.provider().get_block_by_number((start.number + offset).into()).await.unwrap();
        assert_eq!(block.unwrap().header.timestamp, start.timestamp + time);
    }
    assert!(devnet.mine_at([start.timestamp]).await.is_err());
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_reorganisation_loses_transactions_or_gives_them_back() {
    let devnet = Devnet::launch(DevnetConfig::mining(Mining::Manual)).await.unwrap();
    let account = devnet.manifest().account_with(Role::Spare).unwrap();
    let provider = devnet.provider();
    let nonce = provider.get_transaction_count(account).await.unwrap();
    for (orphans, depth) in [(Orphans::Pending, 2), (Orphans::Dropped, 7)] {
        devnet.mine(6).await.unwrap();
        let hash = devnet.use_nonce(account, nonce, 100 * GWEI).await.unwrap();
        devnet.mine(1).await.unwrap();
        let before = devnet.latest_block().await.unwrap();
        assert!(provider.get_transaction_receipt(hash).await.unwrap().is_some());
        let after = devnet.reorg(depth, orphans).await.unwrap();
        assert_eq!(after.number, before.number);
        assert_ne!(after.hash, before.hash);
        assert!(provider.get_transaction_receipt(hash).await.unwrap().is_none());
        let waits = provider.get_transaction_by_hash(hash).await.unwrap().is_some();
        assert_eq!(waits, orphans == Orphans::Pending);
        if waits {
            assert!(devnet.drop_transaction(hash).await.unwrap());
        }
        assert!(!devnet.drop_transaction(hash).await.unwrap());
    }
    assert_eq!(provider.get_transaction_count(account).await.unwrap(), nonce);
    assert!(devnet.reorg(1_000_000, Orphans::Dropped).await.is_err());
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_nonce_is_used_behind_its_owners_back() {
    let devnet = Devnet::launch(DevnetConfig::mining(Mining::Manual)).await.unwrap();
    let account = devnet.manifest().account_with(Role::Spare).unwrap();
    let provider = devnet.provider();
    let nonce = provider.get_transaction_count(account).await.unwrap();
    let own = devnet.use_nonce(account, nonce, 100 * GWEI).await.unwrap();
    assert!(devnet.use_nonce(account, nonce, 100 * GWEI).await.is_err());
    let foreign = devnet.use_nonce(account, nonce, 120 * GWEI).await.unwrap();
    devnet.mine(1).await.unwrap();
    assert!(provider.get_transaction_receipt(own).await.unwrap().is_none());
    assert!(provider.get_transaction_receipt(foreign).await.unwrap().is_some());
    // An account whose key the node does not have.
    let stranger = alloy::primitives::Address::repeat_byte(0x77);
    devnet
        .fund(stranger, alloy::primitives::U256::from(10).pow(alloy::primitives::U256::from(18)))
        .await
        .unwrap();
    devnet.use_nonce(stranger, 0, 100 * GWEI).await.unwrap();
    devnet.mine(1).await.unwrap();
    assert_eq!(provider.get_transaction_count(stranger).await.unwrap(), 1);
    assert!(devnet.use_nonce(stranger, 0, 100 * GWEI).await.is_err());
}
