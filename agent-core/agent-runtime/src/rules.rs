//! The floor under every planner: plain rules, no model.

use std::task::{Context, Poll};

use agent_core::{
    Briefing, BriefingItem, Plan,
    ports::{BoxFuture, PlannerError, RecordKind, Tool, ToolCall, Trust},
    units::UsdE8,
};
use serde_json::json;
use tower::Service;

use crate::{planner_fn, tools::ExecuteOpportunity};

/// Takes the best opportunity that is worth enough, one at a time, unless the class has just failed twice in a row.
#[derive(Debug, Clone, Copy)]
pub struct RulesPlanner {
    /// The least net value worth acting on.
    pub min_net: UsdE8,
}

/// So many failures of a class in a row, as memory has them, make the rules wait,
const FAILURES: usize = 2;
/// for so many seconds of chain time after the last of them.
const REST: u64 = 600;

impl RulesPlanner {
    fn decide(self, briefing: &Briefing) -> Plan {
        if briefing.in_flight > 0 {
            return wait("one thing at a time: a transaction is under way");
        }
        if !briefing.notes.is_empty() {
            return wait("this sitting's proposal was heard");
        }
        let Some(best) = briefing.opportunities.iter().find(|item| item.net >= self.min_net) else {
            return wait("nothing is worth its while");
        };
        if keeps_failing(briefing, best) {
            return wait("this class failed twice in a row");
        }
        let reason =
            format!("{} is the best of {}, worth {} net", best.id, briefing.opportunities.len(), best.net);
        let arguments = json!({ "opportunity": best.id.0 });
        Plan { reason, calls: vec![ToolCall { tool: ExecuteOpportunity::NAME.to_owned(), arguments }] }
    }
}

fn wait(reason: &str) -> Plan {
    Plan { reason: reason.to_owned(), calls: Vec::new() }
}

fn keeps_failing(briefing: &Briefing, item: &BriefingItem) -> bool {
    let episodes = briefing.memories.iter().filter(|record| {
        let trusted = record.provenance.trust() == Trust::Trusted;
        let fresh = record.at.plus(REST) > briefing.now.timestamp;
        trusted && fresh && record.kind == RecordKind::Episode && record.subject == item.class
    });
    let latest: Vec<_> = episodes.take(FAILURES).collect();
    latest.len() == FAILURES && latest.iter().all(|record| record.text.contains("reverted"))
}

impl Service<Briefing> for RulesPlanner {
    type Response = Plan;
    type Error = PlannerError;
    type Future = BoxFuture<'static, Result<Plan, PlannerError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), PlannerError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, briefing: Briefing) -> Self::Future {
        planner_fn(|briefing: &Briefing| self.decide(briefing)).call(briefing)
    }
}

#[cfg(test)]
mod tests {
    use agent_core::{
        Note,
        ports::{Provenance, Record},
        scripted::{sample_opportunity, sample_situation},
        units::Timestamp,
    };
    use expect_test::{Expect, expect};

    use super::*;

    fn check(change: impl FnOnce(&mut Briefing), expected: Expect) {
        check_with(change, |text| expected.assert_eq(text));
    }

    fn check_with(change: impl FnOnce(&mut Briefing), look: impl FnOnce(&str)) {
        let situation = sample_situation();
        let mut briefing = Briefing {
            tools: vec![],
            now: situation.now,
            opportunities: situation.opportunities,
            armed: vec![],
            in_flight: 0,
            memories: vec![],
            notes: vec![],
        };
        change(&mut briefing);
        let Plan { reason, calls } = RulesPlanner { min_net: UsdE8(100) }.decide(&briefing);
        let calls: Vec<_> = calls.iter().map(|call| format!("{}({})", call.tool, call.arguments)).collect();
        look(&format!("{reason} -> {calls:?}"));
    }

    fn episode(provenance: Provenance, text: &str) -> Record {
        let subject = sample_opportunity(1).class;
        Record { kind: RecordKind::Episode, subject, at: Timestamp(1), provenance, text: text.into() }
    }

    #[tokio::test]
    async fn the_rules_conform() {
        agent_core::conformance::planner(&mut RulesPlanner { min_net: UsdE8(100) }).await.unwrap();
    }

    #[test]
    fn the_rules_take_the_best_one_at_a_time() {
        check(
            |_| {},
            expect![[
                r#"9ef9989b is the best of 1, worth $4.00 net -> ["execute_opportunity({\"opportunity\":\"0x9ef9989baa69b6ac831e3bf2ec064ab3a84590ab0ef3190644bb5167a8395240\"})"]"#
            ]],
        );
        check(
            |briefing| briefing.in_flight = 1,
            expect!["one thing at a time: a transaction is under way -> []"],
        );
        check(|briefing| briefing.opportunities.clear(), expect!["nothing is worth its while -> []"]);
        let heard = Note { tool: "execute_opportunity".into(), said: "under way".into() };
        check(|briefing| briefing.notes.push(heard), expect!["this sitting's proposal was heard -> []"]);
    }

    #[test]
    fn only_trusted_failures_make_the_rules_wait() {
        let failed = |provenance| {
            vec![episode(provenance, "reverted in block 1"), episode(provenance, "reverted in block 2")]
        };
        check(
            |briefing| briefing.memories = failed(Provenance::Agent),
            expect!["this class failed twice in a row -> []"],
        );
        let decided = |memories| {
            let mut decided = String::new();
            let write = &mut decided;
            check_with(|briefing| briefing.memories = memories, |text| *write = text.to_owned());
            decided
        };
        assert_eq!(
            decided(failed(Provenance::Outside)),
            decided(vec![]),
            "what others wrote changes nothing"
        );
        assert_ne!(decided(failed(Provenance::Agent)), decided(vec![]));
        let (failures, later) = (failed(Provenance::Agent), Timestamp(1 + REST));
        let forgiven = |text: &str| assert!(text.contains("is the best of 1"), "{text}");
        check_with(|briefing| (briefing.memories, briefing.now.timestamp) = (failures, later), forgiven);
    }
}
