//! The agent: its parts, and the tasks that they run in.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use agent_core::{
    RunLimits,
    ports::{Door, DoorError, Memory, Observer, Planner, Reader, Strategy},
};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    board::Board,
    deliberation::{self, AnyPlanner, Deliberation},
    reflex::{Reflex, Shared},
    settlements::{InFlight, Settlements},
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

/// Why an agent ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The door cannot work: no money may move.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// A task of the agent died. The rest was stopped: an agent is whole or not there.
    #[error("a task of the agent died: {0}")]
    Died(#[from] tokio::task::JoinError),
}

/// An agent, ready to run.
pub struct Agent {
    parts: AgentParts,
    planner: AnyPlanner,
    limits: Limits,
    board: Board,
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
        Self { parts, planner: deliberation::any(planner), limits, board: Board::default() }
    }

    /// The board, for whoever wants to look at it while the agent runs.
    #[must_use]
    pub fn board(&self) -> Board {
        self.board.clone()
    }

    /// Takes up what an earlier process left, then runs until `shutdown` resolves. No new offer is made after that; what is
    /// at the door is seen through, and what is under way is followed for the grace period.
    ///
    /// # Errors
    /// When the door breaks or a task dies. Everything else (planners, tools, memory, reads) costs a turn and a warning.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), AgentError> {
        let stop = CancellationToken::new();
        let mut tasks = self.start(&stop).await?;
        tokio::select! {
            () = shutdown => {}
            Some(ended) = tasks.join_next() => {
                stop.cancel();
                drain(tasks).await?;
                return ended?.map_err(AgentError::from);
            }
        }
        stop.cancel();
        drain(tasks).await
    }

    async fn start(self, stop: &CancellationToken) -> Result<JoinSet<Result<(), DoorError>>, AgentError> {
        let Self { parts, planner, limits, board } = self;
        let AgentParts { reader, door, memory, observer, strategies, toolbox } = parts;
        let (underway, arriving) = mpsc::unbounded_channel();
        for taken_up in door.recover().await? {
            drop(underway.send(taken_up));
        }
        let (shared, in_flight) = (Shared { board, door, observer, underway }, InFlight::default());
        let mut tasks = JoinSet::new();
        let mut inboxes = BTreeMap::new();
        for strategy in strategies {
            let (inbox, outcomes) = mpsc::unbounded_channel();
            inboxes.insert(strategy.name().to_owned(), inbox);
            tasks.spawn(Reflex::new(strategy, reader.clone(), outcomes, shared.clone()).run(stop.clone()));
        }
        let settlements = Settlements {
            arriving,
            strategies: inboxes,
            memory: memory.clone(),
            shared: shared.clone(),
            in_flight: in_flight.clone(),
            grace: limits.grace,
        };
        tasks.spawn(settlements.run(stop.clone()));
        let deliberation = Deliberation::new(planner, toolbox, memory, (shared, in_flight), limits.run);
        tasks.spawn(deliberation.run(stop.clone()));
        Ok(tasks)
    }
}

async fn drain(mut tasks: JoinSet<Result<(), DoorError>>) -> Result<(), AgentError> {
    let mut first = Ok(());
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.map_err(AgentError::from).and_then(|done| done.map_err(AgentError::from));
        first = first.and(ended);
    }
    first
}
