//! The door in a process of its own: with its journal and its key, and agents that bring it drafts over a Unix socket.
//!
//! Types end at a socket, so the whole door moves as one piece. [`DoorServer`] serves it; [`RemoteDoor`] is the [`Door`] port
//! at the agent's end. An agent has the rights of a planner and of the reflex lane, and no others: what an operator may do needs
//! the operator's socket, which the door's process serves as every agent does (see [`control`](crate::control)).
//!
//! Either side may die and come back. What the door took is in its journal, and it follows that to its end whoever listens; an
//! agent that comes back, or finds the door back, asks again for whatever it has not heard the end of.
//!
//! [`Door`]: agent_core::ports::Door

mod agent;
mod desk;
mod past;
mod routes;
mod server;
#[cfg(test)]
mod tests;
mod wire;

pub use agent::RemoteDoor;
pub use server::DoorServer;
