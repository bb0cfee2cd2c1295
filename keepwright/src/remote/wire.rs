//! What an agent and a door say to each other.

use agent_core::{
    Draft, OpportunityId, Origin, OutcomeReport, Refusal,
    ports::{Command, Offered, Question, Sent},
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Offer {
    pub(super) draft: Draft,
    pub(super) origin: Origin,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ordered {
    pub(super) command: Command,
    pub(super) origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OnItsWay {
    pub(super) id: OpportunityId,
    pub(super) sent: Sent,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Refused(Refusal),
    Asked(Question),
    Underway(OnItsWay),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Heard {
    Done,
    Refused(Refusal),
}

/// How it stands with something that the door took. Tagged from outside: amounts are wider than what serde buffers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ended {
    /// It is final.
    Yes(Box<OutcomeReport>),
    /// It is not.
    NotYet,
    /// The door never took it.
    Unknown,
}

/// An answer, and what has to be followed.
pub(super) fn answer(offered: &Offered) -> Answer {
    match offered {
        Offered::Refused(refusal) => Answer::Refused(refusal.clone()),
        Offered::Asked(question) => Answer::Asked(question.clone()),
        Offered::Underway(underway) => Answer::Underway(OnItsWay { id: underway.id, sent: underway.sent }),
    }
}
