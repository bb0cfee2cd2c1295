//! Interests that grow while the chain goes on.

use agent_core::{ChainEvent, ChainLog, Interest, scripted::sample_head, units::BlockNumber};
use alloy_primitives::{Address, Bytes};
use expect_test::expect;

use crate::bench::*;

fn of(contracts: &[u8]) -> Interest {
    let addresses = contracts.iter().map(|byte| Address::with_last_byte(*byte)).collect();
    Interest { from: BlockNumber(0), addresses, topics: vec![] }
}

/// Two contracts, each with one log in each block.
fn logs(block: u64) -> Vec<ChainLog> {
    let log = |contract: u8| ChainLog {
        block: BlockNumber(block),
        index: u64::from(contract),
        address: Address::with_last_byte(contract),
        topics: vec![],
        data: Bytes::new(),
    };
    vec![log(1), log(2)]
}

fn line(event: &ChainEvent) -> String {
    let names = |logs: &[ChainLog]| {
        logs.iter().map(|log| format!(" {}/{}", log.block, log.index)).collect::<String>()
    };
    if let ChainEvent::History { head, logs, last } = event {
        let more = if *last { "" } else { ", more to come" };
        format!("history to {}:{}{more}", head.block.number, names(logs))
    } else if let ChainEvent::Block { head, logs } = event {
        format!("block {}:{}", head.block.number, names(logs))
    } else {
        format!("{event:?}")
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_new_is_backfilled_once_and_in_order_while_blocks_arrive() {
    let mut strategy = Told::new(|_, _| {});
    let (wants, told) = (strategy.wants.clone(), strategy.events.clone());
    *wants.lock().unwrap() = vec![of(&[1])];
    let grows = wants.clone();
    strategy.on_event = Box::new(move |event, _| {
        if matches!(event, ChainEvent::Block { head, .. } if head.block.number.0 == 3) {
            // The second names the first contract again, whose logs are known.
            *grows.lock().unwrap() = vec![of(&[1]), of(&[1, 2])];
        }
    });
    let bench = Bench::new(armed_door(), strategy);
    let reader = bench.reader.clone();
    // Blocks 4 and 5 are there before the backfill begins.
    for number in 2..=5 {
        reader.tell(ChainEvent::Block { head: sample_head(number), logs: logs(number) });
    }
    let agent = bench.start(unasked()).await;
    reader.tell(ChainEvent::Block { head: sample_head(6), logs: logs(6) });
    quiet().await;
    let lines: Vec<_> = told.lock().unwrap().iter().map(line).collect();
    expect![[r#"
        history to 1:
        block 2: 2/1
        block 3: 3/1
        history to 3: 2/2 3/2, more to come
        history to 3:
        block 4: 4/1 4/2
        block 5: 5/1 5/2
        block 6: 6/1 6/2"#]]
    .assert_eq(&lines.join("\n"));
    agent.stop().await.unwrap();
}
