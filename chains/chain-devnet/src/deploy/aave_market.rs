//! Aave's three reserves, their risk parameters, the e-mode of the two volatile assets, and the supplied liquidity.

use alloy::primitives::{Address, U256};
use alloy::sol_types::SolValue;

use super::aave::Market;
use super::{AAVE_PARAMETERS, Site};
use crate::contracts::{AavePool, DataProvider, PoolConfigurator};
use crate::error::{DevnetError, Result};
use crate::manifest::{Asset, Feed, Reserve, Role};

/// The e-mode category that holds WETH and WBTC.
pub(super) const VOLATILE: u8 = 1;
/// The e-mode's liquidation threshold, in basis points.
pub(super) const VOLATILE_THRESHOLD: u16 = 9_300;
/// The share of the liquidation bonus that the protocol keeps, in basis points.
const PROTOCOL_FEE: u16 = 1_000;
/// The share of the interest that the protocol keeps, in basis points.
const RESERVE_FACTOR: u16 = 1_000;
/// A flash loan costs this much, in basis points.
const FLASH_PREMIUM: u128 = 5;
/// Variable rate, in basis points a year: low below the kink, so that the age of a dump hardly moves a health factor.
const USUAL_RATE: u64 = 200;
/// The same beyond the kink.
const STEEP_RATE: u64 = 6_000;

/// A reserve's risk parameters, in basis points.
struct Risk {
    loan_to_value: u16,
    threshold: u16,
    bonus: u16,
}

const fn risk(asset: Asset) -> Risk {
    match asset {
        Asset::Weth => Risk { loan_to_value: 8_100, threshold: 8_250, bonus: 10_500 },
        Asset::Usdc => Risk { loan_to_value: 7_700, threshold: 8_000, bonus: 10_450 },
        Asset::Wbtc => Risk { loan_to_value: 7_300, threshold: 7_800, bonus: 10_650 },
    }
}

/// A reserve's liquidation threshold, in basis points.
pub(super) const fn threshold(asset: Asset) -> u16 {
    risk(asset).threshold
}

/// What the supplier puts in, in whole tokens.
const SUPPLY: [(Asset, u64); 3] = [(Asset::Weth, 10_000), (Asset::Usdc, 50_000_000), (Asset::Wbtc, 500)];

/// Lists the three reserves and sets their parameters.
pub(super) async fn list(site: &Site, market: &Market, feeds: &[Feed]) -> Result<Vec<Reserve>> {
    let chain = &site.chain;
    let admin = site.deployer()?;
    let inputs = reserve_inputs(site, market).await?;
    chain.execute(admin, market.configurator, &PoolConfigurator::initReservesCall { input: inputs }).await?;
    for asset in Asset::ALL {
        set_risk(site, market.configurator, asset).await?;
    }
    open_e_mode(site, market.configurator).await?;
    let premium =
        PoolConfigurator::updateFlashloanPremiumTotalCall { newFlashloanPremiumTotal: FLASH_PREMIUM };
    chain.execute(admin, market.configurator, &premium).await?;
    let mut reserves = Vec::new();
    for feed in feeds {
        reserves.push(look_up(site, market, feed).await?);
    }
    Ok(reserves)
}

async fn reserve_inputs(site: &Site, market: &Market) -> Result<Vec<PoolConfigurator::InitReserveInput>> {
    let pool = market.pool.abi_encode();
    let a_token = site.deploy("AToken", &pool).await?;
    let stable = site.deploy("StableDebtToken", &pool).await?;
    let variable = site.deploy("VariableDebtToken", &pool).await?;
    let rates = site.deploy("DefaultReserveInterestRateStrategy", &rate_arguments(market.provider)).await?;
    let treasury = site.deployer()?;
    let input = |asset: Asset| -> Result<PoolConfigurator::InitReserveInput> {
        let token = site.token(asset.symbol())?;
        let symbol = asset.symbol();
        Ok(PoolConfigurator::InitReserveInput {
            aTokenImpl: a_token,
            stableDebtTokenImpl: stable,
            variableDebtTokenImpl: variable,
            underlyingAssetDecimals: token.decimals,
            interestRateStrategyAddress: rates,
            underlyingAsset: token.address,
            treasury,
            incentivesController: Address::ZERO,
            aTokenName: format!("Aave {symbol}"),
            aTokenSymbol: format!("a{symbol}"),
            variableDebtTokenName: format!("Aave variable debt {symbol}"),
            variableDebtTokenSymbol: format!("variableDebt{symbol}"),
            stableDebtTokenName: format!("Aave stable debt {symbol}"),
            stableDebtTokenSymbol: format!("stableDebt{symbol}"),
            params: AAVE_PARAMETERS,
        })
    };
    Asset::ALL.into_iter().map(input).collect()
}

/// Basis points as Aave's 27 decimals.
fn ray(bps: u64) -> U256 {
    U256::from(bps).saturating_mul(U256::from(10_u8).saturating_pow(U256::from(23_u8)))
}

fn rate_arguments(provider: Address) -> Vec<u8> {
    let (kink, none) = (ray(8_000), U256::ZERO);
    (provider, kink, none, ray(USUAL_RATE), ray(STEEP_RATE), none, none, none, none, none).abi_encode_params()
}

async fn set_risk(site: &Site, configurator: Address, asset: Asset) -> Result<()> {
    let chain = &site.chain;
    let admin = site.deployer()?;
    let token = site.asset(asset)?;
    let Risk { loan_to_value, threshold, bonus } = risk(asset);
    let collateral = PoolConfigurator::configureReserveAsCollateralCall {
        asset: token,
        ltv: U256::from(loan_to_value),
        liquidationThreshold: U256::from(threshold),
        liquidationBonus: U256::from(bonus),
    };
    let borrowing = PoolConfigurator::setReserveBorrowingCall { asset: token, enabled: true };
    let factor =
        PoolConfigurator::setReserveFactorCall { asset: token, newReserveFactor: U256::from(RESERVE_FACTOR) };
    let fee =
        PoolConfigurator::setLiquidationProtocolFeeCall { asset: token, newFee: U256::from(PROTOCOL_FEE) };
    let flash = PoolConfigurator::setReserveFlashLoaningCall { asset: token, enabled: true };
    let sent = [
        chain.send(admin, configurator, &collateral).await?,
        chain.send(admin, configurator, &borrowing).await?,
        chain.send(admin, configurator, &factor).await?,
        chain.send(admin, configurator, &fee).await?,
        chain.send(admin, configurator, &flash).await?,
    ];
    chain.confirm_all(sent).await?;
    Ok(())
}

async fn open_e_mode(site: &Site, configurator: Address) -> Result<()> {
    let admin = site.deployer()?;
    let category = PoolConfigurator::setEModeCategoryCall {
        categoryId: VOLATILE,
        ltv: 9_000,
        liquidationThreshold: VOLATILE_THRESHOLD,
        liquidationBonus: 10_200,
        oracle: Address::ZERO,
        label: String::from("volatile"),
    };
    site.chain.execute(admin, configurator, &category).await?;
    for asset in [Asset::Weth, Asset::Wbtc] {
        let asset = site.asset(asset)?;
        let join = PoolConfigurator::setAssetEModeCategoryCall { asset, newCategoryId: VOLATILE };
        site.chain.execute(admin, configurator, &join).await?;
    }
    Ok(())
}

async fn look_up(site: &Site, market: &Market, feed: &Feed) -> Result<Reserve> {
    let call = DataProvider::getReserveTokensAddressesCall { asset: feed.token };
    let tokens = site.chain.read(market.data_provider, &call).await?;
    Ok(Reserve {
        asset: feed.token,
        a_token: tokens.aTokenAddress,
        stable_debt: tokens.stableDebtTokenAddress,
        variable_debt: tokens.variableDebtTokenAddress,
        feed: feed.proxy,
    })
}

/// Puts the supplier's liquidity in.
pub(super) async fn supply(site: &Site, pool: Address) -> Result<()> {
    let supplier = site.one(Role::Supplier)?;
    for (asset, whole) in SUPPLY {
        let amount = site.amount(asset, whole)?;
        supply_for(site, pool, supplier, asset, amount).await?;
    }
    Ok(())
}

/// Supplies an account's own tokens as its collateral.
pub(super) async fn supply_for(
    site: &Site,
    pool: Address,
    account: Address,
    asset: Asset,
    amount: U256,
) -> Result<()> {
    if amount.is_zero() {
        return Err(DevnetError::OutOfRange { what: "a supply" });
    }
    let asset = site.asset(asset)?;
    let call = AavePool::supplyCall { asset, amount, onBehalfOf: account, referralCode: 0 };
    site.chain.execute(account, pool, &call).await?;
    Ok(())
}
