//! What borrowers do on Aave, and what liquidators who are not the agent do to them.

use alloy::primitives::{Address, U256};
use alloy::sol_types::SolCall;

use super::World;
use crate::contracts::AavePool;
use crate::error::Result;
use crate::manifest::Asset;

/// Any single action on Aave.
const ACTION_GAS: u64 = 1_000_000;
/// Aave's number for a variable rate.
const VARIABLE: u8 = 2;

/// An account as Aave sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountData {
    /// Its collateral, in US dollars with 8 decimals.
    pub collateral: U256,
    /// Its debt, in US dollars with 8 decimals.
    pub debt: U256,
    /// Its health factor, with 18 decimals; `U256::MAX` without debt.
    pub health_factor: U256,
}

impl World {
    /// An account as Aave sees it on the latest block.
    ///
    /// # Errors
    /// Where the node does not answer.
    pub async fn account_data(&self, account: Address) -> Result<AccountData> {
        let call = AavePool::getUserAccountDataCall { user: account };
        let data = self.chain.read(self.manifest.protocols.aave.pool, &call).await?;
        Ok(AccountData {
            collateral: data.totalCollateralBase,
            debt: data.totalDebtBase,
            health_factor: data.healthFactor,
        })
    }

    /// An account supplies its own tokens.
    ///
    /// # Errors
    /// Where it has too few, or the node refuses.
    pub async fn supply(&mut self, account: Address, asset: Asset, amount: U256) -> Result<()> {
        let asset = self.manifest.asset(asset)?.address;
        self.act(account, &AavePool::supplyCall { asset, amount, onBehalfOf: account, referralCode: 0 }).await
    }

    /// An account withdraws what it supplied; `U256::MAX` for all of it.
    ///
    /// # Errors
    /// Where its loan would not be covered any more, or the node refuses.
    pub async fn withdraw(&mut self, account: Address, asset: Asset, amount: U256) -> Result<()> {
        let asset = self.manifest.asset(asset)?.address;
        self.act(account, &AavePool::withdrawCall { asset, amount, to: account }).await
    }

    /// An account borrows.
    ///
    /// # Errors
    /// Where its collateral does not allow it, or the node refuses.
    pub async fn borrow(&mut self, account: Address, asset: Asset, amount: U256) -> Result<()> {
        let asset = self.manifest.asset(asset)?.address;
        let interest_rate_mode = U256::from(VARIABLE);
        let call = AavePool::borrowCall {
            asset,
            amount,
            interestRateMode: interest_rate_mode,
            referralCode: 0,
            onBehalfOf: account,
        };
        self.act(account, &call).await
    }

    /// An account repays its own debt; `U256::MAX` for all of it. Every borrower holds a tenth more than it borrowed.
    ///
    /// # Errors
    /// Where it has too few tokens or no such debt, or the node refuses.
    pub async fn repay(&mut self, account: Address, asset: Asset, amount: U256) -> Result<()> {
        let asset = self.manifest.asset(asset)?.address;
        let call = AavePool::repayCall {
            asset,
            amount,
            interestRateMode: U256::from(VARIABLE),
            onBehalfOf: account,
        };
        self.act(account, &call).await
    }

    /// A competitor liquidates a borrower with its own tokens; `U256::MAX` for as much as is allowed.
    ///
    /// # Errors
    /// Where the borrower is healthy, the liquidator has too few tokens, or the node refuses.
    pub async fn liquidate(
        &mut self,
        liquidator: Address,
        borrower: Address,
        [collateral, debt]: [Asset; 2],
        amount: U256,
    ) -> Result<()> {
        let call = AavePool::liquidationCallCall {
            collateralAsset: self.manifest.asset(collateral)?.address,
            debtAsset: self.manifest.asset(debt)?.address,
            user: borrower,
            debtToCover: amount,
            receiveAToken: false,
        };
        self.act(liquidator, &call).await
    }

    async fn act<C: SolCall>(&self, account: Address, call: &C) -> Result<()> {
        let pool = self.manifest.protocols.aave.pool;
        let sent = self.send(account, pool, call, ACTION_GAS).await?;
        let mined = !self.settle(&[sent]).await?.is_empty();
        if mined { self.chain.confirm(sent).await.map(drop) } else { Ok(()) }
    }
}
