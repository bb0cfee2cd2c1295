//! The agent loop as a state machine without IO.
//!
//! `Run` owns every decision of the planner's speed: when to plan, which calls to make, what to offer, when to stop. It
//! deliberately contains no planner, tool, door, memory or clock: [`Run::next`] says what to do, somebody does it, and
//! [`Run::answer`] says what came of it. Between any two steps it can be written down (serde) and resumed in another
//! process, and the same answers lead to the same steps.
//!
//! ```text
//!           woke               planned            called             offered
//! Sleeping ──────► Planning ──────────► Calling ──────────► Offering ────────► Sleeping
//!                     ▲  └─ no calls, or failed ─► Sleeping   │ ▲ │ asked
//!                     │                               replied │ └─┴► Asking (a person)
//!                     └───── something was looked up, rounds left ┘
//! ```

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{
    draft::{Draft, Origin},
    outcome::Refusal,
    plan::{Briefing, BriefingItem, Note, Plan},
    ports::{Command, Effect, Question, Record, Reply, ToolCall, ToolError, ToolReply, ToolSpec},
    units::BlockRef,
};

/// Bounds of one sitting (from waking up to going back to sleep).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLimits {
    /// Plans per sitting.
    pub rounds: u32,
    /// Calls taken from one plan; the rest is not made.
    pub calls: usize,
    /// Bytes of a tool's answer that the next briefing quotes.
    pub note_bytes: usize,
}

/// What the runtime knows when it wakes the run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Situation {
    /// The head.
    pub now: BlockRef,
    /// Open opportunities that no standing order covers, best first, bounded.
    pub opportunities: Vec<BriefingItem>,
    /// Classes that live standing orders cover.
    pub armed: Vec<String>,
    /// How many transactions are under way.
    pub in_flight: u32,
    /// What memory recalls about them.
    pub memories: Vec<Record>,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask the planner; answer [`Answer::Planned`].
    Plan(Box<Briefing>),
    /// Make these calls, in order; answer [`Answer::Called`].
    CallTools(Vec<ToolCall>),
    /// Offer this to the door; answer [`Answer::Heard`].
    Offer(Box<Draft>, Origin),
    /// Tell the door this; answer [`Answer::Heard`].
    Command(Box<Command>, Origin),
    /// Wait until a person has replied to this, or it is too late; answer [`Answer::Replied`].
    AskOperator(Box<Question>),
    /// Wait until something changes; answer [`Answer::Woke`].
    Sleep,
    /// The run is over.
    Done,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The planner's plan, or why there is none.
    Planned(Result<Plan, String>),
    /// One result per call.
    Called(Vec<Result<ToolReply, ToolError>>),
    /// The door took it, or refused.
    Heard(Result<(), Refusal>),
    /// The door asks a person first.
    Asked(Box<Question>),
    /// What the person said; nothing, when it is too late.
    Replied(Option<Reply>),
    /// Something changed.
    Woke(Box<Situation>),
}

/// An answer to a step that was not the next one: a bug of the caller. The run is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("answer does not fit the step that the run waits for")]
pub struct Mismatch;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Sleeping,
    Planning,
    Calling { reason: String, calls: Vec<ToolCall> },
    Offering { reason: String, effects: VecDeque<(String, Effect)>, looked_up: bool },
    Asking { question: Question, reason: String, effects: VecDeque<(String, Effect)>, looked_up: bool },
    Done,
}

/// One run of the loop. See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    tools: Vec<ToolSpec>,
    limits: RunLimits,
    situation: Situation,
    notes: Vec<Note>,
    round: u32,
    phase: Phase,
}

impl Run {
    /// A run that sleeps until it is woken for the first time.
    #[must_use]
    pub fn new(tools: Vec<ToolSpec>, limits: RunLimits) -> Self {
        let situation = Situation::default();
        Self { tools, limits, situation, notes: Vec::new(), round: 0, phase: Phase::Sleeping }
    }

    /// What is to be done. Asking again gives the same step until it is answered.
    #[must_use]
    pub fn next(&self) -> Step {
        match &self.phase {
            Phase::Sleeping => Step::Sleep,
            Phase::Planning => Step::Plan(Box::new(self.briefing())),
            Phase::Calling { calls, .. } => Step::CallTools(calls.clone()),
            Phase::Offering { reason, effects, .. } => {
                let origin = Origin::Planner { reason: reason.clone() };
                match effects.front() {
                    Some((_, Effect::Offer(draft))) => Step::Offer(draft.clone(), origin),
                    Some((_, Effect::Command(command))) => Step::Command(Box::new(command.clone()), origin),
                    None => Step::Sleep,
                }
            }
            Phase::Asking { question, .. } => Step::AskOperator(Box::new(question.clone())),
            Phase::Done => Step::Done,
        }
    }

    /// Takes what came of the step.
    ///
    /// # Errors
    /// [`Mismatch`] when `answer` is not of the kind that the step waits for; nothing changes then.
    pub fn answer(&mut self, answer: Answer) -> Result<(), Mismatch> {
        let phase = std::mem::replace(&mut self.phase, Phase::Done);
        match (phase, answer) {
            (Phase::Sleeping, Answer::Woke(situation)) => self.wake(*situation),
            (Phase::Planning, Answer::Planned(plan)) => self.planned(plan),
            (Phase::Calling { reason, calls }, Answer::Called(replies)) if calls.len() == replies.len() => {
                self.called(reason, &calls, replies);
            }
            (Phase::Offering { reason, effects, looked_up }, Answer::Heard(heard)) => {
                self.heard(reason, effects, looked_up, heard);
            }
            (Phase::Offering { reason, effects, looked_up }, Answer::Asked(question))
                if matches!(effects.front(), Some((_, Effect::Offer(_)))) =>
            {
                self.phase = Phase::Asking { question: *question, reason, effects, looked_up };
            }
            (Phase::Asking { reason, effects, looked_up, .. }, Answer::Replied(reply)) => match reply {
                // The door holds what it asked about; offered again, it lets through that and nothing else.
                Some(Reply::Approve) => self.phase = Phase::Offering { reason, effects, looked_up },
                Some(Reply::Deny) => self.heard(reason, effects, looked_up, Err(Refusal::Denied)),
                None => self.heard(reason, effects, looked_up, Err(Refusal::NoReply)),
            },
            (phase, _) => {
                self.phase = phase;
                return Err(Mismatch);
            }
        }
        Ok(())
    }

    /// Ends the run at once. What the door has recorded goes on without it.
    pub fn stop(&mut self) {
        self.phase = Phase::Done;
    }

    fn briefing(&self) -> Briefing {
        let Situation { now, opportunities, armed, in_flight, memories } = self.situation.clone();
        let (tools, notes) = (self.tools.clone(), self.notes.clone());
        Briefing { tools, now, opportunities, armed, in_flight, memories, notes }
    }

    fn wake(&mut self, situation: Situation) {
        self.situation = situation;
        self.notes.clear();
        self.round = 0;
        self.phase = Phase::Planning;
    }

    fn planned(&mut self, plan: Result<Plan, String>) {
        self.round = self.round.saturating_add(1);
        self.phase = match plan {
            Ok(Plan { reason, mut calls }) if !calls.is_empty() => {
                calls.truncate(self.limits.calls);
                Phase::Calling { reason, calls }
            }
            // A planner that fails or has nothing to do costs nothing but its turn.
            Ok(_) | Err(_) => Phase::Sleeping,
        };
    }

    fn called(&mut self, reason: String, calls: &[ToolCall], replies: Vec<Result<ToolReply, ToolError>>) {
        let mut effects = VecDeque::new();
        let mut looked_up = false;
        for (call, reply) in calls.iter().zip(replies) {
            match reply {
                Ok(ToolReply { effect: Some(effect), .. }) => effects.push_back((call.tool.clone(), effect)),
                Ok(ToolReply { output, effect: None }) => {
                    looked_up = true;
                    self.note(&call.tool, output.to_string());
                }
                Err(error) => {
                    looked_up = true;
                    self.note(&call.tool, error.kind.feedback().to_owned());
                }
            }
        }
        self.offer_next(reason, effects, looked_up);
    }

    fn heard(
        &mut self,
        reason: String,
        mut effects: VecDeque<(String, Effect)>,
        looked_up: bool,
        heard: Result<(), Refusal>,
    ) {
        let tool = effects.pop_front().map(|(tool, _)| tool).unwrap_or_default();
        let refused = heard.is_err();
        self.note(
            &tool,
            heard.map_or_else(|refusal| refusal.feedback().to_owned(), |()| "under way".to_owned()),
        );
        // A refusal is worth another thought, as an answer is.
        self.offer_next(reason, effects, looked_up || refused);
    }

    fn offer_next(&mut self, reason: String, effects: VecDeque<(String, Effect)>, looked_up: bool) {
        self.phase = if !effects.is_empty() {
            Phase::Offering { reason, effects, looked_up }
        } else if looked_up && self.round < self.limits.rounds {
            Phase::Planning
        } else {
            Phase::Sleeping
        };
    }

    fn note(&mut self, tool: &str, said: String) {
        let said = said.chars().scan(0usize, |bytes, char| {
            *bytes = bytes.saturating_add(char.len_utf8());
            (*bytes <= self.limits.note_bytes).then_some(char)
        });
        self.notes.push(Note { tool: tool.to_owned(), said: said.collect() });
    }
}

#[cfg(test)]
mod tests;
