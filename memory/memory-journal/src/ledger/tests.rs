use agent_core::ports::Claim;
use proptest::prelude::*;

use super::{
    model::{Model, entries},
    *,
};
use crate::replay::Replay;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_rules_are_the_plain_rules(entries in entries()) {
        let (mut model, mut books, mut next) = (Model::default(), Replay::default(), 0);
        for entry in &entries {
            let expected = model.append(entry);
            let found = books.write(next, entry).map(|()| next);
            prop_assert_eq!(&found, &expected, "at entry {}", next);
            next = found.map_or(next, |at| at.saturating_add(1));
        }
        let open: Vec<_> = books.open.into_values().collect();
        prop_assert_eq!(open, model.open());
    }
}

fn entry(kind: EntryKind) -> Entry {
    let (subject, at) = (B256::ZERO, Timestamp(0));
    Entry { kind, subject, at, claims: vec![], reservations: vec![], payload: vec![] }
}

#[test]
fn only_what_opens_an_intent_claims() {
    let claims = vec![Claim { key: "nonce".into(), releasable: true }];
    assert_eq!(fits(&Entry { claims: claims.clone(), ..entry(EntryKind::Recorded) }), Ok(()));
    for kind in [
        EntryKind::Refused,
        EntryKind::Replaced,
        EntryKind::Closed,
        EntryKind::Dropped,
        EntryKind::Order,
        EntryKind::Noted,
    ] {
        assert_eq!(fits(&Entry { claims: claims.clone(), ..entry(kind) }), Err(Misfit::Claims));
    }
}

#[test]
fn only_what_moves_an_intent_spends() {
    let (amount, limit) = (U256::ZERO, U256::ZERO);
    let reservations = vec![Reservation { budget: "gas".into(), amount, limit, window: 0 }];
    for kind in [EntryKind::Recorded, EntryKind::Replaced, EntryKind::Closed, EntryKind::Dropped] {
        assert_eq!(fits(&Entry { reservations: reservations.clone(), ..entry(kind) }), Ok(()));
    }
    for kind in [EntryKind::Refused, EntryKind::Order, EntryKind::Noted] {
        let entry = Entry { reservations: reservations.clone(), ..entry(kind) };
        assert_eq!(fits(&entry), Err(Misfit::Reservations));
    }
}
