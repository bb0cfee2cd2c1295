//! Bundles land in exactly their block, whole or not at all.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a stand that is broken fails its test"
)]

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, TxHash, keccak256};
use alloy::providers::Provider;
use alloy::signers::Signer;
use alloy::signers::local::PrivateKeySigner;
use alloy::transports::http::reqwest::Client;
use chain_devnet::fault::Link;
use chain_devnet::relay::{BlockBuilder, Fate, Manner, Relay, RelayHandle, Why};
use chain_devnet::{Asset, Devnet, DevnetConfig, Mining, Role};
use serde_json::{Value, json};

struct Stand {
    devnet: Devnet,
    relays: [Relay; 2],
    builder: BlockBuilder,
    client: Client,
    signer: PrivateKeySigner,
    nonce: u64,
}

#[derive(Debug)]
struct Heard {
    status: u16,
    answer: Value,
}

impl Stand {
    async fn new() -> Self {
        let devnet = Devnet::launch(DevnetConfig::mining(Mining::Manual)).await.unwrap();
        let relays = [Relay::launch(&devnet).await.unwrap(), Relay::launch(&devnet).await.unwrap()];
        let builder = BlockBuilder::new(&devnet, relays.iter().map(Relay::handle)).unwrap();
        let spare = devnet.manifest().account_with(Role::Spare).unwrap();
        let nonce = devnet.provider().get_transaction_count(spare).await.unwrap();
        Self { devnet, relays, builder, client: Client::new(), signer: PrivateKeySigner::random(), nonce }
    }

    fn relay(&self, place: usize) -> RelayHandle {
        self.relays[place].handle()
    }

    async fn head(&self) -> u64 {
        self.devnet.latest_block().await.unwrap().number
    }

    /// A transaction that the node has signed and nobody has sent, `later` nonces on.
    async fn signed(&self, later: u64, to: Address, data: Bytes) -> (Bytes, TxHash) {
        let request = json!({
            "from": self.devnet.manifest().account_with(Role::Spare).unwrap(), "to": to, "input": data,
            "nonce": format!("{:#x}", self.nonce + later), "gas": "0x186a0",
            "maxFeePerGas": "0x174876e800", "maxPriorityFeePerGas": "0x3b9aca00",
        });
        let node = self.devnet.provider();
        let raw: Bytes = node.raw_request("eth_signTransaction".into(), [request]).await.unwrap();
        let hash = keccak256(&raw);
        (raw, hash)
    }

    async fn plain(&self, later: u64) -> (Bytes, TxHash) {
        self.signed(later, Address::repeat_byte(9), Bytes::new()).await
    }

    /// It takes USDC from an account that has none.
    async fn reverting(&self, later: u64) -> (Bytes, TxHash) {
        let usdc = self.devnet.manifest().asset(Asset::Usdc).unwrap().address;
        let mut data = keccak256("transfer(address,uint256)")[..4].to_vec();
        data.extend([0x11; 64]);
        data[4..16].fill(0);
        self.signed(later, usdc, data.into()).await
    }

    async fn post(&self, place: usize, method: &str, parameter: Value, signature: Option<&str>) -> Heard {
        let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": [parameter]}).to_string();
        let mut request = self.client.post(self.relays[place].http_url());
        let own = self.signature(&body).await;
        match signature {
            None => request = request.header("X-Flashbots-Signature", own),
            Some("") => {}
            Some(other) => request = request.header("X-Flashbots-Signature", other),
        }
        let heard = request.body(body).send().await.unwrap();
        let status = heard.status().as_u16();
        Heard { status, answer: serde_json::from_str(&heard.text().await.unwrap()).unwrap_or_default() }
    }

    async fn signature(&self, body: &str) -> String {
        let message = keccak256(body).to_string();
        let signature = self.signer.sign_message(message.as_bytes()).await.unwrap();
        format!("{}:{signature}", self.signer.address())
    }

    /// Sends a bundle that is understood, and returns its hash.
    async fn bundle(&self, place: usize, bundle: Value) -> B256 {
        let heard = self.post(place, "eth_sendBundle", bundle, None).await;
        serde_json::from_value(heard.answer["result"]["bundleHash"].clone()).unwrap()
    }

    async fn is_known(&self, hash: TxHash) -> bool {
        self.devnet.provider().get_transaction_by_hash(hash).await.unwrap().is_some()
    }

    fn fates(&self, place: usize) -> Vec<Fate> {
        self.relay(place).orders().into_iter().map(|order| order.fate).collect()
    }
}

fn hex(number: u64) -> String {
    format!("{number:#x}")
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_bundle_lands_in_its_block_and_in_no_other() {
    let stand = Stand::new().await;
    let head = stand.head().await;
    let ((first, one), (second, two)) = (stand.plain(0).await, stand.plain(1).await);
    let bundle = json!({"txs": [first, second], "blockNumber": hex(head + 2)});
    let hash = stand.bundle(0, bundle).await;
    let early = stand.builder.build(Some(0)).await.unwrap();
    assert!(early.transactions.is_empty() && !stand.is_known(one).await, "{early:?}");
    let built = stand.builder.build(Some(0)).await.unwrap();
    assert_eq!((built.block, built.transactions, built.landed), (head + 2, vec![one, two], vec![hash]));
    assert_eq!(stand.fates(0), [Fate::Landed { block: head + 2 }]);
    // Its block has passed: it is refused at once.
    let late = json!({"txs": [stand.plain(2).await.0], "blockNumber": hex(head + 2)});
    assert!(stand.post(0, "eth_sendBundle", late, None).await.answer["error"].is_object());
    assert_eq!(stand.relay(0).tally().refused, 1);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn what_was_replaced_or_cancelled_does_not_land() {
    let stand = Stand::new().await;
    let block = hex(stand.head().await + 1);
    let ((old, old_hash), (new, new_hash)) = (stand.reverting(0).await, stand.plain(0).await);
    stand.bundle(0, json!({"txs": [old], "blockNumber": block, "replacementUuid": "a"})).await;
    stand.bundle(0, json!({"txs": [new], "blockNumber": block, "replacementUuid": "a"})).await;
    let (other, other_hash) = stand.plain(1).await;
    stand.bundle(0, json!({"txs": [other], "blockNumber": block, "replacementUuid": "b"})).await;
    let cancelled = stand.post(0, "eth_cancelBundle", json!({"replacementUuid": "b"}), None).await;
    assert!(cancelled.answer["error"].is_null());
    stand.bundle(0, json!({"txs": [other], "blockNumber": block, "replacementUuid": "c"})).await;
    let empty = json!({"txs": [], "blockNumber": block, "replacementUuid": "c"});
    assert!(stand.post(0, "eth_sendBundle", empty, None).await.answer["error"].is_null());
    let built = stand.builder.build(Some(0)).await.unwrap();
    assert_eq!(built.transactions, [new_hash]);
    assert!(!stand.is_known(old_hash).await && !stand.is_known(other_hash).await);
    let landed = Fate::Landed { block: built.block };
    assert_eq!(stand.fates(0), [Fate::Replaced, landed, Fate::Cancelled, Fate::Cancelled]);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_bundle_that_reverts_is_left_out_whole_and_the_public_stays() {
    let stand = Stand::new().await;
    let head = stand.head().await;
    let public = stand.devnet.manifest().account_with(Role::Trader).unwrap();
    let nonce = stand.devnet.provider().get_transaction_count(public).await.unwrap();
    let public = stand.devnet.use_nonce(public, nonce, 90_000_000_000).await.unwrap();
    let ((good, good_hash), (bad, bad_hash)) = (stand.plain(0).await, stand.reverting(1).await);
    let bundle = |block: u64| json!({"txs": [good, bad], "blockNumber": hex(block)});
    let hash = stand.bundle(0, bundle(head + 1)).await;
    let built = stand.builder.build(Some(0)).await.unwrap();
    assert_eq!((&built.transactions, built.block), (&vec![public], head + 1));
    assert_eq!(built.left_out, [(hash, Why::Reverts(bad_hash))]);
    assert!(!stand.is_known(good_hash).await && !stand.is_known(bad_hash).await);
    // Where it may revert, it lands.
    let mut allowed = bundle(head + 2);
    allowed["revertingTxHashes"] = json!([bad_hash]);
    stand.bundle(0, allowed).await;
    assert_eq!(stand.builder.build(Some(0)).await.unwrap().transactions, [good_hash, bad_hash]);
    // What the node does not take at all is left out as well.
    let stale = stand.bundle(0, bundle(head + 3)).await;
    let built = stand.builder.build(Some(0)).await.unwrap();
    assert!(built.transactions.is_empty());
    assert!(matches!(&built.left_out[..], [(hash, Why::Refused { .. })] if *hash == stale), "{built:?}");
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn one_of_several_relays_wins_a_block() {
    let stand = Stand::new().await;
    let head = stand.head().await;
    let (raw, hash) = stand.plain(0).await;
    for block in [head + 1, head + 2] {
        stand.bundle(1, json!({"txs": [raw], "blockNumber": hex(block)})).await;
    }
    assert!(stand.builder.build(Some(0)).await.unwrap().transactions.is_empty());
    assert_eq!(stand.fates(1), [Fate::Expired, Fate::Waiting]);
    assert_eq!(stand.builder.build(Some(1)).await.unwrap().transactions, [hash]);
    assert!(stand.builder.build(None).await.unwrap().transactions.is_empty());
    assert_eq!(stand.fates(1), [Fate::Expired, Fate::Landed { block: head + 2 }]);
    assert!(stand.builder.build(Some(7)).await.is_err());
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_block_at_the_wrong_time_is_not_taken() {
    let stand = Stand::new().await;
    stand.devnet.mine(1).await.unwrap();
    let now = stand.devnet.latest_block().await.unwrap();
    let (raw, hash) = stand.plain(0).await;
    let window = |block: u64| {
        json!({"txs": [raw], "blockNumber": hex(block),
            "minTimestamp": now.timestamp + 1_000, "maxTimestamp": now.timestamp + 2_000})
    };
    stand.bundle(0, window(now.number + 1)).await;
    stand.devnet.set_next_block_timestamp(now.timestamp + 500).await.unwrap();
    let built = stand.builder.build(Some(0)).await.unwrap();
    assert!(matches!(&built.left_out[..], [(_, Why::WrongTime(time))] if *time == now.timestamp + 500));
    assert_eq!(stand.devnet.latest_block().await.unwrap().timestamp, now.timestamp + 500);
    stand.bundle(0, window(now.number + 2)).await;
    stand.devnet.set_next_block_timestamp(now.timestamp + 1_500).await.unwrap();
    assert_eq!(stand.builder.build(Some(0)).await.unwrap().transactions, [hash]);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn who_did_not_sign_is_not_heard() {
    let stand = Stand::new().await;
    let bundle = json!({"txs": [stand.plain(0).await.0], "blockNumber": hex(stand.head().await + 1)});
    let elsewhere = stand.signature("another body").await;
    for signature in ["", "0x12", &elsewhere] {
        let heard = stand.post(0, "eth_sendBundle", bundle.clone(), Some(signature)).await;
        assert_eq!(heard.status, 403, "{heard:?}");
        assert!(heard.answer["error"]["message"].as_str().unwrap().contains("X-Flashbots-Signature"));
    }
    let tally = stand.relay(0).tally();
    assert_eq!((tally.bad_signatures, tally.accepted, tally.requests["eth_sendBundle"]), (3, 0, 3));
    // A name belongs to the one who gave it.
    let mut stand = stand;
    let mut named = bundle;
    named["replacementUuid"] = json!("a");
    stand.bundle(0, named).await;
    stand.signer = PrivateKeySigner::random();
    stand.post(0, "eth_cancelBundle", json!({"replacementUuid": "a"}), None).await;
    assert_eq!(stand.fates(0), [Fate::Waiting]);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn private_transactions_wait_and_stay_private() {
    let stand = Stand::new().await;
    let head = stand.head().await;
    let ((first, one), (second, two), (third, three)) =
        (stand.plain(0).await, stand.plain(1).await, stand.plain(2).await);
    let heard = stand.post(0, "eth_sendRawTransaction", json!(first), Some("")).await;
    assert_eq!(heard.answer["result"], json!(one));
    let private = json!({"tx": second, "maxBlockNumber": hex(head + 2)});
    assert_eq!(stand.post(0, "eth_sendPrivateTransaction", private, None).await.answer["result"], json!(two));
    stand.post(0, "eth_sendPrivateRawTransaction", json!(third), None).await;
    let taken_back = stand.post(0, "eth_cancelPrivateTransaction", json!({"txHash": three}), None).await;
    assert_eq!(taken_back.answer["result"], json!(true));
    assert!(stand.builder.build(None).await.unwrap().transactions.is_empty());
    assert!(!stand.is_known(one).await);
    assert_eq!(stand.builder.build(Some(0)).await.unwrap().transactions, [one, two]);
    assert_eq!(stand.fates(0)[2], Fate::Cancelled);
    // One that is never included expires.
    let private = json!({"tx": third, "maxBlockNumber": hex(head + 3)});
    stand.post(1, "eth_sendPrivateTransaction", private, None).await;
    stand.builder.build(Some(0)).await.unwrap();
    assert_eq!(stand.fates(1), [Fate::Expired]);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn relays_misbehave_on_demand() {
    let stand = Stand::new().await;
    let relay = stand.relay(0);
    let (raw, hash) = stand.plain(0).await;
    let bundle = json!({"txs": [raw], "blockNumber": hex(stand.head().await + 1)});
    relay.set_manner(Manner::ServerError(502));
    assert_eq!(stand.post(0, "eth_sendBundle", bundle.clone(), None).await.status, 502);
    relay.set_manner(Manner::Silent);
    tokio::select! {
        heard = stand.post(0, "eth_sendBundle", bundle.clone(), None) => panic!("{heard:?}"),
        _ = relay.until_tally(|tally| tally.mistreated == 2) => {}
    }
    assert!(relay.orders().is_empty());
    relay.set_manner(Manner::Forgetful);
    stand.bundle(0, bundle.clone()).await;
    assert!(stand.builder.build(Some(0)).await.unwrap().transactions.is_empty());
    assert_eq!(stand.fates(0), [Fate::Forgotten]);
    relay.set_manner(Manner::Leaky);
    let next = json!({"txs": [raw], "blockNumber": hex(stand.head().await + 3)});
    stand.bundle(0, next).await;
    assert!(stand.is_known(hash).await);
    relay.set_manner(Manner::Slow(Duration::from_millis(5)));
    let slow = json!({"txs": [raw], "blockNumber": hex(stand.head().await + 2)});
    stand.bundle(0, slow).await;
    assert_eq!(relay.until(|orders| orders.len() == 3).await.len(), 3);
    assert_eq!(relay.tally().mistreated, 5);
    relay.set_manner(Manner::Honest);
    relay.set_link(Link::Refusing);
    assert!(stand.client.post(stand.relays[0].http_url()).send().await.is_err());
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_devnet_that_mines_by_itself_has_no_builder() {
    let devnet = Devnet::launch(DevnetConfig::mining(Mining::Automine)).await.unwrap();
    assert!(BlockBuilder::new(&devnet, []).is_err());
}
