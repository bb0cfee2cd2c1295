#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use proptest::prelude::*;

use super::*;

pub(crate) fn rational(value: Decimal) -> BigRational {
    let digits: BigInt = value.digits.to_string().parse().unwrap();
    BigRational::new(digits, BigInt::from(10u8).pow(u32::from(value.decimals)))
}

/// Small and large, round and odd, of either sign, and often the same.
pub(crate) fn decimals() -> impl Strategy<Value = Decimal> {
    let digits = prop_oneof![
        4 => (-12i64..=12).prop_map(I256::unchecked_from),
        3 => any::<i64>().prop_map(I256::unchecked_from),
        2 => any::<[u8; 32]>().prop_map(|bytes| I256::from_raw(U256::from_be_bytes(bytes))),
        1 => prop_oneof![Just(I256::MIN), Just(I256::MAX), Just(I256::ZERO)],
    ];
    let decimals =
        prop_oneof![4 => 0u8..=3, 3 => 0u8..=18, 2 => 0u8..=MOST_DECIMALS, 1 => Just(MOST_DECIMALS)];
    (digits, decimals).prop_map(|(digits, decimals)| Decimal::new(digits, decimals).unwrap())
}

fn number(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

#[test]
fn numbers_are_read_exactly_or_not_at_all() {
    for (text, shown) in [
        ("0", "0"),
        ("-0.00", "0"),
        ("0e999999999999999999999", "0"),
        ("3000.10", "3000.1"),
        ("-12.5e-3", "-0.0125"),
        ("1.5E+2", "150"),
        ("1e76", &format!("1{}", "0".repeat(76))),
        ("1e-77", &format!("0.{}1", "0".repeat(76))),
        ("100e-2", "1"),
        (&format!("1.{}", "0".repeat(300)), "1"),
        (&I256::MAX.to_string(), &I256::MAX.to_string()),
        (&I256::MIN.to_string(), &I256::MIN.to_string()),
        ("0.1234567890123456789012345", "0.1234567890123456789012345"),
    ] {
        assert_eq!(number(text).to_string(), shown, "{text}");
    }
    for text in [
        "", "-", "+1", " 1", "1 ", "01", ".5", "5.", "1.e5", "1e", "1e+", "1e1.5", "0x10", "NaN", "nan",
        "Infinity", "-inf", "null", "1,5", "1_000", "١", "--1", "1e5e5", "<html>", "true", "1.2.3",
    ] {
        assert_eq!(Decimal::parse(text), Err(Unusable::NotANumber), "{text:?}");
    }
    let too_large =
        ["1e400", "1e77", "-1e9999999999999999999999", &"9".repeat(78), &format!("{}1", I256::MAX)];
    for text in too_large {
        assert_eq!(Decimal::parse(text), Err(Unusable::TooLarge), "{text}");
    }
    let too_long = "1".repeat(10_000_000);
    let ones = format!("0.{}", "1".repeat(78));
    for text in ["1e-78", "-1e-99999999999999999999", &ones, &too_long] {
        assert_eq!(Decimal::parse(text), Err(Unusable::TooManyDigits));
    }
}

#[test]
fn units_are_cut_towards_zero() {
    let units = |text: &str, decimals| number(text).to_units(decimals).map(|units| units.to_string());
    assert_eq!(units("1.999", 2).as_deref(), Some("199"));
    assert_eq!(units("-1.999", 2).as_deref(), Some("-199"));
    assert_eq!(units("0.009", 2).as_deref(), Some("0"));
    assert_eq!(units("-3", 8).as_deref(), Some("-300000000"));
    assert_eq!(units("1e76", 2), None);
    assert_eq!(units("1", 255), None);
    assert_eq!(units("0", 255).as_deref(), Some("0"));
}

#[test]
fn a_mean_of_nothing_is_none_and_of_one_is_itself() {
    assert_eq!(Decimal::mean(&[], 18), None);
    assert_eq!(Decimal::mean(&[number("-1.25")], 18), Some(number("-1.25")));
    assert_eq!(Decimal::mean(&[number("1"), number("2")], 0), Some(number("1")), "cut");
    assert_eq!(Decimal::mean(&[number("-1"), number("-2")], 0), Some(number("-1")), "towards zero");
    assert_eq!(Decimal::mean(&[number("-1"), number("0.5"), number("1.5")], 3), Some(number("0.333")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_text_panics_and_what_is_read_is_what_was_meant(text in "-?[0-9]{1,40}(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?|.{0,40}") {
        let Ok(read) = Decimal::parse(&text) else { return Ok(()) };
        let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits: BigInt = format!("{whole}{fraction}").parse().unwrap();
        let power = exponent.parse::<i32>().unwrap() - i32::try_from(fraction.len()).unwrap();
        let ten = BigRational::from_integer(BigInt::from(10u8));
        prop_assert_eq!(rational(read), BigRational::from_integer(digits) * num_traits::Pow::pow(&ten, power));
    }

    #[test]
    fn what_is_shown_is_read_back(value in decimals()) {
        prop_assert_eq!(number(&value.to_string()), value);
        let json = serde_json::to_string(&value).unwrap();
        prop_assert_eq!(serde_json::from_str::<Decimal>(&json).unwrap(), value);
    }

    #[test]
    fn order_is_that_of_the_numbers(a in decimals(), b in decimals()) {
        prop_assert_eq!(a.cmp(&b), rational(a).cmp(&rational(b)));
        prop_assert_eq!(a == b, rational(a) == rational(b));
    }

    #[test]
    fn units_and_cuts_are_the_numbers_whole_part(value in decimals(), places in 0u8..=80) {
        let unit = BigInt::from(10u8).pow(u32::from(places));
        let exact = (rational(value) * BigRational::from_integer(unit.clone())).trunc().to_integer();
        if let Some(units) = value.to_units(places) {
            prop_assert_eq!(units.to_string(), exact.to_string());
        } else {
            prop_assert!(exact.bits() >= 255);
        }
        let cut = rational(value.cut_to(places));
        prop_assert_eq!(cut, if places >= value.decimals { rational(value) } else { BigRational::new(exact, unit) });
    }

    #[test]
    fn means_are_cut_once(values in prop::collection::vec(decimals(), 1..6), places in 0u8..=MOST_DECIMALS) {
        let count = BigInt::from(values.len());
        let sum = values.iter().fold(BigRational::zero(), |sum, value| sum + rational(*value));
        let unit = BigInt::from(10u8).pow(u32::from(places));
        let exact = (sum / BigRational::from_integer(count) * BigRational::from_integer(unit.clone())).trunc();
        match Decimal::mean(&values, places) {
            Some(mean) => prop_assert_eq!(rational(mean), exact / BigRational::from_integer(unit)),
            None => prop_assert!(exact.abs().to_integer().bits() >= 255),
        }
    }
}
