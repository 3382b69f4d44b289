//! `user-agents.tsv` and `faces-and-apps.tsv` of `shared-types/tests` by public routes: one browser before and after an
//! ordinary change, or two browsers, at every sensitivity, with and without a proof key. And what `high` asks of a new
//! session.

use std::sync::atomic::{AtomicU32, Ordering};

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::{
    api::{
        CREATE, Fwo, ON, REFRESH, accounts, chrome,
        http::{Answer, Request},
        is_refused,
    },
    dpop::prover::{Prover, base64url},
};

const PAIRS: [&str; 2] = [
    include_str!("../../../../shared-types/tests/user-agents.tsv"),
    include_str!("../../../../shared-types/tests/faces-and-apps.tsv"),
];
pub(super) const LEVELS: [&str; 3] = ["low", "medium", "high"];

/// With this sensitivity, and no tight limits.
pub(super) async fn at_level(level: &str) -> Fwo {
    Fwo::with(|config| {
        config.public_urls = "https://chat.example.com".parse().unwrap();
        let (on, enabled) = ("webchat_security = true", "enabled = true");
        let sensitivity = format!("{on}\nfingerprint_sensitivity = \"{level}\"");
        let limits =
            "rate_limits = { visitor_creates_per_minute = 100000, visitor_calls_per_minute = 100000 }";
        let text = accounts().replace(on, &sensitivity).replace(enabled, &format!("{enabled}\n{limits}"));
        std::fs::write(&config.accounts_file, text).unwrap();
    })
    .await
}

/// A browser of a row: the headers that differ from those of the others.
struct Browser(Vec<(&'static str, &'static str)>);

impl Browser {
    fn sends(&self, request: Request) -> Request {
        self.0
            .iter()
            .fold(chrome(request).without("user-agent"), |request, (name, value)| request.header(name, value))
    }
}

/// The rows: whether it is one browser, what changed, and the browsers before and after.
fn pairs() -> Vec<(bool, &'static str, Browser, Browser)> {
    let rows = PAIRS.into_iter().flat_map(|text| text.lines().filter(|line| !line.starts_with('#')).skip(1));
    let pair = |row: &'static str| {
        let fields: Vec<&str> = row.split('\t').collect();
        let browser = |place: usize| {
            let names = ["user-agent", "sec-ch-ua-mobile", "sec-ch-ua-platform", "sec-ch-ua"];
            let values = (0..4).map(|at| fields.get(2 + 2 * at + place).copied().unwrap_or_default());
            Browser(names.into_iter().zip(values).filter(|(_, value)| !value.is_empty()).collect())
        };
        (fields[0] == "same", fields[1], browser(0), browser(1))
    };
    rows.map(pair).collect()
}

/// A proof by `key` for this route, with this token.
pub(super) fn proof(fwo: &Fwo, key: Prover, path: &str, token: Option<&str>) -> (Prover, String) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let ath = token.map_or(Value::Null, |token| base64url(digest(&SHA256, token.as_bytes())).into());
    let key = key
        .with("jti", format!("proof-{}", NUMBER.fetch_add(1, Ordering::Relaxed)))
        .with("htu", format!("https://chat.example.com{path}"))
        .with("iat", fwo.clock.now().timestamp())
        .with("ath", ath);
    let proof = key.proof();
    (key, proof)
}

/// The refresh of a session that `before` began and `after` continues.
async fn refreshed(fwo: &Fwo, before: &Browser, after: &Browser, has_key: bool) -> Answer {
    let mut create = before.sends(Request::post(CREATE)).json(&json!({"deploymentKey": ON}));
    let mut key = Prover::new();
    if has_key {
        let signed;
        (key, signed) = proof(fwo, key, CREATE, None);
        create = create.header("dpop", signed);
    }
    let created = fwo.answers(create).await;
    assert_eq!(created.status, 200, "{}", created.text);
    let token = created.member("token");
    let mut refresh = after.sends(Request::post(REFRESH)).json(&json!({"deploymentKey": ON, "token": token}));
    if has_key {
        refresh = refresh.header("dpop", proof(fwo, key, REFRESH, Some(&token)).1);
    }
    fwo.answers(refresh).await
}

#[tokio::test]
async fn one_browser_continues_its_session_and_another_does_not() {
    for level in LEVELS {
        let fwo = at_level(level).await;
        for (is_same, what, before, after) in pairs() {
            let is_robot = what.contains("ChatGPT-User");
            let is_face = what.contains("desktop") || what.starts_with("face: ");
            let leaps = level == "high" && what.contains("esr");
            let is_served = match level {
                "low" => !is_robot && !what.contains("Edge on Linux"),
                "medium" => is_same,
                _ => is_same && !is_face && !leaps,
            };
            for (has_key, is_served) in [(false, is_served), (true, !is_robot && !leaps)] {
                let answer = refreshed(&fwo, &before, &after, has_key).await;
                if is_served {
                    assert_eq!(answer.status, 200, "{what}, {level}, key {has_key}: {}", answer.text);
                } else {
                    is_refused(&answer, 403, "fingerprint_invalid", "*");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_adaptive_thief_is_refused() {
    for level in LEVELS {
        let fwo = at_level(level).await;
        let created = fwo.creates_token(ON).await;
        let fields = json!({"deploymentKey": ON, "token": created.member("token")});
        let omitting = || chrome(Request::post(REFRESH)).without("accept-language").json(&fields);
        let settings = "x-twilio-sec-usersettings";
        let without = omitting().without(settings);
        let harmless = omitting().without(settings).header(settings, r#"{"cookieEnabled":true}"#);
        for thief in [without, harmless] {
            is_refused(&fwo.answers(thief).await, 403, "fingerprint_invalid", "*");
        }
        assert_eq!(fwo.answers(chrome(Request::post(REFRESH)).json(&fields)).await.status, 200);
    }
}

#[tokio::test]
async fn high_asks_for_enough_signals_when_a_session_begins() {
    let bare = || {
        let request =
            chrome(Request::post(CREATE)).without("accept-language").without("x-twilio-sec-usersettings");
        request.json(&json!({"deploymentKey": ON}))
    };
    for (level, status) in [("low", 200), ("medium", 200), ("high", 403)] {
        let fwo = at_level(level).await;
        let answer = fwo.answers(bare()).await;
        assert_eq!(answer.status, status, "{level}: {}", answer.text);
        if status == 403 {
            is_refused(&answer, 403, "fingerprint_unavailable", "*");
        }
        assert_eq!(fwo.creates_token(ON).await.status, 200);
    }
}
