//! The blocks that a frame could be mined in: the likely one, and others that it must not mind.

use std::num::NonZeroU64;

use alloy::primitives::{Address, B256};

use super::parent::Parent;

/// Blocks after the next one in the variant that comes latest. Few, because drafts have deadlines of a few blocks.
const SEVERAL: u64 = 3;
/// Wei per gas on top of the base fee, where a variant pays for its gas.
const TIP: u64 = 1_000_000_000;
/// Blob gas in excess of the parent's in a variant: seven times the price.
const BLOB_RISE: u64 = 10_000_000;

/// What a frame can see of the block and of the price that it runs at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Environment {
    pub(super) name: &'static str,
    pub(super) number: u64,
    pub(super) time: u64,
    pub(super) base_fee: u64,
    pub(super) beneficiary: Address,
    pub(super) prevrandao: B256,
    pub(super) block_gas_limit: u64,
    pub(super) excess_blob_gas: u64,
    /// Nobody pays it: it is only what `GASPRICE` answers.
    pub(super) gas_price: u64,
    /// Whether the frame gets an eighth more gas than it will be sent with.
    pub(super) more_gas: bool,
}

/// Values that nobody can have written into a contract, made once a process so that their (absent) state is cached too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strangers {
    builders: [Address; 2],
    randomness: [B256; 2],
}

impl Strangers {
    pub(super) fn meet() -> Self {
        let builder = || Address::from(rand::random::<[u8; 20]>());
        let randomness = || B256::from(rand::random::<[u8; 32]>());
        Self { builders: [builder(), builder()], randomness: [randomness(), randomness()] }
    }
}

impl Environment {
    /// The next block as far as it follows from its parent. It carries the parent's base fee, builder and randomness, which
    /// the node is told too, so that both run the same; the gas price is zero, as it is for the node.
    pub(super) const fn next(parent: &Parent, block_time: NonZeroU64) -> Self {
        Self {
            name: "the next block",
            number: parent.block.number.0.saturating_add(1),
            time: parent.block.timestamp.0.saturating_add(block_time.get()),
            base_fee: parent.base_fee,
            beneficiary: parent.beneficiary,
            prevrandao: parent.prevrandao,
            block_gas_limit: parent.gas_limit,
            excess_blob_gas: parent.excess_blob_gas,
            gas_price: 0,
            more_gas: false,
        }
    }

    /// Other blocks that the frame may as well end up in. Each differs in several ways, because each has to go well.
    pub(super) fn variants(&self, block_time: NonZeroU64, strangers: &Strangers) -> [Self; 4] {
        let [builder, other_builder] = strangers.builders;
        let [randomness, other_randomness] = strangers.randomness;
        let eighth = self.base_fee.checked_div(8).unwrap_or_default();
        let later = |blocks: u64| self.time.saturating_add(block_time.get().saturating_mul(blocks));
        let priced = |base_fee: u64| (base_fee, base_fee.saturating_add(TIP));
        let smaller = self.block_gas_limit.saturating_sub(self.block_gas_limit >> 10);
        let (base_fee, gas_price) = priced(self.base_fee);
        let stranger = Self {
            name: "another builder's block, at a real gas price",
            time: self.time.saturating_add(1),
            base_fee,
            gas_price,
            beneficiary: builder,
            // Every bit is another one.
            prevrandao: !self.prevrandao,
            block_gas_limit: smaller,
            ..self.clone()
        };
        let (base_fee, gas_price) = priced(self.base_fee.saturating_add(eighth).saturating_add(1));
        let dearer = Self {
            name: "one block later, at a higher base fee",
            number: self.number.saturating_add(1),
            time: later(1),
            base_fee,
            gas_price,
            prevrandao: randomness,
            excess_blob_gas: self.excess_blob_gas.saturating_add(BLOB_RISE),
            ..self.clone()
        };
        let (base_fee, gas_price) = priced(self.base_fee.saturating_sub(eighth));
        let cheaper = Self {
            name: "three blocks later, at a lower base fee",
            number: self.number.saturating_add(SEVERAL),
            time: later(SEVERAL),
            base_fee,
            gas_price,
            beneficiary: other_builder,
            prevrandao: other_randomness,
            ..self.clone()
        };
        let roomier = Self { name: "with an eighth more gas", more_gas: true, ..stranger.clone() };
        [stranger, dearer, cheaper, roomier]
    }
}
