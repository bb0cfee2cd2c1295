//! What goes on beside a running agent: a person at its terminal, and the signal that kills.

use std::io::{self, IsTerminal};

use keepwright::{
    Keeper,
    control::{Client, Panel},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc::UnboundedSender,
    task::JoinSet,
};

use crate::{
    attend::{attend, typed},
    policy::Waiting,
    view::{Event, Style},
};

/// The tasks; they end with this.
pub(crate) struct Beside {
    tasks: JoinSet<()>,
    events: UnboundedSender<Event>,
}

impl Beside {
    /// Starts them for an agent that is controlled.
    pub(crate) fn start(keeper: &Keeper, style: Style, events: UnboundedSender<Event>) -> Self {
        let mut beside = Self { tasks: JoinSet::new(), events };
        // Listened to before anybody is told that the agent runs. Without a handler the process would end, which sends
        // nothing either.
        if let Ok(kills) = signal(SignalKind::user_defined1()) {
            beside.tasks.spawn(kill_on(kills, keeper.panel()));
        }
        if style == Style::Terminal && io::stdin().is_terminal() {
            let (panel, say) = (keeper.panel(), beside.say());
            let client = Client::of(&keeper.premises().state);
            beside.tasks.spawn(attend(panel, client, typed(), say));
        }
        beside
    }

    /// Says what the agent waits for, and waits with it.
    pub(crate) fn wait(&mut self, told: String, waiting: Waiting) {
        let say = self.say();
        say(told);
        self.tasks.spawn(async move {
            match waiting.until_confirmed().await {
                Ok(()) => say("the policy is confirmed: the agent acts".to_owned()),
                Err(error) => say(format!("the policy is confirmed, but {error:#}; start the agent again")),
            }
        });
    }

    fn say(&self) -> impl Fn(String) + Send + 'static {
        let events = self.events.clone();
        // A view that is gone is no reason to stop.
        move |text| drop(events.send(Event::Note { text }))
    }

    /// Ends them, so that nobody says anything any more.
    pub(crate) async fn end(mut self) {
        self.tasks.shutdown().await;
    }
}

/// SIGUSR1 latches the kill switch.
async fn kill_on(mut kills: Signal, panel: Panel) {
    while kills.recv().await.is_some() {
        panel.kill("SIGUSR1").await;
    }
}
