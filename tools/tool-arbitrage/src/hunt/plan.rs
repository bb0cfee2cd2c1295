//! The best way through a cycle, with its amounts.

use agent_core::units::BlockNumber;
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

/// The choice of pools for a cycle that gains most after the premium, and how much. `None` where none gains anything. What gas
/// costs changes neither: it is the same for all choices.
pub(crate) fn plan(scene: Scene<'_>, search: &Search, cycle: &Cycle) -> Option<Planned> {
    let base = search.tokens(cycle).next()?;
    let routes = search.routes(cycle, ROUTES).routes;
    let sized = routes.iter().filter_map(|route| Some((sized(scene, base, &route.hops)?, &route.hops)));
    let (sized, hops) = sized.max_by_key(|(sized, _)| sized.net)?;
    let steps = steps(scene, hops, sized.input)?;
    let stamps = steps.iter().filter_map(|step| scene.market.get(step.place)).map(|entry| entry.stamp);
    let (stamp, premium) = (stamps.max()?, scene.prices.premium.of(sized.input)?);
    Some(Planned { base, steps, premium, stamp })
}

fn sized(scene: Scene<'_>, base: Address, hops: &[Hop]) -> Option<Sized> {
    let legs = hops.iter().map(|hop| leg(scene.market.get(hop.pool)?, hop.side));
    let legs: Vec<Leg<'_>> = legs.collect::<Option<_>>()?;
    let costs = Costs { fixed: U256::ZERO, premium: scene.prices.premium.bps, tip: Tip::None };
    let limits = Limits { most: scene.config.base(&base)?.most, effort: EFFORT };
    size(&legs, &costs, &limits).filter(Sized::pays)
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
