//! From a quote to a settlement on a real node.

use agent_core::Mined;
use alloy::{
    primitives::{B256, I256, U64, U256},
    sol,
    sol_types::SolCall,
};
use serde_json::{Value, json};

use super::*;
use crate::anvil::{Anvil, LOGGER, RICH};

sol! {
    function deposit() payable;
    function transfer(address to, uint256 amount) returns (bool);
}

pub(super) struct Bench {
    pub(super) anvil: Anvil,
    pub(super) wallet: WalletHandle,
    folder: tempfile::TempDir,
}

impl Bench {
    pub(super) async fn start(confirmations: u64) -> Self {
        let anvil = Anvil::start(&[]).await;
        let folder = tempfile::tempdir().unwrap();
        let wallet = spawn(anvil.endpoint.clone(), config(&folder, confirmations));
        Self { anvil, wallet, folder }
    }

    pub(super) async fn automine(&self, on: bool) {
        let _: Value = self.anvil.ask("evm_setAutomine", [on]).await;
    }

    pub(super) async fn drop_from_pool(&self, sent: Sent) {
        let _: Value = self.anvil.ask("anvil_dropTransaction", [sent.transaction]).await;
        assert!(!self.anvil.endpoint.has_transaction(sent.transaction).await.unwrap());
    }

    /// Uses up a nonce of the wallet's key behind its back.
    async fn use_nonce_elsewhere(&self, nonce: u64) {
        let _: Value = self.anvil.ask("anvil_impersonateAccount", [FROM]).await;
        let call = json!({ "from": FROM, "to": RICH, "value": "0x1", "nonce": U64::from(nonce), "gas": "0xffff",
            "maxFeePerGas": "0x174876e800", "maxPriorityFeePerGas": "0x174876e800" });
        let transaction: B256 = self.anvil.ask("eth_sendTransaction", [call]).await;
        self.anvil.mine(1).await;
        self.anvil.mined(transaction).await;
    }
}

pub(super) fn mined(settlement: Settlement) -> Mined {
    match settlement {
        Settlement::Settled(mined) => mined,
        other @ (Settlement::Reverted(_) | Settlement::Cancelled(_) | Settlement::Dropped { .. }) => {
            panic!("{other:?}")
        }
    }
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_mined_transaction_settles_with_its_facts() {
    let bench = Bench::start(3).await;
    let weth = bench.anvil.deploy("WETH9").await;
    let _: Value = bench.anvil.ask("anvil_impersonateAccount", [FROM]).await;
    let deposit = json!({ "from": FROM, "to": weth, "value": "0x64", "data": Bytes::from(depositCall {}.abi_encode()) });
    let deposited: B256 = bench.anvil.ask("eth_sendTransaction", [deposit]).await;
    bench.anvil.mined(deposited).await;

    let data = transferCall { to: RICH, amount: U256::from(70) }.abi_encode();
    let (transaction, sent) = bench.wallet.send_to(weth, data).await;
    assert_eq!(bench.wallet.stands(&transaction).await, Standing::Known(sent));
    let watch = vec![(FROM, Asset::Token(weth)), (RICH, Asset::Token(weth)), (FROM, Asset::Native)];
    let settle = bench.wallet.settled(sent, watch);
    let miner = async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            bench.anvil.mine(1).await;
        }
    };
    let (settlement, ()) = tokio::join!(settle, miner);
    let mined = mined(settlement);
    assert_eq!(mined.transaction, sent.transaction);
    let head = bench.anvil.endpoint.latest().await.unwrap();
    assert!(head.block.number.0.saturating_sub(mined.block.number.0) >= 2, "three confirmations");
    let changes: Vec<_> = mined.deltas.iter().map(|delta| delta.change).collect();
    let paid = I256::try_from(mined.gas_paid.0).unwrap().checked_neg().unwrap();
    assert_eq!(changes, [I256::try_from(-70).unwrap(), I256::try_from(70).unwrap(), paid]);
    assert!(bench.wallet.lane.attempt(sent).is_none(), "forgotten");
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_revert_and_a_creation_settle_as_what_they_are() {
    let bench = Bench::start(1).await;
    let reverter = Address::repeat_byte(0xcc);
    let _: Value = bench.anvil.ask("anvil_setCode", (reverter, "0x5f5ffd")).await;
    let (_, sent) = bench.wallet.send_to(reverter, Bytes::new()).await;
    let settlement = bench.wallet.settled(sent, Vec::new()).await;
    assert!(matches!(&settlement, Settlement::Reverted(mined) if mined.gas_used > 21_000), "{settlement:?}");

    let quote = bench.wallet.next_quote().await.unwrap();
    let creation = transaction(&quote, None, Bytes::from_static(&[0x60, 1, 0x5f, 0xf3]));
    let sent = bench.wallet.sign_and_broadcast(&creation).await.unwrap();
    let mined = mined(bench.wallet.settled(sent, Vec::new()).await);
    assert_eq!(mined.created, Some(FROM.create(quote.nonce)));
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_transaction_that_the_pool_lost_is_sent_again() {
    let bench = Bench::start(1).await;
    bench.automine(false).await;
    let (transaction, sent) = bench.wallet.send_to(LOGGER, B256::ZERO).await;
    bench.drop_from_pool(sent).await;
    let standing = bench.wallet.stands(&transaction).await;
    assert_eq!(standing, Standing::Unknown(sent));
    let settle = bench.wallet.settled(sent, Vec::new());
    let miner = async {
        while !bench.anvil.endpoint.has_transaction(sent.transaction).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bench.anvil.mine(1).await;
    };
    let (settlement, ()) = tokio::join!(settle, miner);
    assert_eq!(mined(settlement).transaction, sent.transaction);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_lost_transaction_is_not_sent_again_after_the_latch() {
    let bench = Bench::start(1).await;
    bench.automine(false).await;
    let (_, sent) = bench.wallet.send_to(LOGGER, B256::ZERO).await;
    bench.drop_from_pool(sent).await;
    bench.wallet.lane.config.kill.latch().unwrap();
    let settle = follow::until_final(Arc::clone(&bench.wallet.lane), vec![sent], Vec::new());
    assert!(tokio::time::timeout(Duration::from_millis(500), settle).await.is_err(), "still waiting");
    assert!(!bench.anvil.endpoint.has_transaction(sent.transaction).await.unwrap());
    drop(bench.folder);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_nonce_used_elsewhere_drops_the_transaction_once_that_is_final() {
    let bench = Bench::start(3).await;
    bench.anvil.mine(5).await;
    bench.automine(false).await;
    let (transaction, sent) = bench.wallet.send_to(LOGGER, B256::ZERO).await;
    bench.drop_from_pool(sent).await;
    bench.use_nonce_elsewhere(sent.nonce).await;
    // One block deep: a reorg may still undo it.
    assert_eq!(bench.wallet.stands(&transaction).await, Standing::Known(sent));
    let early = follow::until_final(Arc::clone(&bench.wallet.lane), vec![sent], Vec::new());
    assert!(tokio::time::timeout(Duration::from_millis(300), early).await.is_err(), "not final yet");
    bench.anvil.mine(2).await;
    // Deep enough, but one look is not sure.
    assert_eq!(bench.wallet.stands(&transaction).await, Standing::Known(sent));
    let early = follow::until_final(Arc::clone(&bench.wallet.lane), vec![sent], Vec::new());
    assert!(tokio::time::timeout(Duration::from_millis(300), early).await.is_err(), "looks at one head only");
    let miner = async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            bench.anvil.mine(1).await;
        }
    };
    // However many heads it takes until the wallet has looked at enough of them.
    let settlement = tokio::select! { settlement = bench.wallet.settled(sent, Vec::new()) => settlement, () = miner => return };
    let why = format!("nonce {} was used by another transaction", sent.nonce);
    assert_eq!(settlement, Settlement::Dropped { why });
    assert_eq!(bench.wallet.next_quote().await.unwrap().nonce, sent.nonce.saturating_add(1));
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_transaction_that_a_reorg_threw_out_is_sent_again_and_settles_where_it_lands() {
    let bench = Bench::start(4).await;
    bench.anvil.mine(3).await;
    let (_, sent) = bench.wallet.send_to(LOGGER, B256::ZERO).await;
    bench.anvil.mined(sent.transaction).await;
    let first = bench.anvil.endpoint.receipt(sent.transaction).await.unwrap().unwrap();
    bench.anvil.mine(1).await;
    let settle = bench.wallet.settled(sent, Vec::new());
    let world = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        bench.anvil.reorg(2).await;
        while bench.anvil.endpoint.receipt(sent.transaction).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bench.anvil.mine(4).await;
    };
    let (settlement, ()) = tokio::join!(settle, world);
    assert_ne!(mined(settlement).block.hash, first.block_hash);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn several_transactions_in_a_row_take_nonces_in_a_row() {
    let bench = Bench::start(1).await;
    bench.automine(false).await;
    let mut all = Vec::new();
    for topic in 0..5 {
        all.push(bench.wallet.send_to(LOGGER, B256::with_last_byte(topic)).await.1);
    }
    bench.anvil.mine(1).await;
    for (nonce, sent) in all.into_iter().enumerate() {
        assert_eq!(u64::try_from(nonce).unwrap(), sent.nonce);
        assert_eq!(mined(bench.wallet.settled(sent, Vec::new()).await).transaction, sent.transaction);
    }
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_broken_wire_hides_nothing() {
    let bench = Bench::start(1).await;
    let mut wire = bench.anvil.wire().await;
    let url = format!("http://127.0.0.1:{}", wire.port);
    let endpoint = Endpoint::connect(&url, crate::anvil::CHAIN).await.unwrap();
    let wallet = spawn(endpoint, config(&bench.folder, 1));
    let transaction = transaction(&wallet.next_quote().await.unwrap(), Some(LOGGER), B256::ZERO);
    wire.cut().await;
    let sent = wallet.sign_and_broadcast(&transaction).await.unwrap();
    assert!(!bench.anvil.endpoint.has_transaction(sent.transaction).await.unwrap());
    let settle = wallet.settled(sent, Vec::new());
    let mend = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        wire.mend().await;
    };
    let (settlement, ()) = tokio::join!(settle, mend);
    assert_eq!(mined(settlement).transaction, sent.transaction);
}
