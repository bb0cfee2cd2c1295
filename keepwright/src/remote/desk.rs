//! What the door's process keeps for its agents: what is under way, and how what was under way ended.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use agent_core::{
    OpportunityId, OutcomeReport,
    ports::{Door, DoorError, Journal, Sent, Underway},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::timeout,
};

use super::{
    past,
    wire::{Ended, OnItsWay},
};

/// Ends that are remembered; older ones are in the journal.
const REMEMBERED: usize = 1_024;
/// How long an agent's question for an end is held open.
const HOLD: Duration = Duration::from_secs(15);

/// The door, and what is followed behind it. Cheap to clone; all clones are one desk.
#[derive(Clone)]
pub(super) struct DoorDesk(Arc<Inside>);

struct Inside {
    door: Arc<dyn Door>,
    journal: Arc<dyn Journal>,
    state: Mutex<State>,
    /// Tells whoever runs the desk that the door is broken.
    broken: mpsc::Sender<DoorError>,
}

#[derive(Default)]
struct State {
    followed: BTreeMap<OpportunityId, Followed>,
    /// What has ended, oldest first.
    ended: VecDeque<OpportunityId>,
    /// Ends with the desk: the journal has what was not followed to its end.
    tasks: JoinSet<()>,
}

struct Followed {
    sent: Sent,
    end: watch::Receiver<Option<OutcomeReport>>,
}

impl fmt::Debug for DoorDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DoorDesk").finish_non_exhaustive()
    }
}

impl DoorDesk {
    /// A desk before `door`; what breaks it is received.
    pub(super) fn new(door: Arc<dyn Door>, journal: Arc<dyn Journal>) -> (Self, mpsc::Receiver<DoorError>) {
        let (broken, breaks) = mpsc::channel(1);
        (Self(Arc::new(Inside { door, journal, state: Mutex::default(), broken })), breaks)
    }

    pub(super) fn door(&self) -> &dyn Door {
        self.0.door.as_ref()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The door cannot work any more. The first reason counts.
    pub(super) fn breaks(&self, error: DoorError) {
        drop(self.0.broken.try_send(error));
    }

    /// Follows it to its end, whoever asks for that.
    pub(super) fn follow(&self, underway: Underway) -> OnItsWay {
        let Underway { id, sent, outcome } = underway;
        let (end, ended) = watch::channel(None);
        let mut state = self.state();
        while state.tasks.try_join_next().is_some() {}
        state.followed.insert(id, Followed { sent, end: ended });
        let desk = Arc::downgrade(&self.0);
        state.tasks.spawn(async move {
            let outcome = outcome.await;
            let Some(inside) = desk.upgrade() else { return };
            let desk = Self(inside);
            match outcome {
                Ok(report) => {
                    end.send_replace(Some(report));
                    desk.forget_after(id);
                }
                Err(error) => desk.breaks(error),
            }
        });
        OnItsWay { id, sent }
    }

    fn forget_after(&self, id: OpportunityId) {
        let mut state = self.state();
        state.ended.push_back(id);
        while state.ended.len() > REMEMBERED {
            if let Some(oldest) = state.ended.pop_front() {
                // One that was taken again meanwhile is still on its way.
                if state.followed.get(&oldest).is_some_and(|followed| followed.end.borrow().is_some()) {
                    state.followed.remove(&oldest);
                }
            }
        }
    }

    /// Takes up what the journal holds open and nobody follows.
    pub(super) async fn recover(&self) -> Result<(), DoorError> {
        for underway in self.0.door.recover().await? {
            self.follow(underway);
        }
        Ok(())
    }

    /// Everything that has not ended.
    pub(super) fn under_way(&self) -> Vec<OnItsWay> {
        let state = self.state();
        let open = state.followed.iter().filter(|(_, followed)| followed.end.borrow().is_none());
        open.map(|(id, followed)| OnItsWay { id: *id, sent: followed.sent }).collect()
    }

    /// How `id` ended; waits a while for it.
    pub(super) async fn ended(&self, id: OpportunityId) -> Result<Ended, DoorError> {
        let followed = self.state().followed.get(&id).map(|followed| followed.end.clone());
        let Some(mut end) = followed else { return past::ended(self.0.journal.as_ref(), id).await };
        let heard = timeout(HOLD, end.wait_for(Option::is_some)).await;
        let report = heard.ok().and_then(Result::ok).and_then(|report| report.clone());
        Ok(report.map_or(Ended::NotYet, |report| Ended::Yes(Box::new(report))))
    }
}
