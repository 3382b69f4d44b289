//! Parses evidence into normalised signals: the first half of `FWO ->> FWO: Generating Fingerprint`. Headers that every
//! browser sends are parsed leniently: a malformed value counts as absent.

use std::{borrow::Cow, fmt, net::IpAddr};

use super::{
    Counting, Faces, Signal, SignalSet, client_hints, evidence, evidence::Evidence, user_agent::UserAgent,
    widget,
};
use crate::ids::DeploymentKey;

/// Maximum length of an ordinary header, in bytes. A longer value is truncated, always at the same place.
const MAX_LEN: usize = 1024;

/// Error: the request yields no fingerprint (contract, section 8). It names the invalid header and omits its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unavailable {
    /// `User-Agent` is missing or empty.
    #[error("the header {} is missing or malformed", evidence::USER_AGENT)]
    UserAgent,
    /// `x-twilio-sec-decoders` is malformed.
    #[error("the header {} is missing or malformed", evidence::DECODERS)]
    Decoders,
    /// `x-twilio-sec-usersettings` is malformed.
    #[error("the header {} is missing or malformed", evidence::USER_SETTINGS)]
    UserSettings,
    /// `x-twilio-sec-webchatinfo` is malformed.
    #[error("the header {} is missing or malformed", evidence::WEBCHAT_INFO)]
    WebchatInfo,
    /// A new session at the level `high`, and the request has fewer [counted](super::policy::Counted) signals than that
    /// level needs.
    #[error("the request has too few signals of a browser")]
    TooFewSignals,
}

/// The signals of a request: its browser, page and session. `None` is a signal that the request lacks. `Debug` redacts
/// all of them, because they are personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Signals<'a> {
    /// The browser family: the product names of the User-Agent, sorted: `chrome`, `chrome edg`, `safari`, `curl`. Empty
    /// without any.
    pub family: Cow<'a, str>,
    /// The family without an app's own names, as its desktop mode on Android sends it, if that is another one: `chrome`.
    pub base_family: Option<&'static str>,
    /// The browser's major version from the User-Agent. For Safari, without the gap from 18 to 26.
    pub major: Option<u16>,
    /// How the major version is counted.
    pub counting: Counting,
    /// The operating system from the User-Agent: `windows`, `mac`, `android`.
    pub operating_system: Option<&'static str>,
    /// The systems that the browser reports in turn.
    pub faces: Faces,
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
        let user_agent = evidence.user_agent.map(<[u8]>::trim_ascii).filter(|agent| !agent.is_empty());
        let user_agent = UserAgent::read(user_agent.ok_or(Unavailable::UserAgent)?);
        let (audio, video) = widget::decoders(evidence.decoders).map_err(|_| Unavailable::Decoders)?;
        let settings =
            widget::user_settings(evidence.user_settings).map_err(|_| Unavailable::UserSettings)?;
        let brands = text(evidence.sec_ch_ua);
        let of_the_browser = Self {
            mobile: text(evidence.sec_ch_ua_mobile)
                .and_then(client_hints::mobile)
                .unwrap_or(user_agent.mobile),
            family: user_agent.family.into(),
            base_family: user_agent.base,
            major: user_agent.major,
            counting: user_agent.counting,
            operating_system: user_agent.operating_system,
            faces: user_agent.faces,
            brand: brands.and_then(client_hints::brand),
            hinted: brands.and_then(client_hints::hinted_version),
            platform: text(evidence.sec_ch_ua_platform).and_then(client_hints::platform),
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

    /// The signals whose value most browsers send: cookies enabled, a decoder supported, the codings of all browsers of
    /// the last years.
    pub(super) fn usual(&self) -> SignalSet {
        let mut usual = SignalSet::EMPTY;
        for (signal, is_usual) in [
            (Signal::CookieEnabled, self.cookie_enabled == Some(true)),
            (Signal::AudioDecoder, self.audio == Some(true)),
            (Signal::VideoDecoder, self.video == Some(true)),
            (Signal::AcceptEncoding, self.accept_encoding.is_some_and(Codings::is_usual)),
        ] {
            if is_usual {
                usual.insert(signal);
            }
        }
        usual
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
    /// gzip and deflate; then also br, over TLS; then also zstd (Chrome 123, Firefox 126, Safari 26).
    fn is_usual(self) -> bool {
        matches!(self.0, 3 | 7 | 15)
    }

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
