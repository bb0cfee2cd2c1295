//! A quoted target as an opportunity, if it is worth one.

use std::collections::BTreeMap;

use agent_core::{
    Appraisal, Borrow, Call, Head, Intent, Opportunity, OpportunityId,
    units::{Timestamp, Token, TokenAmount, UsdE8, Wei},
};
use alloy_primitives::U256;
use alloy_sol_types::SolCall;

use super::{DataFee, Quoted, Target};
use crate::{
    abi::{IPool, IRouter},
    config::{Exit, LiquidationConfig, Venue},
    figures,
    market::Market,
    v3_0::percent_mul,
};

/// The name in policies, budgets and memory.
pub const STRATEGY: &str = "aave-liquidation";
const NATIVE_DECIMALS: u8 = 18;

/// What everything is priced with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pricing<'a> {
    /// The operator's word.
    pub(crate) config: &'a LiquidationConfig,
    /// The market.
    pub(crate) market: &'a Market,
    /// The block that the target was computed from.
    pub(crate) head: Head,
    /// What the transaction pays beside its gas.
    pub(crate) data_fee: DataFee,
}

/// A liquidation with all its amounts.
#[derive(Debug)]
pub(crate) struct Proposal<'a> {
    quoted: &'a Quoted,
    tokens: (&'a Token, &'a Token),
    /// What the flash loan costs, in the debt's token.
    premium: U256,
    /// What has to be gained at least, in the debt's token.
    floor: U256,
    gross: UsdE8,
    /// The fee for data included.
    gas: UsdE8,
}

impl<'a> Proposal<'a> {
    /// The proposal for what was quoted. `None` when it brings less than gas and margin, or something has no price.
    pub(crate) fn of(pricing: Pricing<'a>, quoted: &'a Quoted) -> Option<Self> {
        let Pricing { config, market, head, data_fee } = pricing;
        let pair = quoted.target.pair;
        let tokens = (config.token(&pair.collateral)?, config.token(&pair.debt)?);
        let unit = market.reserves.get(&pair.debt)?.configuration.unit()?;
        let price = market.prices.of(&pair.debt)?;
        let premium = premium(pricing, &quoted.target)?;
        let cost = quoted.target.seizure.repaid.checked_add(premium)?;
        let profit = quoted.out.checked_sub(cost)?;
        let gross = dollars(profit, unit, price)?;
        let native = dollar_price(market.prices.of(&config.market.wrapped_native)?)?;
        let gas = Wei::for_gas(config.terms.gas, head.base_fee)?;
        let paid = gas.0.checked_add(data_fee.0.0)?;
        let gas = UsdE8::value_of(paid, NATIVE_DECIMALS, native)?;
        let needed = gas.checked_add(config.terms.min_margin)?;
        // No less than gas and margin, and no worse than quoted by more than the slippage.
        let worst = config.terms.slippage.off(quoted.out)?.checked_sub(cost).unwrap_or_default();
        let floor = tokens_for(needed, unit, price)?.max(worst).max(U256::from(1u8));
        (floor <= profit && gross >= needed).then_some(Self { quoted, tokens, premium, floor, gross, gas })
    }

    /// What it brings after gas.
    pub(crate) fn net(&self) -> Option<UsdE8> {
        self.gross.checked_sub(self.gas)
    }

    /// The proposal as an opportunity.
    pub(crate) fn opportunity(&self, pricing: Pricing<'_>) -> Option<Opportunity> {
        let target = &self.quoted.target;
        let pair = target.pair;
        let subject = [target.user.as_slice(), pair.collateral.as_slice(), pair.debt.as_slice()].concat();
        let notional = TokenAmount { token: pair.debt, raw: target.seizure.repaid };
        Some(Opportunity {
            id: OpportunityId::derive(STRATEGY, &subject, &target.occasion()),
            strategy: STRATEGY.to_owned(),
            class: format!("{STRATEGY}/{}/{}", self.tokens.0.symbol, self.tokens.1.symbol),
            seen_at: pricing.head.block,
            appraisal: Appraisal { gross: self.gross, gas: self.gas, notional },
            intent: self.intent(pricing)?,
            facts: self.facts(),
        })
    }

    fn intent(&self, pricing: Pricing<'_>) -> Option<Intent> {
        let Pricing { config, head, .. } = pricing;
        let target = &self.quoted.target;
        let debt = TokenAmount { token: target.pair.debt, raw: target.seizure.repaid };
        let mut calls = vec![liquidation(config, target, debt)];
        if let Exit::Sell(venue) = self.quoted.exit {
            let least = debt.raw.checked_add(self.premium)?.checked_add(self.floor)?;
            calls.push(sale(config, &venue, target, least)?);
        }
        let borrow = config.terms.flash_loan.then_some(Borrow::loan(config.market.pool, debt));
        let floors = vec![TokenAmount { token: debt.token, raw: self.floor }];
        Some(Intent { borrow, calls, floors, deadline: deadline(config, head) })
    }

    fn facts(&self) -> BTreeMap<String, String> {
        let target = &self.quoted.target;
        let (collateral, debt) = self.tokens;
        let mode = match target.position.category {
            0 => "none".to_owned(),
            mode => mode.to_string(),
        };
        [
            ("user", target.user.to_string()),
            ("health_factor", figures::health(target.account.health)),
            ("close_factor", figures::percent(target.close_factor)),
            ("bonus", figures::percent(target.terms.bonus)),
            ("e_mode", mode),
            ("debt_to_cover", debt.display(target.seizure.repaid)),
            ("seized", collateral.display(target.seizure.seized)),
            ("quoted_out", debt.display(self.quoted.out)),
            ("premium", debt.display(self.premium)),
            ("floor", debt.display(self.floor)),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
    }

    /// How it came about, step by step.
    pub(crate) fn steps(&self) -> Vec<String> {
        let target = &self.quoted.target;
        let (account, terms, seizure) = (&target.account, &target.terms, &target.seizure);
        let (collateral, debt) = self.tokens;
        let dollars = |base| figures::dollars(base).to_string();
        vec![
            format!(
                "health factor {} = collateral {} x average threshold {} / debt {}, projected to the next block",
                figures::health(account.health),
                dollars(account.collateral),
                figures::percent(account.threshold),
                dollars(account.debt),
            ),
            format!(
                "close factor {}: 100% at or below 0.95, else 50% of this debt",
                figures::percent(target.close_factor)
            ),
            format!(
                "repay {} at {} for {} at {} with {} of the value, less the protocol's {} of the bonus",
                debt.display(seizure.repaid),
                dollars(terms.debt_price),
                collateral.display(seizure.seized),
                dollars(terms.collateral_price),
                figures::percent(terms.bonus),
                figures::percent(terms.fee),
            ),
            format!(
                "the sale brings {}; after the loan's premium of {} at least {} must remain",
                debt.display(self.quoted.out),
                debt.display(self.premium),
                debt.display(self.floor),
            ),
        ]
    }
}

/// What the flash loan of the repayment costs; nothing with own funds. `None` where the reserve does not lend.
fn premium(pricing: Pricing<'_>, target: &Target) -> Option<U256> {
    if !pricing.config.terms.flash_loan {
        return Some(U256::ZERO);
    }
    let reserve = pricing.market.reserves.get(&target.pair.debt)?;
    let premium = percent_mul(target.seizure.repaid, pricing.market.premium)?;
    reserve.configuration.lends_flash().then_some(premium)
}

fn deadline(config: &LiquidationConfig, head: Head) -> Timestamp {
    head.block.timestamp.plus(config.market.block_time.saturating_mul(config.terms.deadline_blocks))
}

fn liquidation(config: &LiquidationConfig, target: &Target, debt: TokenAmount) -> Call {
    let call = IPool::liquidationCallCall {
        collateralAsset: target.pair.collateral,
        debtAsset: debt.token,
        user: target.user,
        debtToCover: debt.raw,
        receiveAToken: false,
    };
    Call { target: config.market.pool, spend: Some(debt), data: call.abi_encode().into() }
}

fn sale(config: &LiquidationConfig, venue: &Venue, target: &Target, least: U256) -> Option<Call> {
    let params = IRouter::ExactInputSingleParams {
        tokenIn: venue.collateral,
        tokenOut: venue.debt,
        fee: venue.fee.try_into().ok()?,
        recipient: config.executor,
        amountIn: target.seizure.seized,
        amountOutMinimum: least,
        sqrtPriceLimitX96: Default::default(),
    };
    let spend = TokenAmount { token: venue.collateral, raw: target.seizure.seized };
    let data = IRouter::exactInputSingleCall { params }.abi_encode().into();
    Some(Call { target: venue.router, spend: Some(spend), data })
}

fn dollars(raw: U256, unit: U256, price: U256) -> Option<UsdE8> {
    dollar_price(raw.checked_mul(price)?.checked_div(unit)?)
}

fn dollar_price(price: U256) -> Option<UsdE8> {
    i128::try_from(u128::try_from(price).ok()?).ok().map(UsdE8)
}

/// How much of a token is worth at least `value`; nothing for what is not positive.
fn tokens_for(value: UsdE8, unit: U256, price: U256) -> Option<U256> {
    let value = U256::from(u128::try_from(value.0).unwrap_or_default());
    let product = value.checked_mul(unit)?;
    let (whole, rest) = (product.checked_div(price)?, product.checked_rem(price)?);
    whole.checked_add(U256::from(u8::from(!rest.is_zero())))
}
