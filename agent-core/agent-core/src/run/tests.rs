use expect_test::expect;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    ports::ToolErrorKind,
    scripted::{sample_opportunity, sample_situation},
};

const LIMITS: RunLimits = RunLimits { rounds: 3, calls: 2, note_bytes: 24 };

fn call(tool: &str) -> ToolCall {
    ToolCall { tool: tool.into(), arguments: json!({}) }
}

fn plan(tools: &[&str]) -> Answer {
    Answer::Planned(Ok(Plan {
        reason: "because".into(),
        calls: tools.iter().map(|tool| call(tool)).collect(),
    }))
}

fn says(text: &str) -> Result<ToolReply, ToolError> {
    Ok(ToolReply { output: json!(text), effect: None })
}

fn offers(seed: u8) -> Result<ToolReply, ToolError> {
    Ok(ToolReply { output: json!("ok"), effect: Some(sample_opportunity(seed).draft().into()) })
}

fn woke() -> Answer {
    Answer::Woke(Box::new(sample_situation()))
}

/// One line per step and answer: what a reader needs to follow the loop.
fn trace(answers: Vec<Answer>) -> String {
    let mut run = Run::new(vec![], LIMITS);
    let mut lines = vec![name(&run.next())];
    for answer in answers {
        run.answer(answer).unwrap();
        // Every state survives being written down.
        let written = serde_json::to_string(&run).unwrap();
        run = serde_json::from_str(&written).unwrap();
        lines.push(name(&run.next()));
    }
    lines.join("\n")
}

fn name(step: &Step) -> String {
    match step {
        Step::Plan(briefing) => {
            let notes: Vec<_> =
                briefing.notes.iter().map(|note| format!("{}: {}", note.tool, note.said)).collect();
            format!("plan, notes {notes:?}")
        }
        Step::CallTools(calls) => {
            format!("call {:?}", calls.iter().map(|call| call.tool.as_str()).collect::<Vec<_>>())
        }
        Step::AskOperator(question) => format!("ask the operator about {}", question.digest),
        Step::Offer(draft, origin) => format!("offer {} as {origin:?}", draft.class),
        Step::Command(command, origin) => format!("command {command:?} as {origin:?}"),
        Step::Sleep => "sleep".into(),
        Step::Done => "done".into(),
    }
}

#[test]
fn a_sitting_looks_up_offers_and_sleeps() {
    let trace = trace(vec![
        woke(),
        plan(&["recall"]),
        Answer::Called(vec![says("lost this race before, twice")]),
        plan(&["execute", "execute", "one too many"]),
        Answer::Called(vec![offers(1), offers(2)]),
        Answer::Heard(Ok(())),
        Answer::Heard(Err(Refusal::AlreadyTaken)),
        plan(&[]),
    ]);
    expect![[r#"
        sleep
        plan, notes []
        call ["recall"]
        plan, notes ["recall: \"lost this race before, "]
        call ["execute", "execute"]
        offer sample/one as Planner { reason: "because" }
        offer sample/one as Planner { reason: "because" }
        plan, notes ["recall: \"lost this race before, ", "execute: under way", "execute: already taken: pick anot"]
        sleep"#]]
    .assert_eq(&trace);
}

#[test]
fn rounds_end_a_planner_that_only_looks_things_up() {
    let looking = || Answer::Called(vec![says("…")]);
    let trace =
        trace(vec![woke(), plan(&["a"]), looking(), plan(&["a"]), looking(), plan(&["a"]), looking()]);
    assert_eq!(trace.matches("plan").count(), 3);
    assert!(trace.ends_with("sleep"));
}

#[test]
fn a_failing_planner_or_tool_never_ends_the_run() {
    let failed = Err(ToolError::new("a", ToolErrorKind::Panicked, "secret detail"));
    let trace = trace(vec![
        woke(),
        Answer::Planned(Err("out of memory".into())),
        woke(),
        plan(&["a"]),
        Answer::Called(vec![failed]),
    ]);
    expect![[r#"
        sleep
        plan, notes []
        sleep
        plan, notes []
        call ["a"]
        plan, notes ["a: the tool is broken: do w"]"#]]
    .assert_eq(&trace);
}

#[test]
fn a_wrong_answer_changes_nothing() {
    let mut run = Run::new(vec![], LIMITS);
    run.answer(woke()).unwrap();
    run.answer(plan(&["a"])).unwrap();
    let before = run.clone();
    assert_eq!(run.answer(woke()), Err(Mismatch));
    assert_eq!(run.answer(Answer::Called(vec![])), Err(Mismatch));
    assert_eq!(run, before);
    run.stop();
    assert_eq!(run.next(), Step::Done);
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let tools = prop::collection::vec("[a-z]{1,3}", 0..4);
    let replies = prop::collection::vec(prop_oneof![Just(says("x")), any::<u8>().prop_map(offers)], 0..4);
    prop_oneof![
        Just(woke()),
        tools.prop_map(|tools| plan(&tools.iter().map(String::as_str).collect::<Vec<_>>())),
        Just(Answer::Planned(Err("no".into()))),
        replies.prop_map(Answer::Called),
        Just(Answer::Heard(Ok(()))),
        Just(Answer::Heard(Err(Refusal::Killed))),
    ]
}

proptest! {
    /// Whatever a planner and its tools answer, the run stays bounded, replays, and waits for exactly one kind of answer.
    #[test]
    fn any_answers_replay_to_the_same_steps(answers in prop::collection::vec(any_answer(), 0..60)) {
        let (mut first, mut second) = (Run::new(vec![], LIMITS), Run::new(vec![], LIMITS));
        for answer in answers {
            prop_assert_eq!(first.answer(answer.clone()), second.answer(answer));
            prop_assert_eq!(first.next(), second.next());
            prop_assert!(first.round <= LIMITS.rounds);
        }
    }
}
