//! The agent, put together as a site does it, with a strategy that closes a gap.

use std::{
    num::NonZeroU64,
    path::Path,
    sync::{Arc, Mutex, atomic::Ordering},
    time::{Duration, Instant},
};

use alloy::primitives::B256;
use keepwright::{
    core::{
        ChainEvent, Interest, Opportunity, OpportunityId, Origin, RunLimits,
        ports::{Command, Door as _, Moment, Observer, Outbox, Strategy},
        scripted::ForgetfulMemory,
        units::{BlockNumber, UsdE8, Wei},
    },
    door::{Door, DoorPorts, KillSwitch, Senders},
    evm::{
        CheckedSimulator, Endpoint, EvmReader, Hardfork, Keystore, OrderFlowRoutes, Password, ReaderConfig,
        RevmSimulator, RevmSimulatorConfig, ScryptCost, TipBounds, Wallet, WalletConfig, WithoutOpinion,
    },
    runtime::{Agent, AgentParts, Limits, RulesPlanner, ToolLimits, Toolbox},
};
use tokio::sync::{oneshot, watch};

use crate::{
    QUIET, SETTLE, TRIGGER,
    journal::{self, Synced},
    node::{Arrival, Node},
    stage::{STRATEGY, Stage},
};

/// No sample takes anywhere near as long.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Ours {
    node: Node,
    watch: Arc<Watch>,
    prepares: bool,
    stop: oneshot::Sender<()>,
    agent: tokio::task::JoinHandle<()>,
}

/// When what happened, of one sample.
pub(crate) struct Times {
    pub(crate) pushed: Instant,
    pub(crate) seen: Seen,
    pub(crate) arrival: Arrival,
    pub(crate) asked: u64,
}

/// The same, as an observer sees it.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) head: Instant,
    pub(crate) offered: Instant,
    pub(crate) approved: Instant,
    pub(crate) recorded: Instant,
    /// Spent in the device between the last two.
    pub(crate) synced: Duration,
}

impl Ours {
    pub(crate) async fn start(stage: &Stage, node: Node, folder: &Path, prepares: bool) -> Self {
        let endpoint = Endpoint::connect(&node.ws_url(), stage.policy.chain()).await.unwrap();
        let (journal, synced) = journal::open(&folder.join("journal"));
        let watch = Arc::new(Watch::new(synced));
        let kill = KillSwitch::at(&folder.join("KILL"));
        let rules = RevmSimulatorConfig { block_time: NonZeroU64::MIN, hardfork: Hardfork::default() };
        let wallet = WalletConfig {
            confirmations: 1,
            tip: TipBounds { floor: 1_000_000, cap: 5_000_000_000 },
            poll: Duration::from_millis(5),
            stuck_after: 10,
            routes: OrderFlowRoutes::none(),
            top_up_below: Wei::default(),
            kill: kill.clone(),
        };
        let password = Password::new("of a benchmark".to_owned());
        let keystore =
            Keystore::import(&folder.join("keys"), &stage.secret, &password, ScryptCost::LEAST).unwrap();
        let local = RevmSimulator::new(endpoint.clone(), rules);
        let wallet = Wallet::spawn(keystore.unlock(&password).unwrap(), endpoint.clone(), wallet);
        let ports = DoorPorts {
            simulator: Arc::new(CheckedSimulator::new(local, endpoint.clone(), WithoutOpinion::Refuse)),
            journal: Arc::new(journal),
            senders: Senders::one(wallet.address(), Arc::new(wallet)),
            observer: watch.clone(),
            kill,
        };
        let door = Arc::new(Door::open(stage.policy.clone(), ports).await.unwrap());
        door.command(Command::Arm(stage.order()), Origin::Operator).await.unwrap().unwrap();
        let closer = Closer { opportunity: stage.opportunity(), prepares };
        let parts = AgentParts {
            reader: Arc::new(EvmReader::new(endpoint, ReaderConfig::usual())),
            door,
            memory: Arc::new(ForgetfulMemory),
            observer: watch.clone(),
            strategies: vec![Box::new(closer)],
            toolbox: Toolbox::new(ToolLimits { concurrency: 1, timeout: Duration::from_secs(1) }),
        };
        let limits =
            Limits { run: RunLimits { rounds: 1, calls: 1, note_bytes: 1 }, grace: Duration::from_secs(1) };
        let planner = RulesPlanner { min_net: UsdE8(i128::MAX) };
        let (stop, stopped) = oneshot::channel::<()>();
        let agent = tokio::spawn(async move {
            Agent::new(parts, planner, limits).run(async { drop(stopped.await) }).await.unwrap();
        });
        let ours = Self { node, watch, prepares, stop, agent };
        while !ours.node.is_heard() {
            tokio::time::sleep(SETTLE).await;
        }
        ours
    }

    pub(crate) async fn sample(&mut self) -> Times {
        // What the last sample sent is mined here, and settled before the next is begun.
        let sent = *self.watch.sent.borrow();
        self.node.head(QUIET);
        reaches(&self.watch.closed, "the last transaction is settled", |closed| *closed == sent).await;
        let number = self.node.head(QUIET);
        if self.prepares {
            let ready = id(BlockNumber(number));
            reaches(&self.watch.prepared, "the next one is ready", |prepared| *prepared == ready).await;
        }
        tokio::time::sleep(SETTLE).await;
        let before = self.node.asked();
        self.node.head(TRIGGER);
        let arrival =
            tokio::time::timeout(PATIENCE, self.node.arrival()).await.expect("a transaction arrives");
        let asked = self.node.asked() - before;
        reaches(&self.watch.sent, "it is sent", |count| *count > sent).await;
        Times { pushed: self.node.pushed(), seen: self.watch.seen(), arrival, asked }
    }

    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.agent.await.unwrap();
    }
}

async fn reaches<T>(watched: &watch::Sender<T>, what: &str, is: impl FnMut(&T) -> bool) {
    let mut watched = watched.subscribe();
    let waited = tokio::time::timeout(PATIENCE, watched.wait_for(is)).await;
    drop(waited.unwrap_or_else(|_elapsed| panic!("not within {PATIENCE:?}: {what}")).unwrap());
}

fn id(block: BlockNumber) -> OpportunityId {
    OpportunityId(B256::left_padding_from(&block.0.to_be_bytes()))
}

/// Closes the gap when the base fee is low.
struct Closer {
    opportunity: Opportunity,
    prepares: bool,
}

impl Strategy for Closer {
    fn name(&self) -> &str {
        STRATEGY
    }

    fn interests(&self) -> Vec<Interest> {
        Vec::new()
    }

    fn on_event(&mut self, event: &ChainEvent, outbox: &mut Outbox) {
        let ChainEvent::Block { head, .. } = event else { return };
        let opportunity =
            Opportunity { id: id(head.block.number), seen_at: head.block, ..self.opportunity.clone() };
        if head.base_fee <= u128::from(TRIGGER) {
            outbox.publish(opportunity);
        } else if self.prepares {
            outbox.prepare(opportunity);
        }
    }
}

/// Takes the times, and tells how far things are.
struct Watch {
    synced: Synced,
    seen: Mutex<(Seen, u64)>,
    prepared: watch::Sender<OpportunityId>,
    sent: watch::Sender<usize>,
    closed: watch::Sender<usize>,
}

impl Watch {
    fn new(synced: Synced) -> Self {
        let now = Instant::now();
        let seen = Seen { head: now, offered: now, approved: now, recorded: now, synced: Duration::ZERO };
        Self {
            synced,
            seen: Mutex::new((seen, 0)),
            prepared: watch::Sender::new(OpportunityId(B256::ZERO)),
            sent: watch::Sender::new(0),
            closed: watch::Sender::new(0),
        }
    }

    fn seen(&self) -> Seen {
        self.seen.lock().unwrap().0
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only the stages are timed")]
impl Observer for Watch {
    fn saw(&self, moment: Moment<'_>) {
        let now = Instant::now();
        let mut seen = self.seen.lock().unwrap();
        match moment {
            Moment::Head(_) => seen.0.head = now,
            Moment::Offered(..) => seen.0.offered = now,
            Moment::Approved(_) => {
                *seen = (Seen { approved: now, ..seen.0 }, self.synced.load(Ordering::SeqCst))
            }
            Moment::Recorded(..) => {
                seen.0.recorded = now;
                seen.0.synced = Duration::from_nanos(self.synced.load(Ordering::SeqCst) - seen.1);
            }
            Moment::Prepared(id) => drop(self.prepared.send_replace(id)),
            Moment::Sent(..) => self.sent.send_modify(|count| *count += 1),
            Moment::Closed(..) => self.closed.send_modify(|count| *count += 1),
            Moment::Refused(_, refusal) => panic!("refused: {refusal}"),
            Moment::Warned(sentence) => eprintln!("{sentence}"),
            _ => {}
        }
    }
}
