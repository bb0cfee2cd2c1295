//! The logs that are wanted.

use agent_core::{Interest, units::BlockNumber};
use alloy_primitives::{Address, B256};
use alloy_sol_types::SolEvent;

use crate::{
    abi::{IFeed, IPool, IScaledToken, IStableDebt},
    market::Market,
};

/// Before the market is known, only whether the pool changes; afterwards everything that positions and prices are
/// made of. One interest per group of contracts, so that a new one does not bring back the history of the others.
pub(super) fn of(from: BlockNumber, pool: Address, market: &Market) -> Vec<Interest> {
    let some = |addresses, topics| Interest { from, addresses, topics };
    let mut interests = vec![some(vec![pool], vec![IPool::Upgraded::SIGNATURE_HASH])];
    if market.reserves.is_empty() {
        return interests;
    }
    interests.push(some(vec![pool], pool_topics()));
    for reserve in market.reserves.values() {
        let tokens = reserve.tokens;
        interests.push(some(vec![tokens.receipt, tokens.variable_debt, tokens.stable_debt], token_topics()));
    }
    let around = market.addresses;
    for contract in [around.provider, around.configurator, around.oracle] {
        interests.push(some(vec![contract], vec![]));
    }
    for feed in market.prices.feeds() {
        interests.push(some(vec![*feed], vec![IFeed::AnswerUpdated::SIGNATURE_HASH]));
    }
    interests
}

fn pool_topics() -> Vec<B256> {
    vec![
        IPool::ReserveDataUpdated::SIGNATURE_HASH,
        IPool::ReserveUsedAsCollateralEnabled::SIGNATURE_HASH,
        IPool::ReserveUsedAsCollateralDisabled::SIGNATURE_HASH,
        IPool::UserEModeSet::SIGNATURE_HASH,
    ]
}

fn token_topics() -> Vec<B256> {
    vec![
        IScaledToken::Mint::SIGNATURE_HASH,
        IScaledToken::Burn::SIGNATURE_HASH,
        IScaledToken::BalanceTransfer::SIGNATURE_HASH,
        IStableDebt::Mint::SIGNATURE_HASH,
        IStableDebt::Burn::SIGNATURE_HASH,
    ]
}
