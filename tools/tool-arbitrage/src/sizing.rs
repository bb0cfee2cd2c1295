//! How much to put into a cycle: the input that gains most, and of those that bring the same the least.
//!
//! A cycle of constant products has a closed form, whose integer neighbourhood is searched with a proof of what is left: see
//! the module `closed`. Any other cycle is walked stretch by stretch, each of which has that form, and then searched by its exact
//! quotes. Either way what is returned was quoted in integers, pool by pool, as the contracts will.
//!
//! Gas does not change which input is best, and a [`Tip`] never turns a greater profit into a smaller one, so both are taken off
//! afterwards; a flash loan's premium grows with the input and is part of the search.

use agent_core::units::Bps;
use alloy_primitives::{I256, U256};

use crate::pool::{Pool, Side};

mod closed;
mod costs;
mod curve;
mod parallel;
mod product;
mod walk;

pub use costs::{Bracket, Charged, Costs, Tip, WeiPrice};
pub use parallel::{Parallel, Split};
pub use product::Product;

pub(crate) use curve::approximate;

use closed::MOST_HOPS;

/// One pool of a cycle, and which way through it.
#[derive(Debug, Clone, Copy)]
pub struct Leg<'a> {
    /// The pool.
    pub pool: &'a dyn Pool,
    /// Which token goes in.
    pub side: Side,
}

/// What bounds the search for an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most that may go in, in base units.
    pub most: U256,
    /// How many further amounts to try where the first is not proven best. A hundred take some 10 microseconds.
    pub effort: u32,
}

/// A cycle with its amounts, all in base units of the token that it starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sized {
    /// What goes in.
    pub input: U256,
    /// What comes out.
    pub output: U256,
    /// The difference.
    pub gross: U256,
    /// What is paid.
    pub costs: Charged,
    /// What is left; less than zero where the costs are more.
    pub net: I256,
    /// How much more gross profit, after the premium, another input could bring at most: zero where none does. `None` where
    /// that is not known: with pools that are no constant products.
    pub gap: Option<U256>,
}

/// The best amount for a cycle. `None` where no amount gains anything before gas and tip, where a pool comes twice (each of
/// its quotes would ignore the other), and with no legs at all.
#[must_use]
pub fn size(legs: &[Leg<'_>], costs: &Costs, limits: &Limits) -> Option<Sized> {
    if has_twice(legs) || costs.premium > Bps(10_000) {
        return None;
    }
    let mut products = [Product::ONE; MOST_HOPS];
    let (input, output, gap) = match constant(legs, &mut products) {
        Some(products) => {
            let best = closed::best(products, costs.premium.0, limits)?;
            (U256::from(best.input), U256::from(best.output), Some(best.gap()))
        }
        None => {
            let (input, output) = walk::best(legs, costs.premium, limits)?;
            (input, output, None)
        }
    };
    Sized::of(input, output, gap, costs)
}

/// What comes out of a cycle for `amount`. `None` where a pool would refuse, or take only a part.
#[must_use]
pub fn output(legs: &[Leg<'_>], amount: U256) -> Option<U256> {
    legs.iter().try_fold(amount, |amount, leg| {
        let quote = leg.pool.quote_in(leg.side, amount).ok()?;
        (quote.consumed == amount && !quote.output.is_zero()).then_some(quote.output)
    })
}

impl Sized {
    fn of(input: U256, output: U256, gap: Option<U256>, costs: &Costs) -> Option<Self> {
        let charged = costs.charged(input, output)?;
        let paid = [input, charged.fixed, charged.premium, charged.tip];
        let paid = paid.into_iter().try_fold(U256::ZERO, U256::checked_add)?;
        let net = I256::try_from(output).ok()?.checked_sub(I256::try_from(paid).ok()?)?;
        Some(Self { input, output, gross: output.checked_sub(input)?, costs: charged, net, gap })
    }

    /// Whether anything is left after all costs.
    #[must_use]
    pub const fn pays(&self) -> bool {
        self.net.is_positive()
    }
}

fn has_twice(legs: &[Leg<'_>]) -> bool {
    let mut rest = legs;
    while let Some((leg, others)) = rest.split_first() {
        if others.iter().any(|other| std::ptr::addr_eq(leg.pool, other.pool)) {
            return true;
        }
        rest = others;
    }
    false
}

/// The legs as constant products, where all of them are.
fn constant<'a>(legs: &[Leg<'_>], into: &'a mut [Product; MOST_HOPS]) -> Option<&'a [Product]> {
    let filled = into.get_mut(..legs.len())?;
    for (slot, leg) in filled.iter_mut().zip(legs) {
        *slot = leg.pool.product(leg.side)?;
    }
    Some(filled)
}

#[cfg(test)]
mod tests;
