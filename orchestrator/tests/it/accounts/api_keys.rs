//! API keys and retention of an account.

use std::{num::NonZeroU32, time::Duration};

use orchestrator::accounts::{Accounts, Scope};
use shared_types::{AccountSid, ApiKeySid};

use super::{DIGEST, FILE};

#[test]
fn api_keys_authenticate_with_their_secret_only() {
    let accounts = Accounts::parse(FILE).unwrap();
    let [one, two, unknown] = [1, 2, 3].map(ApiKeySid::from_bits);
    let key = accounts.authenticate(one, b"abc").unwrap();
    assert_eq!((key.sid, key.account_sid), (one, AccountSid::from_bits(2)));
    assert_eq!(key.scopes.iter().collect::<Vec<_>>(), [Scope::Read, Scope::Write], "the default");
    assert_eq!(key.calls_per_minute.get(), 600, "the default");
    let key = accounts.authenticate(two, b"def").unwrap();
    assert_eq!(key.scopes.iter().collect::<Vec<_>>(), [Scope::Erase]);
    assert_eq!(key.calls_per_minute, NonZeroU32::new(60).unwrap());
    for (sid, secret) in
        [(one, "def"), (one, ""), (one, "abcd"), (one, DIGEST), (unknown, "abc"), (unknown, "")]
    {
        assert!(accounts.authenticate(sid, secret.as_bytes()).is_none(), "{sid} {secret}");
    }
}

#[test]
fn api_keys_are_listed_by_account() {
    let accounts = Accounts::parse(FILE).unwrap();
    let sids = |account| {
        let keys = accounts.api_keys(&AccountSid::from_bits(account));
        keys.iter().map(|key| key.sid).collect::<Vec<_>>()
    };
    assert_eq!(sids(1), []);
    assert_eq!(sids(2), [1, 2].map(ApiKeySid::from_bits));
    assert_eq!(sids(3), []);
    assert!(!format!("{accounts:?}").contains("186, 120, 22"), "digests do not print");
}

#[test]
fn an_account_may_have_its_own_retention() {
    let days = |text: &str| {
        let accounts = Accounts::parse(text).unwrap();
        let account = accounts.account(&AccountSid::from_bits(2)).unwrap();
        account.conversation_retention_days.map(|days| (days.get(), days.duration()))
    };
    assert_eq!(days(FILE), None);
    let with =
        FILE.replace("webchat_security = false", "webchat_security = false\nconversation_retention_days = 7");
    assert_eq!(days(&with), Some((7, Duration::from_secs(7 * 24 * 3600))));
}
