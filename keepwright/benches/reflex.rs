//! `scripts/bench reflex`: from a block's arrival to a recorded draft, stage by stage.
//!
//! Everything is real but the signature: blocks of a devnet whose feed reports a new price for each sample, the reader, the
//! liquidation strategy with its quote, the door with `eth_simulateV1`, and the journal on disk. The sender takes what was
//! recorded and drops it, so that the same position can be taken again.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that fails should say where")]

use std::{
    collections::BTreeMap,
    fs::File,
    io::Write,
    num::NonZeroU64,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use alloy::primitives::{Address, B256};
use keepwright::{
    core::{
        ArmedBy, OpportunityId, OrderId, Origin, RunLimits, Settlement, StandingOrder,
        ports::{
            BoxFuture, Command, Door as _, Followed, Journal, Moment, Observer, Quote, Sender, SenderError,
            Sent, Standing,
        },
        units::{Asset as Unit, BlockNumber, BlockRef, ChainId, Timestamp, Token, TokenAmount, UsdE8, Wei},
    },
    devnet::{Asset, Devnet, DevnetConfig, Manifest, Mining, World},
    door::{Door, DoorPorts, KillSwitch, Policy, Recorded, Senders},
    evm::{Endpoint, EvmReader, EvmSimulator, ReaderConfig},
    journal::RedbJournal,
    liquidation::{LiquidationConfig, LiquidationStrategy, MarketConfig, TermsConfig, Venue},
    runtime::{Agent, AgentParts, Limits, RulesPlanner, ToolLimits, Toolbox},
};

/// Fewer of them than recorded drafts would mean that something was not measured.
const SAMPLES: usize = 1_000;
const POLICY: &str = include_str!("../../examples/liquidator.policy.toml");
const STAGES: [&str; 6] = ["strategy", "hand-over", "simulate", "approve", "record", "block to recorded"];

#[tokio::main]
async fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let stages = reflex(folder.path()).await;
    let syncs = raw_syncs(folder.path());
    if !json {
        println!("{:<22} {:>10} {:>10}  peer", "stage", "p50 µs", "p99 µs");
    }
    for (name, mut samples) in STAGES.iter().zip(stages) {
        let peer = (*name == "record").then_some(("raw write and fdatasync", &syncs));
        print(json, name, &mut samples, peer);
    }
    print(json, "device sync", &mut syncs.clone(), None);
}

/// One row of each stage's samples, in microseconds.
async fn reflex(folder: &std::path::Path) -> [Vec<u128>; 6] {
    let devnet =
        Devnet::launch(DevnetConfig::mining(Mining::Automine)).await.expect("run scripts/setup first");
    let mut world = World::new(&devnet, 1);
    let endpoint = Endpoint::connect(&devnet.ws_url(), ChainId(devnet.manifest().chain_id)).await.unwrap();
    let from = deploy_executor(&devnet).await;
    let policy =
        Policy::parse(&POLICY.replacen("# executor =", &format!("executor = \"{}\"\n#", from.create(0)), 1))
            .unwrap();
    let (watch, journal) =
        (Arc::new(Stages::default()), Arc::new(RedbJournal::open(folder.join("journal")).unwrap()));
    let ports = DoorPorts {
        simulator: Arc::new(EvmSimulator::new(endpoint.clone(), NonZeroU64::MIN)),
        journal: journal.clone(),
        senders: Senders::one(from, Arc::new(Drops { endpoint: endpoint.clone(), from })),
        observer: watch.clone(),
        kill: KillSwitch::at(&folder.join("KILL")),
    };
    let door = Arc::new(Door::open(policy.clone(), ports).await.unwrap());
    door.command(Command::Arm(order(devnet.manifest())), Origin::Operator).await.unwrap().unwrap();
    let strategy = LiquidationStrategy::new(strategy(devnet.manifest(), &policy));
    let parts = AgentParts {
        reader: Arc::new(EvmReader::new(endpoint, ReaderConfig::usual())),
        door,
        memory: Arc::new(keepwright::core::scripted::ForgetfulMemory),
        observer: watch.clone(),
        strategies: vec![Box::new(strategy)],
        toolbox: Toolbox::new(ToolLimits { concurrency: 1, timeout: Duration::from_secs(1) }),
    };
    let limits =
        Limits { run: RunLimits { rounds: 1, calls: 1, note_bytes: 1 }, grace: Duration::from_secs(1) };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let planner = RulesPlanner { min_net: UsdE8(i128::MAX) };
    let agent = tokio::spawn(Agent::new(parts, planner, limits).run(async { drop(stopped.await) }));
    feed_prices(&devnet, &mut world, &watch).await;
    drop(stop);
    agent.await.unwrap().unwrap();
    let verified = journal.verify().await.unwrap();
    let rows = watch.rows();
    assert!(rows.len() >= SAMPLES, "only {} of {SAMPLES} prices led to a recorded draft", rows.len());
    eprintln!("{} drafts recorded, journal of {} entries verified", rows.len(), verified.entries);
    columns(&rows)
}

/// A new price per sample, and on to the next as soon as the draft that it led to is recorded. Where the price moved between
/// strategy and simulation, the draft is refused, rightly; the next block brings it again.
async fn feed_prices(devnet: &Devnet, world: &mut World, watch: &Stages) {
    let mut recorded = watch.recorded.subscribe();
    for sample in 0..SAMPLES {
        let price = 273_000_000_000_u128.checked_add(u128::try_from(sample).unwrap()).unwrap();
        let before = *recorded.borrow_and_update();
        world.publish_price(Asset::Weth, price).await.unwrap();
        for _block in 0..5 {
            let arrived = recorded.wait_for(|count| *count > before);
            match tokio::time::timeout(Duration::from_secs(2), arrived).await {
                Ok(_recorded) => break,
                Err(_elapsed) => devnet.mine(1).await.unwrap(),
            }
        }
    }
}

/// An executor that the sampled key owns, put there without a transaction of the agent's.
async fn deploy_executor(devnet: &Devnet) -> Address {
    use alloy::providers::{Provider, ext::AnvilApi};
    let from = Address::repeat_byte(0xa1);
    devnet
        .fund(from, alloy::primitives::U256::from(10u8).pow(alloy::primitives::U256::from(19u8)))
        .await
        .unwrap();
    let provider = devnet.provider();
    provider.anvil_impersonate_account(from).await.unwrap();
    let deploy = alloy::rpc::types::TransactionRequest::default()
        .from(from)
        .input(keepwright::door::creation_code(from).into())
        .gas_limit(3_000_000);
    let pending =
        provider.send_transaction(alloy::network::TransactionBuilder::into_create(deploy)).await.unwrap();
    pending.get_receipt().await.unwrap();
    from
}

fn token(manifest: &Manifest, asset: Asset) -> Token {
    let token = manifest.asset(asset).unwrap();
    Token { address: token.address, symbol: token.symbol.clone(), decimals: token.decimals }
}

/// Covers the largest position, and only it: one draft per price.
fn order(manifest: &Manifest) -> StandingOrder {
    let limit = |asset, amount: &str| -> TokenAmount { token(manifest, asset).parse(amount).unwrap() };
    StandingOrder {
        id: OrderId("bench".to_owned()),
        class: "aave-liquidation/WETH/USDC".to_owned(),
        armed_by: ArmedBy::Operator,
        min_net: UsdE8(220_000_000_000),
        max_notional: vec![limit(Asset::Usdc, "100000"), limit(Asset::Weth, "50")],
        uses: u32::MAX,
        expires: Timestamp(u64::MAX),
    }
}

fn strategy(manifest: &Manifest, policy: &Policy) -> LiquidationConfig {
    let (collateral, debt) = (token(manifest, Asset::Weth), token(manifest, Asset::Usdc));
    let venues = &manifest.protocols.uniswap_v3;
    let venue = Venue {
        collateral: collateral.address,
        debt: debt.address,
        router: venues.swap_router_02,
        quoter: venues.quoter_v2,
        fee: 500,
    };
    LiquidationConfig {
        market: MarketConfig {
            pool: manifest.protocols.aave.pool,
            wrapped_native: collateral.address,
            start_block: BlockNumber(0),
            block_time: 1,
            data_fee_oracle: None,
        },
        executor: policy.executor().unwrap(),
        tokens: vec![collateral, debt],
        venues: vec![venue],
        terms: TermsConfig::default(),
    }
}

/// A sender that quotes from the real chain, and drops what it is given instead of signing it.
struct Drops {
    endpoint: Endpoint,
    from: Address,
}

impl Sender<Recorded> for Drops {
    fn quote(&self) -> BoxFuture<'_, Result<Quote, SenderError>> {
        Box::pin(async {
            let reader = EvmReader::new(self.endpoint.clone(), ReaderConfig::usual());
            let read = keepwright::core::ports::Reader::read(&reader, Vec::new()).await;
            let (head, _): (BlockRef, _) =
                read.map_err(|cause| SenderError { doing: "quote", cause: Box::new(cause) })?;
            let (max_fee, least_fee, tip) = (2_000_000_000, 1_000_000_000, 1_000_000);
            let (chain, balance) = (self.endpoint.chain(), Wei(alloy::primitives::U256::MAX));
            Ok(Quote { chain, from: self.from, nonce: 1, max_fee, least_fee, tip, balance, head })
        })
    }

    fn send(&self, recorded: Recorded) -> BoxFuture<'_, Result<Sent, SenderError>> {
        let nonce = recorded.transaction().nonce;
        Box::pin(std::future::ready(Ok(Sent { transaction: B256::ZERO, nonce })))
    }

    fn find<'a>(&'a self, recorded: &'a Recorded) -> BoxFuture<'a, Result<Standing, SenderError>> {
        let nonce = recorded.transaction().nonce;
        Box::pin(std::future::ready(Ok(Standing::Unknown(Sent { transaction: B256::ZERO, nonce }))))
    }

    fn follow(&self, _: Vec<Sent>, _: Vec<(Address, Unit)>) -> BoxFuture<'static, Followed> {
        let dropped = Settlement::Dropped { why: "a benchmark signs nothing".to_owned() };
        Box::pin(std::future::ready(Followed::Final(dropped)))
    }
}

/// When each opportunity passed each stage.
struct Stages {
    began: Instant,
    heads: Mutex<BTreeMap<BlockNumber, u128>>,
    passed: Mutex<BTreeMap<OpportunityId, Vec<u128>>>,
    recorded: tokio::sync::watch::Sender<usize>,
}

impl Default for Stages {
    fn default() -> Self {
        let recorded = tokio::sync::watch::Sender::new(0);
        Self { began: Instant::now(), heads: Mutex::default(), passed: Mutex::default(), recorded }
    }
}

impl Stages {
    fn pass(&self, id: OpportunityId, stage: usize) {
        let now = self.began.elapsed().as_micros();
        let mut passed = self.passed.lock().unwrap();
        if let Some(times) = passed.get_mut(&id).filter(|times| times.len() == stage) {
            times.push(now);
        }
    }

    /// The times of those that went all the way.
    fn rows(&self) -> Vec<Vec<u128>> {
        self.passed.lock().unwrap().values().filter(|times| times.len() == STAGES.len()).cloned().collect()
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only the reflex path's moments are timed")]
impl Observer for Stages {
    fn saw(&self, moment: Moment<'_>) {
        match moment {
            Moment::Head(head) => {
                let now = self.began.elapsed().as_micros();
                self.heads.lock().unwrap().entry(head.block.number).or_insert(now);
            }
            Moment::Published(opportunity) => {
                let arrived = self.heads.lock().unwrap().get(&opportunity.seen_at.number).copied();
                if let Some(arrived) = arrived {
                    self.passed.lock().unwrap().entry(opportunity.id).or_insert_with(|| vec![arrived]);
                    self.pass(opportunity.id, 1);
                }
            }
            Moment::Offered(draft, _) => self.pass(draft.id, 2),
            Moment::Simulated(id, _) => self.pass(id, 3),
            Moment::Approved(id) => self.pass(id, 4),
            Moment::Recorded(id, _) => {
                self.pass(id, 5);
                self.recorded.send_modify(|count| *count = count.saturating_add(1));
            }
            Moment::Refused(id, refusal) => eprintln!("{id} refused: {refusal}"),
            Moment::Warned(sentence) => eprintln!("{sentence}"),
            _ => {}
        }
    }
}

/// Differences of neighbouring times, and the whole.
fn columns(rows: &[Vec<u128>]) -> [Vec<u128>; 6] {
    let stage = |index: usize| {
        let (from, to) = if index < 5 { (index, index.saturating_add(1)) } else { (0, 5) };
        rows.iter().filter_map(|times| times.get(to)?.checked_sub(*times.get(from)?)).collect()
    };
    std::array::from_fn(stage)
}

/// What the disk needs to take a small write for good: the floor under `record`.
fn raw_syncs(folder: &std::path::Path) -> Vec<u128> {
    let mut file = File::create(folder.join("raw")).unwrap();
    let sample = |_| {
        let began = Instant::now();
        file.write_all(&[7; 4_096]).unwrap();
        file.sync_data().unwrap();
        began.elapsed().as_micros()
    };
    (0..SAMPLES).map(sample).collect()
}

fn print(json: bool, name: &str, samples: &mut [u128], peer: Option<(&str, &Vec<u128>)>) {
    let (p50, p99) = (quantile(samples, 50), quantile(samples, 99));
    let (peer, peer_p50) = match peer {
        Some((name, peer)) => (Some(name), Some(quantile(&mut peer.clone(), 50))),
        None => (None, None),
    };
    if json {
        let row = serde_json::json!({
            "name": name, "unit": "us", "ours_p50": p50, "ours_p99": p99, "peer": peer, "peer_p50": peer_p50,
            "ratio": null, "goal": null, "equal": null, "samples": samples.len(),
        });
        println!("{row}");
    } else {
        let beside = peer.zip(peer_p50).map(|(name, p50)| format!("{name}: {p50}")).unwrap_or_default();
        println!("{name:<22} {p50:>10} {p99:>10}  {beside}");
    }
}

fn quantile(samples: &mut [u128], percent: usize) -> u128 {
    samples.sort_unstable();
    let last = samples.len().saturating_sub(1);
    samples.get(last.saturating_mul(percent).div_euclid(100)).copied().unwrap_or_default()
}
