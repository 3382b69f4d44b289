//! Benchmarks of the fingerprint. For each request FlexWebchatOrchestratorService generates it once and
//! ScopedAuthService judges it once.

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, criterion_group, criterion_main};
use shared_types::{
    AccountSid, DeploymentKey,
    fingerprint::{
        BoundFingerprint, Evidence, FingerprintKey, FingerprintKeys, Maker, Mode, Sensitivity, Signals,
        evidence, generate, judge,
    },
};

const CHROME: [(&str, &str); 10] = [
    (
        evidence::USER_AGENT,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
    ),
    (evidence::ACCEPT_LANGUAGE, "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7"),
    (evidence::ACCEPT_ENCODING, "gzip, deflate, br, zstd"),
    (evidence::SEC_CH_UA, r#""Not)A;Brand";v="8", "Chromium";v="138", "Google Chrome";v="138""#),
    (evidence::SEC_CH_UA_MOBILE, "?0"),
    (evidence::SEC_CH_UA_PLATFORM, r#""Windows""#),
    (evidence::ORIGIN, "https://shop.example.com"),
    (
        evidence::DECODERS,
        r#"{"audio":{"powerEfficient":true,"smooth":true,"supported":true,"keySystemAccess":null},"video":{"powerEfficient":true,"smooth":true,"supported":true,"keySystemAccess":null}}"#,
    ),
    (evidence::USER_SETTINGS, r#"{"language":"de-DE","cookieEnabled":true,"userTimezone":-60}"#),
    (evidence::WEBCHAT_INFO, r#"{"loginTimestamp":"1751883240123"}"#),
];

fn fingerprint(criterion: &mut Criterion) {
    let header =
        |name: &str| CHROME.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes());
    let client = Some([203, 0, 113, 7].into());
    let evidence = Evidence::from_headers(header, client, DeploymentKey::from_bits(1));
    let key = |byte| FingerprintKey::new(vec![byte; 32]);
    let Ok(keys) = key(7).and_then(|key| FingerprintKeys::new(vec![key])) else { return };
    let Ok(two_keys) = key(7).and_then(|one| FingerprintKeys::new(vec![one, key(8)?])) else { return };
    let account_sid = AccountSid::from_bits(1);
    let (account, account_of_two) = (keys.account(account_sid), two_keys.account(account_sid));
    let Ok(signals) = Signals::read(&evidence) else { return };
    let (level, mode) = (Sensitivity::Medium, Mode::Enforce);
    let fingerprint = generate(&account, &signals, level, mode);

    criterion.bench_function("fingerprint/read", |b| b.iter(|| Signals::read(black_box(&evidence))));
    criterion.bench_function("fingerprint/account_keys", |b| b.iter(|| keys.account(black_box(account_sid))));
    criterion.bench_function("fingerprint/generate", |b| {
        b.iter(|| generate(&account, black_box(&signals), level, mode));
    });
    criterion.bench_function("fingerprint/generate_with_two_keys", |b| {
        b.iter(|| generate(&account_of_two, black_box(&signals), level, mode));
    });
    criterion.bench_function("fingerprint/read_and_generate", |b| {
        b.iter(|| {
            Signals::read(black_box(&evidence)).map(|signals| generate(&account, &signals, level, mode))
        });
    });
    let maker = Maker::new(Arc::new(keys));
    criterion.bench_function("fingerprint/made_of_what_is_kept", |b| {
        b.iter(|| maker.fingerprint(account_sid, black_box(&evidence), level, mode));
    });
    let mut number = 0;
    criterion.bench_function("fingerprint/made_for_another_account", |b| {
        b.iter(|| {
            number += 1;
            maker.fingerprint(AccountSid::from_bits(number), black_box(&evidence), level, mode)
        });
    });
    criterion.bench_function("fingerprint/judge", |b| {
        let bound = BoundFingerprint { sealed: &fingerprint, first: None, key_is_proved: false };
        b.iter(|| judge(black_box(bound), black_box(&fingerprint)));
    });
    criterion.bench_function("fingerprint/judge_since_the_beginning", |b| {
        let bound =
            BoundFingerprint { sealed: &fingerprint, first: Some(&fingerprint), key_is_proved: false };
        b.iter(|| judge(black_box(bound), black_box(&fingerprint)));
    });
}

criterion_group!(benches, fingerprint);
criterion_main!(benches);
