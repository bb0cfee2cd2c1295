//! Where an agent works: a node, a policy, a folder; and how its door is put together there.

use std::{fmt, num::NonZeroU64, path::PathBuf, sync::Arc, time::Duration};

use agent_core::ports::{DoorError, Journal, JournalError, MemoryError, Moment, Observer};
use agent_runtime::ClosedDoor;
use chain_door::{Door, DoorPorts, KillSwitch, Policy};
use chain_evm::{
    Endpoint, EvmReader, EvmSimulator, ReaderConfig, TipBounds, UnlockedKey, Wallet, WalletConfig,
};
use memory_journal::RedbJournal;
use memory_sled::{Opened, SledMemory};

use crate::Keeper;

/// The chain's pace, as the operator knows it.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Seconds between blocks.
    pub block_seconds: NonZeroU64,
    /// How deep a transaction must be before it counts as final; 1 is the newest block.
    pub confirmations: u64,
}

/// Where an agent works.
pub struct Site {
    /// The node, already checked to serve the right chain.
    pub endpoint: Endpoint,
    /// What the operator allows.
    pub policy: Policy,
    /// The folder of the journal, the memory and the kill switch. One process at a time.
    pub state: PathBuf,
    /// The chain's pace.
    pub pace: Pace,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("endpoint", &self.endpoint)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// What an agent may do there.
#[derive(Debug)]
pub enum Authority {
    /// Look, find and explain. There is no key, so that nothing can be signed.
    Observe,
    /// Everything that the policy allows, signed with this key.
    Live(UnlockedKey),
}

/// Why an agent cannot be put together. Nothing was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The policy is for another chain than the node serves.
    #[error(
        "the policy is for chain {policy}, but {endpoint} serves chain {chain}; use the policy of that chain"
    )]
    WrongChain {
        /// The policy's chain.
        policy: u64,
        /// The node's chain.
        chain: u64,
        /// The node.
        endpoint: String,
    },
    /// The journal does not open.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The memory does not open, not even empty.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The door does not open.
    #[error(transparent)]
    Door(#[from] DoorError),
}

/// What is kept of the past: some years of a busy keeper, in well under 64 MiB.
const MEMORIES: memory_sled::Limits = memory_sled::Limits { episodes: 50_000, facts: 10_000 };

/// The tip: at least enough to be taken, at most what the policy's fee cap is likely to bear.
const TIP: TipBounds = TipBounds { floor: 1_000_000, cap: 5_000_000_000 };
/// How often a transaction under way is looked at.
const POLL: Duration = Duration::from_millis(200);
/// Blocks without inclusion after which the operator hears of it.
const STUCK_AFTER: u64 = 10;

/// What the operator should know of how the memory was opened.
fn told(opened: &Opened) -> Option<String> {
    match opened {
        Opened::Clean => None,
        damaged @ (Opened::Repaired { .. } | Opened::StartedEmpty { .. }) => {
            Some(format!("memory was damaged: {damaged:?}"))
        }
    }
}

impl Site {
    /// Opens the memory, and with a key also the journal, the wallet and the door.
    ///
    /// # Errors
    /// When the policy is for another chain, or a store is damaged or in use by another process.
    pub async fn open(self, authority: Authority) -> Result<Keeper, OpenError> {
        let (policy, chain) = (self.policy.chain(), self.endpoint.chain());
        if policy != chain {
            let endpoint = self.endpoint.to_string();
            return Err(OpenError::WrongChain { policy: policy.0, chain: chain.0, endpoint });
        }
        let (memory, opened) = SledMemory::open(self.state.join("memory"), MEMORIES)?;
        if let Some(sentence) = told(&opened) {
            self.observer.saw(Moment::Warned(&sentence));
        }
        let memory = Arc::new(memory);
        let reader = Arc::new(EvmReader::new(self.endpoint.clone(), ReaderConfig::usual()));
        Ok(match authority {
            Authority::Observe => Keeper::new(reader, Arc::new(ClosedDoor), memory, None, self.observer),
            Authority::Live(key) => {
                let journal: Arc<dyn Journal> = Arc::new(RedbJournal::open(self.state.join("journal"))?);
                let observer = self.observer.clone();
                let door = Arc::new(self.door(key, journal.clone()).await?);
                Keeper::new(reader, door, memory, Some(journal), observer)
            }
        })
    }

    async fn door(self, key: UnlockedKey, journal: Arc<dyn Journal>) -> Result<Door, DoorError> {
        let kill = KillSwitch::at(&self.state.join("KILL"));
        let wallet = WalletConfig {
            confirmations: self.pace.confirmations,
            tip: TIP,
            poll: POLL,
            stuck_after: STUCK_AFTER,
            kill: kill.clone(),
        };
        let ports = DoorPorts {
            simulator: Arc::new(EvmSimulator::new(self.endpoint.clone(), self.pace.block_seconds)),
            journal,
            sender: Arc::new(Wallet::spawn(key, self.endpoint, wallet)),
            observer: self.observer,
            kill,
        };
        Door::open(self.policy, ports).await
    }
}
