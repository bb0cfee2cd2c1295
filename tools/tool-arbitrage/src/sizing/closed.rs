//! The best amount for a chain of constant products: a closed form says where, integers say what, and a bound says whether
//! anything better is left.
//!
//! # Why the result is right
//! Let `P(x)` be the profit without any rounding, `x*` where it is greatest. Some amount along the chain has the coarsest unit:
//! that of its token with the least `d(amount)/dx` at first. Each whole number there stands for its least input (backwards, rounded up)
//! and its output (forwards, rounded down): whatever the best input is, the number that it becomes there has a least input that
//! is no greater and brings the same. So it is enough to try whole numbers there.
//!
//! For a tried one, rounding lost at most `loss`: the fractions that were cut, each times what the hops after it make of it.
//! (Forwards a hop's curve is concave, so its slope at the rounded amount bounds that from above; backwards likewise.) The
//! distance to the top is `P(x*) − P(x) = price · (s − D)² / (bend · D)` with `D = 1 + bend · x`, `s = sqrt(slope / price)`.
//! Both are sums of small numbers, so floats do not cancel; [`ERROR`] widens what is left. A profit is whole: if `loss +
//! distance < 1` nothing is better. Otherwise a better one lies within those `x` whose `P` is at least one more than was found,
//! `|x − x*|` in the order of `sqrt(loss · x)`. All of these are tried where they are few, and some where they are many.
#![expect(clippy::float_arithmetic, reason = "bounds and where to look; every amount is an integer")]

use alloy_primitives::U256;

use super::{
    Limits,
    curve::{Curve, ERROR, approximate, whole},
    product::Product,
};
use crate::math::full::narrow;

/// The most hops of a chain; a longer one is walked.
pub(super) const MOST_HOPS: usize = 4;
/// What rounding in the bounds themselves may come to.
const SLACK: f64 = 1e-6;
const WHOLE_BPS: u128 = 10_000;

/// A chain of constant products and what its input costs.
#[derive(Debug)]
struct Chain<'a> {
    hops: &'a [Product],
    /// From the input to each amount along the chain, the input itself first.
    curves: [Curve; MOST_HOPS + 1],
    whole: Curve,
    /// Where the unit is coarsest: how many hops come before.
    coarse: usize,
    premium: Premium,
    /// `1 + bend · x` at the top.
    top: f64,
    most: u128,
}

/// Basis points of the input, rounded up, and what a unit of input costs with them.
#[derive(Debug, Clone, Copy)]
struct Premium {
    bps: u128,
    price: f64,
}

/// What a whole number at the coarsest place comes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tried {
    pub(super) input: u128,
    pub(super) output: u128,
    /// Output less input and premium.
    profit: i128,
    /// How much less than the top, at most.
    pub(super) short: f64,
}

/// The best amount through `hops` for a premium in basis points. `None` where nothing gains.
pub(super) fn best(hops: &[Product], premium: u32, limits: &Limits) -> Option<Tried> {
    let chain = Chain::of(hops, premium, limits)?;
    let x = (chain.top - 1.0) / chain.whole.bend;
    if x > approximate(chain.most) {
        return chain.capped();
    }
    let at_top = chain.curves.get(chain.coarse)?.at(x);
    let start = chain.attempt(whole(at_top).max(1));
    let settled = start.filter(|tried| tried.short < 1.0);
    let found = settled.or_else(|| chain.around(whole(at_top).max(1), start, limits.effort));
    found.filter(|tried| tried.profit > 0)
}

impl Premium {
    /// The premium, and what rounding it up lost.
    #[inline]
    fn of(self, input: u128) -> Option<(u128, f64)> {
        if self.bps == 0 {
            return Some((0, 0.0));
        }
        let product = input.checked_mul(self.bps)?;
        let premium = product.div_ceil(WHOLE_BPS);
        let over = premium.checked_mul(WHOLE_BPS)?.checked_sub(product)?;
        Some((premium, approximate(over) / approximate(WHOLE_BPS)))
    }
}

impl<'a> Chain<'a> {
    fn of(hops: &'a [Product], premium: u32, limits: &Limits) -> Option<Self> {
        let mut curves = [Curve::IDENTITY; MOST_HOPS + 1];
        let mut chained = Curve::IDENTITY;
        let (_, after) = curves.split_first_mut()?;
        if hops.is_empty() || hops.len() > MOST_HOPS {
            return None;
        }
        for (slot, hop) in after.iter_mut().zip(hops) {
            chained = chained.then(hop.curve());
            *slot = chained;
        }
        let price = 1.0 + f64::from(premium) / approximate(WHOLE_BPS);
        let premium = Premium { bps: u128::from(premium), price };
        let top = chained.best(price);
        // A gain of less than one unit is none.
        if top <= 1.0 || is_nothing(price, top, chained.bend) {
            return None;
        }
        // The rates of the first unit tell units apart as well as those at the top.
        let slopes = curves.iter().take(hops.len().saturating_add(1)).map(|curve| curve.slope);
        let coarse = slopes.enumerate().min_by(|(_, one), (_, other)| one.total_cmp(other))?.0;
        let most = narrow(limits.most).unwrap_or(u128::MAX);
        Some(Self { hops, curves, whole: chained, coarse, premium, top, most })
    }

    /// Backwards from a place to the least input, and what rounding up lost there.
    #[inline]
    fn input(place: u128, hops: &[Product]) -> Option<(u128, f64)> {
        let (mut amount, mut lost) = (place, 0.0);
        for hop in hops.iter().rev() {
            let less = hop.amount_in(amount)?;
            lost = less.by + lost / hop.curve().slope_at(approximate(less.amount));
            amount = less.amount;
        }
        Some((amount, lost))
    }

    /// Forwards from a place to the output, and what rounding down lost there.
    #[inline]
    fn output(place: u128, hops: &[Product]) -> Option<(u128, f64)> {
        let (mut amount, mut lost) = (place, 0.0);
        for hop in hops {
            let slope = hop.curve().slope_at(approximate(amount));
            let more = hop.amount_out(amount)?;
            lost = more.by + lost * slope;
            amount = more.amount;
        }
        Some((amount, lost))
    }

    /// What a whole number at the coarsest place comes to.
    #[inline]
    fn attempt(&self, place: u128) -> Option<Tried> {
        let (before, after) = self.hops.split_at_checked(self.coarse)?;
        let (input, lost_in) = Self::input(place, before)?;
        let (output, lost_out) = Self::output(place, after)?;
        let (premium, over) = self.premium.of(input)?;
        let profit = profit(input, output, premium)?;
        let loss = lost_out + self.premium.price * lost_in + over;
        let short = loss + self.distance(approximate(input), lost_in) + SLACK;
        (input <= self.most).then_some(Tried { input, output, profit, short })
    }

    /// How far below the top the profit without rounding is, at most, at an input that may be `off` too great.
    fn distance(&self, input: f64, off: f64) -> f64 {
        let (bend, top) = (self.whole.bend, self.top);
        let depth = 1.0 + bend * input;
        let apart = (top - depth).abs() + bend * off + ERROR * (top + depth);
        self.premium.price * apart * apart / (bend * (depth - bend * off).max(1.0))
    }

    /// The places where the profit without rounding may be within `below` of the top.
    fn window(&self, below: f64) -> Option<(u128, u128)> {
        let (bend, top) = (self.whole.bend, self.top);
        let half = below.max(0.0) * bend / (2.0 * self.premium.price);
        let reach = (half * half + 2.0 * top * half).sqrt() + ERROR * top;
        let [low, high] =
            [top + half - reach, top + half + reach].map(|depth| ((depth - 1.0) / bend).max(0.0));
        let curve = self.curves.get(self.coarse)?;
        let low = whole((curve.at(low) * (1.0 - ERROR)).floor()).saturating_sub(1).max(1);
        let high = whole((curve.at(high) * (1.0 + ERROR)).ceil()).saturating_add(1);
        Some((low, high))
    }

    /// Tries the places around `middle`, until none is left that could be better, or `effort` is spent.
    fn around(&self, middle: u128, start: Option<Tried>, effort: u32) -> Option<Tried> {
        // To do nothing gains nothing: what is short of that is short of the top by the whole of it.
        let gain = at_most(self.premium.price, self.top, self.whole.bend);
        let nothing = Tried { input: 0, output: 0, profit: 0, short: gain };
        let mut best = start.filter(|tried| tried.profit > 0).unwrap_or(nothing);
        let (mut low, mut high) = self.window(best.short - 1.0)?;
        // Neighbours are cut alike; where they are too many to try them all, those far from each other have better chances.
        let (width, most) = (high.saturating_sub(low), u128::from(effort));
        let stride =
            if width <= most { 1 } else { width.checked_div(most.saturating_mul(2)).unwrap_or(1).max(1) };
        let mut spent = 0u32;
        for step in 1u128.. {
            let step = step.saturating_mul(stride);
            let sides = [middle.checked_add(step), middle.checked_sub(step)];
            let mut is_outside = true;
            for place in sides.into_iter().flatten() {
                // What the first side proves needs no second.
                if !(low..=high).contains(&place) || best.short < 1.0 {
                    continue;
                }
                is_outside = false;
                if let Some(tried) = self.attempt(place).filter(|tried| tried.profit > best.profit) {
                    best = tried;
                    (low, high) = self.window(best.short - 1.0)?;
                }
            }
            if is_outside {
                best.short = if stride == 1 { 0.0 } else { best.short };
                break;
            }
            spent = spent.saturating_add(2);
            if best.short < 1.0 || spent >= effort {
                break;
            }
        }
        if best.short < 1.0 { Some(best) } else { self.tightened(best) }
    }

    /// The most that may go in: profit grows until there.
    fn capped(&self) -> Option<Tried> {
        let (output, lost) = Self::output(self.most, self.hops)?;
        let (premium, over) = self.premium.of(self.most)?;
        let short = lost + over + SLACK;
        let profit = profit(self.most, output, premium)?;
        self.tightened(Tried { input: self.most, output, profit, short })
    }

    /// The least input that brings the same.
    fn tightened(&self, tried: Tried) -> Option<Tried> {
        if tried.output == 0 {
            return Some(tried);
        }
        let (input, _) = Self::input(tried.output, self.hops)?;
        let gained = profit(input, tried.output, self.premium.of(input)?.0)?;
        let more = u128::try_from(gained.checked_sub(tried.profit)?).unwrap_or_default();
        let short = (tried.short - approximate(more)).max(0.0);
        Some(Tried { input, profit: gained, short, ..tried })
    }
}

/// Whether what [`at_most`] can be gained is less than one unit, without its division.
fn is_nothing(price: f64, top: f64, bend: f64) -> bool {
    let above = top - 1.0 + ERROR * top;
    price * above * above < bend * (1.0 - SLACK)
}

/// What can be gained at most, without rounding.
fn at_most(price: f64, top: f64, bend: f64) -> f64 {
    let above = top - 1.0 + ERROR * top;
    price * above * above / bend + SLACK
}

fn profit(input: u128, output: u128, premium: u128) -> Option<i128> {
    let [input, output, premium] = [input, output, premium].map(|amount| i128::try_from(amount).ok());
    output?.checked_sub(input?)?.checked_sub(premium?)
}

impl Tried {
    /// What a better amount could gain more, in base units.
    pub(super) fn gap(&self) -> U256 {
        U256::from(whole(self.short))
    }
}
