use alloy_primitives::{B256, I256, hex};
use proptest::prelude::*;

use super::*;

fn function(text: &str) -> Function {
    Function::parse(text).unwrap()
}

#[test]
fn signatures_are_read_and_called_as_solidity_does() {
    let transfer = function("transfer(address, uint256)");
    assert_eq!((hex::encode(transfer.selector()), transfer.takes()), ("a9059cbb".to_owned(), 2));
    assert_eq!(hex::encode(function("latestRoundData()").selector()), "feaf968c");
    assert_eq!(hex::encode(function("submit(uint256,int256)").selector()), "202ee0ed");
    for wrong in ["", "f", "f(", "f)", "(uint256)", "1f()", "f()()", "f(uint256,)", "f(,)", "f g()x"] {
        assert!(Function::parse(wrong).is_err(), "{wrong}");
    }
    for kind in [
        "uint",
        "int",
        "uint7",
        "uint0",
        "uint264",
        "int08",
        "string",
        "bytes",
        "uint256[]",
        "(uint256)",
        "bytes31",
    ] {
        assert!(Function::parse(&format!("f({kind})")).is_err(), "{kind}");
    }
}

#[test]
fn numbers_that_do_not_fit_are_not_sent() {
    let f = function("f(uint8,int8,uint256,int256)");
    let word = |place, number: i64| f.number(place, I256::unchecked_from(number)).map(hex::encode);
    let padded = |byte: &str, fill: &str| Some(format!("{}{byte}", fill.repeat(31)));
    assert_eq!((word(0, 255), word(0, 256), word(0, -1)), (padded("ff", "00"), None, None));
    assert_eq!((word(1, 127), word(1, 128)), (padded("7f", "00"), None));
    assert_eq!((word(1, -128), word(1, -129)), (padded("80", "ff"), None));
    assert_eq!(word(2, -1), None);
    assert!(f.number(3, I256::MIN).is_some() && f.number(2, I256::MAX).is_some());
    assert_eq!(word(4, 0), None);
}

fn setter() -> Setter {
    toml::from_str(
        r#"
        address = "0x00000000000000000000000000000000000000aa"
        decimals = 2
        function = "set(bytes32,int256,uint64)"
        arguments = ["0x4554480000000000000000000000000000000000000000000000000000000000", "{value}", "{published}"]
        read = { function = "get(uint256)", arguments = ["7"], value = 1, updated = 0 }
        "#,
    )
    .unwrap()
}

#[test]
fn a_setter_is_read_and_called_as_it_is_written() {
    let setter = setter();
    setter.check().unwrap();
    let queries = setter.queries();
    assert_eq!(queries.len(), 1);
    assert_eq!(
        hex::encode(&queries[0].data),
        format!("{}{:064x}", hex::encode(function("get(uint256)").selector()), 7)
    );
    let words = |first: u64, second: i64| {
        let second = B256::from(I256::unchecked_from(second).into_raw());
        vec![Ok([B256::from(U256::from(first)).as_slice(), second.as_slice()].concat().into())]
    };
    let held = setter.read(&words(9, -1_234)).unwrap();
    assert_eq!((held.value.unwrap().to_string(), held.updated), ("-12.34".to_owned(), Timestamp(9)));
    assert_eq!(setter.read(&words(0, 0)).unwrap().value, None);
    assert!(setter.read(&words(1, 0)).unwrap().value.is_some(), "a zero that was set");
    assert_eq!(setter.read(&[Err(Default::default())]), Err(Unread::Reverted));
    for short in [vec![], vec![Ok(vec![0; 63].into())]] {
        assert_eq!(setter.read(&short), Err(Unread::Unreadable));
    }
    let value = Value {
        value: "12.349".parse().unwrap(),
        points: vec![],
        confidence: None,
        published: Timestamp(77),
    };
    let update = setter.update(&held, &value, Timestamp(80)).unwrap();
    let expected = format!(
        "{}{}{:064x}{:064x}",
        hex::encode(setter.function.selector()),
        "4554480000000000000000000000000000000000000000000000000000000000",
        1_234,
        77
    );
    assert_eq!(hex::encode(&update.calls[0].data), expected);
    let other = setter.read(&words(10, -1_234)).unwrap();
    assert_ne!(setter.update(&other, &value, Timestamp(80)).unwrap().occasion, update.occasion);
}

#[test]
fn a_setter_that_cannot_be_called_is_refused_with_its_config() {
    let wrong = |change: &dyn Fn(&mut Setter)| {
        let mut setter = setter();
        change(&mut setter);
        setter.check().unwrap_err()
    };
    assert!(matches!(wrong(&|setter| drop(setter.arguments.pop())), FunctionError::Count { .. }));
    assert!(matches!(wrong(&|setter| setter.arguments[0] = Argument::Value), FunctionError::Literal { .. }));
    assert!(matches!(
        wrong(&|setter| setter.arguments[1] = "1.5".to_owned().into()),
        FunctionError::Literal { .. }
    ));
    assert!(matches!(wrong(&|setter| setter.read.arguments[0] = "-1".into()), FunctionError::Literal { .. }));
    assert!(matches!(wrong(&|setter| setter.read.arguments.clear()), FunctionError::Count { .. }));
}

proptest! {
    #[test]
    fn no_answer_of_a_target_panics(answers in prop::collection::vec((any::<bool>(), any::<Vec<u8>>()), 0..6)) {
        let answers: Vec<Answered> =
            answers.into_iter().map(|(good, bytes)| if good { Ok(bytes.into()) } else { Err(bytes.into()) }).collect();
        let flux = FluxAggregator { address: Address::ZERO, decimals: 8, payment: None };
        let _read = (setter().read(&answers), flux.read(&answers));
    }
}
