//! What the demo plays on: a fresh chain, a fresh key, the example's config and policy, and an agent made of them.

use std::{fs, sync::Arc, time::Duration};

use alloy::primitives::{Address, U256, utils::parse_ether};
use eyre::{OptionExt, ensure};
use keepwright::{
    Authority, Keeper, Site,
    devnet::{Asset, Devnet, DevnetConfig, Mining, World, WorldEvent},
    evm::{Endpoint, Keystore, Password, ScryptCost, UnlockedKey},
    runtime::{AgentError, RulesPlanner},
};
use rand::Rng;
use tempfile::TempDir;
use tokio::{sync::mpsc::UnboundedSender, task::JoinHandle};
use toml::{Table, Value};

use super::Account;
use crate::{
    config::{self, Config, PlannerTable},
    executor, run,
    view::{Event, Seen, Watcher, world},
};

/// The very files that an operator starts from: both bots' in one.
const CONFIGS: [&str; 2] = [
    include_str!("../../../../../examples/liquidator.toml"),
    include_str!("../../../../../examples/arbitrageur.toml"),
];
const POLICIES: [&str; 2] = [
    include_str!("../../../../../examples/liquidator.policy.toml"),
    include_str!("../../../../../examples/arbitrageur.policy.toml"),
];

/// How often the demo looks whether something has happened.
const GLANCE: Duration = Duration::from_millis(100);

pub(crate) struct Stage {
    pub(crate) devnet: Devnet,
    pub(crate) watcher: Arc<Watcher>,
    world: World,
    agent: Option<(Keeper, Config)>,
    holders: [Address; 2],
    /// Deleted with everything in it when the demo ends.
    _folder: TempDir,
}

impl Stage {
    pub(crate) async fn build(seed: u64, events: UnboundedSender<Event>) -> eyre::Result<Self> {
        let devnet = Devnet::launch(DevnetConfig::mining(Mining::Interval(Duration::from_secs(1)))).await?;
        let mut world = World::new(&devnet, seed);
        world.publish_all().await?;
        let folder = tempfile::tempdir()?;
        let key = fresh_key(&folder)?;
        let owner = key.address();
        let funds: U256 = parse_ether("10")?;
        devnet.fund(owner, funds).await?;

        let executor = owner.create(0);
        fs::write(folder.path().join("liquidator.policy.toml"), policy_for(executor)?)?;
        fs::write(folder.path().join("liquidator.toml"), joined(CONFIGS)?.to_string())?;
        let config = Config::read(&folder.path().join("liquidator.toml"))?;
        let policy = config.read_policy()?;
        let endpoint = Endpoint::connect(&devnet.ws_url(), config.chain.id).await?;
        let authority = Authority::Live(key.into());
        let watcher = Arc::new(Watcher::new(run::names(&policy, &authority), events));
        let site =
            Site { state: folder.path().join("state"), ..config.site(endpoint, &policy, watcher.clone()) };
        let keeper = site.open(authority).await?;
        let deployed = executor::deploy(&keeper).await?;
        ensure!(deployed == executor, "the executor is at {deployed}, not at {executor}");
        let keeper = run::equip(keeper, &config, &policy, Ok)?;
        run::arm(&keeper, &config, &policy).await?;
        let (agent, holders) = (Some((keeper, config)), [executor, owner]);
        Ok(Self { devnet, watcher, world, agent, holders, _folder: folder })
    }

    pub(crate) fn keeper(&self) -> eyre::Result<&Keeper> {
        self.agent.as_ref().map(|(keeper, _)| keeper).ok_or_eyre("the agent runs already")
    }

    pub(crate) fn start_agent(
        &mut self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> eyre::Result<JoinHandle<Result<(), AgentError>>> {
        let (keeper, config) = self.agent.take().ok_or_eyre("the agent runs already")?;
        let PlannerTable::Rules { min_net_usd } = config.planner;
        let planner = RulesPlanner { min_net: config::usd(min_net_usd) };
        Ok(tokio::spawn(async move { keeper.run(planner, shutdown).await }))
    }

    pub(crate) async fn account(&self) -> eyre::Result<Account> {
        let [_, key] = self.holders;
        Account::read(&self.devnet, &self.world, self.holders, key).await
    }

    pub(crate) fn note(&self, text: String) {
        self.watcher.show(Event::Note { text });
    }

    pub(crate) async fn calm(&mut self, steps: u32) -> eyre::Result<()> {
        for _ in 0..steps {
            let events = self.world.calm_step().await?;
            self.tell(&events);
        }
        Ok(())
    }

    /// An asset gets dearer in one v2 pair alone.
    pub(crate) async fn open_gap(&mut self, asset: Asset, bps: i16) -> eyre::Result<()> {
        let events = self.world.open_gap(asset, bps).await?;
        self.tell(&events);
        Ok(())
    }

    /// Ether falls by nine percent, in three waves of selling; then its feed follows.
    pub(crate) async fn crash_ether(&mut self) -> eyre::Result<()> {
        let start = self.world.market_price(Asset::Weth).await?;
        for percent in [97_u128, 94, 91] {
            let target = start.checked_mul(percent).ok_or_eyre("a price does not fit")?.div_euclid(100);
            let events = self.world.move_market(Asset::Weth, target).await?;
            self.tell(&events);
        }
        let events = self.world.publish(Asset::Weth).await?;
        self.tell(&events);
        Ok(())
    }

    /// Waits until `enough` was seen, or patience runs out: the summary then says what is missing.
    pub(crate) async fn until(&self, patience: Duration, enough: impl Fn(&Seen) -> bool) {
        let waiting = async {
            while !enough(&self.watcher.so_far()) {
                tokio::time::sleep(GLANCE).await;
            }
        };
        if tokio::time::timeout(patience, waiting).await.is_err() {
            self.note(format!("waited {} s in vain", patience.as_secs()));
        }
    }

    fn tell(&self, events: &[WorldEvent]) {
        for event in events {
            self.watcher.show(Event::World { text: world::tell(event, self.devnet.manifest()) });
        }
    }
}

/// A key that lives as long as the demo, through a real keystore all the same.
fn fresh_key(folder: &TempDir) -> eyre::Result<UnlockedKey> {
    let secret: u128 = rand::rng().random();
    let password = Password::new(secret.to_string());
    let keystore = Keystore::generate(&folder.path().join("keys"), &password, ScryptCost::STANDARD)?;
    Ok(keystore.unlock(&password)?)
}

/// The examples' policy with the executor's address in it, as an operator would write it.
fn policy_for(executor: Address) -> eyre::Result<String> {
    let mut policy = joined(POLICIES)?;
    policy.insert("executor".to_owned(), executor.to_string().into());
    Ok(policy.to_string())
}

/// What both files say. Where they contradict each other, the first one counts.
fn joined([first, second]: [&str; 2]) -> eyre::Result<Table> {
    let mut both: Table = first.parse()?;
    join(&mut both, second.parse()?);
    Ok(both)
}

fn join(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(ours)), Value::Table(theirs)) => join(ours, theirs),
            (Some(Value::Array(ours)), Value::Array(theirs)) => {
                theirs.into_iter().for_each(|one| add(ours, one))
            }
            (Some(_), _) => {}
            (None, value) => drop(into.insert(key, value)),
        }
    }
}

/// Adds to a list what is not in it. What has the same address is the same contract or token.
fn add(list: &mut Vec<Value>, one: Value) {
    let same = |known: &&mut Value| {
        **known == one || known.get("address").is_some_and(|address| Some(address) == one.get("address"))
    };
    match (list.iter_mut().find(same), one) {
        (Some(Value::Table(ours)), Value::Table(theirs)) => join(ours, theirs),
        (Some(_), _) => {}
        (None, one) => list.push(one),
    }
}

/// This process's resident memory, as Linux counts it.
pub(crate) fn rss() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}
