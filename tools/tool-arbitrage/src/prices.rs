//! What is read of the chain beside the pools: dollars, the loan's premium, and the fee for data.

use std::collections::BTreeMap;

use agent_core::{
    Answered, Query,
    units::{Bps, UsdE8, Wei},
};
use alloy_primitives::{Address, U256};

use crate::{
    abi::{IFeed, IGasPriceOracle, ILender, decode, query},
    config::{ArbitrageConfig, TipConfig},
    sizing::{Bracket, Tip, WeiPrice},
};

const NATIVE_DECIMALS: u8 = 18;
/// Of a feed in US dollars.
const FEED_DECIMALS: u8 = 8;

/// As of the last time they were read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prices {
    dollars: BTreeMap<Address, UsdE8>,
    /// The flash loan's; free with own funds.
    pub(crate) premium: Premium,
    /// What the transaction pays for its data.
    pub(crate) data_fee: Wei,
}

/// What a flash loan costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Premium {
    /// Of what is lent.
    pub(crate) bps: Bps,
    /// As Aave v3.0.2 rounds it. Later versions round up, and which of them was the first to we do not know: for what is not
    /// known, up is on the safe side.
    half_up: bool,
}

impl Default for Premium {
    fn default() -> Self {
        Self { bps: Bps(0), half_up: false }
    }
}

impl Premium {
    /// For this much. `PercentageMath.percentMul`, see `FlashLoanLogic.executeFlashLoanSimple`.
    pub(crate) fn of(self, amount: U256) -> Option<U256> {
        let whole = U256::from(Bps::WHOLE.0);
        let product = amount.checked_mul(U256::from(self.bps.0))?;
        if self.half_up {
            product.checked_add(whole.checked_div(U256::from(2u8))?)?.checked_div(whole)
        } else {
            Some(product.div_ceil(whole))
        }
    }
}

/// `POOL_REVISION` of Aave v3.0.2.
const HALF_UP: U256 = U256::ONE;

impl Prices {
    /// What to ask: always in this order, and always as many.
    pub(crate) fn questions(config: &ArbitrageConfig) -> Vec<Query> {
        let feeds = config.bases.iter().flat_map(|base| {
            [query(base.feed, &IFeed::latestRoundDataCall {}), query(base.feed, &IFeed::decimalsCall {})]
        });
        let lender = config.terms.lender.iter().flat_map(|lender| {
            [
                query(*lender, &ILender::FLASHLOAN_PREMIUM_TOTALCall {}),
                query(*lender, &ILender::POOL_REVISIONCall {}),
            ]
        });
        let size = U256::from(config.terms.data_bytes);
        let oracle = config.data_fee_oracle.iter();
        let data = oracle
            .map(|oracle| query(*oracle, &IGasPriceOracle::getL1FeeUpperBoundCall { unsignedTxSize: size }));
        feeds.chain(lender).chain(data).collect()
    }

    /// How many those are.
    pub(crate) fn count(config: &ArbitrageConfig) -> usize {
        Self::questions(config).len()
    }

    /// What was answered. A base whose feed says nothing, or has not eight decimals, has no price, and nothing begins with it.
    ///
    /// # Errors
    /// Where the lender or the oracle says nothing: a cost that is not known is not zero.
    pub(crate) fn read(config: &ArbitrageConfig, answers: &[Answered]) -> Result<Self, &'static str> {
        let mut answers = answers.iter();
        let mut prices = Self::default();
        for base in &config.bases {
            let said = answers.next().and_then(decode::<IFeed::latestRoundDataCall>);
            let price = said.and_then(|said| i128::try_from(said.answer).ok()).filter(|price| *price > 0);
            let decimals = answers.next().and_then(decode::<IFeed::decimalsCall>);
            let price = price.filter(|_| decimals == Some(FEED_DECIMALS));
            prices.dollars.extend(price.map(|price| (base.token, UsdE8(price))));
        }
        if config.terms.lender.is_some() {
            let said = answers.next().and_then(decode::<ILender::FLASHLOAN_PREMIUM_TOTALCall>);
            let premium = said.and_then(|said| u32::try_from(said).ok()).filter(|bps| *bps <= Bps::WHOLE.0);
            let bps = premium.map(Bps).ok_or("`lender` does not say what a flash loan costs")?;
            let revision = answers.next().and_then(decode::<ILender::POOL_REVISIONCall>);
            prices.premium = Premium { bps, half_up: revision == Some(HALF_UP) };
        }
        if config.data_fee_oracle.is_some() {
            let said = answers.next().and_then(decode::<IGasPriceOracle::getL1FeeUpperBoundCall>);
            prices.data_fee = said.map(Wei).ok_or("`data_fee_oracle` does not say what data costs")?;
        }
        Ok(prices)
    }

    /// What a whole token is worth.
    pub(crate) fn of(&self, token: &Address) -> Option<UsdE8> {
        self.dollars.get(token).copied()
    }

    /// What so many wei are worth.
    pub(crate) fn of_wei(&self, wei: Wei, config: &ArbitrageConfig) -> Option<UsdE8> {
        UsdE8::value_of(wei.0, NATIVE_DECIMALS, self.of(&config.wrapped_native)?)
    }

    /// What wei are worth in base units of a base token: one for one in the wrapped coin, else by the two feeds.
    pub(crate) fn wei_in(&self, token: &Address, config: &ArbitrageConfig) -> Option<WeiPrice> {
        if *token == config.wrapped_native {
            return Some(WeiPrice { units: U256::ONE, wei: U256::ONE });
        }
        let unit = U256::from(10u8).checked_pow(U256::from(config.token(token)?.decimals))?;
        let coin = U256::from(10u8).checked_pow(U256::from(NATIVE_DECIMALS))?;
        let [native, base] =
            [self.of(&config.wrapped_native)?, self.of(token)?].map(|price| u128::try_from(price.0));
        Some(WeiPrice {
            units: U256::from(native.ok()?).checked_mul(unit)?,
            wei: U256::from(base.ok()?).checked_mul(coin)?,
        })
    }

    /// The operator's tip in base units of a base token.
    pub(crate) fn tip(&self, token: &Address, config: &ArbitrageConfig) -> Option<Tip> {
        let bracket = |tip: &TipConfig| {
            Some(Bracket { above: self.units_for(tip.above, token, config)?, share: tip.share })
        };
        config.terms.tips.iter().map(bracket).collect::<Option<_>>().map(Tip::Brackets)
    }

    /// How many base units of a base token are worth at least `value`; nothing for what is not positive.
    pub(crate) fn units_for(&self, value: UsdE8, token: &Address, config: &ArbitrageConfig) -> Option<U256> {
        let value = U256::from(u128::try_from(value.0).unwrap_or_default());
        let unit = U256::from(10u8).checked_pow(U256::from(config.token(token)?.decimals))?;
        let price = U256::from(u128::try_from(self.of(token)?.0).ok()?);
        let product = value.checked_mul(unit)?;
        let (whole, rest) = (product.checked_div(price)?, product.checked_rem(price)?);
        whole.checked_add(U256::from(u8::from(!rest.is_zero())))
    }
}
