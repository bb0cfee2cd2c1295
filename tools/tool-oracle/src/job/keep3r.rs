//! Keep3r's jobs: no two have the same functions, so that the config names them.

use agent_core::{Answered, Query};
use alloy_primitives::Address;
use alloy_sol_types::sol;
use serde::{Deserialize, Serialize};

use super::{Idle, Job, Readiness, said, work};
use crate::target::Function;

sol! {
    interface IWorkable {
        function workable() external view returns (bool);
    }
}

/// A job. It pays in bonded KP3R, if it has credits, which `workable` does not say; the executor has to be a bonded and activated keeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keep3rJob {
    /// The contract.
    pub address: Address,
    /// What says whether there is work, without arguments.
    #[serde(default = "workable", deserialize_with = "Function::without_arguments")]
    pub workable: Function,
    /// What does it, without arguments.
    #[serde(default = "usual", deserialize_with = "Function::without_arguments")]
    pub work: Function,
}

fn workable() -> Function {
    Function::constant("workable()")
}

fn usual() -> Function {
    Function::constant("work()")
}

impl Job for Keep3rJob {
    fn queries(&self, _keeper: Address) -> Vec<Query> {
        vec![Query { to: self.address, data: self.workable.selector().into() }]
    }

    fn readiness(&self, answers: &[Answered]) -> Readiness {
        match said::<IWorkable::workableCall>(answers.first()) {
            Ok(true) => work(self.address, self.work.selector().to_vec()),
            Ok(false) => Readiness::Idle(Idle::NotNeeded),
            Err(broken) => broken,
        }
    }
}
