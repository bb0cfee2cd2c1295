//! A cycle whose way there is split between two pairs: what is predicted is what the pairs give, and no more.

use std::sync::Arc;

use agent_core::units::Bps;
use alloy_primitives::{Address, Bytes, U256};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tool_arbitrage::{
    Pool as _, Side,
    pool::V2Pool,
    sizing::{Costs, Leg, Limits, Parallel, Tip, size},
    v2::V2Fee,
};

use crate::{
    abi::{Pair, Token, V2Factory},
    balance,
    machine::{ACTOR, Checked, Machine},
    tokens,
};

/// A pair on chain, and its model.
struct Venue {
    address: Address,
    model: V2Pool,
}

impl Venue {
    fn new(machine: &mut Machine, tokens: [Address; 2], reserves: [u128; 2]) -> Checked<Self> {
        let factory =
            machine.deploy("UniswapV2Factory", &V2Factory::constructorCall { feeToSetter: ACTOR })?;
        machine.must(factory, &V2Factory::createPairCall { a: tokens[0], b: tokens[1] })?;
        let address = machine.read(factory, &V2Factory::getPairCall { a: tokens[0], b: tokens[1] })?;
        for (token, reserve) in tokens.into_iter().zip(reserves) {
            machine.must(token, &Token::transferCall { to: address, amount: U256::from(reserve) })?;
        }
        machine.must(address, &Pair::syncCall {})?;
        Ok(Self { address, model: V2Pool::new(tokens, reserves, V2Fee::UNISWAP)? })
    }

    /// A swap of exactly this; one more is refused.
    fn swap(&self, machine: &mut Machine, side: Side, input: U256, output: U256) -> Checked {
        let token = self.model.tokens()[usize::from(side == Side::One)];
        machine.must(token, &Token::transferCall { to: self.address, amount: input })?;
        let call = |output| {
            let (zero, one) = if side == Side::Zero { (U256::ZERO, output) } else { (output, U256::ZERO) };
            Pair::swapCall { amount0Out: zero, amount1Out: one, to: ACTOR, data: Bytes::new() }
        };
        assert!(machine.ask(self.address, &call(output + U256::ONE))?.is_err(), "one more came out");
        machine.must(self.address, &call(output))?;
        Ok(())
    }
}

/// Reserves of any depth, at so many thousandths of a price. The other token has fewer decimals, so that rounding is coarse.
fn reserves(random: &mut StdRng, price: u128) -> [u128; 2] {
    let depth: u128 = random.random_range(1 << 70..1 << 74);
    [depth, (depth >> 30) * price / 1_000]
}

/// Whether a split was proposed and done.
fn cycle(seed: u64) -> Checked<bool> {
    let (mut machine, mut random) = (Machine::new(), StdRng::seed_from_u64(seed));
    let tokens = tokens(&mut machine, &[])?;
    let prices = [random.random_range(1_000..1_200), random.random_range(1_000..1_200), 950];
    let mut venues = Vec::new();
    for price in prices {
        let reserves = reserves(&mut random, price);
        venues.push(Venue::new(&mut machine, tokens, reserves)?);
    }
    let (there, back) = venues.split_at(2);
    let shared = there.iter().map(|venue| -> Arc<dyn tool_arbitrage::Pool> { Arc::new(venue.model) });
    let parallel = Parallel::new(shared.collect()).unwrap();
    let legs = [Leg { pool: &parallel, side: Side::Zero }, Leg { pool: &back[0].model, side: Side::One }];
    let costs = Costs { fixed: U256::ZERO, premium: Bps(0), tip: Tip::None };
    let sized = size(&legs, &costs, &Limits { most: U256::MAX, effort: 3 }).unwrap();
    let alone = there.iter().filter_map(|venue| {
        let legs = [Leg { pool: &venue.model, side: Side::Zero }, legs[1]];
        size(&legs, &costs, &Limits { most: U256::MAX, effort: 256 })
    });
    let alone = alone.map(|sized| sized.gross).max().unwrap_or_default();
    let before = balance(&mut machine, tokens[0], ACTOR)?;
    let split = parallel.split(Side::Zero, sized.input)?;
    for (venue, share) in there.iter().zip(&split.shares).filter(|(_, share)| !share.output.is_zero()) {
        venue.swap(&mut machine, Side::Zero, share.consumed, share.output)?;
    }
    back[0].swap(&mut machine, Side::One, split.output(), sized.output)?;
    let realised = balance(&mut machine, tokens[0], ACTOR)? - before;
    assert_eq!(realised, sized.gross);
    let used = split.shares.iter().filter(|share| !share.output.is_zero()).count();
    Ok(used == 2 && realised > alone)
}

#[test]
#[ignore = "needs the devnet's artifacts: scripts/test runs it"]
fn a_split_gains_what_was_predicted() -> Checked {
    let mut gained = 0;
    for seed in 0..20 {
        gained += u32::from(cycle(seed).map_err(|error| format!("seed {seed}: {error}"))?);
    }
    assert!(gained >= 10, "too few splits that gain more than either pair alone: {gained} of 20");
    Ok(())
}
