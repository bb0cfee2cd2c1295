//! A process that dies at a named point: between two of the door's calls to the world nothing of it is left but the journal,
//! the chain and the node's pool.

use std::{collections::BTreeMap, fmt, future::pending, sync::Arc};

use agent_core::{
    ports::{
        Appended, BoxFuture, Entry, EntryKind, Followed, Journal, JournalError, Quote, Sender, SenderError,
        Sent, Sequence, Simulation, SimulationRequest, Simulator, SimulatorError, Standing, Stored, Verified,
    },
    units::Asset,
};
use alloy::{
    primitives::{Address, keccak256},
    providers::ext::AnvilApi,
};
use chain_devnet::Orphans;
use chain_door::Recorded;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tokio::sync::watch;

use super::{
    life::{CONFIRMATIONS, Checked, DEADLINE, Home, heal, poke},
    world::World,
};

/// Where a process may die.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Point {
    BeforeSimulation,
    BeforeRecord,
    AfterRecord,
    AfterBroadcast,
    BeforeReplacement,
    AfterReplacement,
    BeforeClose,
    AfterClose,
    /// Where signatures are written down, around that.
    BeforeSignature,
    AfterSignature,
}

impl Point {
    pub(crate) const ALL: [Self; 8] = [
        Self::BeforeSimulation,
        Self::BeforeRecord,
        Self::AfterRecord,
        Self::AfterBroadcast,
        Self::BeforeReplacement,
        Self::AfterReplacement,
        Self::BeforeClose,
        Self::AfterClose,
    ];

    /// The same, with a key whose signatures are written down.
    pub(crate) const ELSEWHERE: [Self; 10] = [
        Self::BeforeSimulation,
        Self::BeforeRecord,
        Self::AfterRecord,
        Self::BeforeSignature,
        Self::AfterSignature,
        Self::AfterBroadcast,
        Self::BeforeReplacement,
        Self::AfterReplacement,
        Self::BeforeClose,
        Self::AfterClose,
    ];

    /// Before and after a journal's entry.
    fn around(entry: &Entry) -> Option<(Self, Self)> {
        match entry.kind {
            EntryKind::Noted if entry.payload.starts_with(br#"{"signed":"#) => {
                Some((Self::BeforeSignature, Self::AfterSignature))
            }
            EntryKind::Recorded => Some((Self::BeforeRecord, Self::AfterRecord)),
            EntryKind::Replaced => Some((Self::BeforeReplacement, Self::AfterReplacement)),
            EntryKind::Closed | EntryKind::Dropped => Some((Self::BeforeClose, Self::AfterClose)),
            EntryKind::Refused | EntryKind::Order | EntryKind::Noted => None,
        }
    }
}

/// What ends at a point.
#[derive(Debug)]
pub(crate) struct Mortal {
    point: Option<Point>,
    dead: watch::Sender<bool>,
}

impl Mortal {
    fn at(point: Point) -> Self {
        Self { point: Some(point), dead: watch::Sender::new(false) }
    }

    pub(crate) fn immortal() -> Self {
        Self { point: None, dead: watch::Sender::new(false) }
    }

    /// Whoever comes here dies, or is dead already, and goes no further.
    async fn comes_to(&self, point: Option<Point>) {
        if point.is_some() && self.point == point {
            self.dead.send_replace(true);
        }
        if *self.dead.borrow() {
            pending().await
        }
    }

    async fn dies(&self) {
        // The sender is ours.
        drop(self.dead.subscribe().wait_for(|dead| *dead).await);
    }
}

/// A port of somebody mortal.
#[derive(Debug)]
pub(crate) struct Through<P> {
    port: P,
    mortal: Arc<Mortal>,
}

impl<P> Through<P> {
    pub(crate) fn new(port: P, mortal: &Arc<Mortal>) -> Self {
        Self { port, mortal: Arc::clone(mortal) }
    }
}

impl<P: Simulator> Simulator for Through<P> {
    fn simulate(&self, request: SimulationRequest) -> BoxFuture<'_, Result<Simulation, SimulatorError>> {
        Box::pin(async {
            self.mortal.comes_to(Some(Point::BeforeSimulation)).await;
            self.port.simulate(request).await
        })
    }
}

impl<P: Journal> Journal for Through<Arc<P>> {
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Appended, JournalError>> {
        let (before, after) = Point::around(&entry).unzip();
        Box::pin(async move {
            self.mortal.comes_to(before).await;
            let appended = self.port.append(entry).await;
            self.mortal.comes_to(after).await;
            appended
        })
    }

    fn open_intents(&self) -> BoxFuture<'_, Result<Vec<Stored>, JournalError>> {
        self.port.open_intents()
    }

    fn read(&self, from: Sequence, limit: usize) -> BoxFuture<'_, Result<Vec<Stored>, JournalError>> {
        self.port.read(from, limit)
    }

    fn verify(&self) -> BoxFuture<'_, Result<Verified, JournalError>> {
        self.port.verify()
    }
}

impl<P: Sender<Recorded>> Sender<Recorded> for Through<P> {
    fn keeps_signatures(&self) -> bool {
        self.port.keeps_signatures()
    }

    fn quote(&self) -> BoxFuture<'_, Result<Quote, SenderError>> {
        self.port.quote()
    }

    fn send(&self, recorded: Recorded) -> BoxFuture<'_, Result<Sent, SenderError>> {
        Box::pin(async {
            self.mortal.comes_to(None).await;
            let sent = self.port.send(recorded).await;
            self.mortal.comes_to(Some(Point::AfterBroadcast)).await;
            sent
        })
    }

    fn find<'a>(&'a self, recorded: &'a Recorded) -> BoxFuture<'a, Result<Standing, SenderError>> {
        self.port.find(recorded)
    }

    fn follow(&self, attempts: Vec<Sent>, watch: Vec<(Address, Asset)>) -> BoxFuture<'static, Followed> {
        self.port.follow(attempts, watch)
    }
}

/// Deaths, and what became of the intents.
#[derive(Debug, Default, Clone)]
pub(crate) struct Deaths {
    at: BTreeMap<Point, u64>,
    offered: u64,
    landed: u64,
    /// Blocks from the last restart until everything was whole, each time.
    healed: Vec<u64>,
}

impl Deaths {
    pub(crate) fn add(&mut self, other: Self) {
        for (point, count) in other.at {
            *self.at.entry(point).or_default() += count;
        }
        self.offered += other.offered;
        self.landed += other.landed;
        self.healed.extend(other.healed);
    }

    /// The fewest that died at one of these points.
    pub(crate) fn least(&self, points: &[Point]) -> u64 {
        points.iter().map(|point| self.at.get(point).copied().unwrap_or_default()).min().unwrap_or_default()
    }
}

impl fmt::Display for Deaths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut healed = self.healed.clone();
        healed.sort_unstable();
        let p50 = healed.get(healed.len() / 2).copied().unwrap_or_default();
        let (most, deaths) = (healed.last().copied().unwrap_or_default(), self.at.values().sum::<u64>());
        let Self { at, offered, landed, .. } = self;
        write!(
            f,
            "{deaths} deaths {at:?}, {landed} of {offered} intents landed, each once; recovered within p50 {p50}, max {most} \
             blocks of a second"
        )
    }
}

/// Dies at `point`, and up to twice more at others; what happens to the chain meanwhile is `seed`'s.
pub(crate) async fn die(world: &World, seed: u64, point: Point) -> Checked<Deaths> {
    let mut random = StdRng::seed_from_u64(seed);
    let home = Home { folder: tempfile::tempdir()?, world, url: world.devnet.ws_url() };
    let (mut deaths, mut numbers, mut next) = (Deaths::default(), Vec::new(), point);
    for death in 0..random.random_range(1..=3_u64) {
        let number = keccak256([b"death".as_slice(), &seed.to_be_bytes(), &death.to_be_bytes()].concat());
        numbers.push(number);
        if dies_at(&home, next, poke(world, number).await?).await? {
            *deaths.at.entry(next).or_default() += 1;
        }
        meanwhile(world, &mut random).await?;
        next = *world.points().choose(&mut random).ok_or("no point")?;
    }
    let mut life = home.live().await?;
    deaths.healed.push(heal(world, &mut life, seed).await?);
    life.end().await;
    deaths.offered = u64::try_from(numbers.len())?;
    for number in numbers {
        let pokes = world.pokes(number).await?;
        if pokes > 1 {
            return Err(format!("{number} took effect {pokes} times").into());
        }
        deaths.landed += u64::try_from(pokes)?;
    }
    Ok(deaths)
}

/// A life that makes one offer. Whether it died.
async fn dies_at(home: &Home<'_>, point: Point, draft: agent_core::Draft) -> Checked<bool> {
    let mortal = Arc::new(Mortal::at(point));
    let needs_a_bump = matches!(point, Point::BeforeReplacement | Point::AfterReplacement);
    let lives = async {
        let mut life = home.open(&mortal).await?;
        life.offer(draft).await;
        if needs_a_bump {
            home.world.becomes_dear().await?;
        }
        home.world.blocks(DEADLINE).await?;
        life.end().await;
        Checked::Ok(())
    };
    tokio::select! {
        lived = lives => lived.map(|()| false),
        () = mortal.dies() => Ok(true),
    }
}

/// What happens while nothing runs.
async fn meanwhile(world: &World, random: &mut StdRng) -> Checked {
    match random.random_range(0..6_u8) {
        0 => world.use_elsewhere().await,
        1 => Ok(world.provider().anvil_drop_all_transactions().await?),
        2 => {
            let depth = random.random_range(1..CONFIRMATIONS);
            world.reorg(depth, Orphans::Dropped).await
        }
        3 => world.blocks(random.random_range(1..6)).await,
        4 => world.blocks(DEADLINE + 1).await,
        _ => Ok(()),
    }
}
