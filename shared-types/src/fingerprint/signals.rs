//! Parses evidence into normalised signals: the first half of `FWO ->> FWO: Generating Fingerprint`. Headers that every
//! browser sends are parsed leniently: a malformed value counts as absent.

use std::{borrow::Cow, fmt, net::IpAddr};

use super::{browser, evidence, evidence::Evidence, widget};
use crate::ids::DeploymentKey;

/// Maximum length of an ordinary header, in bytes. The longest User-Agents, of in-app browsers, have about 500. A
/// longer value is truncated, always at the same place.
const MAX_LEN: usize = 1024;

/// Error: the request yields no fingerprint (contract, section 8). It names the invalid header and omits its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the header {} is missing or malformed", self.header())]
pub enum Unavailable {
    /// `User-Agent` is missing, empty or not text.
    UserAgent,
    /// `x-twilio-sec-decoders` is malformed.
    Decoders,
    /// `x-twilio-sec-usersettings` is malformed.
    UserSettings,
    /// `x-twilio-sec-webchatinfo` is malformed.
    WebchatInfo,
}

impl Unavailable {
    /// The name of the header.
    pub const fn header(self) -> &'static str {
        match self {
            Self::UserAgent => evidence::USER_AGENT,
            Self::Decoders => evidence::DECODERS,
            Self::UserSettings => evidence::USER_SETTINGS,
            Self::WebchatInfo => evidence::WEBCHAT_INFO,
        }
    }
}

/// The signals of a request: its browser, page and session. `None` is a signal that the request lacks. `Debug` redacts
/// all of them, because they are personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Signals<'a> {
    /// The browser family from the User-Agent: `Chrome`, `Safari`, `Webview`, or a product token such as `curl`.
    pub family: &'a str,
    /// The browser's major version from the User-Agent. For Safari, without the gap from 18 to 26.
    pub major: Option<u16>,
    /// The operating system from the User-Agent: `Windows 10`, `Mac OSX`, `Android`.
    pub operating_system: Option<&'a str>,
    /// Whether the browser is mobile: from `Sec-CH-UA-Mobile`, else from the User-Agent. Browsers report the same in
    /// both.
    pub mobile: bool,
    /// The brand from `Sec-CH-UA`: `Google Chrome`, `Brave`.
    pub brand: Option<&'a str>,
    /// The engine's major version from `Sec-CH-UA`.
    pub hinted: Option<u16>,
    /// The operating system from `Sec-CH-UA-Platform`: `Windows`, `macOS`.
    pub platform: Option<&'a str>,
    /// The primary language of `Accept-Language`.
    pub accept_language: Option<Language>,
    /// The primary language of the widget's `language`.
    pub settings_language: Option<Language>,
    /// The codings of `Accept-Encoding`.
    pub accept_encoding: Option<Codings>,
    /// The widget's `cookieEnabled`.
    pub cookie_enabled: Option<bool>,
    /// The widget's `userTimezone`, in minutes from -1440 to 1440, as `Date.getTimezoneOffset` returns it.
    pub timezone: Option<i16>,
    /// The widget's `audio.supported`.
    pub audio: Option<bool>,
    /// The widget's `video.supported`.
    pub video: Option<bool>,
    /// The widget's `loginTimestamp`, 1 to 64 characters. A secret of the session.
    pub login_timestamp: Option<Cow<'a, str>>,
    /// The client's network.
    pub network: Option<Network>,
    /// The page's origin.
    pub origin: Option<Cow<'a, [u8]>>,
    /// The deployment.
    pub deployment_key: DeploymentKey,
}

impl<'a> Signals<'a> {
    /// Parses the signals. The error names the header that is missing or malformed.
    pub fn read(evidence: &Evidence<'a>) -> Result<Self, Unavailable> {
        let user_agent =
            text(evidence.user_agent).filter(|agent| !agent.is_empty()).ok_or(Unavailable::UserAgent)?;
        let (audio, video) = widget::decoders(evidence.decoders).map_err(|_| Unavailable::Decoders)?;
        let settings =
            widget::user_settings(evidence.user_settings).map_err(|_| Unavailable::UserSettings)?;
        let browser = browser::browser(user_agent);
        let brands = text(evidence.sec_ch_ua);
        let of_the_browser = Self {
            family: browser.family,
            major: browser.major,
            operating_system: browser.operating_system,
            mobile: text(evidence.sec_ch_ua_mobile).and_then(browser::mobile).unwrap_or(browser.mobile),
            brand: brands.and_then(browser::brand),
            hinted: brands.and_then(browser::hinted_version),
            platform: text(evidence.sec_ch_ua_platform).and_then(browser::platform),
            accept_language: text(evidence.accept_language).and_then(Language::preferred),
            settings_language: settings.language.as_deref().and_then(Language::primary),
            accept_encoding: text(evidence.accept_encoding).map(Codings::of),
            cookie_enabled: settings.cookie_enabled,
            timezone: settings.user_timezone,
            audio,
            video,
            login_timestamp: None,
            network: None,
            origin: None,
            deployment_key: evidence.deployment_key,
        };
        of_the_browser.request_signals(evidence)
    }

    /// The browser's signals, completed with those of the request: session, network, page and deployment.
    pub(super) fn request_signals(self, evidence: &Evidence<'a>) -> Result<Self, Unavailable> {
        Ok(Self {
            login_timestamp: widget::login_timestamp(evidence.webchat_info)
                .map_err(|_| Unavailable::WebchatInfo)?,
            network: evidence.client.map(Network::of),
            origin: origin(evidence),
            deployment_key: evidence.deployment_key,
            ..self
        })
    }
}

impl fmt::Debug for Signals<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signals(…)")
    }
}

/// The page's origin, from `Origin`, else from `Referer`: browsers send no `Origin` with a same-origin GET.
fn origin<'a>(evidence: &Evidence<'a>) -> Option<Cow<'a, [u8]>> {
    if let Some(origin) = evidence.origin.filter(|origin| !origin.is_empty()) {
        return Some(Cow::Borrowed(origin));
    }
    let page = url::Url::parse(text(evidence.referer)?).ok()?.origin();
    page.is_tuple().then(|| Cow::Owned(page.ascii_serialization().into_bytes()))
}

/// The header as text, trimmed, at most [`MAX_LEN`] bytes. `None` unless it is UTF-8 without control characters.
fn text(header: Option<&[u8]>) -> Option<&str> {
    let text = str::from_utf8(header?).ok()?;
    let (text, _) = text.split_at_checked(text.floor_char_boundary(MAX_LEN))?;
    (!text.contains(|c: char| c.is_control() && c != '\t')).then_some(text.trim())
}

/// A primary language subtag in lower case, padded with zeros: `de` for `de-AT` (RFC 5646, section 2.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language(pub [u8; 8]);

impl Language {
    /// The primary language of a tag. Accepts `_` as a separator: the released widget sends `en_IN`.
    fn primary(tag: &str) -> Option<Self> {
        let subtag = tag.split(['-', '_']).next()?.trim();
        if !(2..=8).contains(&subtag.len()) || !subtag.bytes().all(|b| b.is_ascii_alphabetic()) {
            return None;
        }
        let mut language = [0; 8];
        for (to, from) in language.iter_mut().zip(subtag.bytes()) {
            *to = from.to_ascii_lowercase();
        }
        Some(Self(language))
    }

    /// The primary language of the first valid tag of an `Accept-Language`. Browsers list them by preference.
    fn preferred(list: &str) -> Option<Self> {
        list.split(',').find_map(|range| Self::primary(range.split(';').next()?))
    }
}

/// The content codings that an `Accept-Encoding` allows, as a bit set, so their order does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codings(pub u8);

impl Codings {
    fn of(list: &str) -> Self {
        Self(list.split(',').map(Self::bit).fold(0, |bits, bit| bits | bit))
    }

    fn bit(member: &str) -> u8 {
        let (coding, parameters) = member.split_once(';').unwrap_or((member, ""));
        if parameters.trim().strip_prefix("q=").and_then(|q| q.parse().ok()) == Some(0.0) {
            return 0;
        }
        let coding = coding.trim();
        let known: [(&str, u8); 9] = [
            ("gzip", 1),
            ("x-gzip", 1),
            ("deflate", 2),
            ("br", 4),
            ("zstd", 8),
            ("compress", 16),
            ("identity", 32),
            // Ignored: sent only while the browser holds a dictionary for the URL (RFC 9842), so no trait of the
            // browser.
            ("dcb", 0),
            ("dcz", 0),
        ];
        let other = if coding.is_empty() { 0 } else { 64 };
        known.iter().find(|(name, _)| coding.eq_ignore_ascii_case(name)).map_or(other, |(_, bit)| *bit)
    }
}

/// The network of a client: the IP version, then the first 24 bits of an IPv4 or 48 bits of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(pub [u8; 7]);

impl Network {
    fn of(client: IpAddr) -> Self {
        match client.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Self([4, a, b, c, 0, 0, 0])
            }
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, ..] = address.octets();
                Self([6, a, b, c, d, e, f])
            }
        }
    }
}
