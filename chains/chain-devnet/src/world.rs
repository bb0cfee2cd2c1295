//! What happens on the devnet without the agent: traders trade, oracles report, borrowers act.

mod event;
mod feeds;
mod market;
mod positions;

pub use event::{Round, Trade, WorldEvent};
pub use positions::AccountData;

use alloy::primitives::{Address, U256};
use alloy::providers::DynProvider;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::TransactionReceipt;
use alloy::sol_types::SolCall;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::chain::{Chain, Sent, refused};
use crate::devnet::Devnet;
use crate::error::{DevnetError, Result};
use crate::manifest::{Asset, Manifest, Role};
use crate::price::{self, UsdE8};

/// A shock is made by so many waves of selling or buying.
const WAVES: i64 = 3;
/// A fall by more than this is no market but a missing price.
const DEEPEST_FALL: i64 = 9_000;

/// What the world does with a transaction once the node has accepted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inclusion {
    /// Waits until the node has mined it before it sends another. On a node that mines at once, this is what makes the
    /// blocks repeat with the seed.
    OneByOne,
    /// Sends all of a step, then waits until the node has mined it: on a node that mines every so often, one block takes
    /// a whole wave.
    Wait,
    /// Mines a block, with whatever else is pending.
    Mine,
    /// Leaves it pending: the caller mines. Such a step reports no events.
    Leave,
}

/// The driver of the world. The same seed on the same state gives the same events, whatever the agent does not touch.
#[derive(Debug)]
pub struct World {
    chain: Chain,
    manifest: Manifest,
    random: StdRng,
    inclusion: Inclusion,
}

impl World {
    /// A world on a devnet.
    #[must_use]
    pub fn new(devnet: &Devnet, seed: u64) -> Self {
        let provider = devnet.provider().clone();
        Self::with_provider(provider, devnet.manifest().clone(), devnet.inclusion(), seed)
    }

    /// A world on a node that somebody else launched from the same dump.
    #[must_use]
    pub fn with_provider(provider: DynProvider, manifest: Manifest, inclusion: Inclusion, seed: u64) -> Self {
        Self { chain: Chain::new(provider), manifest, random: StdRng::seed_from_u64(seed), inclusion }
    }

    /// Changes what happens to the world's transactions from now on.
    pub const fn set_inclusion(&mut self, inclusion: Inclusion) {
        self.inclusion = inclusion;
    }

    /// What the world's transactions offer for a unit of gas from now on, in wei; `None` for what the node suggests. The
    /// node orders a block by this offer, so a high one comes before the agent's and a low one after it.
    pub const fn set_bid(&mut self, max_fee_per_gas: Option<u128>) {
        self.chain.set_bid(max_fee_per_gas);
    }

    /// What is deployed, and where.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Traders sell until an asset is worth so many basis points less; then its feed follows.
    ///
    /// # Errors
    /// Where the node refuses, or the traders are out of stock.
    pub async fn crash(&mut self, asset: Asset, bps: u16) -> Result<Vec<WorldEvent>> {
        self.shock(asset, i64::from(bps).saturating_neg()).await
    }

    /// Traders buy until an asset is worth so many basis points more; then its feed follows.
    ///
    /// # Errors
    /// Where the node refuses, or the traders are out of stock.
    pub async fn rally(&mut self, asset: Asset, bps: u16) -> Result<Vec<WorldEvent>> {
        self.shock(asset, i64::from(bps)).await
    }

    async fn shock(&mut self, asset: Asset, bps: i64) -> Result<Vec<WorldEvent>> {
        let bps = bps.max(DEEPEST_FALL.saturating_neg());
        let start = self.market_price(asset).await?;
        let mut events = Vec::new();
        for wave in 1..=WAVES {
            let moved = bps.saturating_mul(wave).checked_div(WAVES).unwrap_or(bps);
            let target = price::shift(start, moved).ok_or(DevnetError::OutOfRange { what: "a shock" })?;
            events.extend(self.move_market(asset, target).await?);
        }
        events.extend(self.publish(asset).await?);
        Ok(events)
    }

    /// An ordinary moment: pools that have drifted apart are brought together, somebody makes a small trade, and the feeds
    /// whose asset has moved by half a percent report it.
    ///
    /// # Errors
    /// Where the node refuses.
    pub async fn calm_step(&mut self) -> Result<Vec<WorldEvent>> {
        let mut events = self.close_gaps().await?;
        events.extend(self.small_trade().await?);
        for asset in [Asset::Weth, Asset::Wbtc] {
            events.extend(self.publish_deviation(asset).await?);
        }
        Ok(events)
    }

    async fn small_trade(&mut self) -> Result<Vec<WorldEvent>> {
        let venues = self.venues();
        let traders: Vec<_> = self.manifest.accounts_with(Role::Trader).collect();
        let venue = pick(&mut self.random, &venues).copied().ok_or_else(|| DevnetError::unknown("market"))?;
        let trader =
            pick(&mut self.random, &traders).copied().ok_or_else(|| DevnetError::unknown("trader"))?;
        let dollars = self.random.random_range(1_000_u64..=50_000);
        let sells_first = self.random.random_bool(0.5);
        self.trade_dollars(trader, venue, sells_first, dollars).await
    }

    async fn send<C: SolCall>(&self, from: Address, to: Address, call: &C, gas: u64) -> Result<Sent> {
        let sent = self.chain.send_with(from, to, call, U256::ZERO, gas).await?;
        if self.inclusion == Inclusion::OneByOne {
            self.chain.mined(sent).await?;
        }
        Ok(sent)
    }

    /// Sees to it that what was sent is mined, as far as that is the world's business. What reverted is left out, as `None`:
    /// somebody else was faster.
    async fn settle(&self, sent: &[Sent]) -> Result<Vec<Option<TransactionReceipt>>> {
        match self.inclusion {
            Inclusion::Leave => return Ok(Vec::new()),
            Inclusion::Mine if !sent.is_empty() => {
                self.chain.provider().anvil_mine(Some(1), None).await.map_err(refused("anvil_mine"))?;
            }
            Inclusion::Mine | Inclusion::Wait | Inclusion::OneByOne => {}
        }
        let mut receipts = Vec::new();
        for one in sent {
            let receipt = self.chain.mined(*one).await?;
            receipts.push(Some(receipt).filter(TransactionReceipt::status));
        }
        Ok(receipts)
    }

    /// The price and the decimals of an asset.
    fn side(&self, asset: Asset, price: UsdE8) -> Result<price::Side> {
        Ok(price::Side { price, decimals: self.manifest.asset(asset)?.decimals })
    }

    async fn balance(&self, asset: Asset, account: Address) -> Result<U256> {
        let token = self.manifest.asset(asset)?.address;
        self.chain.read(token, &crate::contracts::Erc20::balanceOfCall { account }).await
    }
}

fn pick<'a, T>(random: &mut StdRng, from: &'a [T]) -> Option<&'a T> {
    if from.is_empty() {
        return None;
    }
    from.get(random.random_range(0..from.len()))
}
