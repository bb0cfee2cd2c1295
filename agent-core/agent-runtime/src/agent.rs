//! The agent: its parts, and the tasks that they run in.

use std::{fmt, pin::pin, sync::Arc, time::Duration};

use agent_core::{
    RunLimits,
    ports::{Door, Memory, Moment, Observer, Planner, Reader, Strategy, Underway},
};
use futures::FutureExt;
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    advisory::Advisory,
    at_the_door::AtTheDoor,
    board::Board,
    deliberation::{self, AnyPlanner, Deliberation},
    error::{AgentError, ended},
    inboxes::Inboxes,
    load::{Gauge, Tally},
    reflex::{Reflex, Shared},
    settlements::Settlements,
    toolbox::Toolbox,
};

/// What an agent is made of. Every part is a port or made of ports.
pub struct AgentParts {
    /// What the chain says.
    pub reader: Arc<dyn Reader>,
    /// The one door.
    pub door: Arc<dyn Door>,
    /// What it knows.
    pub memory: Arc<dyn Memory>,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// What looks for opportunities.
    pub strategies: Vec<Box<dyn Strategy>>,
    /// What planners can call.
    pub toolbox: Toolbox,
}

impl fmt::Debug for AgentParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let strategies: Vec<_> = self.strategies.iter().map(|strategy| strategy.name()).collect();
        f.debug_struct("AgentParts").field("strategies", &strategies).finish_non_exhaustive()
    }
}

/// Bounds of the loop.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of each of the planner's sittings.
    pub run: RunLimits,
    /// How long a stopping agent waits for what is under way. What is not final by then is taken up at the next start.
    pub grace: Duration,
}

/// An agent, ready to run.
pub struct Agent {
    parts: AgentParts,
    planner: AnyPlanner,
    limits: Limits,
    board: Board,
    tally: Tally,
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("parts", &self.parts)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Agent {
    /// An agent of these parts.
    pub fn new(parts: AgentParts, planner: impl Planner, limits: Limits) -> Self {
        Self {
            parts,
            planner: deliberation::any(planner),
            limits,
            board: Board::default(),
            tally: Tally::default(),
        }
    }

    /// The board, for whoever wants to look at it while the agent runs.
    #[must_use]
    pub fn board(&self) -> Board {
        self.board.clone()
    }

    /// How much the agent holds and what it sheds, for whoever wants to look at it while it runs.
    #[must_use]
    pub fn gauge(&self) -> Gauge {
        Gauge::new(self.board.clone(), self.tally.clone())
    }

    /// Takes up what an earlier process left, then runs until `shutdown` resolves, or the reader is closed. No new offer is
    /// made after that; what is at the door is seen through, and what is under way is followed, both for the grace period.
    ///
    /// Dropping the future stops everything where it is; the next start takes up what the journal holds open.
    ///
    /// # Errors
    /// When the door breaks or a task dies. Everything else (planners, tools, memory, reads) costs a turn and a warning.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), AgentError> {
        let (stop, grace, observer) =
            (CancellationToken::new(), self.limits.grace, self.parts.observer.clone());
        let mut shutdown = pin!(shutdown);
        let door = self.parts.door.clone();
        let mut recovery = door.recover();
        let left = tokio::select! {
            left = &mut recovery => left?,
            // It may be sending something again: it has the grace period to come to an end.
            () = &mut shutdown => {
                return timeout(grace, recovery).await.map_or(Ok(()), |left| left.map(drop)).map_err(AgentError::from);
            }
        };
        let mut tasks = self.start(left, &stop);
        let first = tokio::select! {
            () = shutdown => Ok(()),
            Some(task) = tasks.join_next() => ended(task),
        };
        stop.cancel();
        let rest = wind_up(tasks, grace, observer.as_ref()).await;
        first.and(rest)
    }

    /// What ends in which order follows from who holds what: lanes end when told to; when the last is gone, nobody can
    /// bring anything to the door; when that is quiet, nothing more can be under way.
    fn start(self, left: Vec<Underway>, stop: &CancellationToken) -> Tasks {
        let Self { parts, planner, limits, board, tally } = self;
        let AgentParts { reader, door, memory, observer, strategies, toolbox } = parts;
        let memory = Advisory::new(memory, observer.clone());
        let (inboxes, lanes) = Inboxes::of(strategies);
        let (under_way, in_flight, settlements) =
            Settlements::new(inboxes.clone(), memory.clone(), board.clone(), stop.clone());
        for left in left {
            board.take(left.id);
            under_way.follow(left);
        }
        let said = (tally.clone(), observer.clone());
        let (errands, at_the_door) =
            AtTheDoor::new(door.clone(), board.clone(), said, (under_way, inboxes), stop.clone());
        let shared = Shared { board, door, errands, observer, tally };
        let mut tasks = Tasks::new();
        tasks.spawn(settlements.run());
        tasks.spawn(at_the_door.run());
        for (strategy, outcomes) in lanes {
            let lane = Reflex::new(strategy, reader.clone(), outcomes, shared.clone());
            tasks.spawn(lane.run(stop.clone()).map(Ok));
        }
        let deliberation = Deliberation::new(planner, toolbox, memory, (shared, in_flight), limits.run);
        let deliberation = stop.clone().run_until_cancelled_owned(deliberation.run());
        tasks.spawn(deliberation.map(|_stopped| Ok(())));
        tasks
    }
}

type Tasks = JoinSet<Result<(), AgentError>>;
/// Waits for the grace period until all tasks have ended, then ends them. The first error is the one that counts.
async fn wind_up(mut tasks: Tasks, grace: Duration, observer: &dyn Observer) -> Result<(), AgentError> {
    let mut first = Ok(());
    let all = async {
        while let Some(task) = tasks.join_next().await {
            let task = ended(task);
            if first.is_ok() {
                first = task;
            }
        }
    };
    if timeout(grace, all).await.is_err() {
        observer
            .saw(Moment::Warned("the grace period is over: the next start takes up what is still under way"));
        tasks.shutdown().await;
    }
    first
}
