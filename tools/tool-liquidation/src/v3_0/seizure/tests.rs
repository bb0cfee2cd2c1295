#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use proptest::prelude::*;

use super::*;

fn number(value: u128) -> U256 {
    U256::from(value)
}

/// WETH with 18 decimals against USDC with 6, a bonus of 5 %, a tenth of which is the protocol's.
fn terms(price: u128) -> Terms {
    Terms {
        collateral_price: number(price * 100_000_000),
        debt_price: number(100_000_000),
        collateral_unit: number(10u128.pow(18)),
        debt_unit: number(10u128.pow(6)),
        bonus: number(10_500),
        fee: number(1_000),
    }
}

#[test]
fn half_a_debt_of_15_500_dollars_at_1_850() {
    // What the contract itself moved on a chain: 7,750 USDC for 4.377703 WETH.
    let seizure = terms(1_850).seize(number(7_750_000_000), number(10u128.pow(19))).unwrap();
    assert_eq!(seizure.repaid, number(7_750_000_000));
    assert_eq!(seizure.seized, number(4_377_702_702_702_702_702));
    assert_eq!(seizure.fee, number(20_945_945_945_945_946));
    assert!(!seizure.limited);
}

#[test]
fn too_little_collateral_limits_the_repayment() {
    let balance = number(10u128.pow(18));
    let seizure = terms(1_850).seize(number(7_750_000_000), balance).unwrap();
    assert!(seizure.limited);
    assert_eq!(seizure.seized.checked_add(seizure.fee), Some(balance));
    // 1,850 / 1.05 dollars, rounded half up.
    assert_eq!(seizure.repaid, number(1_761_904_762));
    let exact = terms(1_850).seize_exactly(number(7_750_000_000), balance).unwrap();
    assert!(!exact.limited && exact.repaid < seizure.repaid);
    assert_eq!(terms(1_850).seize(exact.repaid, balance).unwrap(), exact);
}

#[test]
fn the_close_factor_changes_at_exactly_095() {
    let threshold = number(950_000_000_000_000_000);
    assert_eq!(close_factor(threshold), number(10_000));
    assert_eq!(close_factor(threshold + U256::from(1u8)), number(5_000));
    assert_eq!(close_factor(U256::ZERO), number(10_000));
    assert_eq!(close_factor(U256::MAX), number(5_000));
}

#[test]
fn what_would_revert_is_none() {
    let free = Terms { collateral_price: U256::ZERO, ..terms(1) };
    assert_eq!(free.seize(number(1), number(1)), None);
    let stingy = Terms { bonus: number(9_999), ..terms(1) };
    assert_eq!(stingy.seize(number(1_000_000), number(10u128.pow(19))), None);
    assert_eq!(terms(1).seize(U256::MAX, U256::MAX), None);
}

fn any_terms() -> impl Strategy<Value = Terms> {
    let prices = (1u64..=u64::MAX, 1u64..=u64::MAX);
    let units = (0u32..=24, 0u32..=24);
    (prices, units, 10_001u16..=15_000, 0u16..=10_000).prop_map(|(prices, units, bonus, fee)| Terms {
        collateral_price: U256::from(prices.0),
        debt_price: U256::from(prices.1),
        collateral_unit: number(10u128.pow(units.0)),
        debt_unit: number(10u128.pow(units.1)),
        bonus: U256::from(bonus),
        fee: U256::from(fee),
    })
}

proptest! {
    #[test]
    fn nobody_gives_more_than_there_is(terms in any_terms(), cover in any::<u128>(), balance in any::<u128>()) {
        let (cover, balance) = (number(cover), number(balance));
        if let Some(seizure) = terms.seize(cover, balance) {
            prop_assert!(seizure.seized.checked_add(seizure.fee).unwrap() <= balance);
            prop_assert!(seizure.repaid <= cover);
        }
    }

    #[test]
    fn an_exact_seizure_is_what_happens_however_the_balance_grows(
        terms in any_terms(),
        cover in any::<u128>(),
        balance in any::<u128>(),
        interest in any::<u64>(),
    ) {
        let (cover, balance) = (number(cover), number(balance));
        if let Some(exact) = terms.seize_exactly(cover, balance) {
            prop_assert!(exact.repaid <= cover);
            prop_assert!(exact.seized.checked_add(exact.fee).unwrap() <= balance);
            let later = balance.checked_add(U256::from(interest)).unwrap();
            prop_assert_eq!(terms.seize(exact.repaid, later), Some(exact));
        }
    }

    #[test]
    fn nothing_panics(prices in any::<[u8; 64]>(), amounts in any::<[u8; 64]>(), bonus in any::<u16>()) {
        let word = |bytes: &[u8]| U256::from_be_slice(bytes);
        let terms = Terms {
            collateral_price: word(&prices[..32]),
            debt_price: word(&prices[32..]),
            collateral_unit: number(10u128.pow(18)),
            debt_unit: number(1),
            bonus: U256::from(bonus),
            fee: U256::from(bonus),
        };
        let (cover, balance) = (word(&amounts[..32]), word(&amounts[32..]));
        let _seizures = (terms.seize(cover, balance), terms.seize_exactly(cover, balance));
    }
}
