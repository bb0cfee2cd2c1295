//! Questions under way, and what the operator was told.

use std::collections::{BTreeMap, BTreeSet};

use agent_core::{Head, Query, ports::Outbox};
use alloy_primitives::Address;

use crate::hunt::Target;

/// Answers that do not come are given up when this many questions were asked after them.
const PATIENCE: u64 = 64;

/// What a question was for.
#[derive(Debug)]
pub(super) enum Pending {
    /// The survey under way.
    Survey,
    /// The prices of these assets.
    Poll(Vec<Address>),
    /// What these targets would bring.
    Quotes {
        /// The block that they were computed from.
        head: Head,
        /// The targets.
        targets: Vec<Target>,
    },
}

/// The questions that were asked and not answered.
#[derive(Debug, Default)]
pub(super) struct Desk {
    asked: u64,
    pending: BTreeMap<u64, Pending>,
    told: BTreeSet<String>,
}

impl Desk {
    /// Asks.
    pub(super) fn ask(&mut self, purpose: Pending, queries: Vec<Query>, outbox: &mut Outbox) {
        self.asked = self.asked.saturating_add(1);
        self.pending = self.pending.split_off(&self.asked.saturating_sub(PATIENCE));
        self.pending.insert(self.asked, purpose);
        outbox.ask(self.asked, queries);
    }

    /// What the question with this tag was for, if anybody still wants to know: older quotes are overtaken by newer.
    pub(super) fn take(&mut self, tag: u64) -> Option<Pending> {
        let purpose = self.pending.remove(&tag)?;
        if matches!(purpose, Pending::Quotes { .. }) {
            self.pending.retain(|older, other| *older > tag || !matches!(other, Pending::Quotes { .. }));
        }
        Some(purpose)
    }

    /// Forgets every question of a kind that begins anew.
    pub(super) fn forget_surveys(&mut self) {
        self.pending.retain(|_, purpose| !matches!(purpose, Pending::Survey));
    }

    /// Forgets all questions.
    pub(super) fn clear(&mut self) {
        self.pending.clear();
    }

    /// Tells the operator something, once.
    pub(super) fn warn(&mut self, sentence: String, outbox: &mut Outbox) {
        if self.told.insert(sentence.clone()) {
            outbox.warn(sentence);
        }
    }
}
