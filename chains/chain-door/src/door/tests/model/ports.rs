//! The door's ports as the model has them: what is decided by the world is answered at once; what money hangs on (journal
//! entries that open or close, signatures, ends) waits until the model lets it happen.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
};

use agent_core::{
    Settlement,
    ports::{
        Appended, BoxFuture, Entry, EntryKind, Followed, Journal, JournalError, Quote, Sender, SenderError,
        Sent, Sequence, Simulation, SimulationRequest, Simulator, SimulatorError, Standing, Stored, Stuck,
        StuckReason, Verified,
    },
    scripted::ListJournal,
    units::{Asset, Timestamp},
};
use alloy_primitives::{Address, B256, keccak256};
use futures::FutureExt;

use super::world::{Signed, World};
use crate::{
    KeptSignature, KillSwitch, Recorded, Transaction,
    scripted::{mined, quote, sent, success},
};

/// A call that waits for the model.
#[derive(Debug, Clone)]
pub(super) enum Call {
    Append(Entry),
    /// What leaves, and under which hash.
    Send(Transaction, B256),
    Follow(Address, Vec<Sent>),
}

impl Call {
    /// What tells it from every other call.
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match self {
            Self::Append(Entry { kind, subject, payload, .. }) => {
                (format!("{kind:?}"), subject, payload).hash(&mut hasher)
            }
            Self::Send(transaction, hash) => (format!("{transaction:?}"), hash).hash(&mut hasher),
            Self::Follow(key, attempts) => format!("{key} {attempts:?}").hash(&mut hasher),
        }
        hasher.finish()
    }
}

#[derive(Debug)]
pub(super) enum Reply {
    Append(Appended),
    Send(Result<Sent, SenderError>),
    Follow(Followed),
}

/// What the ports of one process share with the model.
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) list: Arc<ListJournal>,
    pub(super) kill: KillSwitch,
    /// By number, with the task that waits for it.
    pub(super) calls: BTreeMap<usize, (usize, Call)>,
    pub(super) replies: BTreeMap<usize, Reply>,
    next: usize,
    /// The task that is polled now.
    pub(super) task: usize,
}

#[derive(Clone)]
pub(super) struct Ports(pub(super) Arc<Mutex<Stage>>);

impl Ports {
    pub(super) fn new(world: World, kill: KillSwitch) -> Self {
        let list = Arc::new(ListJournal::holding(world.entries.clone()));
        let (calls, replies) = (BTreeMap::new(), BTreeMap::new());
        Self(Arc::new(Mutex::new(Stage { world, list, kill, calls, replies, next: 0, task: 0 })))
    }

    pub(super) fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap()
    }

    /// Signs as no other time, and writes that down: the hash is another one for each that is written down.
    async fn sign_once(&self, recorded: &Recorded) -> Result<B256, SenderError> {
        let transaction = recorded.transaction();
        let number = self.stage().world.signatures_of(transaction);
        let hash = keccak256([sent(transaction).transaction.as_slice(), &number.to_be_bytes()].concat());
        let signature = KeptSignature { transaction: hash, signature: vec![0; 65].into() };
        recorded
            .keep(signature)
            .await
            .map_err(|failed| SenderError { doing: "send", cause: failed.into() })?;
        Ok(hash)
    }

    /// Waits until the model has replied.
    fn wait(&self, call: Call) -> impl Future<Output = Reply> + use<> {
        let mut stage = self.stage();
        let (number, task) = (stage.next, stage.task);
        stage.next += 1;
        stage.calls.insert(number, (task, call));
        drop(stage);
        let ports = self.clone();
        std::future::poll_fn(move |_| match ports.stage().replies.remove(&number) {
            Some(reply) => Poll::Ready(reply),
            None => Poll::Pending,
        })
    }
}

impl Stage {
    /// Whether the call can go through as things are.
    pub(super) fn may_step(&self, number: usize) -> bool {
        match self.calls.get(&number) {
            Some((_, Call::Append(_) | Call::Send(..))) => true,
            Some((_, Call::Follow(key, attempts))) => self.end_of(*key, attempts).is_some(),
            None => false,
        }
    }

    /// How it ended, once that is final.
    fn end_of(&self, key: Address, attempts: &[Sent]) -> Option<Settlement> {
        let dropped = || Settlement::Dropped { why: "another used its nonce".to_owned() };
        let used_by = self.world.end_of(key, attempts.first()?.nonce)?;
        let Some(index) = used_by else { return Some(dropped()) };
        let hash = self.world.signed[index].hash;
        if !attempts.iter().any(|attempt| attempt.transaction == hash) {
            return Some(dropped());
        }
        let mut mined = mined(self.world.now);
        mined.transaction = hash;
        Some(Settlement::Settled(mined))
    }

    /// Lets the call go through.
    pub(super) fn step(&mut self, number: usize) {
        let Some((_, call)) = self.calls.remove(&number) else { return };
        let reply = match call {
            Call::Append(entry) => Reply::Append(self.append(entry)),
            Call::Send(transaction, hash) => Reply::Send(self.sign(transaction, hash)),
            Call::Follow(key, attempts) => {
                Reply::Follow(Followed::Final(self.end_of(key, &attempts).expect("it has an end")))
            }
        };
        self.replies.insert(number, reply);
    }

    fn append(&mut self, entry: Entry) -> Appended {
        let appended = self.list.append(entry).now_or_never().expect("a list takes no time").unwrap();
        self.world.entries = self.list.entries();
        appended
    }

    /// As the wallet does: it looks at the switch itself, right before it signs.
    fn sign(&mut self, transaction: Transaction, hash: B256) -> Result<Sent, SenderError> {
        if self.kill.is_latched() {
            return Err(SenderError { doing: "send", cause: "the kill switch is latched".into() });
        }
        self.world.signed_after_latch |= self.world.killed;
        let sent = Sent { transaction: hash, nonce: transaction.nonce };
        match self.world.signed.iter_mut().find(|signed| signed.hash == hash) {
            Some(signed) => signed.known = true,
            None => self.world.signed.push(Signed { transaction: transaction.clone(), hash, known: true }),
        }
        self.world.recorded_by.push((self.world.processes, transaction));
        Ok(sent)
    }

    pub(super) fn fail_send(&mut self, number: usize) {
        self.calls.remove(&number);
        let error = SenderError { doing: "send", cause: "the signer is gone".into() };
        self.replies.insert(number, Reply::Send(Err(error)));
    }

    pub(super) fn stuck(&mut self, number: usize) {
        let Some((_, Call::Follow(key, attempts))) = self.calls.remove(&number) else { return };
        let nonce = attempts[0].nonce;
        let next = self.world.next(key);
        let place = |transaction: &Transaction| (transaction.from, transaction.nonce);
        let signed_for =
            |nonce| self.world.signed.iter().any(|signed| place(&signed.transaction) == (key, nonce));
        let reason = match (next..nonce).find(|nonce| !signed_for(*nonce)) {
            Some(missing) => StuckReason::Gap { missing },
            None if next < nonce => StuckReason::Behind { nonce: next },
            None => StuckReason::PassedOver,
        };
        self.replies.insert(number, Reply::Follow(Followed::Stuck(Stuck { reason, blocks: 5 })));
    }
}

impl Simulator for Ports {
    fn simulate(&self, request: SimulationRequest) -> BoxFuture<'_, Result<Simulation, SimulatorError>> {
        Box::pin(std::future::ready(Ok(success(&request))))
    }
}

impl Journal for Ports {
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Appended, JournalError>> {
        let is_signature = entry.payload.starts_with(br#"{"signed":"#);
        match entry.kind {
            EntryKind::Noted if is_signature => {
                let waits = self.wait(Call::Append(entry));
                Box::pin(async move {
                    let Reply::Append(appended) = waits.await else { panic!("another reply") };
                    Ok(appended)
                })
            }
            EntryKind::Refused | EntryKind::Order | EntryKind::Noted => {
                let appended = self.stage().append(entry);
                Box::pin(std::future::ready(Ok(appended)))
            }
            EntryKind::Recorded | EntryKind::Replaced | EntryKind::Closed | EntryKind::Dropped => {
                let waits = self.wait(Call::Append(entry));
                Box::pin(async move {
                    let Reply::Append(appended) = waits.await else { panic!("another reply") };
                    Ok(appended)
                })
            }
        }
    }

    fn open_intents(&self) -> BoxFuture<'_, Result<Vec<Stored>, JournalError>> {
        let list = self.stage().list.clone();
        Box::pin(async move { list.open_intents().await })
    }

    fn read(&self, from: Sequence, limit: usize) -> BoxFuture<'_, Result<Vec<Stored>, JournalError>> {
        let list = self.stage().list.clone();
        Box::pin(async move { list.read(from, limit).await })
    }

    fn verify(&self) -> BoxFuture<'_, Result<Verified, JournalError>> {
        let list = self.stage().list.clone();
        Box::pin(async move { list.verify().await })
    }
}

/// One key's way to the chain.
pub(super) struct Key(pub(super) Ports, pub(super) Address);

impl Sender<Recorded> for Key {
    fn quote(&self) -> BoxFuture<'_, Result<Quote, SenderError>> {
        let (Self(ports, key), mut quote) = (self, Quote { from: self.1, ..quote() });
        let stage = ports.stage();
        let place = |transaction: &Transaction| (transaction.from, transaction.nonce);
        quote.head.timestamp = Timestamp(stage.world.now);
        let known = |nonce| {
            let mut signed = stage.world.signed.iter().filter(|signed| signed.known);
            signed.any(|signed| place(&signed.transaction) == (*key, nonce))
        };
        quote.nonce = stage.world.next(*key);
        while known(quote.nonce) {
            quote.nonce += 1;
        }
        Box::pin(std::future::ready(Ok(quote)))
    }

    fn keeps_signatures(&self) -> bool {
        self.0.stage().world.left.elsewhere
    }

    fn send(&self, recorded: Recorded) -> BoxFuture<'_, Result<Sent, SenderError>> {
        assert_eq!(recorded.transaction().from, self.1, "each key signs what is its own");
        Box::pin(async move {
            let transaction = recorded.transaction().clone();
            let hash = match recorded.kept().last() {
                Some(kept) => kept.transaction,
                None if recorded.keeps() => self.0.sign_once(&recorded).await?,
                None => sent(&transaction).transaction,
            };
            let waits = self.0.wait(Call::Send(transaction, hash));
            let Reply::Send(sent) = waits.await else { panic!("another reply") };
            sent
        })
    }

    fn find<'a>(&'a self, recorded: &'a Recorded) -> BoxFuture<'a, Result<Standing, SenderError>> {
        let stage = self.0.stage();
        let transaction = recorded.transaction();
        assert_eq!(transaction.from, self.1, "each key is asked for what is its own");
        let used = stage.world.next(self.1) > transaction.nonce;
        let hashes = if recorded.keeps() {
            recorded.kept().iter().map(|kept| kept.transaction).collect()
        } else {
            vec![sent(transaction).transaction]
        };
        let known = stage.world.signed.iter().filter(|signed| signed.known).map(|signed| signed.hash);
        let known = known.into_iter().find(|hash| hashes.contains(hash));
        let of = |hash| Sent { transaction: hash, nonce: transaction.nonce };
        let standing = match (hashes.last(), known) {
            (None, _) if used => Standing::Superseded,
            (None, _) => Standing::Unsigned,
            (Some(_), Some(known)) => Standing::Known(of(known)),
            (Some(latest), None) if used => Standing::Known(of(*latest)),
            (Some(latest), None) => Standing::Unknown(of(*latest)),
        };
        Box::pin(std::future::ready(Ok(standing)))
    }

    fn follow(&self, attempts: Vec<Sent>, _: Vec<(Address, Asset)>) -> BoxFuture<'static, Followed> {
        let waits = self.0.wait(Call::Follow(self.1, attempts));
        Box::pin(async move {
            let Reply::Follow(followed) = waits.await else { panic!("another reply") };
            followed
        })
    }
}
