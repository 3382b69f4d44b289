//! Properties of all fingerprints, from browsers and from hostile input.

use std::{collections::HashSet, net::IpAddr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::{option, prelude::*};
use shared_types::{
    DeploymentKey, Fingerprint,
    fingerprint::{Counting, Faces, Mode, Sensitivity, Signal, Signals, evidence, generate, signals},
};

use crate::fingerprint_support::{Guest, account, judge};

fn any_level() -> impl Strategy<Value = Sensitivity> {
    prop::sample::select(&Sensitivity::ALL)
}

/// A name for signals: of a known browser, arbitrary, or absent.
fn any_name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&["Chrome", "Safari", "Brave", "Windows", "0", "", "ラジオ"])
}

prop_compose! {
    fn any_signals()(
        (family, operating_system) in (any_name(), option::of(any_name())),
        (brand, platform) in (option::of(any_name()), option::of(any_name())),
        (major, hinted, timezone, mobile) in any::<(Option<u16>, Option<u16>, Option<i16>, bool)>(),
        (audio, video, cookie_enabled) in any::<(Option<bool>, Option<bool>, Option<bool>)>(),
        (language, codings, network) in any::<(Option<[u8; 8]>, Option<u8>, Option<[u8; 7]>)>(),
        (login_timestamp, origin) in (option::of(".{1,64}"), option::of(".{1,64}")),
        deployment in any::<u128>(),
        (base, kinds) in (any::<bool>(), (0..3usize, 0..3usize)),
    ) -> Signals<'static> {
        Signals {
            family: family.into(),
            base_family: base.then_some("chrome"),
            major,
            counting: [Counting::FourWeekly, Counting::Yearly, Counting::Weekly][kinds.0],
            operating_system,
            faces: [Faces::One, Faces::Android, Faces::Apple][kinds.1],
            mobile,
            brand,
            hinted,
            platform,
            accept_language: language.map(signals::Language),
            settings_language: language.map(signals::Language),
            accept_encoding: codings.map(signals::Codings),
            cookie_enabled,
            timezone,
            audio,
            video,
            login_timestamp: login_timestamp.map(Into::into),
            network: network.map(signals::Network),
            origin: origin.map(|origin| origin.into_bytes().into()),
            deployment_key: DeploymentKey::from_bits(deployment),
        }
    }
}

/// All substrings of `len` bytes of a fingerprint's digests; short ones coincide by chance.
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "only functions that are tests themselves are exempt"
)]
fn runs(fingerprint: &Fingerprint, len: usize) -> HashSet<Vec<u8>> {
    let payload = URL_SAFE_NO_PAD.decode(fingerprint.as_str().rsplit('.').next().unwrap()).unwrap();
    payload[16..].windows(len).map(<[u8]>::to_vec).collect()
}

proptest! {
    #[test]
    fn a_browser_matches_itself(signals in any_signals(), sealed in any_level(), presented in any_level()) {
        let key = account(1);
        let of = |level| generate(&key, &signals, level, Mode::Enforce);
        let verdict = judge(&of(sealed), &of(presented));
        prop_assert!(verdict.accepted && verdict.drifted().is_empty() && verdict.broke().is_empty());
        prop_assert_eq!(verdict.strictest, Some(Sensitivity::High));
        prop_assert_eq!(verdict.last.held.contains(Signal::Brand), signals.brand.is_some());
        prop_assert_eq!(verdict.last.held.contains(Signal::LoginTimestamp), signals.login_timestamp.is_some());
    }

    #[test]
    fn fingerprints_are_short_and_round_trip(signals in any_signals(), level in any_level()) {
        let fingerprint = generate(&account(1), &signals, level, Mode::Enforce);
        prop_assert_eq!(fingerprint.as_str().len(), 127);
        prop_assert_eq!(Fingerprint::new(fingerprint.as_str().to_owned()), Some(fingerprint.clone()));
        let json = serde_json::to_string(&fingerprint).unwrap();
        prop_assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), fingerprint);
    }

    #[test]
    fn a_thief_without_the_login_timestamp_is_refused(signals in any_signals(), level in any_level(), guess in option::of(".{1,64}")) {
        let stolen = Signals { login_timestamp: Some("1751883240123".into()), ..signals.clone() };
        let thief = Signals { login_timestamp: guess.map(Into::into), ..signals };
        prop_assume!(stolen.login_timestamp != thief.login_timestamp);
        let of = |signals| generate(&account(1), signals, level, Mode::Enforce);
        let (sealed, presented) = (of(&stolen), of(&thief));
        prop_assert!(!judge(&sealed, &presented).accepted);
    }

    #[test]
    fn no_fingerprint_text_panics(text in "(fp2\\.[lmhx][es]\\.)?([A-Za-z0-9._~-]{1,200}|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048][A-D][A-Za-z0-9_-]{116})") {
        let good = Guest::with_chrome().fingerprint(Sensitivity::Low);
        let other = Fingerprint::new(text).unwrap();
        for (sealed, presented) in [(&good, &other), (&other, &good), (&other, &other)] {
            let verdict = judge(sealed, presented);
            prop_assert!(!verdict.accepted || (verdict.comparable && verdict.broke().is_empty()));
            let compared = [verdict.last.held, verdict.drifted(), verdict.broke()].map(|set| set.iter().count()).iter().sum::<usize>();
            let most = if verdict.comparable { Signal::COUNT } else { 0 };
            prop_assert!(compared <= most);
        }
        let itself = judge(&other, &other);
        prop_assert_eq!(itself.accepted, itself.comparable);
    }

    #[test]
    fn no_header_bytes_panic(
        headers in prop::collection::vec(option::of(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..80),
            "[ -~]{0,80}".prop_map(String::into_bytes),
            r#"[\[\]{}:,"\\a-z0-9 =;?*-]{0,40}"#.prop_map(String::into_bytes),
            r#"\{"(audio|video|language|cookieEnabled|userTimezone|loginTimestamp)":[\[\]{}:,"0-9a-z.-]{0,20}\}"#
                .prop_map(String::into_bytes),
        ]), 11),
        agent in "\\PC{0,40}(Chrome|Safari|Version|Firefox|OPR|Edg|wv)/?[0-9.]{0,8}\\PC{0,40}",
        client in any::<Option<IpAddr>>(),
    ) {
        use evidence::*;
        let names = [
            ACCEPT_LANGUAGE, ACCEPT_ENCODING, SEC_CH_UA, SEC_CH_UA_MOBILE, SEC_CH_UA_PLATFORM, DECODERS, USER_SETTINGS,
            WEBCHAT_INFO, ORIGIN, REFERER, USER_AGENT,
        ];
        let header = |name: &str| headers[names.iter().position(|known| *known == name).unwrap()].as_deref();
        let evidence = Evidence::from_headers(header, client, DeploymentKey::from_bits(1));
        let _ = Signals::read(&evidence);
        let evidence = Evidence { user_agent: Some(agent.as_bytes()), ..evidence };
        if let Ok(signals) = Signals::read(&evidence) {
            prop_assert_eq!(generate(&account(1), &signals, Sensitivity::High, Mode::Enforce).as_str().len(), 127);
        }
    }
}

#[test]
fn fingerprints_of_two_accounts_are_unlinkable() {
    let guest = Guest::with_chrome();
    let signals = guest.signals().unwrap();
    let of = |number| generate(&account(number), &signals, Sensitivity::Medium, Mode::Enforce);
    let first = runs(&of(1), 4);
    assert_eq!(runs(&of(1), 4), first);
    for number in 2..200 {
        assert!(first.is_disjoint(&runs(&of(number), 4)), "account {number}");
        let verdict = judge(&of(1), &of(number));
        assert_eq!(verdict.last.held.to_string(), "major_version,hinted_version,timezone");
    }
}

#[test]
fn equal_values_differ_between_signals() {
    let guest = Guest::with_chrome();
    let fingerprint = guest.fingerprint(Sensitivity::Medium);
    let payload = URL_SAFE_NO_PAD.decode(fingerprint.as_str().rsplit('.').next().unwrap()).unwrap();
    assert_eq!(runs(&fingerprint, 4).len(), payload[16..].windows(4).count());
}

#[test]
fn headers_of_any_length_are_accepted() {
    for header in
        [evidence::ACCEPT_LANGUAGE, evidence::ACCEPT_ENCODING, evidence::SEC_CH_UA, evidence::ORIGIN]
    {
        for byte in [b'a', b',', b'"', b'\\', 0xff] {
            let guest = Guest::with_chrome().sends(header, vec![byte; 64 * 1024]);
            let fingerprint = guest.fingerprint(Sensitivity::Low);
            assert!(judge(&fingerprint, &fingerprint).accepted);
        }
    }
}

/// The format of issued tokens: a change needs a new version, or sessions end.
#[test]
fn the_fingerprint_format_is_stable() {
    assert_eq!(
        Guest::with_chrome().fingerprint(Sensitivity::Medium).as_str(),
        "fp2.me.otYD___wAIoAiv_EAAAAAF9uFPjjuUI4VXdY6GcfV3w887_f7BTuyXCVbt_FLWPs3H56jJB2InxeQo_lD7bxqfj3T5TaSAabvKVnS039VxihUuvXBdfm7ons"
    );
}

#[path = "../../../fuzz/src/fingerprint.rs"]
#[allow(unreachable_pub, reason = "public where it is at home")]
mod fuzzed;
#[path = "../../../fuzz/src/seeds.rs"]
#[allow(unreachable_pub, reason = "as above")]
mod seeds;

#[test]
fn the_fuzz_property_holds_for_its_seeds() {
    seeds::each_variation("fingerprint", fuzzed::headers);
}
