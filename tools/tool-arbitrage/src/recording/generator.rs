//! Markets from a seed: tokens whose pools are spread by a power law, log-normal reserves, and prices that nearly agree.
#![expect(clippy::float_arithmetic, reason = "makes a market up; the trades in it are exact quotes")]

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};

use super::{Block, Header, PairSnapshot, Pairs, Snapshot};
use crate::{
    math::v2::V2Fee,
    pool::{Pool, Side, V2Pool},
};

mod chance;

use chance::{Chance, Ranks};

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
    /// How many of them trade in a block.
    pub changes: usize,
}

/// A market that trades. The same shape makes the same recording, where the platform's `ln`, `exp` and `cos` are the same.
#[derive(Debug)]
pub struct Generator {
    shape: Shape,
    chance: Chance,
    tokens: Vec<Token>,
    pools: Vec<(Address, Ends, V2Pool)>,
    /// Pools whose price a trade moved far: somebody trades them back in the next block.
    shocked: BTreeSet<usize>,
    number: u64,
}

/// Two tokens by their places, in a pool's order.
type Ends = (usize, usize);

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
        let Shape { seed, tokens, pools, changes } = self.shape;
        let origin = format!(
            "generated: power law, seed {seed}, {tokens} tokens, {pools} pools, {changes} changes a block"
        );
        let bases = self.tokens.iter().take(BASES).map(|token| token.address).collect();
        let snapshot = |(address, _, pool): &(Address, Ends, V2Pool)| {
            Snapshot::V2(PairSnapshot {
                address: *address,
                tokens: pool.tokens(),
                kept: pool.fee().kept(),
                whole: pool.fee().whole(),
                reserves: pool.reserves(),
            })
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
        for (index, place) in (0u64..).zip(trading) {
            let heals = healed.contains(&place);
            let shock = !heals && self.chance.share() < SHOCK.0;
            let left = if heals { 0.0 } else { CALM.0 };
            if let Some((address, pool)) = self.trade(place, left, shock) {
                logs.push(Pairs::log(index, address, &pool));
            }
            if shock {
                self.shocked.insert(place);
            }
        }
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

    fn pool(&mut self, ends: Ends) -> Option<V2Pool> {
        let (zero, one) = (self.tokens.get(ends.0)?, self.tokens.get(ends.1)?);
        let hubs = [ends.0, ends.1].into_iter().filter(|end| *end < BASES).count();
        let depth = if hubs == 2 { 3e6 } else { 2e5 } * (1.2 * self.chance.normal()).exp();
        let off = (CALM.1 * self.chance.normal()).exp();
        let reserves = [depth / zero.value, depth * off / one.value];
        let fee = if self.chance.share() < 0.2 { V2Fee::new(9_975, 10_000)? } else { V2Fee::UNISWAP };
        V2Pool::new([zero.address, one.address], reserves.map(chance::whole), fee).ok()
    }

    /// A trade that moves the price: far, or to where so much of its deviation from the true one is left.
    fn trade(&mut self, place: usize, left: f64, shock: bool) -> Option<(Address, V2Pool)> {
        let normal = self.chance.normal();
        let (address, ends, pool) = self.pools.get_mut(place)?;
        let (zero, one) = (self.tokens.get(ends.0)?.value, self.tokens.get(ends.1)?.value);
        let [reserve0, reserve1] = pool.reserves();
        let [worth0, worth1] = [chance::float(reserve0) * zero, chance::float(reserve1) * one];
        let off = (worth1 / worth0).ln();
        let to = if shock { SHOCK.1.copysign(normal) } else { left * off + CALM.1 * normal };
        // Putting in a share s of a reserve moves the price by about 2 s.
        let (side, reserve) = if to < off { (Side::Zero, reserve0) } else { (Side::One, reserve1) };
        let amount = U256::from(chance::whole(chance::float(reserve) * (to - off).abs() / 2.0).max(1));
        let quote = pool.quote_in(side, amount).ok()?;
        pool.swap(side, quote).ok()?;
        Some((*address, *pool))
    }
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
