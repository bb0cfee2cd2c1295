//! An agent with everything around it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_core::{
    Briefing, ChainEvent, Interest, Opportunity, Origin, Plan, RunLimits, Settlement,
    ports::{Door, Memory, Moment, Observer, Outbox, Planner, Strategy, Tool, ToolCall},
    scripted::{
        ListMemory, ScriptedDoor, ScriptedReader, sample_head, sample_mined, sample_opportunity,
        sample_order, settled,
    },
    units::Timestamp,
};
use agent_runtime::{
    Agent, AgentError, AgentParts, Limits, ToolLimits, Toolbox, planner_fn, tools::ExecuteOpportunity,
};
use serde_json::json;
use tokio::{sync::oneshot, task::JoinHandle};

pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// Until everybody waits for something: paused time goes on only then.
pub(crate) async fn quiet() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// An opportunity that lasts.
pub(crate) fn opportunity(seed: u8) -> Opportunity {
    let mut opportunity = sample_opportunity(seed);
    opportunity.intent.deadline = Timestamp(1_000_000);
    opportunity
}

/// A door that takes everything, each being final at once.
pub(crate) fn open_door() -> ScriptedDoor {
    ScriptedDoor::new(|draft, _| settled(draft, Settlement::Settled(sample_mined(1))))
}

/// The same, the reflex lane having a standing order for everything.
pub(crate) fn armed_door() -> ScriptedDoor {
    open_door().armed(sample_order())
}

/// Who offered what, by the last byte of the calldata.
pub(crate) fn offers(door: &ScriptedDoor) -> Vec<(u8, &'static str)> {
    let who = |origin| match origin {
        Origin::Reflex { .. } => "reflex",
        Origin::Planner { .. } => "planner",
        Origin::Operator => "operator",
        Origin::Sweep => "sweep",
        Origin::Door => "door",
    };
    let seed = |draft: agent_core::Draft| match draft.action {
        agent_core::Action::Execute(intent) => intent.calls[0].data[4],
        agent_core::Action::Maintain(_) => u8::MAX,
    };
    door.offers().into_iter().map(|(draft, origin)| (seed(draft), who(origin))).collect()
}

type OnEvent = Box<dyn FnMut(&ChainEvent, &mut Outbox) + Send>;

/// A strategy that is a function, and keeps what it was told.
pub(crate) struct Told {
    pub(crate) on_event: OnEvent,
    pub(crate) wants: Arc<Mutex<Vec<Interest>>>,
    pub(crate) events: Arc<Mutex<Vec<ChainEvent>>>,
}

impl Told {
    pub(crate) fn new(on_event: impl FnMut(&ChainEvent, &mut Outbox) + Send + 'static) -> Self {
        Self { on_event: Box::new(on_event), wants: Arc::default(), events: Arc::default() }
    }

    /// Publishes these again with every block.
    pub(crate) fn publishes(seeds: &[u8]) -> Self {
        let seeds = seeds.to_vec();
        Self::new(move |event, outbox| {
            if let ChainEvent::Block { .. } = event {
                seeds.iter().for_each(|seed| outbox.publish(opportunity(*seed)));
            }
        })
    }
}

impl Strategy for Told {
    fn name(&self) -> &str {
        "sample"
    }

    fn interests(&self) -> Vec<Interest> {
        self.wants.lock().unwrap().clone()
    }

    fn on_event(&mut self, event: &ChainEvent, outbox: &mut Outbox) {
        self.events.lock().unwrap().push(event.clone());
        (self.on_event)(event, outbox);
    }
}

/// What the operator was told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<String>>>);

impl Observer for Heard {
    fn saw(&self, moment: Moment<'_>) {
        let mut lines = self.0.lock().unwrap();
        if let Moment::Warned(sentence) = moment {
            lines.push(format!("warned: {sentence}"));
        } else if let Moment::PlanFailed(why) = moment {
            lines.push(format!("plan failed: {why}"));
        } else if let Moment::Asked = moment {
            lines.push("asked".to_owned());
        }
    }
}

impl Heard {
    pub(crate) fn all(&self, start: &str) -> Vec<String> {
        self.0.lock().unwrap().iter().filter(|line| line.starts_with(start)).cloned().collect()
    }
}

/// Everything around an agent that is not started yet.
pub(crate) struct Bench {
    pub(crate) reader: ScriptedReader,
    pub(crate) heard: Heard,
    pub(crate) memory: Arc<dyn Memory>,
    pub(crate) strategies: Vec<Box<dyn Strategy>>,
    door: Arc<dyn Door>,
}

/// An agent at work.
pub(crate) struct Running {
    pub(crate) reader: ScriptedReader,
    pub(crate) heard: Heard,
    shutdown: oneshot::Sender<()>,
    agent: JoinHandle<Result<(), AgentError>>,
    height: u64,
}

impl Bench {
    pub(crate) fn new(door: impl Door + 'static, strategy: Told) -> Self {
        let start = ChainEvent::History { head: sample_head(1), logs: vec![], last: true };
        Self {
            reader: ScriptedReader::new([start]),
            heard: Heard::default(),
            memory: Arc::new(ListMemory::default()),
            strategies: vec![Box::new(strategy)],
            door: Arc::new(door),
        }
    }

    pub(crate) async fn start(self, planner: impl Planner) -> Running {
        let Self { reader, heard, memory, strategies, door } = self;
        let toolbox = Toolbox::new(ToolLimits { concurrency: 4, timeout: Duration::from_secs(5) });
        let parts = AgentParts {
            reader: Arc::new(reader.clone()),
            door,
            memory,
            observer: Arc::new(heard.clone()),
            strategies,
            toolbox: toolbox.with(ExecuteOpportunity),
        };
        let limits = Limits { run: RunLimits { rounds: 2, calls: 4, note_bytes: 256 }, grace: GRACE };
        let (shutdown, asked) = oneshot::channel::<()>();
        let agent = Agent::new(parts, planner, limits).run(async move { drop(asked.await) });
        let running = Running { reader, heard, shutdown, agent: tokio::spawn(agent), height: 1 };
        quiet().await;
        running
    }
}

impl Running {
    /// The next block, and whatever it leads to.
    pub(crate) async fn block(&mut self) {
        self.mine();
        quiet().await;
    }

    /// The next block.
    pub(crate) fn mine(&mut self) {
        self.height = self.height.checked_add(1).unwrap();
        self.reader.tell(ChainEvent::Block { head: sample_head(self.height), logs: vec![] });
    }

    pub(crate) fn ask_to_stop(self) -> JoinHandle<Result<(), AgentError>> {
        self.shutdown.send(()).unwrap();
        self.agent
    }

    pub(crate) async fn stop(self) -> Result<(), AgentError> {
        self.ask_to_stop().await.unwrap()
    }

    /// Waits until it ends by itself.
    pub(crate) async fn end(self) -> Result<(), AgentError> {
        self.agent.await.unwrap()
    }
}

pub(crate) fn execute(opportunity: &agent_core::BriefingItem) -> ToolCall {
    ToolCall { tool: ExecuteOpportunity::NAME.into(), arguments: json!({ "opportunity": opportunity.id.0 }) }
}

/// Takes whatever it is shown.
pub(crate) fn eager() -> impl Planner {
    planner_fn(|briefing: &Briefing| Plan {
        reason: "eager".into(),
        calls: briefing.opportunities.iter().map(execute).collect(),
    })
}

/// Must not be asked.
pub(crate) fn unasked() -> impl Planner {
    planner_fn(|_: &Briefing| Plan::default())
}
