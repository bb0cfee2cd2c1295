//! Chainlink Automation's custom logic, directly and through `KeeperRegistry` 1.3 (`@chainlink/contracts` 0.6.1).

use agent_core::{Answered, Query};
use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::{SolCall, SolError, sol};
use serde::{Deserialize, Serialize};

use super::{Idle, Job, Readiness, query, said, work};

sol! {
    interface IUpkeep {
        function checkUpkeep(bytes calldata checkData) external returns (bool upkeepNeeded, bytes memory performData);
        function performUpkeep(bytes calldata performData) external;
    }

    interface IRegistry {
        function checkUpkeep(uint256 id, address from) external returns (bytes memory performData, uint256 maxLinkPayment,
            uint256 gasLimit, uint256 adjustedGasWei, uint256 linkEth);
        function performUpkeep(uint256 id, bytes calldata performData) external returns (bool success);
        error UpkeepNotNeeded();
    }
}

/// A contract with work, called directly: it has to take `performUpkeep` from anybody, or from the executor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upkeep {
    /// The contract.
    pub address: Address,
    /// What it is asked with.
    #[serde(default)]
    pub check_data: Bytes,
}

impl Job for Upkeep {
    fn queries(&self, _keeper: Address) -> Vec<Query> {
        vec![query(self.address, &IUpkeep::checkUpkeepCall { checkData: self.check_data.clone() })]
    }

    fn readiness(&self, answers: &[Answered]) -> Readiness {
        let check = match said::<IUpkeep::checkUpkeepCall>(answers.first()) {
            Ok(check) => check,
            Err(broken) => return broken,
        };
        if !check.upkeepNeeded {
            return Readiness::Idle(Idle::NotNeeded);
        }
        let perform = IUpkeep::performUpkeepCall { performData: check.performData };
        work(self.address, perform.abi_encode())
    }
}

/// An upkeep in a registry, which pays for it in LINK. The executor has to be one of its keepers. The registry checks from the zero
/// address only, has keepers take turns, and lets none perform an upkeep twice in a row: at least two are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisteredUpkeep {
    /// The registry.
    pub registry: Address,
    /// The upkeep's id.
    pub id: U256,
}

impl Job for RegisteredUpkeep {
    fn queries(&self, keeper: Address) -> Vec<Query> {
        vec![query(self.registry, &IRegistry::checkUpkeepCall { id: self.id, from: keeper })]
    }

    fn readiness(&self, answers: &[Answered]) -> Readiness {
        if let Some(Err(revert)) = answers.first()
            && revert.starts_with(&IRegistry::UpkeepNotNeeded::SELECTOR)
        {
            return Readiness::Idle(Idle::NotNeeded);
        }
        // It also reverts with the target's own reason, out of turn, and where there are no funds: all alike from here.
        match said::<IRegistry::checkUpkeepCall>(answers.first()) {
            Ok(check) => {
                let perform = IRegistry::performUpkeepCall { id: self.id, performData: check.performData };
                work(self.registry, perform.abi_encode())
            }
            Err(broken) => broken,
        }
    }
}
