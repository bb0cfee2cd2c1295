//! One schedule: what is asked of the door, and what goes wrong meanwhile.

use std::fmt;

use alloy::{primitives::keccak256, providers::ext::AnvilApi};
use chain_devnet::{
    Orphans,
    fault::{Calls, Failure, Fault, FaultProxy, Rule, Schedule, Trigger},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    life::{CONFIRMATIONS, Checked, Home, heal, poke},
    world::World,
};

/// Steps of a schedule.
const STEPS: usize = 12;

/// What one schedule did.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Totals {
    offered: u64,
    landed: u64,
    faults: u64,
    elsewhere: u64,
    drops: u64,
    reorgs: u64,
    restarts: u64,
    /// The most blocks that anything took to heal.
    blocks: u64,
}

impl Totals {
    pub(crate) fn add(&mut self, other: &Self) {
        self.offered += other.offered;
        self.landed += other.landed;
        self.faults += other.faults;
        self.elsewhere += other.elsewhere;
        self.drops += other.drops;
        self.reorgs += other.reorgs;
        self.restarts += other.restarts;
        self.blocks = self.blocks.max(other.blocks);
    }

    /// A run in which nothing went wrong shows nothing.
    pub(crate) fn something_happened(&self) -> Checked {
        let counts = [self.landed, self.faults, self.elsewhere, self.drops, self.reorgs, self.restarts];
        if counts.contains(&0) { Err(format!("too quiet a run: {self}").into()) } else { Ok(()) }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offered, landed, faults, elsewhere, drops, reorgs, restarts, blocks } = self;
        write!(
            f,
            "{landed} of {offered} intents landed, each once; {faults} faults, {elsewhere} uses elsewhere, {drops} drops, \
             {reorgs} reorgs, {restarts} restarts; healed within {blocks} blocks"
        )
    }
}

/// Errors before and after acceptance, lost answers, lost transactions: in a fifth of the broadcasts, or in a few of all
/// requests.
fn faults(random: &mut StdRng, seed: u64) -> Schedule {
    let mut rules = Vec::new();
    for _rule in 0..random.random_range(1..=3) {
        let fault = match random.random_range(0..7_u8) {
            0 => Fault::before(Failure::Reset),
            1 => Fault::after(Failure::Reset),
            2 => Fault::Forget,
            3 => Fault::before(Failure::RateLimited { retry_after: None }),
            4 => Fault::after(Failure::ServerError { status: 502 }),
            5 => Fault::after(Failure::Truncated),
            _ => Fault::before(Failure::RpcError { code: -32_603, message: "internal error".to_owned() }),
        };
        let often = Trigger::PerMille(random.random_range(100..500));
        rules.push(Rule::new(Calls::Sends, often, fault));
    }
    if random.random_bool(0.5) {
        let rarely = Trigger::PerMille(random.random_range(5..40));
        rules.push(Rule::new(Calls::Any, rarely, Fault::before(Failure::Reset)));
    }
    Schedule::of(seed, rules)
}

/// Plays the schedule of `seed`.
pub(crate) async fn play(world: &World, seed: u64) -> Checked<Totals> {
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir()?;
    let proxy = FaultProxy::launch(&world.devnet.http_url()).await?;
    let url = if seed.is_multiple_of(2) { proxy.http_url() } else { proxy.ws_url() };
    let home = Home { folder, world, url };
    let mut life = home.live().await?;
    let mut totals = Totals::default();
    proxy.handle().set_schedule(faults(&mut random, seed));
    let mut numbers = Vec::new();
    for step in 0..STEPS {
        match random.random_range(0..10_u8) {
            0 => {
                world.use_elsewhere().await?;
                totals.elsewhere += 1;
            }
            1 => {
                world.provider().anvil_drop_all_transactions().await?;
                totals.drops += 1;
            }
            2 => {
                let depth = random.random_range(1..CONFIRMATIONS);
                let orphans = if random.random_bool(0.5) { Orphans::Dropped } else { Orphans::Pending };
                world.reorg(depth, orphans).await?;
                totals.reorgs += 1;
            }
            3 => {
                life.end().await;
                life = home.live().await?;
                totals.restarts += 1;
            }
            4 => world.blocks(random.random_range(1..6)).await?,
            _ => {
                let number = keccak256([seed.to_be_bytes(), step.to_be_bytes()].concat());
                life.offer(poke(world, number).await?).await;
                numbers.push(number);
                totals.offered += 1;
            }
        }
    }
    let tally = proxy.handle().tally();
    totals.faults = tally.total();
    proxy.handle().clear();
    totals.blocks = heal(world, &mut life, seed).await?;
    for number in numbers {
        let pokes = world.pokes(number).await?;
        if pokes > 1 {
            return Err(format!("{number} took effect {pokes} times").into());
        }
        totals.landed += u64::try_from(pokes)?;
    }
    life.end().await;
    Ok(totals)
}
