//! The chain as it was some blocks ago: requests are rewritten so that the node itself answers as of then, and what came
//! later is taken out of its answers.

use serde_json::{Value, json};

use super::json::{error, field, hex, quantity, result};
use super::kind::Failure;
use super::node::Node;
use super::tally::Tallies;

/// How much of the chain clients see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeadView {
    /// All of it.
    #[default]
    True,
    /// All but the last so many blocks.
    Behind(u64),
    /// Nothing beyond this block: a stalled head. Pushed frames of later blocks come when the view moves on.
    StalledAt(u64),
}

impl HeadView {
    /// The last block that a client may see; `None` where it may see them all.
    pub(crate) const fn visible(self, head: u64) -> Option<u64> {
        match self {
            Self::True => None,
            Self::Behind(blocks) => Some(head.saturating_sub(blocks)),
            Self::StalledAt(block) if block < head => Some(block),
            Self::StalledAt(_) => None,
        }
    }
}

/// What is to be done with a request.
enum Plan {
    /// The answer is known.
    Answer(Value),
    /// The node is asked, with the request as it stands now.
    Forward,
}

/// Answers a request as of a block.
pub(crate) async fn answer(
    node: &Node,
    mut request: Value,
    visible: u64,
    tallies: &Tallies,
) -> Result<Value, Failure> {
    match rewrite(&mut request, visible) {
        Plan::Answer(answer) => return Ok(answer),
        Plan::Forward => {}
    }
    if let Some(hash) = request.pointer("/params/0/blockHash").cloned() {
        let block = node.ask("eth_getBlockByHash", json!([hash, false])).await?;
        if field(&block, "number").is_none_or(|number| number > visible) {
            return Ok(error(&request, -32_000, "unknown block"));
        }
    }
    let mut answer = node.forward(&request, tallies).await?;
    if let Some(result) = answer.get_mut("result") {
        hide(method(&request), result, visible);
    }
    Ok(answer)
}

fn method(request: &Value) -> &str {
    request.get("method").and_then(Value::as_str).unwrap_or_default()
}

/// Where a method's block parameter stands.
fn block_parameter(method: &str) -> Option<usize> {
    match method {
        "eth_getBlockByNumber"
        | "eth_getBlockReceipts"
        | "eth_getBlockTransactionCountByNumber"
        | "eth_getTransactionByBlockNumberAndIndex" => Some(0),
        "eth_call"
        | "eth_estimateGas"
        | "eth_createAccessList"
        | "eth_simulateV1"
        | "eth_getBalance"
        | "eth_getCode"
        | "eth_getTransactionCount"
        | "eth_feeHistory" => Some(1),
        "eth_getStorageAt" | "eth_getProof" => Some(2),
        _ => None,
    }
}

fn rewrite(request: &mut Value, visible: u64) -> Plan {
    let name = method(request).to_owned();
    if name == "eth_blockNumber" {
        return Plan::Answer(result(request, hex(visible)));
    }
    if name == "eth_getLogs" {
        return rewrite_filter(request, visible);
    }
    let Some(place) = block_parameter(&name) else { return Plan::Forward };
    if named_block(request, place).is_some_and(|block| block > visible) {
        return Plan::Answer(match place {
            0 => result(request, Value::Null),
            _ => error(request, -32_000, "header not found"),
        });
    }
    if means_latest(request.pointer(&format!("/params/{place}"))) {
        set_parameter(request, place, hex(visible));
    }
    Plan::Forward
}

/// The number of the block that is asked for, where it is one.
fn named_block(request: &Value, place: usize) -> Option<u64> {
    let block = request.pointer(&format!("/params/{place}"))?;
    quantity(block).or_else(|| field(block, "blockNumber"))
}

/// "safe" and "finalized" lie behind any lag that is worth a name.
fn means_latest(block: Option<&Value>) -> bool {
    matches!(block, None | Some(Value::Null)) || block.is_some_and(|tag| tag == "latest" || tag == "pending")
}

fn set_parameter(request: &mut Value, place: usize, value: Value) {
    let Some(fields) = request.as_object_mut() else { return };
    let params = fields.entry("params").or_insert_with(|| json!([]));
    let Some(params) = params.as_array_mut() else { return };
    while params.len() <= place {
        params.push(Value::Null);
    }
    if let Some(parameter) = params.get_mut(place) {
        *parameter = value;
    }
}

fn rewrite_filter(request: &mut Value, visible: u64) -> Plan {
    let Some(filter) = request.pointer_mut("/params/0").and_then(Value::as_object_mut) else {
        return Plan::Forward;
    };
    if filter.contains_key("blockHash") {
        return Plan::Forward;
    }
    let from = filter.get("fromBlock");
    let from = if means_latest(from) { Some(visible) } else { from.and_then(quantity) };
    if from.is_some_and(|from| from > visible) {
        return Plan::Answer(result(request, json!([])));
    }
    if let Some(from) = from {
        filter.insert(String::from("fromBlock"), hex(from));
    }
    let to = filter.get("toBlock");
    if means_latest(to) || to.and_then(quantity).is_some_and(|to| to > visible) {
        filter.insert(String::from("toBlock"), hex(visible));
    }
    Plan::Forward
}

/// Takes out of an answer what happened after the visible block.
fn hide(method: &str, result: &mut Value, visible: u64) {
    let is_later = |value: &Value, name| field(value, name).is_some_and(|number| number > visible);
    match method {
        "eth_getBlockByHash" | "eth_getBlockByNumber" if is_later(result, "number") => *result = Value::Null,
        "eth_getTransactionReceipt" if is_later(result, "blockNumber") => *result = Value::Null,
        "eth_getTransactionByHash" if is_later(result, "blockNumber") => {
            for name in ["blockHash", "blockNumber", "transactionIndex"] {
                if let Some(field) = result.get_mut(name) {
                    *field = Value::Null;
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(method: &str, params: Value) -> Value {
        let mut request = json!({"id": 1, "method": method, "params": params});
        match rewrite(&mut request, 16) {
            Plan::Forward => request["params"].take(),
            Plan::Answer(answer) => answer,
        }
    }

    #[test]
    fn the_latest_block_is_the_visible_one() {
        assert_eq!(rewritten("eth_call", json!([{}])), json!([{}, "0x10"]));
        assert_eq!(rewritten("eth_call", json!([{}, "latest"])), json!([{}, "0x10"]));
        assert_eq!(rewritten("eth_call", json!([{}, "0x3"])), json!([{}, "0x3"]));
        assert_eq!(rewritten("eth_getBlockByNumber", json!(["pending", true])), json!(["0x10", true]));
        assert_eq!(rewritten("eth_getBalance", json!(["0xa", null])), json!(["0xa", "0x10"]));
        assert_eq!(rewritten("eth_chainId", json!([])), json!([]));
    }

    #[test]
    fn what_lies_ahead_is_not_known() {
        assert_eq!(rewritten("eth_blockNumber", json!([]))["result"], "0x10");
        assert_eq!(rewritten("eth_getBlockByNumber", json!(["0x11", false]))["result"], Value::Null);
        assert_eq!(rewritten("eth_call", json!([{}, "0x11"]))["error"]["message"], "header not found");
        assert_eq!(
            rewritten("eth_call", json!([{}, {"blockNumber": "0x11"}]))["error"]["code"],
            json!(-32_000)
        );
        assert_eq!(rewritten("eth_getLogs", json!([{"fromBlock": "0x11"}]))["result"], json!([]));
    }

    #[test]
    fn a_filter_ends_at_the_visible_block() {
        let all = json!([{"fromBlock": "0x0", "toBlock": "0x10"}]);
        assert_eq!(rewritten("eth_getLogs", json!([{"fromBlock": "0x0"}])), all);
        assert_eq!(rewritten("eth_getLogs", json!([{"fromBlock": "0x0", "toBlock": "0x20"}])), all);
        let early = json!([{"fromBlock": "0x0", "toBlock": "0x5"}]);
        assert_eq!(rewritten("eth_getLogs", early.clone()), early);
    }

    #[test]
    fn later_receipts_are_hidden_and_later_transactions_are_pending() {
        let mut receipt = json!({"blockNumber": "0x11"});
        hide("eth_getTransactionReceipt", &mut receipt, 16);
        assert_eq!(receipt, Value::Null);
        let mut transaction = json!({"blockNumber": "0x11", "blockHash": "0x1", "nonce": "0x0"});
        hide("eth_getTransactionByHash", &mut transaction, 16);
        assert_eq!(transaction, json!({"blockNumber": null, "blockHash": null, "nonce": "0x0"}));
        let mut seen = json!({"number": "0x10"});
        hide("eth_getBlockByHash", &mut seen, 16);
        assert_eq!(seen, json!({"number": "0x10"}));
    }
}
