//! What is asked of the door besides offers.

use std::sync::atomic::Ordering;

use agent_core::{
    Origin, Refusal, StandDown,
    ports::{Command, DoorError, EntryKind, Moment, Question, Reply},
};
use alloy_primitives::B256;

use super::{Lanes, Shared};
use crate::{Page, payload::ORDERS};

impl Lanes {
    /// Does what is asked once chain time is known, which the policy's own lane tells.
    pub(super) async fn command(
        &self,
        command: Command,
        origin: Origin,
    ) -> Result<Result<(), Refusal>, DoorError> {
        let shared = &self.own.shared;
        if let Err(refusal) = shared.is_alive() {
            shared.disarm_all().await?;
            return Ok(Err(refusal));
        }
        if self.own.quote().await.is_err() {
            // The last time known is the stricter one: a planner's orders end earlier, and live ones look live.
            let sentence = "commanded without a new head: the sender is unavailable";
            shared.ports.observer.saw(Moment::Warned(sentence));
        }
        shared.obey(command, origin).await
    }
}

impl Shared {
    async fn obey(&self, command: Command, origin: Origin) -> Result<Result<(), Refusal>, DoorError> {
        match command {
            Command::Arm(_) | Command::Disarm(_) => self.order(command, origin).await,
            Command::StandDown(rest) => self.stand_down(rest, origin).await,
            Command::Resume { class } => self.resume(class, origin).await,
            Command::Reply { .. } | Command::Confirm { .. } if origin != Origin::Operator => {
                Ok(Err(Refusal::OperatorOnly))
            }
            Command::Reply { digest, reply } => self.reply(digest, reply, origin).await,
            Command::Confirm { policy } if policy == self.policy.hash => self.confirm(origin).await.map(Ok),
            Command::Confirm { .. } => Ok(Err(Refusal::PolicyUnconfirmed)),
        }
    }

    async fn order(&self, command: Command, origin: Origin) -> Result<Result<(), Refusal>, DoorError> {
        let _writing = self.writing.lock().await;
        if let (Command::Arm(_), Err(refusal)) = (&command, self.is_confirmed()) {
            return Ok(Err(refusal));
        }
        let checked = self.desk().orders.check(&self.policy, command, &origin, self.now());
        match checked {
            Ok(command) => self.write_order(command, origin).await.map(Ok),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    async fn write_order(&self, command: Command, origin: Origin) -> Result<(), DoorError> {
        let payload = Page::Order { command: command.clone(), origin, policy: self.policy.hash }.bytes()?;
        let sequence = self.note(EntryKind::Order, ORDERS, payload).await?;
        self.desk().orders.apply(command, sequence);
        Ok(())
    }

    /// After the latch no standing order lives on, durably: clearing the switch arms none of them again.
    pub(super) async fn disarm_all(&self) -> Result<(), DoorError> {
        let _writing = self.writing.lock().await;
        let orders = self.desk().orders.statuses();
        for status in orders {
            self.write_order(Command::Disarm(status.order.id), Origin::Operator).await?;
        }
        Ok(())
    }

    async fn stand_down(&self, rest: StandDown, origin: Origin) -> Result<Result<(), Refusal>, DoorError> {
        let _writing = self.writing.lock().await;
        let checked = self.desk().rests.check(&self.policy.parties.planner, rest, &origin, self.now());
        let rest = match checked {
            Ok(rest) => rest,
            Err(refusal) => return Ok(Err(refusal)),
        };
        self.write_note(Command::StandDown(rest.clone()), origin, None).await?;
        self.desk().rests.begun(rest);
        Ok(Ok(()))
    }

    async fn resume(&self, class: String, origin: Origin) -> Result<Result<(), Refusal>, DoorError> {
        let _writing = self.writing.lock().await;
        let checked = self.desk().rests.check_resume(&class, &origin, self.now());
        if let Err(refusal) = checked {
            return Ok(Err(refusal));
        }
        self.write_note(Command::Resume { class: class.clone() }, origin.clone(), None).await?;
        let mut desk = self.desk();
        desk.rests.resumed(&class);
        // What a breaker stood down, only the operator lets act again.
        if origin == Origin::Operator {
            desk.books.resumed(&class);
        }
        Ok(Ok(()))
    }

    /// Written down before it counts; then it lets through exactly what was shown, once.
    async fn reply(
        &self,
        digest: B256,
        reply: Reply,
        origin: Origin,
    ) -> Result<Result<(), Refusal>, DoorError> {
        let _writing = self.writing.lock().await;
        let Some(question) = self.desk().questions.waiting(digest, self.now()).cloned() else {
            return Ok(Err(Refusal::NoQuestion(digest)));
        };
        self.write_note(Command::Reply { digest, reply }, origin, Some(question)).await?;
        self.desk().questions.replied(digest, reply);
        Ok(Ok(()))
    }

    pub(super) async fn confirm(&self, origin: Origin) -> Result<(), DoorError> {
        let policy = self.policy.hash;
        self.write_note(Command::Confirm { policy }, origin, None).await?;
        self.confirmed.store(true, Ordering::SeqCst);
        Ok(())
    }

    async fn write_note(
        &self,
        command: Command,
        origin: Origin,
        question: Option<Question>,
    ) -> Result<(), DoorError> {
        let (policy, question) = (self.policy.hash, question.map(Box::new));
        let payload = Page::Noted { command, origin, policy, question }.bytes()?;
        self.note(EntryKind::Noted, ORDERS, payload).await?;
        Ok(())
    }
}
