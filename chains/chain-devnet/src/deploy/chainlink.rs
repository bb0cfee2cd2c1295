//! Chainlink's FluxAggregator: a permissioned push oracle. Only the oracle accounts may submit, an answer is the median
//! of a round, submissions are paid in LINK, and a validator flags answers that jump.

use alloy::primitives::{Address, I256, U256};
use alloy::sol_types::SolValue;

use super::{Site, opening_price};
use crate::chain::Sent;
use crate::contracts::{AccessController, BurnMintErc20, FluxAggregator};
use crate::error::{DevnetError, Result};
use crate::manifest::{Asset, Feed, Role};

/// What one submission earns: 0.01 LINK.
const PAYMENT: u128 = 10_000_000_000_000_000;
/// After this many seconds an unfinished round may be left behind.
const TIMEOUT: u32 = 180;
/// A jump of more than 5 % raises a flag (in thousandths of a percent).
const FLAGGED_JUMP: u32 = 5_000;
/// The gas of a submission: the aggregator calls its validator with what is left, and swallows its failure.
pub(crate) const SUBMISSION_GAS: u64 = 500_000;

pub(super) async fn deploy(site: &Site) -> Result<Vec<Feed>> {
    let controller = site.deploy("SimpleWriteAccessController", &[]).await?;
    let flags = site.deploy("Flags", &controller.abi_encode()).await?;
    let validator = site
        .deploy("DeviationFlaggingValidator", &(flags, U256::from(FLAGGED_JUMP)).abi_encode_params())
        .await?;
    site.chain
        .execute(site.deployer()?, controller, &AccessController::addAccessCall { user: validator })
        .await?;
    let mut feeds = Vec::new();
    for asset in Asset::ALL {
        let feed = deploy_feed(site, asset, validator).await?;
        open_round(site, &feed).await?;
        feeds.push(feed);
    }
    Ok(feeds)
}

const fn description(asset: Asset) -> &'static str {
    match asset {
        Asset::Weth => "ETH / USD",
        Asset::Usdc => "USDC / USD",
        Asset::Wbtc => "BTC / USD",
    }
}

async fn deploy_feed(site: &Site, asset: Asset, validator: Address) -> Result<Feed> {
    let link = site.token("LINK")?.address;
    let lowest = I256::ONE;
    let highest = I256::unchecked_from(1_000_000_000_000_000_i64);
    let arguments = (
        link,
        U256::from(PAYMENT),
        U256::from(TIMEOUT),
        validator,
        lowest,
        highest,
        U256::from(8_u8),
        description(asset),
    )
        .abi_encode_params();
    let aggregator = site.deploy("FluxAggregator", &arguments).await?;
    let oracles = site.all(Role::Oracle);
    fund_and_staff(site, aggregator, link, &oracles).await?;
    let proxy = site.deploy("EACAggregatorProxy", &(aggregator, Address::ZERO).abi_encode_params()).await?;
    Ok(Feed { asset, token: site.asset(asset)?, proxy, aggregator, oracles })
}

/// Gives an aggregator LINK to pay with, and its oracles.
async fn fund_and_staff(site: &Site, aggregator: Address, link: Address, oracles: &[Address]) -> Result<()> {
    let deployer = site.deployer()?;
    let amount = site.amount(Asset::Weth, 1_000_000)?;
    site.chain.execute(deployer, link, &BurnMintErc20::mintCall { account: aggregator, amount }).await?;
    site.chain.execute(deployer, aggregator, &FluxAggregator::updateAvailableFundsCall {}).await?;
    let count =
        u32::try_from(oracles.len()).map_err(|_range| DevnetError::OutOfRange { what: "the oracles" })?;
    let staff = FluxAggregator::changeOraclesCall {
        removed: Vec::new(),
        added: oracles.to_vec(),
        addedAdmins: oracles.to_vec(),
        minSubmissions: count,
        maxSubmissions: count,
        restartDelay: 0,
    };
    site.chain.execute(deployer, aggregator, &staff).await?;
    Ok(())
}

/// Submits the opening price.
async fn open_round(site: &Site, feed: &Feed) -> Result<()> {
    let submission = I256::try_from(opening_price(feed.asset))
        .map_err(|_range| DevnetError::OutOfRange { what: "an opening price" })?;
    let call = FluxAggregator::submitCall { roundId: U256::ONE, submission };
    let mut sent: Vec<Sent> = Vec::new();
    for oracle in feed.oracles.iter().copied() {
        sent.push(site.chain.send_with(oracle, feed.aggregator, &call, U256::ZERO, SUBMISSION_GAS).await?);
    }
    site.chain.confirm_all(sent).await?;
    Ok(())
}
