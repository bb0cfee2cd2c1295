//! Lies: the node's answer, changed on its way.

use alloy::primitives::{B256, Bloom, I256, U256, keccak256};
use serde_json::{Value, json};

use super::json::{field, hex, large};
use super::kind::Lie;

/// Changes the answer. Returns whether that makes a difference: what is the truth is no lie.
pub(crate) fn tell(lie: &Lie, request: &Value, answer: &mut Value, head: u64) -> bool {
    let Some(said) = instead(lie, request, answer.get("result"), head) else { return false };
    if answer.get("result") == Some(&said) {
        return false;
    }
    if let Some(fields) = answer.as_object_mut() {
        fields.remove("error");
        fields.insert(String::from("result"), said);
    }
    true
}

/// What is said instead of the truth; `None` where there is nothing to be changed.
fn instead(lie: &Lie, request: &Value, truth: Option<&Value>, head: u64) -> Option<Value> {
    match lie {
        Lie::ChainId(id) if request.get("method")? == "net_version" => Some(json!(id.to_string())),
        Lie::ChainId(id) => Some(hex(*id)),
        Lie::Balance(wei) => Some(json!(format!("{wei:#x}"))),
        Lie::Nonce(offset) => moved(large(truth?)?, *offset),
        Lie::CallResult(bytes) => Some(json!(bytes)),
        Lie::Receipt { success } => Some(receipt(request, truth?, *success, head)),
        Lie::MissingLogs { every } => Some(thinned(truth?.as_array()?, *every)),
        Lie::Null => Some(Value::Null),
        Lie::Answer(said) => Some(said.clone()),
    }
}

fn moved(nonce: U256, offset: i64) -> Option<Value> {
    let moved = I256::try_from(nonce).ok()?.saturating_add(I256::try_from(offset).ok()?);
    Some(json!(format!("{:#x}", moved.max(I256::ZERO).into_raw())))
}

fn thinned(logs: &[Value], every: usize) -> Value {
    let kept = (1_usize..).zip(logs).filter(|(place, _)| place.checked_rem(every) != Some(0));
    kept.map(|(_, log)| log.clone()).collect()
}

fn receipt(request: &Value, truth: &Value, success: bool, head: u64) -> Value {
    let status = hex(u64::from(success));
    let mut receipt = if truth.is_null() { invented(request, head) } else { truth.clone() };
    if let Some(fields) = receipt.as_object_mut() {
        fields.insert(String::from("status"), status);
        if !success {
            fields.insert(String::from("logs"), json!([]));
        }
    }
    receipt
}

/// A receipt that nobody wrote, well-formed and in a block that does not exist at a height that does.
fn invented(request: &Value, head: u64) -> Value {
    let hash = request.pointer("/params/0").cloned().unwrap_or_default();
    json!({
        "type": "0x2",
        "transactionHash": hash,
        "transactionIndex": "0x0",
        "blockHash": keccak256(hash.to_string()),
        "blockNumber": hex(head),
        "from": alloy::primitives::Address::ZERO,
        "to": alloy::primitives::Address::ZERO,
        "contractAddress": null,
        "cumulativeGasUsed": "0x5208",
        "gasUsed": "0x5208",
        "effectiveGasPrice": "0x3b9aca00",
        "logs": [],
        "logsBloom": Bloom::ZERO,
    })
}

/// The hash under which a raw transaction is known.
pub(crate) fn transaction_hash(request: &Value) -> Option<B256> {
    let raw: alloy::primitives::Bytes = request.pointer("/params/0")?.as_str()?.parse().ok()?;
    Some(keccak256(raw))
}

/// The block that a pushed frame tells of, and whether it is a log.
pub(crate) fn told(pushed: &Value) -> (Option<u64>, bool) {
    let log = pushed.get("topics").is_some();
    (field(pushed, if log { "blockNumber" } else { "number" }), log)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lied(lie: &Lie, method: &str, truth: Value) -> Option<Value> {
        let request = json!({"method": method, "params": ["0x01"]});
        let mut answer = json!({"id": 1, "result": truth});
        tell(lie, &request, &mut answer, 7).then(|| answer["result"].take())
    }

    #[test]
    fn nonces_move_both_ways_and_not_below_zero() {
        let said = |offset, truth: &str| {
            lied(&Lie::Nonce(offset), "eth_getTransactionCount", json!(truth)).map(|said| said.to_string())
        };
        assert_eq!(said(2, "0x5").unwrap(), "\"0x7\"");
        assert_eq!(said(-3, "0x5").unwrap(), "\"0x2\"");
        assert_eq!(said(-9, "0x5").unwrap(), "\"0x0\"");
        assert_eq!(said(0, "0x5"), None);
    }

    #[test]
    fn logs_go_missing_and_what_is_true_is_not_counted() {
        let logs = json!(["a", "b", "c"]);
        assert_eq!(
            lied(&Lie::MissingLogs { every: 2 }, "eth_getLogs", logs.clone()),
            Some(json!(["a", "c"]))
        );
        assert_eq!(lied(&Lie::MissingLogs { every: 1 }, "eth_getLogs", logs), Some(json!([])));
        assert_eq!(lied(&Lie::MissingLogs { every: 1 }, "eth_getLogs", json!([])), None);
        assert_eq!(lied(&Lie::Null, "eth_getBlockByHash", Value::Null), None);
    }

    #[test]
    fn an_invented_receipt_can_be_read() {
        let said = lied(&Lie::Receipt { success: true }, "eth_getTransactionReceipt", Value::Null).unwrap();
        let mut said = said;
        said["transactionHash"] = json!(B256::ZERO);
        let receipt: alloy::rpc::types::TransactionReceipt = serde_json::from_value(said).unwrap();
        assert!(receipt.status());
        assert_eq!(receipt.block_number, Some(7));
    }
}
