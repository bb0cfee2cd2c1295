//! What an endpoint is asked.

use std::time::Duration;

use agent_core::Rendered;
use serde_json::{Map, Value, json};

use crate::{body::Bounds, contract::Contract};

/// How a model gives its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As one JSON object after a schema that the server is told (`response_format: json_schema`). Every server that
    /// constrains its answers keeps to it; whichever does not is found out here.
    Json {
        /// OpenAI's strict mode: the server is told the part of the schema that strict mode takes. The whole of it is
        /// checked here either way.
        strict: bool,
    },
    /// As tool calls, for servers that really make some.
    Tools,
}

/// What the limit of an answer's tokens is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenLimit {
    /// `max_tokens`: most servers.
    MaxTokens,
    /// `max_completion_tokens`: OpenAI, whose models that think take no other.
    MaxCompletionTokens,
}

/// A model, and how it is asked.
#[derive(Debug, Clone)]
pub struct Model {
    /// Its name at the endpoint.
    pub name: String,
    /// How it gives its calls.
    pub form: Form,
    /// Whether the answer comes as a stream: a connection that has died is noticed sooner.
    pub stream: bool,
    /// Tokens of an answer at most, thoughts included, and what that limit is called.
    pub tokens: (TokenLimit, u32),
    /// Calls of one plan at most.
    pub calls: usize,
    /// How long a plan may take, its second try included.
    pub patience: Duration,
    /// Further fields of every request (`temperature`, `seed`, `reasoning_effort`). They replace none of ours.
    pub further: Map<String, Value>,
}

/// Bytes of an answer's body at most, and per token that it may have: a stream wraps each in some hundred bytes.
const BODY: usize = 64 * 1024;
const BODY_PER_TOKEN: usize = 1_024;
/// Bytes of one event of a stream.
const LINE: usize = 64 * 1024;
/// Bytes of a bad answer that the model is shown again.
pub(crate) const SHOWN: usize = 4_096;

impl Model {
    /// The model of this name, asked as most servers take it: a stream, 1,024 tokens, four calls, half a minute.
    #[must_use]
    pub fn usual(name: &str, form: Form) -> Self {
        Self {
            name: name.to_owned(),
            form,
            stream: true,
            tokens: (TokenLimit::MaxTokens, 1_024),
            calls: 4,
            patience: Duration::from_secs(30),
            further: Map::new(),
        }
    }

    pub(crate) fn bounds(&self) -> Bounds {
        let tokens = usize::try_from(self.tokens.1).unwrap_or(usize::MAX);
        let all = tokens.saturating_mul(BODY_PER_TOKEN).saturating_add(BODY);
        Bounds { all, line: if self.stream { LINE } else { all } }
    }
}

/// A first try that was no plan, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct FirstTry {
    pub(crate) shown: String,
    pub(crate) wrong: String,
}

/// The whole request. The system message is the same for the same tools, so that servers find it in their cache.
pub(crate) fn body(
    model: &Model,
    contract: &Contract,
    briefing: &Rendered,
    first: Option<&FirstTry>,
) -> Value {
    let system = format!("{}{}", briefing.stable, contract.told);
    let mut messages = vec![message("system", &system), message("user", &briefing.changing)];
    if let Some(FirstTry { shown, wrong }) = first {
        let shown: String = shown.chars().take(SHOWN).collect();
        let again = format!(
            "That is no valid answer: {wrong}. Answer the same question again, in the form that was asked for."
        );
        messages.extend([message("assistant", &shown), message("user", &again)]);
    }
    let mut body = model.further.clone();
    let limit = match model.tokens.0 {
        TokenLimit::MaxTokens => "max_tokens",
        TokenLimit::MaxCompletionTokens => "max_completion_tokens",
    };
    body.insert("model".to_owned(), model.name.clone().into());
    body.insert("messages".to_owned(), messages.into());
    body.insert(limit.to_owned(), model.tokens.1.into());
    body.insert("stream".to_owned(), model.stream.into());
    if model.stream {
        body.insert("stream_options".to_owned(), json!({ "include_usage": true }));
    }
    body.extend(contract.ask.as_object().cloned().unwrap_or_default());
    Value::Object(body)
}

fn message(role: &str, content: &str) -> Value {
    json!({ "role": role, "content": content })
}
