//! What the sale of the collateral would bring, and whether the chain agrees with what we know of the position.

use agent_core::{Answered, Query};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;

use super::Target;
use crate::{
    abi::{IERC20, IOracle, IPool, IQuoter, IScaledToken, ISentinel},
    config::{Exit, LiquidationConfig, Venue},
    market::{Market, query},
    v3_0::UserConfiguration,
};

/// How many reads one target takes.
pub(crate) const READS: usize = 10;
/// Above this health factor (0.95) a sentinel has a say.
const SENTINEL_ABOVE: U256 = U256::from_limbs([950_000_000_000_000_000, 0, 0, 0]);

/// A target that the chain agrees with, and what selling its collateral brings.
#[derive(Debug, Clone)]
pub(crate) struct Quoted {
    /// The target.
    pub(crate) target: Target,
    /// How the collateral becomes the debt's token.
    pub(crate) exit: Exit,
    /// What that brings.
    pub(crate) out: U256,
}

/// Why a target is let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// The chain says otherwise about the position.
    Position,
    /// The oracle says otherwise about a price.
    Price,
    /// Nobody buys the collateral, the pool cannot pay it out or lend the debt, or the sentinel forbids it.
    Impossible,
}

/// What is asked about a target. Always the same number of reads.
pub(crate) fn questions(target: &Target, config: &LiquidationConfig, market: &Market) -> Option<Vec<Query>> {
    let pool = config.market.pool;
    let (user, pair) = (target.user, target.pair);
    let collateral = market.reserves.get(&pair.collateral)?.tokens;
    let debt = market.reserves.get(&pair.debt)?.tokens;
    let oracle = market.addresses.oracle;
    let price = |asset| query(oracle, &IOracle::getAssetPriceCall { asset });
    let (held, owed) = market.sources(target);
    let sale = match config.exit(pair.collateral, pair.debt)? {
        Exit::Sell(venue) => sale(&venue, target)?,
        Exit::Same => price(pair.debt),
    };
    let sentinel = match market.addresses.sentinel {
        none if none.is_zero() => price(pair.debt),
        sentinel => query(sentinel, &ISentinel::isLiquidationAllowedCall {}),
    };
    Some(vec![
        sale,
        sentinel,
        query(collateral.receipt, &IScaledToken::scaledBalanceOfCall { user }),
        query(debt.variable_debt, &IScaledToken::scaledBalanceOfCall { user }),
        query(pool, &IPool::getUserConfigurationCall { user }),
        query(pool, &IPool::getUserEModeCall { user }),
        price(held),
        price(owed),
        query(pair.collateral, &IERC20::balanceOfCall { account: collateral.receipt }),
        query(pair.debt, &IERC20::balanceOfCall { account: debt.receipt }),
    ])
}

/// Reads the answers about `targets`, in the order of the questions: how the collateral becomes the debt's token, and
/// what that brings.
pub(crate) fn read<'a>(
    targets: Vec<Target>,
    answers: &'a [Answered],
    config: &'a LiquidationConfig,
    market: &'a Market,
) -> impl Iterator<Item = (Target, Result<(Exit, U256), Doubt>)> + 'a {
    targets.into_iter().zip(answers.chunks(READS)).map(|(target, answers)| {
        let examined = examine(&target, answers, config, market);
        (target, examined)
    })
}

fn sale(venue: &Venue, target: &Target) -> Option<Query> {
    let params = IQuoter::QuoteExactInputSingleParams {
        tokenIn: target.pair.collateral,
        tokenOut: target.pair.debt,
        amountIn: target.seizure.seized,
        fee: venue.fee.try_into().ok()?,
        sqrtPriceLimitX96: Default::default(),
    };
    Some(query(venue.quoter, &IQuoter::quoteExactInputSingleCall { params }))
}

fn examine(
    target: &Target,
    answers: &[Answered],
    config: &LiquidationConfig,
    market: &Market,
) -> Result<(Exit, U256), Doubt> {
    let [sale, sentinel, supplied, borrowed, bits, mode, held, owed, payable, lendable] = answers else {
        return Err(Doubt::Impossible);
    };
    let (has, owes) = target.holdings();
    let agrees = decode::<IScaledToken::scaledBalanceOfCall>(supplied) == Some(has.supplied)
        && decode::<IScaledToken::scaledBalanceOfCall>(borrowed) == Some(owes.borrowed)
        && decode::<IPool::getUserEModeCall>(mode) == Some(U256::from(target.position.category))
        && decode::<IPool::getUserConfigurationCall>(bits)
            .is_some_and(|bits| agrees(target, UserConfiguration(bits), market));
    if !agrees {
        return Err(Doubt::Position);
    }
    let prices = (target.terms.collateral_price, target.terms.debt_price);
    let price = decode::<IOracle::getAssetPriceCall>;
    if (price(held), price(owed)) != (Some(prices.0), Some(prices.1)) {
        return Err(Doubt::Price);
    }
    let has_balance = |answer, least| decode::<IERC20::balanceOfCall>(answer).is_some_and(|has| has >= least);
    let funded = has_balance(payable, target.seizure.seized)
        && (!config.terms.flash_loan || has_balance(lendable, target.seizure.repaid));
    let allowed = market.addresses.sentinel.is_zero()
        || target.account.health < SENTINEL_ABOVE
        || decode::<ISentinel::isLiquidationAllowedCall>(sentinel) == Some(true);
    let exit = config.exit(target.pair.collateral, target.pair.debt).ok_or(Doubt::Impossible)?;
    let out = match exit {
        Exit::Same => Some(target.seizure.seized),
        Exit::Sell(_) => decode::<IQuoter::quoteExactInputSingleCall>(sale).map(|quote| quote.amountOut),
    };
    out.filter(|_| funded && allowed).map(|out| (exit, out)).ok_or(Doubt::Impossible)
}

/// Whether the user's bitmap says the same as its logs. A debt repaid to less than a scaled unit leaves its bit.
fn agrees(target: &Target, bits: UserConfiguration, market: &Market) -> bool {
    market.reserves.iter().all(|(asset, reserve)| {
        let holding = target.position.holdings.get(asset).copied().unwrap_or_default();
        let borrows = holding.borrowed.is_zero() || bits.borrows(reserve.id);
        borrows && bits.is_collateral(reserve.id) == holding.collateral
    })
}

fn decode<C: SolCall>(answer: &Answered) -> Option<C::Return> {
    C::abi_decode_returns(answer.as_ref().ok()?).ok()
}

impl Market {
    /// The assets that the oracle is asked about for a target: a mode may have one of its own.
    fn sources(&self, target: &Target) -> (Address, Address) {
        let mode = target.position.category;
        let source = self.modes.get(&mode).map(|mode| mode.source).filter(|source| !source.is_zero());
        let own = self
            .reserves
            .get(&target.pair.collateral)
            .is_some_and(|reserve| mode != 0 && reserve.configuration.category() == mode);
        let held = source.filter(|_| own).unwrap_or(target.pair.collateral);
        (held, source.unwrap_or(target.pair.debt))
    }
}
