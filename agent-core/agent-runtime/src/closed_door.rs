//! The door of an agent that only observes: there is no key behind it.

use std::future::ready;

use agent_core::{
    Draft, Origin, Refusal,
    ports::{BoxFuture, Command, Door, DoorError, DoorStatus, Offered, Underway},
};

/// Refuses everything. An agent with this door looks, finds and explains, and has no way to sign.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClosedDoor;

impl Door for ClosedDoor {
    fn offer(&self, _: Draft, _: Origin) -> BoxFuture<'_, Result<Offered, DoorError>> {
        Box::pin(ready(Ok(Offered::Refused(Refusal::ObserveOnly))))
    }

    fn command(&self, _: Command, _: Origin) -> BoxFuture<'_, Result<Result<(), Refusal>, DoorError>> {
        Box::pin(ready(Ok(Err(Refusal::ObserveOnly))))
    }

    fn recover(&self) -> BoxFuture<'_, Result<Vec<Underway>, DoorError>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn status(&self) -> DoorStatus {
        DoorStatus::default()
    }
}
