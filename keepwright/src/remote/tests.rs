//! An agent, a socket, and a door that is scripted.

use std::{path::PathBuf, sync::Arc, time::Duration};

use agent_core::{
    Origin, Outcome, Refusal, Settlement,
    ports::{Command, Door, DoorStatus, Journal, Offered, Reply},
    scripted::{
        ListJournal, ScriptedDoor, refused, sample_mined, sample_opportunity, sample_order, settled, underway,
    },
};
use alloy_primitives::B256;
use chain_door::KillSwitch;
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

use super::{DoorServer, RemoteDoor};

/// What anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

struct House(TempDir);

impl House {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn socket(&self) -> PathBuf {
        self.0.path().join("door/agent.sock")
    }

    fn serve(&self, door: &ScriptedDoor) -> JoinHandle<()> {
        let journal: Arc<dyn Journal> = Arc::new(ListJournal::default());
        let server = DoorServer::bind(&self.socket(), None, Arc::new(door.clone()), journal).unwrap();
        tokio::spawn(async { server.run(std::future::pending()).await.unwrap() })
    }

    fn kill(&self) -> KillSwitch {
        KillSwitch::at(&self.0.path().join("KILL"))
    }

    async fn connect(&self) -> RemoteDoor {
        RemoteDoor::connect(self.socket(), self.kill()).await.unwrap()
    }
}

/// As a process dies: nothing of it is there when this returns.
async fn dies(serving: JoinHandle<()>) {
    serving.abort();
    drop(serving.await);
}

fn reason() -> Origin {
    Origin::Planner { reason: "it pays".into() }
}

fn mined() -> Settlement {
    Settlement::Settled(sample_mined(9))
}

async fn outcome(offered: Offered) -> Outcome {
    let Offered::Underway(underway) = offered else { panic!("not under way: {offered:?}") };
    tokio::time::timeout(PATIENCE, underway.outcome).await.unwrap().unwrap().outcome
}

#[tokio::test]
async fn what_the_door_says_arrives_as_it_was_said() {
    let (house, draft) = (House::new(), sample_opportunity(1).draft());
    let taken = draft.id;
    let door = ScriptedDoor::new(move |draft, _| {
        if draft.id == taken { settled(draft, mined()) } else { refused(Refusal::NoFloor) }
    });
    let _serving = house.serve(&door);
    let remote = house.connect().await;
    let offered = remote.offer(draft.clone(), reason()).await.unwrap();
    assert_eq!(outcome(offered).await, Outcome::Closed(mined()));
    let offered = remote.offer(sample_opportunity(2).draft(), reason()).await.unwrap();
    assert!(matches!(offered, Offered::Refused(Refusal::NoFloor)), "{offered:?}");
    assert_eq!(door.offers()[0], (draft, reason()));
    assert_eq!(remote.command(Command::Arm(sample_order()), reason()).await.unwrap(), Ok(()));
    let watching = async {
        while remote.orders().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, watching).await.unwrap();
    assert_eq!(remote.status(), DoorStatus { orders: door.orders(), ..DoorStatus::default() });
}

#[tokio::test]
async fn an_agent_has_no_operators_rights() {
    let (house, door) = (House::new(), ScriptedDoor::new(|_, _| refused(Refusal::NoFloor)));
    let _serving = house.serve(&door);
    let remote = house.connect().await;
    let command = Command::Arm(sample_order());
    assert_eq!(remote.command(command.clone(), Origin::Operator).await.unwrap(), Err(Refusal::OperatorOnly));
    // And one that does not keep to its own port is told so at the socket.
    let raw = crate::control::Client::at(house.socket());
    let reply = Command::Reply { digest: B256::ZERO, reply: Reply::Approve };
    let bodies =
        [(command, Origin::Operator), (Command::Disarm(sample_order().id), Origin::Door), (reply, reason())];
    for (command, origin) in bodies {
        let ordered = super::wire::Ordered { command, origin };
        let said = raw.post::<()>("/v1/command", &ordered).await.unwrap_err().to_string();
        assert!(said.contains("the operator"), "{said}");
    }
    let offer = super::wire::Offer { draft: sample_opportunity(1).draft(), origin: Origin::Operator };
    assert!(raw.post::<()>("/v1/offer", &offer).await.is_err());
    assert!(
        raw.post::<()>("/v1/kill", &()).await.unwrap_err().to_string().contains("there is no POST /v1/kill")
    );
    assert!(door.commands().is_empty() && door.offers().is_empty());
}

#[tokio::test]
async fn a_door_that_dies_and_comes_back_is_asked_again() {
    let (house, draft) = (House::new(), sample_opportunity(1).draft());
    let first = ScriptedDoor::new(|draft, _| {
        Box::pin(std::future::ready(Ok(Offered::Underway(underway(draft, std::future::pending())))))
    });
    let serving = house.serve(&first);
    let remote = house.connect().await;
    let offered = remote.offer(draft.clone(), reason()).await.unwrap();
    let following = tokio::spawn(outcome(offered));
    dies(serving).await;
    let gone = remote.offer(sample_opportunity(2).draft(), reason()).await.unwrap();
    assert!(matches!(gone, Offered::Refused(Refusal::Unavailable { .. })), "{gone:?}");
    assert!(remote.recover().await.is_err());
    // Its next life finds in the journal what the first one left.
    let (mine, is_mined) = oneshot::channel::<()>();
    let left = underway(&draft, async move {
        is_mined.await.unwrap();
        mined()
    });
    let second = ScriptedDoor::new(|_, _| refused(Refusal::AlreadyTaken)).left([left]);
    let _serving = house.serve(&second);
    mine.send(()).unwrap();
    assert_eq!(following.await.unwrap(), Outcome::Closed(mined()));
}

#[tokio::test]
async fn an_agent_that_dies_and_comes_back_finds_what_is_under_way() {
    let (house, draft) = (House::new(), sample_opportunity(1).draft());
    let (mine, is_mined) = oneshot::channel::<()>();
    let is_mined = std::sync::Mutex::new(Some(is_mined));
    let door = ScriptedDoor::new(move |draft, _| {
        let is_mined = is_mined.lock().unwrap().take().unwrap();
        let settlement = async move {
            is_mined.await.unwrap();
            mined()
        };
        Box::pin(std::future::ready(Ok(Offered::Underway(underway(draft, settlement)))))
    });
    let _serving = house.serve(&door);
    let before = house.connect().await;
    drop(before.offer(draft.clone(), reason()).await.unwrap());
    drop(before);
    let after = house.connect().await;
    let mut left = after.recover().await.unwrap();
    assert_eq!(left.len(), 1);
    assert!(after.recover().await.unwrap().is_empty(), "it is followed already");
    mine.send(()).unwrap();
    let report = tokio::time::timeout(PATIENCE, left.remove(0).outcome).await.unwrap().unwrap();
    assert_eq!((report.id, report.outcome), (draft.id, Outcome::Closed(mined())));
}

#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for() {
    let (house, draft) = (House::new(), sample_opportunity(1).draft());
    let door = ScriptedDoor::new(|draft, _| {
        let verdict = settled(draft, mined());
        Box::pin(async {
            // Longer than the connection lives.
            tokio::time::sleep(Duration::from_millis(300)).await;
            verdict.await
        })
    });
    let serving = house.serve(&door);
    let remote = house.connect().await;
    let offering = remote.offer(draft.clone(), reason());
    let dying = async {
        while door.offers().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        dies(serving).await;
    };
    let (offered, ()) = tokio::join!(offering, dying);
    let offered = offered.unwrap();
    assert!(matches!(offered, Offered::Refused(Refusal::Unavailable { .. })), "{offered:?}");
    let left = underway(&draft, std::future::ready(mined()));
    let _serving = house.serve(&ScriptedDoor::new(|_, _| refused(Refusal::AlreadyTaken)).left([left]));
    let looking = async {
        loop {
            if let Ok(mut found) = remote.recover().await
                && let Some(underway) = found.pop()
            {
                return underway.outcome.await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let report = tokio::time::timeout(PATIENCE, looking).await.unwrap();
    assert_eq!((report.id, report.outcome), (draft.id, Outcome::Closed(mined())));
    assert_eq!(door.offers().len(), 1);
}

#[tokio::test]
async fn a_killed_agent_offers_nothing() {
    let (house, door) = (House::new(), ScriptedDoor::new(|draft, _| settled(draft, mined())));
    let _serving = house.serve(&door);
    let remote = house.connect().await;
    house.kill().latch().unwrap();
    let offered = remote.offer(sample_opportunity(1).draft(), reason()).await.unwrap();
    assert!(matches!(offered, Offered::Refused(Refusal::Killed)) && door.offers().is_empty());
}
