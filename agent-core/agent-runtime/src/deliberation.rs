//! The planner's speed: wakes the [`Run`] when the board changes, and does what it says, step by step.

use std::{collections::BTreeSet, panic::AssertUnwindSafe};

use agent_core::{
    Answer, BriefingItem, Opportunity, Refusal, Run, RunLimits, Situation, Step,
    ports::{
        BoxFuture, Cue, Moment, Planner, PlannerError, Record, ToolCall, ToolError, ToolReply, covering,
    },
};
use futures::FutureExt;
use tower::{Service, ServiceExt};

use crate::{
    advisory::Advisory, at_the_door::reply_to, reflex::Shared, settlements::InFlight, toolbox::Toolbox,
};

/// A planner as one object: what the blanket `Planner` trait describes, without its type.
pub(crate) type AnyPlanner = Box<
    dyn Service<
            agent_core::Briefing,
            Response = agent_core::Plan,
            Error = PlannerError,
            Future = BoxFuture<'static, Result<agent_core::Plan, PlannerError>>,
        > + Send,
>;

/// Boxes a planner.
pub(crate) fn any(planner: impl Planner) -> AnyPlanner {
    Box::new(planner)
}

/// Opportunities that one briefing has at most.
const BRIEFED: usize = 8;
/// Memories that one briefing quotes at most, per class.
const RECALLED: usize = 4;

/// The planner's task.
///
/// It may be dropped at any point: what it brought to the door is not its own any more.
pub(crate) struct Deliberation {
    planner: AnyPlanner,
    toolbox: Toolbox,
    memory: Advisory,
    shared: Shared,
    in_flight: InFlight,
    run: Run,
}

/// What became of a sitting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sat {
    /// Everything was said: the same situation is no news.
    Through,
    /// The planner failed, or the door's answer may be another at another block: if things are then as they were, they are
    /// worth another sitting.
    Open,
}

impl Deliberation {
    pub(crate) fn new(
        planner: AnyPlanner,
        toolbox: Toolbox,
        memory: Advisory,
        (shared, in_flight): (Shared, InFlight),
        limits: RunLimits,
    ) -> Self {
        let run = Run::new(toolbox.specs(), limits);
        Self { planner, toolbox, memory, shared, in_flight, run }
    }

    /// Deliberates whenever there is news. Nothing ends it: a failing planner, tool or memory costs a turn.
    pub(crate) async fn run(mut self) {
        let mut changes = self.shared.board.changes();
        let (mut considered, mut sat) = (Situation::default(), Sat::Through);
        while changes.changed().await.is_ok() {
            let situation = self.situation();
            // The same opportunities a block later are no news to a planner, unless something landed in between.
            let changed = situation.opportunities != considered.opportunities
                || situation.in_flight != considered.in_flight;
            let again = sat == Sat::Open && situation.now != considered.now;
            if !changed && !again {
                continue;
            }
            considered = situation.clone();
            sat = if situation.opportunities.is_empty() { Sat::Through } else { self.sit(situation).await };
        }
    }

    /// One sitting: from waking up to going back to sleep.
    async fn sit(&mut self, mut situation: Situation) -> Sat {
        situation.memories = self.recall(&situation.opportunities).await;
        let (mut answer, mut sat) = (Answer::Woke(Box::new(situation)), Sat::Through);
        loop {
            if leaves_open(&answer) {
                sat = Sat::Open;
            }
            if let Err(mismatch) = self.run.answer(answer) {
                tracing::error!(%mismatch, "the run and its driver disagree; this sitting ends");
                return sat;
            }
            let Some(next) = self.step().await else { return sat };
            answer = next;
        }
    }

    /// Does what the run says. `None` when the sitting is over.
    async fn step(&mut self) -> Option<Answer> {
        Some(match self.run.next() {
            Step::Plan(briefing) => Answer::Planned(self.plan(*briefing).await),
            Step::CallTools(calls) => Answer::Called(self.call(calls).await),
            Step::Offer(draft, origin) => self.shared.errands.offer(*draft, origin).await?,
            Step::Command(command, origin) => self.shared.errands.command(*command, origin).await?,
            Step::AskOperator(question) => {
                Answer::Replied(reply_to(self.shared.door.as_ref(), &question).await)
            }
            Step::Sleep | Step::Done => return None,
        })
    }

    async fn plan(&mut self, briefing: agent_core::Briefing) -> Result<agent_core::Plan, String> {
        self.shared.observer.saw(Moment::Asked);
        let planner = &mut self.planner;
        let asked = async move { planner.ready().await?.call(briefing).await };
        // A planner holds no money and nothing of the loop's: what a panic leaves in it can only make it fail again.
        let planned = match AssertUnwindSafe(asked).catch_unwind().await {
            Ok(planned) => planned.map_err(|error| error.to_string()),
            Err(_payload) => Err("planner panicked; see the log".to_owned()),
        };
        match &planned {
            Ok(plan) => self.shared.observer.saw(Moment::Planned(plan)),
            Err(error) => self.shared.observer.saw(Moment::PlanFailed(error)),
        }
        planned
    }

    /// In order, one at a time: a plan is a sequence. Tools look at the board as it is now, not as it was when the planner
    /// began to think.
    async fn call(&mut self, calls: Vec<ToolCall>) -> Vec<Result<ToolReply, ToolError>> {
        let context = self.shared.board.context();
        let mut replies = Vec::with_capacity(calls.len());
        for call in calls {
            replies.push(self.toolbox.call(context.clone(), call).await);
        }
        replies
    }

    /// What no standing order takes, best first.
    fn situation(&self) -> Situation {
        let (orders, chain_time) = (self.shared.door.orders(), self.shared.board.chain_time());
        let uncovered = |open: &Opportunity| {
            covering(&orders, &open.draft(), chain_time).map_or_else(|| BriefingItem::of(open), |_order| None)
        };
        let (now, opportunities) = self.shared.board.best(BRIEFED, uncovered);
        Situation {
            now,
            opportunities,
            armed: orders.iter().map(|status| status.order.class.clone()).collect(),
            in_flight: self.in_flight.count(),
            memories: Vec::new(),
        }
    }

    async fn recall(&mut self, opportunities: &[BriefingItem]) -> Vec<Record> {
        let classes: BTreeSet<&str> = opportunities.iter().map(|item| item.class.as_str()).collect();
        let mut memories = Vec::new();
        for class in classes {
            let cue = Cue { subject: class.to_owned(), kind: None, limit: RECALLED };
            memories.extend(self.memory.recall(cue).await);
        }
        memories
    }
}

/// Whether the same situation at another block is worth another thought. What the door took is gone from the board; if it
/// is there again, it was dropped.
fn leaves_open(answer: &Answer) -> bool {
    match answer {
        Answer::Planned(plan) => plan.is_err(),
        Answer::Heard(heard) => heard.as_ref().err().is_none_or(may_pass),
        // No reply means no; with another block it may be asked again.
        Answer::Replied(reply) => reply.is_none(),
        Answer::Called(_) | Answer::Asked(_) | Answer::Woke(_) => false,
    }
}

/// Whether the door may say otherwise at another block, the policy being the same.
const fn may_pass(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::SimulationReverts(_)
            | Refusal::StaleSimulation { .. }
            | Refusal::OverLimit { .. }
            | Refusal::Deadline { .. }
            | Refusal::Unavailable { .. }
    )
}
