//! Maker's `dss-cron`: jobs that keeper networks take turns at, by block numbers.

use agent_core::{Answered, Query};
use alloy_primitives::{Address, B256};
use alloy_sol_types::{SolCall, sol};
use serde::{Deserialize, Serialize};

use super::{Idle, Job, Readiness, query, said, work};

sol! {
    interface IJob {
        function workable(bytes32 network) external returns (bool canWork, bytes memory args);
        function work(bytes32 network, bytes calldata args) external;
    }

    interface ISequencer {
        function isMaster(bytes32 network) external view returns (bool);
    }
}

/// A job, and the sequencer that says whose turn it is. The turn has to last until the block that holds the work: what was asked
/// in a window's last block may come too late, and then reverts in the door's simulation or on chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MakerJob {
    /// The job.
    pub address: Address,
    /// The sequencer.
    pub sequencer: Address,
    /// The operator's network, as the sequencer knows it.
    pub network: B256,
}

impl Job for MakerJob {
    fn queries(&self, _keeper: Address) -> Vec<Query> {
        let network = self.network;
        vec![
            query(self.sequencer, &ISequencer::isMasterCall { network }),
            query(self.address, &IJob::workableCall { network }),
        ]
    }

    fn readiness(&self, answers: &[Answered]) -> Readiness {
        match said::<ISequencer::isMasterCall>(answers.first()) {
            Ok(true) => {}
            Ok(false) => return Readiness::Idle(Idle::NotMaster),
            Err(broken) => return broken,
        }
        match said::<IJob::workableCall>(answers.get(1)) {
            // What comes with a no is a message for people.
            Ok(check) if !check.canWork => Readiness::Idle(Idle::NotNeeded),
            Ok(check) => {
                let call = IJob::workCall { network: self.network, args: check.args };
                work(self.address, call.abi_encode())
            }
            Err(broken) => broken,
        }
    }
}
