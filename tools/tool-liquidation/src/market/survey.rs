//! Reads the market from its contracts, in four rounds of reads.

use std::collections::{BTreeMap, BTreeSet};

use agent_core::{
    Answered, Query,
    units::{BlockNumber, BlockRef, Timestamp},
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;

use super::{Addresses, Mode, Price, Reserve, Tokens};
use crate::{
    abi::{IAddressesProvider, IFeed, IOracle, IPool},
    revision::{Revision, UnknownRevision},
    stamp::Stamp,
    v3_0::{Accrual, ReserveConfiguration},
};

/// Why the market could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SurveyError {
    /// Another Aave.
    #[error(transparent)]
    Revision(#[from] UnknownRevision),
    /// Prices that are not dollars.
    #[error("the oracle {0} does not count in US dollars with eight decimals")]
    NotDollars(Address),
    /// A contract that is not what it should be.
    #[error("{0} of {1} cannot be read")]
    Unreadable(&'static str, Address),
}

impl SurveyError {
    /// Whether reading again is pointless.
    pub(crate) const fn is_final(&self) -> bool {
        matches!(self, Self::Revision(_) | Self::NotDollars(_))
    }
}

/// What a survey found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The contracts.
    pub(crate) addresses: Addresses,
    /// The reserves, by asset.
    pub(crate) reserves: BTreeMap<Address, Reserve>,
    /// The block that the reserves were read at.
    pub(crate) reserves_at: BlockNumber,
    /// The efficiency modes.
    pub(crate) modes: BTreeMap<u8, Mode>,
    /// The prices.
    pub(crate) prices: BTreeMap<Address, Price>,
    /// The feeds behind them.
    pub(crate) feeds: BTreeMap<Address, BTreeSet<Address>>,
    /// The premium of a flash loan, in basis points.
    pub(crate) premium: U256,
}

/// The rounds, each with what it asks for.
#[derive(Debug)]
enum Round {
    Pool,
    Reserves(Vec<Address>),
    Oracle(Vec<u8>),
    Feeds(Vec<(Address, Address)>),
}

/// A survey under way.
#[derive(Debug)]
pub(crate) struct Survey {
    pool: Address,
    /// Modes that users chose.
    chosen: BTreeSet<u8>,
    round: Round,
    found: Findings,
}

/// What follows an answer.
#[derive(Debug)]
pub(crate) enum Next {
    /// Another round.
    Ask(Vec<Query>),
    /// The end.
    Done(Box<Findings>),
}

/// The answers of one round, taken in the order of the questions.
struct Answers<'a>(std::slice::Iter<'a, Answered>);

impl Answers<'_> {
    fn next<C: SolCall>(&mut self, of: Address) -> Result<C::Return, SurveyError> {
        self.maybe::<C>().ok_or(SurveyError::Unreadable(C::SIGNATURE, of))
    }

    fn maybe<C: SolCall>(&mut self) -> Option<C::Return> {
        let bytes = self.0.next()?.as_ref().ok()?;
        C::abi_decode_returns(bytes).ok()
    }
}

/// One read.
pub(crate) fn query(to: Address, call: &impl SolCall) -> Query {
    Query { to, data: call.abi_encode().into() }
}

impl Survey {
    /// A survey of `pool`, and its first questions. `chosen` are modes that must be read whether an asset is in them
    /// or not.
    pub(crate) fn start(pool: Address, chosen: BTreeSet<u8>) -> (Self, Vec<Query>) {
        let questions = vec![
            query(pool, &IPool::POOL_REVISIONCall {}),
            query(pool, &IPool::ADDRESSES_PROVIDERCall {}),
            query(pool, &IPool::FLASHLOAN_PREMIUM_TOTALCall {}),
            query(pool, &IPool::getReservesListCall {}),
        ];
        (Self { pool, chosen, round: Round::Pool, found: Findings::default() }, questions)
    }

    /// Takes the answers of the round under way.
    pub(crate) fn answer(mut self, at: BlockRef, answers: &[Answered]) -> Result<(Self, Next), SurveyError> {
        let mut answers = Answers(answers.iter());
        let next = match std::mem::replace(&mut self.round, Round::Pool) {
            Round::Pool => self.pool(&mut answers)?,
            Round::Reserves(assets) => self.reserves(&mut answers, at, assets)?,
            Round::Oracle(modes) => self.oracle(&mut answers, at, modes)?,
            Round::Feeds(sources) => self.feeds(&mut answers, at, sources),
        };
        Ok((self, next))
    }

    fn pool(&mut self, answers: &mut Answers<'_>) -> Result<Next, SurveyError> {
        let Revision::V3_0 = Revision::try_from(answers.next::<IPool::POOL_REVISIONCall>(self.pool)?)?;
        let provider = answers.next::<IPool::ADDRESSES_PROVIDERCall>(self.pool)?;
        self.found.addresses.provider = provider;
        let premium = answers.next::<IPool::FLASHLOAN_PREMIUM_TOTALCall>(self.pool)?;
        self.found.premium = U256::from(premium);
        let mut assets = answers.next::<IPool::getReservesListCall>(self.pool)?;
        assets.retain(|asset| !asset.is_zero());
        let mut questions = vec![
            query(provider, &IAddressesProvider::getPriceOracleCall {}),
            query(provider, &IAddressesProvider::getPoolConfiguratorCall {}),
            query(provider, &IAddressesProvider::getPriceOracleSentinelCall {}),
        ];
        questions.extend(
            assets.iter().map(|asset| query(self.pool, &IPool::getReserveDataCall { asset: *asset })),
        );
        self.round = Round::Reserves(assets);
        Ok(Next::Ask(questions))
    }

    fn reserves(
        &mut self,
        answers: &mut Answers<'_>,
        at: BlockRef,
        assets: Vec<Address>,
    ) -> Result<Next, SurveyError> {
        let addresses = &mut self.found.addresses;
        addresses.oracle = answers.next::<IAddressesProvider::getPriceOracleCall>(addresses.provider)?;
        addresses.configurator =
            answers.next::<IAddressesProvider::getPoolConfiguratorCall>(addresses.provider)?;
        addresses.sentinel =
            answers.next::<IAddressesProvider::getPriceOracleSentinelCall>(addresses.provider)?;
        self.found.reserves_at = at.number;
        for asset in assets {
            let data = answers.next::<IPool::getReserveDataCall>(self.pool)?;
            self.found.reserves.insert(asset, reserve(&data, at.number));
        }
        Ok(Next::Ask(self.oracle_questions()))
    }

    fn oracle_questions(&mut self) -> Vec<Query> {
        let oracle = self.found.addresses.oracle;
        let mut modes = self.chosen.clone();
        modes.extend(self.found.reserves.values().map(|reserve| reserve.configuration.category()));
        modes.remove(&0);
        let mut questions = vec![
            query(oracle, &IOracle::BASE_CURRENCYCall {}),
            query(oracle, &IOracle::BASE_CURRENCY_UNITCall {}),
        ];
        for asset in self.found.reserves.keys().copied() {
            questions.push(query(oracle, &IOracle::getAssetPriceCall { asset }));
            questions.push(query(oracle, &IOracle::getSourceOfAssetCall { asset }));
        }
        questions
            .extend(modes.iter().map(|id| query(self.pool, &IPool::getEModeCategoryDataCall { id: *id })));
        self.round = Round::Oracle(modes.into_iter().collect());
        questions
    }

    fn oracle(
        &mut self,
        answers: &mut Answers<'_>,
        at: BlockRef,
        modes: Vec<u8>,
    ) -> Result<Next, SurveyError> {
        let oracle = self.found.addresses.oracle;
        let currency = answers.next::<IOracle::BASE_CURRENCYCall>(oracle)?;
        let unit = answers.next::<IOracle::BASE_CURRENCY_UNITCall>(oracle)?;
        if !currency.is_zero() || unit != U256::from(100_000_000u64) {
            return Err(SurveyError::NotDollars(oracle));
        }
        let mut sources = Vec::new();
        for asset in self.found.reserves.keys().copied() {
            // A price may be missing for a while; a market without one asset is better than none.
            let value = answers.maybe::<IOracle::getAssetPriceCall>().filter(|price| !price.is_zero());
            self.found.prices.insert(asset, Price { value, known: Stamp::end_of(at.number) });
            sources.push((asset, answers.next::<IOracle::getSourceOfAssetCall>(oracle)?));
        }
        for id in modes {
            let data = answers.next::<IPool::getEModeCategoryDataCall>(self.pool)?;
            self.found.modes.insert(id, mode(&data));
        }
        Ok(Next::Ask(self.feed_questions(sources)))
    }

    fn feed_questions(&mut self, sources: Vec<(Address, Address)>) -> Vec<Query> {
        let oracle = self.found.addresses.oracle;
        let mut questions: Vec<Query> =
            sources.iter().map(|(_, source)| query(*source, &IFeed::aggregatorCall {})).collect();
        questions.extend(
            self.mode_sources().into_iter().map(|asset| query(oracle, &IOracle::getAssetPriceCall { asset })),
        );
        self.round = Round::Feeds(sources);
        questions
    }

    /// The assets that only modes price, and that are no reserves themselves.
    fn mode_sources(&self) -> BTreeSet<Address> {
        let sources = self.found.modes.values().map(|mode| mode.source);
        sources.filter(|source| !source.is_zero() && !self.found.reserves.contains_key(source)).collect()
    }

    fn feeds(&mut self, answers: &mut Answers<'_>, at: BlockRef, sources: Vec<(Address, Address)>) -> Next {
        for (asset, _source) in sources {
            // A source without an aggregator behind it is asked for its price at every block.
            if let Some(feed) = answers.maybe::<IFeed::aggregatorCall>().filter(|feed| !feed.is_zero()) {
                self.found.feeds.entry(feed).or_default().insert(asset);
            }
        }
        for source in self.mode_sources() {
            let value = answers.maybe::<IOracle::getAssetPriceCall>().filter(|price| !price.is_zero());
            self.found.prices.insert(source, Price { value, known: Stamp::end_of(at.number) });
        }
        Next::Done(Box::new(std::mem::take(&mut self.found)))
    }
}

fn reserve(data: &IPool::ReserveData, at: BlockNumber) -> Reserve {
    Reserve {
        id: data.id,
        configuration: ReserveConfiguration(data.configuration),
        accrual: Accrual {
            liquidity_rate: U256::from(data.currentLiquidityRate),
            variable_rate: U256::from(data.currentVariableBorrowRate),
            liquidity_index: U256::from(data.liquidityIndex),
            variable_index: U256::from(data.variableBorrowIndex),
            updated: Timestamp(data.lastUpdateTimestamp.to::<u64>()),
        },
        known: Stamp::end_of(at),
        tokens: Tokens {
            receipt: data.aTokenAddress,
            stable_debt: data.stableDebtTokenAddress,
            variable_debt: data.variableDebtTokenAddress,
        },
    }
}

fn mode(data: &IPool::EModeCategory) -> Mode {
    Mode {
        liquidation_threshold: U256::from(data.liquidationThreshold),
        liquidation_bonus: U256::from(data.liquidationBonus),
        source: data.priceSource,
    }
}
