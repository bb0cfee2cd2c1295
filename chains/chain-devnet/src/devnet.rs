//! The devnet as its users hold it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use alloy::primitives::{Address, U256};
use alloy::providers::ext::AnvilApi;
use alloy::providers::{DynProvider, Provider};
use tokio::time::Instant;

use crate::anvil::{Anvil, Options};
use crate::cache;
use crate::chain::{Chain, refused};
use crate::contracts::Erc20;
use crate::deploy;
use crate::dump::{self, Dump};
use crate::error::{DevnetError, Result};
use crate::manifest::{Asset, Head, Manifest, Role};
use crate::world::Inclusion;

/// When blocks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mining {
    /// One for each transaction, at once.
    #[default]
    Automine,
    /// One every so often.
    Interval(Duration),
    /// Only when [`Devnet::mine`] is called.
    Manual,
}

/// What time it is on the chain when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StartTime {
    /// The system's time. Loans have accrued interest since the state was dumped (2 % a year at most), and the feeds' last
    /// rounds are as old as the dump.
    #[default]
    Now,
    /// The time of the dump, from where it runs on. Health factors are those that the borrowers' labels say.
    AtDump,
}

/// How a devnet is launched.
#[derive(Debug, Clone, Default)]
pub struct DevnetConfig {
    /// The folder that `scripts/setup` filled; by default `$KEEPWRIGHT_CACHE`, else `.cache` of the workspace.
    pub cache: Option<PathBuf>,
    /// When blocks are made.
    pub mining: Mining,
    /// What time it is on the chain.
    pub start_time: StartTime,
    /// The port; 0 (the default) lets the system choose a free one.
    pub port: u16,
}

impl DevnetConfig {
    /// The defaults, with blocks made this way.
    #[must_use]
    pub fn mining(mining: Mining) -> Self {
        Self { mining, ..Self::default() }
    }
}

/// A running devnet. Its node is killed when this is dropped, and when this process dies in any other way.
#[derive(Debug)]
pub struct Devnet {
    anvil: Anvil,
    chain: Chain,
    manifest: Manifest,
    mining: Mining,
    load_time: Duration,
}

impl Devnet {
    /// Starts a node with everything deployed. The first launch on a machine builds the state, which takes seconds; later
    /// ones load it. It waits for another process, so it is not for a runtime whose time is paused.
    ///
    /// # Errors
    /// Where `scripts/setup` has not run ([`DevnetError::ArtifactsMissing`]), or the node does not come up, or it is not
    /// the node that was started.
    pub async fn launch(config: DevnetConfig) -> Result<Self> {
        let cache = cache::devnet_folder(config.cache.as_deref())?;
        let dump = Dump::ensure(&cache).await?;
        let started = Instant::now();
        let (anvil, chain) = start(&cache, &dump, &config).await?;
        let mut devnet =
            Self { anvil, chain, manifest: dump.manifest, mining: config.mining, load_time: Duration::ZERO };
        devnet.verify().await?;
        if config.start_time == StartTime::AtDump {
            devnet.set_time(devnet.manifest.head.timestamp.saturating_add(1)).await?;
        }
        devnet.load_time = started.elapsed();
        Ok(devnet)
    }

    /// The node is the one that was started, and it has the dumped history.
    async fn verify(&mut self) -> Result<()> {
        let expected = self.manifest.head;
        let block = self.chain.provider().get_block_by_number(expected.number.into());
        let found = block.await.map_err(refused("eth_getBlockByNumber"))?.map(|block| block.header.hash);
        if found != Some(expected.hash) {
            let reason = format!("block {} is {found:?} and not {}", expected.number, expected.hash);
            return Err(DevnetError::NotStarted { reason });
        }
        if self.anvil.is_alive() {
            return Ok(());
        }
        Err(DevnetError::NotStarted { reason: String::from("it died at once") })
    }

    /// The node's HTTP endpoint.
    #[must_use]
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.anvil.port())
    }

    /// The node's websocket endpoint.
    #[must_use]
    pub fn ws_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.anvil.port())
    }

    /// The node's local socket. It is gone when the devnet is.
    #[must_use]
    pub fn ipc_path(&self) -> PathBuf {
        self.anvil.ipc_path()
    }

    /// What is deployed, and where.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// A client of the node, without any key.
    #[must_use]
    pub const fn provider(&self) -> &DynProvider {
        self.chain.provider()
    }

    pub(crate) const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// How long the launch took, the building of a missing dump not counted.
    #[must_use]
    pub const fn load_time(&self) -> Duration {
        self.load_time
    }

    /// The node's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.anvil.pid()
    }

    /// What a [`World`](crate::World) on this devnet does with its transactions unless it is told otherwise.
    #[must_use]
    pub const fn inclusion(&self) -> Inclusion {
        match self.mining {
            Mining::Automine => Inclusion::OneByOne,
            Mining::Interval(_) => Inclusion::Wait,
            Mining::Manual => Inclusion::Mine,
        }
    }

    /// Sets an account's ether, in wei.
    ///
    /// # Errors
    /// Where the node refuses.
    pub async fn fund(&self, account: Address, wei: U256) -> Result<()> {
        self.provider().anvil_set_balance(account, wei).await.map_err(refused("anvil_setBalance"))
    }

    /// Sends an account so much of an asset, from the supplier's stock.
    ///
    /// # Errors
    /// Where the supplier has no more, or the node refuses.
    pub async fn deal(&self, account: Address, asset: Asset, amount: U256) -> Result<()> {
        let supplier = self.manifest.account_with(Role::Supplier)?;
        let token = self.manifest.asset(asset)?.address;
        let sent = self.chain.send(supplier, token, &Erc20::transferCall { to: account, amount }).await?;
        if self.inclusion() == Inclusion::Mine {
            self.mine(1).await?;
        }
        self.chain.confirm(sent).await.map(drop)
    }

    /// Makes so many blocks.
    ///
    /// # Errors
    /// Where the node refuses.
    pub async fn mine(&self, blocks: u64) -> Result<()> {
        self.provider().anvil_mine(Some(blocks), None).await.map_err(refused("anvil_mine"))
    }

    /// The next block will have this time, in seconds since 1970.
    ///
    /// # Errors
    /// Where it lies before the latest block's.
    pub async fn set_next_block_timestamp(&self, timestamp: u64) -> Result<()> {
        let set = self.provider().anvil_set_next_block_timestamp(timestamp);
        set.await.map_err(refused("evm_setNextBlockTimestamp"))
    }

    /// Every block from now on is exactly so much later than the one before it: time no longer depends on the machine.
    ///
    /// # Errors
    /// Where the node refuses.
    pub async fn set_block_timestamp_interval(&self, seconds: u64) -> Result<()> {
        let set = self.provider().anvil_set_block_timestamp_interval(seconds);
        set.await.map_err(refused("anvil_setBlockTimestampInterval"))
    }

    /// Moves the chain's clock forward; the next block shows it.
    ///
    /// # Errors
    /// Where the node refuses.
    pub async fn increase_time(&self, seconds: u64) -> Result<()> {
        self.provider().anvil_increase_time(seconds).await.map(drop).map_err(refused("evm_increaseTime"))
    }

    async fn set_time(&self, timestamp: u64) -> Result<()> {
        self.provider().anvil_set_time(timestamp).await.map(drop).map_err(refused("evm_setTime"))
    }

    /// Remembers the state; [`Devnet::revert`] goes back to it, once.
    ///
    /// # Errors
    /// Where the node refuses.
    pub async fn snapshot(&self) -> Result<U256> {
        self.provider().anvil_snapshot().await.map_err(refused("evm_snapshot"))
    }

    /// Goes back to a snapshot, which is used up by it.
    ///
    /// # Errors
    /// Where there is no such snapshot.
    pub async fn revert(&self, snapshot: U256) -> Result<()> {
        let done = self.provider().anvil_revert(snapshot).await.map_err(refused("evm_revert"))?;
        if done { Ok(()) } else { Err(DevnetError::unknown(format!("snapshot {snapshot}"))) }
    }

    /// Turns the making of a block for each transaction on or off.
    ///
    /// # Errors
    /// Where the node refuses.
    pub async fn set_automine(&self, on: bool) -> Result<()> {
        self.provider().anvil_set_auto_mine(on).await.map_err(refused("evm_setAutomine"))
    }

    /// Makes a block every so many seconds; 0 stops that.
    ///
    /// # Errors
    /// Where the node refuses.
    pub async fn set_interval(&self, seconds: u64) -> Result<()> {
        self.provider().anvil_set_interval_mining(seconds).await.map_err(refused("evm_setIntervalMining"))
    }

    /// The latest block.
    ///
    /// # Errors
    /// Where the node does not answer.
    pub async fn latest_block(&self) -> Result<Head> {
        deploy::head(&self.chain).await.map(|(_, head)| head)
    }

    /// An account's balance of a token, in raw units.
    ///
    /// # Errors
    /// Where the token is none, or the node does not answer.
    pub async fn balance_of(&self, token: Address, account: Address) -> Result<U256> {
        self.chain.read(token, &Erc20::balanceOfCall { account }).await
    }
}

/// Starts a node that has loaded the dump.
async fn start(cache: &Path, dump: &Dump, config: &DevnetConfig) -> Result<(Anvil, Chain)> {
    let folder =
        tempfile::tempdir().map_err(|error| DevnetError::io("create", std::env::temp_dir(), error))?;
    let state = folder.path().join("state.json");
    dump.unpack_into(&state)?;
    let mut arguments = dump::account_arguments();
    arguments.extend([String::from("--load-state"), state.display().to_string()]);
    match config.mining {
        Mining::Automine => {}
        Mining::Manual => arguments.push(String::from("--no-mining")),
        Mining::Interval(period) => arguments.extend([String::from("--block-time"), decimal_seconds(period)]),
    }
    let anvil = Anvil::start(&dump::binary(cache), Options { port: config.port, arguments }).await?;
    let chain = dump::connect(&anvil)?;
    Ok((anvil, chain))
}

/// Seconds with a decimal point, as the node's command line wants them.
fn decimal_seconds(period: Duration) -> String {
    format!("{}.{:03}", period.as_secs(), period.subsec_millis())
}
