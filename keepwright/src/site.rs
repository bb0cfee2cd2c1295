//! Where an agent works: a node, a policy, a folder; and how its door is put together there.

use std::{fmt, path::PathBuf, sync::Arc};

use agent_core::{
    Outcome, Settlement,
    ports::{DoorError, Journal, JournalError, MemoryError, Moment, Observer, Sequence, Simulator},
};
use agent_runtime::ClosedDoor;
use alloy_primitives::{Address, B256};
use chain_door::{Door, DoorPorts, KillSwitch, Page, Policy, Senders};
use chain_evm::{
    CheckedSimulator, Endpoint, EvmReader, EvmSimulator, FeeModel, Hardfork, OrderFlowRoutes, ReaderConfig,
    RevmSimulator, RevmSimulatorConfig, RpcFailure, Wallet, WalletConfig, WithoutOpinion,
};
use memory_journal::RedbJournal;
use memory_sled::{Opened, SledMemory};

use crate::{ChainTerms, Keeper, LaneKeys, key_lock::KeyLock, premises::Premises};

/// Where an agent works.
pub struct Site {
    /// The node, or several as one, already checked to serve the right chain.
    pub endpoint: Endpoint,
    /// What the operator allows.
    pub policy: Policy,
    /// The folder of the journal, the memory and the kill switch. One process at a time.
    pub state: PathBuf,
    /// What it goes by on the chain.
    pub terms: ChainTerms,
    /// Where transactions go that the policy keeps from the public.
    pub routes: OrderFlowRoutes,
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
    /// Everything that the policy allows, each lane's signed with its key.
    Live(LaneKeys),
    /// Everything that the door at this socket allows, which has its key, journal and policy in a process of its own.
    #[cfg(feature = "control")]
    Remote(PathBuf),
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
    /// What the journal says was mined is not on this chain.
    #[error(
        "the journal in {state} is of another chain: its last transaction {transaction} was never mined here; after a \
         restarted devnet name a fresh `state` folder, and after a very deep reorg wait for the node"
    )]
    AnotherChain {
        /// The state folder.
        state: String,
        /// The journal's last mined transaction.
        transaction: B256,
    },
    /// The policy keeps something from the public, and there is nowhere else to send it.
    #[error(
        "the policy keeps what `{strategy}` sends from the public, and there is no private way; configure a private RPC or a builder"
    )]
    NoPrivateRoute {
        /// The strategy.
        strategy: String,
    },
    /// The node could not be asked.
    #[error("{0}")]
    Node(#[from] RpcFailure),
    /// Another process signs with this key.
    #[error("the key {key} is in use by another process on chain {chain}; stop that one first")]
    KeyInUse {
        /// The key.
        key: Address,
        /// The chain.
        chain: u64,
    },
    /// Whether another process signs with this key cannot be found out.
    #[error("the lock {path} cannot be taken ({cause}); make it writable for this user")]
    KeyLock {
        /// The lock's file.
        path: String,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// The journal does not open.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The memory does not open, not even empty.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The door's process cannot be reached.
    #[cfg(feature = "control")]
    #[error(transparent)]
    Remote(#[from] crate::control::ControlError),
    /// A door is served that has no key behind it.
    #[cfg(feature = "control")]
    #[error("an agent without a key has no door to serve; open it with a key")]
    NoKey,
    /// The door does not open.
    #[error(transparent)]
    Door(#[from] DoorError),
}

/// What is kept of the past: some years of a busy keeper, in well under 64 MiB.
const MEMORIES: memory_sled::Limits = memory_sled::Limits { episodes: 50_000, facts: 10_000 };

/// Journal entries among which the last mined transaction is looked for.
const LATEST: usize = 256;
/// For how many of the dearest transactions that the policy allows the key should hold gas money.
const TOP_UP_FOR: u64 = 3;

/// What the operator should know of how the memory was opened.
fn told(opened: &Opened) -> Option<String> {
    match opened {
        Opened::Clean => None,
        Opened::Repaired { quarantined, lost } => Some(format!(
            "the memory was damaged and repaired, {lost} records are gone; the files as they were are in {}",
            quarantined.display()
        )),
        Opened::StartedEmpty { quarantined } => Some(format!(
            "the memory could not be read and starts empty; the files as they were are in {}",
            quarantined.display()
        )),
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
        let rules = ReaderConfig { depth: self.terms.reorg_depth, ..ReaderConfig::usual() };
        let reader = Arc::new(EvmReader::new(self.endpoint.clone(), rules));
        Ok(match authority {
            Authority::Observe => Keeper::new(self.premises(), reader, Arc::new(ClosedDoor), memory, None),
            Authority::Live(keys) => {
                self.has_a_way_for_secrets()?;
                let journal: Arc<dyn Journal> = Arc::new(RedbJournal::open(self.state.join("journal"))?);
                let take = |key| KeyLock::take(chain, key);
                let locks = keys.distinct().into_iter().map(take).collect::<Result<_, _>>()?;
                self.is_of_this_chain(journal.as_ref()).await?;
                let premises = self.premises();
                let sweeps: Vec<_> = self.policy.sweeps().collect();
                let door = Arc::new(self.door(keys, journal.clone(), premises.kill.clone()).await?);
                Keeper::new(premises, reader, door, memory, Some((journal, locks))).sweeping(sweeps)
            }
            #[cfg(feature = "control")]
            Authority::Remote(socket) => {
                let premises = self.premises();
                let door = crate::remote::RemoteDoor::connect(socket, premises.kill.clone()).await?;
                Keeper::new(premises, reader, Arc::new(door), memory, None)
            }
        })
    }

    /// Better said at the start than when there is something to send.
    fn has_a_way_for_secrets(&self) -> Result<(), OpenError> {
        match self.policy.keeps_secret().next() {
            Some(strategy) if self.routes.is_empty() => {
                Err(OpenError::NoPrivateRoute { strategy: strategy.to_owned() })
            }
            None if !self.routes.is_empty() => {
                let sentence = "order flow is configured, but the policy sends everything in public; say `order_flow` there";
                self.observer.saw(Moment::Warned(sentence));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A journal of another chain (most often: of a devnet that was started anew) holds nonces and opportunities that mean
    /// nothing here.
    async fn is_of_this_chain(&self, journal: &dyn Journal) -> Result<(), OpenError> {
        let entries = journal.verify().await?.entries;
        let latest = journal
            .read(Sequence(entries.saturating_sub(u64::try_from(LATEST).unwrap_or(u64::MAX))), LATEST)
            .await?;
        for stored in latest.iter().rev() {
            if let Page::Closed {
                outcome:
                    Outcome::Closed(
                        Settlement::Settled(mined)
                        | Settlement::Reverted(mined)
                        | Settlement::Cancelled(mined),
                    ),
            } = Page::of(stored)?
            {
                let transaction = mined.transaction;
                let here = self.endpoint.has_mined(transaction).await?;
                let another =
                    || OpenError::AnotherChain { state: self.state.display().to_string(), transaction };
                return here.then_some(()).ok_or_else(another);
            }
        }
        Ok(())
    }

    fn premises(&self) -> Premises {
        Premises {
            state: self.state.clone(),
            chain: self.endpoint.chain(),
            endpoint: Some(self.endpoint.clone()),
            kill: KillSwitch::at(&self.state.join("KILL")),
            observer: self.observer.clone(),
        }
    }

    async fn door(
        self,
        keys: LaneKeys,
        journal: Arc<dyn Journal>,
        kill: KillSwitch,
    ) -> Result<Door, DoorError> {
        let simulator = self.simulator();
        let wallet = WalletConfig {
            confirmations: self.terms.confirmations,
            tip: self.terms.tip,
            poll: self.terms.poll,
            stuck_after: self.terms.stuck_after,
            routes: self.routes,
            top_up_below: self.policy.dearest(TOP_UP_FOR),
            kill: kill.clone(),
        };
        let sender = |key| {
            let wallet = Wallet::spawn(key, self.endpoint.clone(), wallet.clone());
            (wallet.address(), Arc::new(wallet))
        };
        let (key, own) = sender(keys.own);
        let senders = keys.others.into_iter().fold(Senders::one(key, own), |senders, (lane, key)| {
            let (key, other) = sender(key);
            senders.with(&lane, key, other)
        });
        let ports = DoorPorts { simulator, journal, senders, observer: self.observer, kill };
        Door::open(self.policy, ports).await
    }

    /// Two opinions where this process can have one: gas that pays for data inside is known to the chain's own nodes only.
    fn simulator(&self) -> Arc<dyn Simulator> {
        let (endpoint, block_time) = (self.endpoint.clone(), self.terms.block_seconds);
        if self.terms.fees == FeeModel::Arbitrum {
            return Arc::new(EvmSimulator::new(endpoint, block_time));
        }
        let rules = RevmSimulatorConfig { block_time, hardfork: Hardfork::default() };
        let local = RevmSimulator::new(endpoint.clone(), rules);
        Arc::new(CheckedSimulator::new(local, endpoint, WithoutOpinion::Refuse))
    }
}
