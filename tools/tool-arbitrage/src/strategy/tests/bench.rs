//! What the runtime and a chain of pools do, in small.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use agent_core::{
    Answered, Borrow, ChainEvent, ChainLog, Head, Interest, Opportunity, OpportunityId, OutcomeReport, Query,
    ports::{Outbox, Request, Strategy},
    units::{BlockNumber, BlockRef, Timestamp, Token, TokenAmount},
};
use alloy_primitives::{
    Address, B256, Bytes, I256, LogData, U256, address,
    aliases::{I24, U24},
    keccak256,
};
use alloy_sol_types::{SolCall, SolEvent, SolValue};

use crate::{
    ArbitrageConfig, ArbitrageStrategy, BaseConfig, Exchange, Kind, TermsConfig,
    abi::{IFactoryV2, IFactoryV3, IFeed, ILender, IPair, IRouterV2, IRouterV3, ISlot, ITickPool},
    market::{Model, State},
    math::v2::V2Fee,
    pool::{Pool, Side, V2Pool, V3Event, V3Pool, V3Terms},
    v3,
};

pub(super) const WETH: Address = address!("0x1100000000000000000000000000000000000000");
pub(super) const USDC: Address = address!("0x2200000000000000000000000000000000000000");
pub(super) const WILD: Address = address!("0x3300000000000000000000000000000000000000");
pub(super) const V2: Address = address!("0xf200000000000000000000000000000000000000");
pub(super) const V3: Address = address!("0xf300000000000000000000000000000000000000");
pub(super) const LENDER: Address = address!("0xaa00000000000000000000000000000000000000");
const FEEDS: [Address; 2] = [Address::repeat_byte(0xfe), Address::repeat_byte(0xfd)];
const PREMIUM: u64 = 5;

pub(super) fn pool(number: u8) -> Address {
    Address::left_padding_from(&[0xbb, number])
}

pub(super) fn ether(whole: u128) -> u128 {
    whole * 1_000_000_000_000_000_000
}

pub(super) fn config() -> ArbitrageConfig {
    let token = |address, symbol: &str, decimals| Token { address, symbol: symbol.into(), decimals };
    let base = |token, feed, most: u128| BaseConfig { token, feed, most: U256::from(most), dust: U256::ZERO };
    let exchange = |kind, factory, router| Exchange {
        kind,
        factory,
        router: Address::repeat_byte(router),
        start_block: BlockNumber(0),
        verified: true,
        flash_swaps: false,
    };
    ArbitrageConfig {
        executor: Address::repeat_byte(0xee),
        tokens: vec![token(WETH, "WETH", 18), token(USDC, "USDC", 6)],
        wrapped_native: WETH,
        bases: vec![base(WETH, FEEDS[0], ether(1_000)), base(USDC, FEEDS[1], 10_000_000_000_000)],
        exchanges: vec![
            exchange(Kind::V2 { kept: 997, whole: 1_000 }, V2, 0xc2),
            exchange(Kind::V3, V3, 0xc3),
        ],
        denied: Vec::new(),
        block_time: 12,
        data_fee_oracle: None,
        terms: TermsConfig { lender: Some(LENDER), ..TermsConfig::default() },
    }
}

/// A pool as the chain has it.
#[derive(Debug, Clone)]
enum Real {
    V2(V2Pool),
    V3(V3Pool),
}

type Mined = (Head, Vec<ChainLog>, BTreeMap<Address, Real>);

pub(super) struct Bench {
    config: ArbitrageConfig,
    pub(super) strategy: ArbitrageStrategy,
    real: BTreeMap<Address, Real>,
    logs: Vec<ChainLog>,
    chain: Vec<Mined>,
    /// Blocks that reorgs took back, the latest last.
    void: Vec<Mined>,
    branch: u64,
    interests: Vec<Interest>,
    pub(super) requests: Vec<Request>,
    pub(super) feeds_are_silent: bool,
    /// Ticks that positions ended at.
    ends: BTreeSet<i32>,
    /// Questions about pools wait here until they are answered by hand.
    pub(super) waiting: Option<VecDeque<Asked>>,
}

/// A question's tag and its queries.
pub(super) type Asked = (u64, Vec<Query>);

impl Bench {
    pub(super) fn new(config: ArbitrageConfig) -> Self {
        let strategy = ArbitrageStrategy::new(config.clone());
        let interests = strategy.interests();
        Self {
            config,
            strategy,
            real: BTreeMap::new(),
            logs: Vec::new(),
            chain: Vec::new(),
            void: Vec::new(),
            branch: 0,
            interests,
            requests: Vec::new(),
            feeds_are_silent: false,
            ends: BTreeSet::new(),
            waiting: None,
        }
    }

    /// A block with all that was made, given as history.
    pub(super) fn start(&mut self) {
        self.end_block();
        self.replay();
    }

    pub(super) fn mine(&mut self) {
        self.end_block();
        let (head, mut logs, _) = self.chain.last().unwrap().clone();
        logs.retain(|log| self.interests.iter().any(|wanted| wanted.wants(log)));
        self.feed(ChainEvent::Block { head, logs });
    }

    pub(super) fn height(&self) -> usize {
        self.chain.len()
    }

    /// Goes back to when the chain had `height` blocks, on another branch.
    pub(super) fn rollback(&mut self, height: usize) {
        self.void.extend(self.chain.drain(height..));
        let (head, _, real) = self.chain.last().unwrap().clone();
        self.real = real;
        self.branch += 1;
        self.feed(ChainEvent::Rollback { to: head.block });
    }

    /// Another strategy that is told of the same chain as history.
    pub(super) fn afresh(&self) -> Self {
        let mut fresh = Self::new(self.config.clone());
        fresh.chain = self.chain.clone();
        fresh.real = self.real.clone();
        fresh.replay();
        fresh
    }

    pub(super) fn tell_outcome(&mut self, report: OutcomeReport) {
        self.feed(ChainEvent::Outcome(report));
    }

    /// Answers the oldest waiting question as of the block that is `back` before the newest. False where none waits.
    pub(super) fn answer(&mut self, back: usize) -> bool {
        let at = self.chain.len() - 1 - back.min(self.chain.len() - 1);
        let mined = self.chain[at].clone();
        self.answer_of(&mined)
    }

    /// Answers it as of a block that a reorg took back.
    pub(super) fn answer_of_void(&mut self) -> bool {
        let Some(mined) = self.void.last().cloned() else { return false };
        self.answer_of(&mined)
    }

    /// Answers it as of the newest block, each answer changed like this.
    pub(super) fn answer_with(&mut self, change: impl Fn(&Query, Answered) -> Answered) -> bool {
        let mined = self.chain.last().unwrap().clone();
        self.answer_changed(&mined, change)
    }

    fn answer_of(&mut self, mined: &Mined) -> bool {
        self.answer_changed(mined, |_, answer| answer)
    }

    fn answer_changed(&mut self, mined: &Mined, change: impl Fn(&Query, Answered) -> Answered) -> bool {
        let Some((tag, queries)) = self.waiting.as_mut().and_then(VecDeque::pop_front) else { return false };
        let answers = queries.iter().map(|query| change(query, self.read(query, mined))).collect();
        self.feed(ChainEvent::Answer { tag, at: mined.0.block, answers });
        true
    }

    /// Whether nothing happened since the newest block.
    pub(super) const fn is_mined(&self) -> bool {
        self.logs.is_empty()
    }

    /// What happened since the newest block does not.
    pub(super) fn drop_unmined(&mut self) {
        self.logs.clear();
        self.real = self.chain.last().unwrap().2.clone();
    }

    /// How many pools there are.
    pub(super) fn there(&self) -> usize {
        self.chain.last().unwrap().2.len()
    }

    /// What was asked and not answered, by pool: how many queries.
    pub(super) fn asked(&self) -> BTreeMap<Address, usize> {
        let mut asked = BTreeMap::new();
        for query in self.waiting.iter().flatten().flat_map(|(_, queries)| queries) {
            *asked.entry(query.to).or_default() += 1;
        }
        asked
    }

    /// Whether each pool that the strategy knows is as the newest block has it, to the tick; and how many those are.
    pub(super) fn known_as_they_are(&self) -> usize {
        let real = &self.chain.last().unwrap().2;
        let mut known = 0;
        for entry in self.strategy.market.entries() {
            match (&entry.state, real.get(&entry.address)) {
                (State::Known(Model::V2(ours)), Some(Real::V2(pair))) => assert_eq!(ours, pair),
                (State::Known(Model::V3(ours)), Some(Real::V3(ticks))) => {
                    assert_eq!(ours.slot(), ticks.slot());
                    for word in -400..400 {
                        assert_eq!(ours.bitmap(word), ticks.bitmap(word), "word {word}");
                    }
                    for tick in self.ends.iter().copied() {
                        assert_eq!(ours.tick(tick), ticks.tick(tick), "tick {tick}");
                    }
                }
                (State::Known(model), real) => panic!("{model:?} for {real:?}"),
                _others => continue,
            }
            known += 1;
        }
        known
    }

    /// What lies in a v3 pool's position that alone has this lower end.
    pub(super) fn held(&self, number: u8, lower: i32) -> u128 {
        let Some(Real::V3(ticks)) = self.real.get(&pool(number)) else { return 0 };
        ticks.tick(lower).gross
    }

    /// What is open by what was requested, in order.
    pub(super) fn open(&self) -> BTreeMap<OpportunityId, Opportunity> {
        let mut open = BTreeMap::new();
        for request in &self.requests {
            match request {
                Request::Publish(opportunity) => drop(open.insert(opportunity.id, (**opportunity).clone())),
                Request::Withdraw(id) => drop(open.remove(id)),
                Request::Prepare(_) | Request::Ask { .. } | Request::Warn(_) => {}
            }
        }
        open
    }

    pub(super) fn warnings(&self) -> impl Iterator<Item = &str> {
        self.requests
            .iter()
            .filter_map(|request| if let Request::Warn(said) = request { Some(said.as_str()) } else { None })
    }

    /// What the pools quote as the strategy has them, by address; those that trade nothing are left out.
    pub(super) fn pools(&self) -> BTreeMap<Address, String> {
        let known = self.strategy.market.entries().iter();
        let shown = known.filter_map(|entry| {
            let pool = entry.state.pool()?;
            pool.stretch(Side::Zero)?;
            let quotes =
                [Side::Zero, Side::One].map(|side| pool.quote_in(side, U256::from(1_000_000_000u64)));
            Some((entry.address, format!("{quotes:?}")))
        });
        shown.collect()
    }

    pub(super) fn pair(&mut self, factory: Address, number: u8, tokens: [Address; 2], reserves: [u128; 2]) {
        let [token0, token1] = tokens;
        let made = IFactoryV2::PairCreated { token0, token1, pair: pool(number), count: U256::ONE };
        self.log(factory, made.encode_log_data());
        self.real.insert(pool(number), Real::V2(V2Pool::new(tokens, [0; 2], V2Fee::UNISWAP).unwrap()));
        self.sync(number, reserves);
    }

    /// A pool with liquidity over the whole range, around the price that the two amounts have.
    pub(super) fn ticks(&mut self, factory: Address, number: u8, tokens: [Address; 2], amounts: [u128; 2]) {
        let ([token0, token1], [amount0, amount1]) = (tokens, amounts.map(U256::from));
        let (fee, spacing) = (500u32, 10i32);
        let made = IFactoryV3::PoolCreated {
            token0,
            token1,
            fee: U24::from(fee),
            tickSpacing: I24::try_from(spacing).unwrap(),
            pool: pool(number),
        };
        self.log(factory, made.encode_log_data());
        let terms = V3Terms { tokens, fee_pips: fee, tick_spacing: spacing };
        self.real.insert(pool(number), Real::V3(V3Pool::created(terms).unwrap()));
        // sqrt(amount1 / amount0) in Q64.96, and the geometric mean as liquidity.
        let sqrt_price = ((amount1 << 192usize) / amount0).root(2);
        let tick = v3::tick_at_sqrt_price(sqrt_price).unwrap();
        self.happen(number, V3Event::Initialize { sqrt_price, tick });
        self.mint(number, -887_200, 887_200, (amount0 * amount1).root(2).to::<u128>());
    }

    pub(super) fn mint(&mut self, number: u8, lower: i32, upper: i32, amount: u128) {
        self.ends.extend([lower, upper]);
        self.happen(number, V3Event::Mint { lower, upper, amount });
    }

    /// What somebody takes out again.
    pub(super) fn take_out(&mut self, number: u8, lower: i32, upper: i32, amount: u128) {
        self.happen(number, V3Event::Burn { lower, upper, amount });
    }

    /// A log that may contradict what is there.
    pub(super) fn burn(&mut self, number: u8, lower: i32, upper: i32, amount: u128) {
        let log = v3_log(V3Event::Burn { lower, upper, amount });
        self.log(pool(number), log);
    }

    /// Swaps, as somebody else does.
    pub(super) fn swap(&mut self, address: Address, from: Address, amount: U256) -> U256 {
        let number = address.0[19];
        match self.real[&address].clone() {
            Real::V2(mut pair) => {
                let side = if pair.tokens()[0] == from { Side::Zero } else { Side::One };
                let quote = pair.quote_in(side, amount).unwrap();
                pair.swap(side, quote).unwrap();
                self.sync(number, pair.reserves());
                quote.output
            }
            Real::V3(ticks) => {
                let side = if ticks.tokens()[0] == from { Side::Zero } else { Side::One };
                let swap = ticks.quote(side, v3::Exact::In(amount), None).unwrap();
                let crate::pool::V3Slot { sqrt_price, liquidity, tick, .. } = swap.after;
                self.happen(number, V3Event::Swap { sqrt_price, liquidity, tick });
                swap.output
            }
        }
    }

    /// Swaps, if the pool can.
    pub(super) fn sell(&mut self, address: Address, from: Address, amount: U256) {
        let pool: &dyn Pool = match &self.real[&address] {
            Real::V2(pair) => pair,
            Real::V3(ticks) => ticks,
        };
        let side = if pool.tokens()[0] == from { Side::Zero } else { Side::One };
        if pool.quote_in(side, amount).is_ok() {
            self.swap(address, from, amount);
        }
    }

    /// Changes a pair without a log.
    pub(super) fn move_silently(&mut self, number: u8, reserves: [u128; 2]) {
        let Some(Real::V2(pair)) = self.real.get_mut(&pool(number)) else { panic!("no pair") };
        pair.sync(reserves).unwrap();
    }

    /// Does what an opportunity's calls say, and tells what went in and came out. Nothing is left of what passed on the way.
    pub(super) fn carry_out(&mut self, opportunity: &Opportunity) -> (U256, U256) {
        let hops = opportunity.facts["pools"].split(" > ");
        let pools: Vec<Address> =
            hops.flat_map(|hop| hop.split(" + ")).map(|pool| pool.parse().unwrap()).collect();
        let TokenAmount { token: base, raw: input } = opportunity.appraisal.notional;
        let mut held = BTreeMap::from([(base, input)]);
        let mut pools = pools.into_iter();
        let borrow = opportunity.intent.borrow.filter(|borrow| borrow.lending.price().is_some());
        if let Some(Borrow { lender, amount, .. }) = borrow {
            assert_eq!(pools.next(), Some(lender));
            assert_eq!(self.swap(lender, base, input), amount.raw);
            held = BTreeMap::from([(amount.token, amount.raw)]);
        }
        for (call, address) in opportunity.intent.calls.iter().zip(pools) {
            let spend = call.spend.unwrap();
            let (swapped, least) = terms(&call.data);
            assert_eq!(spend.raw, swapped);
            let from = held.get_mut(&spend.token).unwrap();
            *from = from.checked_sub(swapped).unwrap();
            let amount = self.swap(address, spend.token, swapped);
            assert!(amount >= least);
            let [zero, one] = match &self.real[&address] {
                Real::V2(pair) => pair.tokens(),
                Real::V3(ticks) => ticks.tokens(),
            };
            *held.entry(if spend.token == zero { one } else { zero }).or_default() += amount;
        }
        let output = held.remove(&base).unwrap();
        assert!(held.values().all(|left| left.is_zero()), "{held:?}");
        (input, output)
    }

    /// What the lender takes, as v3.0.2 computes it.
    pub(super) fn premium(&self, amount: U256) -> U256 {
        (amount * U256::from(PREMIUM) + U256::from(5_000u64)) / U256::from(10_000u64)
    }

    pub(super) fn show(&self, opportunity: &Opportunity, raw: U256) -> String {
        let token = opportunity.appraisal.notional.token;
        self.config.tokens.iter().find(|known| known.address == token).unwrap().display(raw)
    }

    fn sync(&mut self, number: u8, reserves: [u128; 2]) {
        alloy_sol_types::sol! { event Sync(uint112 reserve0, uint112 reserve1); }
        let Some(Real::V2(pair)) = self.real.get_mut(&pool(number)) else { panic!("no pair") };
        pair.sync(reserves).unwrap();
        let [reserve0, reserve1] = reserves.map(|reserve| reserve.try_into().unwrap());
        self.log(pool(number), Sync { reserve0, reserve1 }.encode_log_data());
    }

    pub(super) fn happen(&mut self, number: u8, event: V3Event) {
        let Some(Real::V3(ticks)) = self.real.get_mut(&pool(number)) else { panic!("no pool with ticks") };
        ticks.apply(event).unwrap();
        self.log(pool(number), v3_log(event));
    }

    fn log(&mut self, address: Address, data: LogData) {
        let (block, index) = (BlockNumber(self.chain.len() as u64), self.logs.len() as u64);
        let (topics, data) = (data.topics().to_vec(), data.data);
        self.logs.push(ChainLog { block, index, address, topics, data });
    }

    fn end_block(&mut self) {
        let number = self.chain.len() as u64;
        let block = BlockRef {
            number: BlockNumber(number),
            hash: keccak256((number, self.branch).abi_encode()),
            timestamp: Timestamp(1_000 + 12 * number),
        };
        let parent = self.chain.last().map_or(B256::ZERO, |(head, ..)| head.block.hash);
        let head = Head { block, parent, base_fee: 1_000_000_000 };
        self.chain.push((head, std::mem::take(&mut self.logs), self.real.clone()));
    }

    fn replay(&mut self) {
        let (head, logs) = (self.chain.last().unwrap().0, self.past(&self.interests));
        self.feed(ChainEvent::History { head, logs, last: true });
    }

    fn past(&self, interests: &[Interest]) -> Vec<ChainLog> {
        let logs = self.chain.iter().flat_map(|(_, logs, _)| logs);
        logs.filter(|log| interests.iter().any(|wanted| wanted.wants(log))).cloned().collect()
    }

    /// Gives an event, then what the runtime gives for it: answers, and the history of new interests.
    fn feed(&mut self, event: ChainEvent) {
        let mut queue = VecDeque::from([event]);
        while let Some(event) = queue.pop_front() {
            let mut outbox = Outbox::default();
            self.strategy.on_event(&event, &mut outbox);
            for request in outbox.drain() {
                if let Request::Ask { tag, queries } = &request {
                    let is_of_pools = queries.first().is_some_and(|query| !FEEDS.contains(&query.to));
                    if let Some(waiting) = self.waiting.as_mut().filter(|_| is_of_pools) {
                        waiting.push_back((*tag, queries.clone()));
                    } else {
                        let mined = self.chain.last().unwrap();
                        let answers = queries.iter().map(|query| self.read(query, mined)).collect();
                        queue.push_back(ChainEvent::Answer { tag: *tag, at: mined.0.block, answers });
                    }
                }
                self.requests.push(request);
            }
            let wanted = self.strategy.interests();
            if wanted != self.interests {
                let mut new = wanted.clone();
                new.retain(|interest| !self.interests.contains(interest));
                self.interests = wanted;
                if new.is_empty() {
                    continue;
                }
                let (head, logs) = (self.chain.last().unwrap().0, self.past(&new));
                queue.push_front(ChainEvent::History { head, logs: Vec::new(), last: true });
                if new.iter().any(|interest| interest.from <= head.block.number) {
                    queue.push_front(ChainEvent::History { head, logs, last: false });
                }
            }
        }
    }

    fn read(&self, query: &Query, (_, _, real): &Mined) -> Answered {
        let selector: [u8; 4] = query.data[..4].try_into().unwrap();
        if let Some(at) = FEEDS.iter().position(|feed| *feed == query.to) {
            if self.feeds_are_silent {
                return Err(Vec::new().into());
            }
            if selector == IFeed::decimalsCall::SELECTOR {
                return Ok(U256::from(8u8).abi_encode().into());
            }
            assert_eq!(selector, IFeed::latestRoundDataCall::SELECTOR);
            let dollars = U256::from([2_000u64, 1][at] * 100_000_000);
            return Ok([U256::ONE, dollars, U256::ONE, U256::ONE, U256::ONE].abi_encode().into());
        }
        if query.to == LENDER {
            let number = if selector == ILender::POOL_REVISIONCall::SELECTOR { 1 } else { PREMIUM };
            return Ok(U256::from(number).abi_encode().into());
        }
        // A call to where no contract is gives nothing.
        let Some(pool) = real.get(&query.to) else { return Ok(Bytes::new()) };
        match pool {
            Real::V2(pair) => {
                assert_eq!(selector, IPair::getReservesCall::SELECTOR);
                let [zero, one] = pair.reserves().map(U256::from);
                Ok([zero, one, U256::ZERO].abi_encode().into())
            }
            Real::V3(ticks) if selector == ITickPool::liquidityCall::SELECTOR => {
                Ok(U256::from(ticks.slot().liquidity).abi_encode().into())
            }
            Real::V3(ticks) => Ok(read_ticks(ticks, query)),
        }
    }
}

/// As long as the contract's answers: seven words of `slot0`, eight of `ticks`.
fn read_ticks(ticks: &V3Pool, query: &Query) -> Bytes {
    let signed = |number: i128| I256::try_from(number).unwrap().into_raw();
    if let Ok(call) = ITickPool::tickBitmapCall::abi_decode(&query.data) {
        return ticks.bitmap(call.wordPosition).abi_encode().into();
    }
    if let Ok(call) = ITickPool::ticksCall::abi_decode(&query.data) {
        let liquidity = ticks.tick(call.tick.as_i32());
        let mut words = [U256::ZERO; 8];
        (words[0], words[1]) = (U256::from(liquidity.gross), signed(liquidity.net));
        return words.abi_encode().into();
    }
    ISlot::slot0Call::abi_decode(&query.data).unwrap();
    let mut words = [U256::ZERO; 7];
    (words[0], words[1]) = (ticks.slot().sqrt_price, signed(ticks.slot().tick.into()));
    words[5] = U256::from(ticks.slot().fee_protocol);
    words.abi_encode().into()
}

/// What a swap's call puts in, and what it has to bring.
pub(super) fn terms(data: &[u8]) -> (U256, U256) {
    if let Ok(call) = IRouterV2::swapExactTokensForTokensCall::abi_decode(data) {
        return (call.amountIn, call.amountOutMin);
    }
    let params = IRouterV3::exactInputSingleCall::abi_decode(data).unwrap().params;
    (params.amountIn, params.amountOutMinimum)
}

fn v3_log(event: V3Event) -> LogData {
    alloy_sol_types::sol! {
        event Initialize(uint160 sqrtPriceX96, int24 tick);
        event Swap(address indexed sender, address indexed recipient, int256 amount0, int256 amount1,
            uint160 sqrtPriceX96, uint128 liquidity, int24 tick);
        event Mint(address sender, address indexed owner, int24 indexed tickLower, int24 indexed tickUpper,
            uint128 amount, uint256 amount0, uint256 amount1);
        event Burn(address indexed owner, int24 indexed tickLower, int24 indexed tickUpper,
            uint128 amount, uint256 amount0, uint256 amount1);
        event SetFeeProtocol(uint8 feeProtocol0Old, uint8 feeProtocol1Old, uint8 feeProtocol0New,
            uint8 feeProtocol1New);
    }
    let tick24 = |tick: i32| I24::try_from(tick).unwrap();
    let (owner, amount0, amount1) = (Address::repeat_byte(9), U256::ZERO, U256::ZERO);
    match event {
        V3Event::Initialize { sqrt_price, tick } => {
            Initialize { sqrtPriceX96: sqrt_price.to(), tick: tick24(tick) }.encode_log_data()
        }
        V3Event::Swap { sqrt_price, liquidity, tick } => Swap {
            sender: owner,
            recipient: owner,
            amount0: I256::ZERO,
            amount1: I256::ZERO,
            sqrtPriceX96: sqrt_price.to(),
            liquidity,
            tick: tick24(tick),
        }
        .encode_log_data(),
        V3Event::Mint { lower, upper, amount } => {
            let [lower, upper] = [lower, upper].map(tick24);
            Mint { sender: owner, owner, tickLower: lower, tickUpper: upper, amount, amount0, amount1 }
                .encode_log_data()
        }
        V3Event::Burn { lower, upper, amount } => {
            let [lower, upper] = [lower, upper].map(tick24);
            Burn { owner, tickLower: lower, tickUpper: upper, amount, amount0, amount1 }.encode_log_data()
        }
        V3Event::SetFeeProtocol { token0, token1 } => SetFeeProtocol {
            feeProtocol0Old: 0,
            feeProtocol1Old: 0,
            feeProtocol0New: token0,
            feeProtocol1New: token1,
        }
        .encode_log_data(),
    }
}
