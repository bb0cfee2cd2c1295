//! Chainlink's `FluxAggregator` (`@chainlink/contracts` 0.6.1, `src/v0.6/FluxAggregator.sol`): oracles submit to rounds, the answer is the
//! median of a round, and each submission earns the same.

use agent_core::{
    Answered, Call, Query,
    units::{Timestamp, Token, TokenAmount, UsdE8},
};
use alloy_primitives::{Address, I256, U256};
use alloy_sol_types::SolCall;
use serde::{Deserialize, Serialize};

use super::{Held, Takes, Unread, Update, flux_abi::IFluxAggregator, worth};
use crate::{decimal::Decimal, mode::fluxmonitor::Round};

/// As many rounds ahead must be paid for before Chainlink's own nodes submit.
const FUNDED_ROUNDS: u8 = 3;

/// One aggregator. The executor has to be one of its oracles, and that oracle's admin if payments are collected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FluxAggregator {
    /// The aggregator, not the proxy in front of it.
    pub address: Address,
    /// Its decimals.
    pub decimals: u8,
    /// What it pays in. With this, each submission's payment is collected in the same transaction, which fails if it brings less.
    /// Without, payments stay with the aggregator, and the update brings the executor nothing.
    #[serde(default)]
    pub payment: Option<Payment>,
}

/// What submissions are paid in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payment {
    /// The token: LINK, as the operator knows it.
    pub token: Token,
    /// What one whole of it is valued at.
    pub price: UsdE8,
}

impl FluxAggregator {
    pub(super) fn queries(&self, executor: Address) -> Vec<Query> {
        let round = IFluxAggregator::oracleRoundStateCall { oracle: executor, queriedRoundId: 0 };
        let asked = [
            round.abi_encode(),
            IFluxAggregator::latestRoundDataCall {}.abi_encode(),
            IFluxAggregator::minSubmissionValueCall {}.abi_encode(),
            IFluxAggregator::maxSubmissionValueCall {}.abi_encode(),
        ];
        asked.map(|data| Query { to: self.address, data: data.into() }).to_vec()
    }

    pub(super) fn read(&self, answers: &[Answered]) -> Result<Held, Unread> {
        let [state, latest, min, max] = answers else { return Err(Unread::Unreadable) };
        let state = decoded::<IFluxAggregator::oracleRoundStateCall>(state)?;
        let bounds = (
            self.decimal(decoded::<IFluxAggregator::minSubmissionValueCall>(min)?)?,
            self.decimal(decoded::<IFluxAggregator::maxSubmissionValueCall>(max)?)?,
        );
        // It reverts before the first answer.
        let latest = match latest {
            Ok(_) => Some(decoded::<IFluxAggregator::latestRoundDataCall>(latest)?),
            Err(_) => None,
        };
        let time = |seconds: U256| u64::try_from(seconds).map(Timestamp).map_err(|_range| Unread::Unreadable);
        let latest = latest
            .map(|latest| {
                Ok((self.decimal(latest.answer)?, time(latest.updatedAt)?, time(latest.startedAt)?))
            })
            .transpose()?;
        let round = Round {
            id: state.roundId,
            started: (state.startedAt > 0).then_some(Timestamp(state.startedAt)),
            last_submission: self.decimal(state.latestSubmission)?,
            latest_started: latest.map(|(_, _, started)| started),
        };
        Ok(Held {
            value: latest.map(|(answer, ..)| answer),
            updated: latest.map(|(_, updated, _)| updated).unwrap_or_default(),
            round: Some(round),
            payment: U256::from(state.paymentAmount),
            takes: takes(&state, bounds),
        })
    }

    pub(super) fn update(&self, held: &Held, value: Decimal, executor: Address) -> Option<Update> {
        let round = held.round?.id;
        let submission = value.to_units(self.decimals)?;
        let submit = IFluxAggregator::submitCall { roundId: U256::from(round), submission };
        let call = |data: Vec<u8>| Call { target: self.address, spend: None, data: data.into() };
        let mut update = Update {
            calls: vec![call(submit.abi_encode())],
            floors: Vec::new(),
            gross: UsdE8::ZERO,
            // Each oracle submits to a round once, whatever the value.
            occasion: round.to_be_bytes().to_vec(),
        };
        if let Some(Payment { token, price }) = &self.payment {
            let (oracle, recipient, amount) = (executor, executor, held.payment);
            let collect = IFluxAggregator::withdrawPaymentCall { oracle, recipient, amount };
            update.calls.push(call(collect.abi_encode()));
            update.floors.push(TokenAmount { token: token.address, raw: amount });
            update.gross = worth(token, amount, *price)?;
        }
        Some(update)
    }

    fn decimal(&self, units: I256) -> Result<Decimal, Unread> {
        Decimal::new(units, self.decimals).ok_or(Unread::Unreadable)
    }
}

fn takes(state: &IFluxAggregator::oracleRoundStateReturn, (min, max): (Decimal, Decimal)) -> Takes {
    let rounds = U256::from(state.paymentAmount)
        .saturating_mul(U256::from(state.oracleCount))
        .saturating_mul(U256::from(FUNDED_ROUNDS));
    if !state.eligibleToSubmit {
        Takes::NotEligible
    } else if U256::from(state.availableFunds) < rounds {
        Takes::Underfunded
    } else {
        Takes::Between(min, max)
    }
}

fn decoded<C: SolCall>(answer: &Answered) -> Result<C::Return, Unread> {
    let bytes = answer.as_ref().map_err(|_revert| Unread::Reverted)?;
    C::abi_decode_returns_validate(bytes).map_err(|_encoding| Unread::Unreadable)
}
