//! Positions and URLs of the desk's pages.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use conversations::Position;
use shared_types::{
    ConversationSid,
    desk::{Meta, PageQuery},
};
use url::form_urlencoded::Serializer;

use super::resources::Resources;
use crate::error::Error;

const MALFORMED_TOKEN: Error =
    Error::InvalidField { field: "PageToken", reason: "expected the token of a `next_page_url`" };

/// A position as `PageToken`. It grants nothing: whoever knows a position still needs the key.
pub(super) fn token_of(position: Position) -> String {
    let text = format!("{}.{}", position.date_created.timestamp_millis(), position.sid);
    URL_SAFE_NO_PAD.encode(text)
}

/// The position of a `PageToken` of [`token_of`].
pub(super) fn position(token: &str) -> Result<Position, Error> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let (date, sid) = text.split_once('.')?;
        let date_created = DateTime::from_timestamp_millis(date.parse().ok()?)?;
        Some(Position { date_created, sid: sid.parse::<ConversationSid>().ok()? })
    };
    read().ok_or(MALFORMED_TOKEN)
}

/// An index as `PageToken`.
pub(super) fn token_of_index(index: u32) -> String {
    URL_SAFE_NO_PAD.encode(index.to_string())
}

/// The index of a `PageToken` of [`token_of_index`].
pub(super) fn index(token: &str) -> Result<u32, Error> {
    let read = || String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?.parse().ok();
    read().ok_or(MALFORMED_TOKEN)
}

/// The meta of a page of the list at `path`. URLs repeat the filters.
pub(super) fn meta(
    resources: &Resources,
    path: &str,
    filters: &[(&str, Option<&str>)],
    query: &PageQuery,
    next: Option<String>,
    key: &str,
) -> Meta {
    let size = query.size();
    let url = |token: Option<&str>| {
        let mut parameters = Serializer::new(String::new());
        parameters.extend_pairs(filters.iter().filter_map(|(name, value)| Some((name, (*value)?))));
        parameters.append_pair("PageSize", &size.to_string());
        if let Some(token) = token {
            parameters.append_pair("PageToken", token);
        }
        format!("{}?{}", resources.url(path), parameters.finish())
    };
    Meta {
        page: 0,
        page_size: size,
        first_page_url: url(None),
        previous_page_url: (),
        url: url(query.token.as_deref()),
        next_page_url: next.map(|next| url(Some(&next))),
        key: key.to_owned(),
    }
}

/// The first moment of `StartDate`.
pub(super) fn start_date(text: Option<&str>) -> Result<DateTime<Utc>, Error> {
    let reason = "expected YYYY-MM-DD, or a timestamp such as 2026-11-21T02:14:40Z";
    let read = |text: &str| Some(date(text)?.0);
    text.map_or(Some(DateTime::UNIX_EPOCH), read).ok_or(Error::InvalidField { field: "StartDate", reason })
}

/// The last millisecond of `EndDate`: of its day or second.
pub(super) fn end_date(text: Option<&str>) -> Result<DateTime<Utc>, Error> {
    let reason = "expected YYYY-MM-DD, or a timestamp such as 2026-11-21T02:14:40Z";
    let read = |text: &str| {
        let (start, length) = date(text)?;
        start.checked_add_signed(length - TimeDelta::milliseconds(1))
    };
    let last = DateTime::from_timestamp(253_402_300_799, 0);
    text.map_or(last, read).ok_or(Error::InvalidField { field: "EndDate", reason })
}

/// The start and length of a day or a second.
fn date(text: &str) -> Option<(DateTime<Utc>, TimeDelta)> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Some((day.and_hms_opt(0, 0, 0)?.and_utc(), TimeDelta::days(1)));
    }
    let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    let is_whole = time.timestamp_subsec_nanos() == 0;
    Some((time, if is_whole { TimeDelta::seconds(1) } else { TimeDelta::milliseconds(1) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_position() {
        let date_created = DateTime::from_timestamp_millis(1_795_000_000_123).unwrap();
        let at = Position { date_created, sid: ConversationSid::from_bits(7) };
        assert_eq!(position(&token_of(at)).unwrap(), at);
        assert_eq!(index(&token_of_index(42)).unwrap(), 42);
        for malformed in ["", "x", "!", "MTIz", &token_of_index(3)] {
            assert!(position(malformed).is_err(), "{malformed}");
        }
        assert!(index(&token_of(at)).is_err());
    }

    #[test]
    fn dates_include_their_day_or_second() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert_eq!(start_date(Some("2026-11-21")).unwrap(), at("2026-11-21T00:00:00Z"));
        assert_eq!(end_date(Some("2026-11-21")).unwrap(), at("2026-11-21T23:59:59.999Z"));
        assert_eq!(end_date(Some("2026-11-21T02:14:40Z")).unwrap(), at("2026-11-21T02:14:40.999Z"));
        assert_eq!(start_date(Some("2026-11-21T03:14:40+01:00")).unwrap(), at("2026-11-21T02:14:40Z"));
        for malformed in ["", "yesterday", "2026-13-01", "2026-11-21T02:14:40", "21.11.2026"] {
            assert!(
                start_date(Some(malformed)).is_err() && end_date(Some(malformed)).is_err(),
                "{malformed}"
            );
        }
    }
}
