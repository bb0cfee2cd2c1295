#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use super::*;
use proptest::prelude::*;

fn u(value: u128) -> U256 {
    U256::from(value)
}

#[test]
fn a_fee_is_a_share() {
    assert_eq!(V2Fee::new(9_975, 10_000), Some(V2Fee::PANCAKE));
    assert_eq!(V2Fee::new(1, 1).map(V2Fee::kept), Some(1));
    assert_eq!([V2Fee::new(0, 1_000), V2Fee::new(1_001, 1_000), V2Fee::new(0, 0)], [None; 3]);
}

#[test]
fn the_library_refuses_what_it_refuses() {
    let fee = V2Fee::UNISWAP;
    assert_eq!(amount_out(u(0), 100, 100, fee), Err(Unquotable::TooSmall));
    assert_eq!(amount_out(u(2), 0, 100, fee), Err(Unquotable::Empty));
    assert_eq!(amount_out(u(2), 100, 0, fee), Err(Unquotable::Empty));
    // The numbers of the router's own tests.
    assert_eq!(amount_out(u(2), 100, 100, fee), Ok(u(1)));
    assert_eq!(amount_in(u(1), 100, 100, fee), Ok(u(2)));
    assert_eq!(amount_in(u(0), 100, 100, fee), Err(Unquotable::TooSmall));
    assert_eq!(amount_in(u(1), 0, 100, fee), Err(Unquotable::Empty));
    assert_eq!(amount_in(u(1), 100, 0, fee), Err(Unquotable::Empty));
    assert_eq!(amount_in(u(100), 100, 100, fee), Err(Unquotable::TooLarge));
    assert_eq!(amount_in(u(101), 100, 100, fee), Err(Unquotable::TooLarge));
    assert_eq!(amount_out(U256::MAX, 100, 100, fee), Err(Unquotable::TooLarge));
    assert_eq!(amount_out(U256::MAX / u(997) / u(100), 100, 100, fee), Ok(u(99)));
    assert_eq!(amount_out(U256::MAX / u(997) / u(100) + u(1), 100, 100, fee), Err(Unquotable::TooLarge));
}

#[test]
fn the_router_asks_one_more_where_it_divides_evenly() {
    // 997 * 1000 / (3 * 997 - ...): reserves for which the quotient has no remainder.
    let (reserve_in, reserve_out, out) = (997, 2_000, 1_000);
    assert_eq!(amount_in(u(out), reserve_in, reserve_out, V2Fee::UNISWAP), Ok(u(1_001)));
    assert_eq!(least_in(u(out), reserve_in, reserve_out, V2Fee::UNISWAP), Ok(u(1_000)));
    assert!(keeps_k(1_000, out, reserve_in, reserve_out, V2Fee::UNISWAP));
    assert!(!keeps_k(999, out, reserve_in, reserve_out, V2Fee::UNISWAP));
}

fn fees() -> impl Strategy<Value = V2Fee> {
    let odd = (1_u32.., 1_u32..).prop_map(|(a, b)| V2Fee { kept: a.min(b), whole: a.max(b) });
    prop_oneof![4 => Just(V2Fee::UNISWAP), 2 => Just(V2Fee::PANCAKE), 1 => odd]
}

fn sizes() -> impl Strategy<Value = u128> {
    prop_oneof![
        (any::<u128>(), 16_u32..128).prop_map(|(n, by)| (n >> by).max(1)),
        1_u128..2_000,
        (0_u128..3).prop_map(|off| MOST - off),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]
    #[test]
    fn the_short_way_is_the_long_way(amount in sizes(), more in 0_u32..3, a in sizes(), b in sizes(), fee in fees()) {
        let amount = u(amount) << (more * 8);
        prop_assert_eq!(amount_out(amount, a, b, fee), amount_out_256(amount, a, b, fee));
    }

    #[test]
    fn the_router_asks_the_quotient_and_one(out in sizes(), a in sizes(), b in sizes(), fee in fees()) {
        let asked = amount_in(u(out), a, b, fee);
        if out >= b {
            prop_assert_eq!(asked, Err(Unquotable::TooLarge));
        } else {
            let quotient = u(a) * u(out) * u(fee.whole.into()) / (u(b - out) * u(fee.kept.into()));
            prop_assert_eq!(asked, Ok(quotient + u(1)));
        }
    }

    #[test]
    fn the_least_that_the_pair_takes_is_the_least(out in sizes(), a in sizes(), b in sizes(), fee in fees()) {
        prop_assume!(b > 1);
        let out = (out % b).max(1);
        let least = least_in(u(out), a, b, fee).unwrap();
        let asked = amount_in(u(out), a, b, fee).unwrap();
        prop_assert!(least == asked || least + u(1) == asked);
        if let Some(least) = narrow(least).filter(|least| *least <= MOST) {
            prop_assert!(keeps_k(least, out, a, b, fee));
            prop_assert!(least == 0 || !keeps_k(least - 1, out, a, b, fee));
        }
    }

    #[test]
    fn what_the_library_gives_the_pair_lets_go(amount in sizes(), a in sizes(), b in sizes(), fee in fees()) {
        let out = narrow(amount_out(u(amount), a, b, fee).unwrap()).unwrap();
        prop_assert!(keeps_k(amount, out, a, b, fee));
    }
}
