//! `scripts/bench simulate`: a call run in this process beside the same call asked of anvil over IPC.
//!
//! The calls are real: a liquidation by the executor with a flash loan and a swap (Aave v3, Uniswap v3), and a swap on
//! Uniswap v2. Before anything is timed, both sides must give the same outcome, gas, bytes and balances; a row says so.
//! "glance" is one run without variants against `eth_call`; "simulation" is what the door asks for, measured balances and
//! four variants included, against `eth_simulateV1` with the same measurements and no variants.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that fails should say where")]

use std::{num::NonZeroU64, time::Instant};

use alloy::{
    eips::BlockId,
    primitives::{
        Address, B256, Bytes, U256,
        aliases::{U24, U160},
    },
    providers::{DynProvider, IpcConnect, Provider, ProviderBuilder},
    rpc::types::TransactionRequest,
    sol,
    sol_types::SolCall,
};
use keepwright::{
    core::{
        ports::{Frame, SimulatedOutcome, SimulationRequest},
        units::{Asset as Unit, ChainId},
    },
    devnet::{Asset, Devnet, DevnetConfig, Mining, Role, StartTime, World},
    door::KeepwrightExecutor::{Call, Floor, Kind, Loan, executeCall},
    evm::{
        CheckedSimulator, Endpoint, EvmSimulator, Hardfork, RevmSimulator, RevmSimulatorConfig,
        WithoutOpinion,
    },
};

const SAMPLES: usize = 300;
/// Samples of what is fetched anew each time.
const COLD: usize = 40;
/// How many times as long the peer is to take.
const GOAL: u32 = 5;

sol! {
    function liquidationCall(address collateral, address debt, address user, uint256 debtToCover, bool receiveAToken);
    function swapExactTokensForTokens(uint256 amountIn, uint256 least, address[] path, address to, uint256 deadline)
        returns (uint256[] amounts);
    struct Params {
        address tokenIn;
        address tokenOut;
        uint24 fee;
        address recipient;
        uint256 amountIn;
        uint256 amountOutMinimum;
        uint160 sqrtPriceLimitX96;
    }
    function exactInputSingle(Params params) returns (uint256 amountOut);
}

#[tokio::main]
async fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let config = DevnetConfig { start_time: StartTime::AtDump, ..DevnetConfig::mining(Mining::Automine) };
    let devnet = Devnet::launch(config).await.expect("run scripts/setup first");
    let requests = [("swap", swap(&devnet)), ("liquidation", liquidation(&devnet).await)];
    let bench = Bench::over_ipc(&devnet).await;
    if !json {
        println!(
            "{:<30} {:>9} {:>9} {:>9} {:>7} {:>5}  peer",
            "row, µs", "p50", "p99", "peer p50", "ratio", "goal"
        );
    }
    for (name, request) in requests {
        bench.same(&request).await;
        bench.glances(name, &request).await.print(json);
        bench.simulations(name, &request).await.print(json);
        bench.checked(name, &request).await.print(json);
        bench.new_blocks(name, &request).await.print(json);
        bench.nothing_known(name, &request).await.print(json);
    }
}

struct Bench<'a> {
    devnet: &'a Devnet,
    endpoint: Endpoint,
    provider: DynProvider,
    rules: RevmSimulatorConfig,
    local: RevmSimulator,
    node: EvmSimulator,
}

impl<'a> Bench<'a> {
    async fn over_ipc(devnet: &'a Devnet) -> Self {
        let path = devnet.ipc_path();
        let chain = ChainId(devnet.manifest().chain_id);
        let endpoint = Endpoint::connect(path.to_str().unwrap(), chain).await.unwrap();
        let provider = ProviderBuilder::new().connect_ipc(IpcConnect::new(path)).await.unwrap().erased();
        let rules = RevmSimulatorConfig { block_time: NonZeroU64::MIN, hardfork: Hardfork::default() };
        let local = RevmSimulator::new(endpoint.clone(), rules);
        let node = EvmSimulator::new(endpoint.clone(), rules.block_time);
        Self { devnet, endpoint, provider, rules, local, node }
    }

    async fn head(&self) -> B256 {
        self.devnet.provider().get_block(BlockId::latest()).await.unwrap().unwrap().header.hash
    }

    /// `eth_call` of the frame alone.
    async fn call(&self, request: &SimulationRequest, block: B256) -> Bytes {
        let frame = &request.frame;
        let call = TransactionRequest::default()
            .from(frame.from)
            .to(frame.to.unwrap())
            .input(frame.data.clone().into())
            .gas_limit(request.gas_limit);
        self.provider.call(call).block(BlockId::hash(block)).await.unwrap()
    }

    /// Both do the same, before any of it is timed.
    async fn same(&self, request: &SimulationRequest) {
        let block = self.head().await;
        let ours = self.local.execute_at(block, request.clone()).await.unwrap();
        let theirs = self.node.execute(request.clone()).await.unwrap();
        let (here, there) = (&ours.simulation, &theirs.simulation);
        assert_eq!((&here.outcome, here.gas_used), (&SimulatedOutcome::Success, there.gas_used));
        assert_eq!((&here.deltas, &ours.returned), (&there.deltas, &theirs.returned));
        assert_eq!(ours.returned, self.call(request, block).await);
        eprintln!(
            "equal: {} gas, {} bytes, {} balances",
            here.gas_used,
            ours.returned.len(),
            here.deltas.len()
        );
    }

    async fn glances(&self, name: &str, request: &SimulationRequest) -> Row {
        let block = self.head().await;
        let alone = SimulationRequest { watch: Vec::new(), ..request.clone() };
        let mut row = Row::new(format!("{name}, glance"), Some("eth_call over IPC"), Some(GOAL));
        for _ in 0..SAMPLES {
            row.ours.time(async || drop(self.local.glance_at(block, alone.clone()).await.unwrap())).await;
            row.peer.time(async || drop(self.call(&alone, block).await)).await;
        }
        row
    }

    async fn simulations(&self, name: &str, request: &SimulationRequest) -> Row {
        let block = self.head().await;
        let mut row = Row::new(format!("{name}, simulation"), Some("eth_simulateV1 over IPC"), Some(GOAL));
        for _ in 0..SAMPLES {
            row.ours.time(async || drop(self.local.execute_at(block, request.clone()).await.unwrap())).await;
            row.peer.time(async || drop(self.node.execute(request.clone()).await.unwrap())).await;
        }
        row
    }

    /// The price of the second opinion: both, against the node alone.
    async fn checked(&self, name: &str, request: &SimulationRequest) -> Row {
        let checked =
            CheckedSimulator::new(self.local.clone(), self.endpoint.clone(), WithoutOpinion::Refuse);
        let mut row = Row::new(format!("{name}, second opinion"), Some("eth_simulateV1 over IPC"), None);
        for _ in 0..SAMPLES {
            row.ours.time(async || drop(checked.execute(request.clone()).await.unwrap())).await;
            row.peer.time(async || drop(self.node.execute(request.clone()).await.unwrap())).await;
        }
        row
    }

    /// The first simulation on a block, the question for the head included.
    async fn new_blocks(&self, name: &str, request: &SimulationRequest) -> Row {
        let mut row = Row::new(format!("{name}, new block"), None, None);
        let before = self.local.round_trips();
        for _ in 0..COLD {
            self.devnet.mine(1).await.unwrap();
            row.ours.time(async || drop(self.local.execute(request.clone()).await.unwrap())).await;
        }
        row.round_trips =
            Some(self.local.round_trips().saturating_sub(before).div_ceil(COLD.try_into().unwrap()));
        row
    }

    /// The first simulation of a process.
    async fn nothing_known(&self, name: &str, request: &SimulationRequest) -> Row {
        let mut row = Row::new(format!("{name}, nothing known"), None, None);
        for _ in 0..COLD {
            let cold = RevmSimulator::new(self.endpoint.clone(), self.rules);
            row.ours.time(async || drop(cold.execute(request.clone()).await.unwrap())).await;
            row.round_trips = Some(cold.round_trips());
        }
        row
    }
}

/// WETH for USDC on Uniswap v2.
fn swap(devnet: &Devnet) -> SimulationRequest {
    let manifest = devnet.manifest();
    let sender = manifest.account_with(Role::Liquidator).unwrap();
    let [weth, usdc] = [Asset::Weth, Asset::Usdc].map(|asset| manifest.asset(asset).unwrap().address);
    let call = swapExactTokensForTokensCall {
        amountIn: U256::from(100_000_000_000_000_000_u64),
        least: U256::ZERO,
        path: vec![weth, usdc],
        to: sender,
        deadline: U256::MAX,
    };
    request(sender, manifest.protocols.uniswap_v2.router, &call, &[weth, usdc].map(|token| (sender, token)))
}

fn request(
    from: Address,
    to: Address,
    call: &impl SolCall,
    watch: &[(Address, Address)],
) -> SimulationRequest {
    let frame = Frame { from, to: Some(to), data: call.abi_encode().into() };
    let watch = watch.iter().map(|(holder, token)| (*holder, Unit::Token(*token))).collect();
    SimulationRequest { ahead: Vec::new(), frame, gas_limit: 2_000_000, watch }
}

/// A part of a loan in USDC repaid with a flash loan, and the WETH that is seized for it sold.
async fn liquidation(devnet: &Devnet) -> SimulationRequest {
    let manifest = devnet.manifest();
    let mut world = World::new(devnet, 1);
    world.crash(Asset::Weth, 900).await.unwrap();
    let owner = manifest.account_with(Role::Spare).unwrap();
    let executor = deploy_executor(devnet, owner).await;
    let [weth, usdc] = [Asset::Weth, Asset::Usdc].map(|asset| manifest.asset(asset).unwrap().address);
    let user = manifest.borrower("weth-usdc-1.06").unwrap();
    let (pool, router) = (manifest.protocols.aave.pool, manifest.protocols.uniswap_v3.swap_router_02);
    let covered = U256::from(1_000_000_000_u64);
    // 18 digits against 6, a price with 8 digits, and 3 % of the 5 % that the liquidator is given.
    let scale = U256::from(103_000_000_000_000_000_000_u128);
    let price = U256::from(world.feed_price(Asset::Weth).await.unwrap());
    let sold = covered.checked_mul(scale).unwrap().checked_div(price).unwrap();
    let liquidate = liquidationCallCall {
        collateral: weth,
        debt: usdc,
        user,
        debtToCover: covered,
        receiveAToken: false,
    };
    let params = Params {
        tokenIn: weth,
        tokenOut: usdc,
        fee: U24::from(manifest.v3_pool(Asset::Weth, Asset::Usdc, 500).unwrap().fee),
        recipient: executor,
        amountIn: sold,
        amountOutMinimum: U256::ZERO,
        sqrtPriceLimitX96: U160::ZERO,
    };
    let call = |target, token, amount, data: Vec<u8>| Call {
        target,
        spendToken: token,
        spendAmount: amount,
        data: data.into(),
    };
    let execute = executeCall {
        loan: Loan {
            kind: Kind::FlashLoan,
            lender: pool,
            token: usdc,
            amount: covered,
            priceToken: Address::ZERO,
            price: U256::ZERO,
        },
        calls: vec![
            call(pool, usdc, covered, liquidate.abi_encode()),
            call(router, weth, sold, exactInputSingleCall { params }.abi_encode()),
        ],
        floors: vec![Floor { token: usdc, atLeast: U256::from(1) }],
        deadline: U256::MAX,
    };
    request(owner, executor, &execute, &[usdc, weth].map(|token| (executor, token)))
}

async fn deploy_executor(devnet: &Devnet, owner: Address) -> Address {
    let provider = devnet.provider();
    let deploy = TransactionRequest::default()
        .from(owner)
        .input(keepwright::door::creation_code(owner).into())
        .gas_limit(3_000_000);
    let deploy = alloy::network::TransactionBuilder::into_create(deploy);
    provider.send_transaction(deploy).await.unwrap().get_receipt().await.unwrap().contract_address.unwrap()
}

/// Nanoseconds, sample by sample.
#[derive(Default)]
struct Samples(Vec<u128>);

impl Samples {
    async fn time(&mut self, work: impl AsyncFn()) {
        let began = Instant::now();
        work().await;
        self.0.push(began.elapsed().as_nanos());
    }

    fn quantile(&mut self, percent: usize) -> Option<u128> {
        self.0.sort_unstable();
        let last = self.0.len().checked_sub(1)?;
        self.0.get(last.saturating_mul(percent).div_euclid(100)).copied()
    }
}

struct Row {
    name: String,
    ours: Samples,
    peer: Samples,
    peer_name: Option<&'static str>,
    goal: Option<u32>,
    round_trips: Option<u64>,
}

impl Row {
    fn new(name: String, peer_name: Option<&'static str>, goal: Option<u32>) -> Self {
        let (ours, peer) = Default::default();
        Self { name, ours, peer, peer_name, goal, round_trips: None }
    }

    fn print(mut self, json: bool) {
        let [p50, p99] = [50, 99].map(|percent| self.ours.quantile(percent).unwrap());
        let peer = self.peer.quantile(50);
        let ratio = peer.map(|peer| decimal(peer.saturating_mul(1_000).checked_div(p50).unwrap()));
        let micros = |nanos: u128| decimal(nanos);
        let (name, peer_name, goal) = (&self.name, self.peer_name, self.goal);
        if json {
            let row = serde_json::json!({
                "name": name, "unit": "us", "ours_p50": micros(p50), "ours_p99": micros(p99), "peer": peer_name,
                "peer_p50": peer.map(micros), "ratio": ratio, "goal": goal, "equal": true,
                "samples": self.ours.0.len(), "round_trips": self.round_trips,
            });
            println!("{row}");
        } else {
            let shown = |value: Option<f64>| value.map(|value| format!("{value:.1}")).unwrap_or_default();
            let trips = self.round_trips.map(|trips| format!("{trips} round trips")).unwrap_or_default();
            println!(
                "{name:<30} {:>9.1} {:>9.1} {:>9} {:>7} {:>5}  {}{trips}",
                micros(p50),
                micros(p99),
                shown(peer.map(micros)),
                shown(ratio),
                goal.map(|goal| goal.to_string()).unwrap_or_default(),
                peer_name.unwrap_or_default(),
            );
        }
    }
}

/// Thousandths as a number.
fn decimal(thousandths: u128) -> f64 {
    let (whole, rest) = (thousandths.div_euclid(1_000), thousandths.rem_euclid(1_000));
    format!("{whole}.{rest:03}").parse().unwrap()
}
