//! Pairs, Router02's library and the pair's own check.

use alloy_primitives::{Address, Bytes, Log, U256};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tool_arbitrage::{
    Pool as _, Quote, Side, Unquotable,
    pool::{Fork, V2Pool},
    v2::{V2Fee, amount_in, amount_out},
};

use crate::{
    abi::{Pair, Router02, Token, V2Factory, Weth},
    balance,
    machine::{ACTOR, Checked, Machine, text},
    number, tokens,
};

const MOST: U256 = U256::from_limbs([u64::MAX, (1 << 48) - 1, 0, 0]);

struct World {
    machine: Machine,
    random: StdRng,
    router: Address,
    pair: Address,
    tokens: [Address; 2],
    model: V2Pool,
    tally: Tally,
}

#[derive(Debug, Default)]
struct Tally {
    cases: u32,
    refused: u32,
    least_is_less: u32,
}

impl World {
    fn new(seed: u64) -> Checked<Self> {
        let mut machine = Machine::new();
        let weth = machine.deploy("WETH9", &Weth::constructorCall {})?;
        let factory =
            machine.deploy("UniswapV2Factory", &V2Factory::constructorCall { feeToSetter: ACTOR })?;
        let router = machine.deploy("UniswapV2Router02", &Router02::constructorCall { factory, weth })?;
        let tokens = tokens(&mut machine, &[])?;
        let (pair, _) = machine.must(factory, &V2Factory::createPairCall { a: tokens[1], b: tokens[0] })?;
        // Where it lies shows that the family's hash is that of the code that was published.
        assert_eq!(Fork::KNOWN[0].at(1, factory).address(tokens, 0), pair);
        let model = V2Pool::new(tokens, [0; 2], V2Fee::UNISWAP)?;
        let random = StdRng::seed_from_u64(seed);
        Ok(Self { machine, random, router, pair, tokens, model, tally: Tally::default() })
    }

    /// Takes the logs of the pair, and finds the model where the pair is.
    fn follow(&mut self, logs: &[Log]) -> Checked {
        for log in logs.iter().filter(|log| log.address == self.pair) {
            if let Some(reserves) = V2Pool::decode_sync(log.topics(), &log.data.data)? {
                self.model.sync(reserves)?;
            }
        }
        let there = self.machine.read(self.pair, &Pair::getReservesCall {})?;
        assert_eq!(self.model.reserves(), [there.reserve0.to::<u128>(), there.reserve1.to::<u128>()]);
        Ok(())
    }

    fn send(&mut self, token: Address, amount: U256) -> Checked {
        self.machine.must(token, &Token::transferCall { to: self.pair, amount })?;
        Ok(())
    }

    /// Somebody gives, and has it counted.
    fn donate(&mut self) -> Checked {
        for side in 0..2 {
            let room = MOST - U256::from(self.model.reserves()[side]);
            let bits = if self.random.random_bool(0.1) { 112 } else { 90 };
            let amount = number(&mut self.random, bits).min(room);
            self.send(self.tokens[side], amount)?;
        }
        let (_, logs) = self.machine.must(self.pair, &Pair::syncCall {})?;
        self.follow(&logs)?;
        if self.random.random_bool(0.5) { self.divide_evenly() } else { Ok(()) }
    }

    /// Half of an even reserve, for a reserve that 997 divides, has no remainder: the router asks one more than the pair.
    fn divide_evenly(&mut self) -> Checked {
        for side in 0..2 {
            let reserve = U256::from(self.model.reserves()[side]);
            let step = U256::from(2 * 997);
            let more = step - reserve % step;
            if reserve + more <= MOST {
                self.send(self.tokens[side], more)?;
            }
        }
        let (_, logs) = self.machine.must(self.pair, &Pair::syncCall {})?;
        self.follow(&logs)
    }

    fn facing(&self, side: Side) -> (usize, u128, u128) {
        let [zero, one] = self.model.reserves();
        if side == Side::Zero { (0, zero, one) } else { (1, one, zero) }
    }

    /// What the library says for any numbers, its reverts included.
    fn library(&mut self) -> Checked {
        let [amount, a, b] = [256, 112, 112].map(|bits| number(&mut self.random, bits));
        let [amount, a, b] =
            [amount, a, b].map(|n| if self.random.random_bool(0.03) { U256::ZERO } else { n });
        let out = if self.random.random_bool(0.7) { amount.min(b + U256::ONE) } else { amount };
        let [reserve_in, reserve_out] = [a, b].map(|n| n.to::<u128>());
        let (reserve_a, reserve_b) = (a, b);
        let ask =
            Router02::getAmountOutCall { amountIn: amount, reserveIn: reserve_a, reserveOut: reserve_b };
        let theirs = self.machine.ask(self.router, &ask)?;
        self.same("getAmountOut", amount_out(amount, reserve_in, reserve_out, V2Fee::UNISWAP), theirs);
        let ask = Router02::getAmountInCall { amountOut: out, reserveIn: reserve_a, reserveOut: reserve_b };
        let theirs = self.machine.ask(self.router, &ask)?;
        self.same("getAmountIn", amount_in(out, reserve_in, reserve_out, V2Fee::UNISWAP), theirs);
        Ok(())
    }

    fn same(&mut self, what: &str, ours: Result<U256, Unquotable>, theirs: Result<U256, Bytes>) {
        let reasons = theirs.as_ref().map_err(text);
        assert_eq!(ours.ok(), reasons.as_ref().ok().copied().copied(), "{what}: {ours:?} {reasons:?}");
        self.tally.cases += 1;
        self.tally.refused += u32::from(ours.is_err());
    }

    /// A swap that the pair is asked for directly, with one unit too much asked for first.
    fn swap_in(&mut self) -> Checked {
        let side = if self.random.random() { Side::Zero } else { Side::One };
        let (index, reserve_in, _) = self.facing(side);
        let amount = match self.random.random_range(0..10) {
            0 => U256::from(self.random.random_range(0..5_u8)),
            1 => MOST.saturating_sub(U256::from(reserve_in)) + U256::from(self.random.random_range(0..3_u8)),
            _ => number(&mut self.random, 112),
        };
        let quoted = self.model.quote_in(side, amount);
        self.send(self.tokens[index], amount)?;
        self.tally.cases += 1;
        let Ok(quote) = quoted else { return self.refused(side, amount, quoted.err()) };
        let greedy = self.try_swap(side, quote.output + U256::ONE)?;
        assert!(greedy.is_err(), "one more came out: {side:?} {quote:?}");
        self.swap(side, quote)
    }

    /// What the library would have given is refused by the pair too. Without a reserve the library alone refuses.
    fn refused(&mut self, side: Side, amount: U256, why: Option<Unquotable>) -> Checked {
        let (_, reserve_in, reserve_out) = self.facing(side);
        let given = amount_out(amount, reserve_in, reserve_out, V2Fee::UNISWAP).unwrap_or_default();
        let reason = self.try_swap(side, given)?.map_err(|reason| text(&reason)).err().unwrap_or_default();
        let expected = match why {
            Some(Unquotable::TooSmall) => "UniswapV2: INSUFFICIENT_OUTPUT_AMOUNT",
            Some(Unquotable::TooLarge) => "UniswapV2: OVERFLOW",
            Some(Unquotable::Empty) if reserve_in == 0 || reserve_out == 0 => "",
            why => return Err(format!("{side:?} {amount}: {why:?} {reason}").into()),
        };
        assert!(reason.contains(expected), "{side:?} {amount}: {why:?} {reason}");
        self.tally.refused += 1;
        self.machine.must(self.pair, &Pair::skimCall { to: ACTOR })?;
        self.follow(&[])
    }

    /// The least input is taken, one less is not, and the router asks for it or one more.
    fn swap_out(&mut self) -> Checked {
        let side = if self.random.random() { Side::Zero } else { Side::One };
        let (index, _, reserve_out) = self.facing(side);
        let output = match self.random.random_range(0..12) {
            10 | 11 => U256::from(reserve_out) / U256::from(2_u8),
            0 => U256::from(self.random.random_range(0..5_u8)),
            1 => U256::from(reserve_out).saturating_sub(U256::from(self.random.random_range(0..3_u8))),
            _ => number(&mut self.random, 112).min(U256::from(reserve_out) / U256::from(2_u8)),
        };
        self.tally.cases += 1;
        let (asked, least) = (self.model.quote_out(side, output), self.model.least_in(side, output));
        let Ok(least) = least else {
            assert!(asked.is_err());
            self.tally.refused += 1;
            return Ok(());
        };
        self.tally.least_is_less += u32::from(asked != Ok(least));
        self.send(self.tokens[index], least.consumed - U256::ONE)?;
        assert!(self.try_swap(side, output)?.is_err(), "one less was taken: {side:?} {least:?}");
        self.send(self.tokens[index], U256::ONE)?;
        self.swap(side, least)
    }

    fn request(side: Side, output: U256) -> Pair::swapCall {
        let (zero, one) = if side == Side::Zero { (U256::ZERO, output) } else { (output, U256::ZERO) };
        Pair::swapCall { amount0Out: zero, amount1Out: one, to: ACTOR, data: Bytes::new() }
    }

    fn try_swap(&mut self, side: Side, output: U256) -> Checked<Result<(), Bytes>> {
        let ended = self.machine.ask(self.pair, &Self::request(side, output))?;
        Ok(ended.map(|_| ()))
    }

    fn swap(&mut self, side: Side, quote: Quote) -> Checked {
        let out = self.tokens[if side == Side::Zero { 1 } else { 0 }];
        let before = balance(&mut self.machine, out, ACTOR)?;
        let (_, logs) = self.machine.must(self.pair, &Self::request(side, quote.output))?;
        assert_eq!(balance(&mut self.machine, out, ACTOR)? - before, quote.output);
        let mut predicted = self.model;
        predicted.swap(side, quote)?;
        self.follow(&logs)?;
        assert_eq!(self.model, predicted);
        Ok(())
    }
}

fn round(seed: u64, steps: u32) -> Checked<Tally> {
    let mut world = World::new(seed)?;
    for _ in 0..steps {
        if world.random.random_bool(0.15) || world.model.reserves().contains(&0) {
            world.donate()?;
        }
        world.library()?;
        world.swap_out()?;
        world.swap_in()?;
    }
    println!("KEEPWRIGHT_SEED={seed} (v2): {:?}", world.tally);
    Ok(world.tally)
}

#[test]
#[ignore = "needs the devnet's artifacts: scripts/test runs it"]
fn pairs_answer_as_their_bytecode_does() -> Checked {
    let tally = round(1, 60)?;
    assert!(tally.cases >= 240 && tally.refused > 10 && tally.least_is_less > 0, "{tally:?}");
    Ok(())
}

#[test]
#[ignore = "long: resumed with KEEPWRIGHT_SEED"]
fn long_pairs_answer_exactly_as_their_bytecode_does() -> Checked {
    let (first, mut cases) = (crate::seed(), 0);
    for seed in (0..50).map(|round| first.wrapping_add(round)) {
        cases += round(seed, 100).map_err(|error| format!("KEEPWRIGHT_SEED={seed}: {error}"))?.cases;
    }
    println!("{cases} cases");
    assert!(cases >= 20_000);
    Ok(())
}
