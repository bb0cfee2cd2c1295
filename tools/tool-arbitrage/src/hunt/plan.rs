//! The best way through a cycle, with its amounts.

use agent_core::units::{BlockNumber, Wei};
use alloy_primitives::{Address, U256};

use super::Scene;
use crate::{
    market::Entry,
    pool::Side,
    search::{Cycle, Hop, Search},
    sizing::{Costs, Leg, Limits, Sized, Tip, size},
};

/// So many choices of pools are sized for one cycle of tokens, those with the best rates first.
const ROUTES: usize = 8;
/// How many further amounts are tried where the first is not proven best.
const EFFORT: u32 = 100;

/// A swap with its amounts, in base units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// The pool's place.
    pub(crate) place: usize,
    /// Which token goes in.
    pub(crate) side: Side,
    /// What goes in.
    pub(crate) input: U256,
    /// What comes out.
    pub(crate) output: U256,
}

/// A cycle that pays, with all its amounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    /// Where it begins and ends.
    pub(crate) base: Address,
    /// The swaps, in order.
    pub(crate) steps: Vec<Step>,
    /// What the flash loan of the input costs.
    pub(crate) premium: U256,
    /// Gas and the fee for data, in base units.
    pub(crate) fixed: U256,
    /// Gas and the fee for data, in wei.
    pub(crate) wei: Wei,
    /// The last log that changed one of its pools.
    pub(crate) stamp: (BlockNumber, u64),
}

impl Planned {
    /// What goes in.
    pub(crate) fn input(&self) -> U256 {
        self.steps.first().map_or(U256::ZERO, |step| step.input)
    }

    /// What comes out.
    pub(crate) fn output(&self) -> U256 {
        self.steps.last().map_or(U256::ZERO, |step| step.output)
    }

    /// What the executor gains, exactly: the output less what is paid back. `None` where that is nothing.
    pub(crate) fn profit(&self) -> Option<U256> {
        let paid = self.input().checked_add(self.premium)?;
        self.output().checked_sub(paid).filter(|profit| !profit.is_zero())
    }
}

/// The choice of pools for a cycle that leaves most after gas, premium and the fee for data. `None` where none leaves anything.
pub(crate) fn plan(scene: Scene<'_>, search: &Search, cycle: &Cycle) -> Option<Planned> {
    let base = search.tokens(cycle).next()?;
    let routes = search.routes(cycle, ROUTES).routes;
    let sized =
        routes.iter().filter_map(|route| sized(scene, base, &route.hops).map(|sized| (sized, &route.hops)));
    let ((sized, wei), hops) = sized.max_by_key(|((sized, _), _)| sized.net)?;
    let steps = steps(scene, hops, sized.input)?;
    let stamps = steps.iter().filter_map(|step| scene.market.get(step.place)).map(|entry| entry.stamp);
    let (stamp, premium) = (stamps.max()?, scene.prices.premium.of(sized.input)?);
    Some(Planned { base, steps, premium, fixed: sized.costs.fixed, wei, stamp })
}

fn sized(scene: Scene<'_>, base: Address, hops: &[Hop]) -> Option<(Sized, Wei)> {
    let Scene { config, prices, head, market } = scene;
    let legs: Vec<Leg<'_>> =
        hops.iter().map(|hop| leg(market.get(hop.pool)?, hop.side)).collect::<Option<_>>()?;
    let swaps = config.terms.gas_per_hop.checked_mul(u64::try_from(hops.len()).ok()?)?;
    let gas = Wei::for_gas(config.terms.gas.checked_add(swaps)?, head.base_fee)?;
    let fixed = Costs::fixed(gas, prices.data_fee, prices.wei_in(&base, config)?)?;
    let costs = Costs { fixed, premium: prices.premium.bps, tip: Tip::None };
    let limits = Limits { most: config.base(&base)?.most, effort: EFFORT };
    let sized = size(&legs, &costs, &limits).filter(Sized::pays)?;
    Some((sized, gas.checked_add(prices.data_fee)?))
}

fn leg(entry: &Entry, side: Side) -> Option<Leg<'_>> {
    Some(Leg { pool: entry.state.pool()?, side })
}

/// Every swap's amounts, quoted again in integers. `None` where a pool would take only a part.
fn steps(scene: Scene<'_>, hops: &[Hop], input: U256) -> Option<Vec<Step>> {
    let mut amount = input;
    let mut steps = Vec::with_capacity(hops.len());
    for hop in hops {
        let quote = scene.market.get(hop.pool)?.state.pool()?.quote_in(hop.side, amount).ok()?;
        if quote.consumed != amount {
            return None;
        }
        steps.push(Step { place: hop.pool, side: hop.side, input: amount, output: quote.output });
        amount = quote.output;
    }
    Some(steps)
}
