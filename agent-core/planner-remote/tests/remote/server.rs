//! A scripted endpoint on loopback: one reply per request, written as bytes, so that any of them can be wrong.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_core::{Tab, scripted::sample_opportunity, units::MicroUsd};
use planner_remote::{ApiKey, Endpoint, Form, Model, Prices, RemotePlanner};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

pub(crate) const KEY: &str = "sk-canary-71f0c2e9";

/// What is written, and what happens then.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// These bytes, and the connection ends.
    Bytes(Vec<u8>),
    /// These bytes, and then nothing for ever.
    Stall(Vec<u8>),
    /// These bytes, and then these again and again.
    Flood(Vec<u8>, &'static str),
}

/// One request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Value,
}

pub(crate) struct Server {
    pub(crate) base: String,
    /// How long it may be silent: long, because a busy machine is no broken endpoint. Who waits for it sets it short.
    pub(crate) silence: Duration,
    requests: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, mut replies) = (requests.clone(), replies.into_iter().collect::<Vec<_>>().into_iter());
        let task = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(request) = read(&mut stream).await else { continue };
                kept.lock().unwrap().push(request);
                let reply = replies.next().unwrap_or_else(|| status(500, "", "asked too often"));
                open.push(tokio::spawn(write(stream, reply)));
            }
        });
        Self { base, silence: Duration::from_secs(60), requests, task }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        let key = Some(ApiKey::new(KEY).unwrap());
        Endpoint::new(&self.base, key, None, self.silence).unwrap()
    }

    pub(crate) fn planner(&self, model: Model) -> (RemotePlanner, Tab) {
        let tab = Tab::default();
        (RemotePlanner::new(self.endpoint(), model, prices(), tab.clone()), tab)
    }
}

/// Two dollars per token read, one where it was in the cache, ten per token written: costs that show where they come from.
pub(crate) fn prices() -> Prices {
    let dollars = |dollars: u64| MicroUsd(dollars.saturating_mul(1_000_000_000_000));
    Prices { input: dollars(2), cached: dollars(1), output: dollars(10) }
}

pub(crate) fn model(stream: bool) -> Model {
    Model { stream, patience: Duration::from_secs(100), ..Model::usual("m-1", Form::Json { strict: false }) }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length:").map(str::to_owned));
            let length: usize = length.unwrap().trim().parse().unwrap();
            let body = &bytes[end.saturating_add(4)..];
            if body.len() >= length {
                return Some(Request { head, body: serde_json::from_slice(body).unwrap() });
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

async fn write(mut stream: TcpStream, reply: Reply) {
    let (Reply::Bytes(bytes) | Reply::Stall(bytes) | Reply::Flood(bytes, _)) = &reply;
    // Whoever has hung up does not want the rest.
    let mut written = stream.write_all(bytes).await;
    match reply {
        Reply::Bytes(_) => drop(stream.shutdown().await),
        Reply::Stall(_) => drop(stream.read(&mut [0]).await),
        Reply::Flood(_, more) => {
            let more = more.repeat(4_096);
            while written.is_ok() {
                written = stream.write_all(more.as_bytes()).await;
            }
        }
    }
}

pub(crate) fn status(status: u16, headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Bytes(
        format!(
            "HTTP/1.1 {status} X\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
        )
        .into_bytes(),
    )
}

pub(crate) fn head(kind: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: {kind}\r\n\r\n").into_bytes()
}

/// A stream of these pieces.
pub(crate) fn sse(pieces: &[Value], done: bool) -> Vec<u8> {
    let mut bytes = head("text/event-stream");
    for piece in pieces {
        bytes.extend_from_slice(format!("data: {piece}\n\n").as_bytes());
    }
    if done {
        bytes.extend_from_slice(b"data: [DONE]\n\n");
    }
    bytes
}

/// An answer of this text, whole or in pieces, that took 100 tokens (60 of them cached) and gave 7.
pub(crate) fn says(stream: bool, text: &str) -> Reply {
    if !stream {
        return status(200, "", &whole(text).to_string());
    }
    let (first, second) = text.split_at(text.len() / 2);
    Reply::Bytes(sse(&[delta(first), delta(second), finish("stop"), usage()], true))
}

pub(crate) fn whole(text: &str) -> Value {
    json!({ "choices": [{ "message": { "role": "assistant", "content": text }, "finish_reason": "stop" }], "usage": counted() })
}

pub(crate) fn delta(text: &str) -> Value {
    json!({ "choices": [{ "index": 0, "delta": { "content": text }, "finish_reason": null }] })
}

pub(crate) fn finish(why: &str) -> Value {
    json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": why }] })
}

pub(crate) fn usage() -> Value {
    json!({ "choices": [], "usage": counted() })
}

fn counted() -> Value {
    json!({ "prompt_tokens": 100, "completion_tokens": 7, "prompt_tokens_details": { "cached_tokens": 60 } })
}

/// What one such answer costs at [`prices`].
pub(crate) fn cost() -> MicroUsd {
    MicroUsd((40 * 2 + 60 + 7 * 10) * 1_000_000)
}

/// The plan to take the sample opportunity, in the model's form.
pub(crate) fn take_it() -> String {
    let id = sample_opportunity(1).id.0;
    json!({ "because": "worth it", "calls": [{ "call": "execute_opportunity", "with": { "opportunity": id } }] }).to_string()
}
