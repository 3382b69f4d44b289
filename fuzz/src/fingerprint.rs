//! The header parsers of the fingerprint: any input gives a fingerprint or an error, and a fingerprint matches itself.

use std::net::IpAddr;

use shared_types::{
    AccountSid, DeploymentKey,
    fingerprint::{
        BoundFingerprint, Evidence, FingerprintKey, FingerprintKeys, Mode, Sensitivity, Signals, evidence,
        generate, judge,
    },
};

const HEADERS: [&str; 11] = [
    evidence::USER_AGENT,
    evidence::ACCEPT_LANGUAGE,
    evidence::ACCEPT_ENCODING,
    evidence::SEC_CH_UA,
    evidence::SEC_CH_UA_MOBILE,
    evidence::SEC_CH_UA_PLATFORM,
    evidence::DECODERS,
    evidence::USER_SETTINGS,
    evidence::WEBCHAT_INFO,
    evidence::ORIGIN,
    evidence::REFERER,
];

/// Reads `data` as the headers of a request, separated by line feeds; an empty one is absent. The bytes after the last
/// are the client's address.
///
/// # Panics
/// If the fingerprint violates the property: that is the fuzzer's goal.
pub fn headers(data: &[u8]) {
    let mut parts = data.split(|byte| *byte == b'\n');
    let headers: Vec<_> =
        HEADERS.into_iter().zip(&mut parts).filter(|(_, value)| !value.is_empty()).collect();
    let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let client = match parts.next() {
        Some(&[a, b, c, d]) => Some(IpAddr::from([a, b, c, d])),
        Some(long) => long.first_chunk::<16>().map(|address| IpAddr::from(*address)),
        None => None,
    };
    let evidence = Evidence::from_headers(header, client, DeploymentKey::from_bits(1));
    let Ok(signals) = Signals::read(&evidence) else { return };
    assert_eq!(Signals::read(&evidence).as_ref(), Ok(&signals), "one request, one browser");

    let key = |byte| FingerprintKey::new(vec![byte; 32]);
    let keys = key(1).and_then(|one| FingerprintKeys::new(vec![one, key(2)?])).expect("two keys");
    let keys = keys.account(AccountSid::from_bits(1));
    let presented = generate(&keys, &signals, Sensitivity::High, Mode::Enforce);
    assert_eq!(presented.as_str().len(), 2 * 127 + 1, "bounded, whatever was sent");
    let sealed = presented.preferred();
    let verdict =
        judge(BoundFingerprint { sealed: &sealed, first: Some(&sealed), key_is_proved: false }, &presented);
    assert!(verdict.accepted && verdict.drifted().is_empty(), "a browser is itself");
}
