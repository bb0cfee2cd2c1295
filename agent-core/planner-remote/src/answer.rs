//! What an endpoint answers, whole or in a stream. Reads what it needs and passes over the rest: servers differ.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{error::RemoteError, key::ApiKey};

/// Tokens, as the server counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of the question.
    pub input: u64,
    /// Of those, how many the server had in its cache.
    pub cached: u64,
    /// Of the answer.
    pub output: u64,
}

/// An answer, put together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) text: String,
    /// Function name and arguments, as text.
    pub(crate) calls: Vec<(String, String)>,
    pub(crate) refusal: Option<String>,
    /// Why it ended. Without one, it has not.
    pub(crate) finish: Option<String>,
    pub(crate) usage: Option<Usage>,
}

/// Calls that one answer may have, valid or not; their index comes from the server.
const CALLS: usize = 64;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    #[serde(deserialize_with = "or_default")]
    choices: Vec<Choice>,
    usage: Option<Counted>,
    error: Option<Failure>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    /// Of a whole answer,
    message: Option<Part>,
    /// of one in a stream.
    delta: Option<Part>,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Part {
    content: Option<String>,
    refusal: Option<String>,
    #[serde(deserialize_with = "or_default")]
    tool_calls: Vec<Called>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Called {
    index: Option<usize>,
    #[serde(deserialize_with = "or_default")]
    function: Function,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Function {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Counted {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Option<u64>,
}

/// An error in a body whose status says that all is well.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Failure {
    code: Value,
}

/// `null` where a list or an object should be.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl Answer {
    /// Takes a whole answer, or the next piece of one.
    pub(crate) fn take(&mut self, said: Value) -> Result<(), RemoteError> {
        let said: Said = serde_json::from_value(said).map_err(|_quotes_it| RemoteError::Garbled)?;
        if let Some(Failure { code }) = said.error {
            return Err(failed(&code));
        }
        // A count stands for everything before it; one without both numbers is none.
        let counted = said
            .usage
            .and_then(|usage| usage.prompt_tokens.zip(usage.completion_tokens).map(|both| (usage, both)));
        if let Some((usage, (input, output))) = counted {
            let cached = usage.prompt_tokens_details.and_then(|details| details.cached_tokens).unwrap_or(0);
            self.usage = Some(Usage { input, cached, output });
        }
        let Some(Choice { message, delta, finish_reason }) = said.choices.into_iter().next() else {
            return Ok(());
        };
        if let Some(part) = message.or(delta) {
            self.join(part)?;
        }
        self.finish = finish_reason.or(self.finish.take());
        Ok(())
    }

    fn join(&mut self, part: Part) -> Result<(), RemoteError> {
        self.text.push_str(&part.content.unwrap_or_default());
        if let Some(refusal) = part.refusal {
            self.refusal.get_or_insert_default().push_str(&refusal);
        }
        for (position, Called { index, function }) in part.tool_calls.into_iter().enumerate() {
            let index = index.unwrap_or(position);
            if index >= CALLS {
                return Err(RemoteError::Garbled);
            }
            if self.calls.len() <= index {
                self.calls.resize(index.saturating_add(1), Default::default());
            }
            let (name, arguments) = self.calls.get_mut(index).ok_or(RemoteError::Garbled)?;
            name.push_str(&function.name.unwrap_or_default());
            arguments.push_str(&function.arguments.unwrap_or_default());
        }
        Ok(())
    }

    /// Puts asterisks for the key. On the wire the framing of a stream may part it; here it would be whole again.
    pub(crate) fn scrub(&mut self, key: &ApiKey) {
        if key.to_scrub().is_none() {
            return;
        }
        let calls = self.calls.iter_mut().flat_map(|(name, arguments)| [name, arguments]);
        for text in calls.chain([&mut self.text]).chain(&mut self.refusal).chain(&mut self.finish) {
            if text.contains(key.expose()) {
                *text = text.replace(key.expose(), "***");
            }
        }
    }

    /// Whether it is all there.
    pub(crate) fn whole(&self) -> Result<(), RemoteError> {
        let Some(finish) = &self.finish else {
            let nothing = self.text.is_empty() && self.calls.is_empty() && self.refusal.is_none();
            return Err(if nothing { RemoteError::Empty } else { RemoteError::Truncated });
        };
        match &self.refusal {
            Some(refusal) if !refusal.is_empty() => Err(RemoteError::Declined(refusal.clone())),
            _ if finish == "content_filter" => {
                Err(RemoteError::Declined("a content filter stopped it".to_owned()))
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn failed(code: &Value) -> RemoteError {
    let number = code.as_u64().or_else(|| code.as_str()?.parse().ok());
    match number.and_then(|number| u16::try_from(number).ok()) {
        Some(429) => RemoteError::Busy { after: None },
        Some(status) => RemoteError::Failed { status },
        None => RemoteError::Failed { status: 200 },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn taken(pieces: &[Value]) -> Result<Answer, RemoteError> {
        let mut answer = Answer::default();
        pieces.iter().try_for_each(|piece| answer.take(piece.clone()))?;
        answer.whole().map(|()| answer)
    }

    #[test]
    fn pieces_join_to_what_the_whole_says() {
        let whole = taken(&[json!({
            "choices": [{ "finish_reason": "tool_calls", "message": { "content": null, "tool_calls": [
                { "id": "a", "function": { "name": "look", "arguments": "{\"a\":1}" } },
                { "id": "b", "function": { "name": "take", "arguments": "{}" } } ] } }],
            "usage": { "prompt_tokens": 5, "completion_tokens": 3, "prompt_tokens_details": { "cached_tokens": 4 } },
        })]);
        let delta =
            |delta: Value| json!({ "choices": [{ "delta": delta, "finish_reason": null }], "usage": null });
        let pieces = taken(&[
            delta(json!({ "role": "assistant", "content": "" })),
            delta(
                json!({ "tool_calls": [{ "index": 0, "id": "a", "function": { "name": "look", "arguments": "" } }] }),
            ),
            delta(
                json!({ "tool_calls": [{ "index": 1, "function": { "name": "take", "arguments": "{}" } }] }),
            ),
            delta(json!({ "tool_calls": [{ "index": 0, "function": { "arguments": "{\"a\":1}" } }] })),
            json!({ "choices": [{ "delta": {}, "finish_reason": "tool_calls" }] }),
            json!({ "choices": [], "usage": { "prompt_tokens": 5, "completion_tokens": 3, "prompt_tokens_details": { "cached_tokens": 4 } } }),
        ]);
        assert_eq!(pieces, whole);
        assert_eq!(whole.unwrap().usage, Some(Usage { input: 5, cached: 4, output: 3 }));
    }

    #[test]
    fn what_is_no_answer_says_why() {
        let check = |said: Value, expected: RemoteError| assert_eq!(taken(&[said]), Err(expected));
        check(json!({}), RemoteError::Empty);
        check(json!({ "choices": null }), RemoteError::Empty);
        check(json!({ "choices": [{ "delta": { "content": "{" } }] }), RemoteError::Truncated);
        check(json!([1]), RemoteError::Garbled);
        check(json!({ "choices": 7 }), RemoteError::Garbled);
        check(json!({ "error": { "code": 429, "message": "slow down" } }), RemoteError::Busy { after: None });
        check(json!({ "error": { "code": "502" } }), RemoteError::Failed { status: 502 });
        let refused = json!({ "choices": [{ "finish_reason": "stop", "message": { "refusal": "no" } }] });
        check(refused, RemoteError::Declined("no".into()));
        let far = json!({ "choices": [{ "delta": { "tool_calls": [{ "index": 1_000_000_000 }] } }] });
        check(far, RemoteError::Garbled);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in r#"[{\["a-z:,0-9\]}]{0,60}"#) {
            if let Ok(said) = serde_json::from_str(&text) {
                let _taken = taken(&[said]);
            }
        }
    }
}
