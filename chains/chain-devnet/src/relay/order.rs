//! What a client wants in which block.

use std::ops::RangeInclusive;

use alloy::consensus::TxEnvelope;
use alloy::consensus::transaction::SignerRecoverable;
use alloy::eips::eip2718::Decodable2718;
use alloy::primitives::{Address, B256, Bytes, TxHash, U64, keccak256};
use serde::Deserialize;
use serde_json::Value;

/// A private transaction without a limit of its own waits for so many blocks.
const PATIENCE: u64 = 25;

/// A signed transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) hash: TxHash,
    pub(crate) bytes: Bytes,
}

/// Transactions that land together, in this order, in one of these blocks, or not at all.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// The keccak hash of the transactions' hashes; of a private transaction its own hash.
    pub(crate) hash: B256,
    pub(crate) transactions: Vec<Raw>,
    pub(crate) blocks: RangeInclusive<u64>,
    /// The block's time must lie in here, in seconds since 1970.
    pub(crate) times: RangeInclusive<u64>,
    /// Those of the transactions that may revert.
    pub(crate) may_revert: Vec<TxHash>,
    /// The sender, and the name by which it replaces or cancels this.
    pub(crate) name: Option<(Address, String)>,
}

/// Why an order is refused at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadOrder {
    #[error("the parameters are not understood: {0}")]
    Malformed(String),
    #[error("a transaction is not a signed transaction")]
    NotSigned,
    #[error("a bundle without transactions and without a replacementUuid means nothing")]
    Empty,
    #[error("the target block is not in the future")]
    Past,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    txs: Vec<Bytes>,
    block_number: Option<U64>,
    min_timestamp: Option<U64>,
    max_timestamp: Option<U64>,
    #[serde(default)]
    reverting_tx_hashes: Vec<TxHash>,
    replacement_uuid: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Private {
    tx: Bytes,
    max_block_number: Option<U64>,
}

/// What a bundle asks for.
#[derive(Debug)]
pub(crate) enum Wish {
    /// To be included; it replaces what its sender sent under the same name.
    Include(Order),
    /// A bundle without transactions takes back what its sender sent under this name.
    Cancel(String),
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, BadOrder> {
    T::deserialize(value).map_err(|error| BadOrder::Malformed(error.to_string()))
}

fn signed(bytes: Bytes) -> Result<Raw, BadOrder> {
    let envelope = TxEnvelope::decode_2718_exact(&bytes).map_err(|_undecodable| BadOrder::NotSigned)?;
    envelope.recover_signer().map_err(|_unrecoverable| BadOrder::NotSigned)?;
    Ok(Raw { hash: keccak256(&bytes), bytes })
}

/// The parameter of `eth_sendBundle`.
pub(crate) fn bundle(parameter: &Value, sender: Address, head: u64) -> Result<Wish, BadOrder> {
    let bundle: Bundle = read(parameter)?;
    if bundle.txs.is_empty() {
        return bundle.replacement_uuid.map(Wish::Cancel).ok_or(BadOrder::Empty);
    }
    let block = bundle.block_number.map_or(head.saturating_add(1), |block| block.to());
    if block <= head {
        return Err(BadOrder::Past);
    }
    let transactions = bundle.txs.into_iter().map(signed).collect::<Result<Vec<_>, _>>()?;
    let hashes: Vec<u8> = transactions.iter().flat_map(|transaction| transaction.hash.0).collect();
    // Some clients write 0 for "no limit".
    let latest = bundle.max_timestamp.map(|time| time.to()).filter(|time| *time != 0).unwrap_or(u64::MAX);
    Ok(Wish::Include(Order {
        hash: keccak256(hashes),
        transactions,
        blocks: block..=block,
        times: bundle.min_timestamp.map_or(0, |time| time.to())..=latest,
        may_revert: bundle.reverting_tx_hashes,
        name: bundle.replacement_uuid.map(|name| (sender, name)),
    }))
}

/// The parameter of `eth_sendPrivateTransaction`.
pub(crate) fn private(parameter: &Value, head: u64) -> Result<Order, BadOrder> {
    let private: Private = read(parameter)?;
    let last = private.max_block_number.map(|block| block.to());
    single(private.tx, head, last)
}

/// The parameter of `eth_sendRawTransaction`.
pub(crate) fn raw(parameter: &Value, head: u64) -> Result<Order, BadOrder> {
    single(read(parameter)?, head, None)
}

fn single(bytes: Bytes, head: u64, last: Option<u64>) -> Result<Order, BadOrder> {
    let transaction = signed(bytes)?;
    let last = last.unwrap_or(head.saturating_add(PATIENCE));
    if last <= head {
        return Err(BadOrder::Past);
    }
    Ok(Order {
        hash: transaction.hash,
        transactions: vec![transaction],
        blocks: head.saturating_add(1)..=last,
        times: 0..=u64::MAX,
        may_revert: Vec::new(),
        name: None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_means_nothing_is_refused() {
        let refused = |value: Value| bundle(&value, Address::ZERO, 10).unwrap_err();
        assert!(matches!(refused(json!({"txs": "0x"})), BadOrder::Malformed(_)));
        assert_eq!(refused(json!({"txs": []})), BadOrder::Empty);
        assert_eq!(refused(json!({"txs": ["0x01"], "blockNumber": "0xa"})), BadOrder::Past);
        assert_eq!(refused(json!({"txs": ["0x01"], "blockNumber": "0xb"})), BadOrder::NotSigned);
        assert_eq!(private(&json!({"tx": "0x02"}), 10).unwrap_err(), BadOrder::NotSigned);
    }

    #[test]
    fn an_empty_bundle_takes_back() {
        let wish = bundle(&json!({"txs": [], "replacementUuid": "a"}), Address::ZERO, 10).unwrap();
        assert!(matches!(wish, Wish::Cancel(name) if name == "a"));
    }
}
