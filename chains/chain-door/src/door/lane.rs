//! Lanes: one key at work each. What a key signs is mined in the order of its nonces, so a lane waits for itself; it never
//! waits for another lane. Budgets, orders, breakers, people and the journal are for all lanes together.

use std::{collections::BTreeMap, fmt, sync::Arc};

use agent_core::{
    Draft,
    ports::{DoorError, LaneStatus, Moment, Sender, Underway},
};
use alloy_primitives::Address;
use futures::{future::join_all, lock::Mutex};

use super::Shared;
use crate::{Policy, Recorded};

/// Who signs in which lane, and with which key.
#[derive(Clone)]
pub struct Senders {
    own: Signer,
    others: BTreeMap<String, Signer>,
}

type Signer = (Address, Arc<dyn Sender<Recorded>>);

impl Senders {
    /// For the lane of the policy's own executor.
    #[must_use]
    pub fn one(key: Address, sender: Arc<dyn Sender<Recorded>>) -> Self {
        Self { own: (key, sender), others: BTreeMap::new() }
    }

    /// And for the lane of this name.
    #[must_use]
    pub fn with(mut self, lane: &str, key: Address, sender: Arc<dyn Sender<Recorded>>) -> Self {
        self.others.insert(lane.to_owned(), (key, sender));
        self
    }

    /// Exactly the lanes of `policy`, each with a key of its own.
    pub(super) fn fit(&self, policy: &Policy) -> Result<(), DoorError> {
        let refused = |problem: String| Err(DoorError::Lanes(problem));
        if let Some(lane) = policy.others.keys().find(|lane| !self.others.contains_key(*lane)) {
            return refused(format!("lane {lane} of the policy has no key; name one, or remove the lane"));
        }
        if let Some(lane) = self.others.keys().find(|lane| !policy.others.contains_key(*lane)) {
            return refused(format!(
                "the policy has no lane {lane}, for which there is a key; add the lane there"
            ));
        }
        let mut lanes = BTreeMap::from([(self.own.0, policy.lane.as_str())]);
        for (lane, (key, _)) in &self.others {
            if let Some(other) = lanes.insert(*key, lane) {
                return refused(format!("lanes {other} and {lane} have one key {key}; give each its own"));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Senders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others = self.others.iter().map(|(lane, (key, _))| (lane, key));
        f.debug_struct("Senders")
            .field("own", &self.own.0)
            .field("others", &others.collect::<Vec<_>>())
            .finish()
    }
}

/// One key at work.
pub(super) struct Lane {
    pub(super) key: Address,
    /// As this lane is held to it: its own executor and strategies, and no other's.
    pub(super) policy: Policy,
    pub(super) sender: Arc<dyn Sender<Recorded>>,
    /// Held from the simulation until the transaction is on its way, so that no two drafts see one nonce, and each is
    /// simulated after all that come before it.
    pub(super) turn: Mutex<()>,
    pub(super) shared: Arc<Shared>,
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lane({} of {})", self.policy.lane, self.key)
    }
}

/// All lanes of a door.
#[derive(Debug)]
pub(super) struct Lanes {
    /// The one of the policy's own executor, and of whatever is no strategy's.
    pub(super) own: Arc<Lane>,
    others: Vec<Arc<Lane>>,
}

impl Lanes {
    /// The policy's lanes, whose senders fit it.
    pub(super) fn new(shared: &Arc<Shared>, senders: Senders) -> Self {
        let policy = &shared.policy;
        let lane = |name: &str, executor, (key, sender): Signer| {
            let policy = policy.narrowed(name, executor);
            Arc::new(Lane { key, policy, sender, turn: Mutex::new(()), shared: shared.clone() })
        };
        let Senders { own, mut others } = senders;
        let signers = policy.others.iter().filter_map(|(name, executor)| {
            let signer = others.remove(name)?;
            Some(lane(name, *executor, signer))
        });
        Self { others: signers.collect(), own: lane(&policy.lane, policy.executor, own) }
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Lane>> {
        std::iter::once(&self.own).chain(&self.others)
    }

    /// The lane in which the policy has the strategy of `draft` act.
    pub(super) fn of(&self, draft: &Draft) -> &Arc<Lane> {
        let name = self.own.shared.policy.lane_of(&draft.strategy);
        self.all().find(|lane| lane.policy.lane == name).unwrap_or(&self.own)
    }

    /// Takes up what is open in every lane, each by itself: what one cannot find out keeps no other from its own.
    pub(super) async fn recover(&self) -> Result<Vec<Underway>, DoorError> {
        let shared = &self.own.shared;
        if shared.is_alive().is_err() {
            shared.disarm_all().await?;
        }
        let (mut underway, mut unknown) = (Vec::new(), None);
        for lane in join_all(self.all().map(|lane| lane.clone().recover())).await {
            match lane {
                Ok(found) => underway.extend(found),
                Err(error @ DoorError::Standing(_)) => unknown = unknown.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        match unknown {
            Some(error) if underway.is_empty() => Err(error),
            // It is asked again; until then it holds its place, and the others are followed.
            Some(error) => {
                shared.ports.observer.saw(Moment::Warned(&error.to_string()));
                Ok(underway)
            }
            None => Ok(underway),
        }
    }

    /// Says for which open intents there is no key. They hold their places and budgets until there is.
    pub(super) fn tell_of_strangers(&self) {
        let shared = &self.own.shared;
        let is_ours = |key: &Address| self.all().any(|lane| lane.key == *key);
        for key in shared.intents.keys().iter().filter(|key| !is_ours(key)) {
            let sentence = format!(
                "the journal holds a transaction of the key {key} open, and no lane has that key: it keeps its place and its \
                 budgets until a start with that key has found out what became of it"
            );
            shared.ports.observer.saw(Moment::Warned(&sentence));
        }
    }

    pub(super) fn statuses(&self) -> Vec<LaneStatus> {
        let status = |lane: &Arc<Lane>| LaneStatus {
            name: lane.policy.lane.clone(),
            key: lane.key,
            executor: lane.policy.executor,
            next_nonce: lane.shared.intents.expected_nonce(lane.key),
        };
        self.all().map(status).collect()
    }
}
