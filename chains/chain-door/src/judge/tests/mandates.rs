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
    refused(
        &|_, mandate| mandate.used = 2,
        expect!["the standing order does not cover it: its uses are spent"],
    );
    refused(
        &|_, mandate| mandate.order.expires = Timestamp(NOW),
        expect!["the standing order does not cover it: it has ended"],
    );
    refused(
        &|case, _| case.quote.head.timestamp = Timestamp(NOW + 500),
        expect!["the standing order does not cover it: it has ended"],
    );
    refused(
        &|case, _| case.draft.class = "arbitrage".into(),
        expect!["the standing order does not cover it: it is for another class"],
    );
    refused(
        &|_, mandate| mandate.order.min_net = UsdE8(401),
        expect!["the standing order does not cover it: it wants more value"],
    );
    refused(
        &|case, _| case.draft.appraisal = None,
        expect!["the standing order does not cover it: it wants more value"],
    );
    // What is borrowed, and what is spent on the way: each must be named, whatever the appraisal says.
    refused(
        &|_, mandate| mandate.order.max_notional[0] = amount(USDC, LOAN - 1),
        expect![
            "the standing order does not cover it: it does not bear that much of every token that is put to work"
        ],
    );
    refused(
        &|_, mandate| mandate.order.max_notional.truncate(1),
        expect![
            "the standing order does not cover it: it does not bear that much of every token that is put to work"
        ],
    );
    refused(
        &|case, _| {
            case.draft.appraisal.as_mut().unwrap().notional = amount(USDC, 1);
            case.intent().borrow = Some(Borrow::loan(POOL, amount(USDC, LOAN + 1)));
        },
        expect![
            "the standing order does not cover it: it does not bear that much of every token that is put to work"
        ],
    );
    let mut unarmed = Case { origin: reflex(), mandate: None, ..Case::default() };
    assert_eq!(unarmed.intent().calls.len(), 2);
    assert_eq!(unarmed.judge().unwrap_err(), Refusal::OutsideMandate(OutsideMandate::NotArmed));
}
