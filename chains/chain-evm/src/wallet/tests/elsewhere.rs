//! A key that is elsewhere: it gives another signature each time, late, wrongly or not at all.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use agent_core::{
    ports::{BoxFuture, DoorError, JournalError},
    units::ChainId,
};
use alloy::{
    consensus::SignableTransaction,
    network::TxSigner,
    primitives::{B256, Signature},
    signers::local::PrivateKeySigner,
};
use chain_door::KeptSignature;
use secp256k1::{Message, Secp256k1, SecretKey};

use super::{
    super::order::Book,
    against_anvil::{Bench, mined},
    against_fake::Node,
    *,
};
use crate::anvil::LOGGER;

const PATIENCE: Duration = Duration::from_secs(3);

/// How a signer behaves.
#[derive(Debug, Clone, Copy)]
enum Manner {
    Signs,
    Hangs,
    Fails,
    /// With the upper half's s, as some services do.
    SignsHigh,
    /// With another key.
    SignsForAnother,
    /// Another transaction.
    SignsAnother,
}

/// Signs in this process, with a nonce of its own each time, as a key management service does.
#[derive(Clone)]
struct Service(Arc<Inside>);

struct Inside {
    manner: Mutex<Manner>,
    signed: AtomicU64,
    /// Latched after it was asked, and before it answers.
    latch: Mutex<Option<KillSwitch>>,
}

/// What the service says when it fails, and why.
#[derive(Debug, thiserror::Error)]
#[error("service error")]
struct ServiceError(#[source] std::io::Error);

impl Service {
    fn new() -> Self {
        let inside =
            Inside { manner: Mutex::new(Manner::Signs), signed: AtomicU64::new(0), latch: Mutex::default() };
        Self(Arc::new(inside))
    }

    fn will(&self, manner: Manner) {
        *self.0.manner.lock().unwrap() = manner;
    }

    fn signed(&self) -> u64 {
        self.0.signed.load(Ordering::SeqCst)
    }

    /// Never the same twice.
    fn sign(&self, hash: B256, secret: B256) -> Signature {
        let number = self.0.signed.fetch_add(1, Ordering::SeqCst);
        let salt = B256::left_padding_from(&number.to_be_bytes());
        let (curve, secret) = (Secp256k1::signing_only(), SecretKey::from_byte_array(secret.0).unwrap());
        #[expect(clippy::disallowed_methods, reason = "the twin of a service that signs")]
        let signature =
            curve.sign_ecdsa_recoverable_with_noncedata(Message::from_digest(hash.0), &secret, &salt.0);
        let (recovery, bytes) = signature.serialize_compact();
        Signature::from_bytes_and_parity(&bytes, i32::from(recovery) & 1 == 1)
    }
}

impl TxSigner<Signature> for Service {
    fn address(&self) -> Address {
        FROM
    }

    fn sign_transaction<'a, 'b, 'c>(
        &'a self,
        transaction: &'b mut dyn SignableTransaction<Signature>,
    ) -> BoxFuture<'c, alloy::signers::Result<Signature>>
    where
        'a: 'c,
        'b: 'c,
    {
        Box::pin(async move {
            let hash = transaction.signature_hash();
            tokio::task::yield_now().await;
            if let Some(kill) = self.0.latch.lock().unwrap().take() {
                kill.latch().unwrap();
            }
            let manner = *self.0.manner.lock().unwrap();
            match manner {
                Manner::Signs => Ok(self.sign(hash, KEY)),
                Manner::Hangs => std::future::pending().await,
                Manner::Fails => {
                    let cause = std::io::Error::other("no such key");
                    Err(alloy::signers::Error::other(ServiceError(cause)))
                }
                Manner::SignsHigh => Ok(upper(self.sign(hash, KEY))),
                Manner::SignsForAnother => Ok(self.sign(hash, B256::with_last_byte(1))),
                Manner::SignsAnother => Ok(self.sign(B256::with_last_byte(1), KEY)),
            }
        })
    }
}

/// The same signature with the other s.
fn upper(signature: Signature) -> Signature {
    const ORDER: U256 =
        alloy::primitives::uint!(0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141_U256);
    Signature::new(signature.r(), ORDER.wrapping_sub(signature.s()), !signature.v())
}

/// A journal's place for signatures.
#[derive(Default)]
struct List {
    kept: Mutex<Vec<KeptSignature>>,
    fails: std::sync::atomic::AtomicBool,
    /// How many broadcasts there were when each was written.
    broadcasts: Mutex<Vec<usize>>,
    node: Option<Arc<Node>>,
    writes: AtomicUsize,
}

impl List {
    fn kept(&self) -> Vec<KeptSignature> {
        self.kept.lock().unwrap().clone()
    }
}

impl Book for List {
    fn keep(&self, signature: KeptSignature) -> BoxFuture<'_, Result<(), DoorError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.writes.fetch_add(1, Ordering::SeqCst);
            if self.fails.load(Ordering::SeqCst) {
                return Err(JournalError::Closed.into());
            }
            let broadcasts = self.node.as_ref().map_or(0, |node| node.broadcasts());
            self.broadcasts.lock().unwrap().push(broadcasts);
            self.kept.lock().unwrap().push(signature);
            Ok(())
        })
    }
}

struct Stage {
    service: Service,
    node: Arc<Node>,
    list: List,
    config: WalletConfig,
    wallet: WalletHandle,
    _folder: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let (node, service) = (Node::new(Vec::new()), Service::new());
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder, 1);
        let list = List { node: Some(node.clone()), ..List::default() };
        let wallet = far(&service, node.endpoint(), config.clone());
        Self { service, node, list, config, wallet, _folder: folder }
    }

    async fn transaction(&self) -> Transaction {
        transaction(&self.wallet.next_quote().await.unwrap(), Some(FROM), Bytes::new())
    }

    async fn send(&self, transaction: &Transaction) -> Result<Sent, WalletError> {
        carry_out(&self.wallet, &self.list, transaction).await
    }

    /// What the wallet says, and that nothing left and nothing was written down.
    async fn refusal(&self, transaction: &Transaction) -> String {
        let refusal = self.send(transaction).await.unwrap_err().to_string();
        assert_eq!((self.node.broadcasts(), self.list.kept().len()), (0, 0), "{refusal}");
        assert!(self.wallet.lane.nonces().is_empty(), "nothing is remembered: {refusal}");
        refusal
    }
}

fn far(service: &Service, endpoint: Endpoint, config: WalletConfig) -> WalletHandle {
    Wallet::spawn(UnlockedKey::elsewhere(service.clone(), PATIENCE), endpoint, config)
}

async fn carry_out(
    wallet: &WalletHandle,
    list: &List,
    transaction: &Transaction,
) -> Result<Sent, WalletError> {
    let kept = list.kept();
    wallet.carry_out(Order { transaction, terms: PUBLIC, kept: &kept, book: Some(list) }).await
}

async fn standing(wallet: &WalletHandle, list: &List, transaction: &Transaction) -> Standing {
    let kept = list.kept();
    wallet.standing(Order { transaction, terms: PUBLIC, kept: &kept, book: Some(list) }).await.unwrap()
}

#[tokio::test]
async fn a_signature_is_written_down_before_it_leaves_and_used_again_in_place_of_another() {
    let stage = Stage::new();
    assert!(stage.wallet.keeps_signatures());
    let transaction = stage.transaction().await;
    let sent = stage.send(&transaction).await.unwrap();
    assert_eq!(*stage.list.broadcasts.lock().unwrap(), [0], "written before it left");
    assert_eq!((stage.list.kept()[0].transaction, stage.node.broadcasts()), (sent.transaction, 1));
    // Another process.
    let restarted = far(&stage.service, stage.node.endpoint(), stage.config.clone());
    assert_eq!(standing(&restarted, &stage.list, &transaction).await, Standing::Unknown(sent));
    assert_eq!(carry_out(&restarted, &stage.list, &transaction).await.unwrap(), sent);
    assert_eq!((stage.service.signed(), stage.list.kept().len()), (1, 1));
    let broadcasts = stage.node.broadcasts.lock().unwrap();
    assert_eq!(broadcasts[0], broadcasts[1], "the same bytes");
}

#[tokio::test]
async fn two_signatures_of_one_transaction_are_two_hashes() {
    let stage = Stage::new();
    let transaction = stage.transaction().await;
    let sent = stage.send(&transaction).await.unwrap();
    let other = carry_out(&stage.wallet, &List::default(), &transaction).await.unwrap();
    assert_ne!(sent, other, "this is what all of this is about");
}

#[tokio::test]
async fn what_was_never_written_down_never_left() {
    let stage = Stage::new();
    let transaction = stage.transaction().await;
    assert_eq!(standing(&stage.wallet, &stage.list, &transaction).await, Standing::Unsigned);
    stage.node.mined.store(1, Ordering::SeqCst);
    assert_eq!(standing(&stage.wallet, &stage.list, &transaction).await, Standing::Superseded);
    assert_eq!(stage.service.signed(), 0, "nobody was asked");
    // What may have left is not given up at a look.
    stage.node.mined.store(0, Ordering::SeqCst);
    let sent = stage.send(&transaction).await.unwrap();
    stage.node.mined.store(1, Ordering::SeqCst);
    assert_eq!(standing(&stage.wallet, &stage.list, &transaction).await, Standing::Known(sent));
}

#[tokio::test]
async fn what_was_recorded_for_a_key_that_repeats_itself_is_left_to_that_key() {
    let stage = Stage::new();
    let transaction = stage.transaction().await;
    let refused = stage.wallet.sign_and_broadcast(&transaction).await.unwrap_err();
    let unfound = stage.wallet.standing(order(&transaction, PUBLIC)).await.unwrap_err();
    assert!(matches!((refused, unfound), (WalletError::NotKept, WalletError::NotKept)));
    assert_eq!((stage.service.signed(), stage.node.broadcasts()), (0, 0));
    // The other way round, a key of this process finds what was written down, and signs as what it is.
    let sent = stage.send(&transaction).await.unwrap();
    let here = spawn(stage.node.endpoint(), stage.config.clone());
    assert_eq!(standing(&here, &stage.list, &transaction).await, Standing::Unknown(sent));
    assert_eq!(carry_out(&here, &stage.list, &transaction).await.unwrap(), sent);
    let fresh = List::default();
    assert_eq!(standing(&here, &fresh, &transaction).await, Standing::Unsigned);
    let deterministic = carry_out(&here, &fresh, &transaction).await.unwrap();
    assert_eq!(fresh.kept()[0].transaction, deterministic.transaction);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_signed_or_not_by_this_key_does_not_leave() {
    let stage = Stage::new();
    let transaction = stage.transaction().await;
    let said = async |manner| {
        stage.service.will(manner);
        stage.refusal(&transaction).await
    };
    assert_eq!(
        said(Manner::Hangs).await,
        "the key's signer gave no signature within 3 seconds; see whether it can be reached, or waits for a person"
    );
    assert_eq!(said(Manner::Fails).await, "the key's signer did not sign: service error: no such key");
    let not_ours = "what the key's signer gave is no signature of this transaction by 0x70997970C51812dc3A010C7d01b50e0d17dc79C8; see that it holds the key of that address";
    assert_eq!(said(Manner::SignsHigh).await, not_ours);
    assert_eq!(said(Manner::SignsForAnother).await, not_ours);
    assert_eq!(said(Manner::SignsAnother).await, not_ours);
    stage.service.will(Manner::Signs);
    stage.list.fails.store(true, Ordering::SeqCst);
    assert_eq!(
        stage.refusal(&transaction).await,
        "its signature could not be written down: journal is closed"
    );
    stage.list.fails.store(false, Ordering::SeqCst);
    stage.send(&transaction).await.unwrap();
}

#[tokio::test]
async fn a_signature_that_comes_after_the_latch_does_not_leave() {
    let stage = Stage::new();
    let transaction = stage.transaction().await;
    *stage.service.0.latch.lock().unwrap() = Some(stage.config.kill.clone());
    let killed = stage.send(&transaction).await.unwrap_err();
    assert!(matches!(killed, WalletError::Killed), "{killed}");
    assert_eq!((stage.service.signed(), stage.list.writes.load(Ordering::SeqCst)), (1, 0));
    let killed = stage.send(&transaction).await.unwrap_err();
    assert!(matches!(killed, WalletError::Killed), "{killed}");
    assert_eq!((stage.service.signed(), stage.node.broadcasts()), (1, 0), "the signer is not even asked");
}

#[tokio::test]
async fn what_was_written_down_before_the_latch_is_found_after_it_and_does_not_leave() {
    let stage = Stage::new();
    let transaction = stage.transaction().await;
    let sent = stage.send(&transaction).await.unwrap();
    stage.config.kill.latch().unwrap();
    assert_eq!(standing(&stage.wallet, &stage.list, &transaction).await, Standing::Unknown(sent));
    assert!(matches!(stage.send(&transaction).await, Err(WalletError::Killed)));
    assert_eq!((stage.service.signed(), stage.node.broadcasts()), (1, 1));
}

#[tokio::test]
async fn a_signature_that_comes_after_its_time_does_not_leave() {
    let stage = Stage::new();
    let transaction = stage.transaction().await;
    // The fake node's head is of second 1.
    let terms = Terms { deadline: Some(Timestamp(1)), ..PUBLIC };
    let order = Order { transaction: &transaction, terms, kept: &[], book: Some(&stage.list) };
    let late = stage.wallet.carry_out(order).await.unwrap_err().to_string();
    assert_eq!(late, "its signature came too late: it is for 1, and the chain is at 1");
    assert_eq!((stage.node.broadcasts(), stage.list.kept().len()), (0, 0));
    let terms = Terms { deadline: Some(Timestamp(2)), ..PUBLIC };
    stage.wallet.carry_out(Order { terms, ..order }).await.unwrap();
}

#[tokio::test]
async fn a_signature_in_the_journal_that_is_not_this_transactions_is_refused() {
    let stage = Stage::new();
    let transaction = stage.transaction().await;
    stage.send(&transaction).await.unwrap();
    let good = stage.list.kept().remove(0);
    let mut turned = good.signature.to_vec();
    turned[40] ^= 1;
    let bad = [
        KeptSignature { signature: turned.into(), ..good.clone() },
        KeptSignature { signature: good.signature.slice(..64), ..good.clone() },
        KeptSignature { transaction: B256::ZERO, ..good.clone() },
    ];
    for kept in bad {
        let kept = [kept];
        let order = Order { transaction: &transaction, terms: PUBLIC, kept: &kept, book: Some(&stage.list) };
        assert!(matches!(stage.wallet.carry_out(order).await, Err(WalletError::Foreign(_))));
        assert!(matches!(stage.wallet.standing(order).await, Err(WalletError::Foreign(_))));
    }
    let other = Transaction { nonce: 5, ..transaction };
    let kept = [good];
    let order = Order { transaction: &other, terms: PUBLIC, kept: &kept, book: Some(&stage.list) };
    assert!(matches!(stage.wallet.carry_out(order).await, Err(WalletError::Foreign(_))));
    assert_eq!(stage.node.broadcasts(), 1);
}

#[tokio::test]
async fn what_is_for_another_chain_or_key_is_not_given_to_the_signer() {
    let stage = Stage::new();
    let good = stage.transaction().await;
    stage.refusal(&Transaction { chain: ChainId(1), ..good.clone() }).await;
    stage.refusal(&Transaction { from: Address::ZERO, ..good }).await;
    assert_eq!(stage.service.signed(), 0);
    assert!(!format!("{:?}", stage.wallet.lane.key).contains("Service"));
}

#[test]
fn any_of_alloys_signers_will_do() {
    let here = PrivateKeySigner::from_bytes(&KEY).unwrap();
    assert_eq!(UnlockedKey::elsewhere(here, PATIENCE).address(), FROM);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn what_a_key_elsewhere_signed_is_found_after_a_crash_whichever_signature_was_mined() {
    let bench = Bench::start(1).await;
    bench.automine(false).await;
    let folder = tempfile::tempdir().unwrap();
    let (service, list) = (Service::new(), List::default());
    let start = || far(&service, bench.anvil.endpoint.clone(), config(&folder, 1));
    let wallet = start();
    let transaction = transaction(&wallet.next_quote().await.unwrap(), Some(LOGGER), B256::ZERO);
    let first = carry_out(&wallet, &list, &transaction).await.unwrap();
    bench.drop_from_pool(first).await;
    // A second signature, as a process may have written that was cut off; it is the one that the miner has.
    let other = List::default();
    let second = carry_out(&wallet, &other, &transaction).await.unwrap();
    list.kept.lock().unwrap().extend(other.kept());
    drop(wallet);
    // A process that knows the journal and the chain.
    let wallet = start();
    assert_eq!(standing(&wallet, &list, &transaction).await, Standing::Known(second));
    bench.anvil.mine(1).await;
    let settlement = match wallet.followed(vec![first, second], Vec::new()).await {
        Followed::Final(settlement) => settlement,
        Followed::Stuck(stuck) => panic!("{stuck:?}"),
    };
    assert_eq!(mined(settlement).transaction, second.transaction);
    assert_eq!(service.signed(), 2, "nobody asked for a third");
}
