#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use proptest::prelude::*;

use super::*;
use crate::decimal::tests::rational;

const NOW: Timestamp = Timestamp(10_000);

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn said(value: Decimal, published: u64) -> Option<Sighting> {
    let reading = Reading { value, confidence: None, published: Some(Timestamp(published)) };
    Some(Sighting { reading: Ok(reading), arrived: NOW })
}

fn sources(values: &[&str]) -> BTreeMap<String, Option<Sighting>> {
    let named =
        values.iter().enumerate().map(|(place, value)| (format!("s{place}"), said(number(value), NOW.0)));
    named.collect()
}

fn check(rules: &Aggregation, values: &[&str], expected: &str) {
    assert_eq!(rules.aggregate(&sources(values), NOW).to_string(), expected, "{values:?}");
}

#[test]
fn one_source_is_no_value_unless_it_was_written_so() {
    let usual = Aggregation::default();
    check(&usual, &["100"], "no value: 1 sources are left, and 2 are needed");
    check(&Aggregation { quorum: 1, ..usual.clone() }, &["100"], "100 of 1 sources");
    check(&Aggregation { quorum: 0, ..usual.clone() }, &[], "no value: 0 sources are left, and 1 are needed");
    check(&usual, &["100", "101"], "100.5 of 2 sources");
    assert_eq!(toml::from_str::<Aggregation>("").unwrap().quorum, 2);
}

#[test]
fn what_is_a_hundred_times_off_is_left_out_and_named() {
    let rules = Aggregation { outlier: Some(number("10")), ..Aggregation::default() };
    check(
        &rules,
        &["100", "101", "10000"],
        "100.5 of 2 sources; without s2: 10000 is 9800.9900 % away from the median 101",
    );
    check(&rules, &["100", "110", "90"], "100 of 3 sources");
    check(
        &rules,
        &["100", "110.0000001", "90"],
        "95 of 2 sources; without s1: 110.0000001 is 10.0000 % away from the median 100",
    );
    // Two against each other: nobody is right.
    check(
        &rules,
        &["100", "10000"],
        "no value: 0 sources are left, and 2 are needed; without s0: 100 is 98.0198 % away from the median 5050; \
         without s1: 10000 is 98.0198 % away from the median 5050",
    );
    check(&rules, &["0", "0", "1"], "0 of 2 sources; without s2: 1 is infinite away from the median 0");
}

#[test]
fn sources_that_disagree_give_no_value() {
    let rules = Aggregation { outlier: None, disagreement: Some(number("2")), ..Aggregation::default() };
    check(&rules, &["99", "100", "101"], "100 of 3 sources");
    check(&rules, &["99", "100", "101.0001"], "no value: the sources are 2.0001 % apart");
    check(&rules, &["-99", "-100", "-101"], "-100 of 3 sources");
    check(&rules, &["-1", "0", "1"], "no value: the sources are infinite apart");
}

#[test]
fn the_old_the_silent_and_the_broken_are_left_out_and_named() {
    let mut sources = sources(&["100", "100"]);
    sources.insert("broken".into(), Some(Sighting { reading: Err(Unusable::NotJson), arrived: NOW }));
    sources.insert("early".into(), said(number("100"), NOW.0 + 61));
    sources.insert("late".into(), said(number("100"), NOW.0 - 121));
    sources.insert("mute".into(), None);
    let aggregate = Aggregation::default().aggregate(&sources, NOW);
    assert_eq!(
        aggregate.to_string(),
        "100 of 2 sources; without broken: the answer is not JSON; \
         without early: it is 61 seconds ahead of the chain, and 60 are allowed; \
         without late: it is 121 seconds old, and 120 are allowed; without mute: it has said nothing yet"
    );
    sources.insert("early".into(), said(number("100"), NOW.0 + 60));
    sources.insert("late".into(), said(number("100"), NOW.0 - 120));
    let value = Aggregation::default().aggregate(&sources, NOW).value.unwrap();
    assert_eq!((value.points.len(), value.published), (4, Timestamp(NOW.0 - 120)));
    // Without a time of its own, it is as old as its arrival.
    let untimed = Reading { value: number("100"), confidence: None, published: None };
    sources.insert("late".into(), Some(Sighting { reading: Ok(untimed), arrived: Timestamp(NOW.0 - 121) }));
    assert_eq!(Aggregation::default().aggregate(&sources, NOW).value.unwrap().points.len(), 3);
}

#[test]
fn methods_differ_where_they_should() {
    let with = |method| Aggregation { outlier: None, method, ..Aggregation::default() };
    let values = ["1", "2", "4", "1000"];
    check(&with(Method::Median), &values, "3 of 4 sources");
    check(&with(Method::UpperMedian), &values, "4 of 4 sources");
    check(&with(Method::TrimmedMean(25)), &values, "3 of 4 sources");
    check(&with(Method::TrimmedMean(0)), &["1", "2", "2"], "1.666666666666666666 of 3 sources");
    check(&with(Method::TrimmedMean(255)), &["1", "2", "9"], "2 of 3 sources");
    let written: Aggregation = toml::from_str("method = { trimmed_mean = 20 }\noutlier = \"3\"").unwrap();
    assert_eq!((written.method, written.outlier), (Method::TrimmedMean(20), Some(number("3"))));
}

/// The rules once more, with rationals and without being clever.
fn plainly(rules: &Aggregation, values: &[Decimal]) -> Option<BigRational> {
    let middle = |sorted: &[BigRational]| {
        let half = sorted.len() / 2;
        if sorted.len() % 2 == 1 {
            sorted[half].clone()
        } else {
            (&sorted[half - 1] + &sorted[half]) / BigInt::from(2)
        }
    };
    let beyond = |part: BigRational, whole: &BigRational, percent: Decimal| {
        part * BigInt::from(100) > whole.abs() * rational(percent)
    };
    let mut sorted: Vec<BigRational> = values.iter().map(|value| rational(*value)).collect();
    sorted.sort();
    if sorted.is_empty() {
        return None;
    }
    let median = middle(&sorted);
    if let Some(limit) = rules.outlier {
        sorted.retain(|value| !beyond((value - &median).abs(), &median, limit));
    }
    if sorted.len() < rules.quorum {
        return None;
    }
    let median = middle(&sorted);
    let spread = sorted.last().unwrap() - &sorted[0];
    if rules.disagreement.is_some_and(|limit| beyond(spread, &median, limit)) {
        return None;
    }
    Some(match rules.method {
        Method::Median => median,
        Method::UpperMedian => sorted[sorted.len() / 2].clone(),
        Method::TrimmedMean(percent) => {
            let cut = sorted.len() * usize::from(percent) / 100;
            let kept = &sorted[cut..sorted.len() - cut];
            let sum = kept.iter().fold(BigRational::zero(), |sum, value| sum + value);
            let unit = BigRational::from_integer(BigInt::from(10).pow(18));
            (sum / BigInt::from(kept.len()) * &unit).trunc() / unit
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_value_is_what_the_rules_say(
        values in prop::collection::vec((-30i64..=30, 0u8..=2), 0..8),
        (quorum, outlier, disagreement) in (1usize..4, proptest::option::of(0u64..80), proptest::option::of(0u64..80)),
        method in prop_oneof![Just(Method::Median), Just(Method::UpperMedian), (0u8..50).prop_map(Method::TrimmedMean)],
    ) {
        let digits = |(digits, decimals): &(i64, u8)| Decimal::parse(&format!("{}e-{decimals}", 100 + digits)).unwrap();
        let values: Vec<Decimal> = values.iter().map(digits).collect();
        let rules = Aggregation {
            quorum, outlier: outlier.map(Decimal::from), disagreement: disagreement.map(Decimal::from), method, ..Aggregation::default()
        };
        let sources = values.iter().enumerate().map(|(place, value)| (place.to_string(), said(*value, NOW.0))).collect();
        let aggregate = rules.aggregate(&sources, NOW);
        let used = aggregate.value.as_ref().map_or(0, |value| value.points.len());
        prop_assert!(aggregate.value.is_err() || used + aggregate.dropped.len() == values.len());
        prop_assert!(aggregate.value.is_err() || used >= quorum);
        prop_assert_eq!(aggregate.value.ok().map(|value| rational(value.value)), plainly(&rules, &values));
    }
}
