//! What the runtime does, in small: feeds blocks, answers reads, backfills what a strategy becomes interested in.

use std::collections::VecDeque;

use agent_core::{
    ChainEvent, ChainLog, Head, Interest, Opportunity, OpportunityId,
    ports::{Outbox, Request, Strategy},
    units::{BlockNumber, Bps, Token, UsdE8},
};

use super::model::{Model, named, pool};
use crate::{LiquidationConfig, LiquidationStrategy, MarketConfig, TermsConfig, Venue};

pub(super) fn config() -> LiquidationConfig {
    let symbols = [("WETH", 18), ("USDC", 6), ("WBTC", 8)];
    let token =
        |(symbol, decimals): (&str, u8)| Token { address: named(symbol), symbol: symbol.into(), decimals };
    let venue = |collateral: &str, debt: &str| Venue {
        collateral: named(collateral),
        debt: named(debt),
        router: named("router"),
        quoter: named("quoter"),
        fee: 500,
    };
    LiquidationConfig {
        market: MarketConfig {
            pool: pool(),
            wrapped_native: named("WETH"),
            start_block: BlockNumber(0),
            block_time: 12,
            data_fee_oracle: None,
        },
        executor: named("executor"),
        tokens: symbols.map(token).to_vec(),
        venues: vec![
            venue("WETH", "USDC"),
            venue("WBTC", "USDC"),
            venue("USDC", "WETH"),
            venue("WBTC", "WETH"),
        ],
        terms: TermsConfig { min_margin: UsdE8(500_000_000), slippage: Bps(50), ..TermsConfig::default() },
    }
}

/// A strategy, the model that it watches, and all that happened.
pub(super) struct Bench {
    pub(super) strategy: LiquidationStrategy,
    pub(super) model: Model,
    /// Blocks with all their logs, and the model after each.
    pub(super) chain: Vec<(Head, Vec<ChainLog>, Model)>,
    /// How many of those blocks the strategy was told of.
    told: usize,
    interests: Vec<Interest>,
    pub(super) events: Vec<ChainEvent>,
    pub(super) requests: Vec<Request>,
}

impl Bench {
    pub(super) fn new(config: LiquidationConfig, model: Model) -> Self {
        let strategy = LiquidationStrategy::new(config);
        let interests = strategy.interests();
        Self { strategy, model, chain: vec![], told: 0, interests, events: vec![], requests: vec![] }
    }

    /// A bench that follows the chain, after one block with what is in the model.
    pub(super) fn following(config: LiquidationConfig, model: Model) -> Self {
        let mut bench = Self::new(config, model);
        bench.start();
        bench
    }

    /// Ends the first blocks, and begins to follow.
    pub(super) fn start(&mut self) {
        self.end_block();
        self.replay_past();
    }

    /// Gives all blocks up to now as history.
    pub(super) fn replay_past(&mut self) {
        self.told = self.chain.len();
        let (head, logs) = (self.chain.last().unwrap().0, self.past(&self.interests));
        self.feed(ChainEvent::History { head, logs, last: true });
    }

    /// Ends the block that is being made, without telling the strategy.
    pub(super) fn end_block(&mut self) {
        let (head, logs) = self.model.mine();
        self.chain.push((head, logs, self.model.clone()));
    }

    /// Ends the block that is being made.
    pub(super) fn mine(&mut self) {
        self.end_block();
        self.tell();
    }

    /// Tells of the blocks that ended. Reads are of the newest, which may be ahead of the one that is told of.
    fn tell(&mut self) {
        while let Some((head, logs, _)) = self.chain.get(self.told) {
            let (head, logs) = (*head, wanted(logs, &self.interests));
            self.told = self.told.checked_add(1).unwrap();
            self.feed(ChainEvent::Block { head, logs });
        }
    }

    /// Goes back to the block with this index, on another branch.
    pub(super) fn rollback(&mut self, keep: usize) {
        self.tell();
        self.chain.truncate(keep.checked_add(1).unwrap());
        self.told = self.chain.len();
        let (head, _, model) = self.chain.last().unwrap().clone();
        let branch = self.model.branch.checked_add(1).unwrap();
        self.model = Model { branch, ..model };
        self.feed(ChainEvent::Rollback { to: head.block });
    }

    pub(super) fn feed(&mut self, event: ChainEvent) {
        let mut queue = VecDeque::from([event]);
        while let Some(event) = queue.pop_front() {
            let mut outbox = Outbox::default();
            self.strategy.on_event(&event, &mut outbox);
            self.events.push(event);
            for request in outbox.drain() {
                if let Request::Ask { tag, queries } = &request {
                    let (head, _, model) = self.chain.last().unwrap();
                    let answers = queries.iter().map(|query| model.answer(query)).collect();
                    queue.push_back(ChainEvent::Answer { tag: *tag, at: head.block, answers });
                }
                self.requests.push(request);
            }
            let interests = self.strategy.interests();
            let added: Vec<_> =
                interests.iter().filter(|interest| !self.interests.contains(interest)).cloned().collect();
            self.interests = interests;
            if !added.is_empty() {
                let (head, logs) = (self.chain[self.told.saturating_sub(1)].0, self.past(&added));
                queue.push_back(ChainEvent::History { head, logs, last: true });
            }
        }
    }

    fn past(&self, interests: &[Interest]) -> Vec<ChainLog> {
        let all: Vec<ChainLog> =
            self.chain.iter().take(self.told).flat_map(|(_, logs, _)| logs.clone()).collect();
        wanted(&all, interests)
    }

    /// What is open, by replaying the requests.
    pub(super) fn open(&self) -> Vec<Opportunity> {
        let mut open: Vec<Opportunity> = Vec::new();
        for request in &self.requests {
            match request {
                Request::Publish(opportunity) => {
                    open.retain(|old| old.id != opportunity.id);
                    open.push(opportunity.as_ref().clone());
                }
                Request::Withdraw(id) => open.retain(|old| old.id != *id),
                Request::Ask { .. } | Request::Prepare(_) | Request::Warn(_) => {}
            }
        }
        open
    }

    pub(super) fn warnings(&self) -> Vec<&str> {
        let mut warnings = Vec::new();
        for request in &self.requests {
            if let Request::Warn(sentence) = request {
                warnings.push(sentence.as_str());
            }
        }
        warnings
    }

    pub(super) fn ids(&self) -> Vec<OpportunityId> {
        self.open().iter().map(|opportunity| opportunity.id).collect()
    }
}

fn wanted(logs: &[ChainLog], interests: &[Interest]) -> Vec<ChainLog> {
    logs.iter().filter(|log| interests.iter().any(|interest| interest.wants(log))).cloned().collect()
}

/// What a new strategy asks for, given the same events.
pub(super) fn requests(events: &[ChainEvent]) -> Vec<Request> {
    let mut strategy = LiquidationStrategy::new(config());
    let mut requests = Vec::new();
    for event in events {
        let mut outbox = Outbox::default();
        strategy.on_event(event, &mut outbox);
        requests.extend(outbox.drain());
    }
    requests
}
