//! A tool as a service whose panics are errors.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
};

use agent_core::ports::{BoxFuture, Tool, ToolError, ToolErrorKind, ToolReply};
use futures::FutureExt;
use tower::Service;

use super::{Request, answer};

pub(super) struct Isolated<T>(Arc<T>);

impl<T> Isolated<T> {
    pub(super) fn new(tool: T) -> Self {
        Self(Arc::new(tool))
    }
}

impl<T> Clone for Isolated<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Tool> Service<Request> for Isolated<T> {
    type Response = ToolReply;
    type Error = ToolError;
    type Future = BoxFuture<'static, Result<ToolReply, ToolError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ToolError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let tool = self.0.clone();
        // Tools keep no state that a panic could leave half-changed and others could see: they propose, and hold no money.
        let guarded = AssertUnwindSafe(async move { answer(tool.as_ref(), request).await }).catch_unwind();
        let panicked =
            |_payload| ToolError::new(T::NAME, ToolErrorKind::Panicked, "it panicked; see the log");
        Box::pin(guarded.map(move |outcome| outcome.unwrap_or_else(|payload| Err(panicked(payload)))))
    }
}
