//! Whole numbers as decimal strings.

use std::{fmt::Display, str::FromStr};

use serde::{Deserialize, Deserializer, Serializer, de::Error};

pub(super) fn serialize<T: Display, S: Serializer>(number: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(number)
}

pub(super) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    parse(&String::deserialize(from)?)
}

fn parse<T: FromStr<Err: Display>, E: Error>(text: &str) -> Result<T, E> {
    // Where the type reads prefixes too, the format does not.
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return Err(E::custom("a number has other characters than digits"));
    }
    text.parse().map_err(E::custom)
}

/// Two of them.
pub(super) mod pair {
    use super::{Deserialize, Deserializer, Serializer};
    use serde::Serialize;

    pub(in crate::recording) fn serialize<S: Serializer>(of: &[u128; 2], to: S) -> Result<S::Ok, S::Error> {
        of.map(|number| number.to_string()).serialize(to)
    }

    pub(in crate::recording) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<[u128; 2], D::Error> {
        let [zero, one] = <[String; 2]>::deserialize(from)?;
        Ok([super::parse(&zero)?, super::parse(&one)?])
    }
}
