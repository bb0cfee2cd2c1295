//! Several pools of one pair, traded as one.
#![expect(clippy::float_arithmetic, reason = "says where to begin; every amount is quoted in integers")]

use std::sync::Arc;

use alloy_primitives::{Address, U256};

use super::curve::Curve;
use crate::pool::{Pool, Quote, Side, Stretch, Unquotable};

/// How many moves of one size there are at most.
const MOVES: u32 = 64;

/// Pools of the same two tokens. An amount is split between them so that the next unit brings the same everywhere, which is
/// where the most comes out: their curves are concave. Rounding takes less than one base unit a pool.
#[derive(Debug, Clone)]
pub struct Parallel {
    pools: Vec<Arc<dyn Pool>>,
}

/// What each pool takes and gives, in the pools' order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// One for each pool; zeros for one that is not used.
    pub shares: Vec<Quote>,
}

const NOTHING: Quote = Quote { consumed: U256::ZERO, output: U256::ZERO };

impl Parallel {
    /// These pools as one. `None` without any, and where their tokens differ.
    #[must_use]
    pub fn new(pools: Vec<Arc<dyn Pool>>) -> Option<Self> {
        let tokens = pools.first()?.tokens();
        pools.iter().all(|pool| pool.tokens() == tokens).then_some(Self { pools })
    }

    /// The best split of `amount`, and never less than what the best of the pools would give alone.
    ///
    /// # Errors
    /// Where no pool, nor the split that the curves suggest, takes all of it.
    pub fn split(&self, side: Side, amount: U256) -> Result<Split, Unquotable> {
        let alone = self.alone(side, amount);
        let filled = self.filled(side, amount).and_then(|shares| self.quoted(side, &shares));
        let both = [alone.as_ref().ok().cloned(), filled];
        let best = both.into_iter().flatten().max_by_key(Split::output);
        match best {
            Some(split) => Ok(self.balanced(side, amount, split)),
            None => alone,
        }
    }

    /// All of it in the pool that gives most.
    fn alone(&self, side: Side, amount: U256) -> Result<Split, Unquotable> {
        let quoted = |pool: &Arc<dyn Pool>| match pool.quote_in(side, amount)? {
            quote if quote.consumed == amount => Ok(quote),
            _ => Err(Unquotable::TooLarge),
        };
        let quotes: Vec<Result<Quote, Unquotable>> = self.pools.iter().map(quoted).collect();
        let outputs =
            quotes.iter().enumerate().filter_map(|(place, quote)| Some((quote.ok()?.output, place)));
        let Some((_, best)) = outputs.max() else {
            return Err(quotes.into_iter().find_map(Result::err).unwrap_or(Unquotable::Empty));
        };
        let shares = (0..).zip(quotes).map(|(place, quote)| match quote {
            Ok(quote) if place == best => quote,
            _ => NOTHING,
        });
        Ok(Split { shares: shares.collect() })
    }

    /// Shares at one marginal price: the pools' stretches, the best first, until the next has nothing better to offer.
    fn filled(&self, side: Side, amount: U256) -> Option<Vec<U256>> {
        let curves: Vec<Option<Curve>> =
            self.pools.iter().map(|pool| pool.stretch(side).and_then(Curve::of)).collect();
        let mut ranked: Vec<Curve> = curves.iter().flatten().copied().collect();
        ranked.sort_by(|one, other| other.slope.total_cmp(&one.slope));
        // Of the pools in use: the sums of sqrt(slope) / bend and of 1 / bend.
        let (mut roots, mut depths, mut root) = (0.0, f64::from(amount), 0.0);
        for curve in ranked {
            if root > 0.0 && curve.slope.sqrt() * root <= 1.0 {
                break;
            }
            roots += curve.slope.sqrt() / curve.bend;
            depths += 1.0 / curve.bend;
            root = depths / roots;
        }
        let share = |curve: &Option<Curve>| {
            let into = curve.map_or(0.0, |curve| (curve.slope.sqrt() * root - 1.0) / curve.bend);
            if into > 0.0 { U256::saturating_from(into) } else { U256::ZERO }
        };
        let mut left = amount;
        let mut shares: Vec<U256> = curves.iter().map(share).collect();
        for share in &mut shares {
            *share = (*share).min(left);
            left = left.saturating_sub(*share);
        }
        let most = shares.iter_mut().max()?;
        *most = most.saturating_add(left);
        Some(shares)
    }

    fn quoted(&self, side: Side, shares: &[U256]) -> Option<Split> {
        let quotes = self.pools.iter().zip(shares).map(|(pool, share)| quote(pool, side, *share));
        Some(Split { shares: quotes.collect::<Option<_>>()? })
    }

    /// Moves amounts, smaller and smaller ones, from where they are missed least to where they bring most.
    fn balanced(&self, side: Side, amount: U256, mut split: Split) -> Split {
        let mut step: U256 = amount.wrapping_shr(1);
        while !step.is_zero() {
            for _move in 0..MOVES {
                if self.moved(side, step, &mut split).is_none() {
                    break;
                }
            }
            step = step.wrapping_shr(1);
        }
        split
    }

    /// One move of `step`, if any gains.
    fn moved(&self, side: Side, step: U256, split: &mut Split) -> Option<()> {
        let places = || self.pools.iter().zip(&split.shares).enumerate();
        let less = places().filter_map(|(place, (pool, share))| {
            let after = quote(pool, side, share.consumed.checked_sub(step)?)?;
            Some((share.output.checked_sub(after.output)?, place, after))
        });
        let (loss, from, giver) = less.min_by_key(|(loss, ..)| *loss)?;
        let more = places().filter(|(place, _)| *place != from).filter_map(|(place, (pool, share))| {
            let after = quote(pool, side, share.consumed.checked_add(step)?)?;
            Some((after.output.checked_sub(share.output)?, place, after))
        });
        let (gain, to, taker) = more.max_by_key(|(gain, ..)| *gain)?;
        if gain <= loss {
            return None;
        }
        *split.shares.get_mut(from)? = giver;
        *split.shares.get_mut(to)? = taker;
        Some(())
    }
}

/// A quote that takes all; nothing for nothing.
fn quote(pool: &Arc<dyn Pool>, side: Side, amount: U256) -> Option<Quote> {
    if amount.is_zero() {
        return Some(NOTHING);
    }
    match pool.quote_in(side, amount) {
        Ok(quote) => (quote.consumed == amount).then_some(quote),
        Err(Unquotable::TooSmall) => Some(Quote { consumed: amount, output: U256::ZERO }),
        Err(_) => None,
    }
}

impl Split {
    /// What comes out of all of them.
    #[must_use]
    pub fn output(&self) -> U256 {
        self.shares.iter().fold(U256::ZERO, |sum, share| sum.saturating_add(share.output))
    }
}

impl Pool for Parallel {
    fn tokens(&self) -> [Address; 2] {
        self.pools.first().map(|pool| pool.tokens()).unwrap_or_default()
    }

    fn quote_in(&self, side: Side, amount: U256) -> Result<Quote, Unquotable> {
        let output = self.split(side, amount)?.output();
        if output.is_zero() { Err(Unquotable::TooSmall) } else { Ok(Quote { consumed: amount, output }) }
    }

    /// The least input that brings `amount` or more, by halving.
    fn quote_out(&self, side: Side, amount: U256) -> Result<Quote, Unquotable> {
        if amount.is_zero() {
            return Err(Unquotable::TooSmall);
        }
        let brings = |input: U256| self.quote_in(side, input).is_ok_and(|quote| quote.output >= amount);
        let mut doubled = std::iter::successors(Some(U256::ONE), |input| input.checked_mul(U256::from(2u8)));
        let mut enough = doubled.find(|input| brings(*input)).ok_or(Unquotable::TooLarge)?;
        let mut step: U256 = enough.wrapping_shr(1);
        while !step.is_zero() {
            enough = enough.checked_sub(step).filter(|less| brings(*less)).unwrap_or(enough);
            step = step.wrapping_shr(1);
        }
        let output = self.quote_in(side, enough)?.output;
        Ok(Quote { consumed: enough, output: output.min(amount) })
    }

    fn after_in(&self, side: Side, amount: U256) -> Result<(Quote, Box<dyn Pool>), Unquotable> {
        let split = self.split(side, amount)?;
        let output = split.output();
        let after = self.pools.iter().zip(&split.shares).map(|(pool, share)| {
            let unused = share.output.is_zero();
            if unused { Ok(Arc::clone(pool)) } else { Ok(Arc::from(pool.after_in(side, share.consumed)?.1)) }
        });
        let pools = after.collect::<Result<_, Unquotable>>()?;
        Ok((Quote { consumed: amount, output }, Box::new(Self { pools })))
    }

    fn inverts(&self) -> bool {
        false
    }

    /// That of the pool with the best rate. The others begin to trade somewhere on it, so it may end anywhere: it is said to
    /// last for as much as moves its price by a hundredth.
    fn stretch(&self, side: Side) -> Option<Stretch> {
        let stretches = self.pools.iter().filter_map(|pool| pool.stretch(side));
        let rate = |stretch: &Stretch| stretch.reserve_out / stretch.reserve_in * (1.0 - stretch.fee);
        let best = stretches.max_by(|one, other| rate(one).total_cmp(&rate(other)))?;
        Some(Stretch { until: best.until.min(best.reserve_in / 200.0), ..best })
    }
}
