//! Gelato's `checker`: it says whether to act, and with which call.

use agent_core::{Answered, Query};
use alloy_primitives::Address;
use alloy_sol_types::sol;
use serde::{Deserialize, Serialize};

use super::{Broken, Idle, Job, Readiness, said, work};
use crate::target::Function;

sol! {
    interface IChecker {
        function checker() external view returns (bool canExec, bytes memory execPayload);
    }
}

/// A checker, and the contract that its call is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gelato {
    /// Who is asked.
    pub checker: Address,
    /// By which function, without arguments.
    #[serde(default = "usual", deserialize_with = "Function::without_arguments")]
    pub function: Function,
    /// Who is called.
    pub target: Address,
}

fn usual() -> Function {
    Function::constant("checker()")
}

impl Job for Gelato {
    fn queries(&self, _keeper: Address) -> Vec<Query> {
        vec![Query { to: self.checker, data: self.function.selector().into() }]
    }

    fn readiness(&self, answers: &[Answered]) -> Readiness {
        let check = match said::<IChecker::checkerCall>(answers.first()) {
            Ok(check) => check,
            Err(broken) => return broken,
        };
        // What comes with a no is a message for people.
        if !check.canExec {
            return Readiness::Idle(Idle::NotNeeded);
        }
        if check.execPayload.len() < 4 {
            return Readiness::Broken(Broken::Unreadable);
        }
        work(self.target, check.execPayload.to_vec())
    }
}
