//! The planner's speed: wakes the [`Run`] when the board changes, and does what it says, step by step.

use std::{collections::BTreeSet, sync::Arc};

use agent_core::{
    Answer, BriefingItem, Run, RunLimits, Situation, Step,
    ports::{
        BoxFuture, Cue, DoorError, Memory, Moment, Planner, PlannerError, Record, ToolCall, ToolContext,
        covering,
    },
};
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};

use crate::{reflex::Shared, settlements::InFlight, toolbox::Toolbox};

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
pub(crate) struct Deliberation {
    planner: AnyPlanner,
    toolbox: Toolbox,
    memory: Arc<dyn Memory>,
    shared: Shared,
    in_flight: InFlight,
    run: Run,
}

impl Deliberation {
    pub(crate) fn new(
        planner: AnyPlanner,
        toolbox: Toolbox,
        memory: Arc<dyn Memory>,
        (shared, in_flight): (Shared, InFlight),
        limits: RunLimits,
    ) -> Self {
        let run = Run::new(toolbox.specs(), limits);
        Self { planner, toolbox, memory, shared, in_flight, run }
    }

    /// Deliberates until told to stop. Only a broken door ends it: a failing planner, tool or memory costs a turn.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), DoorError> {
        let mut changes = self.shared.board.changes();
        let mut considered = Situation::default();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                changed = changes.changed() => if changed.is_err() { break },
            }
            let context = self.shared.board.context();
            let situation = self.situation(&context).await;
            // The same opportunities a block later are no news to a planner, unless something landed in between.
            let news = situation.opportunities != considered.opportunities
                || situation.in_flight != considered.in_flight;
            if situation.opportunities.is_empty() || !news {
                continue;
            }
            considered = situation.clone();
            let sitting = self.sit(situation, context);
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                done = sitting => done?,
            }
        }
        self.run.stop();
        Ok(())
    }

    /// One sitting: from waking up to going back to sleep.
    async fn sit(&mut self, situation: Situation, context: ToolContext) -> Result<(), DoorError> {
        let mut answer = Answer::Woke(Box::new(situation));
        loop {
            if let Err(mismatch) = self.run.answer(answer) {
                tracing::error!(%mismatch, "the run and its driver disagree; this sitting ends");
                return Ok(());
            }
            answer = match self.run.next() {
                Step::Plan(briefing) => Answer::Planned(self.plan(*briefing).await),
                Step::CallTools(calls) => Answer::Called(self.call(&context, calls).await),
                Step::Offer(draft, origin) if self.shared.board.take(draft.id) => {
                    Answer::Heard(self.shared.offer(*draft, origin).await?)
                }
                Step::Offer(..) => Answer::Heard(Err(agent_core::Refusal::AlreadyTaken)),
                Step::Command(command, origin) => {
                    Answer::Heard(self.shared.door.command(*command, origin).await?)
                }
                Step::Sleep | Step::Done => return Ok(()),
            };
        }
    }

    async fn plan(&mut self, briefing: agent_core::Briefing) -> Result<agent_core::Plan, String> {
        self.shared.observer.saw(Moment::Asked);
        let planned = match self.planner.ready().await {
            Ok(planner) => planner.call(briefing).await,
            Err(error) => Err(error),
        };
        match &planned {
            Ok(plan) => self.shared.observer.saw(Moment::Planned(plan)),
            Err(error) => self.shared.observer.saw(Moment::PlanFailed(&error.to_string())),
        }
        planned.map_err(|error| error.to_string())
    }

    /// In order, one at a time: a plan is a sequence.
    async fn call(
        &mut self,
        context: &ToolContext,
        calls: Vec<ToolCall>,
    ) -> Vec<Result<agent_core::ports::ToolReply, agent_core::ports::ToolError>> {
        let mut replies = Vec::with_capacity(calls.len());
        for call in calls {
            replies.push(self.toolbox.call(context.clone(), call).await);
        }
        replies
    }

    /// What no standing order takes, best first, and what memory has on it.
    async fn situation(&mut self, context: &ToolContext) -> Situation {
        let orders = self.shared.door.orders();
        let free = context
            .board
            .iter()
            .filter(|opportunity| covering(&orders, &opportunity.draft(), context.now.timestamp).is_none());
        let opportunities: Vec<BriefingItem> = free.filter_map(BriefingItem::of).take(BRIEFED).collect();
        let memories = self.recall(&opportunities).await;
        Situation {
            now: context.now,
            opportunities,
            armed: orders.into_iter().map(|status| status.order.class).collect(),
            in_flight: self.in_flight.count(),
            memories,
        }
    }

    async fn recall(&mut self, opportunities: &[BriefingItem]) -> Vec<Record> {
        let classes: BTreeSet<&str> = opportunities.iter().map(|item| item.class.as_str()).collect();
        let mut memories = Vec::new();
        for class in classes {
            let cue = Cue { subject: class.to_owned(), kind: None, limit: RECALLED };
            match self.memory.recall(cue).await {
                Ok(records) => memories.extend(records),
                Err(error) => self.shared.observer.saw(Moment::Warned(&error.to_string())),
            }
        }
        memories
    }
}
