//! What `eth_simulateV1` answers, as far as it is read.

use alloy::primitives::{Bytes, U64};
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
pub(super) struct SimulatedBlock {
    pub(super) calls: Vec<SimulatedCall>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SimulatedCall {
    status: U64,
    gas_used: U64,
    #[serde(default)]
    return_data: Bytes,
    #[serde(default)]
    error: Option<CallError>,
}

#[derive(Debug, Clone, Deserialize)]
struct CallError {
    #[serde(default)]
    data: Option<Bytes>,
}

impl SimulatedCall {
    pub(super) fn succeeded(&self) -> bool {
        self.status == U64::from(1)
    }

    pub(super) fn gas_used(&self) -> u64 {
        self.gas_used.to()
    }

    /// What it returned, when it succeeded.
    pub(super) fn returned(&self) -> Option<&Bytes> {
        self.succeeded().then_some(&self.return_data)
    }

    /// What it reverted with: nodes put it in either place. Empty when it ran out of gas or the like.
    pub(super) fn revert_data(&self) -> Bytes {
        if !self.return_data.is_empty() {
            return self.return_data.clone();
        }
        self.error.as_ref().and_then(|error| error.data.clone()).unwrap_or_default()
    }
}
