//! Cached `FWO ->> FWO: Generating Fingerprint`. Browsers of one release send the same headers, so the parsed signals,
//! and their digests for an account, are cached. Values that differ between visitors are never cached: the login
//! timestamp, the client's address, the deployment.
//!
//! The caches are bounded in number of entries and in size. An attacker can evict entries with made-up headers, which
//! only makes the next request a cache miss. Headers are compared by their bytes; a keyed hash only selects the slots,
//! so collisions cannot be aimed. Response times may reveal that a browser with exactly these headers has recently
//! called this worker. They do not reveal its user, its address or its session.

use std::{
    borrow::Cow,
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    AccountKeys, Evidence, Fingerprint, FingerprintKeys, Mode, Sensitivity, Signal, Signals, Unavailable,
    generate::{digest_into, generate, record},
    record::Record,
};
use crate::ids::{AccountSid, DeploymentKey};

/// Maximum number of cached browsers.
const BROWSERS: usize = 512;
/// Maximum total size of the cached headers of a browser, in bytes. A browser and the widget send about 700.
const MAX_LEN: usize = 2048;
/// Maximum number of cached accounts.
const ACCOUNTS: usize = 4096;
/// Maximum number of cached pairs of browser and page for an account.
const PER_ACCOUNT: usize = 16;

/// The signals that are digested for every request, never cached.
const REQUEST_SIGNALS: [Signal; 3] = [Signal::DeploymentKey, Signal::LoginTimestamp, Signal::Network];

/// Generates fingerprints with a key ring, through a cache. One for each worker, to avoid lock contention.
pub struct Maker {
    keys: Arc<FingerprintKeys>,
    cache: Mutex<Cache>,
}

struct Cache {
    hasher: RandomState,
    browsers: Table<Browser, BROWSERS>,
    accounts: Table<Account, ACCOUNTS>,
    /// Number of browsers parsed so far.
    read: u64,
}

impl Maker {
    /// A generator with `keys` and an empty cache.
    pub fn new(keys: Arc<FingerprintKeys>) -> Self {
        let (browsers, accounts) = (Table::default(), Table::default());
        Self { keys, cache: Mutex::new(Cache { hasher: RandomState::new(), browsers, accounts, read: 0 }) }
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
        if headers.iter().chain([&evidence.origin]).flatten().map(|value| value.len()).sum::<usize>()
            > MAX_LEN
        {
            let signals = Signals::read(evidence)?;
            return Ok(generate(&self.keys.account(account_sid), &signals, sensitivity, mode));
        }
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let Cache { hasher, browsers, accounts, read } = &mut *cache;
        let browser = match browsers.place(hasher.hash_one(headers), |browser| browser.sends(headers)) {
            Lookup::Taken(browser) => browser,
            Lookup::Free(place) => {
                let signals = Signals::read(evidence)?;
                *read += 1;
                place.insert(Box::new(Browser::new(*read, headers, &signals)))
            }
        };
        let account = match accounts.place(hasher.hash_one(account_sid), |account| account.sid == account_sid)
        {
            Lookup::Taken(account) => account,
            Lookup::Free(place) => place.insert(Box::new(Account::new(account_sid, &self.keys))),
        };
        Ok(account.fingerprint(browser.number, &browser.signals(evidence)?, sensitivity, mode))
    }
}

impl fmt::Debug for Maker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Maker(…)")
    }
}

/// Set-associative cache of `N` slots; a hash selects a set of [`WAYS`] slots. With only one slot for each hash, two
/// entries in alternating use could evict each other indefinitely while most slots stay empty.
struct Table<T, const N: usize> {
    places: Vec<Option<Box<T>>>,
    /// Counter that selects the slot of a full set to evict.
    turn: usize,
}

/// Number of slots in a set.
const WAYS: usize = 4;

enum Lookup<'a, T> {
    /// Hit: the entry.
    Taken(&'a mut T),
    /// Miss: the slot to insert into, which is empty or holds the entry to evict.
    Free(&'a mut Option<Box<T>>),
}

impl<T, const N: usize> Default for Table<T, N> {
    fn default() -> Self {
        Self { places: (0..N).map(|_| None).collect(), turn: 0 }
    }
}

impl<T, const N: usize> Table<T, N> {
    #[allow(clippy::indexing_slicing, reason = "the set number is below N / WAYS, and a set has WAYS slots")]
    fn place(&mut self, hash: u64, is_it: impl Fn(&T) -> bool) -> Lookup<'_, T> {
        let first = hash as usize % (N / WAYS) * WAYS;
        let ways = &mut self.places[first..first + WAYS];
        match ways.iter().position(|place| place.as_ref().is_none_or(|kept| is_it(kept))) {
            Some(found) => match &mut ways[found] {
                Some(kept) => Lookup::Taken(kept),
                empty => Lookup::Free(empty),
            },
            None => {
                self.turn = self.turn.wrapping_add(1);
                Lookup::Free(&mut ways[self.turn % WAYS])
            }
        }
    }
}

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

/// Cache entry of a browser: its headers and the signals parsed from them.
struct Browser {
    number: u64,
    headers: [Option<Box<[u8]>>; 8],
    family: Box<str>,
    brand: Option<Box<str>>,
    platform: Option<Box<str>>,
    /// All other signals parsed from the headers.
    others: Signals<'static>,
}

impl Browser {
    fn new(number: u64, headers: Headers<'_>, signals: &Signals<'_>) -> Self {
        Self {
            number,
            headers: headers.map(|value| value.map(Box::from)),
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

    fn sends(&self, headers: Headers<'_>) -> bool {
        self.headers.iter().zip(headers).all(|(kept, value)| kept.as_deref() == value)
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

/// Cache entry of an account: its keys, and the records made with them.
struct Account {
    sid: AccountSid,
    keys: AccountKeys,
    digested: Vec<Digested>,
    /// Index of the entry to evict next.
    next: usize,
}

/// Cached records of a browser on a page.
struct Digested {
    browser: u64,
    origin: Option<Box<[u8]>>,
    /// One for each key.
    records: Vec<Record>,
}

impl Account {
    fn new(sid: AccountSid, keys: &FingerprintKeys) -> Self {
        Self { sid, keys: keys.account(sid), digested: Vec::new(), next: 0 }
    }

    fn fingerprint(
        &mut self,
        browser: u64,
        signals: &Signals<'_>,
        sensitivity: Sensitivity,
        mode: Mode,
    ) -> Fingerprint {
        let origin = signals.origin.as_deref();
        let is_it = |digested: &Digested| digested.browser == browser && digested.origin.as_deref() == origin;
        let place =
            self.digested.iter().position(is_it).unwrap_or_else(|| self.digest_into(browser, signals));
        let records =
            self.digested.get(place).map(|digested| digested.records.as_slice()).unwrap_or_default();
        Record::encode_all(self.keys.iter().zip(records).map(|(key, record)| {
            let mut record = Record { sensitivity, mode, ..*record };
            digest_into(key, signals, &REQUEST_SIGNALS, &mut record);
            record
        }))
    }

    /// Digests a browser on a page into the cache. Returns its index.
    fn digest_into(&mut self, browser: u64, signals: &Signals<'_>) -> usize {
        let digested = |key| {
            let mut record = record(key, signals);
            for signal in REQUEST_SIGNALS {
                record.set(signal, None);
            }
            record
        };
        let records = self.keys.iter().map(digested).collect();
        let digested = Digested { browser, origin: signals.origin.as_deref().map(Box::from), records };
        let place = self.next;
        self.next = (place + 1) % PER_ACCOUNT;
        match self.digested.get_mut(place) {
            Some(older) => *older = digested,
            None => self.digested.push(digested),
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::FingerprintKey;

    #[test]
    fn a_set_holds_four_entries_before_it_evicts() {
        let mut table = Table::<u32, 8>::default();
        let mut find = |hash: u64, number: u32| match table.place(hash, |kept| *kept == number) {
            Lookup::Taken(_) => true,
            Lookup::Free(place) => {
                *place = Some(Box::new(number));
                false
            }
        };
        assert!((0..8).all(|number| !find(u64::from(number % 2), number)));
        assert!((0..8).all(|number| find(u64::from(number % 2), number)));
        assert!(!find(0, 8) && find(0, 8) && find(1, 7));
    }

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
            maker.cache.lock().unwrap().read
        };
        assert_eq!([read(MAX_LEN), read(MAX_LEN - 20), read(MAX_LEN - 20)], [0, 1, 1]);
    }
}
