//! Where each strategy hears what became of what it published.

use std::{collections::BTreeMap, sync::Arc};

use agent_core::{OutcomeReport, ports::Strategy};
use tokio::sync::mpsc;

/// A strategy, and what it hears.
pub(crate) type Lane = (Box<dyn Strategy>, Inbox);

/// What one strategy hears.
pub(crate) type Inbox = mpsc::UnboundedReceiver<OutcomeReport>;

/// The strategies' inboxes, by name. Two strategies of one name both hear what concerns the name.
#[derive(Clone, Default)]
pub(crate) struct Inboxes(Arc<BTreeMap<String, Vec<mpsc::UnboundedSender<OutcomeReport>>>>);

impl Inboxes {
    /// One for each, beside it.
    pub(crate) fn of(strategies: Vec<Box<dyn Strategy>>) -> (Self, Vec<Lane>) {
        let (mut inboxes, mut lanes) = (BTreeMap::<_, Vec<_>>::new(), Vec::new());
        for strategy in strategies {
            let (inbox, outcomes) = mpsc::unbounded_channel();
            inboxes.entry(strategy.name().to_owned()).or_default().push(inbox);
            lanes.push((strategy, outcomes));
        }
        (Self(Arc::new(inboxes)), lanes)
    }

    pub(crate) fn tell(&self, report: &OutcomeReport) {
        for inbox in self.0.get(&report.strategy).into_iter().flatten() {
            // A strategy that has stopped needs no outcomes.
            drop(inbox.send(report.clone()));
        }
    }
}
