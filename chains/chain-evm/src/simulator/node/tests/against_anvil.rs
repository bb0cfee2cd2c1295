//! Whether what is simulated is what happens.

use alloy::{sol, sol_types::SolCall};

use agent_core::ports::Ahead;

use super::*;
use crate::anvil::{Anvil, RICH, creation_code};

sol! {
    function deposit() payable;
    function withdraw(uint256 amount);
    function transfer(address to, uint256 amount) returns (bool);
}

struct Market {
    anvil: Anvil,
    weth: Address,
    simulator: EvmSimulator,
}

impl Market {
    async fn open() -> Self {
        let anvil = Anvil::start(&[]).await;
        let weth = anvil.deploy("WETH9").await;
        anvil.send(Some(weth), &depositCall {}.abi_encode().into(), 1_000).await;
        let simulator = EvmSimulator::new(anvil.endpoint.clone(), NonZeroU64::new(12).unwrap());
        Self { anvil, weth, simulator }
    }

    fn watch(&self) -> Vec<(Address, Asset)> {
        let weth = Asset::Token(self.weth);
        vec![(RICH, weth), (HOLDER, weth), (RICH, Asset::Native), (HOLDER, Asset::Native)]
    }

    async fn simulate(&self, to: Option<Address>, data: &Bytes) -> Result<Simulation, SimulatorError> {
        let frame = Frame { from: RICH, to, data: data.clone() };
        let request =
            SimulationRequest { ahead: Vec::new(), frame, gas_limit: 3_000_000, watch: self.watch() };
        self.simulator.simulate(request).await
    }

    async fn balances(&self) -> Vec<U256> {
        let block = self.anvil.endpoint.latest().await.unwrap().block.hash;
        let mut balances = Vec::new();
        for (holder, asset) in self.watch() {
            balances.push(self.anvil.endpoint.balance(holder, asset, block).await.unwrap());
        }
        balances
    }
}

fn changes(simulation: &Simulation) -> Vec<i64> {
    simulation.deltas.iter().map(|delta| i64::try_from(delta.change).unwrap()).collect()
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn simulated_deltas_are_real_deltas() {
    let market = Market::open().await;
    let transfer: Bytes = transferCall { to: HOLDER, amount: U256::from(70) }.abi_encode().into();
    let simulated = market.simulate(Some(market.weth), &transfer).await.unwrap();
    assert_eq!((&simulated.outcome, changes(&simulated)), (&SimulatedOutcome::Success, vec![-70, 70, 0, 0]));

    let before = market.balances().await;
    let receipt = market.anvil.send(Some(market.weth), &transfer, 0).await;
    let after = market.balances().await;
    for ((delta, before), after) in simulated.deltas.iter().zip(before).zip(after).take(2) {
        assert_eq!(crate::balance::delta(delta.holder, delta.asset, before, after), Some(*delta));
    }
    assert_eq!(receipt.gas_used, U64::from(simulated.gas_used));

    // Native coin that the frame itself moves is seen; gas is not counted.
    let withdraw: Bytes = withdrawCall { amount: U256::from(30) }.abi_encode().into();
    let simulated = market.simulate(Some(market.weth), &withdraw).await.unwrap();
    assert_eq!(changes(&simulated), [-30, 0, 30, 0]);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn what_is_on_its_way_runs_first_and_what_is_mined_does_not_run_again() {
    let market = Market::open().await;
    let spend = |amount| Frame {
        from: RICH,
        to: Some(market.weth),
        data: transferCall { to: HOLDER, amount: U256::from(amount) }.abi_encode().into(),
    };
    let head = market.anvil.endpoint.latest().await.unwrap().block.number;
    let next = market.anvil.endpoint.nonce_at(RICH, head).await.unwrap();
    let after = async |nonce| {
        let ahead = vec![Ahead { nonce, frame: spend(990), gas_limit: 100_000 }];
        let request =
            SimulationRequest { ahead, frame: spend(20), gas_limit: 100_000, watch: market.watch() };
        market.simulator.simulate(request).await.unwrap()
    };
    // 1,000 are there: 990 and 20 are too much, and 20 alone are not.
    assert!(matches!(after(next).await.outcome, SimulatedOutcome::Revert(_)));
    let mined = after(next - 1).await;
    assert_eq!((&mined.outcome, changes(&mined)), (&SimulatedOutcome::Success, vec![-20, 20, 0, 0]));
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_frame_that_reverts_leaves_every_balance() {
    let market = Market::open().await;
    let transfer: Bytes = transferCall { to: HOLDER, amount: U256::from(1_001) }.abi_encode().into();
    let simulated = market.simulate(Some(market.weth), &transfer).await.unwrap();
    assert!(matches!(simulated.outcome, SimulatedOutcome::Revert(_)) && changes(&simulated) == [0; 4]);
    let other = Market { weth: HOLDER, ..market };
    let error = other.simulate(Some(RICH), &Bytes::new()).await.unwrap_err().to_string();
    assert!(error.contains("cannot be measured"), "no such token: {error}");
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn creations_run_even_where_the_node_takes_none() {
    let market = Market::open().await;
    let creation = creation_code("WETH9");
    let simulated = market.simulate(None, &creation).await.unwrap();
    assert_eq!((&simulated.outcome, changes(&simulated)), (&SimulatedOutcome::Success, vec![0, 0, 0, 0]));
    let real = market.anvil.send(None, &creation, 0).await.gas_used.to::<u64>();
    assert!(simulated.gas_used.abs_diff(real) < 5_000, "{} and {real}", simulated.gas_used);
    // Reverts with one byte, 0xaa.
    let refused =
        market.simulate(None, &Bytes::from_static(&[0x60, 0xaa, 0x5f, 0x53, 0x60, 1, 0x5f, 0xfd])).await;
    assert_eq!(refused.unwrap().outcome, SimulatedOutcome::Revert(Bytes::from_static(&[0xaa])));
}
