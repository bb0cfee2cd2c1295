//! Questions and answers, when all goes as it should.

use agent_core::{
    Plan, conformance,
    ports::{PlannerError, ToolCall},
    scripted::{sample_briefing, sample_opportunity},
    units::MicroUsd,
};
use expect_test::expect;
use planner_remote::{Endpoint, Form, Model, RemotePlanner, TokenLimit};
use serde_json::{Value, json};
use std::time::Duration;
use tower::Service;

use crate::server::*;

fn taken() -> Plan {
    let arguments = json!({ "opportunity": sample_opportunity(1).id.0 });
    let calls = vec![ToolCall { tool: "execute_opportunity".into(), arguments }];
    Plan { reason: "worth it".into(), calls }
}

/// The same with what is long left out.
fn outline(body: &Value) -> String {
    let mut body = body.clone();
    for message in body["messages"].as_array_mut().unwrap() {
        let words = message["content"].as_str().unwrap().split_whitespace();
        message["content"] = words.take(5).collect::<Vec<_>>().join(" ").into();
    }
    if let Some(schema) = body.pointer_mut("/response_format/json_schema/schema") {
        *schema = json!("a schema");
    }
    agent_core::canonical(&body)
}

#[tokio::test]
async fn an_answer_is_the_same_plan_whole_or_in_pieces() {
    for stream in [false, true] {
        let server = Server::start([says(stream, &take_it())]).await;
        let (mut planner, tab) = server.planner(model(stream));
        assert_eq!(planner.call(sample_briefing()).await.unwrap(), taken());
        assert_eq!(tab.total(), cost());
        let used = planner.used();
        assert_eq!((used.questions, used.input, used.cached, used.output), (1, 100, 60, 7));
        let requests = server.requests();
        assert!(requests[0].head.starts_with("POST /v1/chat/completions HTTP/1.1"), "{}", requests[0].head);
        assert!(requests[0].head.to_lowercase().contains(&format!("authorization: bearer {KEY}")));
        if stream {
            expect![[r#"{"max_tokens":1024,"messages":[{"content":"You decide for an autonomous","role":"system"},{"content":"Block 7, chain time 84","role":"user"}],"model":"m-1","response_format":{"json_schema":{"name":"plan","schema":"a schema","strict":false},"type":"json_schema"},"stream":true,"stream_options":{"include_usage":true}}"#]].assert_eq(&outline(&requests[0].body));
        }
    }
}

#[tokio::test]
async fn tool_calls_are_asked_for_where_a_server_makes_them() {
    let arguments = json!({ "opportunity": sample_opportunity(1).id.0 }).to_string();
    let message = json!({ "content": "worth it", "tool_calls": [{ "id": "1", "type": "function", "function": { "name": "execute_opportunity", "arguments": arguments } }] });
    let said = json!({ "choices": [{ "message": message, "finish_reason": "tool_calls" }] });
    let server = Server::start([status(200, "", &said.to_string())]).await;
    let asked = Model {
        stream: false,
        tokens: (TokenLimit::MaxCompletionTokens, 99),
        further: json!({ "temperature": 0, "model": "another" }).as_object().unwrap().clone(),
        ..Model::usual("m-1", Form::Tools)
    };
    let (mut planner, _) = server.planner(asked);
    assert_eq!(planner.call(sample_briefing()).await.unwrap(), taken());
    let mut body = server.requests()[0].body.clone();
    let tools = body.as_object_mut().unwrap().remove("tools").unwrap();
    assert_eq!(tools[0]["function"]["parameters"], sample_briefing().tools[0].schema);
    expect![[r#"{"max_completion_tokens":99,"messages":[{"content":"You decide for an autonomous","role":"system"},{"content":"Block 7, chain time 84","role":"user"}],"model":"m-1","stream":false,"temperature":0,"tool_choice":"auto"}"#]].assert_eq(&outline(&body));
}

#[tokio::test]
async fn an_answer_that_is_no_plan_may_be_mended_once() {
    for stream in [false, true] {
        let server = Server::start([says(stream, "I would take it."), says(stream, &take_it())]).await;
        let (mut planner, tab) = server.planner(model(stream));
        assert_eq!(planner.call(sample_briefing()).await.unwrap(), taken());
        assert_eq!(tab.total(), cost().times(2), "both are billed");
        let requests = server.requests();
        let (first, second) = (&requests[0].body["messages"], &requests[1].body["messages"]);
        assert_eq!(second[0], first[0]);
        assert_eq!(second[1], first[1], "what was cached stays cached");
        assert_eq!(second[2], json!({ "role": "assistant", "content": "I would take it." }));
        expect!["That is no valid answer: it is not the JSON that was asked for: expected value at line 1 column 1. Answer the same question again, in the form that was asked for."]
            .assert_eq(second[3]["content"].as_str().unwrap());
    }
}

#[tokio::test]
async fn an_answer_that_is_no_plan_twice_is_none() {
    let wild =
        json!({ "because": "\u{1b}[2J", "calls": [{ "call": "drain_wallet", "with": {} }] }).to_string();
    let server = Server::start([says(true, &wild), says(true, &wild), says(true, &take_it())]).await;
    let (mut planner, tab) = server.planner(model(true));
    let error = planner.call(sample_briefing()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "planner answered with something that is no plan: there is no tool drain_wallet"
    );
    assert!(matches!(error, PlannerError::Malformed(_)) && !error.is_retryable());
    assert_eq!(server.requests().len(), 2, "exactly one more try");
    assert_eq!(tab.total(), cost().times(2));
    assert_eq!(planner.call(sample_briefing()).await.unwrap(), taken(), "and the next question is a new one");
}

#[tokio::test]
async fn the_planner_conforms() {
    for stream in [false, true] {
        let wait = json!({ "because": "", "calls": [] }).to_string();
        let answers = [take_it(), wait, take_it(), take_it(), take_it()];
        let server = Server::start(answers.map(|answer| says(stream, &answer))).await;
        conformance::planner(&mut server.planner(model(stream)).0).await.unwrap();
        assert_eq!(server.requests().len(), 5, "a question that was dropped before it was put is not put");
    }
}

#[tokio::test]
async fn what_changes_comes_after_what_does_not() {
    let server = Server::start([says(false, &take_it()), says(false, &take_it())]).await;
    let (mut planner, _) = server.planner(model(false));
    let mut briefing = sample_briefing();
    planner.call(briefing.clone()).await.unwrap();
    briefing.in_flight = 3;
    briefing.opportunities[0].facts.insert("why".into(), "another reason".into());
    planner.call(briefing).await.unwrap();
    let bodies: Vec<_> = server.requests().iter().map(|request| request.body.clone()).collect();
    assert_eq!(bodies[0]["messages"][0], bodies[1]["messages"][0]);
    assert_eq!(bodies[0]["response_format"], bodies[1]["response_format"]);
    assert_ne!(bodies[0]["messages"][1], bodies[1]["messages"][1]);
}

#[tokio::test]
async fn questions_go_through_the_proxy_that_was_given_and_no_other() {
    let proxy = Server::start([says(false, &take_it())]).await;
    let address = proxy.base.trim_end_matches("/v1");
    let endpoint =
        Endpoint::new("http://model.invalid/v1", None, Some(address), Duration::from_secs(60)).unwrap();
    let mut planner = RemotePlanner::new(endpoint, model(false), prices(), Default::default());
    assert_eq!(planner.call(sample_briefing()).await.unwrap(), taken());
    let head = proxy.requests()[0].head.clone();
    assert!(head.starts_with("POST http://model.invalid/v1/chat/completions "), "{head}");
    assert!(!head.to_lowercase().contains("authorization"), "{head}");
}

#[tokio::test]
async fn no_plan_costs_more_than_the_most() {
    let server = Server::start([Reply::Bytes(sse(&[], false))]).await;
    let (mut planner, tab) = server.planner(model(true));
    let most = planner.most(&sample_briefing()).unwrap();
    planner.call(sample_briefing()).await.unwrap_err();
    assert!(tab.total() > MicroUsd::ZERO && tab.total() <= most, "{} of {most}", tab.total());
}
