//! Contracts' code, which outlives blocks: it is kept by its hash.

use alloy::primitives::{Address, B256, Bytes, KECCAK256_EMPTY, keccak256, map::HashMap};
use revm::bytecode::Bytecode;

/// Bytes of code that are kept: some thousand contracts.
const MOST_BYTES: usize = 32 << 20;
/// Addresses of which is remembered which code they had.
const MOST_ADDRESSES: usize = 16_384;

/// Code by hash. The least recently used goes first.
#[derive(Debug)]
pub(super) struct Codes {
    most_bytes: usize,
    by_hash: HashMap<B256, Kept>,
    bytes: usize,
    clock: u64,
    /// The code that was last at an address: whether it still is, its hash in the state says.
    last_at: HashMap<Address, B256>,
}

#[derive(Debug)]
struct Kept {
    code: Bytecode,
    used: u64,
}

impl Default for Codes {
    fn default() -> Self {
        Self::with_room_for(MOST_BYTES)
    }
}

impl Codes {
    fn with_room_for(most_bytes: usize) -> Self {
        let (by_hash, last_at) = (HashMap::default(), HashMap::default());
        Self { most_bytes, by_hash, bytes: 0, clock: 0, last_at }
    }

    /// Whether the code is here that `address` had last.
    pub(super) fn has_last_of(&self, address: Address) -> bool {
        self.last_at
            .get(&address)
            .is_some_and(|hash| *hash == KECCAK256_EMPTY || self.by_hash.contains_key(hash))
    }

    /// The code of this hash, which is now at `address`.
    pub(super) fn get(&mut self, address: Address, hash: B256) -> Option<Bytecode> {
        self.clock = self.clock.saturating_add(1);
        let code = if hash == KECCAK256_EMPTY {
            Bytecode::default()
        } else {
            let kept = self.by_hash.get_mut(&hash)?;
            kept.used = self.clock;
            kept.code.clone()
        };
        if self.last_at.len() >= MOST_ADDRESSES {
            self.last_at.clear();
        }
        self.last_at.insert(address, hash);
        Some(code)
    }

    /// Keeps code under the hash that it has. Bytes that no code can be (a malformed delegation) are left out.
    pub(super) fn keep(&mut self, code: Bytes) {
        if code.is_empty() {
            return;
        }
        let hash = keccak256(&code);
        let size = code.len();
        let Ok(code) = Bytecode::new_raw_checked(code) else { return };
        self.clock = self.clock.saturating_add(1);
        if self.by_hash.insert(hash, Kept { code, used: self.clock }).is_none() {
            self.bytes = self.bytes.saturating_add(size);
        }
        while self.bytes > self.most_bytes && self.by_hash.len() > 1 {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.by_hash.iter().min_by_key(|(_, kept)| kept.used).map(|(hash, _)| *hash);
        if let Some(kept) = oldest.and_then(|hash| self.by_hash.remove(&hash)) {
            self.bytes = self.bytes.saturating_sub(kept.code.original_bytes().len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_code_makes_room_and_what_is_used_stays() {
        let code = |seed: u8| Bytes::from(vec![seed; 1_000]);
        let (mut codes, address) = (Codes::with_room_for(4_000), Address::ZERO);
        for seed in 1..=4 {
            codes.keep(code(seed));
        }
        assert!(codes.get(address, keccak256(code(1))).is_some() && codes.has_last_of(address));
        codes.keep(code(5));
        assert!(codes.bytes <= 4_000);
        assert!(codes.get(address, keccak256(code(1))).is_some(), "used just now");
        assert!(codes.get(address, keccak256(code(2))).is_none(), "the oldest");
        assert_eq!(codes.get(address, KECCAK256_EMPTY), Some(Bytecode::default()));
    }
}
