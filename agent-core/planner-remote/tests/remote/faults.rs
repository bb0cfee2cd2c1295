//! Endpoints that fail, each in its own way: what is told, whether it is worth another try, and what it cost.

use std::time::Duration;

use agent_core::{ports::PlannerError, scripted::sample_briefing, units::MicroUsd};
use serde_json::json;
use tokio::net::TcpListener;
use tower::Service;

use crate::server::*;

/// What a question that may have been worked on costs, when nobody says how many tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cost {
    Nothing,
    AsCounted,
    TheMost,
}

async fn ask(server: &Server, stream: bool) -> (PlannerError, Cost) {
    let (mut planner, tab) = server.planner(model(stream));
    let error = planner.call(sample_briefing()).await.unwrap_err();
    let half = planner.most(&sample_briefing()).unwrap();
    let cost = match tab.total() {
        MicroUsd::ZERO => Cost::Nothing,
        total if total == cost() => Cost::AsCounted,
        total if total > cost() && total <= half => Cost::TheMost,
        total => panic!("{total}"),
    };
    (error, cost)
}

/// How long an endpoint that will not say any more is listened to.
const SILENCE: Duration = Duration::from_millis(500);

async fn check(stream: bool, reply: Reply, told: &str, again: bool, cost: Cost) {
    let mut server = Server::start([reply.clone()]).await;
    if matches!(reply, Reply::Stall(_)) {
        server.silence = SILENCE;
    }
    let (error, found) = ask(&server, stream).await;
    assert_eq!((error.to_string().as_str(), error.is_retryable(), found), (told, again, cost), "{reply:?}");
    assert_eq!(server.requests().len(), 1, "nothing is retried here: {reply:?}");
    assert!(!format!("{error:?}").contains("127.0.0.1"), "no address in an error: {error:?}");
}

#[tokio::test]
async fn refusals_have_a_type_and_cost_nothing() {
    for stream in [false, true] {
        let refused = async |reply, told: &str, again| check(stream, reply, told, again, Cost::Nothing).await;
        let failed =
            |status: u16| format!("planner is unavailable: the model's endpoint failed (status {status})");
        refused(status(500, "", "{\"error\":{\"message\":\"secret stack trace\"}}"), &failed(500), true)
            .await;
        refused(status(502, "", "<html>bad gateway</html>"), &failed(502), true).await;
        refused(status(408, "", ""), &failed(408), true).await;
        refused(status(429, "", "{}"), "planner has too much to do", true).await;
        let turned_down = |why: &str| {
            format!(
                "planner turns every question down: the model's endpoint turned the question down (status {why})"
            )
        };
        let used_up = json!({ "error": { "message": "pay", "type": "insufficient_quota", "code": "insufficient_quota" } });
        refused(
            status(429, "retry-after: 1\r\n", &used_up.to_string()),
            &turned_down("429, insufficient_quota"),
            false,
        )
        .await;
        let key = json!({ "error": { "message": "Incorrect API key provided", "code": "invalid_api_key" } });
        refused(status(401, "", &key.to_string()), &turned_down("401, invalid_api_key"), false).await;
        refused(status(404, "", "not here"), &turned_down("404"), false).await;
        let odd = json!({ "error": { "code": "a\u{1b}[31m\n" } }).to_string();
        refused(status(400, "", &odd), &turned_down("400, a?[31m?"), false).await;
    }
}

#[tokio::test]
async fn an_endpoint_may_say_how_long_to_wait() {
    for (code, headers, after) in [
        (429, "retry-after: 7\r\n", Some(Duration::from_secs(7))),
        (429, "retry-after: 7\r\nretry-after-ms: 250\r\n", Some(Duration::from_millis(250))),
        (503, "retry-after: 3\r\n", Some(Duration::from_secs(3))),
        (429, "retry-after: Wed, 21 Oct 2026 07:28:00 GMT\r\n", None),
        (429, "retry-after: -1\r\n", None),
    ] {
        let server = Server::start([status(code, headers, "")]).await;
        let (error, cost) = ask(&server, true).await;
        assert!(matches!(error, PlannerError::Busy { .. }), "{error:?}");
        assert_eq!((error.retry_after(), cost), (after, Cost::Nothing), "{headers}");
    }
}

const BROKE_OFF: &str = "planner is unavailable: the model's answer broke off";
const EMPTY: &str = "planner is unavailable: the model's answer is empty";
const BROKEN: &str = "planner is unavailable: the connection to the model's endpoint broke";
const GARBLED: &str = "planner is unavailable: the endpoint's answer is none of an OpenAI-compatible one";
const LATE: &str = "planner did not answer in time";

#[tokio::test]
async fn streams_that_end_too_soon_are_no_answers() {
    let check = async |bytes: Vec<u8>, told, cost| check(true, Reply::Bytes(bytes), told, true, cost).await;
    check(sse(&[delta("{\"because\":")], false), BROKE_OFF, Cost::TheMost).await;
    check(sse(&[delta("{\"because\":")], true), BROKE_OFF, Cost::TheMost).await;
    check(sse(&[delta(&take_it()), usage()], true), BROKE_OFF, Cost::AsCounted).await;
    check(sse(&[], true), EMPTY, Cost::TheMost).await;
    check(sse(&[], false), EMPTY, Cost::TheMost).await;
    check(sse(&[usage()], true), EMPTY, Cost::AsCounted).await;
    // A server that has not understood `stream` and answers whole: nothing that a reader of streams would see.
    check(
        [head("application/json"), whole(&take_it()).to_string().into_bytes()].concat(),
        EMPTY,
        Cost::TheMost,
    )
    .await;
    check(
        [sse(&[delta("{")], false), b"data: {\"choices\": [\n\n".to_vec()].concat(),
        GARBLED,
        Cost::TheMost,
    )
    .await;
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40\r\ndata: {\"choices\"".to_vec();
    check(chunked, BROKEN, Cost::TheMost).await;
}

#[tokio::test]
async fn bodies_that_are_no_answer_are_none() {
    let check = async |reply, told, again| check(false, reply, told, again, Cost::TheMost).await;
    check(status(200, "", ""), GARBLED, true).await;
    check(status(200, "", "{}"), EMPTY, true).await;
    check(status(200, "", "[1, 2"), GARBLED, true).await;
    check(status(200, "", "<html>a login page</html>"), GARBLED, true).await;
    check(Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"choices\"".to_vec()), BROKEN, true)
        .await;
    check(Reply::Bytes(Vec::new()), BROKEN, true).await;
    check(Reply::Bytes(b"SSH-2.0-OpenSSH\r\n".to_vec()), BROKEN, true).await;
    let refusal = json!({ "choices": [{ "message": { "refusal": "I\ncannot" }, "finish_reason": "stop" }] });
    check(status(200, "", &refusal.to_string()), "planner declined: I?cannot", false).await;
    let filtered =
        json!({ "choices": [{ "message": { "content": null }, "finish_reason": "content_filter" }] });
    check(status(200, "", &filtered.to_string()), "planner declined: a content filter stopped it", false)
        .await;
}

#[tokio::test]
async fn an_error_inside_a_success_is_an_error() {
    let inside = json!({ "error": { "code": 502, "message": "upstream" } });
    let told = "planner is unavailable: the model's endpoint failed (status 502)";
    check(false, status(200, "", &inside.to_string()), told, true, Cost::Nothing).await;
    check(true, Reply::Bytes(sse(&[inside], true)), told, true, Cost::Nothing).await;
}

#[tokio::test]
async fn a_body_without_end_is_left_after_a_bound() {
    let larger = |limit: usize| {
        format!(
            "planner answered with something that is no plan: the model's answer is larger than {limit} bytes"
        )
    };
    let (told, of_a_line) = (larger(64 * 1024 + 1_024 * 1_024), larger(64 * 1024));
    check(false, Reply::Flood(head("application/json"), "0"), &told, false, Cost::TheMost).await;
    let event = [head("text/event-stream"), b"data: ".to_vec()].concat();
    check(true, Reply::Flood(event, "0"), &of_a_line, false, Cost::TheMost).await;
    let ten = format!("\"{}\"", "x".repeat(10 << 20));
    check(false, status(200, "", &ten), &told, false, Cost::TheMost).await;
    // The body of an error is not waited for either.
    let failed = "planner is unavailable: the model's endpoint failed (status 500)";
    check(false, Reply::Flood(b"HTTP/1.1 500 X\r\n\r\n".to_vec(), "0"), failed, true, Cost::Nothing).await;
}

#[tokio::test]
async fn silence_ends_a_question() {
    check(true, Reply::Stall(Vec::new()), LATE, true, Cost::TheMost).await;
    check(true, Reply::Stall(sse(&[delta("{")], false)), LATE, true, Cost::TheMost).await;
    check(false, Reply::Stall(Vec::new()), LATE, true, Cost::TheMost).await;
    check(false, Reply::Stall(head("application/json")), LATE, true, Cost::TheMost).await;
}

#[tokio::test]
async fn an_answer_that_is_all_there_need_not_end() {
    let mut server =
        Server::start([Reply::Stall(sse(&[delta(&take_it()), finish("stop"), usage()], false))]).await;
    server.silence = SILENCE;
    let (mut planner, tab) = server.planner(model(true));
    assert_eq!(planner.call(sample_briefing()).await.unwrap().calls.len(), 1);
    assert_eq!(tab.total(), cost());
}

#[tokio::test]
async fn a_plan_has_so_long_however_busy_its_endpoint_seems() {
    let server = Server::start([Reply::Flood(head("text/event-stream"), ": still here\n\n")]).await;
    let mut slow = model(true);
    // Comments keep a stream alive for ever; its bound and its time end it, whichever comes first.
    (slow.patience, slow.tokens.1) = (Duration::from_millis(50), u32::MAX);
    let (mut planner, tab) = server.planner(slow);
    assert!(matches!(planner.call(sample_briefing()).await, Err(PlannerError::TimedOut)));
    assert!(tab.total() > MicroUsd::ZERO);
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_is_billed() {
    let server = Server::start([Reply::Stall(sse(&[delta("{")], false))]).await;
    let (mut planner, tab) = server.planner(model(true));
    let mut asked = planner.call(sample_briefing());
    while server.requests().is_empty() {
        assert!(futures::poll!(&mut asked).is_pending());
        tokio::task::yield_now().await;
    }
    assert_eq!(tab.total(), MicroUsd::ZERO);
    drop(asked);
    assert!(tab.total() > MicroUsd::ZERO);
}

#[tokio::test]
async fn nobody_there_costs_nothing() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut server = Server::start([]).await;
    server.base = format!("http://{gone}/v1");
    let (error, cost) = ask(&server, true).await;
    let told = "planner is unavailable: no connection to the model's endpoint: is it running, and is the address right?";
    assert_eq!((error.to_string().as_str(), error.is_retryable(), cost), (told, true, Cost::Nothing));
}

#[tokio::test]
async fn the_key_follows_no_redirect() {
    for code in [301, 302, 303, 307, 308] {
        let elsewhere = Server::start([says(true, &take_it())]).await;
        let server =
            Server::start([status(code, &format!("location: {}/chat/completions\r\n", elsewhere.base), "")])
                .await;
        let (error, cost) = ask(&server, true).await;
        let told = format!(
            "planner turns every question down: the model's endpoint points elsewhere (status {code}): give the address that it points to"
        );
        assert_eq!((error.to_string(), error.is_retryable(), cost), (told, false, Cost::Nothing));
        assert!(elsewhere.requests().is_empty());
    }
}
