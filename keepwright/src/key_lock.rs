//! One process per (chain, key) on this machine: two would sign different transactions with one nonce.

use std::fs::{File, OpenOptions, TryLockError};

use agent_core::units::ChainId;
use alloy_primitives::Address;

use crate::OpenError;

/// Held for as long as a key may sign. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct KeyLock {
    _file: File,
}

impl KeyLock {
    pub(crate) fn take(chain: ChainId, key: Address) -> Result<Self, OpenError> {
        let path = std::env::temp_dir().join(format!("keepwright-{chain}-{key}.lock"));
        let failed = |cause| OpenError::KeyLock { path: path.display().to_string(), cause };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::KeyInUse { key, chain: chain.0 }),
            Err(TryLockError::Error(cause)) => Err(failed(cause)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_held_by_one_at_a_time_on_each_chain() {
        let (key, chain) = (Address::left_padding_from(&std::process::id().to_be_bytes()), ChainId(31_337));
        let held = KeyLock::take(chain, key).unwrap();
        assert!(matches!(KeyLock::take(chain, key), Err(OpenError::KeyInUse { .. })));
        drop(KeyLock::take(ChainId(1), key).unwrap());
        drop(held);
        drop(KeyLock::take(chain, key).unwrap());
    }
}
