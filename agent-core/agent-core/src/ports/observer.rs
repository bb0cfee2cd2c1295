//! Who watches: live views, metrics, benchmarks and crash tests. Observers see everything and change nothing.

use crate::{
    draft::{Draft, Origin},
    event::Head,
    opportunity::{Opportunity, OpportunityId},
    outcome::{Outcome, Refusal},
    plan::Plan,
    ports::{Question, Record, Sent, Sequence, Simulation, Stuck},
};

/// Something that just happened, in the order it happened.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Moment<'a> {
    /// A block's events arrived.
    Head(&'a Head),
    /// A strategy published an opportunity, or a newer appraisal of one.
    Published(&'a Opportunity),
    /// A strategy withdrew one.
    Withdrawn(OpportunityId),
    /// The planner was asked.
    Asked,
    /// The planner answered.
    Planned(&'a Plan),
    /// The planner failed, with the operator's text.
    PlanFailed(&'a str),
    /// A draft that may be offered soon is ready.
    Prepared(OpportunityId),
    /// A draft came to the door.
    Offered(&'a Draft, &'a Origin),
    /// It was simulated.
    Simulated(OpportunityId, &'a Simulation),
    /// The policy allows it.
    Approved(OpportunityId),
    /// It waits for a person.
    Waits(&'a Question),
    /// The door said no.
    Refused(OpportunityId, &'a Refusal),
    /// It is durably recorded; nothing was signed yet.
    Recorded(OpportunityId, Sequence),
    /// It is signed and on its way.
    Sent(OpportunityId, Sent),
    /// It does not get mined.
    Stuck(OpportunityId, Stuck),
    /// A further transaction for its nonce is on its way, one that replaces or cancels it.
    Replaced(OpportunityId, Sent),
    /// It is final, and the journal has it.
    Closed(OpportunityId, &'a Outcome),
    /// Memory keeps this.
    Remembered(&'a Record),
    /// Something the operator should know.
    Warned(&'a str),
}

/// Watches. Called on the path that it watches, so it must be quick.
pub trait Observer: Send + Sync {
    /// This happened.
    fn saw(&self, moment: Moment<'_>);
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn saw(&self, _: Moment<'_>) {}
}
