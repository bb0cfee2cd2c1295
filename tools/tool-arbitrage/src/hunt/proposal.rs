//! A planned cycle as an opportunity, if it is worth one.

use std::collections::BTreeMap;

use agent_core::{
    Appraisal, Borrow, Call, Intent, Opportunity, OpportunityId,
    units::{Timestamp, Token, TokenAmount, UsdE8, Wei},
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;

use super::{Planned, Scene, plan::Step};
use crate::{
    abi::{IRouterV2, IRouterV3},
    config::Kind,
    market::Entry,
    pool::Side,
    sizing::Costs,
};

/// The name in policies, budgets and memory.
pub const STRATEGY: &str = "arbitrage";

/// A cycle, and what has to be gained with it at least.
#[derive(Debug)]
pub(crate) struct Proposal<'a> {
    scene: Scene<'a>,
    planned: &'a Planned,
    base: &'a Token,
    /// What the executor has to gain at least, in base units.
    floor: U256,
    gross: UsdE8,
    gas: UsdE8,
}

impl<'a> Proposal<'a> {
    /// The proposal for a plan. `None` where it brings less than gas and margin, or something has no price.
    pub(crate) fn of(scene: Scene<'a>, planned: &'a Planned) -> Option<Self> {
        let Scene { config, prices, .. } = scene;
        let base = config.token(&planned.base)?;
        let profit = planned.profit()?;
        let wei = cost(scene, planned.steps.len())?;
        let fixed = Costs::fixed(wei, Wei::ZERO, prices.wei_in(&base.address, config)?)?;
        let margin = prices.units_for(config.terms.min_margin, &base.address, config)?;
        let needed = fixed.checked_add(margin)?;
        let floor = config.terms.slippage.off(profit)?.max(needed).max(U256::ONE);
        let gross = UsdE8::value_of(profit, base.decimals, prices.of(&base.address)?)?;
        let gas = prices.of_wei(wei, config)?;
        (floor <= profit).then_some(Self { scene, planned, base, floor, gross, gas })
    }

    /// What it brings after gas.
    pub(crate) fn net(&self) -> Option<UsdE8> {
        self.gross.checked_sub(self.gas)
    }

    /// The pools that it goes through, by their places.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> {
        self.planned.steps.iter().map(|step| step.place)
    }

    /// The same for as long as none of its pools changes.
    pub(crate) fn id(&self) -> Option<OpportunityId> {
        let mut subject = Vec::new();
        for (step, entry) in self.swaps()? {
            subject.extend_from_slice(entry.address.as_slice());
            subject.push(u8::from(step.side == Side::One));
        }
        let (block, index) = self.planned.stamp;
        // Another branch may have another log at the same place.
        let amounts = [self.planned.input(), self.planned.output()].map(|amount| amount.to_be_bytes::<32>());
        let place = [block.0.to_be_bytes(), index.to_be_bytes()].concat();
        let occasion = [place, amounts.concat()].concat();
        Some(OpportunityId::derive(STRATEGY, &subject, &occasion))
    }

    /// The proposal as an opportunity.
    pub(crate) fn opportunity(&self) -> Option<Opportunity> {
        let config = self.scene.config;
        let notional = TokenAmount { token: self.base.address, raw: self.planned.input() };
        let floors = vec![TokenAmount { token: self.base.address, raw: self.floor }];
        Some(Opportunity {
            id: self.id()?,
            strategy: STRATEGY.to_owned(),
            class: format!("{STRATEGY}/{}", self.base.symbol),
            seen_at: self.scene.head.block,
            appraisal: Appraisal { gross: self.gross, gas: self.gas, notional },
            intent: Intent {
                borrow: config.terms.lender.map(|lender| Borrow { lender, amount: notional }),
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
            "{} in, {} out, {} for the loan: {} is gained, and nothing happens for less than {}",
            self.base.display(self.planned.input()),
            self.base.display(self.planned.output()),
            self.base.display(self.planned.premium),
            self.base.display(self.planned.profit().unwrap_or_default()),
            self.base.display(self.floor),
        ));
        told.push(format!("worth {}, less {} for gas", self.gross, self.gas));
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
        let pools = self.swaps().unwrap_or_default();
        let route = pools.iter().map(|(_, entry)| entry.address.to_string()).collect::<Vec<_>>().join(" > ");
        let amount = |raw| self.base.display(raw);
        [
            ("pools", route),
            ("input", amount(self.planned.input())),
            ("output", amount(self.planned.output())),
            ("premium", amount(self.planned.premium)),
            ("profit", amount(self.planned.profit().unwrap_or_default())),
            ("floor", amount(self.floor)),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
    }

    fn swaps(&self) -> Option<Vec<(&Step, &'a Entry)>> {
        self.planned.steps.iter().map(|step| Some((step, self.scene.market.get(step.place)?))).collect()
    }

    /// Each swap is to bring exactly what the next one spends; the last, what the loan takes and the floor.
    fn calls(&self) -> Option<Vec<Call>> {
        let least = self.planned.input().checked_add(self.planned.premium)?.checked_add(self.floor)?;
        let swaps = self.swaps()?;
        let last = swaps.len().checked_sub(1)?;
        let call = |(at, (step, entry)): (usize, (&Step, &Entry))| {
            self.call(step, entry, if at == last { least } else { step.output })
        };
        swaps.into_iter().enumerate().map(call).collect()
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

/// What so many swaps cost in wei: their gas at the most that the next block's base fee can be (EIP-1559), and the fee for data.
fn cost(scene: Scene<'_>, hops: usize) -> Option<Wei> {
    let terms = scene.config.terms;
    let gas = terms.gas.checked_add(terms.gas_per_hop.checked_mul(u64::try_from(hops).ok()?)?)?;
    let base_fee = scene.head.base_fee.checked_add(scene.head.base_fee.div_ceil(8))?;
    Wei::for_gas(gas, base_fee)?.checked_add(scene.prices.data_fee)
}

/// What goes in, and what comes out.
const fn ends(entry: &Entry, side: Side) -> [Address; 2] {
    let [zero, one] = entry.tokens;
    match side {
        Side::Zero => [zero, one],
        Side::One => [one, zero],
    }
}
