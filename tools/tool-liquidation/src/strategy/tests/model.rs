//! A pool that does what Aave v3.0's tokens do, written from the contracts and not from the index: each user's last
//! index is kept, and events carry interest exactly as the tokens compute it.

use std::collections::BTreeMap;

use agent_core::{Answered, ChainLog, Head, Query, units::*};
use alloy_primitives::{Address, Bytes, I256, U256, keccak256};
use alloy_sol_types::{SolCall, SolEvent, SolValue};

use crate::{
    abi::*,
    v3_0::{Accrual, ray_div, ray_mul},
};

pub(super) fn named(name: &str) -> Address {
    Address::from_slice(&keccak256(name)[..20])
}

pub(super) fn pool() -> Address {
    named("pool")
}

#[derive(Debug, Clone, Default)]
struct Ledger {
    /// Scaled balance, and the index of the last action.
    users: BTreeMap<Address, (U256, U256)>,
}

#[derive(Debug, Clone)]
pub(super) struct ModelReserve {
    pub(super) symbol: &'static str,
    pub(super) configuration: U256,
    pub(super) price: u64,
    accrual: Accrual,
    supplies: Ledger,
    debts: Ledger,
    collateral: BTreeMap<Address, bool>,
}

#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) revision: u64,
    pub(super) number: u64,
    pub(super) time: u64,
    pub(super) branch: u64,
    pub(super) reserves: Vec<ModelReserve>,
    pub(super) modes: BTreeMap<Address, u8>,
    /// What selling one collateral unit brings, in parts of 10,000 of its price.
    pub(super) market: u64,
    pub(super) logs: Vec<ChainLog>,
    /// Wei that a byte of a transaction's data costs, where the chain's oracle says.
    pub(super) data_price: Option<u64>,
}

pub(super) fn word(threshold: u64, bonus: u64, decimals: u64, fee: u64, mode: u64) -> U256 {
    let put = |value: u64, at: usize| U256::from(value) << at;
    put(threshold, 16)
        | put(bonus, 32)
        | put(decimals, 48)
        | put(1, 56)
        | put(1, 63)
        | put(fee, 152)
        | put(mode, 168)
}

fn ray() -> U256 {
    U256::from(10u8).pow(U256::from(27u8))
}

impl ModelReserve {
    fn new(symbol: &'static str, price: u64, configuration: U256) -> Self {
        let rate = |bps: u64| ray().checked_mul(U256::from(bps)).unwrap() / U256::from(10_000u64);
        let accrual = Accrual {
            liquidity_rate: rate(150),
            variable_rate: rate(340),
            liquidity_index: ray(),
            variable_index: ray(),
            updated: Timestamp(1_000),
        };
        let (supplies, debts, collateral) = Default::default();
        Self { symbol, configuration, price, accrual, supplies, debts, collateral }
    }

    pub(super) fn asset(&self) -> Address {
        named(self.symbol)
    }

    fn token(&self, kind: &str) -> Address {
        named(&format!("{kind}{}", self.symbol))
    }

    pub(super) fn feed(&self) -> Address {
        self.token("feed")
    }
}

/// Which of a reserve's two ledgers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Supply,
    Debt,
}

impl Model {
    /// ETH at 2,000, a dollar, and a coin of 8 decimals at 30,000.
    pub(super) fn new() -> Self {
        let reserves = vec![
            ModelReserve::new("WETH", 2_000, word(8_250, 10_500, 18, 1_000, 0)),
            ModelReserve::new("USDC", 1, word(8_000, 10_400, 6, 1_000, 1)),
            ModelReserve::new("WBTC", 30_000, word(7_500, 10_700, 8, 0, 1)),
        ];
        let (modes, logs, data_price) = Default::default();
        Self {
            revision: 1,
            number: 0,
            time: 1_000,
            branch: 0,
            reserves,
            modes,
            market: 10_000,
            logs,
            data_price,
        }
    }

    pub(super) fn head(&self) -> Head {
        let hash = |number: u64| keccak256((number, self.branch).abi_encode());
        let block = BlockRef {
            number: BlockNumber(self.number),
            hash: hash(self.number),
            timestamp: Timestamp(self.time),
        };
        Head { block, parent: hash(self.number.saturating_sub(1)), base_fee: 10_000_000_000 }
    }

    /// Ends the block that is being made, and begins the next.
    pub(super) fn mine(&mut self) -> (Head, Vec<ChainLog>) {
        let logs = std::mem::take(&mut self.logs);
        let head = self.head();
        (self.number, self.time) = (self.number.checked_add(1).unwrap(), self.time.checked_add(12).unwrap());
        (head, logs)
    }

    fn log(&mut self, address: Address, event: &impl SolEvent) {
        let data = event.encode_log_data();
        self.logs.push(ChainLog {
            block: BlockNumber(self.number),
            index: u64::try_from(self.logs.len()).unwrap(),
            address,
            topics: data.topics().to_vec(),
            data: data.data,
        });
    }

    fn accrue(&mut self, id: usize) {
        let now = Timestamp(self.time);
        let accrual = &mut self.reserves[id].accrual;
        (accrual.liquidity_index, accrual.variable_index) =
            (accrual.income(now).unwrap(), accrual.debt(now).unwrap());
        accrual.updated = now;
    }

    fn update_rates(&mut self, id: usize) {
        let reserve = &mut self.reserves[id];
        // Any rate will do, as long as it moves.
        reserve.accrual.variable_rate =
            reserve.accrual.variable_rate * U256::from(1_001u64) / U256::from(1_000u64);
        let (asset, accrual) = (reserve.asset(), reserve.accrual);
        let event = IPool::ReserveDataUpdated {
            reserve: asset,
            liquidityRate: accrual.liquidity_rate,
            stableBorrowRate: U256::ZERO,
            variableBorrowRate: accrual.variable_rate,
            liquidityIndex: accrual.liquidity_index,
            variableBorrowIndex: accrual.variable_index,
        };
        self.log(pool(), &event);
    }

    fn side(&mut self, id: usize, side: Side) -> (&mut Ledger, Address, U256) {
        let reserve = &mut self.reserves[id];
        let (receipt, debt) = (reserve.token("a"), reserve.token("v"));
        match side {
            Side::Supply => (&mut reserve.supplies, receipt, reserve.accrual.liquidity_index),
            Side::Debt => (&mut reserve.debts, debt, reserve.accrual.variable_index),
        }
    }

    /// Interest since the user's last action, which is the user's last index afterwards.
    fn increase(ledger: &mut Ledger, user: Address, index: U256) -> U256 {
        let (scaled, last) = ledger.users.entry(user).or_insert((U256::ZERO, index));
        let now = ray_mul(*scaled, index).unwrap();
        let increase = now.checked_sub(ray_mul(*scaled, *last).unwrap()).unwrap();
        *last = index;
        increase
    }

    fn mint(&mut self, id: usize, side: Side, user: Address, amount: U256) {
        let (ledger, token, index) = self.side(id, side);
        let increase = Self::increase(ledger, user, index);
        ledger.users.get_mut(&user).unwrap().0 += ray_div(amount, index).unwrap();
        let event = IScaledToken::Mint {
            caller: user,
            onBehalfOf: user,
            value: amount.checked_add(increase).unwrap(),
            balanceIncrease: increase,
            index,
        };
        self.log(token, &event);
    }

    fn burn(&mut self, id: usize, side: Side, user: Address, amount: U256) {
        let (ledger, token, index) = self.side(id, side);
        let increase = Self::increase(ledger, user, index);
        let scaled = ray_div(amount, index).unwrap();
        let balance = &mut ledger.users.get_mut(&user).unwrap().0;
        *balance = balance.checked_sub(scaled).unwrap();
        if increase > amount {
            let value = increase.checked_sub(amount).unwrap();
            let event = IScaledToken::Mint {
                caller: user,
                onBehalfOf: user,
                value,
                balanceIncrease: increase,
                index,
            };
            self.log(token, &event);
        } else {
            let value = amount.checked_sub(increase).unwrap();
            let event =
                IScaledToken::Burn { from: user, target: user, value, balanceIncrease: increase, index };
            self.log(token, &event);
        }
    }

    pub(super) fn scaled(&self, id: usize, user: Address) -> (U256, U256) {
        let of = |ledger: &Ledger| ledger.users.get(&user).map(|entry| entry.0).unwrap_or_default();
        (of(&self.reserves[id].supplies), of(&self.reserves[id].debts))
    }

    fn balance(&mut self, id: usize, side: Side, user: Address) -> U256 {
        let (ledger, _, index) = self.side(id, side);
        let scaled = ledger.users.get(&user).map(|entry| entry.0).unwrap_or_default();
        ray_mul(scaled, index).unwrap()
    }

    pub(super) fn is_collateral(&self, id: usize, user: Address) -> bool {
        self.reserves[id].collateral.get(&user).copied().unwrap_or_default()
    }

    pub(super) fn set_collateral(&mut self, id: usize, user: Address, on: bool) {
        let reserve = self.reserves[id].asset();
        if self.is_collateral(id, user) == on {
            return;
        }
        self.reserves[id].collateral.insert(user, on);
        if on {
            self.log(pool(), &IPool::ReserveUsedAsCollateralEnabled { reserve, user });
        } else {
            self.log(pool(), &IPool::ReserveUsedAsCollateralDisabled { reserve, user });
        }
    }

    pub(super) fn supply(&mut self, id: usize, user: Address, amount: u128) {
        self.accrue(id);
        self.update_rates(id);
        let first = self.scaled(id, user).0.is_zero();
        if ray_div(U256::from(amount), self.reserves[id].accrual.liquidity_index) != Some(U256::ZERO) {
            self.mint(id, Side::Supply, user, U256::from(amount));
            if first {
                self.set_collateral(id, user, true);
            }
        }
    }

    pub(super) fn withdraw(&mut self, id: usize, user: Address, amount: u128) {
        self.accrue(id);
        let balance = self.balance(id, Side::Supply, user);
        let amount = U256::from(amount).min(balance);
        self.update_rates(id);
        if ray_div(amount, self.reserves[id].accrual.liquidity_index) == Some(U256::ZERO) {
            return;
        }
        if amount == balance {
            self.set_collateral(id, user, false);
        }
        self.burn(id, Side::Supply, user, amount);
    }

    pub(super) fn borrow(&mut self, id: usize, user: Address, amount: u128) {
        self.accrue(id);
        if ray_div(U256::from(amount), self.reserves[id].accrual.variable_index) != Some(U256::ZERO) {
            self.mint(id, Side::Debt, user, U256::from(amount));
        }
        self.update_rates(id);
    }

    pub(super) fn repay(&mut self, id: usize, user: Address, amount: u128) {
        self.accrue(id);
        let amount = U256::from(amount).min(self.balance(id, Side::Debt, user));
        if ray_div(amount, self.reserves[id].accrual.variable_index) != Some(U256::ZERO) {
            self.burn(id, Side::Debt, user, amount);
        }
        self.update_rates(id);
    }

    /// A transfer of receipt tokens, at the index of this moment and without an update of the reserve.
    pub(super) fn transfer(&mut self, id: usize, from: Address, to: Address, amount: u128) {
        let reserve = &self.reserves[id];
        let (token, index) = (reserve.token("a"), reserve.accrual.income(Timestamp(self.time)).unwrap());
        let balance = ray_mul(self.scaled(id, from).0, index).unwrap();
        let amount = U256::from(amount).min(balance);
        let scaled = ray_div(amount, index).unwrap();
        let empty = self.scaled(id, to).0.is_zero();
        let ledger = &mut self.reserves[id].supplies;
        let increases = (Self::increase(ledger, from, index), Self::increase(ledger, to, index));
        let entry = &mut ledger.users.get_mut(&from).unwrap().0;
        *entry = entry.checked_sub(scaled).unwrap();
        ledger.users.get_mut(&to).unwrap().0 += scaled;
        for (user, value) in [(from, increases.0), (to, if from == to { U256::ZERO } else { increases.1 })] {
            if !value.is_zero() {
                let event = IScaledToken::Mint {
                    caller: from,
                    onBehalfOf: user,
                    value,
                    balanceIncrease: value,
                    index,
                };
                self.log(token, &event);
            }
        }
        if amount == balance && from != to && self.is_collateral(id, from) {
            self.set_collateral(id, from, false);
        }
        if empty && from != to && !scaled.is_zero() {
            self.set_collateral(id, to, true);
        }
        self.log(token, &IScaledToken::BalanceTransfer { from, to, value: scaled, index });
    }

    pub(super) fn set_mode(&mut self, user: Address, mode: u8) {
        self.modes.insert(user, mode);
        self.log(pool(), &IPool::UserEModeSet { user, categoryId: mode });
    }

    pub(super) fn set_price(&mut self, id: usize, price: u64) {
        self.reserves[id].price = price;
        let (feed, answer) = (self.reserves[id].feed(), U256::from(price) * U256::from(100_000_000u64));
        let event = IFeed::AnswerUpdated {
            current: I256::from_raw(answer),
            roundId: U256::from(self.number),
            updatedAt: U256::from(self.time),
        };
        self.log(feed, &event);
    }

    /// A change of configuration, as the configurator announces it.
    pub(super) fn configure(&mut self, id: usize, configuration: U256) {
        self.reserves[id].configuration = configuration;
        self.log(named("configurator"), &IPool::Upgraded { implementation: Address::ZERO });
    }

    /// What the contracts say at the end of the last block.
    pub(super) fn answer(&self, query: &Query) -> Answered {
        self.answered(query).ok_or_else(Bytes::new)
    }

    fn answered(&self, Query { to, data }: &Query) -> Option<Bytes> {
        let selector: [u8; 4] = data.get(..4)?.try_into().ok()?;
        let reserve = |asset: Address| self.reserves.iter().find(|reserve| reserve.asset() == asset);
        let one = |value: U256| Some(Bytes::from(value.abi_encode()));
        let address = |value: Address| Some(Bytes::from(value.abi_encode()));
        match selector {
            IPool::POOL_REVISIONCall::SELECTOR => one(U256::from(self.revision)),
            IPool::ADDRESSES_PROVIDERCall::SELECTOR => address(named("provider")),
            IPool::FLASHLOAN_PREMIUM_TOTALCall::SELECTOR => one(U256::from(5u8)),
            IPool::getReservesListCall::SELECTOR => {
                let assets: Vec<Address> = self.reserves.iter().map(ModelReserve::asset).collect();
                Some(assets.abi_encode().into())
            }
            IPool::getReserveDataCall::SELECTOR => {
                let asset = IPool::getReserveDataCall::abi_decode(data).ok()?.asset;
                let id = self.reserves.iter().position(|reserve| reserve.asset() == asset)?;
                Some(IPool::getReserveDataCall::abi_encode_returns(&self.data(id)).into())
            }
            IPool::getEModeCategoryDataCall::SELECTOR => {
                let mode = IPool::EModeCategory {
                    ltv: 9_000,
                    liquidationThreshold: 9_300,
                    liquidationBonus: 10_200,
                    priceSource: Address::ZERO,
                    label: String::new(),
                };
                Some(IPool::getEModeCategoryDataCall::abi_encode_returns(&mode).into())
            }
            IPool::getUserConfigurationCall::SELECTOR => {
                one(self.bits(IPool::getUserConfigurationCall::abi_decode(data).ok()?.user))
            }
            IPool::getUserEModeCall::SELECTOR => {
                let user = IPool::getUserEModeCall::abi_decode(data).ok()?.user;
                one(U256::from(self.modes.get(&user).copied().unwrap_or_default()))
            }
            IAddressesProvider::getPriceOracleCall::SELECTOR => address(named("oracle")),
            IAddressesProvider::getPoolConfiguratorCall::SELECTOR => address(named("configurator")),
            IAddressesProvider::getPriceOracleSentinelCall::SELECTOR => address(Address::ZERO),
            IOracle::BASE_CURRENCYCall::SELECTOR => address(Address::ZERO),
            IOracle::BASE_CURRENCY_UNITCall::SELECTOR => one(U256::from(100_000_000u64)),
            IOracle::getAssetPriceCall::SELECTOR => {
                let asset = IOracle::getAssetPriceCall::abi_decode(data).ok()?.asset;
                one(U256::from(reserve(asset)?.price) * U256::from(100_000_000u64))
            }
            IOracle::getSourceOfAssetCall::SELECTOR => {
                let asset = IOracle::getSourceOfAssetCall::abi_decode(data).ok()?.asset;
                address(reserve(asset)?.token("source"))
            }
            IFeed::aggregatorCall::SELECTOR => {
                let source = self.reserves.iter().find(|reserve| reserve.token("source") == *to)?;
                address(source.feed())
            }
            IScaledToken::scaledBalanceOfCall::SELECTOR => {
                let user = IScaledToken::scaledBalanceOfCall::abi_decode(data).ok()?.user;
                let of = |ledger: &Ledger| ledger.users.get(&user).map(|entry| entry.0).unwrap_or_default();
                let receipt = self.reserves.iter().find(|reserve| reserve.token("a") == *to);
                let debt = self.reserves.iter().find(|reserve| reserve.token("v") == *to);
                one(receipt.map(|reserve| of(&reserve.supplies)).or(debt.map(|reserve| of(&reserve.debts)))?)
            }
            IERC20::balanceOfCall::SELECTOR => one(U256::MAX),
            IGasPriceOracle::getL1FeeUpperBoundCall::SELECTOR => {
                let call = IGasPriceOracle::getL1FeeUpperBoundCall::abi_decode(data).ok()?;
                one(call.unsignedTxSize.checked_mul(U256::from(self.data_price?))?)
            }
            IQuoter::quoteExactInputSingleCall::SELECTOR => {
                let params = IQuoter::quoteExactInputSingleCall::abi_decode(data).ok()?.params;
                let (sold, bought) = (reserve(params.tokenIn)?, reserve(params.tokenOut)?);
                let unit =
                    |reserve: &ModelReserve| U256::from(10u8).pow(U256::from(reserve.configuration.byte(6)));
                let value = params.amountIn * U256::from(sold.price) * unit(bought) * U256::from(self.market);
                let out = value / (U256::from(bought.price) * unit(sold) * U256::from(10_000u64));
                Some((out, U256::ZERO, U256::ZERO, U256::ZERO).abi_encode().into())
            }
            _ => None,
        }
    }

    fn bits(&self, user: Address) -> U256 {
        let mut bits = U256::ZERO;
        for id in 0..self.reserves.len() {
            bits.set_bit(id * 2, !self.scaled(id, user).1.is_zero());
            bits.set_bit(id * 2 + 1, self.is_collateral(id, user));
        }
        bits
    }

    fn data(&self, id: usize) -> IPool::ReserveData {
        let reserve = &self.reserves[id];
        let accrual = reserve.accrual;
        let narrow = |value: U256| value.to::<u128>();
        IPool::ReserveData {
            configuration: reserve.configuration,
            liquidityIndex: narrow(accrual.liquidity_index),
            currentLiquidityRate: narrow(accrual.liquidity_rate),
            variableBorrowIndex: narrow(accrual.variable_index),
            currentVariableBorrowRate: narrow(accrual.variable_rate),
            currentStableBorrowRate: 0,
            lastUpdateTimestamp: accrual.updated.0.try_into().unwrap(),
            id: u16::try_from(id).unwrap(),
            aTokenAddress: reserve.token("a"),
            stableDebtTokenAddress: reserve.token("s"),
            variableDebtTokenAddress: reserve.token("v"),
            interestRateStrategyAddress: Address::ZERO,
            accruedToTreasury: 0,
            unbacked: 0,
            isolationModeTotalDebt: 0,
        }
    }
}

/// A log of a stable debt token, for who has one.
pub(super) fn stable_debt(model: &mut Model, id: usize, user: Address) {
    let token = model.reserves[id].token("s");
    let one = U256::from(1u8);
    let event = IStableDebt::Mint {
        user,
        onBehalfOf: user,
        amount: one,
        currentBalance: one,
        balanceIncrease: U256::ZERO,
        newRate: one,
        avgStableRate: one,
        newTotalSupply: one,
    };
    model.log(token, &event);
}

/// A log that nobody emits: a burn of more than there is.
pub(super) fn impossible_burn(model: &mut Model, id: usize, user: Address) {
    let token = model.reserves[id].token("v");
    let event = IScaledToken::Burn {
        from: user,
        target: user,
        value: U256::from(u128::MAX),
        balanceIncrease: U256::ZERO,
        index: ray(),
    };
    model.log(token, &event);
}
