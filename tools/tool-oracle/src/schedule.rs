//! Schedules in cron's words, in UTC.

use std::fmt;

use agent_core::units::Timestamp;
use chrono::{DateTime, Utc};
use croner::parser::{CronParser, Seconds, Year};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A cron expression: `*/10 * * * *` is every ten minutes. With six fields, the first is the second. Where both a day of the month and a
/// day of the week are named, either is enough, as with cron.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: String,
    pattern: croner::Cron,
}

/// Why a text is no schedule.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CronError {
    /// Not in cron's words.
    #[error("`{text}` is no cron expression: {cause}")]
    Expression {
        /// What was written.
        text: String,
        /// What the parser says.
        #[source]
        cause: croner::errors::CronError,
    },
    /// A day that there is in no year.
    #[error("`{0}` never comes")]
    Never(String),
}

impl Cron {
    /// The schedule that is written like this.
    ///
    /// # Errors
    /// When it is none, or never comes.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let wrong = |cause| CronError::Expression { text: text.to_owned(), cause };
        let pattern = parser.parse(text).map_err(wrong)?;
        let comes = pattern.find_next_occurrence(&DateTime::<Utc>::UNIX_EPOCH, true).is_ok();
        let never = || CronError::Never(text.to_owned());
        comes.then_some(Self { text: text.to_owned(), pattern }).ok_or_else(never)
    }

    /// The latest time of the schedule before `at`, which itself does not count. `None` before the first.
    #[must_use]
    pub fn last_before(&self, at: Timestamp) -> Option<Timestamp> {
        let at = DateTime::<Utc>::from_timestamp(i64::try_from(at.0).ok()?, 0)?;
        let last = self.pattern.find_previous_occurrence(&at, false).ok()?;
        u64::try_from(last.timestamp()).ok().map(Timestamp)
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Cron {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Cron {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, at: u64, expected: u64) {
        assert_eq!(
            Cron::parse(text).unwrap().last_before(Timestamp(at)),
            Some(Timestamp(expected)),
            "{text}"
        );
    }

    #[test]
    fn the_last_time_is_strictly_before() {
        // 1,700,000,000 is Tuesday, 14 November 2023, 22:13:20 UTC.
        check("*/10 * * * *", 1_700_000_000, 1_699_999_800);
        check("*/10 * * * *", 1_699_999_800, 1_699_999_200);
        check("*/10 * * * *", 1_699_999_801, 1_699_999_800);
        check("0 0 * * *", 1_700_000_000, 1_699_920_000);
        check("*/20 * * * * *", 1_700_000_000, 1_699_999_980);
        check("0 12 * * MON", 1_700_000_000, 1_699_876_800);
        // A leap day.
        check("0 0 29 2 *", 1_700_000_000, 1_582_934_400);
        // Of a day of the month and one of the week, either is enough.
        check("0 0 1 * TUE", 1_700_000_000, 1_699_920_000);
    }

    #[test]
    fn what_never_comes_is_refused() {
        assert!(matches!(Cron::parse("0 0 30 2 *"), Err(CronError::Never(_))));
        for text in ["", "* * * *", "61 * * * *", "0 0 * * * * 2030", "every day"] {
            assert!(matches!(Cron::parse(text), Err(CronError::Expression { .. })), "{text}");
        }
        let every = Cron::parse("* * * * *").unwrap();
        assert_eq!(every.last_before(Timestamp(u64::MAX)), None);
        assert_eq!(every.last_before(Timestamp(60)), Some(Timestamp(0)));
        assert_eq!(every.last_before(Timestamp(0)), None, "before the epoch");
    }
}
