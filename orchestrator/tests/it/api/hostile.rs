//! Hostile request headers: every request gets a response of the contract, and other guests are not affected.

use std::time::Duration;

use serde_json::json;

use crate::api::{
    CREATE, Fwo, ON, REFRESH, SHOP, accounts, chrome,
    http::{Answer, Request},
    is_refused,
};

const WIDGETS: [&str; 3] = ["x-twilio-sec-decoders", "x-twilio-sec-usersettings", "x-twilio-sec-webchatinfo"];

fn create() -> Request {
    chrome(Request::post(CREATE).json(&json!({"deploymentKey": ON})))
}

/// A service whose limits let a visitor create as many sessions as a test needs.
async fn unlimited() -> Fwo {
    Fwo::with(|config| {
        let on = "enabled = true";
        let limits = "rate_limits = { visitor_creates_per_minute = 100000 }";
        std::fs::write(&config.accounts_file, accounts().replace(on, &format!("{on}\n{limits}"))).unwrap();
    })
    .await
}

/// Whether the service still serves its guests.
async fn still_serves(fwo: &Fwo) {
    assert_eq!(fwo.creates_token(ON).await.status, 200);
}

#[tokio::test]
async fn headers_of_64_kib_are_accepted_or_rejected() {
    let fwo = unlimited().await;
    let borne = ["accept-language", "accept-encoding", "sec-ch-ua", "sec-ch-ua-platform", "x-anything"];
    for name in borne.iter().chain(&WIDGETS).chain(&["user-agent"]) {
        for byte in [b'a', b'"', b'[', 0xff] {
            let request = create().without(name).header(name, vec![byte; 64 * 1024]);
            let answer = tokio::time::timeout(Duration::from_secs(5), fwo.answers(request)).await.unwrap();
            if borne.contains(name) || *name == "user-agent" {
                assert_eq!(answer.status, 200, "{name}");
            } else {
                is_refused(&answer, 403, "fingerprint_unavailable", "*");
            }
        }
    }
    still_serves(&fwo).await;
}

#[tokio::test]
async fn non_text_headers_are_rejected_or_ignored() {
    let fwo = Fwo::start().await;
    let answered =
        async |name: &str, value: &[u8]| fwo.answers(create().without(name).header(name, value)).await;
    for name in [
        "user-agent",
        "accept-language",
        "accept-encoding",
        "sec-ch-ua",
        "sec-ch-ua-platform",
        "sec-ch-ua-mobile",
    ] {
        assert_eq!(answered(name, b"\xff\xfe\"").await.status, 200, "{name}");
    }
    for name in &WIDGETS {
        is_refused(&answered(name, b"{\"\xff\":1}\xff").await, 403, "fingerprint_unavailable", "*");
    }
}

#[tokio::test]
async fn json_bombs_are_rejected() {
    let fwo = Fwo::start().await;
    let nested = format!("{{\"x\":{}{}}}", "[".repeat(3000), "]".repeat(3000));
    let open = format!("{{\"x\":{}", "[".repeat(4000));
    let wide = format!("{{{}\"x\":1}}", "\"x\":1,".repeat(2000));
    for name in WIDGETS {
        for (bomb, status) in [(&nested, 403), (&open, 403), (&wide, 403)] {
            let answer = fwo.answers(create().without(name).header(name, bomb)).await;
            assert_eq!(answer.status, status, "{name}");
            is_refused(&answer, 403, "fingerprint_unavailable", "*");
        }
    }
    still_serves(&fwo).await;
}

#[tokio::test]
async fn the_first_of_duplicate_headers_is_used() {
    let fwo = Fwo::start().await;
    let token = fwo.token(ON).await;
    let refresh = || chrome(Request::post(REFRESH).json(&json!({"deploymentKey": ON, "token": token})));
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0";
    let other = r#"{"loginTimestamp":"1"}"#;
    let first = |name: &str, value: &str| {
        let (headers, own) = (refresh(), refresh().value(name));
        headers.without(name).header(name, value).header(name, own)
    };
    for (name, value) in [("user-agent", firefox), ("x-twilio-sec-webchatinfo", other)] {
        let answer = fwo.answers(first(name, value)).await;
        is_refused(&answer, 403, "fingerprint_invalid", "*");
        assert_eq!(fwo.answers(refresh().header(name, value)).await.status, 200, "{name} second");
    }
}

/// ScopedAuthService's metric of how often a guest's network had changed.
async fn drifted_networks(fwo: &Fwo) -> String {
    let Answer { text, .. } = Request::get("/metrics").send(fwo.scoped_auth.admin_address).await;
    let line = r#"fingerprint_signals_total{signal="network",outcome="drifted"} "#;
    text.lines().find_map(|found| found.strip_prefix(line)).unwrap().to_owned()
}

#[tokio::test]
async fn untrusted_peers_cannot_set_their_client_address() {
    for (trusted, drifted) in [(None, "0"), (Some("127.0.0.1"), "1")] {
        let fwo = Fwo::with(|config| {
            config.trusted_proxies = trusted.unwrap_or_default().parse().unwrap();
        })
        .await;
        let from = |request: Request, address: &str| request.header("x-forwarded-for", address);
        let token = fwo.answers(from(create(), "203.0.113.7")).await.member("token");
        let refresh = chrome(Request::post(REFRESH).json(&json!({"deploymentKey": ON, "token": token})));
        for network in ["198.51.100.1"] {
            assert_eq!(fwo.answers(from(refresh.clone(), network)).await.status, 200);
        }
        assert_eq!(drifted_networks(&fwo).await, drifted, "{trusted:?}");
    }
}

#[tokio::test]
async fn pages_can_read_fingerprint_errors() {
    let fwo = Fwo::start().await;
    let listed = chrome(Request::post(CREATE).json(&json!({"deploymentKey": crate::api::ON_LISTED})));
    let answer = fwo.answers(listed.header("x-twilio-sec-decoders", "{")).await;
    is_refused(&answer, 403, "fingerprint_unavailable", SHOP);
}
