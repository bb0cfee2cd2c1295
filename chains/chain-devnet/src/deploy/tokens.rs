//! WETH9, LINK, and the stand-ins for USDC and WBTC.

use alloy::primitives::{Address, U256};
use alloy::providers::ext::AnvilApi;
use alloy::sol_types::SolValue;

use super::Site;
use crate::chain::{Sent, refused};
use crate::contracts::{BurnMintErc20, Erc20, LinkToken, Weth9};
use crate::error::Result;
use crate::manifest::{Asset, Role, Token};

/// What a trader, the supplier or a liquidator starts with, in whole tokens.
struct Purse {
    role: Role,
    weth: u64,
    usdc: u64,
    wbtc: u64,
}

const PURSES: [Purse; 3] = [
    Purse { role: Role::Trader, weth: 50_000, usdc: 200_000_000, wbtc: 2_000 },
    Purse { role: Role::Supplier, weth: 100_000, usdc: 400_000_000, wbtc: 4_000 },
    Purse { role: Role::Liquidator, weth: 100, usdc: 1_000_000, wbtc: 10 },
];

/// Deploys the tokens. The deployer may mint the ones that can be minted.
pub(super) async fn deploy(site: &Site) -> Result<Vec<Token>> {
    let deployer = site.deployer()?;
    let weth = site.deploy("WETH9", &[]).await?;
    let link = site.deploy("LinkToken", &[]).await?;
    site.chain.execute(deployer, link, &LinkToken::grantMintRoleCall { minter: deployer }).await?;
    let usdc = stand_in(site, "USD Coin (stand-in)", "USDC", 6).await?;
    let wbtc = stand_in(site, "Wrapped BTC (stand-in)", "WBTC", 8).await?;
    let token = |symbol: &str, address, decimals| Token { symbol: symbol.to_owned(), address, decimals };
    Ok(vec![token("WETH", weth, 18), token("USDC", usdc, 6), token("WBTC", wbtc, 8), token("LINK", link, 18)])
}

async fn stand_in(site: &Site, name: &str, symbol: &str, decimals: u8) -> Result<Address> {
    let deployer = site.deployer()?;
    let arguments = (name, symbol, U256::from(decimals), U256::ZERO, U256::ZERO).abi_encode_params();
    let token = site.deploy("BurnMintERC20", &arguments).await?;
    let grant = BurnMintErc20::grantMintAndBurnRolesCall { burnAndMinter: deployer };
    site.chain.execute(deployer, token, &grant).await?;
    Ok(token)
}

/// Fills the purses of those who trade and supply.
pub(super) async fn hand_out(site: &Site) -> Result<()> {
    let mut sent = Vec::new();
    for purse in &PURSES {
        for account in site.all(purse.role) {
            for (asset, whole) in
                [(Asset::Weth, purse.weth), (Asset::Usdc, purse.usdc), (Asset::Wbtc, purse.wbtc)]
            {
                sent.push(give(site, account, asset, site.amount(asset, whole)?).await?);
            }
        }
    }
    site.chain.confirm_all(sent).await?;
    Ok(())
}

/// Gives an account so much of an asset: wraps ether, or mints.
pub(super) async fn give(site: &Site, account: Address, asset: Asset, amount: U256) -> Result<Sent> {
    let token = site.asset(asset)?;
    if asset != Asset::Weth {
        return site.chain.send(site.deployer()?, token, &BurnMintErc20::mintCall { account, amount }).await;
    }
    let ether = amount.saturating_add(site.amount(Asset::Weth, 10_000)?);
    site.chain.provider().anvil_set_balance(account, ether).await.map_err(refused("anvil_setBalance"))?;
    site.chain.send_with(account, token, &Weth9::depositCall {}, amount, 100_000).await
}

/// Lets each of `spenders` take every asset of those who trade, supply, liquidate and borrow.
pub(super) async fn approve(site: &Site, spenders: &[Address]) -> Result<()> {
    let mut sent = Vec::new();
    for role in [Role::Trader, Role::Supplier, Role::Liquidator, Role::Borrower] {
        for account in site.all(role) {
            sent.extend(approve_from(site, account, spenders).await?);
        }
    }
    site.chain.confirm_all(sent).await?;
    Ok(())
}

/// Lets each of `spenders` take every asset of one account.
pub(super) async fn approve_from(site: &Site, account: Address, spenders: &[Address]) -> Result<Vec<Sent>> {
    let mut sent = Vec::new();
    for asset in Asset::ALL {
        for spender in spenders.iter().copied() {
            let call = Erc20::approveCall { spender, amount: U256::MAX };
            let token = site.asset(asset)?;
            sent.push(site.chain.send_with(account, token, &call, U256::ZERO, 100_000).await?);
        }
    }
    Ok(sent)
}
