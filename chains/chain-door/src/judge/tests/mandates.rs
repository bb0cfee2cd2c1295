//! What a standing order adds to the policy.

use super::*;

#[test]
fn a_reflex_acts_within_its_order() {
    let refused = |change: &dyn Fn(&mut Case, &mut Mandate), sentence: Expect| {
        refused(
            |case| {
                case.origin = reflex();
                let mut mandate = case.mandate.take().unwrap();
                change(case, &mut mandate);
                case.mandate = Some(mandate);
            },
            sentence,
        );
    };
    refused(&|_, mandate| mandate.used = 2, expect!["the standing order does not cover it: Spent"]);
    refused(
        &|_, mandate| mandate.order.expires = Timestamp(NOW),
        expect!["the standing order does not cover it: Expired"],
    );
    refused(
        &|case, _| case.quote.head.timestamp = Timestamp(NOW + 500),
        expect!["the standing order does not cover it: Expired"],
    );
    refused(
        &|case, _| case.draft.class = "arbitrage".into(),
        expect!["the standing order does not cover it: Class"],
    );
    refused(
        &|_, mandate| mandate.order.min_net = UsdE8(401),
        expect!["the standing order does not cover it: TooSmall"],
    );
    refused(
        &|case, _| case.draft.appraisal = None,
        expect!["the standing order does not cover it: TooSmall"],
    );
    // What is borrowed, and what is spent on the way: each must be named, whatever the appraisal says.
    refused(
        &|_, mandate| mandate.order.max_notional[0] = amount(USDC, LOAN - 1),
        expect!["the standing order does not cover it: Notional"],
    );
    refused(
        &|_, mandate| mandate.order.max_notional.truncate(1),
        expect!["the standing order does not cover it: Notional"],
    );
    refused(
        &|case, _| {
            case.draft.appraisal.as_mut().unwrap().notional = amount(USDC, 1);
            case.intent().borrow = Some(Borrow { lender: POOL, amount: amount(USDC, LOAN + 1) });
        },
        expect!["the standing order does not cover it: Notional"],
    );
    let mut unarmed = Case { origin: reflex(), mandate: None, ..Case::default() };
    assert_eq!(unarmed.intent().calls.len(), 2);
    assert_eq!(unarmed.judge().unwrap_err(), Refusal::OutsideMandate(OutsideMandate::NotArmed));
}
