//! The key is in no log, error, debug output or plan, whatever an endpoint does with it.

use std::{
    io,
    sync::{Arc, Mutex},
};

use agent_core::scripted::sample_briefing;
use planner_remote::{ApiKey, Form, Model};
use serde_json::json;
use tower::Service;
use tracing_subscriber::fmt::MakeWriter;

use crate::server::*;

#[derive(Debug, Clone, Default)]
struct Ink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Ink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Ink {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Everything that gives the key back, in every place where a body is read.
fn echoes() -> Vec<(bool, Reply)> {
    let error =
        json!({ "error": { "message": format!("bad key {KEY}"), "code": KEY, "type": KEY } }).to_string();
    let reason = json!({ "because": KEY, "calls": [] }).to_string();
    let refusal =
        json!({ "choices": [{ "message": { "refusal": KEY }, "finish_reason": "stop" }] }).to_string();
    let (first, second) = KEY.split_at(9);
    let mut replies = vec![];
    for stream in [false, true] {
        replies.extend([401, 429, 500].map(|code| (stream, status(code, "", &error))));
        replies.push((stream, says(stream, &reason)));
        // No plan, twice: the answer is shown to the model again, and its fault to the operator.
        replies.push((stream, says(stream, KEY)));
        replies.push((
            stream,
            says(stream, &json!({ "because": "", "calls": [{ "call": KEY, "with": {} }] }).to_string()),
        ));
    }
    replies.push((false, status(200, "", KEY)));
    replies.push((false, status(200, "", &refusal)));
    replies.push((
        true,
        Reply::Bytes([head("text/event-stream"), format!("data: {KEY}\n\n").into_bytes()].concat()),
    ));
    replies.push((
        true,
        Reply::Bytes(format!("HTTP/1.1 200 {KEY}\r\nx: {KEY}\r\ncontent-length: 9\r\n\r\n").into_bytes()),
    ));
    // Parted by the framing of events the key is not one text on the wire; a reason joins it.
    replies.push((
        true,
        Reply::Bytes(sse(
            &[
                delta("{\"because\":\""),
                delta(first),
                delta(second),
                delta("\",\"calls\":[]}"),
                finish("stop"),
            ],
            true,
        )),
    ));
    replies
}

#[tokio::test]
async fn the_key_is_nowhere() {
    let ink = Ink::default();
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(ink.clone()).init();
    let mut seen = String::new();
    for (stream, reply) in echoes() {
        let server = Server::start([reply.clone(), reply]).await;
        let (mut planner, _) = server.planner(model(stream));
        let plan = planner.call(sample_briefing()).await;
        // An answer's text is the model's: that it spells a key out piece by piece is caught where it is put together.
        seen += &format!("{planner:?} {plan:?}\n");
        if let Err(error) = plan {
            seen += &format!(
                "{error} {error:#?} {:?}\n",
                std::error::Error::source(&error).map(ToString::to_string)
            );
        }
        assert!(
            server.requests().iter().all(|request| request.head.contains(KEY)),
            "the endpoint did get it"
        );
    }
    let model = Model::usual("m", Form::Tools);
    seen += &format!("{:?} {:?} {model:?}", ApiKey::new(KEY).unwrap(), Server::start([]).await.endpoint());
    let logged = String::from_utf8(ink.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("TRACE") && logged.contains("the model answered"), "{logged}");
    for line in seen.lines().chain(logged.lines()) {
        assert!(!line.contains(KEY), "{line}");
        assert!(!line.contains("canary"), "{line}");
    }
}

#[test]
fn a_key_comes_from_a_file_and_is_one_word() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, format!("{KEY}\n")).unwrap();
    assert!(ApiKey::from_file(&file).is_ok());
    for bad in ["", "\n", "two words-and-more", "line\nanother", "b\u{e9}"] {
        std::fs::write(&file, bad).unwrap();
        let error = ApiKey::from_file(&file).unwrap_err().to_string();
        assert_eq!(error, "the model's key must be one line of printable ASCII without spaces");
    }
    std::fs::remove_file(&file).unwrap();
    assert!(
        ApiKey::from_file(&file).unwrap_err().to_string().starts_with("cannot read the model's key file")
    );
}
