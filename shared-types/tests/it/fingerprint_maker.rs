//! A maker's caches do not affect its results: after any requests it makes the same fingerprints as a new one.

use std::sync::Arc;

use proptest::{prelude::*, sample::select};
use shared_types::{
    AccountSid, DeploymentKey, Fingerprint,
    fingerprint::{
        Evidence, FingerprintKey, FingerprintKeys, Maker, Mode, Sensitivity, Signals, Unavailable, generate,
    },
};

fn keys() -> Arc<FingerprintKeys> {
    let key = |byte| FingerprintKey::new(vec![byte; 32]).unwrap();
    Arc::new(FingerprintKeys::new(vec![key(7), key(8)]).unwrap())
}

/// A request with few possible values per header, so that cached parts recur in all combinations.
#[derive(Clone, Debug)]
struct Request {
    headers: Vec<Option<String>>,
    client: Option<[u8; 4]>,
    deployment: u128,
    account: u128,
}

fn header(values: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
    prop_oneof![1 => Just(None), 8 => select(values).prop_map(|value| Some(value.to_owned()))]
}

fn any_request() -> impl Strategy<Value = Request> {
    let headers = vec![
        header(&[
            "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
            "curl/8.5.0",
        ])
        .boxed(),
        header(&["de-DE,de;q=0.9", "en"]).boxed(),
        header(&["gzip, br"]).boxed(),
        header(&[r#""Chromium";v="138", "Google Chrome";v="138""#, r#""Brave";v="138""#]).boxed(),
        header(&["?0", "?1"]).boxed(),
        header(&[r#""Windows""#, r#""macOS""#]).boxed(),
        header(&[r#"{"audio":{"supported":true},"video":{"supported":false}}"#, "[]"]).boxed(),
        header(&[r#"{"language":"de","cookieEnabled":true,"userTimezone":-60}"#, "{}"]).boxed(),
        header(&[r#"{"loginTimestamp":"1751883240123"}"#, r#"{"loginTimestamp":"1"}"#, "1"]).boxed(),
        header(&["https://shop.example.com", "https://other.example.com"]).boxed(),
        header(&["https://shop.example.com/page", "https://other.example.com/"]).boxed(),
    ];
    let client = prop::option::of(select(vec![[203, 0, 113, 7], [198, 51, 100, 1]]));
    (headers, client, 0..3u128, 0..2u128).prop_map(|(headers, client, deployment, account)| Request {
        headers,
        client,
        deployment,
        account,
    })
}

fn evidence(request: &Request) -> Evidence<'_> {
    let header = |place: usize| request.headers.get(place)?.as_deref().map(str::as_bytes);
    Evidence {
        user_agent: header(0),
        accept_language: header(1),
        accept_encoding: header(2),
        sec_ch_ua: header(3),
        sec_ch_ua_mobile: header(4),
        sec_ch_ua_platform: header(5),
        decoders: header(6),
        user_settings: header(7),
        webchat_info: header(8),
        origin: header(9),
        referer: header(10),
        client: request.client.map(Into::into),
        deployment_key: DeploymentKey::from_bits(request.deployment),
    }
}

fn made(maker: &Maker, request: &Request, level: Sensitivity) -> Result<Fingerprint, Unavailable> {
    maker.fingerprint(AccountSid::from_bits(request.account), &evidence(request), level, Mode::Enforce)
}

fn made_by_new_maker(request: &Request, level: Sensitivity) -> Result<Fingerprint, Unavailable> {
    let signals = Signals::read(&evidence(request))?;
    let account = keys().account(AccountSid::from_bits(request.account));
    Ok(generate(&account, &signals, level, Mode::Enforce))
}

proptest! {
    #[test]
    fn caching_does_not_change_fingerprints(
        requests in prop::collection::vec((any_request(), select(Sensitivity::ALL.to_vec())), 1..60),
    ) {
        let maker = Maker::new(keys());
        for (request, level) in &requests {
            prop_assert!(made(&maker, request, *level) == made_by_new_maker(request, *level), "{request:?}");
        }
    }
}

fn of_agent(agent: String) -> Request {
    let mut headers = vec![None; 11];
    headers.splice(0..1, [Some(agent)]);
    Request { headers, client: None, deployment: 1, account: 1 }
}

#[test]
fn cache_eviction_does_not_change_fingerprints() {
    let maker = Maker::new(keys());
    for round in 0..2 {
        for number in 0..3000u128 {
            let request = Request { account: number % 1500, ..of_agent(format!("agent-{number}/1")) };
            let level = Sensitivity::Medium;
            if number % 100 == 0 {
                assert!(
                    made(&maker, &request, level) == made_by_new_maker(&request, level),
                    "{round}, {number}"
                );
            } else {
                made(&maker, &request, level).unwrap();
            }
        }
    }
}

#[test]
fn overlong_headers_do_not_change_fingerprints() {
    let maker = Maker::new(keys());
    for len in [1000, 2048, 2049, 8000] {
        for end in ["a", "b"] {
            let request = of_agent(format!("agent-{end}/1 {}", "x".repeat(len)));
            let level = Sensitivity::High;
            assert!(made(&maker, &request, level) == made_by_new_maker(&request, level), "{len}");
        }
    }
}

#[test]
fn the_makers_debug_output_is_redacted() {
    assert_eq!(format!("{:?}", Maker::new(keys())), "Maker(…)");
}
