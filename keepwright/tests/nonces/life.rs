//! A door with its journal and its wallet, from life to life.

use std::{error::Error, num::NonZeroU64, sync::Arc, time::Duration};

use agent_core::{
    Action, Call, Draft, Intent, OpportunityId, Origin,
    ports::{Door as _, Journal, Moment, Observer, Offered, Underway},
    units::{ChainId, Timestamp, TokenAmount, Wei},
};
use alloy::primitives::{Address, B256, U256, keccak256};
use chain_door::{Door, DoorPorts, KillSwitch, Policy, Senders};
use chain_evm::{Endpoint, EvmSimulator, OrderFlowRoutes, TipBounds, Wallet, WalletConfig};
use memory_journal::RedbJournal;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{
    deaths::{Mortal, Through},
    world::{BLOCK, POKED, World},
};

pub(crate) type Checked<T = ()> = Result<T, Box<dyn Error>>;

/// Blocks of a second in which everything must be whole again.
const HEALED: u64 = 60;
/// After so many of them the chain keeps its own time.
const HURRIED: u64 = 20;
/// Blocks after which an intent's deadline has passed.
pub(crate) const DEADLINE: u64 = 25;
/// Deep enough that no reorg of a schedule reaches below.
pub(crate) const CONFIRMATIONS: u64 = 3;

/// A policy for pokes.
fn policy(executor: Address) -> Checked<Policy> {
    let text = format!(
        r#"
version = 1
chain = 31337
executor = "{executor}"
recipients = []

[limits]
gas_per_transaction = 400_000
max_fee_gwei = "500"
gas_per_window_eth = "5"
window_seconds = 3600
deadline_seconds = 120
in_flight = 6

[[tokens]]
symbol = "POKE"
address = "{POKED}"
decimals = 0
per_transaction = "100"
per_window = "10000"

[[contracts]]
name = "poked"
address = "{POKED}"
opaque = ["poke(uint256)"]

[strategies.poker]
gas_per_window_eth = "5"

[planner]
may_arm = []
max_uses = 0
max_seconds = 0
"#
    );
    Ok(Policy::parse(&text)?)
}

/// Prints what a schedule that fails needs told.
struct Told;

impl Observer for Told {
    fn saw(&self, moment: Moment<'_>) {
        if let Moment::Warned(text) = moment {
            println!("    warned: {text}");
        } else if let Moment::Replaced(id, sent) = moment {
            println!("    {id}: replaced at nonce {}", sent.nonce);
        }
    }
}

/// What outlives a restart.
pub(crate) struct Home<'a> {
    pub(crate) folder: TempDir,
    pub(crate) world: &'a World,
    pub(crate) url: String,
}

/// One life of the door.
pub(crate) struct Life {
    door: Door,
    journal: Arc<RedbJournal>,
    outcomes: JoinSet<()>,
}

impl Home<'_> {
    /// Opens the door for a life that may end on the way.
    pub(crate) async fn open(&self, mortal: &Arc<Mortal>) -> Checked<Life> {
        let endpoint =
            Endpoint::connect_with_patience(&self.url, ChainId(31_337), Duration::from_millis(700)).await?;
        let kill = KillSwitch::at(&self.folder.path().join("KILL"));
        let config = WalletConfig {
            confirmations: CONFIRMATIONS,
            tip: TipBounds { floor: 1_000_000, cap: 5_000_000_000 },
            poll: BLOCK,
            stuck_after: 4,
            routes: OrderFlowRoutes::none(),
            top_up_below: Wei::ZERO,
            kill: kill.clone(),
        };
        let journal = Arc::new(RedbJournal::open(self.folder.path().join("journal"))?);
        let simulator = EvmSimulator::new(endpoint.clone(), NonZeroU64::MIN);
        let wallet = Wallet::spawn(self.world.key()?, endpoint, config);
        let ports = DoorPorts {
            simulator: Arc::new(Through::new(simulator, mortal)),
            journal: Arc::new(Through::new(journal.clone(), mortal)),
            senders: Senders::one(wallet.address(), Arc::new(Through::new(wallet, mortal))),
            observer: Arc::new(Told),
            kill,
        };
        let door = Door::open(policy(self.world.executor)?, ports).await?;
        let mut life = Life { door, journal, outcomes: JoinSet::new() };
        life.recover().await;
        Ok(life)
    }

    /// Tries until the node lets it.
    pub(crate) async fn live(&self) -> Checked<Life> {
        let immortal = Arc::new(Mortal::immortal());
        for _try in 0..100 {
            match self.open(&immortal).await {
                Ok(life) => return Ok(life),
                Err(error) => println!("    not opened: {error}"),
            }
            tokio::time::sleep(BLOCK).await;
        }
        Err("the door never opened".into())
    }
}

impl Life {
    /// What it fails to look at, it looks at the next time.
    async fn recover(&mut self) {
        match self.door.recover().await {
            Ok(underway) => underway.into_iter().for_each(|underway| self.follow(underway)),
            Err(error) => println!("    not recovered: {error}"),
        }
    }

    fn follow(&mut self, underway: Underway) {
        self.outcomes.spawn(async move {
            match underway.outcome.await {
                Ok(report) => println!("    {}: {}", report.id, report.outcome),
                Err(error) => println!("    no outcome: {error}"),
            }
        });
    }

    pub(crate) async fn offer(&mut self, draft: Draft) {
        match self.door.offer(draft, Origin::Planner { reason: "a test".to_owned() }).await {
            Ok(Offered::Underway(underway)) => self.follow(underway),
            Ok(Offered::Refused(refusal)) => println!("    refused: {refusal}"),
            Ok(Offered::Asked(_)) => println!("    asked"),
            Err(error) => println!("    not offered: {error}"),
        }
    }

    /// As a process ends: whatever it followed, it follows no more.
    pub(crate) async fn end(mut self) {
        self.outcomes.shutdown().await;
    }
}

/// A draft whose effect can be counted.
pub(crate) async fn poke(world: &World, number: B256) -> Checked<Draft> {
    let head = world.devnet.latest_block().await?;
    let selector = keccak256("poke(uint256)");
    let data = [&selector[..4], number.as_slice()].concat().into();
    Ok(Draft {
        id: OpportunityId(number),
        strategy: "poker".to_owned(),
        class: "poker/any".to_owned(),
        appraisal: None,
        action: Action::Execute(Intent {
            borrow: None,
            calls: vec![Call { target: POKED, spend: None, data }],
            floors: vec![TokenAmount { token: POKED, raw: U256::ONE }],
            deadline: Timestamp(head.timestamp.saturating_add(DEADLINE)),
        }),
    })
}

/// Waits until nothing is open, no nonce is missing, and one more intent has landed. How many blocks that took.
pub(crate) async fn heal(world: &World, life: &mut Life, seed: u64) -> Checked<u64> {
    let healed = whole_again(world, life, seed).await;
    world.keep_time(false);
    healed
}

async fn whole_again(world: &World, life: &mut Life, seed: u64) -> Checked<u64> {
    let began = world.head().await?;
    let number = keccak256([b"healed".as_slice(), &seed.to_be_bytes()].concat());
    loop {
        let took = world.head().await?.saturating_sub(began);
        let (mined, pending) = world.nonces().await?;
        let open = life.journal.open_intents().await?.len();
        let landed = world.pokes(number).await? > 0;
        if landed && open == 0 && mined == pending {
            return Ok(took);
        }
        if took > HEALED {
            return Err(format!(
                "not healed: {open} intents open, nonce {mined} of {pending}, the last landed: {landed}"
            )
            .into());
        }
        world.keep_time(took > HURRIED);
        life.recover().await;
        if !landed && open == 0 {
            life.offer(poke(world, number).await?).await;
        }
        world.blocks(1).await?;
    }
}
