//! Swaps on the real pools, and the prices that the pools imply.

use alloy::primitives::aliases::U24;
use alloy::primitives::{Address, U160, U256};
use alloy::rpc::types::TransactionReceipt;

use super::{Trade, World, WorldEvent};
use crate::chain::Sent;
use crate::contracts::{Erc20, SwapRouter02, V2Pair, V2Router, V3Pool};
use crate::error::{DevnetError, Result};
use crate::manifest::{Asset, Role};
use crate::price::{self, Side, UsdE8};

/// A swap through one pool or pair. Tight, so that a whole wave fits into one block.
const SWAP_GAS: u64 = 600_000;
/// Pools that are further apart than this, in basis points, are brought together.
const WIDEST_GAP: u128 = 50;
/// A pair that is off by less than this part of its reserve is left alone: its fee is more.
const FINEST_PART: u64 = 5_000;
/// The fee of the pool that prices WETH.
const WETH_POOL_FEE: u32 = 500;
/// The fee of the pool that prices WBTC.
const WBTC_POOL_FEE: u32 = 3_000;

/// Where two assets trade. The assets are in the order of their addresses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Venue {
    address: Address,
    assets: [Asset; 2],
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    V2,
    V3 { fee: u32 },
}

/// One swap that is going to be sent.
#[derive(Debug, Clone, Copy)]
struct Swap {
    venue: Venue,
    sold: Asset,
    bought: Asset,
    amount_in: U256,
    /// Where a V3 pool stops; zero for nowhere.
    limit: U160,
}

impl Venue {
    fn other(self, asset: Asset) -> Asset {
        let [first, second] = self.assets;
        if first == asset { second } else { first }
    }
}

const fn out_of_range(what: &'static str) -> DevnetError {
    DevnetError::OutOfRange { what }
}

impl World {
    /// Every pool and pair.
    pub(super) fn venues(&self) -> Vec<Venue> {
        let protocols = &self.manifest.protocols;
        let v3 = protocols.uniswap_v3.pools.iter();
        let v3 = v3.map(|pool| (pool.token0, pool.token1, pool.address, Kind::V3 { fee: pool.fee }));
        let v2 = protocols.uniswap_v2.pairs.iter();
        let v2 = v2.map(|pair| (pair.token0, pair.token1, pair.address, Kind::V2));
        let known = v3.chain(v2).filter_map(|(token0, token1, address, kind)| {
            let assets = [self.manifest.asset_of(token0)?, self.manifest.asset_of(token1)?];
            Some(Venue { address, assets, kind })
        });
        known.collect()
    }

    /// What an asset is worth in the deepest pool against USDC, which is taken for a dollar.
    ///
    /// # Errors
    /// Where the node does not answer.
    pub async fn market_price(&self, asset: Asset) -> Result<UsdE8> {
        let fee = match asset {
            Asset::Usdc => return Ok(crate::deploy::opening_price(Asset::Usdc)),
            Asset::Weth => WETH_POOL_FEE,
            Asset::Wbtc => WBTC_POOL_FEE,
        };
        let pool = self.manifest.v3_pool(asset, Asset::Usdc, fee)?;
        let root = self.chain.read(pool.address, &V3Pool::slot0Call {}).await?.sqrtPriceX96;
        let dollar = self.side(Asset::Usdc, crate::deploy::opening_price(Asset::Usdc))?;
        let token = self.manifest.asset(asset)?;
        let found = if token.address == pool.token0 {
            price::implied_price0(root, token.decimals, dollar)
        } else {
            price::implied_price1(root, dollar, token.decimals)
        };
        found.ok_or(out_of_range("a pool's price"))
    }

    /// Traders swap in every pool of an asset until each stands at this price (a V2 pair: up to its fee). A pool that somebody
    /// else has moved past the price in the same block is left as it is.
    ///
    /// # Errors
    /// For USDC, which everything else is measured in; where the node refuses.
    pub async fn move_market(&mut self, asset: Asset, target: UsdE8) -> Result<Vec<WorldEvent>> {
        if asset == Asset::Usdc {
            return Err(DevnetError::unknown("market that could move USDC"));
        }
        let mut swaps = Vec::new();
        for venue in self.venues() {
            if !venue.assets.contains(&asset) {
                continue;
            }
            let other = venue.other(asset);
            let price = self.market_price(other).await?;
            swaps.extend(self.towards(venue, [(asset, target), (other, price)]).await?);
        }
        self.swap_all(swaps).await
    }

    /// Traders swap in the v2 pair of an asset and USDC alone, until it is so many basis points dearer (or cheaper) there than
    /// in the deepest pool: whoever notices can buy in one and sell in the other.
    ///
    /// # Errors
    /// For an asset without such a pair; where the node refuses.
    pub async fn open_gap(&mut self, asset: Asset, bps: i16) -> Result<Vec<WorldEvent>> {
        let of_both = |venue: &Venue| {
            matches!(venue.kind, Kind::V2)
                && venue.assets.contains(&asset)
                && venue.assets.contains(&Asset::Usdc)
        };
        let pair = self.venues().into_iter().find(of_both);
        let pair = pair.ok_or_else(|| DevnetError::unknown(format!("pair of {asset:?} and USDC")))?;
        let dollar = self.market_price(Asset::Usdc).await?;
        let target =
            price::shift(self.market_price(asset).await?, bps.into()).ok_or(out_of_range("a gap"))?;
        let swap = self.towards(pair, [(asset, target), (Asset::Usdc, dollar)]).await?;
        self.swap_all(swap.into_iter().collect()).await
    }

    /// How far each pool and pair is from the market prices, in basis points, by address.
    ///
    /// # Errors
    /// Where the node does not answer.
    pub async fn gaps(&self) -> Result<Vec<(Address, u128)>> {
        let mut gaps = Vec::new();
        for venue in self.venues() {
            gaps.push((venue.address, self.gap(venue, self.market_prices(venue).await?).await?));
        }
        Ok(gaps)
    }

    async fn market_prices(&self, venue: Venue) -> Result<[(Asset, UsdE8); 2]> {
        let [first, second] = venue.assets;
        Ok([(first, self.market_price(first).await?), (second, self.market_price(second).await?)])
    }

    /// Brings pools together that have drifted apart from the deepest ones.
    pub(super) async fn close_gaps(&mut self) -> Result<Vec<WorldEvent>> {
        let mut swaps = Vec::new();
        for venue in self.venues() {
            let [first, second] = venue.assets;
            let prices =
                [(first, self.market_price(first).await?), (second, self.market_price(second).await?)];
            if self.gap(venue, prices).await? > WIDEST_GAP {
                swaps.extend(self.towards(venue, prices).await?);
            }
        }
        self.swap_all(swaps).await
    }

    /// How far a venue is from these prices, in basis points.
    async fn gap(&self, venue: Venue, prices: [(Asset, UsdE8); 2]) -> Result<u128> {
        let [side0, side1] = self.sides(venue, prices)?;
        let root = match venue.kind {
            Kind::V3 { .. } => self.chain.read(venue.address, &V3Pool::slot0Call {}).await?.sqrtPriceX96,
            Kind::V2 => {
                let reserves = self.chain.read(venue.address, &V2Pair::getReservesCall {}).await?;
                let root =
                    price::sqrt_ratio_x96(reserves.reserve1.to::<U256>(), reserves.reserve0.to::<U256>());
                root.ok_or(out_of_range("a pair's price"))?
            }
        };
        price::implied_price0(root, side0.decimals, side1)
            .and_then(|implied| price::deviation_bps(implied, side0.price))
            .ok_or(out_of_range("a gap"))
    }

    /// Both sides of a venue, in its order.
    fn sides(&self, venue: Venue, prices: [(Asset, UsdE8); 2]) -> Result<[Side; 2]> {
        let [(asset, price), (other, other_price)] = prices;
        let (side, other_side) = (self.side(asset, price)?, self.side(other, other_price)?);
        let [first, _] = venue.assets;
        Ok(if first == asset { [side, other_side] } else { [other_side, side] })
    }

    /// The swap that brings a venue to these prices, where it is not there.
    async fn towards(&self, venue: Venue, prices: [(Asset, UsdE8); 2]) -> Result<Option<Swap>> {
        let sides = self.sides(venue, prices)?;
        match venue.kind {
            Kind::V2 => self.towards_v2(venue, sides).await,
            Kind::V3 { .. } => self.towards_v3(venue, sides).await,
        }
    }

    /// The pool itself stops at the price limit, so the amount may be all that the trader has.
    async fn towards_v3(&self, venue: Venue, [side0, side1]: [Side; 2]) -> Result<Option<Swap>> {
        let limit = price::fair_sqrt_ratio(side0, side1).ok_or(out_of_range("a pool's price"))?;
        let root = self.chain.read(venue.address, &V3Pool::slot0Call {}).await?.sqrtPriceX96;
        let [first, second] = venue.assets;
        let (sold, bought) = match limit.cmp(&root) {
            std::cmp::Ordering::Equal => return Ok(None),
            std::cmp::Ordering::Less => (first, second),
            std::cmp::Ordering::Greater => (second, first),
        };
        Ok(Some(Swap { venue, sold, bought, amount_in: U256::MAX, limit }))
    }

    async fn towards_v2(&self, venue: Venue, [side0, side1]: [Side; 2]) -> Result<Option<Swap>> {
        let reserves = self.chain.read(venue.address, &V2Pair::getReservesCall {}).await?;
        let (reserve0, reserve1) = (reserves.reserve0.to::<U256>(), reserves.reserve1.to::<U256>());
        let (fair1, fair0) = price::fair_amounts(side0, side1).ok_or(out_of_range("a pair's price"))?;
        let [first, second] = venue.assets;
        let forth = price::amount_to_ratio(reserve0, reserve1, fair0, fair1)
            .map(|amount| (first, second, amount, reserve0));
        let back = || {
            price::amount_to_ratio(reserve1, reserve0, fair1, fair0)
                .map(|amount| (second, first, amount, reserve1))
        };
        let worthwhile = |found: &(Asset, Asset, U256, U256)| {
            found.3.checked_div(U256::from(FINEST_PART)).is_some_and(|least| found.2 > least)
        };
        let found = forth.or_else(back).filter(worthwhile);
        Ok(found.map(|(sold, bought, amount_in, _)| Swap {
            venue,
            sold,
            bought,
            amount_in,
            limit: U160::ZERO,
        }))
    }

    /// Sells so many dollars' worth of one of a venue's assets.
    pub(super) async fn trade_dollars(
        &mut self,
        trader: Address,
        venue: Venue,
        sells_first: bool,
        dollars: u64,
    ) -> Result<Vec<WorldEvent>> {
        let [first, second] = venue.assets;
        let (sold, bought) = if sells_first { (first, second) } else { (second, first) };
        let side = self.side(sold, self.market_price(sold).await?)?;
        let amount_in = price::unit(side.decimals)
            .and_then(|unit| unit.checked_mul(U256::from(dollars)))
            .and_then(|raw| raw.checked_mul(U256::from(100_000_000_u64)))
            .and_then(|raw| raw.checked_div(U256::from(side.price)))
            .ok_or(out_of_range("a trade"))?;
        let swap = Swap { venue, sold, bought, amount_in, limit: U160::ZERO };
        let sent = self.send_swap(trader, swap).await?;
        let receipts = self.settle(&[sent]).await?;
        self.trades(&[(trader, swap)], &receipts)
    }

    /// Sends every swap, each from the trader who holds most of what it sells, and reports what came of it.
    async fn swap_all(&mut self, swaps: Vec<Swap>) -> Result<Vec<WorldEvent>> {
        let mut orders = Vec::new();
        let mut sent = Vec::new();
        for swap in swaps {
            let (trader, stock) = self.richest(swap.sold).await?;
            let swap = Swap { amount_in: swap.amount_in.min(stock), ..swap };
            sent.push(self.send_swap(trader, swap).await?);
            orders.push((trader, swap));
        }
        let receipts = self.settle(&sent).await?;
        self.trades(&orders, &receipts)
    }

    async fn richest(&self, asset: Asset) -> Result<(Address, U256)> {
        let mut best = None;
        for trader in self.manifest.accounts_with(Role::Trader) {
            let stock = self.balance(asset, trader).await?;
            if best.is_none_or(|(_, most)| stock > most) {
                best = Some((trader, stock));
            }
        }
        best.ok_or_else(|| DevnetError::unknown("trader"))
    }

    async fn send_swap(&self, trader: Address, swap: Swap) -> Result<Sent> {
        let token_in = self.manifest.asset(swap.sold)?.address;
        let token_out = self.manifest.asset(swap.bought)?.address;
        match swap.venue.kind {
            Kind::V2 => {
                let call = V2Router::swapExactTokensForTokensCall {
                    amountIn: swap.amount_in,
                    amountOutMin: U256::ZERO,
                    path: vec![token_in, token_out],
                    to: trader,
                    deadline: U256::MAX,
                };
                let router = self.manifest.protocols.uniswap_v2.router;
                self.send(trader, router, &call, SWAP_GAS).await
            }
            Kind::V3 { fee } => {
                let params = SwapRouter02::ExactInputSingleParams {
                    tokenIn: token_in,
                    tokenOut: token_out,
                    fee: U24::from(fee),
                    recipient: trader,
                    amountIn: swap.amount_in,
                    amountOutMinimum: U256::ZERO,
                    sqrtPriceLimitX96: swap.limit,
                };
                let call = SwapRouter02::exactInputSingleCall { params };
                let router = self.manifest.protocols.uniswap_v3.swap_router_02;
                self.send(trader, router, &call, SWAP_GAS).await
            }
        }
    }

    fn trades(
        &self,
        orders: &[(Address, Swap)],
        receipts: &[Option<TransactionReceipt>],
    ) -> Result<Vec<WorldEvent>> {
        let mut events = Vec::new();
        for ((trader, swap), receipt) in orders.iter().zip(receipts) {
            let Some(receipt) = receipt else { continue };
            let pool = swap.venue.address;
            events.push(WorldEvent::Trade(Trade {
                trader: *trader,
                venue: pool,
                sold: swap.sold,
                amount_in: moved(receipt, self.manifest.asset(swap.sold)?.address, *trader, pool),
                bought: swap.bought,
                amount_out: moved(receipt, self.manifest.asset(swap.bought)?.address, pool, *trader),
                block: receipt.block_number.unwrap_or_default(),
            }));
        }
        Ok(events)
    }
}

/// How much of a token a transaction moved from one account to another.
fn moved(receipt: &TransactionReceipt, token: Address, from: Address, to: Address) -> U256 {
    let logs = receipt.logs().iter().filter(|log| log.address() == token);
    let transfers = logs.filter_map(|log| log.log_decode::<Erc20::Transfer>().ok());
    let matching = transfers.filter(|log| log.inner.data.from == from && log.inner.data.to == to);
    matching.fold(U256::ZERO, |total, log| total.saturating_add(log.inner.data.value))
}
