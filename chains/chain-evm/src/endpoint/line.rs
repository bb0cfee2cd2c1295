//! The connection behind an endpoint: at most one, dialled when needed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy::{
    providers::{DynProvider, Provider},
    pubsub::{ConnectionHandle, PubSubConnect},
    transports::{TransportError, TransportErrorKind, TransportResult},
};

use super::RpcFailure;

/// The current connection. The lock is held for a clone only; whoever dials holds `dialling` meanwhile, so that a lost
/// connection is dialled once, not once per waiting request.
#[derive(Default)]
pub(super) struct Line {
    current: Mutex<Option<DynProvider>>,
    dialling: tokio::sync::Mutex<()>,
    #[cfg(test)]
    fake: bool,
}

impl Line {
    #[cfg(test)]
    pub(super) fn of(provider: DynProvider) -> Self {
        Self { current: Mutex::new(Some(provider)), fake: true, ..Self::default() }
    }

    /// The connection, or the one that `dial` makes.
    pub(super) async fn get_or_dial<F>(&self, dial: impl FnOnce() -> F) -> Result<DynProvider, RpcFailure>
    where
        F: Future<Output = Result<DynProvider, RpcFailure>>,
    {
        if let Some(provider) = self.current().clone() {
            return Ok(provider);
        }
        let _only_one = self.dialling.lock().await;
        if let Some(provider) = self.current().clone() {
            return Ok(provider);
        }
        let provider = dial().await?;
        *self.current() = Some(provider.clone());
        Ok(provider)
    }

    /// Forgets `failed`, unless another has replaced it already.
    pub(super) fn hang_up(&self, failed: &DynProvider) {
        #[cfg(test)]
        if self.fake {
            return;
        }
        let mut current = self.current();
        let same = current.as_ref().is_some_and(|provider| same_client(provider, failed));
        if same {
            *current = None;
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<DynProvider>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn same_client(one: &DynProvider, other: &DynProvider) -> bool {
    match (one.weak_client().upgrade(), other.weak_client().upgrade()) {
        (Some(one), Some(other)) => Arc::ptr_eq(&one, &other),
        (None, _) | (_, None) => false,
    }
}

/// A connector that connects once. Alloy would reconnect by itself without looking at the chain id, and give up for good
/// after some tries; the endpoint dials anew instead.
#[derive(Debug, Clone)]
pub(super) struct Once<C>(pub(super) C);

impl<C: PubSubConnect> PubSubConnect for Once<C> {
    fn is_local(&self) -> bool {
        self.0.is_local()
    }

    async fn connect(&self) -> TransportResult<ConnectionHandle> {
        self.0.connect().await
    }

    async fn try_reconnect(&self) -> Result<ConnectionHandle, TransportError> {
        Err(TransportErrorKind::non_retryable_str("the connection was lost"))
    }
}
