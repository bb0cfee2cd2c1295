//! A source that says what a test has it say.

use std::{
    collections::VecDeque,
    future::ready,
    sync::{Mutex, PoisonError},
};

use alloy_primitives::Bytes;

use crate::ports::{BoxFuture, Source, SourceError};

/// Gives one answer after the other, and the last of them from then on; without any it cannot be reached.
#[derive(Debug)]
pub struct ScriptedSource {
    name: String,
    answers: Mutex<VecDeque<Result<Bytes, SourceError>>>,
}

impl ScriptedSource {
    /// A source that will answer like this.
    pub fn new(name: &str, answers: impl IntoIterator<Item = Result<Bytes, SourceError>>) -> Self {
        Self { name: name.to_owned(), answers: Mutex::new(answers.into_iter().collect()) }
    }
}

impl Source for ScriptedSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn ask(&self) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let next = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(ready(next.unwrap_or(Err(SourceError::Unreachable))))
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::conformance;

    #[test]
    fn the_twin_conforms() {
        let source = ScriptedSource::new("file", [Ok(Bytes::from("42"))]);
        block_on(conformance::source(&source, b"42")).unwrap();
        let (dead, wrong) =
            (ScriptedSource::new("dead", []), ScriptedSource::new("", [Ok(Bytes::from("42"))]));
        block_on(conformance::broken_source(&dead)).unwrap();
        assert!(block_on(conformance::broken_source(&source)).is_err());
        assert!(block_on(conformance::source(&source, b"43")).is_err());
        assert!(block_on(conformance::source(&dead, b"42")).is_err());
        assert!(block_on(conformance::source(&wrong, b"42")).is_err());
    }

    #[test]
    fn answers_come_in_order_and_the_last_one_stays() {
        let source = ScriptedSource::new("api", [Err(SourceError::TimedOut), Ok(Bytes::from("1"))]);
        assert_eq!(block_on(source.ask()), Err(SourceError::TimedOut));
        assert_eq!(block_on(source.ask()), Ok(Bytes::from("1")));
        assert_eq!(block_on(source.ask()), Ok(Bytes::from("1")));
    }
}
