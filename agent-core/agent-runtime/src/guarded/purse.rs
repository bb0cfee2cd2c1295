//! What a planner may cost in an hour and in a day. It is asked only while the most that an answer can cost is there.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use agent_core::{
    Briefing, Plan, Tab,
    ports::{BoxFuture, PlannerError},
    units::MicroUsd,
};
use tokio::time::Instant;
use tower::{Layer, Service};

/// A planner's money.
///
/// The windows roll, minute by minute, and begin anew with the process: after a restart an hour's and a day's money are there again.
#[derive(Debug, Clone)]
pub struct Purse {
    /// In any hour.
    pub hour: MicroUsd,
    /// In any day.
    pub day: MicroUsd,
    /// The most that one plan can cost, with all its tries: so much is set aside for each that is under way.
    pub most: MicroUsd,
    /// Where the planner writes what it costs. One tab a purse: what others write on it counts too.
    pub tab: Tab,
}

const MINUTE: Duration = Duration::from_secs(60);
const MINUTES_PER_HOUR: u64 = 60;
const MINUTES_PER_DAY: u64 = 24 * MINUTES_PER_HOUR;

#[derive(Debug, Clone)]
pub(super) struct PurseLayer(Purse);

impl PurseLayer {
    pub(super) const fn new(purse: Purse) -> Self {
        Self(purse)
    }
}

impl<S> Layer<S> for PurseLayer {
    type Service = Kept<S>;

    fn layer(&self, inner: S) -> Kept<S> {
        let books = Books {
            purse: self.0.clone(),
            began: Instant::now(),
            seen: self.0.tab.total(),
            spent: VecDeque::new(),
            under_way: 0,
        };
        Kept { inner, books: Arc::new(Mutex::new(books)) }
    }
}

pub(super) struct Kept<S> {
    inner: S,
    books: Arc<Mutex<Books>>,
}

#[derive(Debug)]
struct Books {
    purse: Purse,
    began: Instant,
    /// The tab, when it was last looked at.
    seen: MicroUsd,
    /// What was spent in which minute, of the last day, in order.
    spent: VecDeque<(u64, MicroUsd)>,
    under_way: u64,
}

impl Books {
    /// Writes down what was spent since the last look.
    fn look(&mut self, now: Instant) -> u64 {
        let minute = now.saturating_duration_since(self.began).as_secs().div_euclid(MINUTE.as_secs());
        let total = self.purse.tab.total();
        let news = total.less(self.seen);
        self.seen = total;
        match self.spent.back_mut() {
            Some((last, spent)) if *last == minute => *spent = spent.plus(news),
            _ if news > MicroUsd::ZERO => self.spent.push_back((minute, news)),
            _ => {}
        }
        while self.spent.front().is_some_and(|(then, _)| !within(*then, minute, MINUTES_PER_DAY)) {
            self.spent.pop_front();
        }
        minute
    }

    /// Sets the most aside for one more plan, if it is there.
    fn reserve(&mut self, now: Instant) -> bool {
        let minute = self.look(now);
        let reserved = self.purse.most.times(self.under_way.saturating_add(1));
        let fits = |limit: MicroUsd, minutes: u64| {
            let counted = self.spent.iter().filter(|(then, _)| within(*then, minute, minutes));
            counted.fold(reserved, |sum, (_, spent)| sum.plus(*spent)) <= limit
        };
        let fits = fits(self.purse.hour, MINUTES_PER_HOUR) && fits(self.purse.day, MINUTES_PER_DAY);
        if fits {
            self.under_way = self.under_way.saturating_add(1);
        }
        fits
    }
}

/// Whether something in that minute still counts: a minute that the window has begun to leave counts as a whole.
const fn within(then: u64, now: u64, minutes: u64) -> bool {
    now.saturating_sub(then) <= minutes
}

/// Money set aside for one plan; given back when it is dropped.
struct SetAside(Arc<Mutex<Books>>);

impl Drop for SetAside {
    fn drop(&mut self) {
        let mut books = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        books.under_way = books.under_way.saturating_sub(1);
        books.look(Instant::now());
    }
}

impl<S> Service<Briefing> for Kept<S>
where
    S: Service<Briefing, Response = Plan, Error = PlannerError>,
    S::Future: Send + 'static,
{
    type Response = Plan;
    type Error = PlannerError;
    type Future = BoxFuture<'static, Result<Plan, PlannerError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), PlannerError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, briefing: Briefing) -> Self::Future {
        if !self.books.lock().unwrap_or_else(PoisonError::into_inner).reserve(Instant::now()) {
            return Box::pin(std::future::ready(Err(PlannerError::OverBudget)));
        }
        let set_aside = SetAside(self.books.clone());
        Box::pin(Question { asked: Box::pin(self.inner.call(briefing)), _set_aside: set_aside })
    }
}

/// A question and its money. Fields are dropped in this order: what the question has cost is on the tab before the money set
/// aside for it is given back.
struct Question<F> {
    asked: Pin<Box<F>>,
    _set_aside: SetAside,
}

impl<F: Future> Future for Question<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.asked.as_mut().poll(context)
    }
}
