//! The schema of an answer, made of the tools' own schemas.
//!
//! Servers that constrain an answer to a schema write its fields in the schema's order, which is that of their names. So the
//! fields are named to come in the order in which a model should decide them: why, then which tool, then with what.

use agent_core::ports::ToolSpec;
use serde_json::{Map, Value, json};

/// Characters of a reason. Printable ASCII: models that choose bytes write broken text otherwise.
pub(crate) const REASON: usize = 240;

/// What OpenAI's strict mode does not take, or not everywhere. It is checked here either way.
const NOT_STRICT: [&str; 13] = [
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
    "default",
];

/// The schema of an answer with at most `calls` calls of these tools.
pub(crate) fn of_answer(tools: &[ToolSpec], calls: usize) -> Value {
    let call = |tool: &ToolSpec| {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["call", "with"],
            "properties": { "call": { "type": "string", "enum": [tool.name] }, "with": tool.schema },
        })
    };
    let most = if tools.is_empty() { 0 } else { calls };
    let mut list = json!({ "type": "array", "maxItems": most, "items": { "type": "object" } });
    if let (Some(list), false) = (list.as_object_mut(), tools.is_empty()) {
        let any: Vec<_> = tools.iter().map(call).collect();
        list.insert("items".to_owned(), json!({ "anyOf": any }));
    }
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["because", "calls"],
        "properties": {
            "because": { "type": "string", "maxLength": REASON, "pattern": format!("^[ -!#-\\[\\]-~]{{0,{REASON}}}$") },
            "calls": list,
        },
    })
}

/// The part of a schema that strict mode takes.
pub(crate) fn strict(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => Value::Object(fields.iter().filter_map(strict_field).collect()),
        Value::Array(items) => Value::Array(items.iter().map(strict).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema.clone(),
    }
}

fn strict_field((key, value): (&String, &Value)) -> Option<(String, Value)> {
    let kept = match (key.as_str(), value) {
        // Names of fields, not of keywords.
        ("properties", Value::Object(fields)) => {
            Value::Object(fields.iter().map(|(name, schema)| (name.clone(), strict(schema))).collect())
        }
        ("enum" | "const" | "required", value) => value.clone(),
        (keyword, _) if NOT_STRICT.contains(&keyword) => return None,
        (_, value) => strict(value),
    };
    Some((key.clone(), kept))
}

/// The tools as functions, for servers that are asked for tool calls.
pub(crate) fn functions(tools: &[ToolSpec]) -> Value {
    let function = |tool: &ToolSpec| {
        let ToolSpec { name, description, schema, .. } = tool;
        json!({ "type": "function", "function": { "name": name, "description": description, "parameters": schema } })
    };
    tools.iter().map(function).collect()
}

/// Whether a schema refers to something outside of itself or back to itself: then it cannot stand inside another.
pub(crate) fn refers(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => is_reference(fields) || fields.values().any(refers),
        Value::Array(items) => items.iter().any(refers),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn is_reference(fields: &Map<String, Value>) -> bool {
    fields.get("$ref").is_some_and(Value::is_string)
}

#[cfg(test)]
mod tests {
    use agent_core::{canonical, scripted::sample_tools};
    use expect_test::expect;

    use super::*;

    #[test]
    fn an_answer_says_why_then_which_tool_then_with_what() {
        let tools = &sample_tools()[..1];
        expect![[r#"{"additionalProperties":false,"properties":{"because":{"maxLength":240,"pattern":"^[ -!#-\\[\\]-~]{0,240}$","type":"string"},"calls":{"items":{"anyOf":[{"additionalProperties":false,"properties":{"call":{"enum":["execute_opportunity"],"type":"string"},"with":{"additionalProperties":false,"properties":{"opportunity":{"maxLength":66,"pattern":"^0x[0-9a-f]{64}$","type":"string"}},"required":["opportunity"],"type":"object"}},"required":["call","with"],"type":"object"}]},"maxItems":2,"type":"array"}},"required":["because","calls"],"type":"object"}"#]]
            .assert_eq(&canonical(&of_answer(tools, 2)));
        expect![[r#"{"additionalProperties":false,"properties":{"because":{"type":"string"},"calls":{"items":{"anyOf":[{"additionalProperties":false,"properties":{"call":{"enum":["execute_opportunity"],"type":"string"},"with":{"additionalProperties":false,"properties":{"opportunity":{"type":"string"}},"required":["opportunity"],"type":"object"}},"required":["call","with"],"type":"object"}]},"type":"array"}},"required":["because","calls"],"type":"object"}"#]]
            .assert_eq(&canonical(&strict(&of_answer(tools, 2))));
    }

    #[test]
    fn a_field_may_have_the_name_of_a_keyword() {
        let schema = json!({ "properties": { "format": { "type": "string", "format": "uri" }, "$ref": { "type": "string" } } });
        let kept = json!({ "properties": { "format": { "type": "string" }, "$ref": { "type": "string" } } });
        assert_eq!(strict(&schema), kept);
        assert!(!refers(&schema) && refers(&json!({ "items": { "$ref": "#" } })));
    }
}
