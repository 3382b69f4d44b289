//! Cached `FWO ->> FWO: Generating Fingerprint`. Browsers of one release send the same headers, so the parsed signals,
//! and their digests for an account, are cached. Values that differ between visitors are never cached: the login
//! timestamp, the client's address, the deployment.
//!
//! The caches are bounded in number of entries and in size. An attacker can evict entries with made-up headers, which
//! only makes the next request a cache miss. Response times may reveal that a browser with exactly these headers has recently
//! called this worker. They do not reveal its user, its address or its session.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use quick_cache::unsync::Cache;

use super::{
    AccountKeys, Evidence, Fingerprint, FingerprintKeys, Mode, Sensitivity, Signal, Signals, Unavailable,
    generate::{digest_into, generate, record},
    keys::AccountKey,
    record::Record,
};
use crate::ids::{AccountSid, DeploymentKey};

/// Maximum number of cached browsers.
const BROWSERS: usize = 512;
/// Maximum total size of the cached headers of a browser, in bytes. A browser and the widget send about 700.
const MAX_LEN: usize = 2048;
/// Maximum number of cached accounts.
const ACCOUNTS: usize = 4096;
/// Maximum number of cached combinations of account, browser and page.
const RECORDS: usize = 16_384;

/// The signals that are digested for every request, never cached.
const REQUEST_SIGNALS: [Signal; 3] = [Signal::DeploymentKey, Signal::LoginTimestamp, Signal::Network];

/// Generates fingerprints with a key ring, through a cache. One for each worker, to avoid lock contention.
pub struct Maker {
    keys: Arc<FingerprintKeys>,
    caches: Mutex<Caches>,
}

struct Caches {
    browsers: Cache<[Option<Box<[u8]>>; 8], Browser>,
    accounts: Cache<AccountSid, AccountKeys>,
    /// For each key a record.
    records: Cache<Page, Vec<Record>>,
    /// Number of browsers parsed so far.
    read: u64,
}

impl Maker {
    /// A generator with `keys` and an empty cache.
    pub fn new(keys: Arc<FingerprintKeys>) -> Self {
        let (browsers, accounts, records) = (Cache::new(BROWSERS), Cache::new(ACCOUNTS), Cache::new(RECORDS));
        Self { keys, caches: Mutex::new(Caches { browsers, accounts, records, read: 0 }) }
    }

    /// The fingerprint of a request. Returns the same as [`Signals::read`] and [`generate()`].
    pub fn fingerprint(
        &self,
        account_sid: AccountSid,
        evidence: &Evidence<'_>,
        sensitivity: Sensitivity,
        mode: Mode,
    ) -> Result<Fingerprint, Unavailable> {
        let headers = headers(evidence);
        let is_cached =
            headers.iter().chain([&evidence.origin]).flatten().map(|value| value.len()).sum::<usize>()
                <= MAX_LEN;
        if is_cached
            && let Some(fingerprint) = self.cached(account_sid, headers, evidence, sensitivity, mode)?
        {
            return Ok(fingerprint);
        }
        let signals = Signals::read(evidence)?;
        Ok(generate(&self.keys.account(account_sid), &signals, sensitivity, mode))
    }

    /// The same through the caches; `None` if one of them does not admit an entry.
    fn cached(
        &self,
        account_sid: AccountSid,
        headers: Headers<'_>,
        evidence: &Evidence<'_>,
        sensitivity: Sensitivity,
        mode: Mode,
    ) -> Result<Option<Fingerprint>, Unavailable> {
        let mut caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        let Caches { browsers, accounts, records, read } = &mut *caches;
        let browser = browsers.get_or_insert_with(&headers.map(|value| value.map(Box::from)), || {
            let signals = Signals::read(evidence)?;
            *read += 1;
            Ok::<_, Unavailable>(Browser::new(*read, &signals))
        })?;
        let keys = accounts
            .get_or_insert_with(&account_sid, || Ok::<_, Unavailable>(self.keys.account(account_sid)))?;
        let (Some(browser), Some(keys)) = (browser, keys) else { return Ok(None) };
        let signals = browser.signals(evidence)?;
        let page = (account_sid, browser.number, signals.origin.as_deref().map(Box::from));
        let records = records.get_or_insert_with(&page, || {
            Ok::<_, Unavailable>(keys.iter().map(|key| browser_record(key, &signals)).collect())
        })?;
        Ok(records.map(|records| {
            Record::encode_all(keys.iter().zip(records).map(|(key, record)| {
                let mut record = Record { sensitivity, mode, ..*record };
                digest_into(key, &signals, &REQUEST_SIGNALS, &mut record);
                record
            }))
        }))
    }
}

impl fmt::Debug for Maker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Maker(…)")
    }
}

/// An account, the number of a browser, and a page's origin.
type Page = (AccountSid, u64, Option<Box<[u8]>>);

/// The headers that a browser sends alike to every site.
type Headers<'a> = [Option<&'a [u8]>; 8];

fn headers<'a>(evidence: &Evidence<'a>) -> Headers<'a> {
    [
        evidence.user_agent,
        evidence.accept_language,
        evidence.accept_encoding,
        evidence.sec_ch_ua,
        evidence.sec_ch_ua_mobile,
        evidence.sec_ch_ua_platform,
        evidence.decoders,
        evidence.user_settings,
    ]
}

/// Cache entry of a browser: the signals parsed from its headers.
struct Browser {
    number: u64,
    family: Box<str>,
    brand: Option<Box<str>>,
    platform: Option<Box<str>>,
    /// All other signals parsed from the headers.
    others: Signals<'static>,
}

impl Browser {
    fn new(number: u64, signals: &Signals<'_>) -> Self {
        Self {
            number,
            family: signals.family.as_ref().into(),
            brand: signals.brand.map(Box::from),
            platform: signals.platform.map(Box::from),
            others: Signals {
                family: Cow::Borrowed(""),
                base_family: signals.base_family,
                major: signals.major,
                counting: signals.counting,
                operating_system: signals.operating_system,
                faces: signals.faces,
                mobile: signals.mobile,
                brand: None,
                hinted: signals.hinted,
                platform: None,
                accept_language: signals.accept_language,
                settings_language: signals.settings_language,
                accept_encoding: signals.accept_encoding,
                cookie_enabled: signals.cookie_enabled,
                timezone: signals.timezone,
                audio: signals.audio,
                video: signals.video,
                login_timestamp: None,
                network: None,
                origin: None,
                deployment_key: DeploymentKey::from_bits(0),
            },
        }
    }

    /// The signals of a request of this browser. Returns the same as [`Signals::read`].
    fn signals<'a>(&'a self, evidence: &Evidence<'a>) -> Result<Signals<'a>, Unavailable> {
        let signals = Signals {
            family: Cow::Borrowed(&self.family),
            brand: self.brand.as_deref(),
            platform: self.platform.as_deref(),
            ..self.others.clone()
        };
        signals.request_signals(evidence)
    }
}

/// The record of a browser on a page, without what differs between its requests.
fn browser_record(key: &AccountKey, signals: &Signals<'_>) -> Record {
    let mut record = record(key, signals);
    for signal in REQUEST_SIGNALS {
        record.set(signal, None);
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::FingerprintKey;

    #[test]
    fn over_long_headers_are_not_cached() {
        let key = FingerprintKey::new(vec![7; 32]).unwrap();
        let maker = Maker::new(Arc::new(FingerprintKeys::new(vec![key]).unwrap()));
        let read = |length: usize| {
            let agent = "x".repeat(length);
            let header = |name: &str| match name {
                "user-agent" => Some(agent.as_bytes()),
                "origin" => Some(&b"https://shop.example"[..]),
                _ => None,
            };
            let evidence = Evidence::from_headers(header, None, DeploymentKey::from_bits(1));
            let account = AccountSid::from_bits(1);
            maker.fingerprint(account, &evidence, Sensitivity::Medium, Mode::Enforce).unwrap();
            maker.caches.lock().unwrap().read
        };
        assert_eq!([read(MAX_LEN), read(MAX_LEN - 20), read(MAX_LEN - 20)], [0, 1, 1]);
    }
}
