use proptest::prelude::*;

use super::*;

fn at(pointer: &str) -> Extraction {
    Extraction { value: Pointer::new(pointer), ..Extraction::default() }
}

fn value(extraction: &Extraction, answer: &str) -> Result<String, Unusable> {
    extraction.read(answer.as_bytes()).map(|reading| reading.value.to_string())
}

#[test]
fn every_digit_survives() {
    let answer =
        r#"{"data":[{"price":3000.1234567890123456789},{"a/b":"12.50","~":[7]}],"price":1e-7,"price":2}"#;
    let read = |pointer| value(&at(pointer), answer);
    assert_eq!(read("/data/0/price").as_deref(), Ok("3000.1234567890123456789"));
    assert_eq!(read("/data/1/a~1b").as_deref(), Ok("12.5"));
    assert_eq!(read("/data/1/~0/0").as_deref(), Ok("7"));
    assert_eq!(read("/price").as_deref(), Ok("2"), "the last of two");
    assert_eq!(value(&at(""), " 42 ").as_deref(), Ok("42"));
    assert_eq!(value(&Extraction::default(), "\n 3000.10\r\n").as_deref(), Ok("3000.1"));
}

#[test]
fn what_is_no_price_is_named() {
    let price = at("/price");
    let html = "<html><body>502 Bad Gateway</body></html>";
    for (answer, reason) in [
        ("", Unusable::NotJson),
        (html, Unusable::NotJson),
        (r#"{"price":NaN}"#, Unusable::NotJson),
        (r#"{"price":1"#, Unusable::NotJson),
        (r#"{"price":1} trailing"#, Unusable::NotJson),
        (r#"{"price":"NaN"}"#, Unusable::NotANumber),
        (r#"{"price":null}"#, Unusable::NotANumber),
        (r#"{"price":true}"#, Unusable::NotANumber),
        (r#"{"price":{"usd":1}}"#, Unusable::NotANumber),
        (r#"{"price":[1]}"#, Unusable::NotANumber),
        (r#"{"price":""}"#, Unusable::NotANumber),
        (r#"{"price":"1,000"}"#, Unusable::NotANumber),
        (r#"{"price":1e400}"#, Unusable::TooLarge),
        (r#"{"price":1e-400}"#, Unusable::TooManyDigits),
        (r#"{"cost":1}"#, Unusable::Missing),
        ("[1]", Unusable::Missing),
        ("7", Unusable::Missing),
    ] {
        assert_eq!(value(&price, answer), Err(reason), "{answer}");
    }
    assert_eq!(value(&Extraction::default(), html), Err(Unusable::NotANumber));
    assert_eq!(Extraction::default().read(&[0xff, 0x31]), Err(Unusable::NotText));
    for pointer in ["/1", "/-1", "/+0", "/00", "/x", "/0/0", "/99999999999999999999999"] {
        assert_eq!(value(&at(pointer), "[5]"), Err(Unusable::Missing), "{pointer}");
    }
    let long = vec![b'1'; 10 << 20];
    assert_eq!(price.read(&long), Err(Unusable::TooLong { limit: MOST_BYTES }));
    // As deep as it is long, and not on the way: no stack is used for it.
    let deep = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
    assert!(price.read(deep.as_bytes()).is_err());
}

#[test]
fn pointers_are_checked_when_they_are_read() {
    for wrong in ["price", "/a~2", "/a~", &"/a".repeat(100)] {
        assert_eq!(Pointer::new(wrong), None, "{wrong}");
    }
    assert!(toml::from_str::<Extraction>(r#"value = "price""#).is_err());
    assert!(toml::from_str::<Extraction>(r#"values = "/price""#).is_err());
}

/// As Pyth's Hermes and most exchanges answer.
#[test]
fn exponents_confidence_and_times() {
    let extraction = Extraction {
        value: Pointer::new("/price/price"),
        exponent: Pointer::new("/price/expo"),
        confidence: Pointer::new("/price/conf"),
        published: Pointer::new("/price/publish_time"),
        published_in_milliseconds: false,
    };
    let answer =
        r#"{"price":{"price":"300012345678","conf":"150000000","expo":-8,"publish_time":1700000000}}"#;
    let expected = Reading {
        value: "3000.12345678".parse().unwrap(),
        confidence: Some("1.5".parse().unwrap()),
        published: Some(Timestamp(1_700_000_000)),
    };
    assert_eq!(extraction.read(answer.as_bytes()), Ok(expected));
    let milliseconds = Extraction { published_in_milliseconds: true, ..extraction.clone() };
    let late = answer.replace("1700000000", "1700000000999");
    assert_eq!(milliseconds.read(late.as_bytes()), Ok(expected));
    let check = |from: &str, to: &str| extraction.read(answer.replace(from, to).as_bytes());
    assert_eq!(check("-8", "-8.5"), Err(Unusable::NotANumber));
    assert_eq!(check("-8", "400"), Err(Unusable::TooLarge));
    assert_eq!(check("1700000000", "-1"), Err(Unusable::TooLarge));
    assert_eq!(check("publish_time", "time"), Err(Unusable::Missing));
}

proptest! {
    #[test]
    fn no_answer_panics(answer in any::<Vec<u8>>(), json in r#"[\[\]{}:,"0-9a-e.\\-]{0,60}"#, pointer in "(/[a-e0-9~]{0,2}){0,3}") {
        let Some(pointer) = Pointer::new(&pointer) else { return Ok(()) };
        let extraction = Extraction { value: Some(pointer), ..Extraction::default() };
        let _any = (extraction.read(&answer), extraction.read(json.as_bytes()));
        let _text = Extraction::default().read(&answer);
    }
}
