//! Small values that make sense.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};

use crate::{
    event::Head,
    intent::{Call, Intent},
    mandate::{ArmedBy, OrderId, StandingOrder},
    opportunity::{Appraisal, Opportunity, OpportunityId},
    outcome::Mined,
    plan::{Briefing, BriefingItem},
    ports::ToolSpec,
    run::Situation,
    units::{BlockNumber, BlockRef, Timestamp, TokenAmount, UsdE8, Wei},
};

/// The head of a block, one every twelve seconds; each is the child of the one before.
#[must_use]
pub fn sample_head(number: u64) -> Head {
    let hash = |number: u64| B256::from(U256::from(number));
    let timestamp = Timestamp(number.saturating_mul(12));
    let block = BlockRef { number: BlockNumber(number), hash: hash(number), timestamp };
    Head { block, parent: hash(number.saturating_sub(1)), base_fee: 1 }
}

/// A transaction mined in a block.
#[must_use]
pub fn sample_mined(number: u64) -> Mined {
    Mined {
        transaction: B256::repeat_byte(0x77),
        block: sample_head(number).block,
        gas_used: 21_000,
        gas_paid: Wei(U256::from(21_000u64)),
        deltas: Vec::new(),
        created: None,
    }
}

/// The operator's order for everything that [`sample_opportunity`] gives.
#[must_use]
pub fn sample_order() -> StandingOrder {
    StandingOrder {
        id: OrderId("sample".into()),
        class: "sample/*".into(),
        armed_by: ArmedBy::Operator,
        min_net: UsdE8::ZERO,
        max_notional: vec![sample_opportunity(0).appraisal.notional],
        uses: u32::MAX,
        expires: Timestamp(u64::MAX),
    }
}

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

/// What every agent's planner may call, as far as the samples go: look at an opportunity, and take it.
#[must_use]
pub fn sample_tools() -> Vec<ToolSpec> {
    let tool = |name: &str, class: &str, description: &str| ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        class: class.to_owned(),
        schema: serde_json::json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["opportunity"],
            "properties": { "opportunity": { "type": "string", "maxLength": 66, "pattern": "^0x[0-9a-f]{64}$" } },
        }),
    };
    vec![
        tool("execute_opportunity", "propose", "Take an opportunity."),
        tool("explain_opportunity", "read", "Look at one."),
    ]
}

/// A briefing about one sample opportunity.
#[must_use]
pub fn sample_briefing() -> Briefing {
    let Situation { now, opportunities, armed, in_flight, memories } = sample_situation();
    Briefing { tools: sample_tools(), now, opportunities, armed, in_flight, memories, notes: Vec::new() }
}
