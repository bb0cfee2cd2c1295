//! What is agreed with a model for a set of tools: how to ask, and what is an answer.

use std::collections::BTreeMap;

use agent_core::{
    Plan, canonical,
    ports::{ToolCall, ToolSpec},
};
use jsonschema::Validator;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    error::RemoteError,
    request::{Form, Model},
    schema::{self, REASON},
};

/// Schemas and validators of a set of tools, made once for it.
#[derive(Debug)]
pub(crate) struct Contract {
    tools: Vec<ToolSpec>,
    validators: BTreeMap<String, Validator>,
    calls: usize,
    /// The part of the request that says what an answer is.
    pub(crate) ask: Value,
    /// What is said of it to the model.
    pub(crate) told: &'static str,
    form: Form,
}

/// The model's own form of a plan; see [`schema`] for the names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Decided {
    because: String,
    calls: Vec<DecidedCall>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DecidedCall {
    call: String,
    with: Value,
}

/// Bytes of what is wrong with an answer, as the model and the operator read it.
pub(crate) const WRONG: usize = 400;

const TOLD_JSON: &str = "
Answer with one JSON object and nothing else:
{\"because\": \"the reason\", \"calls\": [{\"call\": \"a tool's name\", \"with\": {its arguments}}]}
";
const TOLD_TOOLS: &str = "
Call the tools, or answer with the reason alone, which means: wait.
";

impl Contract {
    pub(crate) fn new(tools: &[ToolSpec], model: &Model) -> Result<Self, RemoteError> {
        let mut validators = BTreeMap::new();
        for ToolSpec { name, schema, .. } in tools {
            let bad = |cause: String| RemoteError::BadTool { tool: name.clone(), cause };
            if schema::refers(schema) {
                return Err(bad("they refer to themselves".to_owned()));
            }
            let validator = jsonschema::validator_for(schema).map_err(|error| bad(error.to_string()))?;
            validators.insert(name.clone(), validator);
        }
        let calls = model.calls;
        let (ask, told) = match model.form {
            Form::Json { strict } => (json_form(tools, calls, strict), TOLD_JSON),
            Form::Tools if tools.is_empty() => (json!({}), TOLD_TOOLS),
            Form::Tools => (json!({ "tools": schema::functions(tools), "tool_choice": "auto" }), TOLD_TOOLS),
        };
        Ok(Self { tools: tools.to_vec(), validators, calls, ask, told, form: model.form })
    }

    /// Whether it was made for these tools.
    pub(crate) fn is_for(&self, tools: &[ToolSpec]) -> bool {
        self.tools == tools
    }

    /// The plan that an answer is, or what is wrong with it.
    pub(crate) fn plan(&self, answer: &Answer) -> Result<Plan, String> {
        if answer.finish.as_deref() == Some("length") {
            return Err("it was too long and was cut off: be shorter".to_owned());
        }
        let plan = match self.form {
            Form::Json { .. } => from_json(&answer.text),
            Form::Tools => from_calls(answer),
        };
        plan.and_then(|plan| self.check(plan)).map_err(|wrong| printable(&wrong, WRONG))
    }

    fn check(&self, plan: Plan) -> Result<Plan, String> {
        if plan.calls.len() > self.calls {
            return Err(format!("it has {} calls, and may have {}", plan.calls.len(), self.calls));
        }
        for ToolCall { tool, arguments } in &plan.calls {
            let validator = self.validators.get(tool).ok_or_else(|| format!("there is no tool {tool}"))?;
            if let Some(error) = validator.iter_errors(arguments).next() {
                return Err(format!("arguments of {tool}, at {:?}: {error}", error.instance_path().as_str()));
            }
        }
        Ok(plan)
    }
}

fn json_form(tools: &[ToolSpec], calls: usize, strict: bool) -> Value {
    let full = schema::of_answer(tools, calls);
    let schema = if strict { schema::strict(&full) } else { full };
    let named = json!({ "name": "plan", "strict": strict, "schema": schema });
    json!({ "response_format": { "type": "json_schema", "json_schema": named } })
}

fn from_json(text: &str) -> Result<Plan, String> {
    let Decided { because, calls } = serde_json::from_str(text.trim())
        .map_err(|error| format!("it is not the JSON that was asked for: {error}"))?;
    let calls = calls.into_iter().map(|DecidedCall { call, with }| ToolCall { tool: call, arguments: with });
    Ok(Plan { reason: printable(&because, REASON), calls: calls.collect() })
}

fn from_calls(answer: &Answer) -> Result<Plan, String> {
    let parsed = answer.calls.iter().map(|(tool, arguments)| {
        let text = if arguments.trim().is_empty() { "{}" } else { arguments };
        let wrong = |error| format!("arguments of {tool} are not JSON: {error}");
        serde_json::from_str(text).map(|arguments| ToolCall { tool: tool.clone(), arguments }).map_err(wrong)
    });
    Ok(Plan { reason: printable(answer.text.trim(), REASON), calls: parsed.collect::<Result<_, _>>()? })
}

/// An answer as it is shown to the model again.
pub(crate) fn shown(answer: &Answer) -> String {
    let calls =
        answer.calls.iter().map(|(tool, arguments)| canonical(&json!({ "call": tool, "with": arguments })));
    let text = std::iter::once(answer.text.clone()).chain(calls).collect::<Vec<_>>().join("\n");
    if text.trim().is_empty() { "(nothing)".to_owned() } else { text }
}

/// What a model wrote, as it may be recorded and shown on a terminal: one line of ASCII, cut.
pub(crate) fn printable(text: &str, limit: usize) -> String {
    let plain = |char: char| if char.is_ascii_graphic() || char == ' ' { char } else { '?' };
    text.chars().take(limit).map(plain).collect()
}

#[cfg(test)]
mod tests;
