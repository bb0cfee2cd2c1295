//! A node whose blocks come by themselves, a second of chain time each, and a contract that tells who poked it.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use alloy::{
    primitives::{Address, B256, Bytes, U256, address, bytes},
    providers::{DynProvider, Provider, ext::AnvilApi},
    rpc::types::{Filter, TransactionRequest},
};
use chain_devnet::{Devnet, DevnetConfig, Mining, Orphans, Role, StartTime};
use chain_door::creation_code;
use chain_evm::{Keystore, Password, UnlockedKey};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::Mutex, task::JoinHandle};

use super::{
    deaths::Point,
    far::Far,
    life::{CONFIRMATIONS, Checked},
};

/// A token that gives its caller one base unit for each `poke(uint256)`, and logs the number as its only topic.
pub(crate) const POKED: Address = address!("0x00000000000000000000000000000000000070ce");
const POKED_CODE: Bytes =
    bytes!("0x5f3560e01c6370a0823114601d573354600101335560043560005fa1005b600435545f5260205ff3");
/// Between two blocks, which are a second of chain time apart.
pub(crate) const BLOCK: Duration = Duration::from_millis(100);
/// The same, once the chain keeps its own time.
const SECOND: Duration = Duration::from_secs(1);

/// A keystore of the private key 1, whose password takes no time to try: each restart opens it.
const KEYSTORE: &str = include_str!("key.json");

/// How long a signature may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A base fee beyond what was offered before, in wei.
const DEAR: u128 = 30_000_000_000;

/// Where the key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Here,
    Elsewhere,
}

pub(crate) struct World {
    pub(crate) devnet: Arc<Devnet>,
    /// The key's contract, deeper than any reorg reaches.
    pub(crate) executor: Address,
    key: Address,
    place: Place,
    folder: TempDir,
    in_time: Arc<AtomicBool>,
    /// Held while a block is made: the node makes no clean reorg while it makes one.
    making: Arc<Mutex<()>>,
    miner: JoinHandle<()>,
}

impl World {
    pub(crate) async fn start(place: Place) -> Checked<Self> {
        let config =
            DevnetConfig { mining: Mining::Manual, start_time: StartTime::AtDump, ..DevnetConfig::default() };
        let devnet = Arc::new(Devnet::launch(config).await?);
        devnet.set_block_timestamp_interval(1).await?;
        devnet.provider().anvil_set_code(POKED, POKED_CODE).await?;
        let (mined, in_time) = (Arc::clone(&devnet), Arc::new(AtomicBool::new(false)));
        let making = Arc::new(Mutex::new(()));
        let (keeps_time, turn) = (Arc::clone(&in_time), Arc::clone(&making));
        let miner = tokio::spawn(async move {
            loop {
                let turn = turn.lock().await;
                if mined.mine(1).await.is_err() {
                    break;
                }
                drop(turn);
                let pause = if keeps_time.load(Ordering::SeqCst) { SECOND } else { BLOCK };
                tokio::time::sleep(pause).await;
            }
        });
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("key.json"), KEYSTORE)?;
        let key = Keystore::open(&folder.path().join("key.json"))?.address().ok_or("no address")?;
        let mut world = Self { devnet, executor: Address::ZERO, key, place, folder, in_time, making, miner };
        world.executor = world.deploy_executor().await?;
        world.blocks(CONFIRMATIONS).await?;
        Ok(world)
    }

    /// The key, unlocked once more.
    pub(crate) fn key(&self) -> Checked<UnlockedKey> {
        if self.place == Place::Elsewhere {
            return Ok(UnlockedKey::elsewhere(Far::new()?, PATIENCE));
        }
        let password = Password::new("nobody else is on this chain".to_owned());
        Ok(Keystore::open(&self.folder.path().join("key.json"))?.unlock(&password)?)
    }

    /// Where a process that acts here may die.
    pub(crate) fn points(&self) -> &'static [Point] {
        match self.place {
            Place::Here => &Point::ALL,
            Place::Elsewhere => &Point::ELSEWHERE,
        }
    }

    pub(crate) fn provider(&self) -> &DynProvider {
        self.devnet.provider()
    }

    pub(crate) async fn head(&self) -> Checked<u64> {
        Ok(self.provider().get_block_number().await?)
    }

    pub(crate) async fn reorg(&self, depth: u64, orphans: Orphans) -> Checked {
        let _turn = self.making.lock().await;
        match self.devnet.reorg(depth, orphans).await {
            Ok(_head) => Ok(()),
            // Another transaction has the place of one that would come back.
            Err(_refused) if orphans == Orphans::Pending => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a second of the chain takes a second. What waits by the wall's clock, as after a rate limit, has the time that
    /// it would have on a real chain only then.
    pub(crate) fn keep_time(&self, keep: bool) {
        self.in_time.store(keep, Ordering::SeqCst);
    }

    /// Waits for so many blocks.
    pub(crate) async fn blocks(&self, count: u64) -> Checked {
        let until = self.head().await?.saturating_add(count);
        while self.head().await? < until {
            if self.miner.is_finished() {
                return Err("the node makes no blocks any more".into());
            }
            tokio::time::sleep(BLOCK).await;
        }
        Ok(())
    }

    async fn deploy_executor(&self) -> Checked<Address> {
        self.devnet.fund(self.key, U256::from(10_u128.pow(22))).await?;
        let spare = self.devnet.manifest().account_with(Role::Spare)?;
        let creation =
            TransactionRequest::default().from(spare).input(creation_code(self.key).into()).create();
        let hash = self.sent(creation).await?;
        let receipt =
            self.provider().get_transaction_receipt(hash).await?.ok_or("the executor was not mined")?;
        Ok(receipt.contract_address.ok_or("no executor")?)
    }

    /// Sends from an account that the node signs for, and waits until it is mined.
    async fn sent(&self, request: TransactionRequest) -> Checked<B256> {
        let hash: B256 = self.provider().client().request("eth_sendTransaction", (request,)).await?;
        for _block in 0..60 {
            if self.provider().get_transaction_receipt(hash).await?.is_some() {
                return Ok(hash);
            }
            self.blocks(1).await?;
        }
        Err("a transaction of the node's own was never mined".into())
    }

    /// Somebody else acts with the key, at its next nonce. Whether it gets through is not our business.
    pub(crate) async fn use_elsewhere(&self) -> Checked {
        let key = self.key;
        self.provider().anvil_impersonate_account(key).await?;
        let request = json!([{ "from": key, "to": key, "gas": "0x5208", "maxFeePerGas": "0x174876e800",
            "maxPriorityFeePerGas": "0x174876e800" }]);
        let sent: Result<Value, _> = self.provider().client().request("eth_sendTransaction", request).await;
        drop(sent);
        Ok(self.provider().anvil_stop_impersonating_account(key).await?)
    }

    /// The next block asks more than anybody offers now.
    pub(crate) async fn becomes_dear(&self) -> Checked {
        Ok(self.provider().anvil_set_next_block_base_fee_per_gas(DEAR).await?)
    }

    /// How often the number was poked, as the chain has it.
    pub(crate) async fn pokes(&self, number: B256) -> Checked<usize> {
        let filter = Filter::new().address(POKED).from_block(0).event_signature(number);
        Ok(self.provider().get_logs(&filter).await?.len())
    }

    /// How many transactions of the key are mined, and how many the pool has beyond.
    pub(crate) async fn nonces(&self) -> Checked<(u64, u64)> {
        let key = self.key;
        let mined = self.provider().get_transaction_count(key).await?;
        let pending = self.provider().get_transaction_count(key).pending().await?;
        Ok((mined, pending))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.miner.abort();
    }
}
