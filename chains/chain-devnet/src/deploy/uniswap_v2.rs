//! Uniswap V2: the factory and the router as shipped (the router holds the shipped pair's hash), and two pairs.

use alloy::primitives::{Address, U256};
use alloy::sol_types::SolValue;

use super::{Site, tokens};
use crate::contracts::{V2Factory, V2Router};
use crate::error::Result;
use crate::manifest::{Asset, Role, UniswapV2, V2Pair};

/// Each pair's liquidity, in whole tokens, at the opening prices.
const PAIRS: [((Asset, u64), (Asset, u64)); 2] =
    [((Asset::Weth, 2_000), (Asset::Usdc, 6_000_000)), ((Asset::Wbtc, 40), (Asset::Weth, 1_200))];

pub(super) async fn deploy(site: &Site) -> Result<UniswapV2> {
    let deployer = site.deployer()?;
    let factory = site.deploy("UniswapV2Factory", &deployer.abi_encode()).await?;
    let router =
        site.deploy("UniswapV2Router02", &(factory, site.asset(Asset::Weth)?).abi_encode_params()).await?;
    let supplier = site.one(Role::Supplier)?;
    let approvals = tokens::approve_from(site, supplier, &[router]).await?;
    site.chain.confirm_all(approvals).await?;
    let mut pairs = Vec::new();
    for (one, other) in PAIRS {
        pairs.push(open_pair(site, factory, router, [one, other]).await?);
    }
    Ok(UniswapV2 { factory, router, pairs })
}

async fn open_pair(
    site: &Site,
    factory: Address,
    router: Address,
    sides: [(Asset, u64); 2],
) -> Result<V2Pair> {
    let [(one, whole_one), (other, whole_other)] = sides;
    let (token_a, token_b) = (site.asset(one)?, site.asset(other)?);
    let supplier = site.one(Role::Supplier)?;
    let call = V2Router::addLiquidityCall {
        tokenA: token_a,
        tokenB: token_b,
        amountADesired: site.amount(one, whole_one)?,
        amountBDesired: site.amount(other, whole_other)?,
        amountAMin: U256::ZERO,
        amountBMin: U256::ZERO,
        to: supplier,
        deadline: U256::MAX,
    };
    site.chain.execute(supplier, router, &call).await?;
    let pair = V2Factory::getPairCall { tokenA: token_a, tokenB: token_b };
    let address = site.chain.read(factory, &pair).await?;
    Ok(V2Pair { token0: token_a.min(token_b), token1: token_a.max(token_b), address })
}
