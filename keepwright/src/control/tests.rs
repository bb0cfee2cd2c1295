//! An operator and an agent whose door is scripted.

mod drop_box;
mod http;
mod socket;

use std::sync::{Arc, Mutex, PoisonError};

use agent_core::{
    ChainEvent, Refusal,
    ports::{Journal, Moment, Observer, Question, Reply},
    scripted::{
        ListJournal, ScriptedDoor, ScriptedReader, refused, sample_head, sample_opportunity, sample_order,
    },
    units::{ChainId, Timestamp},
};
use alloy_primitives::B256;
use chain_door::KillSwitch;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::{Client, ControlConfig, ControlError, Panel, Server};
use crate::Premises;

/// What the operator is told.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn saw(&self, moment: Moment<'_>) {
        if let Moment::Warned(sentence) = moment {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sentence.to_owned());
        }
    }
}

impl Told {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

struct Desk {
    folder: TempDir,
    door: ScriptedDoor,
    journal: Arc<ListJournal>,
    told: Arc<Told>,
    panel: Panel,
}

impl Desk {
    fn new(door: ScriptedDoor) -> Self {
        let (folder, told, journal) =
            (tempfile::tempdir().unwrap(), Arc::<Told>::default(), Arc::<ListJournal>::default());
        let state = folder.path().join("state");
        let premises = Premises {
            kill: KillSwitch::at(&state.join("KILL")),
            state,
            chain: ChainId(31_337),
            endpoint: None,
            observer: told.clone(),
        };
        // At block 7 it is 84 seconds past.
        let reader = ScriptedReader::new([ChainEvent::Block { head: sample_head(7), logs: vec![] }]);
        let journal_port: Arc<dyn Journal> = journal.clone();
        let panel = Panel::new(premises, Arc::new(door.clone()), Some(journal_port), Arc::new(reader));
        Self { folder, door, journal, told, panel }
    }

    fn asked(questions: &[Question]) -> Self {
        let door = ScriptedDoor::new(|_, _| refused(Refusal::ObserveOnly));
        Self::new(questions.iter().cloned().fold(door, ScriptedDoor::asking))
    }

    fn state(&self) -> std::path::PathBuf {
        self.folder.path().join("state")
    }

    fn bind(&self) -> Result<Server, ControlError> {
        Server::bind(self.panel.clone(), ControlConfig::default())
    }

    fn serve(&self) -> (Client, Serving) {
        let server = self.bind().unwrap();
        (Client::of(&self.state()), Serving(tokio::spawn(server.run())))
    }

    fn replies(&self) -> Vec<(B256, Option<Reply>)> {
        self.panel.questions().iter().map(|question| (question.digest, question.reply)).collect()
    }
}

/// Ends with the test.
struct Serving(JoinHandle<()>);

impl Serving {
    async fn end(self) {
        self.0.abort();
        drop(self.0.await);
    }
}

fn question(digest: u8) -> Question {
    Question {
        id: sample_opportunity(digest).id,
        digest: B256::repeat_byte(digest),
        why: "it puts more than 10 WETH to work".into(),
        shown: "sell 12 WETH for at least 20000 USDC".into(),
        expires: Timestamp(100),
        reply: None,
    }
}

fn order() -> agent_core::StandingOrder {
    sample_order()
}

fn said(error: ControlError) -> String {
    let ControlError::Refused(sentence) = error else { panic!("not refused: {error}") };
    sentence
}
