//! A bundle of one transaction, as builders take it.

use agent_core::units::BlockNumber;
use alloy::primitives::{Address, B256, Bytes, U64, keccak256};
use serde::{Serialize, Serializer};

use super::Offer;

/// What a bundle is replaced and cancelled by. All attempts of one nonce have one name for one block, so that a builder holds
/// the latest of them only; for another block the name is another, or the blocks would push each other out.
#[derive(Debug, Clone, Copy)]
pub(super) struct BundleName {
    pub(super) from: Address,
    pub(super) nonce: u64,
    pub(super) block: BlockNumber,
}

impl BundleName {
    /// A UUID of the kind that anybody may make up (version 8).
    fn uuid(self) -> String {
        let Self { from, nonce, block } = self;
        let parts = [from.as_slice(), &nonce.to_be_bytes(), &block.0.to_be_bytes()];
        let digest = keccak256(parts.concat());
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = digest.0;
        let (version, variant) = (g & 0x0f | 0x80, i & 0x3f | 0x80);
        let hex = |bytes: &[u8]| alloy::hex::encode(bytes);
        let (time, node) = ([a, b, c, d], [k, l, m, n, o, p]);
        let pieces = [hex(&time), hex(&[e, f]), hex(&[version, h]), hex(&[variant, j]), hex(&node)];
        pieces.join("-")
    }
}

impl Serialize for BundleName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.uuid())
    }
}

/// The parameter of `eth_sendBundle`. No transaction of it may revert: one that would is left out, and costs nothing.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bundle {
    txs: [Bytes; 1],
    block_number: U64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_timestamp: Option<u64>,
    reverting_tx_hashes: [B256; 0],
    replacement_uuid: BundleName,
}

impl Bundle {
    pub(super) fn of(offer: &Offer<'_>, block: BlockNumber) -> Self {
        let Offer { from, nonce, bytes, deadline } = *offer;
        Self {
            txs: [bytes.clone()],
            block_number: U64::from(block.0),
            max_timestamp: deadline.map(|deadline| deadline.0),
            reverting_tx_hashes: [],
            replacement_uuid: BundleName { from, nonce, block },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use agent_core::units::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_bundle_is_what_builders_take() {
        let bytes = Bytes::from_static(&[2, 1]);
        let from = Address::repeat_byte(7);
        let offer = Offer { from, nonce: 3, bytes: &bytes, deadline: Some(Timestamp(1_700_000_000)) };
        let block = BlockNumber(17);
        let uuid = BundleName { from, nonce: 3, block }.uuid();
        let expected = json!({
            "txs": ["0x0201"], "blockNumber": "0x11", "maxTimestamp": 1_700_000_000, "revertingTxHashes": [],
            "replacementUuid": uuid,
        });
        assert_eq!(serde_json::to_value(Bundle::of(&offer, block)).unwrap(), expected);
        let endless = Offer { deadline: None, ..offer };
        assert!(serde_json::to_value(Bundle::of(&endless, block)).unwrap().get("maxTimestamp").is_none());
    }

    #[test]
    fn a_name_is_a_uuid_for_one_nonce_and_one_block() {
        let name = |nonce, block| BundleName { from: Address::ZERO, nonce, block: BlockNumber(block) }.uuid();
        assert_eq!(name(1, 2), name(1, 2));
        let names: BTreeSet<_> =
            (0..10).flat_map(|nonce| (0..10).map(move |block| name(nonce, block))).collect();
        assert_eq!(names.len(), 100);
        for name in names {
            let lengths: Vec<_> = name.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{name}");
            let (version, variant) = (name.chars().nth(14), name.chars().nth(19));
            assert!(version == Some('8') && variant.is_some_and(|sign| "89ab".contains(sign)), "{name}");
        }
    }
}
