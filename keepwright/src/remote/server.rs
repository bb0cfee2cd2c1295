//! The door's end of the socket.

use std::{path::Path, sync::Arc, time::Duration};

use agent_core::ports::{Door, DoorError, Journal};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::{desk::DoorDesk, routes};
use crate::control::{
    ControlError,
    listen::{Socket, private},
    server::serve,
};

/// How often the door is asked for what nobody follows.
const TIDYING: Duration = Duration::from_secs(15);

/// A bound door that serves agents once it is [run](Self::run).
#[derive(Debug)]
pub struct DoorServer {
    socket: Socket,
    desk: DoorDesk,
    breaks: mpsc::Receiver<DoorError>,
}

impl DoorServer {
    /// Binds `socket` for agents of this process's own user, and of `agent_user` where it is given: only as another user is an
    /// agent really kept from the key's file and the operator's socket. The socket's folder must let that user in; it is made
    /// for this user alone where it is not there.
    ///
    /// # Errors
    /// When another process serves the socket, or others may write to its folder.
    pub fn bind(
        socket: &Path,
        agent_user: Option<u32>,
        door: Arc<dyn Door>,
        journal: Arc<dyn Journal>,
    ) -> Result<Self, ControlError> {
        if agent_user.is_none() {
            private(socket.parent().unwrap_or(Path::new(".")))?;
        }
        let socket = Socket::bind_for(socket, agent_user)?;
        let (desk, breaks) = DoorDesk::new(door, journal);
        Ok(Self { socket, desk, breaks })
    }

    /// Takes up what an earlier process left, then serves until `shutdown` resolves. What is under way then, the next start
    /// takes up.
    ///
    /// # Errors
    /// When the door breaks: no money may move.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), DoorError> {
        let Self { socket, desk, mut breaks } = self;
        desk.recover().await?;
        let mut serving = JoinSet::new();
        serving.spawn(serve(socket, routes::agent(desk.clone())));
        let tidying = async {
            let mut ticks = interval(TIDYING);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                match desk.recover().await {
                    // The node cannot say where something stands; there is a next time.
                    Ok(()) | Err(DoorError::Standing(_)) => {}
                    Err(error) => return error,
                }
            }
        };
        tokio::select! {
            () = shutdown => Ok(()),
            Some(error) = breaks.recv() => Err(error),
            error = tidying => Err(error),
        }
    }
}
