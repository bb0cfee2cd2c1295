//! The real door, explored exhaustively: two intents and their nonces, under every order of crashes, restarts, drops, reorgs,
//! replacements, strangers' transactions, late blocks and the kill switch, within the bounds of a [`Chances`].
//!
//! A state is what outlives a process (the journal, the chain, what was ever signed), and what the process has lived through
//! since its start: it is lived through again, by the door's own code, to find what comes next. The model has no pool: whatever
//! was signed may be mined at any later time, which is more than any pool may do.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::wildcard_enum_match_arm,
    reason = "a model of a handful of nonces; what it does not name is all the same to it"
)]

mod life;
mod ports;
mod world;

use std::{
    collections::BTreeSet,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use alloy_primitives::{Address, U256};
use stateright::{Checker, Expectation, Model, Property};

use life::Life;
use world::{Chances, World};

use crate::{
    Policy,
    scripted::{USDC, policy, policy_of_lanes},
};

/// One step of the process or of its world.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Action {
    /// The agent offers this opportunity.
    Offer(u8),
    /// The waiting call goes through.
    Step(usize),
    /// The sender says that no signature left.
    FailSend(usize),
    /// The sender says that a transaction is stuck.
    Stuck(usize),
    /// The process dies; what it waits for did not happen.
    Crash,
    /// The process dies; what it waits for did happen.
    CrashLate,
    /// A new process opens the door and recovers.
    Restart,
    /// A transaction that was signed at some time is mined.
    Mine(usize),
    /// A stranger with this key uses its next nonce.
    Stranger(Address),
    /// The newest block is taken back.
    Reorg,
    /// All blocks are final.
    Finalise,
    /// The node forgets a transaction.
    Forget(usize),
    /// The kill switch is latched.
    Kill,
    /// Every deadline has passed.
    Late,
}

#[derive(Clone)]
struct State {
    /// What there was when the process started, or ended.
    start: Arc<World>,
    /// What the process has lived through since.
    lived: Vec<Action>,
    /// Whether there is a process.
    alive: bool,
    now: World,
    actions: Vec<Action>,
    digest: u64,
}

impl State {
    fn new(start: Arc<World>, lived: Vec<Action>, alive: bool, life: &Life) -> Self {
        let now = life.world();
        let actions = now.actions().into_iter().chain(life.actions(&now, alive)).collect();
        let mut hasher = DefaultHasher::new();
        (alive, now.digest(), life.digest()).hash(&mut hasher);
        Self { start, lived, alive, now, actions, digest: hasher.finish() }
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.digest.hash(hasher);
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.now)
    }
}

/// What is explored.
struct Lane {
    policy: Policy,
    /// The most USDC that may ever be put to work in it.
    cap: u64,
    chances: Chances,
}

impl Model for Lane {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let start = Arc::new(World::new(self.chances.clone()));
        let life = Life::start(&self.policy, &start);
        vec![State::new(start, Vec::new(), true, &life)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend(state.actions.iter().cloned());
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let life =
            if state.alive { Life::start(&self.policy, &state.start) } else { Life::none(&state.start) };
        let mut life = state.lived.iter().fold(life, |mut life, lived| {
            life.live(lived);
            life
        });
        life.live(&action);
        Some(match action {
            Action::Crash | Action::CrashLate => {
                let end = Arc::new(life.world());
                State::new(end.clone(), Vec::new(), false, &Life::none(&end))
            }
            Action::Restart => {
                let start = Arc::new(life.world());
                State::new(start.clone(), Vec::new(), true, &Life::start(&self.policy, &start))
            }
            _ if state.alive => {
                let lived = state.lived.iter().cloned().chain([action]).collect();
                State::new(state.start.clone(), lived, true, &life)
            }
            _ => {
                let end = Arc::new(life.world());
                State::new(end.clone(), Vec::new(), false, &Life::none(&end))
            }
        })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no intent lands twice", |_, state: &State| {
                state.now.landed().iter().all(|times| *times <= 1)
            }),
            Property::always("no budget is exceeded", |lane: &Self, state: &State| {
                state.now.put_to_work() <= lane.cap
            }),
            Property::always("every signature is recorded before", |_, state: &State| {
                state.now.is_all_recorded()
            }),
            Property::always("no two intents share a nonce", |_, state: &State| !state.now.shares_a_nonce()),
            Property::always("no lane signs for another", |_, state: &State| !state.now.mixes_lanes()),
            Property::always("no signature leaves after the latch", |_, state: &State| {
                !state.now.signed_after_latch
            }),
            Property::always("the door never breaks", |_, state: &State| state.now.broken.is_none()),
            Property::sometimes("both intents land", |_, state: &State| state.now.landed() == [1, 1]),
            Property::sometimes("one lands that an earlier process recorded", |_, state: &State| {
                state.now.landed_after_restart()
            }),
            Property::sometimes("a replacement lands", |_, state: &State| state.now.replacement_landed()),
            Property::sometimes("a nonce is used up for nothing", |_, state: &State| {
                state.now.nothing_landed()
            }),
        ]
    }
}

/// Explores each world, prints how many states it has, and fails with the shortest way to a state that must not be. What is
/// to happen sometimes happens in one of them at least.
fn explore(worlds: impl IntoIterator<Item = (String, Lane)>) {
    let (mut all, mut missing) = (0, BTreeSet::new());
    let mut seen = BTreeSet::new();
    for (name, lane) in worlds {
        let checker = lane.checker().threads(2).spawn_bfs().join();
        assert!(checker.is_done());
        println!("{name}: {} distinct states", checker.unique_state_count());
        all += checker.unique_state_count();
        for property in checker.model().properties() {
            let found = checker.discovery(property.name);
            if let Expectation::Sometimes = property.expectation {
                if found.is_some() { &mut seen } else { &mut missing }.insert(property.name);
            } else if let Some(path) = found {
                let way: Vec<_> = path.into_actions().iter().map(|action| format!("{action:?}")).collect();
                panic!("{name}: not \"{}\": {}", property.name, way.join(", "));
            }
        }
    }
    println!("{all} distinct states in all, and no surprise");
    assert_eq!(missing.difference(&seen).next(), None, "it never happened");
}

fn lane(per_window: u64, chances: Chances) -> Lane {
    let mut policy = if chances.lanes > 1 { policy_of_lanes() } else { policy() };
    let cap = U256::from(per_window * 1_000_000);
    policy.tokens.get_mut(&USDC).unwrap().per_window = cap;
    Lane { policy, cap: per_window * 1_000_000, chances }
}

const QUIET: Chances = Chances {
    lanes: 1,
    intents: 2,
    crashes: 0,
    strangers: 0,
    reorgs: 0,
    forgotten: 0,
    stuck: 0,
    failed: 0,
    kills: 0,
    late: 0,
    elsewhere: false,
};

type Trouble = (&'static str, fn(&mut Chances));

/// What can go wrong once.
const TROUBLES: [Trouble; 7] = [
    ("a stranger", |chances| chances.strangers = 1),
    ("a reorg", |chances| chances.reorgs = 1),
    ("a drop", |chances| chances.forgotten = 1),
    ("something stuck", |chances| chances.stuck = 1),
    ("a signer that fails", |chances| chances.failed = 1),
    ("the kill switch", |chances| chances.kills = 1),
    ("late blocks", |chances| chances.late = 1),
];

/// The same with a lane for each intent.
fn lanes(intents: u8, crashes: u8, troubles: &[Trouble], per_window: u64) -> (String, Lane) {
    let (name, Lane { chances, .. }) = world(intents, crashes, troubles, per_window);
    (format!("a lane each, {name}"), lane(per_window, Chances { lanes: 2, ..chances }))
}

/// A world with these troubles, and room for so much in a window.
fn world(intents: u8, crashes: u8, troubles: &[Trouble], per_window: u64) -> (String, Lane) {
    let mut chances = Chances { intents, crashes, ..QUIET };
    troubles.iter().for_each(|(_, add)| add(&mut chances));
    let names: Vec<_> = troubles.iter().map(|(name, _)| *name).collect();
    let name = format!("{intents} intents of {per_window}, {crashes} crashes, {}", names.join(" and "));
    (name, lane(per_window, chances))
}

/// The same world, with a key whose signatures are never the same twice.
fn elsewhere((name, Lane { policy, cap, chances }): (String, Lane)) -> (String, Lane) {
    let chances = Chances { elsewhere: true, ..chances };
    (format!("{name}, and a key elsewhere"), Lane { policy, cap, chances })
}

#[test]
fn small_worlds_hold_no_surprise() {
    let [_, _, _, stuck, _, kill, late] = TROUBLES;
    explore([
        world(2, 0, &[], 2_000),
        world(2, 0, &[], 800),
        world(1, 1, &[kill], 2_000),
        world(1, 0, &[stuck, late], 2_000),
        elsewhere(world(1, 1, &[], 2_000)),
        lanes(2, 0, &[], 2_000),
        lanes(2, 0, &[], 800),
    ]);
}

/// Every world of this list; `KEEPWRIGHT_SEED=N` begins with the N-th, counted from 0.
#[test]
#[ignore = "long: `scripts/test --long model`"]
#[expect(clippy::disallowed_methods, reason = "a long run is resumed where it ended")]
fn long_model_no_world_holds_a_surprise() {
    let first = std::env::var("KEEPWRIGHT_SEED").map_or(0, |seed| seed.parse().unwrap());
    let pairs = TROUBLES
        .iter()
        .enumerate()
        .flat_map(|(at, one)| TROUBLES[at + 1..].iter().map(|other| [*one, *other]));
    let worlds = [world(2, 2, &[], 2_000), world(2, 1, &[], 800), world(1, 1, &TROUBLES, 2_000)]
        .into_iter()
        .chain(TROUBLES.map(|trouble| world(2, 1, &[trouble], 2_000)))
        .chain([elsewhere(world(2, 2, &[], 2_000)), elsewhere(world(1, 1, &TROUBLES, 2_000))])
        .chain(TROUBLES.map(|trouble| elsewhere(world(1, 2, &[trouble], 2_000))))
        .chain(pairs.map(|pair| world(2, 1, &pair, 2_000)))
        .chain([lanes(2, 1, &[], 2_000), lanes(2, 1, &[], 800)])
        .chain(TROUBLES.map(|trouble| lanes(2, 1, &[trouble], 2_000)));
    let numbered = worlds.enumerate().map(|(number, (name, lane))| (format!("{number}: {name}"), lane));
    explore(numbered.skip(first));
}
