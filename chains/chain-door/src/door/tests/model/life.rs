//! One process: the real door, and the tasks of an agent that use it.

use std::{
    path::Path,
    sync::Arc,
    task::{Context, Poll},
};

use agent_core::ports::{BoxFuture, Door as _, DoorError, Offered, Underway, Unobserved};
use futures::{FutureExt, task::noop_waker};

use super::{
    Action,
    ports::{Call, Key, Ports},
    world::World,
};
use crate::{
    Door, DoorPorts, KillSwitch, Policy, Senders,
    door::tests::world::deadline,
    scripted::{FAST_KEY, KEY, NOW, draft, fast, planner},
};

/// What a task came to.
enum Came {
    /// Nothing, or to its end.
    End,
    /// To transactions that are to be followed.
    Follow(Vec<Underway>),
}

type Task = BoxFuture<'static, Result<Came, DoorError>>;

pub(super) struct Life {
    ports: Ports,
    door: Option<Door>,
    /// By number; none where it is over.
    tasks: Vec<Option<Task>>,
    /// What was offered in this process already.
    offered: Vec<u8>,
}

impl Life {
    /// No process at all.
    pub(super) fn none(world: &World) -> Self {
        let ports = Ports::new(world.clone(), KillSwitch::at(Path::new("no switch of this name")));
        Self { ports, door: None, tasks: Vec::new(), offered: Vec::new() }
    }

    /// A process that opens the door and recovers.
    pub(super) fn start(policy: &Policy, world: &World) -> Self {
        let mut life = Self::none(world);
        if world.killed {
            life.latch();
        }
        let ports = Arc::new(life.ports.clone());
        let key = |key| Arc::new(Key(life.ports.clone(), key));
        let own = Senders::one(KEY, key(KEY));
        let several = world.left.lanes > 1;
        let senders = if several { own.with("fast", FAST_KEY, key(FAST_KEY)) } else { own };
        let ports = DoorPorts {
            simulator: ports.clone(),
            journal: ports,
            senders,
            observer: Arc::new(Unobserved),
            kill: life.ports.stage().kill.clone(),
        };
        let opened = Door::open(policy.clone(), ports).now_or_never().expect("nothing to wait for");
        let door = opened.unwrap();
        life.door = Some(door.clone());
        life.spawn(Box::pin(async move { Ok(Came::Follow(door.recover().await?)) }));
        life
    }

    fn latch(&self) {
        self.ports.stage().kill.latch_in_memory();
    }

    pub(super) fn world(&self) -> World {
        self.ports.stage().world.clone()
    }

    /// What the process can do, or what can happen to it.
    pub(super) fn actions(&self, world: &World, alive: bool) -> Vec<Action> {
        if !alive {
            return vec![Action::Restart];
        }
        let mut actions = Vec::new();
        if world.left.crashes > 0 {
            actions.extend([Action::Crash, Action::CrashLate]);
        }
        let offers = (1..=world.left.intents).filter(|seed| !self.offered.contains(seed));
        actions.extend(offers.map(Action::Offer));
        let stage = self.ports.stage();
        for (number, (_, call)) in &stage.calls {
            if stage.may_step(*number) {
                actions.push(Action::Step(*number));
            }
            match call {
                Call::Send(..) if world.left.failed > 0 => actions.push(Action::FailSend(*number)),
                Call::Follow(..) if world.left.stuck > 0 => actions.push(Action::Stuck(*number)),
                Call::Append(_) | Call::Send(..) | Call::Follow(..) => {}
            }
        }
        actions
    }

    pub(super) fn live(&mut self, action: &Action) {
        self.ports.stage().world.live(action);
        match action {
            Action::Offer(seed) => self.offer(*seed),
            Action::Step(number) => self.ports.stage().step(*number),
            Action::FailSend(number) => self.ports.stage().fail_send(*number),
            Action::Stuck(number) => self.ports.stage().stuck(*number),
            Action::CrashLate => self.finish_writes(),
            Action::Kill => self.latch(),
            Action::Crash
            | Action::Restart
            | Action::Mine(_)
            | Action::Stranger(_)
            | Action::Reorg
            | Action::Finalise
            | Action::Forget(_)
            | Action::Late => {}
        }
        self.run();
    }

    fn offer(&mut self, seed: u8) {
        self.offered.push(seed);
        let Some(door) = self.door.clone() else { return };
        // Other bytes for each, so that a landed transaction tells whose it is.
        let several = self.ports.stage().world.left.lanes > 1;
        let draft = if several && seed == 2 { fast(seed) } else { draft(seed) };
        let draft = deadline(draft, NOW + 30 + u64::from(seed));
        self.spawn(Box::pin(async move {
            Ok(match door.offer(draft, planner()).await? {
                Offered::Underway(underway) => Came::Follow(vec![underway]),
                Offered::Refused(_) | Offered::Asked(_) => Came::End,
            })
        }));
    }

    /// What was asked of the disk and the signer happens, and nobody hears of it.
    fn finish_writes(&self) {
        let mut stage = self.ports.stage();
        let numbers: Vec<usize> = stage.calls.keys().copied().collect();
        for number in numbers {
            if let Some((_, Call::Append(_) | Call::Send(..))) = stage.calls.get(&number) {
                stage.step(number);
            }
        }
    }

    fn spawn(&mut self, task: Task) {
        self.tasks.push(Some(task));
        self.run();
    }

    /// Polls every task until none gets any further.
    fn run(&mut self) {
        let waker = noop_waker();
        let mut progress = true;
        while progress {
            progress = false;
            for number in 0..self.tasks.len() {
                let before = self.calls();
                self.ports.stage().task = number;
                let Some(task) = self.tasks[number].as_mut() else { continue };
                if let Poll::Ready(came) = task.as_mut().poll(&mut Context::from_waker(&waker)) {
                    self.tasks[number] = None;
                    self.follow(came);
                    progress = true;
                }
                progress |= self.calls() != before;
            }
        }
    }

    fn follow(&mut self, came: Result<Came, DoorError>) {
        match came {
            Ok(Came::End) => {}
            Ok(Came::Follow(underway)) => {
                for Underway { outcome, .. } in underway {
                    self.tasks.push(Some(Box::pin(async move { outcome.await.map(|_| Came::End) })));
                }
            }
            Err(error) => self.ports.stage().world.broken = Some(error.to_string()),
        }
    }

    /// Calls that wait, and replies that were not taken yet.
    fn calls(&self) -> (Vec<usize>, usize) {
        let stage = self.ports.stage();
        (stage.calls.keys().copied().collect(), stage.replies.len())
    }

    /// Everything of the process that what comes next depends on: the door's own word, and which task waits for what.
    pub(super) fn digest(&self) -> String {
        let Some(door) = &self.door else { return String::new() };
        let alive: Vec<bool> = self.tasks.iter().map(Option::is_some).collect();
        let calls = &self.ports.stage().calls;
        let calls: Vec<_> = calls.values().map(|(task, call)| (task, call.digest())).collect();
        let status = door.status();
        format!("{:?} {:?} {alive:?} {calls:?} {:?}", status.under_way, status.books, self.offered)
    }
}
