//! Ten thousand blocks: nothing grows.

#![expect(clippy::arithmetic_side_effects, reason = "blocks are counted from one to ten thousand")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use agent_core::{
    ChainEvent, Interest, Opportunity, OpportunityId, Refusal, RunLimits, Settlement,
    ports::{Outbox, Strategy, Unobserved},
    scripted::{
        ForgetfulMemory, ScriptedDoor, ScriptedReader, refused, sample_head, sample_mined,
        sample_opportunity, sample_order, settled,
    },
    units::{Timestamp, UsdE8},
};
use alloy_primitives::{B256, U256};

use crate::{Agent, AgentParts, Limits, RulesPlanner, ToolLimits, Toolbox, tools::ExecuteOpportunity};

const BLOCKS: u64 = 10_000;
const EACH: u64 = 5;
/// Seconds for which an opportunity lasts; a block takes twelve.
const LASTS: u64 = 36;

/// Publishes new opportunities with every block, publishes one of the last again, and withdraws nothing.
struct Busy(Opportunity);

impl Busy {
    fn opportunity(&self, block: u64, nth: u64, now: Timestamp) -> Opportunity {
        let mut opportunity = self.0.clone();
        opportunity.id = OpportunityId(B256::from(U256::from(block * EACH + nth)));
        opportunity.intent.deadline = now.plus(LASTS);
        // Some are covered by the standing order, some are for the planner, some are for nobody.
        if nth == 0 {
            opportunity.class = "other/one".into();
        }
        if nth == 1 {
            opportunity.appraisal.gross = UsdE8::ZERO;
        }
        opportunity
    }
}

impl Strategy for Busy {
    fn name(&self) -> &str {
        "sample"
    }

    fn interests(&self) -> Vec<Interest> {
        Vec::new()
    }

    fn on_event(&mut self, event: &ChainEvent, outbox: &mut Outbox) {
        let ChainEvent::Block { head, .. } = event else { return };
        let (number, now) = (head.block.number.0, head.block.timestamp);
        (0..EACH).for_each(|nth| outbox.publish(self.opportunity(number, nth, now)));
        outbox.publish(self.opportunity(number - 1, number % EACH, now));
    }
}

/// Takes, refuses and drops by turns.
fn fickle() -> ScriptedDoor {
    let turn = AtomicU64::new(0);
    let door = ScriptedDoor::new(move |draft, _| match turn.fetch_add(1, Ordering::SeqCst) % 5 {
        0 => refused(Refusal::AlreadyTaken),
        1 => refused(Refusal::SimulationReverts("no".into())),
        2 => settled(draft, Settlement::Dropped { why: "overtaken".into() }),
        _ => settled(draft, Settlement::Settled(sample_mined(1))),
    });
    door.armed(sample_order())
}

fn agent(reader: &ScriptedReader, door: &ScriptedDoor) -> Agent {
    let toolbox = Toolbox::new(ToolLimits { concurrency: 4, timeout: Duration::from_secs(5) });
    let parts = AgentParts {
        reader: Arc::new(reader.clone()),
        door: Arc::new(door.clone()),
        memory: Arc::new(ForgetfulMemory),
        observer: Arc::new(Unobserved),
        strategies: vec![Box::new(Busy(sample_opportunity(0)))],
        toolbox: toolbox.with(ExecuteOpportunity),
    };
    let run = RunLimits { rounds: 1, calls: 1, note_bytes: 64 };
    let limits = Limits { run, grace: Duration::from_secs(10) };
    Agent::new(parts, RulesPlanner { min_net: UsdE8(1) }, limits)
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_blocks_leave_nothing_behind() {
    let (reader, door) = (ScriptedReader::new([]), fickle());
    let agent = agent(&reader, &door);
    let board = agent.board();
    let (mut most_open, mut most_taken) = (0, 0);
    let story = async {
        for number in 1..=BLOCKS {
            reader.tell(ChainEvent::Block { head: sample_head(number), logs: vec![] });
            tokio::time::sleep(Duration::from_millis(1)).await;
            let (open, taken) = board.sizes();
            (most_open, most_taken) = (most_open.max(open), most_taken.max(taken));
        }
    };
    agent.run(story).await.unwrap();
    let lifetimes = |seconds: u64| usize::try_from((seconds / 12 + 2) * EACH).unwrap();
    assert!(most_open <= lifetimes(LASTS), "{most_open} open");
    assert!(most_taken <= lifetimes(600), "{most_taken} taken");
    assert!(door.offers().len() > usize::try_from(BLOCKS * 3).unwrap(), "{}", door.offers().len());
    assert_eq!(door.offers().len(), door.judged());
}
