//! The simulated block that is asked for.

use agent_core::{
    ports::{Ahead, SimulationRequest},
    units::Asset,
};
use alloy::primitives::{Address, Bytes, U64, bytes};
use serde_json::{Value, json};

use super::environment::Environment;
use crate::balance::balance_of;

/// `BALANCE` of the address in the call data.
const PROBE: Bytes = bytes!("6000353160005260206000f3");
/// Creates a contract with the call data; reverts as its constructor does.
const CREATOR: Bytes = bytes!("3660006000373660006000f06019573d600060003e3d6000fd5b00");
/// Gas for one measurement: plenty for any honest token, little beside a block's limit.
pub(super) const MEASURING_GAS: u64 = 1_000_000;

/// One simulated block: what comes before, measurements, the frame, the same measurements.
#[derive(Debug)]
pub(super) struct Question<'a> {
    request: &'a SimulationRequest,
    environment: &'a Environment,
    probe: Address,
    creation_by_call: bool,
}

impl<'a> Question<'a> {
    pub(super) fn new(request: &'a SimulationRequest, environment: &'a Environment) -> Self {
        let probe = Address::from(rand::random::<[u8; 20]>());
        Self { request, environment, probe, creation_by_call: false }
    }

    /// The same question for a node that takes no creation: the sender, for the simulation only, has code that creates
    /// with its call data. The constructor sees the same sender; the new contract's address is another one.
    pub(super) fn with_creation_by_call(self) -> Self {
        Self { creation_by_call: true, ..self }
    }

    /// The parameter of `eth_simulateV1`.
    pub(super) fn payload(&self) -> Value {
        let mut overrides = json!({ self.probe.to_string(): { "code": PROBE } });
        if let (true, Some(fields)) = (self.creation_by_call, overrides.as_object_mut()) {
            fields.insert(self.request.frame.from.to_string(), json!({ "code": CREATOR }));
        }
        let measurements: Vec<Value> =
            self.request.watch.iter().map(|(holder, asset)| self.measurement(*holder, *asset)).collect();
        let calls = [self.ahead(), measurements.clone(), vec![self.frame()], measurements].concat();
        json!({
            "blockStateCalls": [{
                "blockOverrides": self.block(["feeRecipient", "prevRandao", "baseFeePerGas"]),
                "stateOverrides": overrides,
                "calls": calls,
            }],
            "validation": false,
            "traceTransfers": false,
            "returnFullTransactions": false,
        })
    }

    /// The parameters of `eth_call` for the frame alone, in the same block.
    pub(super) fn call(&self, on: Value) -> Value {
        json!([self.frame(), on, {}, self.block(["coinbase", "random", "baseFee"])])
    }

    /// The simulated block. Nodes that lack `eth_simulateV1` know some of its fields by other names.
    fn block(&self, [beneficiary, prevrandao, base_fee]: [&str; 3]) -> Value {
        json!({
            "number": U64::from(self.environment.number),
            "time": U64::from(self.environment.time),
            "gasLimit": U64::from(self.environment.block_gas_limit),
            prevrandao: self.environment.prevrandao,
            beneficiary: self.environment.beneficiary,
            base_fee: U64::from(self.environment.base_fee),
        })
    }

    fn measurement(&self, holder: Address, asset: Asset) -> Value {
        let (to, data) = match asset {
            Asset::Native => (self.probe, holder.into_word().into()),
            Asset::Token(token) => (token, balance_of(holder)),
        };
        call(Address::ZERO, Some(to), &data, MEASURING_GAS)
    }

    fn ahead(&self) -> Vec<Value> {
        let ahead = self.request.ahead.iter();
        ahead
            .map(|Ahead { frame, gas_limit, .. }| call(frame.from, frame.to, &frame.data, *gas_limit))
            .collect()
    }

    fn frame(&self) -> Value {
        let frame = &self.request.frame;
        let to = if self.creation_by_call { Some(frame.from) } else { frame.to };
        call(frame.from, to, &frame.data, self.request.gas_limit)
    }
}

fn call(from: Address, to: Option<Address>, data: &Bytes, gas: u64) -> Value {
    json!({
        "from": from,
        "to": to,
        "input": data,
        "gas": U64::from(gas),
        "value": "0x0",
        "maxFeePerGas": "0x0",
        "maxPriorityFeePerGas": "0x0",
    })
}
