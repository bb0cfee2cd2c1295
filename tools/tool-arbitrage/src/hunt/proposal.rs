//! A planned cycle as an opportunity, if it is worth one.

use std::collections::BTreeMap;

use agent_core::{
    Appraisal, Borrow, Call, Intent, Lending, Opportunity, OpportunityId,
    units::{Timestamp, Token, TokenAmount, UsdE8, Wei},
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;

use super::{
    Planned, Scene,
    plan::{Step, Way, sum},
};
use crate::{
    abi::{IRouterV2, IRouterV3},
    config::Kind,
    market::Entry,
    pool::Side,
    sizing::Costs,
};

/// The name in policies, budgets and memory.
pub const STRATEGY: &str = "arbitrage";

/// A way through a cycle, and what has to be gained with it at least.
#[derive(Debug)]
pub(crate) struct Proposal<'a> {
    scene: Scene<'a>,
    way: &'a Way,
    base: &'a Token,
    /// What the executor has to gain at least, in base units.
    floor: U256,
    gross: UsdE8,
    costs: Spent,
}

/// What is paid beside the loan.
#[derive(Debug, Clone, Copy)]
struct Spent {
    gas: UsdE8,
    /// In base units, and what they are worth.
    tip: (U256, UsdE8),
}

impl<'a> Proposal<'a> {
    /// A proposal for each way of a plan that brings as much as gas, tip and margin; a way that uses what has no price brings none.
    pub(crate) fn all(scene: Scene<'a>, planned: &'a Planned) -> impl Iterator<Item = Self> {
        let base = scene.config.token(&planned.base);
        planned.ways.iter().filter_map(move |way| Self::by(scene, base?, way))
    }

    fn by(scene: Scene<'a>, base: &'a Token, way: &'a Way) -> Option<Self> {
        let Scene { config, prices, .. } = scene;
        let (profit, price) = (way.profit()?, prices.of(&base.address)?);
        let wei = cost(scene, way.steps().count())?;
        let fixed = Costs::fixed(wei, Wei::ZERO, prices.wei_in(&base.address, config)?)?;
        let tip = prices.tip(&base.address, config)?.of(profit.saturating_sub(fixed))?;
        let margin = prices.units_for(config.terms.min_margin, &base.address, config)?;
        let needed = fixed.checked_add(tip)?.checked_add(margin)?;
        let floor = config.terms.slippage.off(profit)?.max(needed).max(U256::ONE);
        let gross = UsdE8::value_of(profit, base.decimals, price)?;
        let tip = (tip, UsdE8::value_of(tip, base.decimals, price)?);
        let costs = Spent { gas: prices.of_wei(wei, config)?, tip };
        (floor <= profit).then_some(Self { scene, way, base, floor, gross, costs })
    }

    /// What it brings after gas and tip.
    pub(crate) fn net(&self) -> Option<UsdE8> {
        self.gross.checked_sub(self.costs.sum()?)
    }

    /// How many swaps it takes.
    pub(crate) fn swaps_count(&self) -> usize {
        self.way.steps().count()
    }

    /// The pools that it goes through, by their places.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> {
        self.way.steps().map(|step| step.place)
    }

    /// The same for as long as its pools have their prices and their liquidity: also after a restart and for another agent,
    /// whenever each of them began to follow the pools.
    pub(crate) fn id(&self) -> Option<OpportunityId> {
        let amounts = [self.way.input(), self.way.output()].map(|amount| amount.to_be_bytes::<32>());
        // The same amount may be split otherwise.
        let split = self.way.hops.iter().filter(|steps| steps.len() > 1).flatten();
        let shares = split.flat_map(|step| step.input.to_be_bytes::<32>());
        let (mut subject, mut occasion) = (Vec::new(), amounts.concat());
        occasion.extend(shares);
        if self.way.is_flash_swap {
            occasion.push(1);
        }
        for (step, entry) in self.swaps()? {
            subject.extend_from_slice(entry.address.as_slice());
            subject.push(u8::from(step.side == Side::One));
            occasion.extend(entry.condition());
        }
        Some(OpportunityId::derive(STRATEGY, &subject, &occasion))
    }

    /// The proposal as an opportunity.
    pub(crate) fn opportunity(&self) -> Option<Opportunity> {
        let notional = TokenAmount { token: self.base.address, raw: self.way.input() };
        let floors = vec![TokenAmount { token: self.base.address, raw: self.floor }];
        Some(Opportunity {
            id: self.id()?,
            strategy: STRATEGY.to_owned(),
            class: format!("{STRATEGY}/{}", self.base.symbol),
            seen_at: self.scene.head.block,
            // A tip is what is paid for gas beyond the base fee.
            appraisal: Appraisal { gross: self.gross, gas: self.costs.sum()?, notional },
            intent: Intent {
                borrow: self.borrow(notional)?,
                calls: self.calls()?,
                floors,
                deadline: self.deadline(),
            },
            facts: self.facts(),
        })
    }

    /// How it came about, step by step.
    pub(crate) fn steps(&self) -> Vec<String> {
        let mut told: Vec<String> = self
            .swaps()
            .unwrap_or_default()
            .into_iter()
            .map(|(step, entry)| self.swap(step, entry))
            .collect();
        told.push(format!(
            "{} in, {} out, {}: {} is gained, and nothing happens for less than {}",
            self.base.display(self.way.input()),
            self.base.display(self.way.output()),
            if self.way.is_flash_swap {
                "the first pool lends what it sells".to_owned()
            } else {
                format!("{} for the loan", self.base.display(self.way.premium))
            },
            self.base.display(self.way.profit().unwrap_or_default()),
            self.base.display(self.floor),
        ));
        let (tip, worth) = self.costs.tip;
        let tip = if tip.is_zero() { String::new() } else { format!(" and {worth} for the tip") };
        told.push(format!("worth {}, less {} for gas{tip}", self.gross, self.costs.gas));
        told
    }

    fn deadline(&self) -> Timestamp {
        let config = self.scene.config;
        let seconds = config.block_time.saturating_mul(config.terms.deadline_blocks);
        self.scene.head.block.timestamp.plus(seconds)
    }

    fn swap(&self, step: &Step, entry: &Entry) -> String {
        let [from, to] = ends(entry, step.side).map(|token| self.scene.config.token(&token));
        let show = |token: Option<&Token>, raw| token.map_or_else(String::new, |token| token.display(raw));
        let kind = match entry.fee {
            0 => "v2 pair".to_owned(),
            fee => format!("v3 pool of {fee} pips"),
        };
        format!("{} for {} in the {kind} {}", show(from, step.input), show(to, step.output), entry.address)
    }

    fn facts(&self) -> BTreeMap<String, String> {
        let lent =
            self.way.is_flash_swap.then_some(("lent", "by the first pool, as a flash swap".to_owned()));
        let pool = |step: &Step| self.scene.market.get(step.place).map(|entry| entry.address.to_string());
        let hop = |steps: &Vec<Step>| steps.iter().filter_map(pool).collect::<Vec<_>>().join(" + ");
        let route = self.way.hops.iter().map(hop).collect::<Vec<_>>().join(" > ");
        let amount = |raw| self.base.display(raw);
        [
            ("pools", route),
            ("input", amount(self.way.input())),
            ("output", amount(self.way.output())),
            ("premium", amount(self.way.premium)),
            ("profit", amount(self.way.profit().unwrap_or_default())),
            ("tip", amount(self.costs.tip.0)),
            ("floor", amount(self.floor)),
        ]
        .into_iter()
        .chain(lent)
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
    }

    fn swaps(&self) -> Option<Vec<(&'a Step, &'a Entry)>> {
        self.way.steps().map(|step| Some((step, self.scene.market.get(step.place)?))).collect()
    }

    /// What is lent: the output of the first pool, for which `notional` is paid at the end, or `notional`, or nothing.
    fn borrow(&self, notional: TokenAmount) -> Option<Option<Borrow>> {
        let config = self.scene.config;
        if !self.way.is_flash_swap {
            return Some(config.terms.lender.map(|lender| Borrow::loan(lender, notional)));
        }
        let (step, entry) = *self.swaps()?.first()?;
        let [_, token] = ends(entry, step.side);
        let lending = match config.exchanges.get(entry.exchange)?.kind {
            Kind::V2 { .. } => Lending::PairV2 { price: notional },
            Kind::V3 => Lending::PoolV3 { price: notional },
        };
        let amount = TokenAmount { token, raw: step.output };
        Some(Some(Borrow { lender: entry.address, amount, lending }))
    }

    /// Each swap is to bring exactly what was computed, which the next ones spend; the last, what is missing then for the loan
    /// and the floor. A flash swap is no call of its own.
    fn calls(&self) -> Option<Vec<Call>> {
        let needed = self.way.input().checked_add(self.way.premium)?.checked_add(self.floor)?;
        let (_, beside) = self.way.hops.last()?.split_last()?;
        let least = needed.saturating_sub(sum(beside, |step| step.output)?);
        let swaps = self.swaps()?;
        let last = swaps.len().checked_sub(1)?;
        let call = |(at, (step, entry)): (usize, (&Step, &Entry))| {
            self.call(step, entry, if at == last { least } else { step.output })
        };
        swaps.into_iter().enumerate().skip(usize::from(self.way.is_flash_swap)).map(call).collect()
    }

    fn call(&self, step: &Step, entry: &Entry, least: U256) -> Option<Call> {
        let config = self.scene.config;
        let exchange = config.exchanges.get(entry.exchange)?;
        let [from, to] = ends(entry, step.side);
        let data = match exchange.kind {
            Kind::V2 { .. } => IRouterV2::swapExactTokensForTokensCall {
                amountIn: step.input,
                amountOutMin: least,
                path: vec![from, to],
                to: config.executor,
                deadline: U256::from(self.deadline().0),
            }
            .abi_encode(),
            Kind::V3 => {
                let params = IRouterV3::ExactInputSingleParams {
                    tokenIn: from,
                    tokenOut: to,
                    fee: entry.fee.try_into().ok()?,
                    recipient: config.executor,
                    amountIn: step.input,
                    amountOutMinimum: least,
                    sqrtPriceLimitX96: Default::default(),
                };
                IRouterV3::exactInputSingleCall { params }.abi_encode()
            }
        };
        let spend = TokenAmount { token: from, raw: step.input };
        Some(Call { target: exchange.router, spend: Some(spend), data: data.into() })
    }
}

impl Spent {
    fn sum(self) -> Option<UsdE8> {
        self.gas.checked_add(self.tip.1)
    }
}

/// Swaps whose data the operator's `data_bytes` are of.
const SWAPS: u64 = 4;

/// What so many swaps cost in wei: their gas at the most that the next block's base fee can be (EIP-1559), and the fee for data.
fn cost(scene: Scene<'_>, swaps: usize) -> Option<Wei> {
    let (terms, swaps) = (&scene.config.terms, u64::try_from(swaps).ok()?);
    let gas = terms.gas.checked_add(terms.gas_per_hop.checked_mul(swaps)?)?;
    let base_fee = scene.head.base_fee.checked_add(scene.head.base_fee.div_ceil(8))?;
    let data = scene.prices.data_fee.0.checked_mul(U256::from(swaps.div_ceil(SWAPS)))?;
    Wei::for_gas(gas, base_fee)?.checked_add(Wei(data))
}

/// What goes in, and what comes out.
const fn ends(entry: &Entry, side: Side) -> [Address; 2] {
    let [zero, one] = entry.tokens;
    match side {
        Side::Zero => [zero, one],
        Side::One => [one, zero],
    }
}
