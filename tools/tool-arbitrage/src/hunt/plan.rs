//! The best ways through a cycle, with their amounts.

use agent_core::units::Bps;
use alloy_primitives::{Address, U256};

use super::{Scene, split};
use crate::{
    market::Entry,
    pool::Side,
    search::{Cycle, Hop, Route, Search},
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

/// A cycle that gains, before gas and tip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    /// Where it begins and ends.
    pub(crate) base: Address,
    /// Those of which either may be better, depending on gas, or the one that is left when another is refused.
    pub(crate) ways: Vec<Way>,
}

/// One way through a cycle, with all its amounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    /// The swaps of each hop: more than one where it is split between pools.
    pub(crate) hops: Vec<Vec<Step>>,
    /// What the flash loan of the input costs.
    pub(crate) premium: U256,
    /// Whether the first pool gives its output before it is paid, so that nothing has to be lent.
    pub(crate) is_flash_swap: bool,
}

impl Way {
    /// By the operator's lender, or with own funds.
    pub(super) fn of(scene: Scene<'_>, hops: Vec<Vec<Step>>) -> Option<Self> {
        let input = sum(hops.first()?, |step| step.input)?;
        Some(Self { hops, premium: scene.prices.premium.of(input)?, is_flash_swap: false })
    }

    /// All swaps, in order.
    pub(crate) fn steps(&self) -> impl Iterator<Item = &Step> {
        self.hops.iter().flatten()
    }

    /// What goes in.
    pub(crate) fn input(&self) -> U256 {
        self.hops.first().and_then(|steps| sum(steps, |step| step.input)).unwrap_or_default()
    }

    /// What comes out.
    pub(crate) fn output(&self) -> U256 {
        self.hops.last().and_then(|steps| sum(steps, |step| step.output)).unwrap_or_default()
    }

    /// What the executor gains, exactly: the output less what is paid back. `None` where that is nothing.
    pub(crate) fn profit(&self) -> Option<U256> {
        let paid = self.input().checked_add(self.premium)?;
        self.output().checked_sub(paid).filter(|profit| !profit.is_zero())
    }
}

/// What several swaps come to.
pub(super) fn sum(steps: &[Step], of: impl Fn(&Step) -> U256) -> Option<U256> {
    steps.iter().map(of).try_fold(U256::ZERO, U256::checked_add)
}

/// The choice of pools for a cycle that gains most after the premium, and how much; likewise of those that may begin with a flash
/// swap; and the split between parallel pools that gains more, if the operator wants one. What gas costs is left to the proposal:
/// all choices of the same number of swaps cost the same.
pub(crate) fn plan(scene: Scene<'_>, search: &Search, cycle: &Cycle) -> Option<Planned> {
    let base = search.tokens(cycle).next()?;
    let routes = search.routes(cycle, ROUTES).routes;
    let flash_swap = best(scene, base, routes.iter().filter(|route| begins(scene, &route.hops)), Bps(0));
    let flash_swap = flash_swap.map(|hops| Way { hops, premium: U256::ZERO, is_flash_swap: true });
    let others = if scene.config.lends() { others(scene, search, cycle, base, &routes) } else { Vec::new() };
    Some(Planned { base, ways: flash_swap.into_iter().chain(others).collect() })
}

/// The best choice of pools with a loan or own funds, and the split that gains more.
fn others(scene: Scene<'_>, search: &Search, cycle: &Cycle, base: Address, routes: &[Route]) -> Vec<Way> {
    let alone = best(scene, base, routes.iter(), scene.prices.premium.bps);
    let Some(alone) = alone.and_then(|hops| Way::of(scene, hops)) else { return Vec::new() };
    let split = if scene.config.terms.split { split::way(scene, search, cycle, base) } else { None };
    let more = split.filter(|split| split.profit() > alone.profit());
    more.into_iter().chain([alone]).collect()
}

/// Whether a route may begin with a flash swap. Its first pool is shut until it is paid, but no route has a pool twice.
fn begins(scene: Scene<'_>, hops: &[Hop]) -> bool {
    let entry = hops.first().and_then(|hop| scene.market.get(hop.pool));
    let exchange = entry.and_then(|entry| scene.config.exchanges.get(entry.exchange));
    exchange.is_some_and(|exchange| exchange.flash_swaps)
}

/// The swaps of the route that gains most after the premium.
fn best<'a>(
    scene: Scene<'_>,
    base: Address,
    routes: impl Iterator<Item = &'a Route>,
    premium: Bps,
) -> Option<Vec<Vec<Step>>> {
    let sized = routes.filter_map(|route| Some((sized(scene, base, &route.hops, premium)?, &route.hops)));
    let (sized, hops) = sized.max_by_key(|(sized, _)| sized.net)?;
    steps(scene, hops, sized.input)
}

fn sized(scene: Scene<'_>, base: Address, hops: &[Hop], premium: Bps) -> Option<Sized> {
    let legs = hops.iter().map(|hop| leg(scene.market.get(hop.pool)?, hop.side));
    let legs: Vec<Leg<'_>> = legs.collect::<Option<_>>()?;
    size_legs(scene, base, &legs, (premium, EFFORT))
}

/// What gains most after the premium.
pub(super) fn size_legs(
    scene: Scene<'_>,
    base: Address,
    legs: &[Leg<'_>],
    (premium, effort): (Bps, u32),
) -> Option<Sized> {
    let costs = Costs { fixed: U256::ZERO, premium, tip: Tip::None };
    let limits = Limits { most: scene.config.base(&base)?.most, effort };
    size(legs, &costs, &limits).filter(Sized::pays)
}

fn leg(entry: &Entry, side: Side) -> Option<Leg<'_>> {
    Some(Leg { pool: entry.state.pool()?, side })
}

/// Every swap's amounts, quoted again in integers. `None` where a pool would take only a part.
fn steps(scene: Scene<'_>, hops: &[Hop], input: U256) -> Option<Vec<Vec<Step>>> {
    let mut amount = input;
    let mut steps = Vec::with_capacity(hops.len());
    for hop in hops {
        let quote = scene.market.get(hop.pool)?.state.pool()?.quote_in(hop.side, amount).ok()?;
        if quote.consumed != amount {
            return None;
        }
        steps.push(vec![Step { place: hop.pool, side: hop.side, input: amount, output: quote.output }]);
        amount = quote.output;
    }
    Some(steps)
}
