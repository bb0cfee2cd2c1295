//! What a log of the pool or of one of its tokens changes (`ScaledBalanceTokenBase.sol`, `AToken.sol`).

use agent_core::ChainLog;
use alloy_primitives::{Address, Log, U256};
use alloy_sol_types::SolEvent;

use super::Field;
use crate::{
    abi::{IPool, IScaledToken, IStableDebt},
    v3_0::ray_div,
};

/// What a contract is to the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The pool.
    Pool,
    /// The receipt token of an asset.
    Receipt(Address),
    /// The variable debt token of an asset.
    VariableDebt(Address),
    /// The stable debt token of an asset.
    StableDebt(Address),
}

/// What becomes of one number of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// It grows.
    Add(U256),
    /// It shrinks.
    Take(U256),
    /// It becomes this.
    Set(U256),
    /// The log makes no sense.
    Nonsense,
}

impl Change {
    /// The number afterwards. `None` when it cannot be: a log before this one is missing.
    pub(super) fn on(self, before: U256) -> Option<U256> {
        match self {
            Self::Add(amount) => before.checked_add(amount),
            Self::Take(amount) => before.checked_sub(amount),
            Self::Set(value) => Some(value),
            Self::Nonsense => None,
        }
    }

    fn add(scaled: Option<U256>) -> Self {
        scaled.map_or(Self::Nonsense, Self::Add)
    }

    fn take(scaled: Option<U256>) -> Self {
        scaled.map_or(Self::Nonsense, Self::Take)
    }
}

/// The changes that `log` of a contract with this role makes, in order.
pub(super) fn read(log: &ChainLog, role: Role) -> Vec<(Address, Field, Change)> {
    let Some(raw) = Log::new(log.address, log.topics.clone(), log.data.clone()) else { return Vec::new() };
    match role {
        Role::Pool => pool(&raw).into_iter().collect(),
        Role::Receipt(asset) => scaled(&raw, Field::Supplied(asset)),
        Role::VariableDebt(asset) => scaled(&raw, Field::Borrowed(asset)),
        Role::StableDebt(asset) => stable(&raw, Field::Stable(asset)).into_iter().collect(),
    }
}

fn pool(log: &Log) -> Option<(Address, Field, Change)> {
    if let Ok(event) = IPool::ReserveUsedAsCollateralEnabled::decode_log(log) {
        return Some((event.user, Field::Collateral(event.reserve), Change::Set(U256::from(1u8))));
    }
    if let Ok(event) = IPool::ReserveUsedAsCollateralDisabled::decode_log(log) {
        return Some((event.user, Field::Collateral(event.reserve), Change::Set(U256::ZERO)));
    }
    let event = IPool::UserEModeSet::decode_log(log).ok()?;
    Some((event.user, Field::Category, Change::Set(U256::from(event.categoryId))))
}

/// `value` of a mint is the amount plus the interest since the user's last action; that of a burn is the amount less
/// that interest. A burn of less than the interest says `Mint`, and so does the interest of either side of a transfer.
fn scaled(log: &Log, field: Field) -> Vec<(Address, Field, Change)> {
    if let Ok(event) = IScaledToken::Mint::decode_log(log) {
        let change = match event.value.checked_sub(event.balanceIncrease) {
            Some(amount) => Change::add(ray_div(amount, event.index)),
            None => Change::take(
                event
                    .balanceIncrease
                    .checked_sub(event.value)
                    .and_then(|amount| ray_div(amount, event.index)),
            ),
        };
        return vec![(event.onBehalfOf, field, change)];
    }
    if let Ok(event) = IScaledToken::Burn::decode_log(log) {
        let amount = event.value.checked_add(event.balanceIncrease);
        let change = Change::take(amount.and_then(|amount| ray_div(amount, event.index)));
        return vec![(event.from, field, change)];
    }
    // The value of this one is scaled already.
    IScaledToken::BalanceTransfer::decode_log(log).map_or_else(
        |_other| Vec::new(),
        |event| {
            vec![(event.from, field, Change::Take(event.value)), (event.to, field, Change::Add(event.value))]
        },
    )
}

fn stable(log: &Log, field: Field) -> Option<(Address, Field, Change)> {
    if let Ok(event) = IStableDebt::Mint::decode_log(log) {
        return Some((event.onBehalfOf, field, Change::Set(U256::from(1u8))));
    }
    let event = IStableDebt::Burn::decode_log(log).ok()?;
    let repaid = event.amount.checked_add(event.balanceIncrease);
    let left = u8::from(repaid != Some(event.currentBalance));
    Some((event.from, field, Change::Set(U256::from(left))))
}
