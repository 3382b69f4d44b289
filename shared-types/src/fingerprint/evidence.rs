//! The raw inputs of a fingerprint: headers, the client's address, the deployment. Nothing is parsed here. The caller
//! looks up headers and resolves the client's address through its trusted proxies.

use std::net::IpAddr;

use crate::ids::DeploymentKey;

/// The header `User-Agent`.
pub const USER_AGENT: &str = "user-agent";
/// The header `Accept-Language`.
pub const ACCEPT_LANGUAGE: &str = "accept-language";
/// The header `Accept-Encoding`.
pub const ACCEPT_ENCODING: &str = "accept-encoding";
/// The header `Sec-CH-UA`: the browser's brands. Sent by Chromium only, and only over TLS.
pub const SEC_CH_UA: &str = "sec-ch-ua";
/// The header `Sec-CH-UA-Mobile`: `?0` or `?1`.
pub const SEC_CH_UA_MOBILE: &str = "sec-ch-ua-mobile";
/// The header `Sec-CH-UA-Platform`: the operating system, in quotes.
pub const SEC_CH_UA_PLATFORM: &str = "sec-ch-ua-platform";
/// The widget's header with `{audio:{supported, …}, video:{supported, …}}`.
pub const DECODERS: &str = "x-twilio-sec-decoders";
/// The widget's header with `{language, cookieEnabled, userTimezone}`.
pub const USER_SETTINGS: &str = "x-twilio-sec-usersettings";
/// The widget's header with `{loginTimestamp}`.
pub const WEBCHAT_INFO: &str = "x-twilio-sec-webchatinfo";
/// The header `Origin`.
pub const ORIGIN: &str = "origin";
/// The header `Referer`: fallback for a missing `Origin`.
pub const REFERER: &str = "referer";

/// The raw inputs of a fingerprint. A missing header is `None`; the first value of a repeated header counts.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    /// `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
    /// `Accept-Language`.
    pub accept_language: Option<&'a [u8]>,
    /// `Accept-Encoding`.
    pub accept_encoding: Option<&'a [u8]>,
    /// `Sec-CH-UA`.
    pub sec_ch_ua: Option<&'a [u8]>,
    /// `Sec-CH-UA-Mobile`.
    pub sec_ch_ua_mobile: Option<&'a [u8]>,
    /// `Sec-CH-UA-Platform`.
    pub sec_ch_ua_platform: Option<&'a [u8]>,
    /// `x-twilio-sec-decoders`.
    pub decoders: Option<&'a [u8]>,
    /// `x-twilio-sec-usersettings`.
    pub user_settings: Option<&'a [u8]>,
    /// `x-twilio-sec-webchatinfo`.
    pub webchat_info: Option<&'a [u8]>,
    /// `Origin`.
    pub origin: Option<&'a [u8]>,
    /// `Referer`.
    pub referer: Option<&'a [u8]>,
    /// The browser's address, as seen by the outermost trusted proxy.
    pub client: Option<IpAddr>,
    /// The deployment that the request is for.
    pub deployment_key: DeploymentKey,
}

impl<'a> Evidence<'a> {
    /// Collects the evidence. `header` returns the first value of the header with a (lower-case) name.
    pub fn from_headers(
        header: impl Fn(&str) -> Option<&'a [u8]>,
        client: Option<IpAddr>,
        deployment_key: DeploymentKey,
    ) -> Self {
        Self {
            user_agent: header(USER_AGENT),
            accept_language: header(ACCEPT_LANGUAGE),
            accept_encoding: header(ACCEPT_ENCODING),
            sec_ch_ua: header(SEC_CH_UA),
            sec_ch_ua_mobile: header(SEC_CH_UA_MOBILE),
            sec_ch_ua_platform: header(SEC_CH_UA_PLATFORM),
            decoders: header(DECODERS),
            user_settings: header(USER_SETTINGS),
            webchat_info: header(WEBCHAT_INFO),
            origin: header(ORIGIN),
            referer: header(REFERER),
            client,
            deployment_key,
        }
    }
}
