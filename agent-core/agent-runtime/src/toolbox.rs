//! The tools of one agent, each behind the same tower stack: load shedding, a concurrency limit, a time-out, and a wall
//! against panics.

mod isolate;

use std::{collections::BTreeMap, time::Duration};

use agent_core::ports::{Class, Tool, ToolCall, ToolContext, ToolError, ToolErrorKind, ToolReply, ToolSpec};
use serde_json::Value;
use tower::{
    BoxError, Service, ServiceBuilder, ServiceExt,
    limit::ConcurrencyLimitLayer,
    load_shed::{LoadShedLayer, error::Overloaded},
    timeout::{TimeoutLayer, error::Elapsed},
    util::BoxCloneSyncService,
};

/// Bounds of every tool.
#[derive(Debug, Clone, Copy)]
pub struct ToolLimits {
    /// Calls of one tool at once; more are refused, not queued.
    pub concurrency: usize,
    /// How long one call may take.
    pub timeout: Duration,
}

type Request = (ToolContext, Value);
type ToolService = BoxCloneSyncService<Request, ToolReply, ToolError>;

/// The tools that a planner may call.
#[derive(Debug, Clone)]
pub struct Toolbox {
    limits: ToolLimits,
    tools: BTreeMap<String, (ToolSpec, ToolService)>,
}

impl Toolbox {
    /// An empty toolbox.
    #[must_use]
    pub const fn new(limits: ToolLimits) -> Self {
        Self { limits, tools: BTreeMap::new() }
    }

    /// Adds a tool; one of the same name is replaced.
    #[must_use]
    pub fn with<T: Tool>(mut self, tool: T) -> Self {
        let service = ServiceBuilder::new()
            .layer(LoadShedLayer::new())
            .layer(ConcurrencyLimitLayer::new(self.limits.concurrency))
            .layer(TimeoutLayer::new(self.limits.timeout))
            .service(isolate::Isolated::new(tool))
            .map_err(|error: BoxError| explain(T::NAME, error));
        self.tools.insert(T::NAME.to_owned(), (ToolSpec::of::<T>(), BoxCloneSyncService::new(service)));
        self
    }

    /// What planners are told of the tools, in the order of their names.
    #[must_use]
    pub fn specs(&self) -> Vec<ToolSpec> {
        self.tools.values().map(|(spec, _)| spec.clone()).collect()
    }

    /// Makes one call.
    ///
    /// # Errors
    /// Whatever keeps the tool from answering, a panic or a hang included.
    pub async fn call(&self, context: ToolContext, call: ToolCall) -> Result<ToolReply, ToolError> {
        let unknown = || ToolError::new(&call.tool, ToolErrorKind::UnknownTool, "not in the toolbox");
        let (_, service) = self.tools.get(&call.tool).ok_or_else(unknown)?;
        let mut service = service.clone();
        service.ready().await?.call((context, call.arguments)).await
    }
}

/// A typed error through the layers that box theirs.
fn explain(tool: &str, error: BoxError) -> ToolError {
    match error.downcast::<ToolError>() {
        Ok(error) => *error,
        Err(error) if error.is::<Elapsed>() => {
            ToolError::new(tool, ToolErrorKind::TimedOut, "no answer in time")
        }
        Err(error) if error.is::<Overloaded>() => {
            ToolError::new(tool, ToolErrorKind::Overloaded, "too many calls at once")
        }
        Err(error) => ToolError::new(tool, ToolErrorKind::Failed, error.to_string()),
    }
}

/// Checks the arguments, calls, and flattens the typed answer.
async fn answer<T: Tool>(tool: &T, (context, arguments): Request) -> Result<ToolReply, ToolError> {
    let arguments = if arguments.is_null() { Value::Object(serde_json::Map::new()) } else { arguments };
    let bad =
        |error: serde_json::Error| ToolError::new(T::NAME, ToolErrorKind::BadArguments, error.to_string());
    let output = tool.call(context, serde_json::from_value(arguments).map_err(bad)?).await?;
    let broken = |error: serde_json::Error| ToolError::new(T::NAME, ToolErrorKind::Failed, error.to_string());
    let effect = output.effect.map(<T::Class as Class>::Effect::into);
    Ok(ToolReply { output: serde_json::to_value(output.output).map_err(broken)?, effect })
}

#[cfg(test)]
mod tests;
