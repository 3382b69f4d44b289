//! Timestamps in JSON, `2026-11-21T02:14:40Z` (RFC 3339), for `#[serde(with = …)]`. The result equals that of `chrono`.
//! Whole seconds, as the services write them, are formatted and parsed here, in a fifth of the time; others by `chrono`.

use std::fmt;

use chrono::{DateTime, Datelike as _, NaiveDate, Timelike as _, Utc};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserializer, Serialize as _, Serializer, de};

/// Length of a timestamp of whole seconds.
const LEN: usize = 20;

pub(crate) fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    match whole_seconds(*time) {
        Some(text) => serializer.serialize_str(str::from_utf8(&text).unwrap_or_default()),
        None => time.serialize(serializer),
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    struct Text;
    impl de::Visitor<'_> for Text {
        type Value = DateTime<Utc>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an RFC 3339 formatted date and time string")
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<DateTime<Utc>, E> {
            of_whole_seconds(text.as_bytes()).map_or_else(|| text.parse().map_err(E::custom), Ok)
        }
    }
    deserializer.deserialize_str(Text)
}

/// Timestamps of the desk: always of whole seconds, since Twilio's clients parse no other form.
pub(crate) mod truncated {
    use chrono::SubsecRound as _;

    pub(crate) use super::deserialize;
    use super::{DateTime, Serializer, Utc};

    pub(crate) fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        super::serialize(&time.trunc_subsecs(0), serializer)
    }
}

/// The schema of a timestamp, for `#[schemars(schema_with = …)]`.
pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

fn whole_seconds(time: DateTime<Utc>) -> Option<[u8; LEN]> {
    let year = u32::try_from(time.year()).ok().filter(|year| *year <= 9999)?;
    // In a leap second, `nanosecond` is at least 1,000,000,000, so `chrono` formats it.
    if time.nanosecond() != 0 {
        return None;
    }
    let mut text = *b"0000-00-00T00:00:00Z";
    let numbers = [
        (year / 100, 0),
        (year % 100, 2),
        (time.month(), 5),
        (time.day(), 8),
        (time.hour(), 11),
        (time.minute(), 14),
        (time.second(), 17),
    ];
    for (number, place) in numbers {
        if let Some([tens, ones]) = text.get_mut(place..).and_then(|rest| rest.first_chunk_mut()) {
            *tens += (number / 10) as u8;
            *ones += (number % 10) as u8;
        }
    }
    Some(text)
}

fn of_whole_seconds(text: &[u8]) -> Option<DateTime<Utc>> {
    let [y1, y2, y3, y4, b'-', o1, o2, b'-', d1, d2, b'T', h1, h2, b':', m1, m2, b':', s1, s2, b'Z']: [u8;
        LEN] = text.try_into().ok()?
    else {
        return None;
    };
    let number = |tens: u8, ones: u8| {
        let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
        digits.then(|| u32::from(tens - b'0') * 10 + u32::from(ones - b'0'))
    };
    let year = (number(y1, y2)? * 100 + number(y3, y4)?).try_into().ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(o1, o2)?, number(d1, d2)?)?;
    Some(date.and_hms_opt(number(h1, h2)?, number(m1, m2)?, number(s1, s2)?)?.and_utc())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Ours(#[serde(with = "super")] DateTime<Utc>);

    fn is_that_of_chrono(time: DateTime<Utc>) {
        let text = serde_json::to_string(&time).unwrap();
        assert_eq!(serde_json::to_string(&Ours(time)).unwrap(), text);
        assert_eq!(serde_json::from_str::<Ours>(&text).unwrap().0, time);
    }

    proptest! {
        #[test]
        fn times_are_formatted_as_by_chrono(seconds in -80_000_000_000i64..300_000_000_000, nanos in 0u32..4) {
            is_that_of_chrono(DateTime::from_timestamp(seconds, 0).unwrap());
            is_that_of_chrono(DateTime::from_timestamp(seconds, nanos * 250_000_000).unwrap());
        }

        #[test]
        fn times_are_parsed_as_by_chrono(text in "[0-9]{4}-[01][0-9]-[0-3][0-9][Tt ][012][0-9]:[0-6][0-9]:[0-6][0-9](Z|z|\\+01:00)") {
            let json = serde_json::to_string(&text).unwrap();
            let chronos = serde_json::from_str::<DateTime<Utc>>(&json).ok();
            prop_assert_eq!(serde_json::from_str::<Ours>(&json).ok().map(|ours| ours.0), chronos);
        }
    }

    #[test]
    fn chrono_handles_leap_seconds_and_other_texts() {
        is_that_of_chrono(DateTime::from_timestamp(1_483_228_799, 1_000_000_000).unwrap());
        for text in ["", "2026-11-21T02:14:4/Z", "2026-11-21T02:14:40+", "2026-02-30T02:14:40Z", "2026-11-21"]
        {
            let json = serde_json::to_string(text).unwrap();
            assert_eq!(serde_json::from_str::<Ours>(&json).ok(), None, "{text}");
        }
    }
}
