//! Reading the market: surveys, and the prices that no log tells.

use std::collections::BTreeSet;

use agent_core::{Answered, ports::Outbox, units::BlockRef};
use alloy_primitives::Address;
use alloy_sol_types::SolCall;

use super::{LiquidationStrategy, desk::Pending};
use crate::{
    abi::IOracle,
    hunt::Watch,
    market::{Findings, Next, Price, Survey, SurveyError, query},
    stamp::Stamp,
    view::Phase,
};

impl LiquidationStrategy {
    /// Begins a survey if one is due.
    pub(super) fn survey(&mut self, outbox: &mut Outbox) {
        if !self.course.wants_survey() {
            return;
        }
        let chosen: BTreeSet<u8> = self.positions.iter().map(|(_, position)| position.category).collect();
        let (survey, questions) = Survey::start(self.config.market.pool, chosen);
        let head = self.course.head();
        self.course.survey = Some((survey, head));
        self.course.due = head;
        self.course.due.0 = head.0.saturating_add(self.config.terms.survey_blocks.max(1));
        self.desk.forget_surveys();
        self.desk.ask(Pending::Survey, questions, outbox);
    }

    /// Takes the answers of a survey's round.
    pub(super) fn surveyed(&mut self, at: BlockRef, answers: &[Answered], outbox: &mut Outbox) {
        let Some((survey, _asked)) = self.course.survey.take() else { return };
        match survey.answer(at, answers) {
            Ok((survey, Next::Ask(questions))) => {
                self.course.survey = Some((survey, self.course.head()));
                self.desk.ask(Pending::Survey, questions, outbox);
            }
            Ok((_, Next::Done(found))) => self.adopt(*found, outbox),
            Err(error) if error.is_final() => self.refuse(error.to_string(), outbox),
            Err(error) => self.fail(&error, outbox),
        }
    }

    /// Asks for the prices that no log tells.
    pub(super) fn poll(&mut self, outbox: &mut Outbox) {
        let assets = self.market.prices.silent();
        let oracle = self.market.addresses.oracle;
        if !assets.is_empty() {
            let questions =
                assets.iter().map(|asset| query(oracle, &IOracle::getAssetPriceCall { asset: *asset }));
            let questions = questions.collect();
            self.desk.ask(Pending::Poll(assets), questions, outbox);
        }
    }

    /// Takes those prices.
    pub(super) fn polled(
        &mut self,
        assets: &[Address],
        at: BlockRef,
        answers: &[Answered],
        outbox: &mut Outbox,
    ) {
        for (asset, answer) in assets.iter().zip(answers) {
            let price = answer.as_ref().ok();
            let price = price.and_then(|bytes| IOracle::getAssetPriceCall::abi_decode_returns(bytes).ok());
            let value = price.filter(|price| !price.is_zero());
            self.market.prices.set(*asset, Price { value, known: Stamp::end_of(at.number) });
        }
        if self.market.prices.has_changed() && self.course.phase == Phase::Following {
            self.look(outbox);
        }
    }

    fn adopt(&mut self, found: Findings, outbox: &mut Outbox) {
        if let Some(sentence) = self.misfit(&found) {
            return self.refuse(sentence, outbox);
        }
        let known = self.market.tokens();
        self.market.adopt(found);
        self.hunt.watch = Watch::default();
        if self.market.tokens().difference(&known).next().is_some() {
            self.course.awaiting = true;
        }
        self.course.phase = if self.course.awaiting { Phase::Backfilling } else { Phase::Following };
        if self.course.awaiting {
            self.hunt.board.clear(outbox);
            self.publish_view();
        } else {
            self.look(outbox);
        }
    }

    /// Why the operator's configuration does not fit what was found.
    fn misfit(&self, found: &Findings) -> Option<String> {
        let native = self.config.market.wrapped_native;
        if !found.reserves.contains_key(&native) {
            return Some(format!(
                "the wrapped native coin {native} is no reserve of the pool, so gas has no price"
            ));
        }
        self.config.tokens.iter().find_map(|token| {
            let decimals = found.reserves.get(&token.address)?.configuration.decimals();
            (decimals != token.decimals).then(|| {
                format!("{} has {decimals} decimals, the configuration says {}", token.symbol, token.decimals)
            })
        })
    }

    fn refuse(&mut self, sentence: String, outbox: &mut Outbox) {
        self.hunt.board.clear(outbox);
        self.course.phase = Phase::Refused(sentence.clone());
        self.desk.clear();
        self.desk.warn(sentence, outbox);
        self.publish_view();
    }

    fn fail(&mut self, error: &SurveyError, outbox: &mut Outbox) {
        self.course.retry_later();
        self.desk.warn(format!("the pool could not be read: {error}"), outbox);
    }
}
