//! A guest's browser as a server sees it, whose headers can be changed one by one.
#![allow(dead_code, reason = "each test file needs its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "only functions that are tests themselves are exempt"
)]

use std::{collections::BTreeMap, net::IpAddr};

use shared_types::{
    AccountSid, DeploymentKey, Fingerprint,
    fingerprint::{
        self as fp, AccountKeys, BoundFingerprint, Evidence, FingerprintKey, FingerprintKeys, Mode,
        Sensitivity, Signals, Unavailable, Verdict, evidence,
    },
};

pub(crate) const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/138.0.0.0 Safari/537.36";
pub(crate) const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 \
    (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";
pub(crate) const DECODERS: &str = r#"{"audio":{"powerEfficient":true,"smooth":true,"supported":true,"keySystemAccess":null},"video":{"powerEfficient":true,"smooth":true,"supported":true,"keySystemAccess":null}}"#;
pub(crate) const USER_SETTINGS: &str = r#"{"language":"de-DE","cookieEnabled":true,"userTimezone":-60}"#;
pub(crate) const WEBCHAT_INFO: &str = r#"{"loginTimestamp":"1751883240123"}"#;

#[derive(Clone)]
pub(crate) struct Guest {
    pub(crate) headers: BTreeMap<&'static str, Vec<u8>>,
    pub(crate) client: Option<IpAddr>,
    pub(crate) deployment_key: DeploymentKey,
}

impl Guest {
    /// Chrome on Windows, in German, in winter.
    pub(crate) fn with_chrome() -> Self {
        Self {
            headers: BTreeMap::new(),
            client: Some("203.0.113.7".parse().unwrap()),
            deployment_key: DeploymentKey::from_bits(1),
        }
        .sends(evidence::USER_AGENT, CHROME)
        .sends(evidence::ACCEPT_LANGUAGE, "de-DE,de;q=0.9,en;q=0.8")
        .sends(evidence::ACCEPT_ENCODING, "gzip, deflate, br, zstd")
        .sends(evidence::SEC_CH_UA, r#""Not)A;Brand";v="8", "Chromium";v="138", "Google Chrome";v="138""#)
        .sends(evidence::SEC_CH_UA_MOBILE, "?0")
        .sends(evidence::SEC_CH_UA_PLATFORM, r#""Windows""#)
        .sends(evidence::ORIGIN, "https://shop.example.com")
        .sends(evidence::DECODERS, DECODERS)
        .sends(evidence::USER_SETTINGS, USER_SETTINGS)
        .sends(evidence::WEBCHAT_INFO, WEBCHAT_INFO)
    }

    /// Safari on an iPhone: no client hints.
    pub(crate) fn with_safari() -> Self {
        Self::with_chrome()
            .omits(evidence::SEC_CH_UA)
            .omits(evidence::SEC_CH_UA_MOBILE)
            .omits(evidence::SEC_CH_UA_PLATFORM)
            .sends(evidence::USER_AGENT, SAFARI)
            .sends(evidence::ACCEPT_ENCODING, "gzip, deflate, br")
    }

    pub(crate) fn sends(mut self, header: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.insert(header, value.as_ref().to_vec());
        self
    }

    pub(crate) fn omits(mut self, header: &'static str) -> Self {
        self.headers.remove(header);
        self
    }

    pub(crate) fn updates_chrome_to(self, major: u16) -> Self {
        self.sends(evidence::USER_AGENT, CHROME.replace("138", &major.to_string()))
    }

    pub(crate) fn sets_clock_to(self, minutes: i16) -> Self {
        self.sends(evidence::USER_SETTINGS, USER_SETTINGS.replace("-60", &minutes.to_string()))
    }

    pub(crate) fn comes_from(mut self, client: &str) -> Self {
        self.client = Some(client.parse().unwrap());
        self
    }

    pub(crate) fn signals(&self) -> Result<Signals<'_>, Unavailable> {
        let header = |name: &str| self.headers.get(name).map(Vec::as_slice);
        Signals::read(&Evidence::from_headers(header, self.client, self.deployment_key))
    }

    pub(crate) fn shows(&self) -> Signals<'_> {
        self.signals().unwrap()
    }

    pub(crate) fn fingerprint(&self, sensitivity: Sensitivity) -> Fingerprint {
        fp::generate(&account(1), &self.shows(), sensitivity, Mode::Enforce)
    }
}

/// The keys of an account in a ring with one key.
pub(crate) fn account(number: u128) -> AccountKeys {
    ring(b"k").account(AccountSid::from_bits(number))
}

/// A ring with a key for each of these bytes.
pub(crate) fn ring(keys: &[u8]) -> FingerprintKeys {
    FingerprintKeys::new(keys.iter().map(|byte| FingerprintKey::new(vec![*byte; 32]).unwrap()).collect())
        .unwrap()
}

/// Judges within a session that has not changed since its start.
pub(crate) fn judge(sealed: &Fingerprint, presented: &Fingerprint) -> Verdict {
    fp::judge(BoundFingerprint { sealed, first: None, key_is_proved: false }, presented)
}

/// The same, with a proof by the session's key.
pub(crate) fn judge_with_key(sealed: &Fingerprint, presented: &Fingerprint) -> Verdict {
    fp::judge(BoundFingerprint { sealed, first: None, key_is_proved: true }, presented)
}

/// The levels that accept `after` in a session that was sealed with `before`.
pub(crate) fn accepting_levels(before: &Guest, after: &Guest) -> Vec<Sensitivity> {
    let accepts =
        |level: &Sensitivity| judge(&before.fingerprint(*level), &after.fingerprint(*level)).accepted;
    Sensitivity::ALL.into_iter().filter(accepts).collect()
}
