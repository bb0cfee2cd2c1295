//! What is deployed, and where.

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

use crate::error::{DevnetError, Result};

/// The assets that have a market, a feed and a reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Asset {
    /// Wrapped ether: the real WETH9.
    Weth,
    /// A stand-in with 6 decimals (Chainlink's `BurnMintERC20`).
    Usdc,
    /// A stand-in with 8 decimals (Chainlink's `BurnMintERC20`).
    Wbtc,
}

impl Asset {
    /// Every asset.
    pub const ALL: [Self; 3] = [Self::Weth, Self::Usdc, Self::Wbtc];

    /// The token's symbol.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Weth => "WETH",
            Self::Usdc => "USDC",
            Self::Wbtc => "WBTC",
        }
    }
}

/// Everything that a client of the devnet needs to know, written beside the dumped state and read back with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The chain's id.
    pub chain_id: u64,
    /// The chain's head when it was dumped. Logs before it are there; state before it is not.
    pub head: Head,
    /// The tokens, stand-ins included.
    pub tokens: Vec<Token>,
    /// Where money trades and is lent.
    pub protocols: Protocols,
    /// The price feeds.
    pub feeds: Vec<Feed>,
    /// The borrowers, each of another shape.
    pub borrowers: Vec<Borrower>,
    /// The accounts that are unlocked on the node.
    pub accounts: Vec<Account>,
}

/// A block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its number.
    pub number: u64,
    /// Its hash, by which a loaded node is known.
    pub hash: alloy::primitives::B256,
    /// Its time, in seconds since 1970.
    pub timestamp: u64,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its symbol.
    pub symbol: String,
    /// Its contract.
    pub address: Address,
    /// How many digits of a raw amount are behind the point.
    pub decimals: u8,
}

/// The protocols.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protocols {
    /// Uniswap V2.
    pub uniswap_v2: UniswapV2,
    /// Uniswap V3.
    pub uniswap_v3: UniswapV3,
    /// Aave V3 (core 1.19.3).
    pub aave: Aave,
    /// Multicall3, at its usual address.
    pub multicall3: Address,
}

/// Uniswap V2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UniswapV2 {
    /// The factory.
    pub factory: Address,
    /// Router02.
    pub router: Address,
    /// The pairs that have liquidity.
    pub pairs: Vec<V2Pair>,
}

/// A Uniswap V2 pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct V2Pair {
    /// The token with the smaller address.
    pub token0: Address,
    /// The other token.
    pub token1: Address,
    /// The pair.
    pub address: Address,
}

/// Uniswap V3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UniswapV3 {
    /// The factory.
    pub factory: Address,
    /// `SwapRouter02`, whose swaps have no deadline.
    pub swap_router_02: Address,
    /// The first `SwapRouter`, whose swaps have one.
    pub swap_router: Address,
    /// The quoter.
    pub quoter_v2: Address,
    /// The position manager.
    pub position_manager: Address,
    /// The pools that have liquidity.
    pub pools: Vec<V3Pool>,
}

/// A Uniswap V3 pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct V3Pool {
    /// The token with the smaller address.
    pub token0: Address,
    /// The other token.
    pub token1: Address,
    /// The fee, in millionths.
    pub fee: u32,
    /// The pool.
    pub address: Address,
}

/// Aave V3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aave {
    /// The addresses provider.
    pub addresses_provider: Address,
    /// The pool (a proxy).
    pub pool: Address,
    /// The configurator (a proxy).
    pub configurator: Address,
    /// The oracle.
    pub oracle: Address,
    /// The protocol data provider.
    pub data_provider: Address,
    /// The account with every administrative role.
    pub acl_admin: Address,
    /// The listed reserves.
    pub reserves: Vec<Reserve>,
}

/// A reserve of Aave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserve {
    /// The underlying token.
    pub asset: Address,
    /// The receipt token.
    pub a_token: Address,
    /// The stable debt token (not borrowed here).
    pub stable_debt: Address,
    /// The variable debt token.
    pub variable_debt: Address,
    /// The feed that the oracle reads.
    pub feed: Address,
}

/// A price feed in USD with 8 decimals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// What it prices.
    pub asset: Asset,
    /// The token that it prices.
    pub token: Address,
    /// `EACAggregatorProxy`, which consumers read.
    pub proxy: Address,
    /// `FluxAggregator`, which oracles submit to.
    pub aggregator: Address,
    /// The accounts that may submit.
    pub oracles: Vec<Address>,
}

/// A borrower.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Borrower {
    /// The account.
    pub address: Address,
    /// What it is an example of.
    pub label: String,
}

/// An account that is unlocked on the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The account.
    pub address: Address,
    /// What it is for.
    pub role: Role,
}

/// What an account is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Owns and administers every contract.
    Deployer,
    /// Submits prices.
    Oracle,
    /// Moves the market; holds plenty of every asset.
    Trader,
    /// Provides the pools' and the reserves' liquidity.
    Supplier,
    /// Holds WETH, USDC and WBTC, approved for Aave and the routers; nothing else uses it.
    Liquidator,
    /// Has a loan.
    Borrower,
    /// Holds ether only; nothing else uses it.
    Spare,
}

impl Manifest {
    /// The token with this symbol.
    ///
    /// # Errors
    /// Where there is none.
    pub fn token(&self, symbol: &str) -> Result<&Token> {
        let found = self.tokens.iter().find(|token| token.symbol == symbol);
        found.ok_or_else(|| DevnetError::unknown(format!("token {symbol}")))
    }

    /// The token of an asset.
    ///
    /// # Errors
    /// Where the manifest was written by hand and lacks it.
    pub fn asset(&self, asset: Asset) -> Result<&Token> {
        self.token(asset.symbol())
    }

    /// The asset that a token is.
    #[must_use]
    pub fn asset_of(&self, token: Address) -> Option<Asset> {
        Asset::ALL.into_iter().find(|asset| self.asset(*asset).is_ok_and(|known| known.address == token))
    }

    /// The feed of an asset.
    ///
    /// # Errors
    /// Where there is none.
    pub fn feed(&self, asset: Asset) -> Result<&Feed> {
        let found = self.feeds.iter().find(|feed| feed.asset == asset);
        found.ok_or_else(|| DevnetError::unknown(format!("feed for {}", asset.symbol())))
    }

    /// The borrower with this label.
    ///
    /// # Errors
    /// Where there is none.
    pub fn borrower(&self, label: &str) -> Result<Address> {
        let found = self.borrowers.iter().find(|borrower| borrower.label == label);
        found
            .map(|borrower| borrower.address)
            .ok_or_else(|| DevnetError::unknown(format!("borrower {label}")))
    }

    /// The accounts with this role.
    pub fn accounts_with(&self, role: Role) -> impl Iterator<Item = Address> + '_ {
        self.accounts.iter().filter(move |account| account.role == role).map(|account| account.address)
    }

    /// The first account with this role.
    ///
    /// # Errors
    /// Where there is none.
    pub fn account_with(&self, role: Role) -> Result<Address> {
        self.accounts_with(role)
            .next()
            .ok_or_else(|| DevnetError::unknown(format!("account of role {role:?}")))
    }

    /// The Uniswap V3 pool of two assets with this fee.
    ///
    /// # Errors
    /// Where there is none.
    pub fn v3_pool(&self, one: Asset, other: Asset, fee: u32) -> Result<V3Pool> {
        let pair = [self.asset(one)?.address, self.asset(other)?.address];
        let matches =
            |pool: &&V3Pool| pool.fee == fee && pair.contains(&pool.token0) && pair.contains(&pool.token1);
        let found = self.protocols.uniswap_v3.pools.iter().find(matches);
        found.copied().ok_or_else(|| DevnetError::unknown(format!("pool {one:?}/{other:?} at {fee}")))
    }
}
