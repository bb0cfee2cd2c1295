//! What the runtime, the door and the chain do, in small: blocks, answers, simulations, and what is mined of what was published.

use std::collections::BTreeMap;

use agent_core::{
    Answered, ChainEvent, Head, Heard, Intent, Observation, Opportunity, OpportunityId, Outcome,
    OutcomeReport, Query, Recorded, Refusal, Settlement,
    ports::{Outbox, Request, SourceError, Strategy},
    scripted::{sample_head, sample_mined},
};
use alloy_primitives::{Address, B256, Bytes, I256, U256};
use alloy_sol_types::{SolCall, SolValue};
use std::sync::{Arc, Mutex};

use super::flux_model::{FluxModel, OTHER, US};
use crate::{FeedStrategy, FeedsConfig, FeedsView, target::flux_abi::IFluxAggregator as Flux};

pub(super) const FLUX: Address = Address::repeat_byte(0xf1);
pub(super) const SETTER: Address = Address::repeat_byte(0x5e);
pub(super) const LINK: Address = Address::repeat_byte(0x71);

/// One feed on an aggregator and one on a setter, both of three sources.
pub(super) const CONFIG: &str = r#"
    executor = "0x00000000000000000000000000000000000000e1"
    block_time = 12
    notional = "0x0000000000000000000000000000000000000001"

    [terms]
    native_price = "300000000000"

    [[feeds]]
    name = "FLUX"
    sources = [
        { name = "a", read = { value = "/price" } },
        { name = "b", read = { value = "/price" } },
        { name = "c", read = { value = "/price" } },
    ]
    aggregation = { max_age = 60, outlier = "10" }
    mode = { fluxmonitor = { threshold = "0.5", idle_seconds = 600 } }

    [feeds.target.flux_aggregator]
    address = "0xf1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1"
    decimals = 8
    payment = { token = { address = "0x7171717171717171717171717171717171717171", symbol = "LINK", decimals = 18 }, price = "1500000000" }

    [[feeds]]
    name = "SET"
    sources = [
        { name = "a", read = { value = "/price" } },
        { name = "b", read = { value = "/price" } },
        { name = "c", read = { value = "/price" } },
    ]
    aggregation = { max_age = 60, outlier = "10" }
    mode = { ocr2 = { alpha_report_ppb = 10000000, delta_c_seconds = 300, min = "1", max = "1000000" } }

    [feeds.target.setter]
    address = "0x5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e"
    decimals = 6
    function = "set(int256)"
    arguments = ["{value}"]
    read = { function = "get()", value = 0, updated = 1 }
"#;

pub(super) fn config() -> FeedsConfig {
    toml::from_str(CONFIG).unwrap()
}

/// The contracts.
#[derive(Debug, Clone)]
pub(super) struct Contracts {
    pub(super) flux: FluxModel,
    pub(super) set: (I256, u64),
    /// The setter takes nothing.
    pub(super) closed: bool,
}

impl Contracts {
    fn new() -> Self {
        Self { flux: FluxModel::new(), set: (I256::ZERO, 0), closed: false }
    }

    fn answer(&self, query: &Query, now: u64) -> Answered {
        let selector: [u8; 4] = query.data[..4].try_into().unwrap();
        let int = |value: I256| Ok(value.abi_encode().into());
        if query.to == SETTER {
            return Ok([self.set.0.abi_encode(), U256::from(self.set.1).abi_encode()].concat().into());
        }
        match selector {
            Flux::minSubmissionValueCall::SELECTOR => int(self.flux.bounds.0),
            Flux::maxSubmissionValueCall::SELECTOR => int(self.flux.bounds.1),
            Flux::latestRoundDataCall::SELECTOR => {
                let (round, answer, started, updated) = self.flux.latest().ok_or_else(Bytes::new)?;
                let [round, started, updated] = [u64::from(round), started, updated].map(U256::from);
                Ok((round, answer, started, updated, round).abi_encode().into())
            }
            Flux::oracleRoundStateCall::SELECTOR => {
                let state = self.flux.state(US, now);
                let (available, payment) = (U256::from(self.flux.available), U256::from(self.flux.payment));
                let [round, started, count] = [u64::from(state.round), state.started, 2].map(U256::from);
                let words =
                    (state.eligible, round, state.latest, started, U256::ZERO, available, count, payment);
                Ok(words.abi_encode().into())
            }
            _ => Err(Bytes::new()),
        }
    }

    /// What the contracts are after it; none if it reverts.
    pub(super) fn after(&self, intent: &Intent, now: u64) -> Option<Self> {
        let mut after = self.clone();
        assert!(!intent.calls.is_empty() && intent.borrow.is_none());
        if now > intent.deadline.0 {
            return None;
        }
        for call in &intent.calls {
            assert!(call.spend.is_none());
            let data: &[u8] = &call.data;
            if call.target == SETTER {
                if self.closed {
                    return None;
                }
                after.set = (I256::from_be_bytes::<32>(data[4..].try_into().unwrap()), now);
            } else if let Ok(submit) = Flux::submitCall::abi_decode(data) {
                after.flux.submit(US, submit.roundId, submit.submission, now)?;
            } else {
                after.flux.withdraw(Flux::withdrawPaymentCall::abi_decode(data).unwrap().amount)?;
            }
        }
        for floor in &intent.floors {
            assert_eq!(floor.token, LINK);
            if U256::from(after.flux.paid_out - self.flux.paid_out) < floor.raw {
                return None;
            }
        }
        Some(after)
    }
}

/// A strategy and its world.
pub(super) struct Bench {
    pub(super) strategy: Recorded,
    pub(super) view: FeedsView,
    pub(super) contracts: Contracts,
    /// The contracts after each block.
    pub(super) chain: Vec<(Head, Contracts)>,
    pub(super) open: BTreeMap<OpportunityId, Opportunity>,
    pub(super) warnings: Vec<String>,
    pub(super) heard: Arc<Mutex<Vec<Heard>>>,
    pub(super) published: usize,
    /// Reads are not answered.
    pub(super) deaf: bool,
    branch: u8,
}

impl Bench {
    pub(super) fn new(config: FeedsConfig) -> Self {
        let strategy = FeedStrategy::new(config).unwrap();
        let (view, heard) = (strategy.view(), Arc::<Mutex<Vec<Heard>>>::default());
        let ear = heard.clone();
        let strategy = Recorded::new(strategy, move |line| ear.lock().unwrap().push(line));
        let mut bench = Self {
            strategy,
            view,
            contracts: Contracts::new(),
            chain: vec![],
            open: BTreeMap::new(),
            warnings: vec![],
            heard,
            published: 0,
            deaf: false,
            branch: 0,
        };
        bench.extend();
        let head = bench.chain[0].0;
        bench.feed(ChainEvent::History { head, logs: vec![], last: true });
        bench
    }

    pub(super) fn now(&self) -> u64 {
        self.chain.last().unwrap().0.block.timestamp.0
    }

    fn extend(&mut self) {
        let number = u64::try_from(self.chain.len()).unwrap() + 100;
        let mut head = Head { base_fee: 10_000_000_000, ..sample_head(number) };
        head.block.hash =
            B256::left_padding_from(&[self.branch, number.to_be_bytes()[6], number.to_be_bytes()[7]]);
        self.chain.push((head, self.contracts.clone()));
    }

    /// Ends a block with these in it, and tells the strategy how they ended.
    pub(super) fn mine(&mut self, taken: &[Opportunity]) {
        let now = self.now() + 12;
        let mut ended = Vec::new();
        for one in taken {
            let mined = sample_mined(u64::try_from(self.chain.len()).unwrap() + 100);
            if let Some(after) = self.contracts.after(&one.intent, now) {
                self.contracts = after;
                ended.push((one.clone(), Settlement::Settled(mined)));
            } else {
                ended.push((one.clone(), Settlement::Reverted(mined)));
            }
        }
        self.extend();
        for (one, settlement) in ended {
            self.ends(&one, Outcome::Closed(settlement));
        }
        let head = self.chain.last().unwrap().0;
        self.feed(ChainEvent::Block { head, logs: vec![] });
    }

    pub(super) fn ends(&mut self, one: &Opportunity, outcome: Outcome) {
        let (strategy, class) = (one.strategy.clone(), one.class.clone());
        self.feed(ChainEvent::Outcome(OutcomeReport { id: one.id, strategy, class, outcome }));
    }

    /// What is open and would go through now, as the door finds by simulation; it refuses the rest.
    pub(super) fn offered(&mut self) -> Vec<Opportunity> {
        let (now, open) = (self.now(), self.open.values().cloned().collect::<Vec<_>>());
        let (good, bad): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|one| self.contracts.after(&one.intent, now + 12).is_some());
        for one in bad {
            self.ends(&one, Outcome::Refused(Refusal::SimulationReverts("closed".into())));
        }
        good
    }

    pub(super) fn other_submits(&mut self, value: i64) {
        let now = self.now();
        let round = self.contracts.flux.state(OTHER, now).round;
        let _taken = self.contracts.flux.submit(OTHER, U256::from(round), I256::unchecked_from(value), now);
    }

    pub(super) fn rollback(&mut self, depth: usize) {
        self.chain.truncate(self.chain.len().saturating_sub(depth).max(1));
        self.branch = self.branch.wrapping_add(1);
        let (head, contracts) = self.chain.last().unwrap().clone();
        self.contracts = contracts;
        self.feed(ChainEvent::Rollback { to: head.block });
    }

    pub(super) fn says(&mut self, source: &str, answer: &str) {
        self.said(source, Ok(Bytes::from(answer.as_bytes().to_vec())));
    }

    /// All sources say this price.
    pub(super) fn price(&mut self, price: &str) {
        for source in ["a", "b", "c"] {
            self.says(source, &format!(r#"{{"price":{price}}}"#));
        }
    }

    pub(super) fn said(&mut self, source: &str, said: Result<Bytes, SourceError>) {
        let at = self.chain.last().unwrap().0.block;
        self.feed(ChainEvent::Observed(Observation { source: source.into(), at, said }));
    }

    pub(super) fn feed(&mut self, event: ChainEvent) {
        let mut outbox = Outbox::default();
        self.strategy.on_event(&event, &mut outbox);
        for request in outbox.drain() {
            match request {
                Request::Publish(opportunity) => {
                    self.published += 1;
                    self.open.insert(opportunity.id, *opportunity);
                }
                Request::Withdraw(id) => assert!(self.open.remove(&id).is_some(), "withdrawn twice"),
                Request::Ask { tag, queries } => {
                    let (head, contracts) = self.chain.last().unwrap();
                    let answers =
                        queries.iter().map(|query| contracts.answer(query, head.block.timestamp.0)).collect();
                    let answer = ChainEvent::Answer { tag, at: head.block, answers };
                    if !self.deaf {
                        self.feed(answer);
                    }
                }
                Request::Warn(sentence) => self.warnings.push(sentence),
                Request::Prepare(_) => panic!("nothing is prepared"),
            }
        }
    }

    pub(super) fn decision(&self, feed: &str) -> String {
        self.view.standing(feed).unwrap().decision.to_string()
    }

    /// The open update of a feed.
    pub(super) fn of(&self, feed: &str) -> Option<&Opportunity> {
        let class = format!("oracle-feeds/{feed}");
        let mut found = self.open.values().filter(|one| one.class == class);
        let first = found.next();
        assert!(found.next().is_none(), "two updates of one feed");
        first
    }
}
