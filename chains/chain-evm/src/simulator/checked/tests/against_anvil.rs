//! Whether both opinions are the same, and what really happens.

use std::num::NonZeroU64;

use agent_core::ports::{Ahead, Frame, SimulatedOutcome};
use alloy::{
    primitives::{Address, Bytes, U64, bytes},
    sol,
    sol_types::SolCall,
};

use super::super::*;
use crate::{
    anvil::{Anvil, RICH, creation_code},
    simulator::{Hardfork, RevmSimulatorConfig},
};

sol! {
    function deposit() payable;
    function withdraw(uint256 amount);
    function transfer(address to, uint256 amount) returns (bool);
}

const HOLDER: Address = Address::with_last_byte(8);

struct Market {
    anvil: Anvil,
    weth: Address,
    local: RevmSimulator,
    simulator: CheckedSimulator,
}

impl Market {
    async fn open() -> Self {
        let anvil = Anvil::start(&[]).await;
        let weth = anvil.deploy("WETH9").await;
        anvil.send(Some(weth), &depositCall {}.abi_encode().into(), 1_000).await;
        let config =
            RevmSimulatorConfig { block_time: NonZeroU64::new(12).unwrap(), hardfork: Hardfork::default() };
        let local = RevmSimulator::new(anvil.endpoint.clone(), config);
        let simulator =
            CheckedSimulator::new(local.clone(), anvil.endpoint.clone(), WithoutOpinion::default());
        Self { anvil, weth, local, simulator }
    }

    fn request(&self, to: Option<Address>, data: &Bytes) -> SimulationRequest {
        let weth = Asset::Token(self.weth);
        let frame = Frame { from: RICH, to, data: data.clone() };
        let watch = vec![(RICH, weth), (HOLDER, weth), (RICH, Asset::Native), (HOLDER, Asset::Native)];
        SimulationRequest { ahead: Vec::new(), frame, gas_limit: 3_000_000, watch }
    }

    async fn simulate(&self, to: Option<Address>, data: &Bytes) -> Execution {
        self.simulator.execute(self.request(to, data)).await.unwrap()
    }
}

fn changes(execution: &Execution) -> Vec<i64> {
    execution.simulation.deltas.iter().map(|delta| i64::try_from(delta.change).unwrap()).collect()
}

fn spend(amount: u64) -> Bytes {
    transferCall { to: HOLDER, amount: U256::from(amount) }.abi_encode().into()
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn both_say_what_then_happens() {
    let market = Market::open().await;
    let ran = market.simulate(Some(market.weth), &spend(70)).await;
    assert_eq!((&ran.simulation.outcome, changes(&ran)), (&SimulatedOutcome::Success, vec![-70, 70, 0, 0]));
    assert_eq!(ran.simulation.variants.len(), 4);
    for variant in &ran.simulation.variants {
        assert_eq!((&variant.outcome, &variant.deltas), (&ran.simulation.outcome, &ran.simulation.deltas));
    }
    let receipt = market.anvil.send(Some(market.weth), &spend(70), 0).await;
    assert_eq!(receipt.gas_used, U64::from(ran.simulation.gas_used));

    let withdraw = withdrawCall { amount: U256::from(30) }.abi_encode().into();
    assert_eq!(changes(&market.simulate(Some(market.weth), &withdraw).await), [-30, 0, 30, 0]);

    let broke = market.simulate(Some(market.weth), &spend(1_001)).await;
    assert!(matches!(broke.simulation.outcome, SimulatedOutcome::Revert(_)) && changes(&broke) == [0; 4]);
    assert_eq!(broke.simulation.variants, []);
    let hungry = SimulationRequest { gas_limit: 30_000, ..market.request(Some(market.weth), &spend(1)) };
    let hungry = market.simulator.execute(hungry).await.unwrap();
    assert_eq!(hungry.simulation.outcome, SimulatedOutcome::Revert(Bytes::new()));
    assert_eq!(hungry.simulation.gas_used, 30_000);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn what_is_on_its_way_runs_first_and_what_is_mined_does_not_run_again() {
    let market = Market::open().await;
    let head = market.anvil.endpoint.latest().await.unwrap().block.number;
    let next = market.anvil.endpoint.nonce_at(RICH, head).await.unwrap();
    let after = async |nonce| {
        let frame = Frame { from: RICH, to: Some(market.weth), data: spend(990) };
        let ahead = vec![Ahead { nonce, frame, gas_limit: 100_000 }];
        let request = SimulationRequest { ahead, ..market.request(Some(market.weth), &spend(20)) };
        market.simulator.execute(request).await.unwrap()
    };
    assert!(matches!(after(next).await.simulation.outcome, SimulatedOutcome::Revert(_)));
    assert_eq!(changes(&after(next - 1).await), [-20, 20, 0, 0]);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn creations_use_the_gas_that_they_are_charged() {
    let market = Market::open().await;
    let creation = creation_code("WETH9");
    let ran = market.simulate(None, &creation).await;
    assert_eq!((&ran.simulation.outcome, changes(&ran)), (&SimulatedOutcome::Success, vec![0; 4]));
    let receipt = market.anvil.send(None, &creation, 0).await;
    assert_eq!(receipt.gas_used, U64::from(ran.simulation.gas_used));
    // Reverts with one byte, 0xaa.
    let refused = market.simulate(None, &bytes!("60aa5f5360015ffd")).await;
    assert_eq!(refused.simulation.outcome, SimulatedOutcome::Revert(bytes!("aa")));
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_known_block_costs_no_question_and_a_new_one_few() {
    let market = Market::open().await;
    let cold = market.local.round_trips();
    market.simulate(Some(market.weth), &spend(70)).await;
    let cold = market.local.round_trips() - cold;
    let block = market.anvil.endpoint.latest().await.unwrap().block.hash;
    let before = market.local.round_trips();
    market.local.execute_at(block, market.request(Some(market.weth), &spend(70))).await.unwrap();
    assert_eq!(market.local.round_trips(), before);
    market.anvil.mine(1).await;
    market.simulate(Some(market.weth), &spend(70)).await;
    let next = market.local.round_trips() - before;
    assert!(cold <= 6 && next == 2, "{cold} and {next}");
}
