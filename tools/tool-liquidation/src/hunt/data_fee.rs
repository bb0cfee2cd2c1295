//! What a transaction pays for its data, beside its gas.

use agent_core::{Answered, Query, units::Wei};
use alloy_primitives::U256;
use alloy_sol_types::SolCall;

use crate::{abi::IGasPriceOracle::getL1FeeUpperBoundCall, config::LiquidationConfig, market::query};

/// The bound of it, in wei, for a transaction of the configured length; nothing on chains where gas is all there is to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DataFee(pub(crate) Wei);

impl DataFee {
    /// The question, on chains that have the answer.
    pub(crate) fn question(config: &LiquidationConfig) -> Option<Query> {
        let call = getL1FeeUpperBoundCall { unsignedTxSize: U256::from(config.terms.data_bytes) };
        config.market.data_fee_oracle.map(|oracle| query(oracle, &call))
    }

    /// What was answered. `None` where there should be an answer and is none: a fee that is not known is not zero.
    pub(crate) fn read(config: &LiquidationConfig, answer: Option<&Answered>) -> Option<Self> {
        if config.market.data_fee_oracle.is_none() {
            return Some(Self(Wei(U256::ZERO)));
        }
        let bytes = answer?.as_ref().ok()?;
        getL1FeeUpperBoundCall::abi_decode_returns(bytes).ok().map(|wei| Self(Wei(wei)))
    }
}
