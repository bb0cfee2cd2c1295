//! Every mode against its rule written plainly with big rationals, on numbers that often meet the threshold exactly.

#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use agent_core::units::Timestamp;
use alloy_primitives::I256;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use proptest::prelude::*;

use super::{
    Verdict, Why, WhyNot,
    fluxmonitor::{FluxMonitor, Round},
    ocr2::{self, Ocr2, Transmission},
    pyth::{self, EarlyUpdate, Price, Pyth},
    redstone::{self, Contract, Package, Redstone},
};
use crate::decimal::{
    Decimal,
    tests::{decimals, rational},
};

fn number(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn ratio(numerator: i64, denominator: i64) -> BigRational {
    BigRational::new(BigInt::from(numerator), BigInt::from(denominator))
}

/// An old value, a threshold in per cent, and a new value that often is exactly that far away, or next to it.
fn meetings() -> impl Strategy<Value = (Decimal, Decimal, Decimal)> {
    let percent = prop_oneof![
        6 => (0i64..=3_000, 0u8..=6).prop_map(|(digits, places)| Decimal::new(I256::unchecked_from(digits), places).unwrap()),
        1 => decimals(),
    ];
    let small = (-5_000i64..=5_000, 0u8..=3)
        .prop_map(|(digits, places)| Decimal::new(I256::unchecked_from(digits), places).unwrap());
    let met = (small, percent.clone(), any::<bool>(), -1i64..=1).prop_map(|(old, percent, up, off)| {
        let share = rational(old).abs() * rational(percent) / ratio(100, 1);
        let moved = rational(old) + if up { share } else { -share };
        // Twelve digits behind the point hold it exactly; the last of them puts it on either side.
        let unit = BigInt::from(10u8).pow(12);
        let digits = (moved * BigRational::from_integer(unit)).to_integer() + off;
        let new = digits.to_string().parse().ok().and_then(|digits| Decimal::new(digits, 12));
        (old, percent, new.unwrap_or(Decimal::ZERO))
    });
    prop_oneof![3 => met, 1 => (decimals(), percent, decimals())]
}

/// `|new - old| / |old|` in per cent, `None` of nothing.
fn percent_apart(old: Decimal, new: Decimal) -> Option<BigRational> {
    let (old, new) = (rational(old), rational(new));
    (!old.is_zero()).then(|| (new - &old).abs() / old.abs() * ratio(100, 1))
}

#[test]
fn the_thresholds_themselves() {
    let monitor = |relative: &str, absolute: &str| FluxMonitor {
        threshold: number(relative),
        absolute_threshold: number(absolute),
        idle_seconds: None,
    };
    // Inclusive in per cent, strict in units, and both.
    assert!(monitor("1", "0").deviates(number("100"), number("101")));
    assert!(!monitor("1", "0").deviates(number("100"), number("100.999999")));
    assert!(!monitor("0", "1").deviates(number("100"), number("101")));
    assert!(monitor("0", "1").deviates(number("100"), number("101.000001")));
    assert!(!monitor("1", "1").deviates(number("100"), number("101")));
    assert!(!monitor("2", "0.5").deviates(number("100"), number("101")));
    // Both zero: always. Zero to zero: not with any other threshold.
    assert!(monitor("0", "0").deviates(number("7"), number("7")));
    assert!(!monitor("1", "0").deviates(number("0"), number("0")));
    assert!(monitor("1", "0").deviates(number("0"), number("0.1")));
    assert!(!monitor("1", "0.1").deviates(number("0"), number("0.1")));
    assert!(monitor("1", "0").deviates(number("-100"), number("-101")));
    assert!(monitor("200", "0").deviates(number("-100"), number("100")));

    assert!(ocr2::deviates(10_000_000, number("100"), number("101")));
    assert!(!ocr2::deviates(10_000_001, number("100"), number("101")));
    assert!(!ocr2::deviates(0, number("0"), number("0")));
    assert!(ocr2::deviates(0, number("5"), number("5")));
    assert!(ocr2::deviates(u64::MAX, number("0"), number("-1")));

    assert!(redstone::deviates(number("1"), number("100"), &[number("100.5"), number("99")]));
    assert!(!redstone::deviates(number("1"), number("100"), &[number("100.5"), number("99.1")]));
    assert!(redstone::deviates(number("1"), number("0"), &[number("0")]), "a contract with zero is updated");
    assert!(!redstone::deviates(number("1"), number("100"), &[]));
}

#[test]
fn heartbeats_are_strict_or_inclusive_as_each_network_has_them() {
    let monitor =
        FluxMonitor { threshold: number("1"), absolute_threshold: Decimal::ZERO, idle_seconds: Some(60) };
    let round = |id, started| Round {
        id,
        started,
        last_submission: number("100"),
        latest_started: Some(Timestamp(1_000)),
    };
    let same = number("100");
    let quiet = Verdict::Quiet(WhyNot::WithinThresholds);
    assert_eq!(monitor.verdict(&round(2, None), same, Timestamp(1_059)), quiet);
    assert_eq!(monitor.verdict(&round(2, None), same, Timestamp(1_060)), Verdict::Due(Why::Heartbeat));
    assert_eq!(monitor.verdict(&round(1, None), same, Timestamp(0)), Verdict::Due(Why::FirstRound));
    let theirs = round(2, Some(Timestamp(1_001)));
    assert_eq!(monitor.verdict(&theirs, same, Timestamp(0)), Verdict::Due(Why::Requested));

    let ocr2 = Ocr2 {
        alpha_report_ppb: 10_000_000,
        alpha_report_infinite: false,
        delta_c_seconds: 60,
        min: number("1"),
        max: number("1000"),
    };
    let latest =
        Transmission { answer: number("100"), at: Timestamp(1_000), initial: false, requested: false };
    assert_eq!(ocr2.verdict(&latest, same, Timestamp(1_060)), quiet);
    assert_eq!(ocr2.verdict(&latest, same, Timestamp(1_061)), Verdict::Due(Why::Heartbeat));
    assert_eq!(
        ocr2.verdict(&latest, number("1000.1"), Timestamp(9_999)),
        Verdict::Quiet(WhyNot::OutOfBounds)
    );
    assert_eq!(ocr2.verdict(&latest, number("1000"), Timestamp(1_000)), Verdict::Due(Why::Deviation));
    let infinite = Ocr2 { alpha_report_infinite: true, ..ocr2 };
    assert_eq!(infinite.verdict(&latest, number("1000"), Timestamp(1_000)), quiet);
    let initial = Transmission { initial: true, ..latest };
    assert_eq!(infinite.verdict(&initial, same, Timestamp(1_000)), Verdict::Due(Why::FirstRound));
    let initial_low = infinite.verdict(&initial, number("0.9"), Timestamp(1_000));
    assert_eq!(initial_low, Verdict::Quiet(WhyNot::OutOfBounds));
    let requested = Transmission { requested: true, ..latest };
    assert_eq!(ocr2.verdict(&requested, same, Timestamp(1_000)), Verdict::Due(Why::Requested));

    let redstone = Redstone { time_since_last_update_ms: Some(60_000), ..Redstone::default() };
    let contract = Contract { value: number("100"), package_ms: 5, updated_ms: 1_000_000 };
    let points = [number("100")];
    let package = Package { points: &points, older_points: &[], package_ms: 6 };
    let at = |mode: &Redstone, now| mode.verdict(&package, &contract, now);
    assert_eq!(at(&redstone, 1_059_999), quiet);
    assert_eq!(at(&redstone, 1_060_000), Verdict::Due(Why::Heartbeat));
    let standing_in = Redstone { fallback_offset_ms: 5_000, ..redstone.clone() };
    assert_eq!(at(&standing_in, 1_064_999), quiet);
    assert_eq!(at(&standing_in, 1_065_000), Verdict::Due(Why::Heartbeat));
    let old = Package { package_ms: 5, ..package };
    assert_eq!(redstone.verdict(&old, &contract, u64::MAX), Verdict::Quiet(WhyNot::NotNewer));
}

#[test]
fn a_stand_in_waits_until_the_deviation_is_old() {
    let mode =
        Redstone { deviation_percentage: Some(number("1")), fallback_offset_ms: 1, ..Redstone::default() };
    let contract = Contract { value: number("100"), package_ms: 0, updated_ms: 0 };
    let (far, near) = ([number("102")], [number("100.1")]);
    let verdict = |points, older_points| {
        mode.verdict(&Package { points, older_points, package_ms: 1 }, &contract, 0).is_due()
    };
    assert!(verdict(&far, &far));
    assert!(!verdict(&far, &near) && !verdict(&near, &far) && !verdict(&far, &[]));
}

#[test]
fn a_schedule_is_met_by_an_update_after_it() {
    // Every ten minutes; the last time is second 1,200.
    let mode: Redstone = toml::from_str(r#"cron = ["*/10 * * * *", "0 0 1 1 *"]"#).unwrap();
    let points = [number("100")];
    let package = Package { points: &points, older_points: &[], package_ms: 1 };
    let verdict = |mode: &Redstone, updated_ms, now_ms| {
        mode.verdict(&package, &Contract { value: number("100"), package_ms: 0, updated_ms }, now_ms)
    };
    let quiet = Verdict::Quiet(WhyNot::WithinThresholds);
    assert_eq!(verdict(&mode, 1_199_999, 1_200_000), quiet, "not at the time itself");
    assert_eq!(verdict(&mode, 1_199_999, 1_200_001), Verdict::Due(Why::Scheduled));
    assert_eq!(verdict(&mode, 1_200_000, 1_700_000), quiet);
    assert_eq!(verdict(&Redstone::default(), 0, u64::MAX), quiet);
    let standing_in = Redstone { fallback_offset_ms: 30_000, ..mode };
    assert_eq!(verdict(&standing_in, 1_199_999, 1_230_000), quiet);
    assert_eq!(verdict(&standing_in, 1_199_999, 1_230_001), Verdict::Due(Why::Scheduled));
    assert!(toml::from_str::<Redstone>(r#"cron = ["0 0 30 2 *"]"#).is_err());
}

fn pyth() -> Pyth {
    Pyth {
        time_difference: 60,
        price_deviation: number("0.5"),
        confidence_ratio: number("1"),
        early_update: None,
    }
}

fn price(price: &str, confidence: &str, published: u64) -> Price {
    Price { price: number(price), confidence: number(confidence), published: Timestamp(published) }
}

#[test]
fn pyth_compares_what_was_published_and_not_the_clock() {
    let target = price("100", "0", 1_000);
    let verdict = |source| pyth().verdict(Some(&source), Some(&target));
    assert_eq!(pyth().verdict(None, Some(&target)), Verdict::Quiet(WhyNot::NoValue));
    assert_eq!(pyth().verdict(None, None), Verdict::Quiet(WhyNot::NoValue));
    assert_eq!(pyth().verdict(Some(&target), None), Verdict::Due(Why::FirstRound));
    assert_eq!(verdict(price("200", "0", 999)), Verdict::Quiet(WhyNot::NotNewer));
    assert_eq!(verdict(price("100", "0", 1_060)), Verdict::Due(Why::Heartbeat));
    assert_eq!(verdict(price("100", "0", 1_059)), Verdict::Early);
    assert_eq!(verdict(price("100.5", "0", 1_000)), Verdict::Due(Why::Deviation));
    assert_eq!(verdict(price("100", "1", 1_000)), Verdict::Due(Why::Confidence));
    assert_eq!(verdict(price("100", "0.99", 1_000)), Verdict::Early);
    assert_eq!(verdict(price("0", "0", 1_000)), Verdict::Due(Why::Deviation));
}

#[test]
fn pyth_keeps_feeds_at_and_below_zero() {
    let verdict = |source, target| pyth().verdict(Some(&source), Some(&target));
    // The pusher's own quotient is -0.5 % here, and never reaches a threshold.
    assert_eq!(verdict(price("-100.5", "0", 0), price("-100", "0", 0)), Verdict::Due(Why::Deviation));
    assert_eq!(verdict(price("-100.4", "0", 0), price("-100", "0", 0)), Verdict::Early);
    assert_eq!(verdict(price("1", "0", 0), price("0", "0", 0)), Verdict::Due(Why::Deviation));
    assert_eq!(verdict(price("0", "0", 0), price("0", "0", 0)), Verdict::Early);
    assert_eq!(verdict(price("0", "0.1", 0), price("0", "0", 0)), Verdict::Due(Why::Confidence));
    assert_eq!(verdict(price("-1", "0.01", 0), price("-1", "0", 0)), Verdict::Due(Why::Confidence));
}

#[test]
fn early_updates_go_along_and_never_alone() {
    use Verdict::{Due, Early, Quiet};
    let (due, quiet) = (Due(Why::Deviation), Quiet(WhyNot::WithinThresholds));
    let batch = |verdicts: &[Verdict]| pyth::batch(verdicts).collect::<Vec<_>>();
    assert_eq!(batch(&[Early, due, quiet, Early]), [0, 1, 3]);
    assert!(batch(&[Early, quiet, Early]).is_empty());
    assert!(batch(&[]).is_empty());
    let only_price = EarlyUpdate { price_deviation: Some(number("0.1")), ..EarlyUpdate::default() };
    let custom = |early_update| Pyth { early_update: Some(early_update), ..pyth() };
    let verdict = |early, source: &str| {
        custom(early).verdict(Some(&price(source, "0", 9)), Some(&price("100", "0", 0)))
    };
    assert_eq!(verdict(only_price, "100.1"), Early);
    assert_eq!(verdict(only_price, "100.09"), quiet);
    assert_eq!(verdict(EarlyUpdate::default(), "100.1"), quiet);
    assert_eq!(verdict(EarlyUpdate { time_difference: Some(9), ..EarlyUpdate::default() }, "100"), Early);
    assert_eq!(verdict(EarlyUpdate { time_difference: Some(10), ..EarlyUpdate::default() }, "100"), quiet);
}

#[test]
fn the_median_of_an_even_number_is_the_upper() {
    let median = |values: &[&str]| {
        ocr2::median(&values.iter().map(|value| number(value)).collect::<Vec<_>>())
            .map(|median| median.to_string())
    };
    assert_eq!(median(&[]), None);
    assert_eq!(median(&["3"]).as_deref(), Some("3"));
    assert_eq!(median(&["3", "1"]).as_deref(), Some("3"));
    assert_eq!(median(&["-3", "1", "-7"]).as_deref(), Some("-3"));
    assert_eq!(median(&["4", "1", "2", "3"]).as_deref(), Some("3"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn fluxmonitor_is_its_rule((old, percent, new) in meetings(), absolute in prop_oneof![Just(Decimal::ZERO), decimals()], exactly: bool) {
        // As often as not, the absolute threshold is exactly the distance.
        let distance = (rational(new) - rational(old)).abs();
        let absolute = if exactly { number_of(&distance).unwrap_or(absolute) } else { absolute };
        let monitor = FluxMonitor { threshold: percent, absolute_threshold: absolute, idle_seconds: None };
        let relative = || percent_apart(old, new).map_or(!new.is_zero(), |apart| apart >= rational(percent));
        let expected = (percent.is_zero() && absolute.is_zero()) || (distance > rational(absolute) && relative());
        prop_assert_eq!(monitor.deviates(old, new), expected);
    }

    #[test]
    fn ocr2_is_its_rule((old, percent, new) in meetings(), any_ppb: u64, exactly: bool) {
        let of_percent = (rational(percent) * ratio(10_000_000, 1)).to_integer().to_string().parse::<u64>();
        let ppb = if exactly { of_percent.unwrap_or(any_ppb) } else { any_ppb };
        let threshold = BigRational::new(BigInt::from(ppb), BigInt::from(10_000_000));
        let expected = percent_apart(old, new).map_or(!new.is_zero(), |apart| apart >= threshold);
        prop_assert_eq!(ocr2::deviates(ppb, old, new), expected);
    }

    #[test]
    fn pyth_is_its_rule(
        (old, percent, new) in meetings(), confidence in decimals(), ratio_threshold in decimals(),
        (source_time, target_time, apart) in (0u64..200, 0u64..200, 0u64..200),
        early in proptest::option::of((proptest::option::of(0u64..200), proptest::option::of(decimals()), proptest::option::of(decimals()))),
    ) {
        let source = Price { price: new, confidence, published: Timestamp(source_time) };
        let target = Price { price: old, confidence: Decimal::ZERO, published: Timestamp(target_time) };
        let early_update = early.map(|(time_difference, price_deviation, confidence_ratio)| {
            EarlyUpdate { time_difference, price_deviation, confidence_ratio }
        });
        let mode = Pyth { time_difference: apart, price_deviation: percent, confidence_ratio: ratio_threshold, early_update };
        let age = i128::from(source_time) - i128::from(target_time);
        let moved = |least: Decimal| percent_apart(old, new).map_or(!new.is_zero(), |apart| apart >= rational(least));
        let doubts = |least: Decimal| {
            let share = rational(confidence) * ratio(100, 1);
            if new.is_zero() { !confidence.is_zero() } else { (share / rational(new)).abs() >= rational(least) }
        };
        let expected = if age < 0 {
            Verdict::Quiet(WhyNot::NotNewer)
        } else if age >= i128::from(apart) {
            Verdict::Due(Why::Heartbeat)
        } else if moved(percent) {
            Verdict::Due(Why::Deviation)
        } else if doubts(ratio_threshold) {
            Verdict::Due(Why::Confidence)
        } else {
            let goes = early_update.is_none_or(|early| {
                early.time_difference.is_some_and(|least| age >= i128::from(least))
                    || early.price_deviation.is_some_and(moved)
                    || early.confidence_ratio.is_some_and(doubts)
            });
            if goes { Verdict::Early } else { Verdict::Quiet(WhyNot::WithinThresholds) }
        };
        prop_assert_eq!(mode.verdict(Some(&source), Some(&target)), expected);
    }

    #[test]
    fn redstone_is_its_rule((old, percent, new) in meetings(), others in prop::collection::vec(decimals(), 0..3)) {
        let mut points = others;
        points.push(new);
        let most = points.iter().map(|point| percent_apart(old, *point)).max_by(|a, b| match (a, b) {
            // From nothing, the distance is the greatest that there is.
            (None, _) => std::cmp::Ordering::Greater,
            (_, None) => std::cmp::Ordering::Less,
            (Some(a), Some(b)) => a.cmp(b),
        });
        let expected = most.unwrap().is_none_or(|most| most >= rational(percent));
        prop_assert_eq!(redstone::deviates(percent, old, &points), expected);
    }
}

/// A rational that is a decimal, as one.
fn number_of(value: &BigRational) -> Option<Decimal> {
    let unit = BigInt::from(10u8).pow(18);
    let scaled = value * BigRational::from_integer(unit);
    if !scaled.is_integer() {
        return None;
    }
    Decimal::new(scaled.to_integer().to_string().parse().ok()?, 18)
}
