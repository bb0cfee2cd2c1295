//! From a snapshot of each pool to its logs, with no block counted twice or left out.

use std::collections::VecDeque;

use agent_core::{
    Answered, ChainEvent, ChainLog, Head, Query,
    ports::{Outbox, Request, Strategy},
    units::{BlockNumber, BlockRef, Timestamp},
};
use alloy_primitives::{
    Address, B256, U256,
    aliases::{I24, U24},
};
use alloy_sol_types::{SolCall, SolEvent, SolValue};
use proptest::{
    prelude::{Just, ProptestConfig, prop, prop_oneof, proptest},
    strategy::Strategy as Generator,
};

use super::bench::{Bench, USDC, V2, V3, WETH, config, ether, pool};
use crate::{
    ArbitrageStrategy, Phase,
    abi::{IFactoryV2, IFactoryV3, IFeed, IPair, ITickPool},
    intake::Intake,
    pool::V3Event,
};

/// Price of the v3 pool, rounded to its tick spacing.
const NEAR: i32 = -200_310;

/// A pair and a v3 pool that were there before the strategy, whose reads wait for the test.
fn waiting() -> Bench {
    let mut bench = Bench::new(config());
    bench.waiting = Some([].into());
    bench.pair(V2, 1, [WETH, USDC], [ether(1_000), 2_000_000_000_000]);
    bench.ticks(V3, 2, [WETH, USDC], [ether(2_000), 4_000_000_000_000]);
    bench.mint(2, NEAR - 600, NEAR + 600, ether(1));
    bench.happen(2, V3Event::SetFeeProtocol { token0: 4, token1: 10 });
    bench.start();
    bench
}

fn swap(bench: &mut Bench, amount: u128) {
    bench.swap(pool(2), WETH, U256::from(amount));
}

/// What the v3 pool is asked for now: its words, or the ticks of its two positions.
fn asked(bench: &Bench) -> usize {
    bench.asked().get(&pool(2)).copied().unwrap_or_default()
}

const WORDS: usize = 2 + 694;
const TICKS: usize = 4;

#[test]
fn pools_are_read_once_and_followed_from_there() {
    let mut bench = waiting();
    assert_eq!((bench.strategy.view().phase(), bench.strategy.view().awaiting()), (Phase::Following, 2));
    assert_eq!((asked(&bench), bench.asked()[&pool(1)]), (WORDS, 1));
    assert!(bench.answer(0));
    assert_eq!((bench.known_as_they_are(), asked(&bench)), (1, TICKS));
    assert!(bench.answer(0));
    assert_eq!((bench.known_as_they_are(), bench.strategy.view().awaiting()), (2, 0));
    swap(&mut bench, ether(3));
    bench.mine();
    assert_eq!(bench.known_as_they_are(), 2);
    assert!(bench.asked().is_empty(), "{:?}", bench.asked());
}

#[test]
fn cycles_go_through_what_is_read_while_others_wait() {
    let mut bench = waiting();
    bench.pair(V2, 3, [WETH, USDC], [ether(1_000), 2_100_000_000_000]);
    bench.mine();
    assert!(bench.open().is_empty(), "one pool is no cycle");
    assert!(bench.answer(0));
    bench.mine();
    assert_eq!((bench.strategy.view().awaiting(), bench.open().len()), (1, 1));
}

#[test]
fn a_pool_that_is_made_later_is_not_read() {
    let mut bench = waiting();
    while bench.answer(0) {}
    bench.pair(V2, 3, [WETH, USDC], [ether(1), 2_000_000_000]);
    bench.ticks(V3, 4, [WETH, USDC], [ether(1), 2_000_000_000]);
    bench.mine();
    assert!(bench.asked().is_empty());
    assert_eq!(bench.known_as_they_are(), 4);
}

/// What happened in the block of the snapshot is in the snapshot; what happened after it is put on top.
#[test]
fn logs_of_the_snapshots_block_count_once() {
    let mut bench = waiting();
    swap(&mut bench, ether(3));
    bench.mint(2, NEAR - 50, NEAR + 50, ether(1));
    bench.swap(pool(1), WETH, U256::from(ether(1)));
    bench.mine();
    swap(&mut bench, ether(1));
    bench.mine();
    // Read at the block of the mint, when a later one is known.
    assert!(bench.answer(1));
    assert_eq!(asked(&bench), TICKS + 2);
    assert!(bench.answer(0));
    assert_eq!((bench.known_as_they_are(), bench.strategy.view().awaiting()), (2, 0));
}

#[test]
fn swaps_between_the_parts_are_put_on_top() {
    let mut bench = waiting();
    assert!(bench.answer(0));
    swap(&mut bench, ether(30));
    bench.happen(2, V3Event::SetFeeProtocol { token0: 6, token1: 0 });
    // Fees are counted, and nothing else.
    bench.take_out(2, NEAR - 600, NEAR + 600, 0);
    bench.mine();
    bench.mine();
    assert_eq!(asked(&bench), TICKS);
    assert!(bench.answer(0));
    assert_eq!((bench.known_as_they_are(), bench.strategy.view().awaiting()), (2, 0));
}

#[test]
fn liquidity_that_changes_between_the_parts_has_the_pool_read_anew() {
    for back in [0, 1] {
        let mut bench = waiting();
        assert!(bench.answer(0));
        bench.mint(2, NEAR - 50, NEAR + 50, ether(1));
        bench.mine();
        swap(&mut bench, ether(1));
        bench.mine();
        assert!(bench.answer(back));
        // Not before the next block: a pool that never rests is not asked without end.
        assert_eq!((bench.strategy.view().awaiting(), asked(&bench)), (1, 0));
        bench.mine();
        assert_eq!(asked(&bench), WORDS);
        while bench.answer(0) {}
        assert_eq!((bench.known_as_they_are(), bench.strategy.view().awaiting()), (2, 0));
    }
    // Read before the mint, told after it: what was read is whole.
    let mut bench = waiting();
    assert!(bench.answer(0));
    bench.mint(2, NEAR - 50, NEAR + 50, ether(1));
    bench.mine();
    assert!(bench.answer(1));
    assert_eq!((bench.known_as_they_are(), bench.strategy.view().awaiting()), (2, 0));
}

#[test]
fn liquidity_that_changed_while_words_are_missing_has_the_pool_read_anew() {
    let mut bench = waiting();
    bench.strategy.intake = Intake::of(300);
    bench.waiting = Some([].into());
    bench.mine();
    assert_eq!(asked(&bench), 299);
    bench.mint(2, NEAR - 50, NEAR + 50, ether(1));
    bench.mine();
    // The words that are missing would be of after the mint.
    assert!(bench.answer(1));
    bench.mine();
    assert_eq!(asked(&bench), 300);
    while bench.answer(0) {}
    assert_eq!((bench.known_as_they_are(), bench.strategy.view().awaiting()), (2, 0));
}

#[test]
fn a_reorg_below_the_snapshot_voids_it() {
    let mut bench = waiting();
    let start = bench.height();
    swap(&mut bench, ether(1));
    bench.mine();
    assert!(bench.answer(0));
    bench.swap(pool(1), WETH, U256::from(ether(1)));
    bench.mine();
    assert!(bench.answer(0));
    assert_eq!((bench.known_as_they_are(), bench.strategy.view().awaiting()), (2, 0));
    let known = bench.height();
    bench.mine();
    // Not below: what is known is taken back.
    bench.rollback(known - 1);
    assert_eq!((bench.known_as_they_are(), bench.strategy.view().awaiting()), (2, 0));
    // Below: it is read again, at another block.
    bench.rollback(start);
    assert_eq!((bench.known_as_they_are(), bench.strategy.view().awaiting()), (0, 2));
    bench.swap(pool(2), USDC, U256::from(5_000_000_000u64));
    bench.mine();
    while bench.answer(0) {}
    bench.swap(pool(2), USDC, U256::from(5_000_000_000u64));
    bench.mine();
    assert_eq!((bench.known_as_they_are(), bench.strategy.view().awaiting()), (2, 0));
}

/// Logs are wanted from the newest block on that was known at the start; after a reorg, from where it went back to.
#[test]
fn a_reorg_below_the_start_loses_no_log_of_the_new_branch() {
    let mut bench = Bench::new(config());
    bench.pair(V2, 1, [WETH, USDC], [ether(1_000), 2_000_000_000_000]);
    bench.start();
    let keep = bench.height();
    let mut late = bench.afresh();
    late.mine();
    late.mine();
    let mut fresh = late.afresh();
    fresh.waiting = Some([].into());
    fresh.rollback(keep);
    fresh.swap(pool(1), WETH, U256::from(ether(1)));
    fresh.pair(V2, 3, [WETH, USDC], [ether(1), 2_000_000_000]);
    fresh.mine();
    assert!(fresh.answer(0));
    fresh.swap(pool(1), WETH, U256::from(ether(1)));
    fresh.mine();
    assert_eq!((fresh.known_as_they_are(), fresh.strategy.view().awaiting()), (2, 0));
}

#[test]
fn an_answer_of_a_void_block_is_asked_for_again() {
    let mut bench = waiting();
    let keep = bench.height();
    swap(&mut bench, ether(3));
    bench.mine();
    bench.rollback(keep);
    bench.mine();
    // The first was asked before the reorg, and is not waited for; the second is asked again with the next block.
    for _ in 0..2 {
        assert!(bench.answer_of_void());
        assert_eq!(bench.known_as_they_are(), 0);
    }
    assert!(bench.asked().is_empty());
    bench.mine();
    while bench.answer(0) {}
    assert_eq!((bench.known_as_they_are(), bench.strategy.view().awaiting()), (2, 0));
}

#[test]
fn an_answer_from_before_the_question_is_asked_for_again() {
    let mut bench = waiting();
    bench.waiting = Some([].into());
    bench.strategy.intake = Intake::default();
    swap(&mut bench, ether(3));
    bench.mine();
    assert!(bench.answer(1));
    assert_eq!(bench.known_as_they_are(), 0);
    assert!(bench.asked().is_empty(), "not before there is news");
    bench.mine();
    while bench.answer(0) {}
    assert_eq!((bench.known_as_they_are(), bench.strategy.view().awaiting()), (2, 0));
}

#[test]
fn what_is_never_answered_is_asked_again() {
    let mut bench = waiting();
    bench.waiting = Some([].into());
    bench.mine();
    assert!(bench.asked().is_empty(), "it may still come");
    // Thirty seconds later.
    bench.mine();
    bench.mine();
    assert_eq!(asked(&bench), WORDS);
    while bench.answer(0) {}
    assert_eq!((bench.known_as_they_are(), bench.strategy.view().awaiting()), (2, 0));
}

#[test]
fn a_pool_that_a_reorg_unmade_is_not_read_until_it_is_made_again() {
    let mut bench = waiting();
    while bench.answer(0) {}
    let keep = bench.height();
    bench.pair(V2, 3, [WETH, USDC], [ether(1), 2_000_000_000]);
    bench.mine();
    bench.rollback(keep);
    assert_eq!((bench.known_as_they_are(), bench.strategy.view().awaiting()), (2, 0));
    bench.mine();
    assert!(bench.asked().is_empty());
    bench.pair(V2, 3, [WETH, USDC], [ether(1), 3_000_000_000]);
    bench.mine();
    assert_eq!((bench.known_as_they_are(), bench.strategy.view().awaiting()), (3, 0));
}

#[test]
fn what_says_again_and_again_what_cannot_be_is_left_alone() {
    let mut bench = Bench::new(config());
    bench.waiting = Some([].into());
    bench.ticks(V3, 2, [WETH, USDC], [ether(2_000), 4_000_000_000_000]);
    bench.start();
    // A pool whose ticks do not make its liquidity.
    for round in 0..3 {
        assert_eq!(bench.strategy.view().awaiting(), 1, "round {round}");
        while bench.answer_with(|query, answer| {
            let is_liquidity = query.data[..4] == ITickPool::liquidityCall::SELECTOR;
            if is_liquidity { Ok(U256::ONE.abi_encode().into()) } else { answer }
        }) {}
        bench.mine();
    }
    assert_eq!(bench.strategy.view().awaiting(), 0);
    let why = bench.strategy.view().left_alone(&pool(2)).unwrap();
    assert!(why.contains("do not make its liquidity"), "{why}");
}

#[derive(Debug, Clone)]
enum Happens {
    Sync,
    Swap(bool, u128),
    Mint(u8, u128),
    Burn(u8, bool),
    Share(u8),
    Made,
    Mine,
    Reorg(usize),
    Answer(usize),
    Void,
    Lost,
}

fn anything() -> impl Generator<Value = Happens> {
    prop_oneof![
        2 => Just(Happens::Sync),
        3 => (prop::bool::ANY, 1u128..60).prop_map(|(zero, amount)| Happens::Swap(zero, amount)),
        2 => (0u8..8, 1u128..1_000_000).prop_map(|(which, amount)| Happens::Mint(which, amount)),
        2 => (0u8..8, prop::bool::ANY).prop_map(|(which, all)| Happens::Burn(which, all)),
        1 => (4u8..11).prop_map(Happens::Share),
        1 => Just(Happens::Made),
        6 => Just(Happens::Mine),
        2 => (1usize..8).prop_map(Happens::Reorg),
        8 => (0usize..3).prop_map(Happens::Answer),
        1 => Just(Happens::Void),
        1 => Just(Happens::Lost),
    ]
}

/// The ends of the positions, none of which is another's: what lies at a lower end is the position's.
fn ends(which: u8) -> (i32, i32) {
    match i32::from(which) {
        7 => (-400_000, 100_000),
        which => (NEAR - 170 * (which + 1), NEAR + 130 * (which + 1)),
    }
}

impl Happens {
    fn happen(&self, bench: &mut Bench, made: &mut u8) {
        match *self {
            Self::Sync => bench.sell(pool(1), WETH, U256::from(ether(1))),
            Self::Swap(true, amount) => bench.sell(pool(2), WETH, U256::from(ether(amount))),
            Self::Swap(false, amount) => bench.sell(pool(2), USDC, U256::from(amount * 2_000_000_000)),
            Self::Mint(which, amount) => {
                let (lower, upper) = ends(which);
                bench.mint(2, lower, upper, amount * 1_000_000_000);
            }
            Self::Burn(which, all) => {
                let (lower, upper) = ends(which);
                let held = bench.held(2, lower);
                if held > 0 {
                    bench.take_out(2, lower, upper, if all { held } else { held / 2 });
                }
            }
            Self::Share(share) => bench.happen(2, V3Event::SetFeeProtocol { token0: share, token1: 0 }),
            Self::Made => {
                *made += 1;
                bench.pair(V2, *made, [WETH, USDC], [ether(1), 2_000_000_000]);
            }
            Self::Mine => bench.mine(),
            Self::Reorg(depth) => {
                // Never before there was a pool.
                let height = bench.height().saturating_sub(depth).max(1);
                bench.drop_unmined();
                bench.rollback(height);
            }
            Self::Answer(back) => {
                bench.answer(back);
            }
            Self::Void => {
                bench.answer_of_void();
            }
            Self::Lost => drop(bench.waiting.as_mut().and_then(VecDeque::pop_front)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Whatever happens while pools are read, and whenever an answer comes: a pool that is known is, after every block, what
    /// all of its logs from the first one on make of it; and in the end all of them are known.
    #[test]
    fn what_is_handed_over_is_what_all_logs_make(
        story in prop::collection::vec(anything(), 1..60),
        before in prop::collection::vec(anything(), 0..10),
        together in prop::sample::select(vec![120usize, 400, 1_000]),
    ) {
        let mut bench = Bench::new(config());
        bench.strategy.intake = Intake::of(together);
        bench.waiting = Some([].into());
        bench.pair(V2, 1, [WETH, USDC], [ether(1_000), 2_000_000_000_000]);
        bench.ticks(V3, 2, [WETH, USDC], [ether(2_000), 4_000_000_000_000]);
        let mut made = 10;
        let is_log = |happens: &&Happens| {
            !matches!(happens, Happens::Mine | Happens::Reorg(_) | Happens::Answer(_) | Happens::Void | Happens::Lost)
        };
        before.iter().filter(is_log).for_each(|happens| happens.happen(&mut bench, &mut made));
        bench.start();
        for happens in &story {
            happens.happen(&mut bench, &mut made);
            if matches!(happens, Happens::Mine | Happens::Answer(_)) && bench.is_mined() {
                bench.known_as_they_are();
            }
        }
        // Those that never come are asked again, and what changes no more is read.
        for _ in 0..20 {
            bench.mine();
            while bench.answer(0) {}
        }
        let there = bench.there();
        let left_alone = bench.warnings().filter(|warning| warning.contains("left alone")).count();
        assert_eq!((bench.known_as_they_are(), bench.strategy.view().awaiting(), left_alone), (there, 0, 0));
    }
}

/// Ten thousand pools that the factories made long ago, and a node that answers the same of all of a kind.
struct Many {
    under_way: VecDeque<(u64, Vec<Query>)>,
    strategy: ArbitrageStrategy,
    most: usize,
    asked: usize,
}

const MANY: u64 = 10_000;
/// A v3 pool at price one with one position, of spacing 200.
const POSITION: (i32, u128) = (20_000, 1_000_000_000_000_000_000);

impl Many {
    fn made() -> Vec<ChainLog> {
        let log = |index: u64| {
            let pool = Address::left_padding_from(&(1 << 32 | index).to_be_bytes());
            let (address, data) = if index.is_multiple_of(10) {
                let (fee, spacing) = (U24::from(10_000u64), I24::try_from(200).unwrap());
                let made =
                    IFactoryV3::PoolCreated { token0: WETH, token1: USDC, fee, tickSpacing: spacing, pool };
                (V3, made.encode_log_data())
            } else {
                let made =
                    IFactoryV2::PairCreated { token0: WETH, token1: USDC, pair: pool, count: U256::ONE };
                (V2, made.encode_log_data())
            };
            let (topics, data) = (data.topics().to_vec(), data.data);
            ChainLog { block: BlockNumber(1), index, address, topics, data }
        };
        (0..MANY).map(log).collect()
    }

    fn answer(query: &Query) -> Answered {
        let selector = &query.data[..4];
        let words: Vec<U256> = if selector == IPair::getReservesCall::SELECTOR {
            vec![U256::from(ether(1)), U256::from(2_000_000_000u64), U256::ZERO]
        } else if selector == ITickPool::liquidityCall::SELECTOR {
            vec![U256::from(POSITION.1)]
        } else if let Ok(call) = ITickPool::tickBitmapCall::abi_decode(&query.data) {
            // 100 and -100, once compressed.
            let bit =
                |word: i16, bit: usize| if call.wordPosition == word { U256::ONE << bit } else { U256::ZERO };
            vec![bit(0, 100) | bit(-1, 156)]
        } else if let Ok(call) = ITickPool::ticksCall::abi_decode(&query.data) {
            let net = U256::from(POSITION.1);
            assert_eq!(call.tick.as_i32().abs(), POSITION.0);
            vec![net, if call.tick.is_negative() { net } else { net.wrapping_neg() }]
        } else if [IFeed::latestRoundDataCall::SELECTOR, IFeed::decimalsCall::SELECTOR]
            .contains(&query.data[..4].try_into().unwrap())
        {
            return Err(vec![].into());
        } else {
            vec![U256::ONE << 96, U256::ZERO]
        };
        Ok(words.iter().flat_map(U256::to_be_bytes::<32>).collect::<Vec<u8>>().into())
    }

    fn feed(&mut self, event: &ChainEvent) {
        let mut outbox = Outbox::default();
        self.strategy.on_event(event, &mut outbox);
        for request in outbox.drain() {
            if let Request::Ask { tag, queries } = request {
                self.asked += queries.len();
                self.under_way.push_back((tag, queries));
            }
        }
        let under_way = self.under_way.iter().map(|(_, queries)| queries.len()).sum();
        self.most = self.most.max(under_way);
    }

    fn head(number: u64) -> Head {
        let block = BlockRef {
            number: BlockNumber(number),
            hash: B256::left_padding_from(&number.to_be_bytes()),
            timestamp: Timestamp(12 * number),
        };
        Head { block, parent: B256::ZERO, base_fee: 7 }
    }
}

#[test]
fn ten_thousand_pools_come_in_a_few_at_a_time() {
    let strategy = ArbitrageStrategy::new(config());
    let mut many = Many { under_way: [].into(), strategy, most: 0, asked: 0 };
    let head = Many::head(1);
    many.feed(&ChainEvent::History { head, logs: Many::made(), last: true });
    assert_eq!(many.strategy.view().awaiting(), usize::try_from(MANY).unwrap());
    let interests = many.strategy.interests();
    assert_eq!(interests.len(), config().exchanges.len() + 1, "however many pools there are");
    let mut block = 1;
    while many.strategy.view().awaiting() > 0 {
        // Four answers a block.
        block += 1;
        assert!(block < 100, "{}", many.strategy.view().awaiting());
        many.feed(&ChainEvent::Block { head: Many::head(block), logs: vec![] });
        for _ in 0..4 {
            let Some((tag, queries)) = many.under_way.pop_front() else { break };
            let (at, answers) = (Many::head(block).block, queries.iter().map(Many::answer).collect());
            many.feed(&ChainEvent::Answer { tag, at, answers });
        }
    }
    // Four questions of a thousand, and the one about prices and some pools to compare.
    assert!(many.most <= 4_100, "{}", many.most);
    // Each pair once; of a v3 pool two, its words and its two ticks.
    let of_ticks = 2 + 36 + 2;
    let pools = 9_000 + 1_000 * of_ticks;
    assert!((pools..pools + 2_000).contains(&many.asked), "{}", many.asked);
    assert_eq!(many.strategy.interests(), interests);
    assert!(block > 10, "{block}");
}
