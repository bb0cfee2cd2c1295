//! What became of something that the door took before this process began to serve: the journal knows.

use agent_core::{
    OpportunityId, Outcome, OutcomeReport,
    ports::{DoorError, Journal, Sequence},
};
use alloy_primitives::B256;
use chain_door::Page;

use super::wire::Ended;

/// Entries that are read at a time.
const PAGE: usize = 1_024;

/// Reads the journal through; the last time that `id` was taken counts.
pub(super) async fn ended(journal: &dyn Journal, id: OpportunityId) -> Result<Ended, DoorError> {
    let (mut taken, mut ended, mut from) = (None::<(B256, OutcomeReport)>, Ended::Unknown, Sequence(0));
    loop {
        let page = journal.read(from, PAGE).await?;
        let Some(last) = page.last() else { return Ok(ended) };
        from = Sequence(last.sequence.0.saturating_add(1));
        for stored in &page {
            let subject = stored.entry.subject;
            match (Page::of(stored)?, &taken) {
                (Page::Recorded(page), _) if page.draft.id == id => {
                    let (strategy, class) = (page.draft.strategy, page.draft.class);
                    // Replaced by what closes it.
                    let outcome = Outcome::Refused(agent_core::Refusal::AlreadyTaken);
                    taken = Some((subject, OutcomeReport { id, strategy, class, outcome }));
                    ended = Ended::NotYet;
                }
                (Page::Closed { outcome }, Some((opened, report))) if *opened == subject => {
                    ended = Ended::Yes(Box::new(OutcomeReport { outcome, ..report.clone() }));
                }
                _ => {}
            }
        }
    }
}
