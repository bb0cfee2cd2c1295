//! What the agent owns at one moment, and what it is worth at the feeds' prices.

use std::collections::BTreeMap;

use alloy::primitives::{Address, I256, U256};
use eyre::OptionExt;
use keepwright::{
    core::units::{Token, UsdE8},
    devnet::{Asset, Devnet, World},
};

/// The executor's and the key's balances, and prices per whole token.
#[derive(Debug)]
pub(crate) struct Account {
    tokens: BTreeMap<String, (Token, U256, UsdE8)>,
    /// The key's native coin: what gas is paid from.
    native: U256,
    ether: UsdE8,
}

impl Account {
    pub(crate) async fn read(
        devnet: &Devnet,
        world: &World,
        holders: [Address; 2],
        key: Address,
    ) -> eyre::Result<Self> {
        let mut tokens = BTreeMap::new();
        for asset in Asset::ALL {
            let token = devnet.manifest().asset(asset)?;
            let mut raw = U256::ZERO;
            for holder in holders {
                let balance = devnet.balance_of(token.address, holder).await?;
                raw = raw.checked_add(balance).ok_or_eyre("balances do not fit 256 bits")?;
            }
            let price = price(world, asset).await?;
            let token =
                Token { address: token.address, symbol: token.symbol.clone(), decimals: token.decimals };
            tokens.insert(token.symbol.clone(), (token, raw, price));
        }
        let native = alloy::providers::Provider::get_balance(devnet.provider(), key).latest().await?;
        Ok(Self { tokens, native, ether: price(world, Asset::Weth).await? })
    }

    /// Gains and losses of tokens by symbol, with sign and decimals.
    pub(crate) fn changes_since(&self, before: &Self) -> eyre::Result<BTreeMap<String, String>> {
        let mut changes = BTreeMap::new();
        for (symbol, (token, after, _)) in &self.tokens {
            let (_, before, _) = before.tokens.get(symbol).ok_or_eyre("a token came from nowhere")?;
            let (sign, size) =
                if after >= before { ("+", after.abs_diff(*before)) } else { ("-", after.abs_diff(*before)) };
            let text = token.display(size);
            let amount = text.split(' ').next().unwrap_or_default();
            changes.insert(symbol.clone(), format!("{sign}{amount}"));
        }
        Ok(changes)
    }

    /// What the key paid for gas.
    pub(crate) fn gas_since(&self, before: &Self) -> eyre::Result<I256> {
        let (after, before) = (I256::try_from(self.native)?, I256::try_from(before.native)?);
        before.checked_sub(after).ok_or_eyre("balances do not fit 255 bits")
    }

    /// Everything gained less everything lost and paid, at the prices of now.
    pub(crate) fn worth_since(&self, before: &Self) -> eyre::Result<UsdE8> {
        let mut sum = UsdE8::ZERO;
        let mut count = |after: U256, before: U256, decimals, price| {
            let size = UsdE8::value_of(after.abs_diff(before), decimals, price)?;
            sum = if after >= before { sum.checked_add(size)? } else { sum.checked_sub(size)? };
            Some(())
        };
        for (symbol, (token, after, price)) in &self.tokens {
            let (_, before, _) = before.tokens.get(symbol).ok_or_eyre("a token came from nowhere")?;
            count(*after, *before, token.decimals, *price).ok_or_eyre("values do not fit")?;
        }
        count(self.native, before.native, 18, self.ether).ok_or_eyre("values do not fit")?;
        Ok(sum)
    }
}

async fn price(world: &World, asset: Asset) -> eyre::Result<UsdE8> {
    Ok(UsdE8(i128::try_from(world.feed_price(asset).await?)?))
}
