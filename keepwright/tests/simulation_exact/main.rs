//! What is simulated in this process is what the node simulates, and what is then mined: outcome, gas, returned bytes and
//! every balance, over seeded random calls of real protocols and of random programs.
#![expect(
    clippy::panic_in_result_fn,
    clippy::arithmetic_side_effects,
    reason = "tests assert, on small numbers"
)]
#![expect(clippy::disallowed_methods, reason = "a long run is resumed by a seed from the environment")]
#![expect(clippy::print_stdout, reason = "a run says what it ran, and how to run it again")]

use std::{error::Error, num::NonZeroU64};

use agent_core::{
    ports::{Ahead, Frame, SimulatedOutcome, SimulationRequest},
    units::{Asset as Unit, ChainId},
};
use alloy::{
    primitives::{
        Address, B256, Bytes, U256,
        aliases::{U24, U160},
    },
    providers::{Provider, ext::AnvilApi},
    rpc::types::{TransactionReceipt, TransactionRequest},
    sol,
    sol_types::SolCall,
};
use chain_devnet::{Asset, Devnet, DevnetConfig, Mining, Role, StartTime, World};
use chain_evm::{
    CheckedSimulator, Endpoint, Execution, Hardfork, RevmSimulator, RevmSimulatorConfig, WithoutOpinion,
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

type Checked<T = ()> = Result<T, Box<dyn Error>>;

sol! {
    interface Router02 {
        function swapExactTokensForTokens(uint256 amountIn, uint256 least, address[] path, address to, uint256 deadline)
            external returns (uint256[] amounts);
    }
    interface SwapRouter02 {
        struct Params {
            address tokenIn;
            address tokenOut;
            uint24 fee;
            address recipient;
            uint256 amountIn;
            uint256 amountOutMinimum;
            uint160 sqrtPriceLimitX96;
        }
        function exactInputSingle(Params params) external returns (uint256 amountOut);
    }
    interface Pool {
        function supply(address asset, uint256 amount, address onBehalfOf, uint16 referralCode) external;
        function withdraw(address asset, uint256 amount, address to) external returns (uint256);
        function borrow(address asset, uint256 amount, uint256 mode, uint16 referralCode, address onBehalfOf) external;
        function repay(address asset, uint256 amount, uint256 mode, address onBehalfOf) external returns (uint256);
        function liquidationCall(address collateral, address debt, address user, uint256 debtToCover, bool receiveAToken)
            external;
    }
    interface Erc20 {
        function transfer(address to, uint256 amount) external returns (bool);
    }
}

const BLOCK_TIME: u64 = 12;

struct Bench {
    devnet: Devnet,
    simulator: CheckedSimulator,
    sender: Address,
    watch: Vec<(Address, Unit)>,
    /// Receipts and debts.
    growing: Vec<Unit>,
    random: StdRng,
}

/// What ran how often.
#[derive(Debug, Default)]
struct Tally {
    succeeded: usize,
    reverted: usize,
    out_of_gas: usize,
    ahead: usize,
}

impl Bench {
    async fn launch(seed: u64) -> Checked<Self> {
        let config = DevnetConfig { start_time: StartTime::AtDump, ..DevnetConfig::mining(Mining::Automine) };
        let devnet = Devnet::launch(config).await?;
        let manifest = devnet.manifest();
        let endpoint = Endpoint::connect(&devnet.ws_url(), ChainId(manifest.chain_id)).await?;
        let block_time = NonZeroU64::new(BLOCK_TIME).ok_or("no time")?;
        let rules = RevmSimulatorConfig { block_time, hardfork: Hardfork::default() };
        let local = RevmSimulator::new(endpoint.clone(), rules);
        let simulator = CheckedSimulator::new(local, endpoint, WithoutOpinion::Refuse);
        let sender = manifest.account_with(Role::Liquidator)?;
        let (mut watch, mut growing) = (Vec::new(), Vec::new());
        for token in Asset::ALL {
            let token = manifest.asset(token)?.address;
            watch.extend([sender, manifest.protocols.aave.pool].map(|holder| (holder, Unit::Token(token))));
            let reserve = manifest.protocols.aave.reserves.iter().find(|reserve| reserve.asset == token);
            let reserve = reserve.ok_or("no reserve")?;
            let of_reserve = [reserve.a_token, reserve.variable_debt].map(Unit::Token);
            growing.extend(of_reserve);
            watch.extend(of_reserve.map(|asset| (sender, asset)));
        }
        Ok(Self { devnet, simulator, sender, watch, growing, random: StdRng::seed_from_u64(seed) })
    }

    async fn balances(&self) -> Checked<Vec<U256>> {
        let mut balances = Vec::new();
        for (holder, asset) in &self.watch {
            balances.push(match asset {
                Unit::Token(token) => self.devnet.balance_of(*token, *holder).await?,
                Unit::Native => self.devnet.provider().get_balance(*holder).await?,
            });
        }
        Ok(balances)
    }

    fn request(&self, frame: Frame, gas_limit: u64) -> SimulationRequest {
        SimulationRequest { ahead: Vec::new(), frame, gas_limit, watch: self.watch.clone() }
    }

    async fn submit(&self, frame: &Frame, gas_limit: u64, nonce: u64) -> Checked<B256> {
        let call = TransactionRequest::default()
            .from(frame.from)
            .input(frame.data.clone().into())
            .gas_limit(gas_limit)
            .nonce(nonce);
        let call = match frame.to {
            Some(to) => call.to(to),
            None => alloy::network::TransactionBuilder::into_create(call),
        };
        Ok(self.devnet.provider().client().request("eth_sendTransaction", (call,)).await?)
    }

    /// Mines what waits, a block time after the last block.
    async fn mine(&self, transaction: B256) -> Checked<TransactionReceipt> {
        let now = self.devnet.latest_block().await?.timestamp;
        self.devnet.set_next_block_timestamp(now + BLOCK_TIME).await?;
        self.devnet.mine(1).await?;
        Ok(self.devnet.provider().get_transaction_receipt(transaction).await?.ok_or("not mined")?)
    }

    /// Simulates, mines and compares.
    async fn check(&self, ahead: Option<Frame>, frame: Frame, gas_limit: u64, tally: &mut Tally) -> Checked {
        let provider = self.devnet.provider();
        let nonce = provider.get_transaction_count(self.sender).await?;
        let mut request = self.request(frame.clone(), gas_limit);
        request.ahead =
            ahead.iter().map(|frame| Ahead { nonce, frame: frame.clone(), gas_limit: 1_000_000 }).collect();
        let simulated = self.simulator.execute(request).await?;

        self.devnet.set_automine(false).await?;
        let mut transactions = Vec::new();
        let frames = ahead.iter().map(|frame| (frame, 1_000_000)).chain([(&frame, gas_limit)]);
        for (index, (frame, gas_limit)) in frames.enumerate() {
            transactions.push(self.submit(frame, gas_limit, nonce + u64::try_from(index)?).await?);
        }
        let before = self.balances().await?;
        let receipt = self.mine(*transactions.last().ok_or("nothing sent")?).await?;
        self.devnet.set_automine(true).await?;
        let after = self.balances().await?;

        let succeeded = simulated.simulation.outcome == SimulatedOutcome::Success;
        assert_eq!(
            (succeeded, simulated.simulation.gas_used),
            (receipt.status(), receipt.gas_used),
            "{frame:?}"
        );
        if ahead.is_none() {
            self.compare(&simulated, &before, &after);
        }
        match simulated.simulation.outcome {
            SimulatedOutcome::Success => tally.succeeded += 1,
            SimulatedOutcome::Revert(_) if receipt.gas_used == gas_limit => tally.out_of_gas += 1,
            SimulatedOutcome::Revert(_) => tally.reverted += 1,
        }
        tally.ahead += usize::from(ahead.is_some());
        Ok(())
    }

    /// What interest moves by itself is left out: the node is asked for it before the new block and in it.
    fn compare(&self, simulated: &Execution, before: &[U256], after: &[U256]) {
        for (delta, (before, after)) in simulated.simulation.deltas.iter().zip(before.iter().zip(after)) {
            if !self.growing.contains(&delta.asset) {
                assert_eq!(delta.change.into_raw(), after.wrapping_sub(*before), "{delta:?}");
            }
        }
    }

    fn amount(&mut self, most: u128) -> U256 {
        // Over every magnitude.
        let bits = 128 - most.leading_zeros();
        U256::from(self.random.random_range(0..=most) >> self.random.random_range(0..bits))
    }

    /// Any call of a protocol, sensible or not.
    fn call(&mut self) -> Checked<Frame> {
        let manifest = self.devnet.manifest().clone();
        let protocols = &manifest.protocols;
        let from = *Asset::ALL.choose(&mut self.random).ok_or("no asset")?;
        let to = *Asset::ALL.choose(&mut self.random).ok_or("no asset")?;
        let amount = self.amount(if from == Asset::Weth { 4_000_000_000_000_000_000 } else { 4_000_000_000 });
        let (from, to, sender) = (manifest.asset(from)?.address, manifest.asset(to)?.address, self.sender);
        let least = if self.random.random_bool(0.2) { U256::MAX } else { U256::ZERO };
        let mode = U256::from(2);
        let (contract, data) = match self.random.random_range(0..8) {
            0 => {
                let call = Router02::swapExactTokensForTokensCall {
                    amountIn: amount,
                    least,
                    path: vec![from, to],
                    to: sender,
                    deadline: U256::MAX,
                };
                (protocols.uniswap_v2.router, call.abi_encode())
            }
            1 => {
                let fee = U24::try_from(*[500_u32, 3_000].choose(&mut self.random).ok_or("no fee")?)?;
                let params = SwapRouter02::Params {
                    tokenIn: from,
                    tokenOut: to,
                    fee,
                    recipient: sender,
                    amountIn: amount,
                    amountOutMinimum: least,
                    sqrtPriceLimitX96: U160::ZERO,
                };
                (
                    protocols.uniswap_v3.swap_router_02,
                    SwapRouter02::exactInputSingleCall { params }.abi_encode(),
                )
            }
            2 => {
                let call = Pool::supplyCall { asset: from, amount, onBehalfOf: sender, referralCode: 0 };
                (protocols.aave.pool, call.abi_encode())
            }
            3 => (protocols.aave.pool, Pool::withdrawCall { asset: from, amount, to: sender }.abi_encode()),
            4 => {
                let amount = amount >> 4;
                let call =
                    Pool::borrowCall { asset: from, amount, mode, referralCode: 0, onBehalfOf: sender };
                (protocols.aave.pool, call.abi_encode())
            }
            5 => {
                let call = Pool::repayCall { asset: from, amount, mode, onBehalfOf: sender };
                (protocols.aave.pool, call.abi_encode())
            }
            6 => {
                let user = manifest.borrowers.choose(&mut self.random).ok_or("no borrower")?.address;
                let call = Pool::liquidationCallCall {
                    collateral: from,
                    debt: to,
                    user,
                    debtToCover: amount,
                    receiveAToken: self.random.random_bool(0.3),
                };
                (protocols.aave.pool, call.abi_encode())
            }
            _ => (from, Erc20::transferCall { to: protocols.aave.pool, amount }.abi_encode()),
        };
        Ok(Frame { from: sender, to: Some(contract), data: data.into() })
    }
}

async fn protocols(seed: u64, calls: usize) -> Checked<Tally> {
    let mut bench = Bench::launch(seed).await?;
    let mut world = World::new(&bench.devnet, seed);
    world.crash(Asset::Weth, 700).await?;
    let mut tally = Tally::default();
    for step in 0..calls {
        if step % 32 == 31 {
            world.calm_step().await?;
        }
        let frame = bench.call()?;
        let ahead = if bench.random.random_bool(0.2) { Some(bench.call()?) } else { None };
        let short = bench.random.random_bool(0.1);
        let gas_limit = if short { bench.random.random_range(25_000..250_000) } else { 1_500_000 };
        let checked = bench.check(ahead, frame, gas_limit, &mut tally).await;
        checked.map_err(|error| format!("seed {seed}, step {step}: {error}"))?;
    }
    println!("KEEPWRIGHT_SEED={seed}: {tally:?}");
    Ok(tally)
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn calls_of_protocols_do_what_was_simulated() -> Checked {
    let tally = protocols(1, 80).await?;
    assert!(tally.succeeded > 20 && tally.reverted > 10 && tally.ahead > 5, "{tally:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "long: resumed with KEEPWRIGHT_SEED"]
async fn long_calls_of_protocols_do_what_was_simulated() -> Checked {
    protocols(seed(), 1_000).await.map(|_tally| ())
}

fn seed() -> u64 {
    std::env::var("KEEPWRIGHT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random)
}

#[cfg(test)]
mod programs;
