//! Where an agent is, and what stops it.

use std::{fmt, path::PathBuf, sync::Arc};

use agent_core::{ports::Observer, units::ChainId};
use chain_door::KillSwitch;
use chain_evm::Endpoint;

/// Where the agent is, and what stops it.
#[derive(Clone)]
pub struct Premises {
    /// The state folder.
    pub state: PathBuf,
    /// Its chain.
    pub chain: ChainId,
    /// Its nodes, where it has any: the operator sees how they are.
    pub endpoint: Option<Endpoint>,
    /// What stops everything.
    pub kill: KillSwitch,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
}

impl fmt::Debug for Premises {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Premises")
            .field("state", &self.state)
            .field("chain", &self.chain)
            .finish_non_exhaustive()
    }
}
