//! Twins of the ports that do as they are told and leave a common trace.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex},
    task::Poll,
};

use agent_core::{
    Head, Mined, Settlement,
    ports::{
        Appended, BoxFuture, Entry, EntryKind, Followed, Journal, JournalError, Moment, Observer, Quote,
        Sender, SenderError, Sent, Sequence, Simulation, SimulationRequest, Simulator, SimulatorError,
        Standing, Stored, Stuck, Verified,
    },
    scripted::ListJournal,
    units::Asset,
};
use alloy_primitives::{Address, B256, keccak256};

use crate::{KeptSignature, Recorded, Transaction};

/// Lets every other future run once, so that concurrent offers really meet.
pub(crate) async fn breathe() {
    let mut breathed = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut breathed, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

type Hook = (&'static str, Box<dyn Fn() + Send + Sync>);

/// What happened, in order, across all ports; and what is to happen at a line of it.
#[derive(Default)]
pub(crate) struct Trace {
    lines: Mutex<Vec<String>>,
    hooks: Mutex<Vec<Hook>>,
}

impl Trace {
    pub(crate) fn at(&self, line: &'static str, hook: impl Fn() + Send + Sync + 'static) {
        self.hooks.lock().unwrap().push((line, Box::new(hook)));
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock().unwrap())
    }

    fn say(&self, line: impl Into<String>) {
        let line = line.into();
        for (_, hook) in self.hooks.lock().unwrap().iter().filter(|(at, _)| line.starts_with(at)) {
            hook();
        }
        self.lines.lock().unwrap().push(line);
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only the door's moments are told here")]
impl Observer for Trace {
    fn saw(&self, moment: Moment<'_>) {
        self.say(match moment {
            Moment::Offered(draft, _) => format!("- offered {}", draft.id),
            Moment::Prepared(_) => "- prepared".into(),
            Moment::Simulated(..) => "- simulated".into(),
            Moment::Approved(_) => "- approved".into(),
            Moment::Refused(_, refusal) => format!("- refused: {refusal}"),
            Moment::Recorded(_, sequence) => format!("- recorded as {}", sequence.0),
            Moment::Sent(_, sent) => format!("- sent with nonce {}", sent.nonce),
            Moment::Waits(question) => format!("- waits: {}", question.why),
            Moment::Stuck(_, stuck) => format!("- stuck: {}", stuck.reason),
            Moment::Replaced(_, sent) => format!("- replaced at nonce {}", sent.nonce),
            Moment::Closed(_, outcome) => format!("- closed: {outcome}"),
            Moment::Warned(text) => format!("- warned: {text}"),
            _ => return,
        });
    }
}

type Answer<Q, A> = Box<dyn Fn(&Q) -> A + Send + Sync>;
type Simulate = Answer<SimulationRequest, Result<Simulation, SimulatorError>>;

pub(crate) struct ScriptedSimulator {
    trace: Arc<Trace>,
    answer: Mutex<Simulate>,
}

impl ScriptedSimulator {
    pub(crate) fn new(trace: Arc<Trace>) -> Self {
        Self { trace, answer: Mutex::new(Box::new(|request| Ok(super::success(request)))) }
    }

    pub(crate) fn answers(&self, answer: impl Fn(&SimulationRequest) -> Simulation + Send + Sync + 'static) {
        *self.answer.lock().unwrap() = Box::new(move |request| Ok(answer(request)));
    }

    pub(crate) fn fails(&self) {
        *self.answer.lock().unwrap() = Box::new(|_| Err(SimulatorError("no node".into())));
    }
}

impl Simulator for ScriptedSimulator {
    fn simulate(&self, request: SimulationRequest) -> BoxFuture<'_, Result<Simulation, SimulatorError>> {
        Box::pin(async move {
            self.trace.say("simulate");
            breathe().await;
            (self.answer.lock().unwrap())(&request)
        })
    }
}

/// What the lane's node says, and what was asked of it.
pub(crate) struct Lane {
    pub(crate) quote: Option<Quote>,
    /// What is heard without asking.
    pub(crate) heard: Option<Head>,
    pub(crate) sends: bool,
    /// Whether no signature of its key can be made twice.
    pub(crate) keeps: bool,
    pub(crate) standing: Option<Standing>,
    /// One per transaction followed; none left means that it stays pending.
    pub(crate) settlements: VecDeque<Settlement>,
    /// Said first, one at a time.
    pub(crate) stuck: VecDeque<Stuck>,
    /// Said next, just as it is.
    pub(crate) exactly: Option<Settlement>,
    pub(crate) sent: Vec<Transaction>,
    /// Under which hash each was sent.
    pub(crate) sent_as: Vec<Sent>,
    /// Signatures that were ever made.
    pub(crate) signatures: u8,
    /// The same, with the chain time at which each was sent.
    pub(crate) sent_at: Vec<(Transaction, u64)>,
    /// How each nonce ended, so far as it was told.
    pub(crate) ended: BTreeMap<u64, Settlement>,
}

pub(crate) struct ScriptedSender {
    pub(crate) trace: Arc<Trace>,
    pub(crate) lane: Mutex<Lane>,
}

/// Its hash, as a signature that is deterministic would make it.
pub(crate) fn sent(transaction: &Transaction) -> Sent {
    let bytes = serde_json::to_vec(transaction).unwrap();
    Sent { transaction: keccak256(bytes), nonce: transaction.nonce }
}

const fn hashed(hash: B256, transaction: &Transaction) -> Sent {
    Sent { transaction: hash, nonce: transaction.nonce }
}

impl ScriptedSender {
    /// As a key does whose signatures are never the same twice.
    async fn signed_once(&self, recorded: &Recorded) -> Result<Sent, SenderError> {
        let transaction = recorded.transaction();
        if let Some(kept) = recorded.kept().last() {
            return Ok(hashed(kept.transaction, transaction));
        }
        let signature = {
            let mut lane = self.lane.lock().unwrap();
            lane.signatures = lane.signatures.saturating_add(1);
            vec![lane.signatures; 65]
        };
        let hash = keccak256([sent(transaction).transaction.as_slice(), &signature].concat());
        let signature = KeptSignature { transaction: hash, signature: signature.into() };
        recorded.keep(signature).await.map_err(|_failed| failed("write down a signature"))?;
        Ok(hashed(hash, transaction))
    }
}

fn mined_of(settlement: &mut Settlement) -> Option<&mut Mined> {
    match settlement {
        Settlement::Settled(mined) | Settlement::Reverted(mined) | Settlement::Cancelled(mined) => {
            Some(mined)
        }
        Settlement::Dropped { .. } => None,
    }
}

fn failed(doing: &'static str) -> SenderError {
    SenderError { doing, cause: "no node".into() }
}

impl Sender<Recorded> for ScriptedSender {
    fn keeps_signatures(&self) -> bool {
        self.lane.lock().unwrap().keeps
    }

    fn heard(&self) -> Option<Head> {
        self.lane.lock().unwrap().heard
    }

    fn quote(&self) -> BoxFuture<'_, Result<Quote, SenderError>> {
        Box::pin(async move {
            self.trace.say("quote");
            breathe().await;
            self.lane.lock().unwrap().quote.ok_or_else(|| failed("quote"))
        })
    }

    fn send(&self, recorded: Recorded) -> BoxFuture<'_, Result<Sent, SenderError>> {
        Box::pin(async move {
            self.trace.say("send");
            breathe().await;
            let transaction = recorded.transaction().clone();
            let mut sent = sent(&transaction);
            if recorded.keeps() && self.lane.lock().unwrap().sends {
                sent = self.signed_once(&recorded).await?;
            }
            let mut lane = self.lane.lock().unwrap();
            if !lane.sends {
                return Err(failed("sign"));
            }
            let nonce = transaction.nonce;
            if let Some(quote) = &mut lane.quote {
                quote.nonce = quote.nonce.max(nonce.saturating_add(1));
            }
            let now = lane.quote.map_or(0, |quote| quote.head.timestamp.0);
            lane.sent_at.push((transaction.clone(), now));
            lane.sent.push(transaction);
            lane.sent_as.push(sent);
            Ok(sent)
        })
    }

    fn find<'a>(&'a self, recorded: &'a Recorded) -> BoxFuture<'a, Result<Standing, SenderError>> {
        Box::pin(async move {
            self.trace.say("find");
            breathe().await;
            let standing = self.lane.lock().unwrap().standing.ok_or_else(|| failed("find"))?;
            let sent = match (recorded.keeps(), recorded.kept().last()) {
                (false, _) => sent(recorded.transaction()),
                (true, Some(kept)) => hashed(kept.transaction, recorded.transaction()),
                (true, None) => return Ok(Standing::Unsigned),
            };
            Ok(match standing {
                Standing::Known(_) => Standing::Known(sent),
                Standing::Unknown(_) => Standing::Unknown(sent),
                Standing::Unsigned => Standing::Unsigned,
                Standing::Superseded => Standing::Superseded,
            })
        })
    }

    fn follow(&self, attempts: Vec<Sent>, _: Vec<(Address, Asset)>) -> BoxFuture<'static, Followed> {
        self.trace.say("follow");
        let mut lane = self.lane.lock().unwrap();
        if let Some(stuck) = lane.stuck.pop_front() {
            return Box::pin(std::future::ready(Followed::Stuck(stuck)));
        }
        if let Some(settlement) = lane.exactly.take() {
            return Box::pin(std::future::ready(Followed::Final(settlement)));
        }
        match lane.settlements.pop_front() {
            Some(mut settlement) => {
                if let (Some(mined), [_, .., latest]) = (mined_of(&mut settlement), attempts.as_slice()) {
                    // Of several, the latest is what is mined.
                    mined.transaction = latest.transaction;
                }
                lane.ended.insert(attempts[0].nonce, settlement.clone());
                Box::pin(std::future::ready(Followed::Final(settlement)))
            }
            None => Box::pin(std::future::pending()),
        }
    }
}

/// The plain journal, in the trace.
pub(crate) struct TracedJournal {
    pub(crate) trace: Arc<Trace>,
    pub(crate) list: Arc<ListJournal>,
    /// Entries of this kind cannot be written from now on.
    pub(crate) fails: Arc<Mutex<Option<EntryKind>>>,
}

impl Journal for TracedJournal {
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Appended, JournalError>> {
        Box::pin(async move {
            self.trace.say(format!("append {:?}", entry.kind));
            breathe().await;
            if *self.fails.lock().unwrap() == Some(entry.kind) {
                return Err(JournalError::Closed);
            }
            self.list.append(entry).await
        })
    }

    fn open_intents(&self) -> BoxFuture<'_, Result<Vec<Stored>, JournalError>> {
        self.list.open_intents()
    }

    fn read(&self, from: Sequence, limit: usize) -> BoxFuture<'_, Result<Vec<Stored>, JournalError>> {
        self.list.read(from, limit)
    }

    fn verify(&self) -> BoxFuture<'_, Result<Verified, JournalError>> {
        self.trace.say("verify");
        self.list.verify()
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trace")
    }
}
