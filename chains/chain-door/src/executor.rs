//! Our executor contract, `executor/KeepwrightExecutor.sol`: its ABI, its code and its reverts.
//!
//! The contract runs one intent's steps atomically (optional flash loan, calls, floors) and reverts unless every floor holds.
//! The code is compiled beforehand and committed beside its source; a test recompiles it and compares byte for byte.

use alloy_primitives::{Address, B256, Bytes, keccak256};
use alloy_sol_types::SolConstructor;

pub use abi::KeepwrightExecutor;
pub use revert::{ExecutorRevert, RevertReason};

mod abi;
mod revert;
#[cfg(test)]
mod tests;

const CREATION_CODE: &[u8] = include_bytes!("../executor/KeepwrightExecutor.creation.bin");
const RUNTIME_CODE: &[u8] = include_bytes!("../executor/KeepwrightExecutor.runtime.bin");

/// The code of the transaction that deploys an executor which belongs to `owner`. The contract refuses the zero address.
#[must_use]
pub fn creation_code(owner: Address) -> Bytes {
    let arguments = KeepwrightExecutor::constructorCall { firstOwner: owner }.abi_encode();
    [CREATION_CODE, &arguments].concat().into()
}

/// The code that every deployed executor has, whoever owns it.
#[must_use]
pub fn runtime_code() -> Bytes {
    Bytes::from_static(RUNTIME_CODE)
}

/// `EXTCODEHASH` of every executor: an address whose code hash differs is not one, or one of another version.
#[must_use]
pub fn runtime_code_hash() -> B256 {
    keccak256(RUNTIME_CODE)
}
