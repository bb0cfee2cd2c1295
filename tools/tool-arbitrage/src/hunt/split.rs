//! Ways on which a hop goes through several pools of its pair at once.

use std::sync::Arc;

use alloy_primitives::{Address, U256};

use super::{
    Scene,
    plan::{Step, Way, size_legs, sum},
};
use crate::{
    pool::{Pool, Side},
    search::{Cycle, Hop, Search},
    sizing::{Leg, Parallel},
};

/// A hop is split between so many pools at most, those with the best rates.
const LANES: usize = 4;
/// How many further amounts are tried: few, since each takes hundreds of quotes here.
const EFFORT: u32 = 3;

/// The pools that one hop may go through, as places and as one pool.
struct Bundle {
    places: Vec<usize>,
    side: Side,
    parallel: Parallel,
}

/// The best way whose hops are split. `None` where no pair on it has a second pool.
pub(super) fn way(scene: Scene<'_>, search: &Search, cycle: &Cycle, base: Address) -> Option<Way> {
    let choices = choices(&search.lanes(cycle));
    let split = choices.iter().filter(|lanes| lanes.iter().any(|lane| lane.len() > 1));
    split.filter_map(|lanes| sized(scene, base, lanes)).max_by_key(Way::profit)
}

/// Which pools each hop may have. There and back through one pair no pool is used twice: those that are best on the way there
/// are for that, the others for the way back.
fn choices(lanes: &[Vec<Hop>]) -> Vec<Vec<Vec<Hop>>> {
    let best = |lane: &[Hop]| lane.iter().take(LANES).copied().collect::<Vec<_>>();
    let [there, back] = lanes else { return vec![lanes.iter().map(|lane| best(lane)).collect()] };
    let share = |count: usize| {
        let there: Vec<Hop> = there.iter().take(count).copied().collect();
        let is_free = |hop: &&Hop| !there.iter().any(|used| used.pool == hop.pool);
        let back: Vec<Hop> = back.iter().filter(is_free).take(LANES).copied().collect();
        vec![there, back]
    };
    (1..there.len().min(LANES.saturating_add(1))).map(share).collect()
}

fn sized(scene: Scene<'_>, base: Address, lanes: &[Vec<Hop>]) -> Option<Way> {
    let bundles: Vec<Bundle> = lanes.iter().map(|lane| Bundle::of(scene, lane)).collect::<Option<_>>()?;
    let legs: Vec<Leg<'_>> =
        bundles.iter().map(|bundle| Leg { pool: &bundle.parallel, side: bundle.side }).collect();
    let mut amount = size_legs(scene, base, &legs, (scene.prices.premium.bps, EFFORT))?.input;
    let mut hops = Vec::with_capacity(bundles.len());
    for bundle in &bundles {
        let steps = bundle.steps(scene, amount)?;
        amount = sum(&steps, |step| step.output)?;
        hops.push(steps);
    }
    Way::of(scene, hops)
}

impl Bundle {
    fn of(scene: Scene<'_>, lane: &[Hop]) -> Option<Self> {
        let state = |hop: &Hop| scene.market.get(hop.pool)?.state.shared();
        let pools: Vec<Arc<dyn Pool>> = lane.iter().map(state).collect::<Option<_>>()?;
        let (places, side) = (lane.iter().map(|hop| hop.pool).collect(), lane.first()?.side);
        Some(Self { places, side, parallel: Parallel::new(pools)? })
    }

    /// The swaps that `amount` is split into, all of it.
    fn steps(&self, scene: Scene<'_>, amount: U256) -> Option<Vec<Step>> {
        let shares = self.parallel.split(self.side, amount).ok()?.shares;
        let step = |(place, share): (&usize, &crate::pool::Quote)| Step {
            place: *place,
            side: self.side,
            input: share.consumed,
            output: share.output,
        };
        let shares = self.places.iter().zip(&shares).map(step);
        let (mut steps, idle): (Vec<Step>, Vec<Step>) = shares.partition(|step| !step.output.is_zero());
        let left = sum(&idle, |step| step.input)?;
        if !left.is_zero() {
            // A share that brings nothing is refused by its pool: another one takes it along.
            let most = steps.iter_mut().max_by_key(|step| step.input)?;
            most.input = most.input.checked_add(left)?;
            let pool = scene.market.get(most.place)?.state.pool()?;
            let quote = pool.quote_in(most.side, most.input).ok()?;
            most.output = (quote.consumed == most.input).then_some(quote.output)?;
        }
        Some(steps)
    }
}
