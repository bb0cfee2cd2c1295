//! Markets from a seed: tokens whose pools are spread by a power law, log-normal reserves, and prices that nearly agree.
#![expect(clippy::float_arithmetic, reason = "makes a market up; the trades in it are exact quotes")]

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};

use super::{Block, Header, Log, Snapshot, emit};
use crate::{
    math::v2::V2Fee,
    pool::{Pool, Side, V2Pool},
};

mod chance;
mod ticked;

use chance::{Chance, Ranks};
use ticked::Ticked;

/// How many base tokens there are: the ones with the most pools.
const BASES: usize = 4;
/// What is left of a deviation from the true price after a trade, and how much chance adds.
const CALM: (f64, f64) = (0.6, 0.000_8);
/// How often a trade moves a price far, and by how much.
const SHOCK: (f64, f64) = (0.02, 0.015);

/// What a market is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Which of all markets of this shape.
    pub seed: u64,
    /// How many tokens, the four bases included.
    pub tokens: usize,
    /// How many pools.
    pub pools: usize,
    /// How many of a hundred pools are Uniswap v3's.
    pub ticked: usize,
    /// How many of them trade in a block.
    pub changes: usize,
}

/// A market that trades. The same shape makes the same recording, where the platform's `ln`, `exp` and `cos` are the same.
#[derive(Debug)]
pub struct Generator {
    shape: Shape,
    chance: Chance,
    tokens: Vec<Token>,
    pools: Vec<(Address, Ends, Kind)>,
    /// Pools whose price a trade moved far: somebody trades them back in the next block.
    shocked: BTreeSet<usize>,
    number: u64,
}

/// Two tokens by their places, in a pool's order.
type Ends = (usize, usize);

#[derive(Debug)]
enum Kind {
    Pair(V2Pool),
    Ticked(Ticked),
}

#[derive(Debug)]
struct Token {
    address: Address,
    /// What a base unit is worth.
    value: f64,
}

impl Generator {
    /// A market of this shape after its first block.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        let mut chance = Chance::of(shape.seed);
        let tokens = (0..shape.tokens.max(BASES)).map(|place| Token::any(&mut chance, place)).collect();
        let mut market =
            Self { shape, chance, tokens, pools: Vec::new(), shocked: BTreeSet::new(), number: 1 };
        let hubs = Ranks::of(market.tokens.len(), 1.2);
        let others = Ranks::of(market.tokens.len(), 0.4);
        for place in 0..shape.pools {
            let ends = market.ends(place, &hubs, &others);
            let pool = market.pool(ends);
            let address = market.chance.address();
            market.pools.extend(pool.map(|pool| (address, ends, pool)));
        }
        market
    }

    /// The first line of the recording, as the market stands now.
    #[must_use]
    pub fn header(&self) -> Header {
        let Shape { seed, tokens, pools, ticked, changes } = self.shape;
        let origin = format!(
            "generated: power law, seed {seed}, {tokens} tokens, {pools} pools, {ticked} of 100 with ticks, \
             {changes} changes a block"
        );
        let bases = self.tokens.iter().take(BASES).map(|token| token.address).collect();
        let snapshot = |(address, _, kind): &(Address, Ends, Kind)| -> Snapshot {
            match kind {
                Kind::Pair(pool) => emit::pair(*address, pool),
                Kind::Ticked(ticked) => emit::ticked(*address, &ticked.pool),
            }
        };
        Header::new(0, origin, self.number, bases, self.pools.iter().map(snapshot).collect())
    }

    /// The next block: pools drawn by chance trade, and so do those whose price moved far in the last one.
    pub fn block(&mut self) -> Block {
        self.number = self.number.saturating_add(1);
        let healed = std::mem::take(&mut self.shocked);
        let mut trading = healed.clone();
        while trading.len() < self.shape.changes.min(self.pools.len()) {
            trading.insert(self.chance.below(self.pools.len()));
        }
        let mut logs = Vec::new();
        for place in trading {
            let heals = healed.contains(&place);
            let shock = !heals && self.chance.share() < SHOCK.0;
            let left = if heals { 0.0 } else { CALM.0 };
            self.trade(place, left, shock, &mut logs);
            if shock {
                self.shocked.insert(place);
            }
        }
        (0u64..).zip(&mut logs).for_each(|(index, log)| log.index = index);
        Block { number: self.number, logs }
    }

    /// The tokens of the next pool: every token has one, then by rank; and one in four is another pool of a pair that is there.
    fn ends(&mut self, place: usize, hubs: &Ranks, others: &Ranks) -> Ends {
        let parallel = self.chance.share() < 0.25 && place > self.tokens.len();
        let same = self.chance.below(self.pools.len().max(1));
        if let Some((_, ends, _)) = self.pools.get(same).filter(|_| parallel) {
            return *ends;
        }
        let spoke = if place < self.tokens.len() { place } else { others.draw(&mut self.chance) };
        loop {
            let hub = hubs.draw(&mut self.chance);
            if hub != spoke {
                let key = |place: usize| self.tokens.get(place).map(|token| token.address);
                return if key(hub) < key(spoke) { (hub, spoke) } else { (spoke, hub) };
            }
        }
    }

    fn pool(&mut self, ends: Ends) -> Option<Kind> {
        let (zero, one) = (self.tokens.get(ends.0)?, self.tokens.get(ends.1)?);
        let hubs = [ends.0, ends.1].into_iter().filter(|end| *end < BASES).count();
        let depth = if hubs == 2 { 3e6 } else { 2e5 } * (1.2 * self.chance.normal()).exp();
        let off = (CALM.1 * self.chance.normal()).exp();
        // Nothing is drawn where there are none, so that such a market is what it was before there were any.
        if self.shape.ticked > 0 && self.chance.below(100) < self.shape.ticked {
            return Ticked::any(&mut self.chance, [zero, one], depth, off).map(Kind::Ticked);
        }
        let reserves = [depth / zero.value, depth * off / one.value];
        let fee = if self.chance.share() < 0.2 { V2Fee::new(9_975, 10_000)? } else { V2Fee::UNISWAP };
        let pool = V2Pool::new([zero.address, one.address], reserves.map(chance::whole), fee);
        pool.ok().map(Kind::Pair)
    }

    /// A trade that moves the price: far, or to where so much of its deviation from the true one is left.
    fn trade(&mut self, place: usize, left: f64, shock: bool, logs: &mut Vec<Log>) -> Option<()> {
        let normal = self.chance.normal();
        let (address, ends, kind) = self.pools.get_mut(place)?;
        let (zero, one) = (self.tokens.get(ends.0)?.value, self.tokens.get(ends.1)?.value);
        let to = |off: f64| if shock { SHOCK.1.copysign(normal) } else { left * off + CALM.1 * normal };
        match kind {
            Kind::Pair(pool) => {
                let off = off(pool, zero, one);
                move_pair(pool, off, to(off))?;
                logs.push(emit::log(*address, &emit::sync(pool)));
            }
            Kind::Ticked(ticked) => {
                let came = ticked.move_liquidity(&mut self.chance, 2e5);
                let swapped = ticked.swap(zero / one * to(ticked.off(zero, one)).exp());
                logs.extend(came.iter().chain(&swapped).map(|emitted| emit::log(*address, emitted)));
            }
        }
        Some(())
    }
}

/// How far a pair's price is from a true one, as a logarithm.
fn off(pool: &V2Pool, zero: f64, one: f64) -> f64 {
    let [reserve0, reserve1] = pool.reserves();
    let [worth0, worth1] = [chance::float(reserve0) * zero, chance::float(reserve1) * one];
    (worth1 / worth0).ln()
}

/// Putting in a share s of a reserve moves the price by about 2 s.
fn move_pair(pool: &mut V2Pool, off: f64, to: f64) -> Option<()> {
    let [reserve0, reserve1] = pool.reserves();
    let (side, reserve) = if to < off { (Side::Zero, reserve0) } else { (Side::One, reserve1) };
    let amount = U256::from(chance::whole(chance::float(reserve) * (to - off).abs() / 2.0).max(1));
    let quote = pool.quote_in(side, amount).ok()?;
    pool.swap(side, quote).ok()
}

impl Token {
    /// A token with some price and decimals; the bases are worth much, and one of them has six decimals.
    fn any(chance: &mut Chance, place: usize) -> Self {
        let usual = if chance.share() < 0.85 { 18 } else { 6 };
        let (price, decimals) = match place {
            0 => (3_000.0, 18),
            1 => (1.0, 6),
            2 => (1.0, 18),
            3 => (60_000.0, 8),
            _ => ((2.0 * chance.normal()).exp(), usual),
        };
        Self { address: chance.address(), value: price / 10f64.powi(decimals) }
    }
}
