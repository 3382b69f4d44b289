//! A visitor with the widget open: the headers of the browser and the widget, as the parts that change one by one.

use std::net::IpAddr;

use shared_types::fingerprint::evidence;

use crate::population::HeaderSet;

/// A browser with a page, as FlexWebchatOrchestratorService sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Visitor {
    pub(crate) headers: HeaderSet,
    /// By preference; empty where no Accept-Language is sent.
    pub(crate) languages: Vec<&'static str>,
    /// The widget's fields about the browser; `None` for a script without a browser.
    pub(crate) widget: Option<Widget>,
    pub(crate) login_timestamp: Option<u64>,
    pub(crate) origin: &'static str,
    pub(crate) address: IpAddr,
}

/// What the widget reads from the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Widget {
    /// The language that it reports, if that is not the first of Accept-Language.
    pub(crate) language: Option<&'static str>,
    pub(crate) cookie_enabled: bool,
    pub(crate) clock: Clock,
    /// Whether the audio and the video probe are supported.
    pub(crate) decoders: (bool, bool),
}

/// A clock by its zone, in minutes, with the sign of `Date.getTimezoneOffset`: west is positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    pub(crate) standard: i16,
    /// The offset of daylight saving time; 0 where there is none.
    pub(crate) saving: i16,
    pub(crate) summer: bool,
}

impl Clock {
    pub(crate) fn offset(self) -> i16 {
        if self.summer { self.standard - self.saving } else { self.standard }
    }
}

impl Visitor {
    /// All headers that the fingerprint reads, by name.
    pub(crate) fn sent(&self) -> Vec<(&'static str, String)> {
        let set = &self.headers;
        let mut sent =
            vec![(evidence::USER_AGENT, set.user_agent.clone()), (evidence::ORIGIN, self.origin.to_owned())];
        for (name, value) in [
            (evidence::SEC_CH_UA, &set.sec_ch_ua),
            (evidence::SEC_CH_UA_MOBILE, &set.sec_ch_ua_mobile),
            (evidence::SEC_CH_UA_PLATFORM, &set.sec_ch_ua_platform),
            (evidence::ACCEPT_ENCODING, &set.accept_encoding),
        ] {
            sent.extend(value.clone().map(|value| (name, value)));
        }
        sent.extend(accept_language(&self.languages).map(|list| (evidence::ACCEPT_LANGUAGE, list)));
        if let Some(widget) = &self.widget {
            sent.push((evidence::DECODERS, decoders(widget.decoders)));
            sent.push((evidence::USER_SETTINGS, self.user_settings(widget)));
        }
        let login = self.login_timestamp.map(|at| format!(r#"{{"loginTimestamp":"{at}"}}"#));
        sent.extend(login.map(|json| (evidence::WEBCHAT_INFO, json)));
        sent
    }

    fn user_settings(&self, widget: &Widget) -> String {
        let language = widget.language.or(self.languages.first().copied()).unwrap_or("en");
        let (cookies, offset) = (widget.cookie_enabled, widget.clock.offset());
        format!(r#"{{"language":"{language}","cookieEnabled":{cookies},"userTimezone":{offset}}}"#)
    }
}

fn decoders((audio, video): (bool, bool)) -> String {
    let answer = |supported: bool| {
        format!(
            r#"{{"powerEfficient":{supported},"smooth":{supported},"supported":{supported},"keySystemAccess":null}}"#
        )
    };
    format!(r#"{{"audio":{},"video":{}}}"#, answer(audio), answer(video))
}

/// As browsers write it: each language, after the last of its regions the language without a region, with falling
/// weights.
fn accept_language(languages: &[&str]) -> Option<String> {
    let mut ranges: Vec<&str> = Vec::new();
    for (at, tag) in languages.iter().enumerate() {
        ranges.push(tag);
        let base = tag.split('-').next().unwrap_or(tag);
        let again = languages.iter().skip(at + 1).any(|later| later.split('-').next() == Some(base));
        if !again && !ranges.contains(&base) {
            ranges.push(base);
        }
    }
    let weighed = ranges.iter().enumerate().map(|(at, range)| match at {
        0 => (*range).to_owned(),
        _ => format!("{range};q=0.{}", 10 - at.min(9)),
    });
    (!ranges.is_empty()).then(|| weighed.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_formatted_as_browsers_do() {
        for (languages, expected) in [
            (&["de-DE", "en-US"][..], Some("de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7")),
            (&["en-GB", "en-US"], Some("en-GB,en-US;q=0.9,en;q=0.8")),
            (&["ja"], Some("ja")),
            (&[], None),
        ] {
            assert_eq!(accept_language(languages).as_deref(), expected);
        }
    }

    #[test]
    fn daylight_saving_time_is_ahead_of_standard_time() {
        let berlin = Clock { standard: -60, saving: 60, summer: false };
        assert_eq!((berlin.offset(), Clock { summer: true, ..berlin }.offset()), (-60, -120));
    }
}
