//! What is only harmless where somebody looks.

use agent_core::ports::Variant;

use super::*;

/// A variant that agrees with the simulation.
fn variant(case: &Case) -> Variant {
    Variant {
        environment: "another coinbase".into(),
        outcome: SimulatedOutcome::Success,
        deltas: case.simulation.deltas.clone(),
    }
}

#[test]
fn variants_that_agree_change_nothing() {
    approved(|case| case.simulation.variants = vec![variant(case), variant(case)]);
}

#[test]
fn a_transaction_behaves_the_same_under_all_conditions() {
    refused(
        |case| {
            let data = crate::KeepwrightExecutor::NotOwner { caller: STRANGER };
            let data = alloy_sol_types::SolError::abi_encode(&data).into();
            let reverts = Variant { outcome: SimulatedOutcome::Revert(data), ..variant(case) };
            case.simulation.variants = vec![variant(case), reverts];
        },
        expect![
            "it behaves differently with another coinbase: it reverts: executor refused the caller (0x6666666666666666666666666666666666666666): it is not the owner"
        ],
    );
    refused(
        |case| {
            let mut poorer = variant(case);
            poorer.deltas.iter_mut().find(|delta| delta.asset == Asset::Token(USDC)).unwrap().change =
                I256::ZERO;
            case.simulation.variants = vec![poorer];
        },
        expect![
            "it behaves differently with another coinbase: the token 0x0C0c0C0c0c0c0c0c0c0c0C0C0C0c0c0C0c0c0c0c balance of 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE would change by 0, and the intent allows 1"
        ],
    );
    refused(
        |case| case.simulation.variants = vec![Variant { deltas: vec![], ..variant(case) }],
        expect![
            "it behaves differently with another coinbase: simulator is unavailable: it did not measure Token(0x0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c) of 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"
        ],
    );
}

#[test]
fn the_simulators_words_are_bounded_and_plain() {
    let long = "\u{1b}[2J".repeat(1_000);
    let mut case = Case::default();
    let mut wrong = Variant { environment: long.clone(), deltas: vec![], ..variant(&case) };
    wrong.outcome = SimulatedOutcome::Revert(
        alloy_sol_types::SolError::abi_encode(&alloy_sol_types::Revert::from(long)).into(),
    );
    case.simulation.variants = vec![wrong];
    let refusal = case.judge().unwrap_err().to_string();
    assert!(refusal.len() < 500 && !refusal.contains('\u{1b}'), "{refusal}");
}
