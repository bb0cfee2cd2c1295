//! A server that nobody here wrote: llama.cpp's own, on a model of random weights. `scripts/test` fetches it.

use std::{path::Path, process::Stdio, time::Duration};

use agent_core::{Tab, scripted::sample_briefing};
use planner_remote::{Endpoint, Form, Model, RemotePlanner};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};
use tower::Service;

use crate::server::prices;

/// The server, until this is dropped: it ends with its standard input.
struct Real {
    base: String,
    _process: Child,
}

impl Real {
    async fn start() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = here.ancestors().nth(2).unwrap().join(".cache/xllamacpp/bin/python");
        let mut process = Command::new(python)
            .arg(here.join("tests/remote/real/serve.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("run scripts/test first: it fetches the server");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.next_line().await.unwrap().expect("an address");
        Self { base: format!("{address}/v1"), _process: process }
    }

    fn planner(&self, stream: bool) -> (RemotePlanner, Tab) {
        let endpoint = Endpoint::new(&self.base, None, None, Duration::from_secs(60)).unwrap();
        let model = Model {
            stream,
            patience: Duration::from_secs(120),
            further: json!({ "seed": 7, "temperature": 1.0 }).as_object().unwrap().clone(),
            ..Model::usual("random", Form::Json { strict: false })
        };
        let tab = Tab::default();
        (RemotePlanner::new(endpoint, model, prices(), tab.clone()), tab)
    }
}

#[tokio::test]
#[ignore = "needs xllamacpp"]
async fn noise_under_the_schema_is_a_plan() {
    let server = Real::start().await;
    for stream in [false, true] {
        let (mut planner, tab) = server.planner(stream);
        let mut reasons = Vec::new();
        for in_flight in 0..4 {
            let mut briefing = sample_briefing();
            briefing.in_flight = in_flight;
            let plan = planner.call(briefing.clone()).await.unwrap();
            assert!(
                plan.calls.iter().all(|call| briefing.tools.iter().any(|tool| tool.name == call.tool)),
                "{plan:?}"
            );
            reasons.push(plan.reason);
        }
        let used = planner.used();
        assert_eq!(used.questions, 4, "the server keeps to the schema: nothing had to be mended");
        assert!(used.input > 4 * 1_000 && used.output > 4, "{used:?}");
        assert!(used.cached * 10 > used.input * 6, "the stable part is found in its cache: {used:?}");
        let counted = (used.input - used.cached) * 2 + used.cached + used.output * 10;
        assert_eq!(tab.total().0, counted * 1_000_000, "what it counts is what we bill");
        assert!(reasons.iter().any(|reason| !reason.is_empty()), "a model of noise says something");
    }
}

#[tokio::test]
#[ignore = "needs xllamacpp"]
async fn its_refusals_have_a_type() {
    let server = Real::start().await;
    let ask = async |base: &str, further: serde_json::Value| {
        let endpoint = Endpoint::new(base, None, None, Duration::from_secs(60)).unwrap();
        let further = further.as_object().unwrap().clone();
        let model = Model { further, ..Model::usual("random", Form::Json { strict: false }) };
        let mut planner = RemotePlanner::new(endpoint, model, prices(), Tab::default());
        planner.call(sample_briefing()).await.unwrap_err()
    };
    let elsewhere = ask(&format!("{}/nowhere", server.base), json!({})).await;
    assert!(elsewhere.to_string().contains("turned the question down (status 404"), "{elsewhere}");
    let nonsense = ask(&server.base, json!({ "temperature": "warm" })).await;
    assert!(!nonsense.to_string().contains("warm"), "no body that came back: {nonsense}");
    assert!(nonsense.to_string().contains("(status "), "{nonsense}");
}
