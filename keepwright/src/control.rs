//! The control interface: how an operator talks to a running agent.
//!
//! A small protocol of JSON over HTTP/1.1, on a Unix socket `control.sock` in the state folder, and, where asked for, on a
//! loopback port. The socket is for the user that the agent runs as and nobody else: mode 0600 in a folder that others
//! cannot enter, and the peer's user id is compared as well. The port asks for the token in `control.token`, which is new
//! at each start.
//!
//! [`Server`] serves a [`Panel`], [`Client`] asks. What is served runs in tasks of its own: a slow or silent operator costs the
//! agent nothing. Bodies, connections and the time that each may take are bounded. Nothing here decides anything: what
//! it is told, it tells the door, in the operator's name.

mod access;
mod client;
mod drop_box;
mod error;
pub(crate) mod listen;
mod panel;
pub(crate) mod routes;
pub(crate) mod server;
#[cfg(test)]
mod tests;
mod wire;

pub use client::Client;
pub use error::ControlError;
pub use listen::{is_served, socket_of};
pub use panel::Panel;
pub use server::{ControlConfig, Server};
pub use wire::{
    About, ArmRequest, Complaint, EntryView, JournalPage, KillReport, PolicyReport, Replied,
    StandDownRequest, StatusReport, VerifyReport,
};
