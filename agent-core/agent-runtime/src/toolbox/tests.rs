use agent_core::{
    ports::{Nothing, Read, ToolOutput},
    units::BlockRef,
};
use serde_json::json;

use super::*;

struct Panics;
struct Hangs;
struct Echoes;

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct EchoArgs {
    word: String,
}

impl Tool for Panics {
    const NAME: &'static str = "panics";
    const DESCRIPTION: &'static str = "Panics.";
    type Class = Read;
    type Args = Nothing;
    type Output = ();
    async fn call(
        &self,
        _: ToolContext,
        _: Nothing,
    ) -> Result<ToolOutput<(), std::convert::Infallible>, ToolError> {
        panic!("a tool's bug")
    }
}

impl Tool for Hangs {
    const NAME: &'static str = "hangs";
    const DESCRIPTION: &'static str = "Never answers.";
    type Class = Read;
    type Args = Nothing;
    type Output = ();
    async fn call(
        &self,
        _: ToolContext,
        _: Nothing,
    ) -> Result<ToolOutput<(), std::convert::Infallible>, ToolError> {
        std::future::pending().await
    }
}

impl Tool for Echoes {
    const NAME: &'static str = "echoes";
    const DESCRIPTION: &'static str = "Says it again.";
    type Class = Read;
    type Args = EchoArgs;
    type Output = String;
    async fn call(
        &self,
        _: ToolContext,
        args: EchoArgs,
    ) -> Result<ToolOutput<String, std::convert::Infallible>, ToolError> {
        Ok(ToolOutput::says(args.word))
    }
}

fn toolbox() -> Toolbox {
    let limits = ToolLimits { concurrency: 2, timeout: Duration::from_secs(5) };
    Toolbox::new(limits).with(Panics).with(Hangs).with(Echoes)
}

async fn call(toolbox: &Toolbox, tool: &str, arguments: Value) -> Result<Value, ToolErrorKind> {
    let context = ToolContext { now: BlockRef::default(), board: Vec::new().into() };
    let call = ToolCall { tool: tool.into(), arguments };
    toolbox.call(context, call).await.map(|reply| reply.output).map_err(|error| error.kind)
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_panics_or_hangs_is_an_error_and_the_next_call_goes_through() {
    let toolbox = toolbox();
    assert_eq!(call(&toolbox, "panics", Value::Null).await, Err(ToolErrorKind::Panicked));
    assert_eq!(call(&toolbox, "hangs", json!({})).await, Err(ToolErrorKind::TimedOut));
    assert_eq!(call(&toolbox, "echoes", json!({ "word": "on" })).await, Ok(json!("on")));
}

#[tokio::test(start_paused = true)]
async fn arguments_are_checked_and_extra_calls_are_shed() {
    let toolbox = toolbox();
    assert_eq!(call(&toolbox, "echoes", json!({ "word": 1 })).await, Err(ToolErrorKind::BadArguments));
    assert_eq!(
        call(&toolbox, "echoes", json!({ "word": "a", "x": 1 })).await,
        Err(ToolErrorKind::BadArguments)
    );
    assert_eq!(call(&toolbox, "no such", json!({})).await, Err(ToolErrorKind::UnknownTool));
    let calls = (0..3).map(|_| call(&toolbox, "hangs", Value::Null));
    let kinds = futures::future::join_all(calls).await;
    let shed = kinds.iter().filter(|kind| **kind == Err(ToolErrorKind::Overloaded)).count();
    assert_eq!(shed, 1, "{kinds:?}");
}
