//! An agent from its start to its end, and what was seen of all of them.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use agent_core::{
    Origin, RunLimits,
    ports::{Command, Door as _, EntryKind, Journal as _, Sequence},
    units::{ChainId, UsdE8},
};
use agent_runtime::{
    Agent, AgentError, AgentParts, Gauge, Limits, Load, RulesPlanner, Shed, ToolLimits, Toolbox,
    tools::ExecuteOpportunity,
};
use chain_door::{Door, DoorPorts, KillSwitch, Policy, Senders};
use chain_evm::{Endpoint, EvmReader, ReaderConfig};
use memory_journal::RedbJournal;
use memory_sled::SledMemory;
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    disk::{self, Full},
    node::Node,
    ports::{Busy, Ears, KEY, Likes, Mines, POLICY, Slow, Told, order},
};

/// Entries that are read at once.
const PAGE: usize = 512;
/// Bounds as the runtime's README has them.
const MOST: Load = Load {
    open: 1_024,
    // Spent within ten minutes of chain time: no more than ten minutes' worth of blocks in a flood.
    taken: 600 * 200,
    waiting: 128,
    at_the_door: 32,
    shed: Shed { offers: u64::MAX, opportunities: u64::MAX, reads: u64::MAX, preparations: u64::MAX },
};

pub(crate) struct Life {
    node: Node,
    folder: Arc<TempDir>,
    full: Full,
    nonce: Arc<AtomicU64>,
    ears: Arc<Ears>,
    told: Arc<Mutex<Told>>,
    gauge: Gauge,
    journal: RedbJournal,
    stop: Option<oneshot::Sender<()>>,
    agent: JoinHandle<Result<(), AgentError>>,
}

impl Life {
    pub(crate) async fn begin(node: Node) -> Self {
        let folder = Arc::new(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap());
        Self::start(node, folder, Full::default(), Arc::default()).await
    }

    async fn start(node: Node, folder: Arc<TempDir>, full: Full, nonce: Arc<AtomicU64>) -> Self {
        let url = format!("ws://{}", node.address);
        let patience = Duration::from_secs(1);
        let endpoint = Endpoint::connect_with_patience(&url, ChainId(31_337), patience).await.unwrap();
        let journal = disk::journal(&folder.path().join("journal"), &full).await;
        let (ears, told): (Arc<Ears>, Arc<Mutex<Told>>) = Default::default();
        let mines = Mines { node: node.clone(), nonce: Arc::clone(&nonce) };
        let ports = DoorPorts {
            simulator: Arc::new(Likes(node.clone())),
            journal: Arc::new(journal.clone()),
            senders: Senders::one(KEY, Arc::new(mines)),
            observer: ears.clone(),
            kill: KillSwitch::at(&folder.path().join("KILL")),
        };
        let door = Door::open(Policy::parse(POLICY).unwrap(), ports).await.unwrap();
        if door.orders().is_empty() {
            door.command(Command::Arm(order()), Origin::Operator).await.unwrap().unwrap();
        }
        let limits = memory_sled::Limits { episodes: 1_000, facts: 100 };
        let (memory, _opened) = SledMemory::open(folder.path().join("memory"), limits).unwrap();
        let toolbox = Toolbox::new(ToolLimits { concurrency: 4, timeout: Duration::from_secs(5) });
        let parts = AgentParts {
            reader: Arc::new(EvmReader::new(endpoint, ReaderConfig::usual())),
            door: Arc::new(door),
            memory: Arc::new(memory),
            observer: ears.clone(),
            strategies: vec![Box::new(Busy { told: Arc::clone(&told) })],
            toolbox: toolbox.with(ExecuteOpportunity),
        };
        let run = RunLimits { rounds: 2, calls: 2, note_bytes: 256 };
        let limits = Limits { run, grace: Duration::from_secs(10) };
        let agent = Agent::new(parts, Slow(RulesPlanner { min_net: UsdE8(1) }), limits);
        let gauge = agent.gauge();
        let (stop, stopped) = oneshot::channel();
        let agent = tokio::spawn(agent.run(async { drop(stopped.await) }));
        Self { node, folder, full, nonce, ears, told, gauge, journal, stop: Some(stop), agent }
    }

    pub(crate) fn fill_disk(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.agent.is_finished()
    }

    /// The next life, in the same folder, once there is room on the disk. Only a full disk may end one.
    pub(crate) async fn again(self, books: &mut Books, full: bool) -> Self {
        assert!(full, "the agent ended by itself");
        books.full_disks += 1;
        let (ended, life) = self.close(books).await;
        let error = ended.expect_err("a full disk ends an agent").to_string();
        assert!(error.contains("journal"), "{error}");
        let Self { node, folder, full, nonce, journal, .. } = life;
        drop(journal);
        full.store(false, Ordering::SeqCst);
        Self::start(node, folder, full, nonce).await
    }

    /// Stops it gracefully, and looks at what it leaves behind.
    pub(crate) async fn end(mut self, books: &mut Books) {
        self.full.store(false, Ordering::SeqCst);
        let journal = self.journal.clone();
        drop(self.stop.take());
        let (ended, _life) = self.close(books).await;
        ended.unwrap();
        let entries = journal.verify().await.unwrap().entries;
        let mut from = 0;
        while from < entries {
            let page = journal.read(Sequence(from), PAGE).await.unwrap();
            from += u64::try_from(page.len()).unwrap();
            let recorded = page.iter().filter(|stored| stored.entry.kind == EntryKind::Recorded).count();
            books.recorded += u64::try_from(recorded).unwrap();
        }
        books.entries = entries;
    }

    async fn close(mut self, books: &mut Books) -> (Result<(), AgentError>, Self) {
        let ended = (&mut self.agent).await.unwrap();
        books.look(&self);
        books.take(&self);
        (ended, self)
    }
}

/// What was seen of all lives.
#[derive(Debug, Default)]
pub(crate) struct Books {
    most: Load,
    shed: [u64; 4],
    told: [u64; 4],
    blocks: u64,
    logs: u64,
    wrong: Vec<String>,
    refused: BTreeMap<String, u64>,
    closed: u64,
    planned: u64,
    sent: u64,
    recorded: u64,
    entries: u64,
    full_disks: u64,
}

impl Books {
    pub(crate) fn look(&mut self, life: &Life) {
        let Load { open, taken, waiting, at_the_door, .. } = life.gauge.read();
        let most = &mut self.most;
        most.open = most.open.max(open);
        most.taken = most.taken.max(taken);
        most.waiting = most.waiting.max(waiting);
        most.at_the_door = most.at_the_door.max(at_the_door);
    }

    fn take(&mut self, life: &Life) {
        let Shed { offers, opportunities, reads, preparations } = life.gauge.read().shed;
        let told = *life.ears.let_go.lock().unwrap();
        for (sums, news) in
            [(&mut self.shed, [offers, opportunities, reads, preparations]), (&mut self.told, told)]
        {
            sums.iter_mut().zip(news).for_each(|(sum, more)| *sum += more);
        }
        let mut heard = life.told.lock().unwrap();
        self.blocks += heard.blocks;
        self.logs += heard.logs;
        self.wrong.extend(heard.wrong.take());
        for (reason, count) in std::mem::take(&mut *life.ears.refused.lock().unwrap()) {
            // Times differ, and the reason is one.
            let reason = reason.replace(|letter: char| letter.is_ascii_digit(), "");
            *self.refused.entry(reason).or_default() += count;
        }
        self.closed += life.ears.closed.load(Ordering::SeqCst);
        self.planned += life.ears.planned.load(Ordering::SeqCst);
        self.sent = life.nonce.load(Ordering::SeqCst);
    }

    /// Everything but memory.
    pub(crate) fn check(&self, node: &Node) {
        assert_eq!(self.wrong, Vec::<String>::new(), "every block once, in order, with all of its logs");
        let chain = node.latest().number.0 - crate::node::FIRST;
        assert!(self.blocks > chain / 4, "{} of {chain} blocks were told", self.blocks);
        let most = &self.most;
        assert!(most.open <= MOST.open, "{most:?}");
        assert!(most.taken <= MOST.taken, "{most:?}");
        assert!(most.waiting <= MOST.waiting, "{most:?}");
        assert!(most.at_the_door <= MOST.at_the_door + 1, "one tidies up beside them: {most:?}");
        assert!(self.shed.iter().sum::<u64>() > 0, "a flood is more than there is room for");
        assert_eq!(self.shed, self.told, "all of it was told");
        assert!(self.full_disks > 0, "the disk was full at least once");
        assert!(self.closed > 0 && self.planned > 0, "it acted, at both speeds");
        assert!(self.sent <= self.recorded, "{} sent, {} recorded", self.sent, self.recorded);
    }
}

impl fmt::Display for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Load { open, taken, waiting, at_the_door, .. } = self.most;
        let [offers, opportunities, reads, preparations] = self.shed;
        writeln!(f, "{} blocks with {} logs told, once each and in order", self.blocks, self.logs)?;
        writeln!(f, "at most: {open} open, {taken} taken, {waiting} waiting, {at_the_door} at the door")?;
        writeln!(
            f,
            "let go, counted and told: {offers} offers, {opportunities} opportunities, {reads} reads, \
             {preparations} preparations"
        )?;
        for (reason, count) in &self.refused {
            writeln!(f, "{count} refused: {reason}")?;
        }
        write!(
            f,
            "{} closed, {} sent, {} recorded in {} entries; {} plans; {} full disks",
            self.closed, self.sent, self.recorded, self.entries, self.planned, self.full_disks
        )
    }
}
