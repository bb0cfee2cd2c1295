//! What the kill switch is thrown on: the real door, journal and wallet, with a hundred intents under way on a node whose
//! pool seems to lose them, so that all are broadcast again and again while more are offered.

use std::{
    error::Error,
    fs,
    num::NonZeroU64,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use agent_core::{
    Action, Call, Draft, Intent, OpportunityId, Origin, Refusal,
    ports::{Door as _, EntryKind, Journal, Offered, Sequence, Underway, Unobserved},
    units::{ChainId, Timestamp, TokenAmount, Wei},
};
use alloy::{
    primitives::{Address, B256, Bytes, U256, address, bytes, keccak256},
    providers::{Provider, ext::AnvilApi},
    rpc::types::TransactionRequest,
};
use chain_devnet::{
    Devnet, DevnetConfig, Mining, Role, StartTime,
    fault::{Calls, Fault, FaultHandle, FaultProxy, Lie, Rule, Schedule, Trigger},
};
use chain_door::{Door, DoorPorts, KillSwitch, Policy, Senders, creation_code};
use chain_evm::{
    Endpoint, EvmSimulator, Keystore, OrderFlowRoutes, Password, TipBounds, Wallet, WalletConfig,
};
use memory_journal::RedbJournal;
use tempfile::TempDir;
use tokio::task::JoinSet;

pub(crate) type Checked<T = ()> = Result<T, Box<dyn Error>>;

/// Intents under way, at least, when the switch is thrown.
pub(crate) const IN_FLIGHT: usize = 100;
/// More than this many, and a block is made.
const MANY: usize = 120;
/// Who offers one draft after another.
const OFFERING: usize = 4;
/// For so long nothing may leave.
const SILENCE: Duration = Duration::from_millis(700);
/// For so long the first broadcast is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// A keystore of the private key 1, whose password takes no time to try.
const KEYSTORE: &str = include_str!("../nonces/key.json");
const SEND: &str = "eth_sendRawTransaction";

/// A token that gives its caller one base unit for each `poke(uint256)`.
const POKED: Address = address!("0x00000000000000000000000000000000000070ce");
const POKED_CODE: Bytes =
    bytes!("0x5f3560e01c6370a0823114601d573354600101335560043560005fa1005b600435545f5260205ff3");

pub(crate) struct Stage {
    devnet: Devnet,
    proxy: FaultProxy,
    folder: TempDir,
    keystore: Keystore,
    policy: Policy,
    drafts: Drafts,
}

/// Drafts, each of which is another.
#[derive(Debug, Clone)]
struct Drafts {
    made: Arc<AtomicU64>,
    deadline: Timestamp,
}

/// What one throw of the switch showed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Thrown {
    /// Intents under way.
    pub(crate) in_flight: usize,
    /// Broadcasts of this life before it.
    pub(crate) before: u64,
    /// Broadcasts after it.
    pub(crate) after: u64,
    /// From before the switch's file was written until the last broadcast came to the node; nothing, when none did.
    pub(crate) until_silent: Duration,
}

/// One life of the door.
pub(crate) struct Life {
    door: Door,
    journal: Arc<RedbJournal>,
    /// What the life before left: nobody follows it yet.
    left: Vec<Underway>,
    work: JoinSet<()>,
    drafts: Drafts,
}

/// What came out of the wallet, as the node sees it.
#[derive(Debug, Clone, Copy)]
struct Left {
    count: u64,
    last: Instant,
}

fn policy(executor: Address) -> Checked<Policy> {
    let text = format!(
        r#"
version = 1
chain = 31337
executor = "{executor}"
recipients = []

[limits]
gas_per_transaction = 150_000
max_fee_gwei = "500"
gas_per_window_eth = "1000"
window_seconds = 3600
deadline_seconds = 3600
in_flight = 1000

[[tokens]]
symbol = "POKE"
address = "{POKED}"
decimals = 0
per_transaction = "100"
per_window = "1000000"

[[contracts]]
name = "poked"
address = "{POKED}"
opaque = ["poke(uint256)"]

[strategies.poker]
gas_per_window_eth = "1000"

[planner]
may_arm = []
max_uses = 0
max_seconds = 0
"#
    );
    Ok(Policy::parse(&text)?)
}

fn password() -> Password {
    Password::new("nobody else is on this chain".to_owned())
}

#[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
fn now() -> Instant {
    Instant::now()
}

impl Stage {
    pub(crate) async fn build() -> Checked<Self> {
        let config =
            DevnetConfig { mining: Mining::Manual, start_time: StartTime::AtDump, ..DevnetConfig::default() };
        let devnet = Devnet::launch(config).await?;
        devnet.set_block_timestamp_interval(1).await?;
        devnet.provider().anvil_set_code(POKED, POKED_CODE).await?;
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("key.json"), KEYSTORE)?;
        let keystore = Keystore::open(&folder.path().join("key.json"))?;
        let key = keystore.address().ok_or("a key without address")?;
        devnet.fund(key, U256::from(10_u128.pow(22))).await?;
        let executor = deploy(&devnet, key).await?;
        let proxy = FaultProxy::launch(&devnet.http_url()).await?;
        let deadline = Timestamp(devnet.latest_block().await?.timestamp.saturating_add(3_000));
        let drafts = Drafts { made: Arc::default(), deadline };
        Ok(Self { devnet, proxy, folder, keystore, policy: policy(executor)?, drafts })
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("KILL")
    }

    /// The operator clears the switch, while nothing runs.
    pub(crate) fn clear(&self) -> Checked {
        Ok(KillSwitch::at(&self.file()).clear()?)
    }

    pub(crate) fn broadcasts(&self) -> u64 {
        self.proxy.handle().tally().seen(SEND)
    }

    /// Opens the door, as each start of the process does, and takes up what the one before left.
    pub(crate) async fn open(&self) -> Checked<Life> {
        let endpoint = Endpoint::connect(&self.proxy.http_url(), ChainId(31_337)).await?;
        let kill = KillSwitch::at(&self.file());
        let config = WalletConfig {
            confirmations: 1,
            tip: TipBounds { floor: 1_000_000, cap: 5_000_000_000 },
            poll: Duration::from_secs(2),
            stuck_after: 10,
            routes: OrderFlowRoutes::none(),
            top_up_below: Wei::ZERO,
            kill: kill.clone(),
        };
        let journal = Arc::new(RedbJournal::open(self.folder.path().join("journal"))?);
        let wallet = Wallet::spawn(self.keystore.unlock(&password())?, endpoint.clone(), config);
        let ports = DoorPorts {
            simulator: Arc::new(EvmSimulator::new(endpoint, NonZeroU64::MIN)),
            journal: journal.clone(),
            senders: Senders::one(wallet.address(), Arc::new(wallet)),
            observer: Arc::new(Unobserved),
            kill,
        };
        let door = Door::open(self.policy.clone(), ports).await?;
        let left = door.recover().await?;
        Ok(Life { door, journal, left, work: JoinSet::new(), drafts: self.drafts.clone() })
    }

    /// Sees to it that enough is under way, and not too much: what is mined makes room for more.
    pub(crate) async fn busy(&self) -> Checked {
        let mut life = self.open().await?;
        if life.in_flight() > MANY {
            self.devnet.mine(1).await?;
            life.follow();
            life.until(0).await;
        }
        while life.in_flight() < IN_FLIGHT {
            life.one_more().await?;
        }
        life.end().await;
        Ok(())
    }

    /// A life that finds the pool without half of what is under way. So much after its first broadcast the switch is thrown,
    /// as another process does it; what still leaves.
    pub(crate) async fn throw(&self, after: Duration) -> Checked<Thrown> {
        let mut life = self.open().await?;
        let faults = self.proxy.handle();
        let left = Arc::new(Mutex::new(Left { count: self.broadcasts(), last: now() }));
        let began = self.broadcasts();
        faults.set_schedule(losing());
        life.work.spawn(watch(faults.clone(), left.clone()));
        life.follow();
        life.keep_offering();
        let first = faults.until(|tally| tally.seen(SEND) > began);
        tokio::time::timeout(PATIENCE, first).await?;
        tokio::time::sleep(after).await;
        let (in_flight, before, thrown) = (life.in_flight(), self.broadcasts(), now());
        let switch = KillSwitch::at(&self.file());
        tokio::task::spawn_blocking(move || switch.latch()).await??;
        tokio::time::sleep(SILENCE).await;
        let recorded = life.recorded().await?;
        let Left { count, last } = *left.lock().unwrap_or_else(PoisonError::into_inner);
        let until_silent =
            if count > before { last.saturating_duration_since(thrown) } else { Duration::ZERO };
        life.stays_silent().await?;
        if life.recorded().await? != recorded || self.broadcasts() != count {
            return Err("something was recorded or broadcast long after the latch".into());
        }
        faults.clear();
        life.end().await;
        let (before, after) = (before.saturating_sub(began), count.saturating_sub(before));
        Ok(Thrown { in_flight, before, after, until_silent })
    }
}

impl Life {
    pub(crate) fn in_flight(&self) -> usize {
        self.door.status().under_way.len()
    }

    /// Waits until so many are under way.
    async fn until(&self, count: usize) {
        while self.in_flight() > count {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn one_more(&mut self) -> Checked {
        match self.door.offer(self.drafts.next(), origin()).await? {
            Offered::Underway(underway) => self.left.push(underway),
            Offered::Refused(refusal) => return Err(format!("refused: {refusal}").into()),
            Offered::Asked(question) => return Err(format!("asked: {}", question.why).into()),
        }
        Ok(())
    }

    /// Sees through what was left.
    fn follow(&mut self) {
        for underway in self.left.drain(..) {
            self.work.spawn(followed(underway));
        }
    }

    /// One draft after another, until the door refuses.
    fn keep_offering(&mut self) {
        for _ in 0..OFFERING {
            let (door, drafts) = (self.door.clone(), self.drafts.clone());
            self.work.spawn(async move {
                let mut following = JoinSet::new();
                loop {
                    match door.offer(drafts.next(), origin()).await {
                        Ok(Offered::Underway(underway)) => drop(following.spawn(followed(underway))),
                        Ok(Offered::Refused(Refusal::Killed)) => std::future::pending().await,
                        Ok(Offered::Refused(_) | Offered::Asked(_)) | Err(_) => {}
                    }
                }
            });
        }
    }

    /// Transactions that may be signed, as the journal has them.
    async fn recorded(&self) -> Checked<usize> {
        let entries = self.journal.verify().await?.entries;
        let stored = self.journal.read(Sequence(0), usize::try_from(entries)?).await?;
        let signs = |kind| matches!(kind, EntryKind::Recorded | EntryKind::Replaced);
        Ok(stored.iter().filter(|stored| signs(stored.entry.kind)).count())
    }

    /// Whatever is asked of it.
    pub(crate) async fn stays_silent(&self) -> Checked {
        let offered = self.door.offer(self.drafts.next(), origin()).await?;
        drop(self.door.recover().await?);
        match offered {
            Offered::Refused(Refusal::Killed) if self.door.status().killed => Ok(()),
            other @ (Offered::Refused(_) | Offered::Asked(_) | Offered::Underway(_)) => {
                Err(format!("not killed: {other:?}").into())
            }
        }
    }

    /// As a process ends.
    pub(crate) async fn end(mut self) {
        self.work.shutdown().await;
    }
}

async fn followed(underway: Underway) {
    // A journal that fails here fails for whoever asks it next.
    drop(underway.outcome.await);
}

/// Takes the time of each broadcast.
async fn watch(faults: FaultHandle, left: Arc<Mutex<Left>>) {
    loop {
        let count = left.lock().unwrap_or_else(PoisonError::into_inner).count;
        let tally = faults.until(|tally| tally.seen(SEND) > count).await;
        *left.lock().unwrap_or_else(PoisonError::into_inner) = Left { count: tally.seen(SEND), last: now() };
    }
}

/// Every look finds the pool without the transaction, so that its bytes are sent again; some of the broadcasts hang.
fn losing() -> Schedule {
    let lost =
        Rule::new(Calls::to("eth_getTransactionByHash"), Trigger::PerMille(500), Fault::Lie(Lie::Null));
    let slow = Rule::new(Calls::Sends, Trigger::PerMille(250), Fault::Delay(Duration::from_millis(150)));
    Schedule::of(1, [lost, slow])
}

fn origin() -> Origin {
    Origin::Planner { reason: "a test".to_owned() }
}

impl Drafts {
    fn next(&self) -> Draft {
        let number = B256::left_padding_from(&self.made.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        let selector = keccak256("poke(uint256)");
        let data = selector.iter().take(4).chain(number.iter()).copied().collect();
        Draft {
            id: OpportunityId(number),
            strategy: "poker".to_owned(),
            class: "poker/any".to_owned(),
            appraisal: None,
            action: Action::Execute(Intent {
                borrow: None,
                calls: vec![Call { target: POKED, spend: None, data }],
                floors: vec![TokenAmount { token: POKED, raw: U256::ONE }],
                deadline: self.deadline,
            }),
        }
    }
}

async fn deploy(devnet: &Devnet, owner: Address) -> Checked<Address> {
    let spare = devnet.manifest().account_with(Role::Spare)?;
    let creation = TransactionRequest::default().from(spare).input(creation_code(owner).into()).create();
    let provider = devnet.provider();
    let hash: B256 = provider.client().request("eth_sendTransaction", (creation,)).await?;
    devnet.mine(1).await?;
    let receipt = provider.get_transaction_receipt(hash).await?.ok_or("the executor was not mined")?;
    Ok(receipt.contract_address.ok_or("no executor")?)
}
