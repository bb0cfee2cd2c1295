//! JSON-RPC as plain values.

use alloy::primitives::U256;
use serde_json::{Value, json};

/// A number as the protocol writes it.
pub(crate) fn hex(number: u64) -> Value {
    Value::String(format!("{number:#x}"))
}

/// Reads a number that may be larger than a word of this machine.
pub(crate) fn large(value: &Value) -> Option<U256> {
    U256::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

/// Reads a number.
pub(crate) fn quantity(value: &Value) -> Option<u64> {
    u64::try_from(large(value)?).ok()
}

/// A field that is a number.
pub(crate) fn field(value: &Value, name: &str) -> Option<u64> {
    quantity(value.get(name)?)
}

/// The request's id, `null` where it has none.
pub(crate) fn id(request: &Value) -> Value {
    request.get("id").cloned().unwrap_or_default()
}

/// The answer to a request.
pub(crate) fn result(request: &Value, result: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id(request), "result": result})
}

/// The refusal of a request.
pub(crate) fn error(request: &Value, code: i64, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id(request), "error": {"code": code, "message": message}})
}
