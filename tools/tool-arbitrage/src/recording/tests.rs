use alloy_primitives::U256;

use crate::pool::V3Pool;

use super::*;

const SHAPE: Shape = Shape { seed: 7, tokens: 30, pools: 100, ticked: 30, changes: 10 };

fn recorded(blocks: usize) -> (Generator, Vec<u8>) {
    let mut market = Generator::new(SHAPE);
    let mut file = Vec::new();
    write_line(&mut file, &market.header()).unwrap();
    for _block in 0..blocks {
        write_line(&mut file, &market.block()).unwrap();
    }
    (market, file)
}

#[test]
fn a_recording_replays_to_where_the_market_is() {
    let (market, file) = recorded(20);
    let (header, blocks) = Recording::open(file.as_slice()).unwrap();
    assert_eq!((header.pools.len(), header.bases.len()), (100, 4));
    let ticked = header.pools.iter().filter(|pool| matches!(pool, Snapshot::V3(_))).count();
    assert!((20..40).contains(&ticked), "{ticked}");
    let mut pools = Pools::of(&header);
    assert_eq!(pools.pools().len(), 100);
    let (mut changed, mut logs) = (0, std::collections::HashMap::new());
    for block in blocks.map(Result::unwrap) {
        changed += pools.apply(&block).unwrap().len();
        for log in &block.logs {
            *logs.entry(log.topics[0]).or_insert(0) += 1;
        }
    }
    let addresses = header.pools.iter().map(|pool| match pool {
        Snapshot::V2(pair) => pair.address,
        Snapshot::V3(ticked) => ticked.address,
    });
    let followed = addresses.zip(pools.pools()).map(|(address, pool)| match pool {
        Recorded::V2(pair) => emit::pair(address, pair),
        Recorded::V3(ticked) => emit::ticked(address, ticked),
    });
    assert_eq!(followed.collect::<Vec<_>>(), market.header().pools);
    assert_eq!(changed, 200);
    // Syncs, swaps, mints and burns.
    assert!(logs.len() == 4 && logs.values().all(|count| *count > 3), "{logs:?}");
}

#[test]
fn a_seed_makes_one_market() {
    assert_eq!(recorded(3).1, recorded(3).1);
    assert_ne!(Generator::new(Shape { seed: 8, ..SHAPE }).header(), Generator::new(SHAPE).header());
}

#[test]
fn a_few_tokens_have_most_pools() {
    let market = Generator::new(Shape { seed: 1, tokens: 1_000, pools: 3_000, ticked: 0, changes: 1 });
    let header = market.header();
    let mut counts = std::collections::HashMap::new();
    for token in Pools::of(&header).tokens().into_iter().flatten() {
        *counts.entry(token).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 1_000);
    let hubs: i32 = header.bases.iter().map(|base| counts[base]).sum();
    assert!((1_000..3_000).contains(&hubs), "{hubs}");
}

#[test]
fn a_v3_pool_is_written_as_it_is_read() {
    let pool = Snapshot::V3(TickSnapshot {
        address: Address::repeat_byte(1),
        tokens: [Address::repeat_byte(2), Address::repeat_byte(3)],
        fee: 500,
        tick_spacing: 10,
        sqrt_price: U256::from(1) << 96,
        tick: -1,
        liquidity: u128::MAX,
        fee_protocol: [0, 4],
        ticks: vec![TickLine { tick: -10, gross: 1, net: -1 }],
    });
    let text = serde_json::to_string(&pool).unwrap();
    assert!(text.contains(r#""kind":"v3""#) && text.contains(r#""net":"-1""#), "{text}");
    assert!(text.contains(r#""sqrt_price":"79228162514264337593543950336""#), "{text}");
    assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), pool);
    assert!(serde_json::from_str::<Snapshot>(&text.replace("\"79", "\"0x79")).is_err());
}

#[test]
fn what_is_no_recording_is_said_to_be_none() {
    let open = |text: &str| Recording::open(text.as_bytes()).map(|(_, blocks)| blocks.collect::<Vec<_>>());
    assert!(matches!(open(""), Err(RecordingError::Format { .. })));
    assert!(matches!(open("{}\n"), Err(RecordingError::Line { line: 1, .. })));
    let later =
        r#"{"format":"keepwright-market","version":2,"chain":1,"origin":"","block":5,"bases":[],"pools":[]}"#;
    assert!(matches!(open(later), Err(RecordingError::Format { version: 2, .. })));
    let header = later.replace(":2,", ":1,");
    let log = |index| format!(r#"{{"index":{index},"address":"{}","topics":[],"data":"0x"}}"#, Address::ZERO);
    for block in
        [r#"{"number":5,"logs":[]}"#.to_owned(), format!(r#"{{"number":6,"logs":[{},{}]}}"#, log(1), log(1))]
    {
        let mut blocks = open(&format!("{header}\n{block}\n{{}}\n")).unwrap();
        assert!(matches!(blocks.pop(), Some(Err(RecordingError::Order { line: 2 }))) && blocks.is_empty());
    }
}

#[test]
fn a_log_that_cannot_follow_is_an_error_and_no_silence() {
    let (market, file) = recorded(20);
    let (header, blocks) = Recording::open(file.as_slice()).unwrap();
    let mut pools = Pools::of(&header);
    // Without its mints a pool's ticks do not make its liquidity.
    let mint = V3Pool::topics()[2];
    let mut failed = blocks.map(|block| {
        let mut block = block.unwrap();
        block.logs.retain(|log| log.topics[0] != mint);
        pools.apply(&block)
    });
    assert!(failed.any(|applied| matches!(applied, Err(RecordingError::Log { .. }))));
    drop(market);
}
