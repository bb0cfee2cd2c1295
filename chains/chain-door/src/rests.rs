//! Classes that were stood down by command.

use std::collections::BTreeMap;

use agent_core::{Origin, Refusal, StandDown, units::Timestamp};

use crate::policy::PlannerRule;

/// Who was stood down, by class. Changed only by what the journal has already written.
#[derive(Debug, Default)]
pub(crate) struct Rests(BTreeMap<String, StandDown>);

impl Rests {
    pub(crate) fn begun(&mut self, rest: StandDown) {
        self.0.insert(rest.class.clone(), rest);
    }

    pub(crate) fn resumed(&mut self, class: &str) {
        self.0.remove(class);
    }

    /// Those that hold at `now`.
    pub(crate) fn live(&self, now: Timestamp) -> impl Iterator<Item = &StandDown> {
        self.0.values().filter(move |rest| now < rest.until)
    }

    /// Whether `origin` may stand `rest` down now; as it is to be journalled. Standing down costs income and no principal, so
    /// anybody may, but not for longer than the operator bears.
    pub(crate) fn check(
        &self,
        rule: &PlannerRule,
        rest: StandDown,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<StandDown, Refusal> {
        if let Origin::Planner { .. } | Origin::Reflex { .. } | Origin::Sweep = origin {
            self.is_free(&rest.class, now)?;
            let latest = now.plus(rule.max_seconds);
            if rest.until > latest {
                let (asked, allowed) = (rest.until.to_string(), latest.to_string());
                return Err(Refusal::OverLimit { limit: "end of a stand-down".to_owned(), asked, allowed });
            }
        }
        Ok(StandDown { by: origin.clone(), ..rest })
    }

    /// Whether `origin` may end what holds for `class`.
    pub(crate) fn check_resume(&self, class: &str, origin: &Origin, now: Timestamp) -> Result<(), Refusal> {
        match origin {
            Origin::Operator => Ok(()),
            Origin::Planner { .. } => self.is_free(class, now),
            Origin::Reflex { .. } | Origin::Sweep | Origin::Door => Err(Refusal::OperatorOnly),
        }
    }

    /// What the operator stood down, nobody else changes.
    fn is_free(&self, class: &str, now: Timestamp) -> Result<(), Refusal> {
        let operators = self.live(now).any(|rest| rest.class == class && rest.by == Origin::Operator);
        if operators { Err(Refusal::OperatorOnly) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(100);

    fn rest(until: u64, by: Origin) -> StandDown {
        StandDown { class: "arb/*".into(), until: Timestamp(until), why: "a feed is stale".into(), by }
    }

    fn planner() -> Origin {
        Origin::Planner { reason: "odd".into() }
    }

    #[test]
    fn a_planner_stands_down_within_its_bound_and_resumes_what_is_not_the_operators() {
        let rule = PlannerRule { max_seconds: 50, ..PlannerRule::default() };
        let mut rests = Rests::default();
        let check =
            |rests: &Rests, until, origin| rests.check(&rule, rest(until, Origin::Door), &origin, NOW);
        assert_eq!(check(&rests, 150, planner()), Ok(rest(150, planner())), "who asked is what the door saw");
        assert!(matches!(check(&rests, 151, planner()), Err(Refusal::OverLimit { .. })));
        rests.begun(rest(150, planner()));
        assert_eq!(rests.check_resume("arb/*", &planner(), NOW), Ok(()));
        rests.begun(check(&rests, 9_999, Origin::Operator).unwrap());
        assert_eq!(
            check(&rests, 120, planner()),
            Err(Refusal::OperatorOnly),
            "a shorter one would end it early"
        );
        assert_eq!(rests.check_resume("arb/*", &planner(), NOW), Err(Refusal::OperatorOnly));
        assert_eq!(rests.check_resume("arb/*", &planner(), Timestamp(9_999)), Ok(()), "it is over by itself");
        rests.resumed("arb/*");
        assert_eq!(rests.live(NOW).count(), 0);
    }
}
