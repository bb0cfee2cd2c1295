//! Deploys everything on an empty node and says where it is.

mod aave;
mod aave_market;
mod borrowers;
mod chainlink;
mod tokens;
mod uniswap_v2;
mod uniswap_v3;

use alloy::primitives::{Address, B256, Bytes, U256, address, bytes};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;

pub(crate) use chainlink::SUBMISSION_GAS;

use crate::artifacts::Artifacts;
use crate::chain::{Chain, refused};
use crate::error::{DevnetError, Result};
use crate::manifest::{Account, Asset, Head, Manifest, Protocols, Role, Token};
use crate::price::{Side, UsdE8};

/// How many unlocked accounts the node has.
pub(crate) const ACCOUNTS: u16 = 40;

/// The deployment's own text: with the list of packages it names a dump, so that a stale one is never loaded.
pub(crate) const SOURCES: &[&str] = &[
    include_str!("../artifacts/packages.json"),
    include_str!("../artifacts/fetch.mjs"),
    include_str!("contracts.rs"),
    include_str!("price.rs"),
    include_str!("deploy.rs"),
    include_str!("deploy/aave.rs"),
    include_str!("deploy/aave_market.rs"),
    include_str!("deploy/borrowers.rs"),
    include_str!("deploy/chainlink.rs"),
    include_str!("deploy/tokens.rs"),
    include_str!("deploy/uniswap_v2.rs"),
    include_str!("deploy/uniswap_v3.rs"),
    include_str!("manifest.rs"),
];

/// Where Multicall3 lives on every chain.
const MULTICALL3: Address = address!("cA11bde05977b3631167028862bE2a173976CA11");

/// The price that an asset starts at.
pub(crate) const fn opening_price(asset: Asset) -> UsdE8 {
    match asset {
        Asset::Weth => 3_000 * 100_000_000,
        Asset::Usdc => 100_000_000,
        Asset::Wbtc => 90_000 * 100_000_000,
    }
}

/// What every step of the deployment needs.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) chain: Chain,
    pub(crate) artifacts: Artifacts,
    pub(crate) accounts: Vec<Account>,
    pub(crate) tokens: Vec<Token>,
}

impl Site {
    pub(crate) async fn new(chain: Chain, artifacts: Artifacts) -> Result<Self> {
        let addresses = chain.provider().get_accounts().await.map_err(refused("eth_accounts"))?;
        let accounts =
            addresses.into_iter().enumerate().map(|(index, address)| Account { address, role: role(index) });
        Ok(Self { chain, artifacts, accounts: accounts.collect(), tokens: Vec::new() })
    }

    fn all(&self, role: Role) -> Vec<Address> {
        self.accounts.iter().filter(|account| account.role == role).map(|account| account.address).collect()
    }

    fn one(&self, role: Role) -> Result<Address> {
        self.all(role)
            .first()
            .copied()
            .ok_or_else(|| DevnetError::unknown(format!("account of role {role:?}")))
    }

    fn deployer(&self) -> Result<Address> {
        self.one(Role::Deployer)
    }

    fn token(&self, symbol: &str) -> Result<&Token> {
        let found = self.tokens.iter().find(|token| token.symbol == symbol);
        found.ok_or_else(|| DevnetError::unknown(format!("token {symbol}")))
    }

    fn asset(&self, asset: Asset) -> Result<Address> {
        Ok(self.token(asset.symbol())?.address)
    }

    /// `whole` tokens, in raw units.
    fn amount(&self, asset: Asset, whole: u64) -> Result<U256> {
        let unit = crate::price::unit(self.token(asset.symbol())?.decimals);
        let raw = unit.and_then(|unit| unit.checked_mul(U256::from(whole)));
        raw.ok_or(DevnetError::OutOfRange { what: "an amount" })
    }

    fn side(&self, asset: Asset) -> Result<Side> {
        Ok(Side { price: opening_price(asset), decimals: self.token(asset.symbol())?.decimals })
    }

    async fn deploy(&self, name: &'static str, arguments: &[u8]) -> Result<Address> {
        self.deploy_linked(name, &[], arguments).await
    }

    async fn deploy_linked(
        &self,
        name: &'static str,
        libraries: &[(&str, Address)],
        arguments: &[u8],
    ) -> Result<Address> {
        let code = self.artifacts.linked_init_code(name, libraries, arguments)?;
        self.chain.deploy(self.deployer()?, name, code).await
    }
}

/// What the account with this index is for.
const fn role(index: usize) -> Role {
    match index {
        0 => Role::Deployer,
        1..=3 => Role::Oracle,
        4..=7 => Role::Trader,
        8 => Role::Supplier,
        9..=10 => Role::Liquidator,
        11..=23 => Role::Borrower,
        _ => Role::Spare,
    }
}

/// Deploys the whole devnet.
pub(crate) async fn deploy(chain: Chain, artifacts: Artifacts) -> Result<Manifest> {
    let mut site = Site::new(chain, artifacts).await?;
    install_multicall(&site).await?;
    site.tokens = tokens::deploy(&site).await?;
    tokens::hand_out(&site).await?;
    let feeds = chainlink::deploy(&site).await?;
    let uniswap_v2 = uniswap_v2::deploy(&site).await?;
    let uniswap_v3 = uniswap_v3::deploy(&site, uniswap_v2.factory).await?;
    let aave = aave::deploy(&site, &feeds).await?;
    tokens::approve(
        &site,
        &[uniswap_v2.router, uniswap_v3.swap_router, uniswap_v3.swap_router_02, aave.pool],
    )
    .await?;
    aave_market::supply(&site, aave.pool).await?;
    let borrowers = borrowers::open(&site, aave.pool).await?;
    let protocols = Protocols { uniswap_v2, uniswap_v3, aave, multicall3: MULTICALL3 };
    let (chain_id, head) = head(&site.chain).await?;
    Ok(Manifest { chain_id, head, tokens: site.tokens, protocols, feeds, borrowers, accounts: site.accounts })
}

/// The chain's id and its latest block.
pub(crate) async fn head(chain: &Chain) -> Result<(u64, Head)> {
    let id = chain.provider().get_chain_id().await.map_err(refused("eth_chainId"))?;
    let block =
        chain.provider().get_block(alloy::eips::BlockId::latest()).await.map_err(refused("eth_getBlock"))?;
    let header = block.ok_or_else(|| DevnetError::unknown("latest block"))?.header;
    Ok((id, Head { number: header.number, hash: header.hash, timestamp: header.timestamp }))
}

/// Deploys Multicall3 and copies its code to the address that every client looks at.
async fn install_multicall(site: &Site) -> Result<()> {
    let deployed = site.deploy("Multicall3", &[]).await?;
    let provider = site.chain.provider();
    let code: Bytes = provider.get_code_at(deployed).await.map_err(refused("eth_getCode"))?;
    provider.anvil_set_code(MULTICALL3, code).await.map_err(refused("anvil_setCode"))
}

/// The name of the dump that this deployment makes.
pub(crate) fn fingerprint() -> B256 {
    let mut text = Vec::new();
    for source in SOURCES {
        text.extend_from_slice(source.as_bytes());
    }
    alloy::primitives::keccak256(text)
}

/// The parameter of Aave's token initialisers: unused by them, but it must not be empty.
const AAVE_PARAMETERS: Bytes = bytes!("10");
