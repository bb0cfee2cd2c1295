//! The best amount for any pools: stretch by stretch to where the next unit pays no more, then by exact quotes.
#![expect(clippy::float_arithmetic, reason = "says where to look; every amount is quoted in integers")]

use agent_core::units::Bps;
use alloy_primitives::{I256, U256};

use super::{Leg, Limits, curve::Curve, output};
use crate::pool::{Pool, Stretch};

/// How many stretches to walk at most.
const STRETCHES: u32 = 512;
/// The first step of the exact search is the input's part of 2 to this power.
const COARSE: usize = 10;
const TWO: U256 = U256::from_limbs([2, 0, 0, 0]);

/// An amount in and out, and what is gained after the premium.
#[derive(Debug, Clone, Copy)]
struct Tried {
    /// What is varied: the input, or what it becomes on the way.
    place: U256,
    input: U256,
    output: U256,
    profit: I256,
}

/// What goes in and comes out, best. `None` where nothing gains.
///
/// It is searched among the whole amounts at the place along the cycle where a unit is worth most, each of which stands for its
/// least input, and of these among the ones of which a fee takes no part of a unit: between them, hills are of a few of the smaller
/// units only.
pub(super) fn best(legs: &[Leg<'_>], premium: Bps, limits: &Limits) -> Option<(U256, U256)> {
    let start = top(legs, premium, limits.most)?;
    let attempt = |input: U256| {
        let output = output(legs, input).filter(|_| input <= limits.most)?;
        let paid = input.checked_add(super::costs::share(input, premium)?)?;
        let profit = I256::try_from(output).ok()?.checked_sub(I256::try_from(paid).ok()?)?;
        Some(Tried { place: input, input, output, profit })
    };
    let first = lowered(start.max(U256::ONE), attempt)?;
    let (before, place) = coarsest(legs, first.input)?;
    let behind = legs.get(before.len());
    let through = |place: U256| {
        let place = behind.map_or(place, |leg| leg.pool.trimmed(leg.side, place));
        let input = before.iter().rev().try_fold(place, |amount, leg| {
            leg.pool.quote_out(leg.side, amount).ok().map(|quote| quote.consumed)
        });
        Some(Tried { place, ..attempt(input?)? })
    };
    let climbed = climb(Tried { place, ..first }, limits.effort, through);
    let input = least(legs, climbed);
    climbed.profit.is_positive().then_some((input, climbed.output))
}

/// The legs before the smallest amount along the cycle, and that amount. What comes behind a pool that is slow to ask for an
/// output is not looked at.
fn coarsest<'a, 'b>(legs: &'a [Leg<'b>], input: U256) -> Option<(&'a [Leg<'b>], U256)> {
    let (mut before, mut least, mut amount) = (0, input, input);
    for (hops, leg) in (1usize..).zip(legs).take_while(|(_, leg)| leg.pool.inverts()) {
        amount = leg.pool.quote_in(leg.side, amount).ok()?.output;
        if amount < least {
            (before, least) = (hops, amount);
        }
    }
    Some((legs.get(..before)?, least))
}

/// About where the next unit of input brings what it costs.
fn top(legs: &[Leg<'_>], premium: Bps, most: U256) -> Option<U256> {
    let price = 1.0 + f64::from(premium.0) / 10_000.0;
    let mut pools: Vec<Option<Box<dyn Pool>>> = legs.iter().map(|_| None).collect();
    let (mut past, mut nudge) = (U256::ZERO, U256::ONE);
    for _stretch in 0..STRETCHES {
        let Some((curve, room)) = stretch(legs, &pools) else { break };
        let depth = curve.best(price);
        let gains = depth > 1.0;
        let further = if gains { (depth - 1.0) / curve.bend } else { 0.0 };
        if further <= room || past >= most {
            past = past.saturating_add(integer(further));
            break;
        }
        let next = past.saturating_add(integer(room.ceil()).max(nudge)).min(most);
        // Where a stretch is shorter than rounding says, go on in growing steps.
        nudge = if room < 1.0 { nudge.saturating_mul(TWO) } else { U256::ONE };
        match after(legs, next) {
            Some(there) => (pools, past) = (there, next),
            // Some pool has nothing behind this stretch.
            None => {
                past = past.saturating_add(integer(room));
                break;
            }
        }
    }
    (!past.is_zero()).then_some(past.min(most))
}

fn integer(amount: f64) -> U256 {
    if amount >= 0.0 { U256::saturating_from(amount) } else { U256::ZERO }
}

/// The curve from here on, and how much may go in before it ends.
fn stretch(legs: &[Leg<'_>], pools: &[Option<Box<dyn Pool>>]) -> Option<(Curve, f64)> {
    let (mut curve, mut room) = (Curve::IDENTITY, f64::INFINITY);
    for (leg, pool) in legs.iter().zip(pools) {
        let stretch = pool.as_deref().unwrap_or(leg.pool).stretch(leg.side)?;
        room = room.min(curve.back(stretch.until));
        curve = curve.then(Curve::of(stretch)?);
    }
    Some((curve, room))
}

/// The pools after `amount` went in.
fn after(legs: &[Leg<'_>], amount: U256) -> Option<Vec<Option<Box<dyn Pool>>>> {
    let mut amount = amount;
    let step = |leg: &Leg<'_>| {
        let (quote, pool) = leg.pool.after_in(leg.side, amount).ok()?;
        let whole = quote.consumed == amount && !quote.output.is_zero();
        amount = quote.output;
        whole.then_some(Some(pool))
    };
    legs.iter().map(step).collect()
}

impl Curve {
    pub(super) fn of(stretch: Stretch) -> Option<Self> {
        let bend = (1.0 - stretch.fee) / stretch.reserve_in;
        let slope = bend * stretch.reserve_out;
        (bend > 0.0 && bend.is_finite() && slope.is_finite()).then_some(Self { slope, bend })
    }
}

/// From `start` uphill, in steps that double where one is better, for `effort` of them, and halve where none is; and over hills of
/// rounding, as far as an eighth of `effort`.
fn climb(start: Tried, effort: u32, attempt: impl Fn(U256) -> Option<Tried>) -> Tried {
    let mut best = start;
    let mut step = start.place.wrapping_shr(COARSE).max(U256::ONE);
    let mut spent = 0u32;
    let beside = |best: &Tried, step: U256| {
        let sides = [best.place.checked_add(step), best.place.checked_sub(step)];
        let tried = sides.into_iter().flatten().filter_map(&attempt).max_by_key(|tried| tried.profit);
        tried.filter(|tried| tried.profit > best.profit)
    };
    while !step.is_zero() {
        match beside(&best, step) {
            Some(better) if spent < effort => {
                (best, step, spent) = (better, step.saturating_mul(TWO), spent.saturating_add(1));
            }
            Some(better) => (best, step) = (better, step.wrapping_shr(1)),
            None => step = step.wrapping_shr(1),
        }
    }
    (1..=effort.wrapping_shr(3)).fold(best, |best, step| beside(&best, U256::from(step)).unwrap_or(best))
}

/// The first of `start`, its half, its quarter … that all pools take.
fn lowered(start: U256, attempt: impl Fn(U256) -> Option<Tried>) -> Option<Tried> {
    let halves = std::iter::successors(Some(start), |amount| Some(amount.wrapping_shr(1)));
    halves.take_while(|amount| !amount.is_zero()).find_map(attempt)
}

/// The least input that brings the same: it grows with what goes in, so that this can be halved.
fn least(legs: &[Leg<'_>], of: Tried) -> U256 {
    let same = |input: U256| output(legs, input).is_some_and(|output| output >= of.output);
    let (mut enough, mut step) = (of.input, U256::ONE);
    while let Some(less) = enough.checked_sub(step).filter(|less| same(*less)) {
        (enough, step) = (less, step.saturating_mul(TWO));
    }
    while !step.is_zero() {
        if let Some(less) = enough.checked_sub(step).filter(|less| same(*less)) {
            enough = less;
        }
        step = step.wrapping_shr(1);
    }
    enough
}
