//! Uniswap V3: factory, position manager, both routers, quoter, and deep pools, so that the liquidation of one borrower
//! hardly moves a price.

use alloy::primitives::aliases::{I24, U24};
use alloy::primitives::{Address, U256, b256};
use alloy::sol_types::SolValue;

use super::{Site, tokens};
use crate::contracts::{PositionManager, V3Factory};
use crate::error::{DevnetError, Result};
use crate::manifest::{Asset, Role, UniswapV3, V3Pool};
use crate::price;

/// "ETH" as the position descriptor wants it.
const ETH_LABEL: alloy::primitives::B256 =
    b256!("4554480000000000000000000000000000000000000000000000000000000000");

/// A pool: its assets, its fee, and its liquidity in whole tokens at the opening prices.
struct Plan {
    sides: [(Asset, u64); 2],
    fee: u32,
    /// The widest range that the fee's tick spacing allows.
    widest_tick: i32,
}

const POOLS: [Plan; 4] = [
    Plan { sides: [(Asset::Weth, 20_000), (Asset::Usdc, 60_000_000)], fee: 500, widest_tick: 887_270 },
    Plan { sides: [(Asset::Weth, 5_000), (Asset::Usdc, 15_000_000)], fee: 3_000, widest_tick: 887_220 },
    Plan { sides: [(Asset::Wbtc, 500), (Asset::Usdc, 45_000_000)], fee: 3_000, widest_tick: 887_220 },
    Plan { sides: [(Asset::Wbtc, 300), (Asset::Weth, 9_000)], fee: 500, widest_tick: 887_270 },
];

pub(super) async fn deploy(site: &Site, v2_factory: Address) -> Result<UniswapV3> {
    let weth = site.asset(Asset::Weth)?;
    let factory = site.deploy("UniswapV3Factory", &[]).await?;
    let position_manager = deploy_position_manager(site, factory, weth).await?;
    let swap_router = site.deploy("SwapRouter", &(factory, weth).abi_encode_params()).await?;
    let arguments = (v2_factory, factory, position_manager, weth).abi_encode_params();
    let swap_router_02 = site.deploy("SwapRouter02", &arguments).await?;
    let quoter_v2 = site.deploy("QuoterV2", &(factory, weth).abi_encode_params()).await?;
    let approvals = tokens::approve_from(site, site.one(Role::Supplier)?, &[position_manager]).await?;
    site.chain.confirm_all(approvals).await?;
    let mut pools = Vec::new();
    for plan in &POOLS {
        pools.push(open_pool(site, factory, position_manager, plan).await?);
    }
    Ok(UniswapV3 { factory, swap_router_02, swap_router, quoter_v2, position_manager, pools })
}

async fn deploy_position_manager(site: &Site, factory: Address, weth: Address) -> Result<Address> {
    let library = site.deploy("NFTDescriptor", &[]).await?;
    let arguments = (weth, ETH_LABEL).abi_encode_params();
    let descriptor = site
        .deploy_linked("NonfungibleTokenPositionDescriptor", &[("NFTDescriptor", library)], &arguments)
        .await?;
    site.deploy("NonfungiblePositionManager", &(factory, weth, descriptor).abi_encode_params()).await
}

async fn open_pool(site: &Site, factory: Address, manager: Address, plan: &Plan) -> Result<V3Pool> {
    let mut sides = Vec::new();
    for (asset, whole) in plan.sides {
        sides.push((site.asset(asset)?, asset, site.amount(asset, whole)?));
    }
    sides.sort_by_key(|(token, ..)| *token);
    let [(token0, asset0, amount0), (token1, asset1, amount1)] = sides.as_slice() else {
        return Err(DevnetError::unknown("pool side"));
    };
    let fee = U24::from(plan.fee);
    let root = price::fair_sqrt_ratio(site.side(*asset0)?, site.side(*asset1)?)
        .ok_or(DevnetError::OutOfRange { what: "a pool's price" })?;
    let create = PositionManager::createAndInitializePoolIfNecessaryCall {
        token0: *token0,
        token1: *token1,
        fee,
        sqrtPriceX96: root,
    };
    let supplier = site.one(Role::Supplier)?;
    site.chain.execute(supplier, manager, &create).await?;
    let mint = mint_params(plan, (*token0, *token1), (*amount0, *amount1), supplier)?;
    site.chain.execute(supplier, manager, &PositionManager::mintCall { params: mint }).await?;
    let find = V3Factory::getPoolCall { tokenA: *token0, tokenB: *token1, fee };
    let address = site.chain.read(factory, &find).await?;
    Ok(V3Pool { token0: *token0, token1: *token1, fee: plan.fee, address })
}

fn mint_params(
    plan: &Plan,
    (token0, token1): (Address, Address),
    (amount0, amount1): (U256, U256),
    recipient: Address,
) -> Result<PositionManager::MintParams> {
    let tick =
        I24::try_from(plan.widest_tick).map_err(|_range| DevnetError::OutOfRange { what: "a tick" })?;
    Ok(PositionManager::MintParams {
        token0,
        token1,
        fee: U24::from(plan.fee),
        tickLower: tick.wrapping_neg(),
        tickUpper: tick,
        amount0Desired: amount0,
        amount1Desired: amount1,
        amount0Min: U256::ZERO,
        amount1Min: U256::ZERO,
        recipient,
        deadline: U256::MAX,
    })
}
