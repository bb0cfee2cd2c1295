//! Rounds of the real aggregators, submitted by their oracle accounts.

use alloy::primitives::{I256, U256};
use rand::Rng;

use super::{Round, World, WorldEvent};
use crate::contracts::FluxAggregator;
use crate::deploy::SUBMISSION_GAS;
use crate::error::{DevnetError, Result};
use crate::manifest::{Asset, Feed};
use crate::price::{self, UsdE8};

/// A feed reports once its asset has moved by this many basis points.
const DEVIATION: u128 = 50;
/// Oracles differ by at most this part of the price.
const SPREAD_PART: u128 = 20_000;

const fn out_of_range(what: &'static str) -> DevnetError {
    DevnetError::OutOfRange { what }
}

impl World {
    /// What a feed says now.
    ///
    /// # Errors
    /// Where the node does not answer.
    pub async fn feed_price(&self, asset: Asset) -> Result<UsdE8> {
        let aggregator = self.manifest.feed(asset)?.aggregator;
        let data = self.chain.read(aggregator, &FluxAggregator::latestRoundDataCall {}).await?;
        u128::try_from(data.answer).map_err(|_range| out_of_range("an answer"))
    }

    /// The oracles report what the market says.
    ///
    /// # Errors
    /// Where the node refuses.
    pub async fn publish(&mut self, asset: Asset) -> Result<Vec<WorldEvent>> {
        let price = self.market_price(asset).await?;
        self.publish_price(asset, price).await
    }

    /// Every feed reports what the market says: after a launch at [`StartTime::Now`](crate::StartTime::Now) the last
    /// rounds are as old as the dump.
    ///
    /// # Errors
    /// Where the node refuses.
    pub async fn publish_all(&mut self) -> Result<Vec<WorldEvent>> {
        let mut events = Vec::new();
        for asset in Asset::ALL {
            events.extend(self.publish(asset).await?);
        }
        Ok(events)
    }

    /// Reports one asset, where its market has moved by half a percent since the last round.
    pub(super) async fn publish_deviation(&mut self, asset: Asset) -> Result<Vec<WorldEvent>> {
        let (market, feed) = (self.market_price(asset).await?, self.feed_price(asset).await?);
        let moved = price::deviation_bps(market, feed).ok_or(out_of_range("a deviation"))?;
        if moved < DEVIATION { Ok(Vec::new()) } else { self.publish_price(asset, market).await }
    }

    /// The oracles report this price, each a little off; their median is exact. Oracles that may not submit now are left
    /// out, as when another keeper runs one of them.
    ///
    /// # Errors
    /// Where the node refuses.
    pub async fn publish_price(&mut self, asset: Asset, price: UsdE8) -> Result<Vec<WorldEvent>> {
        let feed = self.manifest.feed(asset)?.clone();
        let spread = self.random.random_range(0..=price.checked_div(SPREAD_PART).unwrap_or_default());
        let mut sent = Vec::new();
        for (oracle, submission) in feed.oracles.iter().copied().zip(submissions(price, spread)) {
            let ask = FluxAggregator::oracleRoundStateCall { oracle, queriedRoundId: 0 };
            let state = self.chain.read(feed.aggregator, &ask).await?;
            if !state.eligibleToSubmit {
                continue;
            }
            let submission = I256::try_from(submission).map_err(|_range| out_of_range("a price"))?;
            let call = FluxAggregator::submitCall { roundId: U256::from(state.roundId), submission };
            sent.push(self.send(oracle, feed.aggregator, &call, SUBMISSION_GAS).await?);
        }
        let receipts = self.settle(&sent).await?;
        match receipts.iter().flatten().last() {
            Some(last) => self.round(&feed, last.block_number.unwrap_or_default()).await,
            None => Ok(Vec::new()),
        }
    }

    async fn round(&self, feed: &Feed, block: u64) -> Result<Vec<WorldEvent>> {
        let data = self.chain.read(feed.aggregator, &FluxAggregator::latestRoundDataCall {}).await?;
        let round = Round {
            asset: feed.asset,
            aggregator: feed.aggregator,
            round: data.roundId.to::<u64>(),
            answer: u128::try_from(data.answer).map_err(|_range| out_of_range("an answer"))?,
            block,
        };
        Ok(vec![WorldEvent::Round(round)])
    }
}

/// The price, then pairs around it, so that the median of an odd number of them is the price.
fn submissions(price: UsdE8, spread: UsdE8) -> impl Iterator<Item = UsdE8> {
    let pairs = [price.saturating_add(spread), price.saturating_sub(spread)];
    std::iter::once(price).chain(pairs.into_iter().cycle())
}
