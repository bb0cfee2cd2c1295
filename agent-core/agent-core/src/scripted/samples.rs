//! Small values that make sense.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};

use crate::{
    intent::{Call, Intent},
    opportunity::{Appraisal, Opportunity, OpportunityId},
    plan::BriefingItem,
    run::Situation,
    units::{BlockNumber, BlockRef, Timestamp, TokenAmount, UsdE8},
};

/// An opportunity of class `sample/one`; different seeds have different ids.
#[must_use]
pub fn sample_opportunity(seed: u8) -> Opportunity {
    let token = Address::repeat_byte(0x70);
    let amount = TokenAmount { token, raw: U256::from(1_000_000u64) };
    Opportunity {
        id: OpportunityId::derive("sample", &[seed], b"round 1"),
        strategy: "sample".into(),
        class: "sample/one".into(),
        seen_at: BlockRef { number: BlockNumber(7), hash: B256::repeat_byte(7), timestamp: Timestamp(84) },
        appraisal: Appraisal { gross: UsdE8(500_000_000), gas: UsdE8(100_000_000), notional: amount },
        intent: Intent {
            borrow: None,
            calls: vec![Call {
                target: Address::repeat_byte(0xca),
                spend: Some(amount),
                data: [1, 2, 3, 4, seed].into(),
            }],
            floors: vec![TokenAmount { token, raw: U256::from(1u8) }],
            deadline: Timestamp(120),
        },
        facts: BTreeMap::from([("why".to_owned(), "a sample".to_owned())]),
    }
}

/// A situation with one sample opportunity.
#[must_use]
pub fn sample_situation() -> Situation {
    let opportunity = sample_opportunity(1);
    Situation {
        now: opportunity.seen_at,
        opportunities: BriefingItem::of(&opportunity).into_iter().collect(),
        ..Situation::default()
    }
}
