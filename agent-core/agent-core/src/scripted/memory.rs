//! Memories without a disk.

use std::{
    future::ready,
    sync::{Mutex, PoisonError},
};

use crate::ports::{BoxFuture, Cue, Memory, MemoryError, Record, RecordKind};

/// Remembers nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct ForgetfulMemory;

impl Memory for ForgetfulMemory {
    fn remember(&self, _: Record) -> BoxFuture<'_, Result<(), MemoryError>> {
        Box::pin(ready(Ok(())))
    }

    fn recall(&self, _: Cue) -> BoxFuture<'_, Result<Vec<Record>, MemoryError>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn forget(&self, _: String) -> BoxFuture<'_, Result<usize, MemoryError>> {
        Box::pin(ready(Ok(0)))
    }

    fn export(&self) -> BoxFuture<'_, Result<Vec<Record>, MemoryError>> {
        Box::pin(ready(Ok(Vec::new())))
    }
}

/// A list in memory: the model that real implementations are compared with.
#[derive(Debug, Default)]
pub struct ListMemory(Mutex<Vec<Record>>);

impl ListMemory {
    fn with<T>(&self, work: impl FnOnce(&mut Vec<Record>) -> T) -> BoxFuture<'static, Result<T, MemoryError>>
    where
        T: Send + 'static,
    {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(ready(Ok(work(&mut records))))
    }
}

impl Memory for ListMemory {
    fn remember(&self, record: Record) -> BoxFuture<'_, Result<(), MemoryError>> {
        self.with(|records| {
            if record.kind == RecordKind::Fact {
                records.retain(|old| old.kind != RecordKind::Fact || old.subject != record.subject);
            }
            records.push(record);
        })
    }

    fn recall(&self, cue: Cue) -> BoxFuture<'_, Result<Vec<Record>, MemoryError>> {
        self.with(|records| {
            let fits = |record: &&Record| {
                record.subject.starts_with(&cue.subject) && cue.kind.is_none_or(|kind| kind == record.kind)
            };
            records.iter().rev().filter(fits).take(cue.limit).cloned().collect()
        })
    }

    fn forget(&self, subject: String) -> BoxFuture<'_, Result<usize, MemoryError>> {
        self.with(|records| {
            let before = records.len();
            records.retain(|record| !record.subject.starts_with(&subject));
            before.saturating_sub(records.len())
        })
    }

    fn export(&self) -> BoxFuture<'_, Result<Vec<Record>, MemoryError>> {
        self.with(|records| records.clone())
    }
}
