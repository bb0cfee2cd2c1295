//! An agent in the making: its ports are there, its strategies, tools and planner are added.

use std::{fmt, sync::Arc, time::Duration};

use agent_core::{
    Origin, Refusal, RunLimits, StandingOrder,
    ports::{Command, Door, DoorError, Journal, Memory, Planner, Reader, Strategy, Tool},
};
use agent_runtime::{
    Agent, AgentError, AgentParts, Limits, ToolLimits, Toolbox,
    tools::{DisarmStandingOrder, ExecuteOpportunity, ExplainOpportunity, Recall},
};
use chain_door::{KillSwitch, Sweep};
use tokio::task::JoinSet;

use crate::{key_lock::KeyLock, premises::Premises, sweeper::Sweeper};

/// An agent in the making. Made by [`Site::open`](crate::Site::open).
pub struct Keeper {
    parts: AgentParts,
    journal: Option<Arc<dyn Journal>>,
    /// Nobody else signs with the keys while these live.
    locks: Vec<KeyLock>,
    sweeps: Vec<Sweep>,
    limits: Limits,
    premises: Premises,
    #[cfg(feature = "control")]
    control: Option<crate::control::Server>,
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("parts", &self.parts).finish_non_exhaustive()
    }
}

/// Bounds that suit every planner; a library user who wants others builds an [`Agent`] of its own.
const LIMITS: Limits =
    Limits { run: RunLimits { rounds: 4, calls: 4, note_bytes: 2_048 }, grace: Duration::from_secs(10) };
const TOOL_LIMITS: ToolLimits = ToolLimits { concurrency: 4, timeout: Duration::from_secs(5) };

impl Keeper {
    pub(crate) fn new(
        premises: Premises,
        reader: Arc<dyn Reader>,
        door: Arc<dyn Door>,
        memory: Arc<dyn Memory>,
        authority: Option<(Arc<dyn Journal>, Vec<KeyLock>)>,
    ) -> Self {
        let observer = premises.observer.clone();
        let (journal, locks) = authority.unzip();
        let toolbox = Toolbox::new(TOOL_LIMITS)
            .with(ExecuteOpportunity)
            .with(ExplainOpportunity)
            .with(DisarmStandingOrder)
            .with(Recall(memory.clone()));
        let parts = AgentParts { reader, door, memory, observer, strategies: Vec::new(), toolbox };
        Self {
            parts,
            journal,
            locks: locks.unwrap_or_default(),
            sweeps: Vec::new(),
            limits: LIMITS,
            premises,
            #[cfg(feature = "control")]
            control: None,
        }
    }

    /// Sweeps proceeds beside the strategies, as the policy has it.
    pub(crate) fn sweeping(mut self, sweeps: Vec<Sweep>) -> Self {
        self.sweeps = sweeps;
        self
    }

    /// What sweeps; it ends with the set.
    fn sweepers(&self) -> JoinSet<()> {
        let AgentParts { door, reader, observer, .. } = &self.parts;
        let sweeper = |sweep: &Sweep| {
            let (door, reader, observer) = (door.clone(), reader.clone(), observer.clone());
            Sweeper { sweep: sweep.clone(), door, reader, observer }.run()
        };
        self.sweeps.iter().map(sweeper).collect()
    }

    /// Adds a strategy.
    #[must_use]
    pub fn strategy(mut self, strategy: impl Strategy + 'static) -> Self {
        self.parts.strategies.push(Box::new(strategy));
        self
    }

    /// Adds a tool for the planner.
    #[must_use]
    pub fn tool(mut self, tool: impl Tool) -> Self {
        self.parts.toolbox = self.parts.toolbox.with(tool);
        self
    }

    /// Arms a standing order in the operator's name. One that an earlier process armed and that still lives stays as it is.
    ///
    /// # Errors
    /// When the journal fails. The refusal inside is the policy's.
    pub async fn arm(&self, order: StandingOrder) -> Result<Result<(), Refusal>, DoorError> {
        match self.parts.door.command(Command::Arm(order), Origin::Operator).await? {
            Err(Refusal::AlreadyArmed(_)) => Ok(Ok(())),
            heard => Ok(heard),
        }
    }

    /// The one door.
    #[must_use]
    pub fn door(&self) -> Arc<dyn Door> {
        self.parts.door.clone()
    }

    /// What the agent knows.
    #[must_use]
    pub fn memory(&self) -> Arc<dyn Memory> {
        self.parts.memory.clone()
    }

    /// What the agent did with money; none where it only observes.
    #[must_use]
    pub fn journal(&self) -> Option<Arc<dyn Journal>> {
        self.journal.clone()
    }

    /// What the chain says.
    #[must_use]
    pub fn reader(&self) -> Arc<dyn Reader> {
        self.parts.reader.clone()
    }

    /// What stops everything.
    #[must_use]
    pub fn kill_switch(&self) -> KillSwitch {
        self.premises.kill.clone()
    }

    /// Where it is.
    #[must_use]
    pub const fn premises(&self) -> &Premises {
        &self.premises
    }

    /// What an operator sees of it, and can do.
    #[cfg(feature = "control")]
    #[must_use]
    pub fn panel(&self) -> crate::control::Panel {
        let (door, journal, reader) = (self.door(), self.journal(), self.reader());
        crate::control::Panel::new(self.premises.clone(), door, journal, reader)
    }

    /// Lets an operator talk to it while it runs: by the socket in the state folder, by files in its folder `approvals`, and as
    /// `config` says. Bound at once, served by [`run`](Self::run).
    ///
    /// # Errors
    /// See [`Server::bind`](crate::control::Server::bind).
    #[cfg(feature = "control")]
    pub fn controlled(
        mut self,
        config: crate::control::ControlConfig,
    ) -> Result<Self, crate::control::ControlError> {
        self.control = Some(crate::control::Server::bind(self.panel(), config)?);
        Ok(self)
    }

    /// Serves its door to agents in other processes until `shutdown` resolves, in place of running an agent of its own. `socket` and
    /// `agent_user` are as [`DoorServer::bind`](crate::remote::DoorServer::bind) has them.
    ///
    /// # Errors
    /// When the socket cannot be served, or the door breaks.
    #[cfg(feature = "control")]
    pub async fn serve_door(
        self,
        socket: &std::path::Path,
        agent_user: Option<u32>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), crate::OpenError> {
        let journal = self.journal().ok_or(crate::OpenError::NoKey)?;
        let server = crate::remote::DoorServer::bind(socket, agent_user, self.door(), journal)?;
        let _sweeping = self.sweepers();
        let mut serving = JoinSet::new();
        if let Some(server) = self.control {
            serving.spawn(server.run());
        }
        let served = server.run(shutdown).await;
        drop(self.locks);
        Ok(served?)
    }

    /// Runs the agent until `shutdown` resolves.
    ///
    /// # Errors
    /// When the door breaks or a task dies; see [`Agent::run`].
    pub async fn run(
        self,
        planner: impl Planner,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), AgentError> {
        let _sweeping = self.sweepers();
        // Ends with the agent; until then an operator can also see it wind up.
        #[cfg(feature = "control")]
        let mut serving = JoinSet::new();
        #[cfg(feature = "control")]
        if let Some(server) = self.control {
            serving.spawn(server.run());
        }
        let ran = Agent::new(self.parts, planner, self.limits).run(shutdown).await;
        drop(self.locks);
        ran
    }
}
