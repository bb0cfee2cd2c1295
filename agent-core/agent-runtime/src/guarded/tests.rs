use std::{
    future::pending,
    hash::{BuildHasherDefault, DefaultHasher},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use agent_core::{
    Tab,
    ports::{BoxFuture, ToolCall},
    scripted::sample_briefing,
    units::{MicroUsd, UsdE8},
};
use tokio::time::{Instant, advance};
use tower::{Service, ServiceExt, retry::Policy, service_fn, util::rng::HasherRng};

use super::*;
use crate::RulesPlanner;

type Planned = BoxFuture<'static, Result<Plan, PlannerError>>;
const SECOND: Duration = Duration::from_secs(1);

fn guards() -> Guards {
    Guards {
        timeout: Duration::from_secs(10),
        retries: Retries {
            tries: NonZeroU32::new(3).unwrap(),
            first: SECOND,
            longest: Duration::from_secs(8),
        },
        concurrency: NonZeroU32::new(2).unwrap(),
        rate: (NonZeroU64::new(1_000).unwrap(), SECOND),
        breaker: (NonZeroU32::new(1_000).unwrap(), SECOND),
        purse: None,
    }
}

/// A planner that answers the n-th question (from 0) so, and how often it was asked.
fn planner(
    answer: impl Fn(usize) -> Planned + Clone + Send + 'static,
) -> (Arc<AtomicUsize>, impl Planner + Clone) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    (asked, service_fn(move |_: Briefing| answer(count.fetch_add(1, Ordering::SeqCst))))
}

fn ready(planned: Result<Plan, PlannerError>) -> Planned {
    Box::pin(std::future::ready(planned))
}

fn says(reason: &str) -> Planned {
    ready(Ok(Plan { reason: reason.to_owned(), calls: Vec::new() }))
}

fn wants(reason: &str) -> Planned {
    let call = ToolCall { tool: "explain_opportunity".into(), arguments: serde_json::json!({}) };
    ready(Ok(Plan { reason: reason.to_owned(), calls: vec![call] }))
}

fn fails(error: PlannerError) -> Planned {
    ready(Err(error))
}

async fn ask(planner: &mut impl Planner) -> Result<String, String> {
    let planned = planner.ready().await.unwrap().call(sample_briefing()).await;
    planned.map(|plan| plan.reason).map_err(|error| error.to_string())
}

const BUSY: &str = "planner has too much to do";
const LATE: &str = "planner did not answer in time";
const RESTS: &str = "planner was not asked: it failed too often in a row and rests";
const SPENT: &str = "planner was not asked: its budget is spent";

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again_and_nothing_else() {
    let check = async |error: fn() -> PlannerError, tries: usize| {
        let (asked, planner) = planner(move |_| fails(error()));
        let told = ask(&mut guarded(planner, guards())).await.unwrap_err();
        assert_eq!((told, asked.load(Ordering::SeqCst)), (error().to_string(), tries));
    };
    check(|| PlannerError::TimedOut, 3).await;
    check(|| PlannerError::Busy { after: Some(SECOND) }, 3).await;
    check(|| PlannerError::Unavailable("gone".into()), 3).await;
    check(|| PlannerError::Busy { after: Some(9 * SECOND) }, 1).await;
    check(|| PlannerError::Malformed("?".into()), 1).await;
    check(|| PlannerError::Rejected("key".into()), 1).await;
    check(|| PlannerError::Declined("no".into()), 1).await;
    check(|| PlannerError::OverBudget, 1).await;
    check(|| PlannerError::Resting, 1).await;
    let (asked, well) = planner(|nth| if nth < 2 { fails(PlannerError::TimedOut) } else { says("at last") });
    assert_eq!(ask(&mut guarded(well, guards())).await, Ok("at last".into()));
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn waits_grow_by_chance_and_follow_from_their_seed() {
    let waits = async |error: fn() -> PlannerError| {
        let rng = HasherRng::with_hasher(BuildHasherDefault::<DefaultHasher>::default());
        let retries = Retries { tries: NonZeroU32::new(5).unwrap(), ..guards().retries };
        let (mut policy, mut waits) = (Patience::seeded(retries, rng), Vec::new());
        let mut failed = Err(error());
        while let Some(wait) = policy.retry(&mut sample_briefing(), &mut failed) {
            let began = Instant::now();
            wait.await;
            waits.push(began.elapsed());
        }
        waits
    };
    let first = waits(|| PlannerError::TimedOut).await;
    assert_eq!(first, waits(|| PlannerError::TimedOut).await, "the same seed, the same waits");
    assert_eq!(first.len(), 4);
    for (wait, base) in first.iter().zip([1, 2, 4, 8]) {
        assert!(*wait >= base * SECOND && *wait <= (base * SECOND * 3 / 2).min(9 * SECOND), "{first:?}");
    }
    assert!(first.iter().zip([1, 2, 4]).any(|(wait, base)| *wait > base * SECOND), "by chance: {first:?}");
    let asked = waits(|| PlannerError::Busy { after: Some(5 * SECOND) }).await;
    assert!(asked.iter().all(|wait| *wait >= 5 * SECOND), "what it asks for, at least: {asked:?}");
}

#[tokio::test(start_paused = true)]
async fn each_try_has_its_time() {
    let (asked, hangs) = planner(|_| Box::pin(pending()));
    let began = Instant::now();
    assert_eq!(ask(&mut guarded(hangs, guards())).await, Err(LATE.into()));
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    let waited = began.elapsed();
    assert!(waited >= 33 * SECOND && waited <= 35 * SECOND, "three times ten, and two waits: {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_over_a_limit_is_turned_away_and_does_not_wait() {
    let (asked, hangs) = planner(|_| Box::pin(pending()));
    let mut planner_at_work = guarded(hangs, guards());
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut answer = planner_at_work.ready().await.unwrap().call(sample_briefing());
        assert!(futures::poll!(&mut answer).is_pending());
        open.push(answer);
    }
    let began = Instant::now();
    assert_eq!(ask(&mut planner_at_work).await, Err(BUSY.into()));
    assert_eq!((asked.load(Ordering::SeqCst), began.elapsed()), (2, Duration::ZERO));
    open.pop();
    assert_eq!(ask(&mut planner_at_work).await, Err(LATE.into()), "there is room again");

    let (asked, quick) = planner(|_| says("quick"));
    let mut limited = guarded(quick, Guards { rate: (NonZeroU64::new(2).unwrap(), 60 * SECOND), ..guards() });
    let mut told = Vec::new();
    for _ in 0..4 {
        told.push(ask(&mut limited).await.is_ok());
    }
    assert_eq!((told, asked.load(Ordering::SeqCst)), (vec![true, true, false, false], 2));
    advance(61 * SECOND).await;
    assert!(ask(&mut limited).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_planner_that_keeps_failing_rests_until_one_question_finds_it_well() {
    let once = Retries { tries: NonZeroU32::MIN, ..guards().retries };
    let terms = Guards { retries: once, breaker: (NonZeroU32::new(2).unwrap(), 60 * SECOND), ..guards() };
    let (asked, sick) = planner(|nth| match nth {
        0 | 2 | 3 | 4 => fails(PlannerError::Malformed("?".into())),
        1 => fails(PlannerError::Declined("no".into())),
        5 => Box::pin(async {
            tokio::time::sleep(5 * SECOND).await;
            says("well").await
        }),
        _ => says("well"),
    });
    let mut planner = guarded(sick, terms);
    let mut told = Vec::new();
    for _ in 0..5 {
        told.push(ask(&mut planner).await.unwrap_err());
    }
    assert_eq!(asked.load(Ordering::SeqCst), 4, "a refusal in between is no failure: {told:?}");
    assert_eq!(told[4], RESTS);
    advance(59 * SECOND).await;
    assert_eq!(ask(&mut planner).await, Err(RESTS.into()));
    advance(SECOND).await;
    assert!(ask(&mut planner).await.unwrap_err().contains("no plan"), "the test fails");
    assert_eq!(ask(&mut planner).await, Err(RESTS.into()), "and it rests again");
    advance(60 * SECOND).await;
    let mut test = planner.ready().await.unwrap().call(sample_briefing());
    assert!(futures::poll!(&mut test).is_pending());
    assert_eq!(ask(&mut planner).await, Err(RESTS.into()), "one question at a time finds out");
    assert_eq!(test.await.unwrap().reason, "well");
    assert_eq!(ask(&mut planner).await, Ok("well".into()));
}

/// A purse of ten an hour and fifteen a day, and a planner that costs what `cost` says, three at most.
fn bought(cost: impl Fn(usize) -> u64 + Clone + Send + 'static) -> (Arc<AtomicUsize>, Tab, Guarded) {
    let tab = Tab::default();
    let purse = Purse { hour: MicroUsd(10), day: MicroUsd(15), most: MicroUsd(3), tab: tab.clone() };
    let bill = tab.clone();
    let (asked, planner) = planner(move |nth| {
        bill.add(MicroUsd(cost(nth)));
        says("bought")
    });
    (asked, tab, guarded(planner, Guards { purse: Some(purse), ..guards() }))
}

#[tokio::test(start_paused = true)]
async fn no_hour_and_no_day_costs_more_than_it_may() {
    let (asked, tab, mut planner) = bought(|_| 3);
    let buy = async |planner: &mut Guarded, times: usize| {
        let mut bought = 0;
        for _ in 0..times {
            bought += usize::from(ask(planner).await.is_ok());
        }
        bought
    };
    assert_eq!(buy(&mut planner, 9).await, 3, "nine of ten: another three do not fit");
    assert_eq!(ask(&mut planner).await, Err(SPENT.into()));
    advance(59 * MINUTE).await;
    assert_eq!(buy(&mut planner, 1).await, 0, "within the hour");
    advance(2 * MINUTE).await;
    assert_eq!(buy(&mut planner, 9).await, 2, "the day has fifteen");
    assert_eq!((asked.load(Ordering::SeqCst), tab.total()), (5, MicroUsd(15)));
    advance(12 * 60 * MINUTE).await;
    assert_eq!(buy(&mut planner, 1).await, 0);
    advance(12 * 60 * MINUTE).await;
    assert_eq!(buy(&mut planner, 9).await, 3, "another day");
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test(start_paused = true)]
async fn what_is_under_way_has_its_money_set_aside() {
    let tab = Tab::default();
    let purse = Purse { hour: MicroUsd(5), day: MicroUsd(100), most: MicroUsd(3), tab: tab.clone() };
    let (_, hangs) = planner(|_| Box::pin(pending()));
    let mut planner = guarded(hangs, Guards { purse: Some(purse), ..guards() });
    let mut under_way = planner.ready().await.unwrap().call(sample_briefing());
    assert!(futures::poll!(&mut under_way).is_pending());
    assert_eq!(ask(&mut planner).await, Err(SPENT.into()));
    drop(under_way);
    assert_eq!(ask(&mut planner).await, Err(LATE.into()), "given back");
    tab.add(MicroUsd(3));
    assert_eq!(ask(&mut planner).await, Err(SPENT.into()), "what was paid stays paid");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn no_window_is_overdrawn_whatever_the_order(costs in proptest::collection::vec((0u64..=3, 0u32..90), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let list = costs.clone();
            let (asked, tab, mut planner) = bought(move |nth| list[nth].0);
            let (began, mut paid) = (Instant::now(), Vec::new());
            for (_, wait) in costs {
                let before = tab.total();
                let planned = ask(&mut planner).await;
                assert_eq!(planned.is_ok(), asked.load(Ordering::SeqCst) > paid.len());
                if planned.is_ok() {
                    paid.push((began.elapsed(), tab.total().less(before)));
                }
                for (window, limit) in [(HOUR, 10), (DAY, 15)] {
                    let now = began.elapsed();
                    let within = paid.iter().filter(|(then, _)| now.saturating_sub(*then) < window);
                    let sum: u64 = within.map(|(_, cost)| cost.0).sum();
                    assert!(sum <= limit, "{sum} of {limit}: {paid:?}");
                }
                advance(MINUTE.saturating_mul(wait)).await;
            }
        });
    }
}

/// Who was asked, in order, and what came of it.
async fn tiers(
    triage: Triage,
    small: impl Fn() -> Planned + Clone + Send + Sync + 'static,
    large: impl Fn() -> Planned + Clone + Send + Sync + 'static,
) -> (Vec<&'static str>, Plan) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let tier = |name: &'static str, answer: Arc<dyn Fn() -> Planned + Send + Sync>| {
        let heard = heard.clone();
        let (_, planner) = planner(move |_| {
            heard.lock().unwrap().push(name);
            answer()
        });
        guarded(
            planner,
            Guards { retries: Retries { tries: NonZeroU32::MIN, ..guards().retries }, ..guards() },
        )
    };
    let rules = RulesPlanner { min_net: UsdE8(1) };
    let (small, large) = (tier("small", Arc::new(small)), tier("large", Arc::new(large)));
    let mut tiers = Tiers::new(triage, small, large, rules, Duration::from_secs(4));
    let plan = tiers.ready().await.unwrap().call(sample_briefing()).await.unwrap();
    let asked = heard.lock().unwrap().clone();
    (asked, plan)
}

fn panics() -> Planned {
    Box::pin(async { panic!("a planner's bug") })
}

fn hangs() -> Planned {
    Box::pin(pending())
}

fn breaks() -> Planned {
    fails(PlannerError::Rejected("no such model".into()))
}

const EASY: Triage = Triage { hard_above: UsdE8(i128::MAX), second_opinion: true };
const HARD: Triage = Triage { hard_above: UsdE8(0), second_opinion: true };

#[tokio::test(start_paused = true)]
async fn the_small_one_sorts_and_the_large_one_decides() {
    let check = async |triage, asked: &[&str], reason: &str| {
        let (heard, plan) = tiers(triage, || wants("small"), || wants("large")).await;
        assert_eq!((heard.as_slice(), plan.reason.as_str()), (asked, reason), "{triage:?}");
    };
    check(EASY, &["small", "large"], "large").await;
    check(HARD, &["large"], "large").await;
    check(Triage { second_opinion: false, ..EASY }, &["small"], "small").await;
    let (heard, plan) = tiers(EASY, || says("nothing to do"), || wants("large")).await;
    assert_eq!((heard, plan.reason.as_str()), (vec!["small"], "nothing to do"));
}

#[tokio::test(start_paused = true)]
async fn the_agent_never_stops_because_a_model_did() {
    let began = Instant::now();
    for bad in [panics, hangs, breaks] {
        let (heard, plan) = tiers(EASY, bad, || wants("large")).await;
        assert_eq!((heard, plan.reason.as_str()), (vec!["small", "large"], "large"));
        let (heard, plan) = tiers(EASY, || wants("small"), bad).await;
        assert_eq!((heard, plan.reason.as_str()), (vec!["small", "large"], "small"), "what it wanted stands");
        let (heard, plan) = tiers(HARD, || wants("small"), bad).await;
        assert_eq!((heard, plan.reason.as_str()), (vec!["large", "small"], "small"));
        for worse in [panics, hangs, breaks] {
            let (heard, plan) = tiers(EASY, bad, worse).await;
            assert_eq!(heard, vec!["small", "large"]);
            assert!(plan.reason.contains("is the best of 1"), "the rules decide: {}", plan.reason);
        }
    }
    assert!(began.elapsed() <= 18 * 4 * SECOND, "each within its time");
}

#[tokio::test(start_paused = true)]
async fn tiers_conform_whatever_is_in_them() {
    let model = |answer: fn() -> Planned| guarded(planner(move |_| answer()).1, guards());
    let mut broken =
        Tiers::new(EASY, model(panics), model(breaks), RulesPlanner { min_net: UsdE8(1) }, SECOND);
    agent_core::conformance::planner(&mut broken).await.unwrap();
}
