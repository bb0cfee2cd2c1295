//! Aave V3 (core 1.19.3): the provider, the libraries, the pool and its configurator, the oracle over the feeds.

use alloy::primitives::{Address, U256};
use alloy::sol_types::SolValue;

use super::{Site, aave_market};
use crate::contracts::{AavePool, AclManager, AddressesProvider, ProvidersRegistry};
use crate::error::Result;
use crate::manifest::{Aave, Feed};

/// The market's number in the registry of providers.
const MARKET: u8 = 1;

/// The market's proxies.
pub(super) struct Market {
    pub(super) provider: Address,
    pub(super) pool: Address,
    pub(super) configurator: Address,
    pub(super) data_provider: Address,
}

pub(super) async fn deploy(site: &Site, feeds: &[Feed]) -> Result<Aave> {
    let provider = deploy_provider(site).await?;
    appoint_admin(site, provider).await?;
    let (pool, configurator) = deploy_pool(site, provider).await?;
    let oracle = deploy_oracle(site, provider, feeds).await?;
    let data_provider = site.deploy("AaveProtocolDataProvider", &provider.abi_encode()).await?;
    let set = AddressesProvider::setPoolDataProviderCall { newDataProvider: data_provider };
    site.chain.execute(site.deployer()?, provider, &set).await?;
    let market = Market { provider, pool, configurator, data_provider };
    let reserves = aave_market::list(site, &market, feeds).await?;
    Ok(Aave {
        addresses_provider: provider,
        pool,
        configurator,
        oracle,
        data_provider,
        acl_admin: site.deployer()?,
        reserves,
    })
}

async fn deploy_provider(site: &Site) -> Result<Address> {
    let deployer = site.deployer()?;
    let registry = site.deploy("PoolAddressesProviderRegistry", &deployer.abi_encode()).await?;
    let provider =
        site.deploy("PoolAddressesProvider", &("Keepwright devnet", deployer).abi_encode_params()).await?;
    let register = ProvidersRegistry::registerAddressesProviderCall { provider, id: U256::from(MARKET) };
    site.chain.execute(deployer, registry, &register).await?;
    Ok(provider)
}

/// The access manager reads its admin from the provider, so the admin comes first.
async fn appoint_admin(site: &Site, provider: Address) -> Result<()> {
    let admin = site.deployer()?;
    let chain = &site.chain;
    chain.execute(admin, provider, &AddressesProvider::setACLAdminCall { newAclAdmin: admin }).await?;
    let manager = site.deploy("ACLManager", &provider.abi_encode()).await?;
    chain.execute(admin, provider, &AddressesProvider::setACLManagerCall { newAclManager: manager }).await?;
    let sent = [
        chain.send(admin, manager, &AclManager::addPoolAdminCall { admin }).await?,
        chain.send(admin, manager, &AclManager::addEmergencyAdminCall { admin }).await?,
        chain.send(admin, manager, &AclManager::addRiskAdminCall { admin }).await?,
        chain.send(admin, manager, &AclManager::addAssetListingAdminCall { admin }).await?,
    ];
    chain.confirm_all(sent).await?;
    Ok(())
}

/// Deploys the implementations, initialises the pool's own so that nobody else can, and returns the proxies of both.
async fn deploy_pool(site: &Site, provider: Address) -> Result<(Address, Address)> {
    let deployer = site.deployer()?;
    let chain = &site.chain;
    let borrow = site.deploy("BorrowLogic", &[]).await?;
    let libraries = [
        ("BorrowLogic", borrow),
        ("BridgeLogic", site.deploy("BridgeLogic", &[]).await?),
        ("EModeLogic", site.deploy("EModeLogic", &[]).await?),
        ("FlashLoanLogic", site.deploy_linked("FlashLoanLogic", &[("BorrowLogic", borrow)], &[]).await?),
        ("LiquidationLogic", site.deploy("LiquidationLogic", &[]).await?),
        ("PoolLogic", site.deploy("PoolLogic", &[]).await?),
        ("SupplyLogic", site.deploy("SupplyLogic", &[]).await?),
    ];
    let pool = site.deploy_linked("Pool", &libraries, &provider.abi_encode()).await?;
    chain.execute(deployer, pool, &AavePool::initializeCall { provider }).await?;
    let logic = site.deploy("ConfiguratorLogic", &[]).await?;
    let configurator = site.deploy_linked("PoolConfigurator", &[("ConfiguratorLogic", logic)], &[]).await?;
    chain.execute(deployer, provider, &AddressesProvider::setPoolImplCall { newPoolImpl: pool }).await?;
    let set = AddressesProvider::setPoolConfiguratorImplCall { newPoolConfiguratorImpl: configurator };
    chain.execute(deployer, provider, &set).await?;
    let pool = chain.read(provider, &AddressesProvider::getPoolCall {}).await?;
    let configurator = chain.read(provider, &AddressesProvider::getPoolConfiguratorCall {}).await?;
    Ok((pool, configurator))
}

/// An oracle in USD with 8 decimals that reads the feeds' proxies and falls back on nothing.
async fn deploy_oracle(site: &Site, provider: Address, feeds: &[Feed]) -> Result<Address> {
    let assets: Vec<Address> = feeds.iter().map(|feed| feed.token).collect();
    let sources: Vec<Address> = feeds.iter().map(|feed| feed.proxy).collect();
    let base_unit = U256::from(100_000_000_u64);
    let arguments = (provider, assets, sources, Address::ZERO, Address::ZERO, base_unit).abi_encode_params();
    let oracle = site.deploy("AaveOracle", &arguments).await?;
    let set = AddressesProvider::setPriceOracleCall { newPriceOracle: oracle };
    site.chain.execute(site.deployer()?, provider, &set).await?;
    Ok(oracle)
}
