//! The scripted parts: a strategy that finds something in every log, a simulator that likes everything, a sender that has
//! everything mined at once, and a planner that takes its time.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use agent_core::{
    Appraisal, ArmedBy, BalanceDelta, Briefing, Call, ChainEvent, Head, Intent, Interest, Mined, Opportunity,
    OpportunityId, OrderId, Plan, Query, Settlement, StandingOrder,
    ports::{
        BoxFuture, Followed, Moment, Observer, Outbox, PlannerError, Quote, Sender, SenderError, Sent,
        SimulatedOutcome, Simulation, SimulationRequest, Simulator, SimulatorError, Standing, Strategy,
    },
    units::{Asset, BlockNumber, ChainId, Timestamp, TokenAmount, UsdE8, Wei},
};
use agent_runtime::RulesPlanner;
use alloy_primitives::{Address, B256, Bytes, I256, U256, keccak256};
use chain_door::Recorded;
use tower::Service;

use crate::node::{EMITTER, FIRST, Node, block};

pub(crate) const STRATEGY: &str = "soak";
const EXECUTOR: Address = Address::repeat_byte(0xee);
const TARGET: Address = Address::repeat_byte(0xaa);
const TOKEN: Address = Address::repeat_byte(0x0c);
pub(crate) const KEY: Address = Address::repeat_byte(0xf0);
/// Seconds of chain time, one a block, for which an opportunity lasts.
const LASTS: u64 = 30;

pub(crate) const POLICY: &str = r#"
version = 1
chain = 31337
executor = "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
recipients = []

[limits]
gas_per_transaction = 500_000
max_fee_gwei = "10"
gas_per_window_eth = "100000"
window_seconds = 60
deadline_seconds = 60
in_flight = 8

[strategies.soak]
gas_per_window_eth = "100000"

[planner]
may_arm = []
max_uses = 1
max_seconds = 60

[[tokens]]
symbol = "TOKEN"
address = "0x0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c"
decimals = 6
per_transaction = "1000"
per_window = "1000000000"

[[contracts]]
name = "target"
address = "0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
opaque = ["poke()"]
spender = true
"#;

fn amount(raw: u64) -> TokenAmount {
    TokenAmount { token: TOKEN, raw: U256::from(raw) }
}

pub(crate) fn order() -> StandingOrder {
    StandingOrder {
        id: OrderId("soak".into()),
        class: "soak/order".into(),
        armed_by: ArmedBy::Operator,
        min_net: UsdE8(1),
        max_notional: vec![amount(1_000)],
        uses: u32::MAX,
        expires: Timestamp(u64::MAX),
    }
}

/// One opportunity for each log: every second one for the standing order, the others for the planner. It prepares and reads
/// more than it should, too.
pub(crate) struct Busy {
    pub(crate) told: Arc<Mutex<Told>>,
}

/// What it was told of the chain.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) last: Option<u64>,
    pub(crate) blocks: u64,
    pub(crate) logs: u64,
    /// The first thing that was not as it should be.
    pub(crate) wrong: Option<String>,
}

impl Told {
    fn take(&mut self, head: &Head, logs: &[agent_core::ChainLog]) {
        let number = head.block.number.0;
        let in_order = self.last.is_none_or(|last| number == last + 1);
        let whole = logs.iter().zip(0..).all(|(log, index)| log.index == index && log.block.0 == number);
        if !(in_order && whole) && self.wrong.is_none() {
            self.wrong = Some(format!("block {number} with {} logs after {:?}", logs.len(), self.last));
        }
        self.last = Some(number);
        self.blocks += 1;
        self.logs += u64::try_from(logs.len()).unwrap();
    }
}

impl Strategy for Busy {
    fn name(&self) -> &str {
        STRATEGY
    }

    fn interests(&self) -> Vec<Interest> {
        vec![Interest { from: BlockNumber(FIRST), addresses: vec![EMITTER], topics: vec![] }]
    }

    fn on_event(&mut self, event: &ChainEvent, outbox: &mut Outbox) {
        let ChainEvent::Block { head, logs } = event else {
            if let ChainEvent::History { head, .. } = event {
                self.told.lock().unwrap().last = Some(head.block.number.0);
            }
            return;
        };
        self.told.lock().unwrap().take(head, logs);
        for log in logs {
            let opportunity = opportunity(head, log.index);
            if log.index.is_multiple_of(10) {
                outbox.prepare(opportunity.clone());
                outbox.ask(log.index, vec![Query { to: TARGET, data: Bytes::new() }]);
            }
            outbox.publish(opportunity);
        }
    }
}

fn opportunity(head: &Head, index: u64) -> Opportunity {
    let occasion = [head.block.number.0.to_be_bytes(), index.to_be_bytes()].concat();
    let data = [&keccak256("poke()")[..4], &occasion].concat();
    let worth = i128::from(index % 7) + 10;
    Opportunity {
        id: OpportunityId::derive(STRATEGY, &occasion, b""),
        strategy: STRATEGY.to_owned(),
        class: if index.is_multiple_of(2) { "soak/order".into() } else { "soak/planner".into() },
        seen_at: head.block,
        appraisal: Appraisal { gross: UsdE8(worth * 100_000_000), gas: UsdE8(1), notional: amount(1) },
        intent: Intent {
            borrow: None,
            calls: vec![Call { target: TARGET, spend: Some(amount(1)), data: data.into() }],
            floors: vec![amount(1)],
            deadline: head.block.timestamp.plus(LASTS),
        },
        facts: BTreeMap::new(),
    }
}

/// Everything gains something.
pub(crate) struct Likes(pub(crate) Node);

impl Simulator for Likes {
    fn simulate(&self, request: SimulationRequest) -> BoxFuture<'_, Result<Simulation, SimulatorError>> {
        Box::pin(async move {
            // What a node takes to answer.
            tokio::time::sleep(Duration::from_millis(2)).await;
            let gains = |holder| if holder == EXECUTOR { I256::ONE } else { I256::ZERO };
            let delta =
                |&(holder, asset): &(Address, Asset)| BalanceDelta { holder, asset, change: gains(holder) };
            Ok(Simulation {
                at: self.0.latest(),
                outcome: SimulatedOutcome::Success,
                gas_used: 100_000,
                deltas: request.watch.iter().map(delta).collect(),
                variants: Vec::new(),
            })
        })
    }
}

/// Has everything mined in the next moment.
pub(crate) struct Mines {
    pub(crate) node: Node,
    /// The key's, over all lives: how many nonces were used.
    pub(crate) nonce: Arc<AtomicU64>,
}

fn sent(nonce: u64) -> Sent {
    Sent { transaction: keccak256(nonce.to_be_bytes()), nonce }
}

impl Sender<Recorded> for Mines {
    fn quote(&self) -> BoxFuture<'_, Result<Quote, SenderError>> {
        let quote = Quote {
            chain: ChainId(31_337),
            from: KEY,
            nonce: self.nonce.load(Ordering::SeqCst),
            max_fee: 1_000_000_000,
            least_fee: 500_000_000,
            tip: 1,
            balance: Wei(U256::from(10).pow(U256::from(24))),
            head: self.node.latest(),
        };
        Box::pin(std::future::ready(Ok(quote)))
    }

    fn send(&self, recorded: Recorded) -> BoxFuture<'_, Result<Sent, SenderError>> {
        let nonce = recorded.transaction().nonce;
        self.nonce.fetch_max(nonce + 1, Ordering::SeqCst);
        Box::pin(std::future::ready(Ok(sent(nonce))))
    }

    fn find<'a>(&'a self, recorded: &'a Recorded) -> BoxFuture<'a, Result<Standing, SenderError>> {
        let nonce = recorded.transaction().nonce;
        let used = self.nonce.load(Ordering::SeqCst) > nonce;
        let standing = if used { Standing::Known(sent(nonce)) } else { Standing::Unknown(sent(nonce)) };
        Box::pin(std::future::ready(Ok(standing)))
    }

    fn follow(&self, attempts: Vec<Sent>, _: Vec<(Address, Asset)>) -> BoxFuture<'static, Followed> {
        let latest = self.node.latest();
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let transaction = attempts.last().map_or(B256::ZERO, |sent| sent.transaction);
            let gas_paid = Wei(U256::from(1_000_000_000_000_u64));
            let (deltas, created) = (Vec::new(), None);
            let mined = Mined {
                transaction,
                block: block(latest.number.0),
                gas_used: 90_000,
                gas_paid,
                deltas,
                created,
            };
            Followed::Final(Settlement::Settled(mined))
        })
    }
}

/// Decides as the rules do, seconds later.
pub(crate) struct Slow(pub(crate) RulesPlanner);

impl Service<Briefing> for Slow {
    type Response = Plan;
    type Error = PlannerError;
    type Future = BoxFuture<'static, Result<Plan, PlannerError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), PlannerError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, briefing: Briefing) -> Self::Future {
        let decided = self.0.call(briefing);
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            decided.await
        })
    }
}

/// Adds up what the operator was told.
#[derive(Debug, Default)]
pub(crate) struct Ears {
    pub(crate) let_go: Mutex<[u64; 4]>,
    pub(crate) closed: AtomicU64,
    pub(crate) planned: AtomicU64,
    /// How often, by reason.
    pub(crate) refused: Mutex<BTreeMap<String, u64>>,
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only what is added up")]
impl Observer for Ears {
    fn saw(&self, moment: Moment<'_>) {
        match moment {
            Moment::Closed(..) => drop(self.closed.fetch_add(1, Ordering::SeqCst)),
            Moment::Planned(_) => drop(self.planned.fetch_add(1, Ordering::SeqCst)),
            Moment::Refused(_, refusal) => {
                *self.refused.lock().unwrap().entry(refusal.to_string()).or_default() += 1;
            }
            Moment::Warned(sentence) => {
                let Some(news) = sentence.strip_prefix("more than there is room for: ") else { return };
                let numbers = news.split(' ').filter_map(|word| word.parse::<u64>().ok());
                let mut told = self.let_go.lock().unwrap();
                told.iter_mut().zip(numbers).for_each(|(sum, more)| *sum += more);
            }
            _ => {}
        }
    }
}
