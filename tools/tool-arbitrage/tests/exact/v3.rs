//! Pools, QuoterV2 and SwapRouter, with positions that come and go through the position manager.

use alloy_primitives::{
    Address, Log, U256,
    aliases::{I24, U24, U160},
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tool_arbitrage::{
    Side, Unquotable,
    pool::{Fork, Swap, TickLiquidity, V3Event, V3Pool, V3Slot, V3Terms, Walk},
    v3::{Exact, MAX_SQRT_PRICE, MAX_TICK, MIN_SQRT_PRICE, MIN_TICK, sqrt_price_at_tick},
};

use crate::{
    abi::{
        CollectParams, DecreaseLiquidityParams, ExactInputSingleParams, ExactOutputSingleParams, MintParams,
        Pool, PositionManager, QuoteExactInputSingleParams, QuoteExactOutputSingleParams, QuoterV2,
        SwapRouter, V3Factory, Weth,
    },
    balance,
    machine::{ACTOR, Checked, Machine, text},
    number, tokens,
};

/// Uniswap's fees and spacings, and what a factory's owner might add.
const TIERS: [(u32, i32); 6] = [(100, 1), (500, 10), (3_000, 60), (10_000, 200), (7, 13), (999_999, 16_383)];

/// What all pools of a round share.
struct Venue {
    factory: Address,
    manager: Address,
    router: Address,
    quoter: Address,
    tokens: [Address; 2],
}

impl Venue {
    fn new(machine: &mut Machine) -> Checked<Self> {
        let weth = machine.deploy("WETH9", &Weth::constructorCall {})?;
        let factory = machine.deploy("UniswapV3Factory", &V3Factory::constructorCall {})?;
        let manager = PositionManager::constructorCall { factory, weth, descriptor: Address::ZERO };
        let manager = machine.deploy("NonfungiblePositionManager", &manager)?;
        let router = machine.deploy("SwapRouter", &SwapRouter::constructorCall { factory, weth })?;
        let quoter = machine.deploy("QuoterV2", &QuoterV2::constructorCall { factory, weth })?;
        let tokens = tokens(machine, &[manager, router])?;
        for (fee, spacing) in TIERS.into_iter().filter(|tier| ![500, 3_000, 10_000].contains(&tier.0)) {
            let (fee, spacing) = (U24::from(fee), I24::try_from(spacing)?);
            machine.must(factory, &V3Factory::enableFeeAmountCall { fee, tickSpacing: spacing })?;
        }
        Ok(Self { factory, manager, router, quoter, tokens })
    }
}

struct World<'a> {
    machine: &'a mut Machine,
    random: &'a mut StdRng,
    venue: &'a Venue,
    pool: Address,
    model: V3Pool,
    /// Token and liquidity of each position.
    positions: Vec<(U256, u128)>,
    tally: &'a mut Tally,
}

#[derive(Debug, Default)]
struct Tally {
    cases: u32,
    refused: u32,
    partial: u32,
    crossed: u32,
    positions: u32,
    pokes: u32,
    protocol: u32,
}

impl<'a> World<'a> {
    fn new(
        machine: &'a mut Machine,
        random: &'a mut StdRng,
        venue: &'a Venue,
        (fee, spacing): (u32, i32),
        tally: &'a mut Tally,
    ) -> Checked<Self> {
        let [a, b] = venue.tokens;
        let create = V3Factory::createPoolCall { a: b, b: a, fee: U24::from(fee) };
        let (pool, _) = machine.must(venue.factory, &create)?;
        // Where it lies shows that the family's hash is that of the code that was published.
        assert_eq!(Fork::KNOWN[1].at(1, venue.factory).address(venue.tokens, fee), pool);
        let model = V3Pool::created(V3Terms { tokens: venue.tokens, fee_pips: fee, tick_spacing: spacing })?;
        let mut world = Self { machine, random, venue, pool, model, positions: vec![], tally };
        // Nothing is to be had before there is a price.
        world.compare(Side::Zero, Exact::In(U256::ONE), None)?;
        let start = world.start();
        let (_, logs) =
            world.machine.must(pool, &Pool::initializeCall { sqrtPriceX96: U160::from(start) })?;
        world.follow(&logs)?;
        Ok(world)
    }

    fn start(&mut self) -> U256 {
        let tick = match self.random.random_range(0..8) {
            0 => self.random.random_range(MIN_TICK..MIN_TICK + 2_000),
            1 => self.random.random_range(MAX_TICK - 2_000..MAX_TICK),
            2 | 3 => self.random.random_range(MIN_TICK..MAX_TICK),
            _ => self.random.random_range(-5_000..5_000),
        };
        let price = sqrt_price_at_tick(tick).unwrap();
        price + U256::from(self.random.random_range(0..2_u8))
    }

    /// Takes the logs of the pool, and finds the model where the pool is.
    fn follow(&mut self, logs: &[Log]) -> Checked {
        let pool = self.pool;
        for log in logs.iter().filter(|log| log.address == pool) {
            if let Some(event) = V3Event::decode(log.topics(), &log.data.data)? {
                if let V3Event::Mint { lower, upper, .. } | V3Event::Burn { lower, upper, .. } = event {
                    self.model.apply(event)?;
                    self.ticks_are_there([lower, upper])?;
                } else {
                    self.model.apply(event)?;
                }
            }
        }
        assert_eq!(self.model.slot(), self.slot()?);
        self.model.check()?;
        Ok(())
    }

    fn slot(&mut self) -> Checked<V3Slot> {
        let slot = self.machine.read(self.pool, &Pool::slot0Call {})?;
        let liquidity = self.machine.read(self.pool, &Pool::liquidityCall {})?;
        let (sqrt_price, tick) = (U256::from(slot.sqrtPriceX96), slot.tick.as_i32());
        Ok(V3Slot { sqrt_price, tick, liquidity, fee_protocol: slot.feeProtocol })
    }

    fn ticks_are_there(&mut self, ticks: [i32; 2]) -> Checked {
        for tick in ticks {
            let there = self.machine.read(self.pool, &Pool::ticksCall { tick: I24::try_from(tick)? })?;
            let there = TickLiquidity { gross: there.liquidityGross, net: there.liquidityNet };
            assert_eq!(self.model.tick(tick), there, "tick {tick}");
            let word = i16::try_from(tick.div_euclid(self.model.terms().tick_spacing) >> 8)?;
            let there = self.machine.read(self.pool, &Pool::tickBitmapCall { word })?;
            assert_eq!(self.model.bitmap(word), there, "word {word}");
        }
        Ok(())
    }

    fn mint(&mut self) -> Checked {
        let spacing = self.model.terms().tick_spacing;
        let (least, most) = (MIN_TICK / spacing, MAX_TICK / spacing);
        let here = self.model.slot().tick.div_euclid(spacing);
        let (lower, upper) = match self.random.random_range(0..10) {
            0 => (least, most),
            1 => (self.random.random_range(least..most), most),
            2 => (least, self.random.random_range(least + 1..=most)),
            // Gaps, ends of words, and narrow ones about the price.
            3 => {
                let word = (here >> 8) * 256 + 256 * self.random.random_range(-1..=1);
                let lower = word + self.random.random_range(-1..=1);
                (lower, lower + *[1, 255, 256, 257].choose(self.random).unwrap())
            }
            _ => {
                let lower = here + self.random.random_range(-40..40);
                (lower, lower + self.random.random_range(1..60))
            }
        };
        let lower = lower.clamp(least, most - 1);
        let upper = upper.clamp(lower + 1, most);
        let bits = *[20, 70, 100, 128].choose(self.random).unwrap();
        let amounts = [number(self.random, bits), number(self.random, bits)];
        let params = MintParams {
            token0: self.venue.tokens[0],
            token1: self.venue.tokens[1],
            fee: U24::from(self.model.terms().fee_pips),
            tickLower: I24::try_from(lower * spacing)?,
            tickUpper: I24::try_from(upper * spacing)?,
            amount0Desired: amounts[0],
            amount1Desired: amounts[1],
            amount0Min: U256::ZERO,
            amount1Min: U256::ZERO,
            recipient: ACTOR,
            deadline: U256::MAX,
        };
        // The manager refuses what comes to no liquidity, or to more than its types hold.
        let mint = PositionManager::mintCall { params };
        let Ok(minted) = self.machine.ask(self.venue.manager, &mint)? else { return Ok(()) };
        let (_, logs) = self.machine.must(self.venue.manager, &mint)?;
        self.positions.push((minted.tokenId, minted.liquidity));
        self.tally.positions += 1;
        self.follow(&logs)
    }

    fn burn(&mut self) -> Checked {
        if self.positions.is_empty() {
            return Ok(());
        }
        let index = self.random.random_range(0..self.positions.len());
        let (token, held) = self.positions[index];
        if held > 0 && self.random.random_bool(0.3) {
            // The fees are counted by a burn of nothing.
            let most = u128::MAX;
            let params =
                CollectParams { tokenId: token, recipient: ACTOR, amount0Max: most, amount1Max: most };
            let (_, logs) =
                self.machine.must(self.venue.manager, &PositionManager::collectCall { params })?;
            self.tally.pokes += 1;
            return self.follow(&logs);
        }
        let liquidity = if self.random.random() { held } else { held / 2 };
        if liquidity == 0 {
            return Ok(());
        }
        let params = DecreaseLiquidityParams {
            tokenId: token,
            liquidity,
            amount0Min: U256::ZERO,
            amount1Min: U256::ZERO,
            deadline: U256::MAX,
        };
        let call = PositionManager::decreaseLiquidityCall { params };
        let (_, logs) = self.machine.must(self.venue.manager, &call)?;
        self.positions[index].1 -= liquidity;
        self.follow(&logs)
    }

    fn set_protocol_fee(&mut self) -> Checked {
        let mut parts = || *[0, 4, 5, 10].choose(self.random).unwrap();
        let call = Pool::setFeeProtocolCall { feeProtocol0: parts(), feeProtocol1: parts() };
        let (_, logs) = self.machine.must(self.pool, &call)?;
        self.follow(&logs)
    }

    /// Somewhere near the price or far off, on a tick or beside it, on the right side or not.
    fn limit(&mut self, side: Side) -> Option<U256> {
        let spacing = self.model.terms().tick_spacing;
        let slot = self.model.slot();
        let away = match self.random.random_range(0..9) {
            0..3 => return None,
            3 => self.random.random_range(0..3),
            4 => spacing * self.random.random_range(0..600),
            5 => {
                return Some(
                    *[MIN_SQRT_PRICE, MAX_SQRT_PRICE, slot.sqrt_price, U256::ONE]
                        .choose(self.random)
                        .unwrap(),
                );
            }
            6 => {
                return Some(if side == Side::Zero {
                    MIN_SQRT_PRICE + U256::ONE
                } else {
                    MAX_SQRT_PRICE - U256::ONE
                });
            }
            _ => self.random.random_range(0..40 * spacing),
        };
        let away = if side == Side::Zero { -away } else { away };
        let tick = (slot.tick + away).clamp(MIN_TICK, MAX_TICK);
        // Many limits lie just on a tick that may be initialised, or on the end of a word.
        let tick = match self.random.random_range(0..4) {
            0 => tick.div_euclid(spacing) * spacing,
            1 => (tick.div_euclid(spacing) >> 8) * 256 * spacing,
            2 => ((tick.div_euclid(spacing) >> 8) * 256 + 255) * spacing,
            _ => tick,
        };
        let price = sqrt_price_at_tick(tick.clamp(MIN_TICK, MAX_TICK)).unwrap();
        Some(price + U256::from(self.random.random_range(0..3_u8)) - U256::ONE)
    }

    /// A walk over thousands of words takes the EVM seconds: some do, of the narrow spacings.
    fn nearer(&mut self, side: Side, limit: Option<U256>) -> Option<U256> {
        let V3Terms { tick_spacing: spacing, .. } = self.model.terms();
        if spacing >= 60 || self.random.random_bool(0.01) {
            return limit;
        }
        let away = self.random.random_range(1..20 * 256 * spacing);
        let away = if side == Side::Zero { -away } else { away };
        let bound = sqrt_price_at_tick((self.model.slot().tick + away).clamp(MIN_TICK, MAX_TICK)).unwrap();
        Some(match side {
            Side::Zero => limit.unwrap_or_default().max(bound),
            Side::One => limit.unwrap_or(U256::MAX).min(bound),
        })
    }

    /// Any amount, or the one that ends just at a stop, or beside it.
    fn amount(&mut self, side: Side) -> Exact {
        let out = self.random.random();
        let kind = |amount| if out { Exact::Out(amount) } else { Exact::In(amount) };
        match self.random.random_range(0..12) {
            0 => kind(U256::from(self.random.random_range(0..4_u8))),
            1 => kind((U256::ONE << 255) - U256::from(self.random.random_range(0..3_u8))),
            2..6 => {
                let limit = self.limit(side);
                let Ok(swap) = self.model.quote(side, kind(U256::MAX >> 1), limit) else {
                    return kind(U256::ONE);
                };
                let exact = if out { swap.output } else { swap.consumed };
                let beside =
                    (exact + U256::ONE).saturating_sub(U256::from(self.random.random_range(0..3_u8)));
                kind(beside)
            }
            _ => {
                let bits = *[40, 80, 128, 255].choose(self.random).unwrap();
                kind(number(self.random, bits))
            }
        }
    }

    fn swap(&mut self) -> Checked {
        let side = if self.random.random() { Side::Zero } else { Side::One };
        let amount = self.amount(side);
        let limit = self.limit(side);
        let limit = self.nearer(side, limit);
        self.compare(side, amount, limit)
    }

    /// The quoter's answer, then the swap itself: what it moves, and what it leaves.
    fn compare(&mut self, side: Side, amount: Exact, limit: Option<U256>) -> Checked {
        let what = format!("{side:?} {amount:?} {limit:?} {:?}", self.model.slot());
        let (ours, walk) = (self.model.quote(side, amount, limit), self.model.walk(side, amount, limit));
        assert_eq!(ours, walk.map(|walk| walk.swap), "{what}");
        let ours = ours.and_then(|swap| routed(swap, amount, limit));
        self.tally.cases += 1;
        let quoted = self.quoter(side, amount, limit)?;
        match (ours, &quoted) {
            (Ok(swap), Ok((number, price))) => {
                let expected = if matches!(amount, Exact::In(_)) { swap.output } else { swap.consumed };
                assert_eq!((expected, swap.after.sqrt_price), (*number, *price), "{what}");
                self.route(side, amount, limit, &swap, &walk?).map_err(|error| format!("{what}: {error}"))?;
            }
            (Err(why), Err(reason)) => {
                let expected = [(Unquotable::TooSmall, "AS"), (Unquotable::Limit, "SPL")];
                let expected = expected.into_iter().find(|(of, _)| *of == why).map(|(_, text)| text);
                assert!(expected.is_none_or(|text| reason.contains(text)), "{what}: {why:?} {reason}");
                self.tally.refused += 1;
                let sent = self.request(side, amount, limit)?;
                assert!(sent.is_err(), "{what}: {why:?}, and the router took it");
            }
            (ours, theirs) => return Err(format!("{what}: {ours:?} {theirs:?}").into()),
        }
        self.follow(&[])
    }

    fn quoter(
        &mut self,
        side: Side,
        amount: Exact,
        limit: Option<U256>,
    ) -> Checked<Result<(U256, U256), String>> {
        let [zero, one] = self.venue.tokens;
        let (token_in, token_out) = if side == Side::Zero { (zero, one) } else { (one, zero) };
        let fee = U24::from(self.model.terms().fee_pips);
        let limit = U160::from(limit.unwrap_or_default());
        Ok(match amount {
            Exact::In(amount) => {
                let params = QuoteExactInputSingleParams {
                    tokenIn: token_in,
                    tokenOut: token_out,
                    amountIn: amount,
                    fee,
                    sqrtPriceLimitX96: limit,
                };
                let answer =
                    self.machine.ask(self.venue.quoter, &QuoterV2::quoteExactInputSingleCall { params })?;
                answer.map(|answer| (answer.amount, answer.sqrtPriceX96After))
            }
            Exact::Out(amount) => {
                let params = QuoteExactOutputSingleParams {
                    tokenIn: token_in,
                    tokenOut: token_out,
                    amount,
                    fee,
                    sqrtPriceLimitX96: limit,
                };
                let answer =
                    self.machine.ask(self.venue.quoter, &QuoterV2::quoteExactOutputSingleCall { params })?;
                answer.map(|answer| (answer.amount, answer.sqrtPriceX96After))
            }
        }
        .map(|(amount, price)| (amount, U256::from(price)))
        .map_err(|reason| text(&reason)))
    }

    /// The swap through the router: what it logged, or why not.
    fn request(
        &mut self,
        side: Side,
        amount: Exact,
        limit: Option<U256>,
    ) -> Checked<Result<Vec<Log>, String>> {
        let [zero, one] = self.venue.tokens;
        let (token_in, token_out) = if side == Side::Zero { (zero, one) } else { (one, zero) };
        let (fee, recipient, deadline) = (U24::from(self.model.terms().fee_pips), ACTOR, U256::MAX);
        let limit = U160::from(limit.unwrap_or_default());
        let called = match amount {
            Exact::In(amount) => {
                let params = ExactInputSingleParams {
                    tokenIn: token_in,
                    tokenOut: token_out,
                    fee,
                    recipient,
                    deadline,
                    amountIn: amount,
                    amountOutMinimum: U256::ZERO,
                    sqrtPriceLimitX96: limit,
                };
                self.machine.call(self.venue.router, &SwapRouter::exactInputSingleCall { params })?
            }
            Exact::Out(amount) => {
                let params = ExactOutputSingleParams {
                    tokenIn: token_in,
                    tokenOut: token_out,
                    fee,
                    recipient,
                    deadline,
                    amountOut: amount,
                    amountInMaximum: U256::MAX,
                    sqrtPriceLimitX96: limit,
                };
                self.machine.call(self.venue.router, &SwapRouter::exactOutputSingleCall { params })?
            }
        };
        Ok(called.map(|(_, logs)| logs).map_err(|reason| text(&reason)))
    }

    fn balances(&mut self) -> Checked<[U256; 2]> {
        let [zero, one] = self.venue.tokens;
        Ok([balance(self.machine, zero, ACTOR)?, balance(self.machine, one, ACTOR)?])
    }

    fn route(&mut self, side: Side, amount: Exact, limit: Option<U256>, swap: &Swap, walk: &Walk) -> Checked {
        let (before, fees) = (self.balances()?, self.machine.read(self.pool, &Pool::protocolFeesCall {})?);
        let logs = self.request(side, amount, limit)??;
        let (after, later) = (self.balances()?, self.machine.read(self.pool, &Pool::protocolFeesCall {})?);
        let (index, taken) = match side {
            Side::Zero => (0, later.token0.wrapping_sub(fees.token0)),
            Side::One => (1, later.token1.wrapping_sub(fees.token1)),
        };
        assert_eq!(before[index] - after[index], swap.consumed);
        assert_eq!(after[1 - index] - before[1 - index], swap.output);
        assert_eq!(taken, walk.protocol_fee);
        self.follow(&logs)?;
        assert_eq!(self.model.slot(), swap.after);
        let (Exact::In(number) | Exact::Out(number)) = amount;
        let measured = if matches!(amount, Exact::In(_)) { swap.consumed } else { swap.output };
        self.tally.partial += u32::from(measured != number);
        self.tally.crossed += walk.crossed;
        self.tally.protocol += u32::from(taken > 0);
        Ok(())
    }

    fn step(&mut self) -> Checked {
        match self.random.random_range(0..20) {
            0..3 => self.mint()?,
            3 | 4 => self.burn()?,
            5 => self.set_protocol_fee()?,
            _ => {}
        }
        // A pool that a swap left at the end of all ticks comes back first.
        let tick = self.model.slot().tick;
        if !(MIN_TICK + 1_000..MAX_TICK - 1_000).contains(&tick) && self.random.random_bool(0.5) {
            let side = if tick < 0 { Side::One } else { Side::Zero };
            let limit = sqrt_price_at_tick(self.random.random_range(-3_000..3_000)).ok();
            return self.compare(side, Exact::In(U256::MAX >> 2), limit);
        }
        self.swap()
    }
}

/// What routers make of a pool's answer: they refuse what moves nothing in, and an output that is not all that was asked for
/// where no limit was given.
fn routed(swap: Swap, amount: Exact, limit: Option<U256>) -> Result<Swap, Unquotable> {
    if swap.consumed.is_zero() {
        return Err(Unquotable::Empty);
    }
    let short = matches!(amount, Exact::Out(asked) if swap.output != asked);
    if short && limit.is_none() { Err(Unquotable::TooLarge) } else { Ok(swap) }
}

fn round(seed: u64, steps: u32) -> Checked<Tally> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut machine = Machine::new();
    let venue = Venue::new(&mut machine)?;
    let mut tally = Tally::default();
    for tier in TIERS {
        let mut world = World::new(&mut machine, &mut random, &venue, tier, &mut tally)?;
        for _ in 0..3 {
            world.mint()?;
        }
        for step in 0..steps {
            world.step().map_err(|error| format!("fee {}, step {step}: {error}", tier.0))?;
        }
    }
    println!("KEEPWRIGHT_SEED={seed} (v3): {tally:?}");
    Ok(tally)
}

#[test]
#[ignore = "needs the devnet's artifacts: scripts/test runs it"]
fn pools_answer_as_their_bytecode_does() -> Checked {
    let tally = round(1, 60)?;
    assert!(tally.cases >= 360 && tally.refused > 40 && tally.partial > 40, "{tally:?}");
    assert!(tally.crossed > 40 && tally.pokes > 3 && tally.protocol > 20, "{tally:?}");
    Ok(())
}

#[test]
#[ignore = "long: resumed with KEEPWRIGHT_SEED"]
fn long_pools_answer_exactly_as_their_bytecode_does() -> Checked {
    let (first, mut cases) = (crate::seed(), 0);
    for seed in (0..60).map(|round| first.wrapping_add(round)) {
        cases += round(seed, 70).map_err(|error| format!("KEEPWRIGHT_SEED={seed}: {error}"))?.cases;
    }
    println!("{cases} cases");
    assert!(cases >= 24_000);
    Ok(())
}
