//! Websockets. Each client has a socket of its own to the node, which carries its subscriptions; its other requests take the
//! same way as those over HTTP.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::response::Response;
use futures::stream::SplitSink;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message as NodeMessage;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::bench::Bench;
use super::exchange::{Delivery, fate, method};
use super::http::{NOT_JSON, PIECES, broken, deliver, first_half};
use super::json::{error, field, id};
use super::kind::{Failure, Fault, FaultKind, Lie, Stage};
use super::lie::told;
use super::schedule::Passage;
use super::wire::Wire;

/// The id of the proxy's own subscription, by which it knows the head. Clients use numbers.
const OWN: &str = "the proxy's own";
/// Answers that wait for the socket.
const BACKLOG: usize = 64;
const INTERNAL_ERROR: u16 = 1011;

/// The session is over.
struct Over;

/// Opens a websocket.
pub(crate) async fn open(
    State(bench): State<Arc<Bench>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if let Some(Fault::Fail { stage, failure }) = bench.decide(Passage::Connection) {
        bench.failed(stage, &failure);
        return broken(failure, String::new(), &wire).await;
    }
    let Ok((node, _response)) = connect_async(bench.node.ws_url()).await else {
        return broken(Failure::ServerError { status: 502 }, String::new(), &wire).await;
    };
    upgrade.on_upgrade(move |socket| async move {
        if let Err(Over) = serve(bench, wire, socket, node).await {
            tracing::trace!("a websocket ended");
        }
    })
}

type NodeSocket = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Session {
    bench: Arc<Bench>,
    wire: Wire,
    client: SplitSink<WebSocket, Message>,
    node: SplitSink<NodeSocket, NodeMessage>,
    answers: mpsc::Sender<Delivery>,
    /// Requests that the node answers on its own socket, by id, and what becomes of the answers.
    asked: BTreeMap<String, Option<Failure>>,
    /// The node's head, as it told it last.
    head: u64,
    /// The proxy's own subscription.
    own: Option<Value>,
    /// Frames of blocks that the client may not see yet, in their order.
    held: VecDeque<(u64, Value)>,
}

async fn serve(bench: Arc<Bench>, wire: Wire, socket: WebSocket, node: NodeSocket) -> Result<(), Over> {
    let (client, mut requests) = socket.split();
    let (node, mut frames) = node.split();
    let (answers, mut answered) = mpsc::channel(BACKLOG);
    let mut views = bench.head.subscribe();
    let head = bench.node.head().await.unwrap_or_default();
    let (asked, own, held) = Default::default();
    let mut session = Session { bench, wire, client, node, answers, asked, head, own, held };
    session
        .tell_node(&json!({"jsonrpc": "2.0", "id": OWN, "method": "eth_subscribe", "params": ["newHeads"]}))
        .await?;
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            request = requests.next() => session.requested(request, &mut running).await?,
            frame = frames.next() => session.heard(frame).await?,
            Some(delivery) = answered.recv() => session.deliver(delivery).await?,
            Some(_) = running.join_next() => {}
            Ok(()) = views.changed() => session.release().await?,
        }
    }
}

impl Session {
    async fn tell_node(&mut self, request: &Value) -> Result<(), Over> {
        self.node.send(NodeMessage::text(request.to_string())).await.map_err(|_closed| Over)
    }

    async fn tell_client(&mut self, text: String) -> Result<(), Over> {
        self.client.send(Message::Text(text.into())).await.map_err(|_closed| Over)
    }

    /// A frame from the client.
    async fn requested(
        &mut self,
        frame: Option<Result<Message, axum::Error>>,
        running: &mut JoinSet<()>,
    ) -> Result<(), Over> {
        let request: Value = match frame {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap_or_default(),
            Some(Ok(Message::Binary(bytes))) => serde_json::from_slice(&bytes).unwrap_or_default(),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Over),
        };
        if matches!(method(&request), "eth_subscribe" | "eth_unsubscribe") {
            return self.subscribe(request).await;
        }
        let (bench, answers) = (Arc::clone(&self.bench), self.answers.clone());
        running.spawn(async move {
            let delivery = deliver(&bench, request).await;
            // A closed channel means that the session is over.
            answers.send(delivery).await.unwrap_or_default();
        });
        Ok(())
    }

    /// Subscriptions know failures alone: a subscription's answer has nothing to lie about.
    async fn subscribe(&mut self, request: Value) -> Result<(), Over> {
        let failure = match fate(&self.bench, &request) {
            Some(Fault::Fail { stage, failure }) => {
                self.bench.failed(stage, &failure);
                if stage == Stage::Before {
                    return self.refuse(&request, failure).await;
                }
                Some(failure)
            }
            _ => None,
        };
        self.bench.tallies.forwarded(method(&request));
        self.asked.insert(id(&request).to_string(), failure);
        self.tell_node(&request).await
    }

    async fn refuse(&mut self, request: &Value, failure: Failure) -> Result<(), Over> {
        let answer = error(request, -32_603, "internal error");
        self.deliver(Delivery::failing(answer, failure)).await
    }

    /// A frame from the node.
    async fn heard(
        &mut self,
        frame: Option<Result<NodeMessage, tokio_tungstenite::tungstenite::Error>>,
    ) -> Result<(), Over> {
        let Some(Ok(frame)) = frame else { return Err(Over) };
        let Ok(text) = frame.to_text() else { return Ok(()) };
        let Ok(mut frame) = serde_json::from_str::<Value>(text) else { return Ok(()) };
        if method(&frame) == "eth_subscription" {
            return self.pushed(frame).await;
        }
        if frame.get("id").is_some_and(|id| id == OWN) {
            self.own = frame.get_mut("result").map(Value::take);
            return Ok(());
        }
        let failure = self.asked.remove(&id(&frame).to_string()).flatten();
        self.deliver(Delivery { failure, ..Delivery::plain(frame) }).await
    }

    /// The last block that the client may see.
    fn visible(&self) -> u64 {
        self.bench.head.borrow().visible(self.head).unwrap_or(u64::MAX)
    }

    async fn pushed(&mut self, frame: Value) -> Result<(), Over> {
        let told_of = frame.pointer("/params/result").unwrap_or(&Value::Null);
        let (block, _) = told(told_of);
        if self.own.is_some() && frame.pointer("/params/subscription") == self.own.as_ref() {
            self.head = field(told_of, "number").unwrap_or(self.head);
            return self.release().await;
        }
        // The proxy may hear of a block later than the client does.
        self.head = self.head.max(block.unwrap_or_default());
        self.release().await?;
        match block {
            Some(block) if block > self.visible() => {
                self.bench.tallies.injected(FaultKind::Withheld);
                self.held.push_back((block, frame));
                Ok(())
            }
            _ => self.push(frame).await,
        }
    }

    /// Delivers what was held back and may be seen by now.
    async fn release(&mut self) -> Result<(), Over> {
        let visible = self.visible();
        while let Some((_, frame)) = self.held.pop_front_if(|(block, _)| *block <= visible) {
            self.push(frame).await?;
        }
        Ok(())
    }

    /// Delivers a frame of a subscription, or does to it what the schedule wants.
    async fn push(&mut self, frame: Value) -> Result<(), Over> {
        self.bench.tallies.seen("eth_subscription");
        let (_, log) = told(frame.pointer("/params/result").unwrap_or(&Value::Null));
        match self.bench.decide(Passage::Push { log }) {
            None => self.deliver(Delivery::plain(frame)).await,
            Some(Fault::Lie(lie @ (Lie::Null | Lie::MissingLogs { .. }))) => {
                self.bench.tallies.injected(lie.kind());
                Ok(())
            }
            Some(Fault::Delay(delay)) => {
                self.bench.tallies.injected(FaultKind::Delay);
                tokio::time::sleep(delay).await;
                self.deliver(Delivery::plain(frame)).await
            }
            Some(Fault::Repeat) => {
                self.bench.tallies.injected(FaultKind::Repeat);
                self.deliver(Delivery { twice: true, ..Delivery::plain(frame) }).await
            }
            Some(Fault::Fail { stage, failure }) => self.fail_push(frame, stage, failure).await,
            // No rule that is about pushed frames has another fault.
            Some(Fault::Behind(_) | Fault::Lie(_) | Fault::Forget) => Ok(()),
        }
    }

    async fn fail_push(&mut self, frame: Value, stage: Stage, failure: Failure) -> Result<(), Over> {
        self.bench.failed(stage, &failure);
        if stage == Stage::After {
            self.deliver(Delivery::plain(frame.clone())).await?;
        }
        if failure == Failure::Silence {
            self.wire.mute();
            return Ok(());
        }
        self.deliver(Delivery::failing(frame, failure)).await
    }

    /// Sends a frame, or breaks it as the failure says.
    async fn deliver(&mut self, delivery: Delivery) -> Result<(), Over> {
        let text = delivery.answer.to_string();
        if delivery.twice {
            self.tell_client(text.clone()).await?;
        }
        match delivery.failure {
            None | Some(Failure::RateLimited { .. } | Failure::RpcError { .. }) => {
                self.tell_client(text).await
            }
            Some(Failure::Reset) => {
                self.wire.cut();
                Err(Over)
            }
            Some(Failure::Silence) => Ok(()),
            Some(Failure::ServerError { .. }) => {
                let close = CloseFrame { code: INTERNAL_ERROR, reason: "internal error".into() };
                self.client.send(Message::Close(Some(close))).await.map_err(|_closed| Over)?;
                Err(Over)
            }
            Some(Failure::Malformed) => self.tell_client(String::from(NOT_JSON)).await,
            Some(Failure::Truncated) => {
                self.tell_client(first_half(&text).to_owned()).await?;
                Err(Over)
            }
            Some(Failure::Huge { bytes }) => self.tell_client(text + &" ".repeat(bytes)).await,
            Some(Failure::Slow { pause }) => {
                let pieces = u32::try_from(PIECES).unwrap_or(u32::MAX);
                tokio::time::sleep(pause.saturating_mul(pieces)).await;
                self.tell_client(text).await
            }
        }
    }
}
