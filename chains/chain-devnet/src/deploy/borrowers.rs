//! A dozen loans, each of another shape. A fall of ether by 8 to 10 % takes some of them below a health factor of 1 and
//! above 0.95 (half may be repaid), some below 0.95 (all of it), and leaves the rest alone.

use alloy::primitives::{Address, U256};

use super::aave_market::{self, VOLATILE, VOLATILE_THRESHOLD};
use super::{Site, opening_price, tokens};
use crate::contracts::AavePool;
use crate::error::{DevnetError, Result};
use crate::manifest::{Asset, Borrower, Role};
use crate::price;

use Asset::{Usdc, Wbtc, Weth};

/// Aave's number for a variable rate.
const VARIABLE: u8 = 2;

/// A loan: collateral in thousandths of a token, the split of the debt in percent, and the health factor in
/// ten-thousandths that the debt is sized for.
struct Plan {
    label: &'static str,
    collateral: &'static [(Asset, u64)],
    debt: &'static [(Asset, u64)],
    health: u64,
    e_mode: bool,
}

const fn plan(
    label: &'static str,
    collateral: &'static [(Asset, u64)],
    debt: &'static [(Asset, u64)],
    health: u64,
) -> Plan {
    Plan { label, collateral, debt, health, e_mode: false }
}

const PLANS: [Plan; 13] = [
    plan("weth-usdc-1.025", &[(Weth, 20_000)], &[(Usdc, 100)], 10_250),
    plan("weth-usdc-1.03", &[(Weth, 8_000)], &[(Usdc, 100)], 10_300),
    plan("weth-usdc-1.06", &[(Weth, 50_000)], &[(Usdc, 100)], 10_600),
    plan("weth-usdc-1.07-small", &[(Weth, 1_500)], &[(Usdc, 100)], 10_700),
    plan("weth-usdc-1.06-dust", &[(Weth, 20)], &[(Usdc, 100)], 10_600),
    plan("weth-usdc-1.08", &[(Weth, 12_000)], &[(Usdc, 100)], 10_800),
    plan("weth-usdc-1.2", &[(Weth, 30_000)], &[(Usdc, 100)], 12_000),
    plan("weth-usdc-2.0", &[(Weth, 40_000)], &[(Usdc, 100)], 20_000),
    plan("wbtc-usdc-1.09", &[(Wbtc, 2_000)], &[(Usdc, 100)], 10_900),
    plan("usdc-weth-1.1", &[(Usdc, 50_000_000)], &[(Weth, 100)], 11_000),
    plan("weth+wbtc-usdc+wbtc-1.05", &[(Weth, 20_000), (Wbtc, 200)], &[(Usdc, 75), (Wbtc, 25)], 10_500),
    Plan {
        label: "emode-weth-wbtc-1.06",
        collateral: &[(Weth, 25_000)],
        debt: &[(Wbtc, 100)],
        health: 10_600,
        e_mode: true,
    },
    Plan {
        label: "emode-wbtc-weth-1.3",
        collateral: &[(Wbtc, 1_000)],
        debt: &[(Weth, 100)],
        health: 13_000,
        e_mode: true,
    },
];

pub(super) async fn open(site: &Site, pool: Address) -> Result<Vec<Borrower>> {
    let mut borrowers = Vec::new();
    for (address, plan) in site.all(Role::Borrower).into_iter().zip(&PLANS) {
        open_one(site, pool, address, plan).await?;
        borrowers.push(Borrower { address, label: plan.label.to_owned() });
    }
    Ok(borrowers)
}

async fn open_one(site: &Site, pool: Address, account: Address, plan: &Plan) -> Result<()> {
    let chain = &site.chain;
    for (asset, thousandths) in plan.collateral.iter().copied() {
        let amount = thousandth(site, asset)?.saturating_mul(U256::from(thousandths));
        chain.confirm(tokens::give(site, account, asset, amount).await?).await?;
        aave_market::supply_for(site, pool, account, asset, amount).await?;
    }
    if plan.e_mode {
        chain.execute(account, pool, &AavePool::setUserEModeCall { categoryId: VOLATILE }).await?;
    }
    let secured = secured_value(plan)?;
    for (asset, percent) in plan.debt.iter().copied() {
        let amount = debt_amount(site, asset, secured, percent, plan.health)
            .ok_or(DevnetError::OutOfRange { what: "a debt" })?;
        let call = AavePool::borrowCall {
            asset: site.asset(asset)?,
            amount,
            interestRateMode: U256::from(VARIABLE),
            referralCode: 0,
            onBehalfOf: account,
        };
        chain.execute(account, pool, &call).await?;
        // A tenth more than was borrowed, so that interest can be repaid.
        let spare = amount.checked_div(U256::from(10_u8)).unwrap_or_default();
        chain.confirm(tokens::give(site, account, asset, spare).await?).await?;
    }
    Ok(())
}

fn thousandth(site: &Site, asset: Asset) -> Result<U256> {
    let part = site.amount(asset, 1)?.checked_div(U256::from(1_000_u16));
    part.ok_or(DevnetError::OutOfRange { what: "an amount" })
}

/// The collateral times its threshold: US dollars with 8 decimals, times 10 000.
fn secured_value(plan: &Plan) -> Result<U256> {
    let mut total = U256::ZERO;
    for (asset, thousandths) in plan.collateral.iter().copied() {
        let threshold = if plan.e_mode { VOLATILE_THRESHOLD } else { aave_market::threshold(asset) };
        let value = U256::from(thousandths)
            .checked_mul(U256::from(opening_price(asset)))
            .and_then(|value| value.checked_div(U256::from(1_000_u16)))
            .and_then(|value| value.checked_mul(U256::from(threshold)))
            .and_then(|value| total.checked_add(value));
        total = value.ok_or(DevnetError::OutOfRange { what: "a collateral" })?;
    }
    Ok(total)
}

/// How much of `asset` is `percent` of the debt that leaves a loan at `health`.
fn debt_amount(site: &Site, asset: Asset, secured: U256, percent: u64, health: u64) -> Option<U256> {
    let unit = price::unit(site.token(asset.symbol()).ok()?.decimals)?;
    let dollars = secured.checked_mul(U256::from(percent))?.checked_div(U256::from(100_u8))?;
    let dollars = dollars.checked_div(U256::from(health))?;
    dollars.checked_mul(unit)?.checked_div(U256::from(opening_price(asset)))
}
