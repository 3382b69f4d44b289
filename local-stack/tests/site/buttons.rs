//! The buttons that cause failures in the stack; only the page itself may press them.

use std::collections::BTreeMap;

use local_stack::{Edge, Guest};
use serde_json::{Value, json};
use service_runtime::Clock;

use crate::visit::Visit;

/// A thief with the guest's token; returns the responses to the two attempts.
async fn stolen(visit: &Visit, guest: &Guest) -> [(u16, String); 2] {
    let token = guest.creates_token().await.text("token");
    let headers = guest.headers.iter().filter(|(name, _)| name.starts_with("x-twilio-sec-"));
    let headers: BTreeMap<_, _> = headers.collect();
    let answers: Value =
        visit.presses("thief", json!({"token": token, "headers": headers})).await.json().await.unwrap();
    assert!(!answers.to_string().contains("eyJ"), "what was won stays with the thief");
    assert_eq!(guest.refreshes_token(&token).await.status, 200, "the guest is not affected");
    [0, 1].map(|n| {
        let status = answers[n]["status"].as_u64().unwrap().try_into().unwrap();
        (status, answers[n]["code"].as_str().unwrap_or_default().to_owned())
    })
}

#[actix_web::test]
async fn a_stolen_bound_token_is_useless() {
    let visit = Visit::begins(Edge::Open).await;
    let guest = visit.guest("4bf92f3577b34da6a3ce929d0e0e4721").with_proof_key(&Clock::system());
    let refused = (401, "invalid_dpop_proof".to_owned());
    assert_eq!(stolen(&visit, &guest).await, [refused.clone(), refused]);
}

#[actix_web::test]
async fn without_a_key_a_full_copy_can_refresh() {
    let visit = Visit::begins(Edge::Open).await;
    let guest = visit.guest("4bf92f3577b34da6a3ce929d0e0e4722");
    let answers = stolen(&visit, &guest).await;
    assert_eq!(answers, [(403, "fingerprint_invalid".to_owned()), (200, String::new())]);
}

#[actix_web::test]
async fn the_clock_advances_for_the_whole_stack() {
    let visit = Visit::begins(Edge::Open).await;
    let mut listening = visit.listens().await;
    let guest = visit.guest("4bf92f3577b34da6a3ce929d0e0e4723");
    let token = guest.creates_token().await.text("token");
    visit.presses("clock", json!({"seconds": 7 * 3600})).await;
    assert_eq!(guest.opens_conversation(&token).await.code(), "expired_token");
    let replaced = guest.refreshes_token(&token).await.text("token");
    assert_eq!(guest.opens_conversation(&replaced).await.status, 201, "the chat continues");
    visit.presses("clock", json!({"seconds": 120})).await;
    assert_eq!(guest.refreshes_token(&token).await.code(), "revoked_token", "long replaced");
    assert_eq!(guest.refreshes_token(&replaced).await.code(), "revoked_token", "everywhere");
    let ahead = |events: &[(String, Value)]| {
        events.iter().any(|(name, state)| name == "state" && state["aheadSeconds"] == 7 * 3600 + 120)
    };
    listening.until(ahead).await;
    let pressed = |events: &[(String, Value)]| {
        let presses = events.iter().filter(|(name, event)| name == "arrow" && event["press"] == "replay");
        presses.count() == 1
    };
    visit.presses("clock", json!({"seconds": 0, "press": "replay"})).await;
    listening.until(pressed).await;
    let far = json!({"seconds": u32::MAX});
    assert_eq!(visit.presses_from(&visit.origin, "clock", far).await.status(), 400);
}

#[actix_web::test]
async fn scoped_auth_restarts_with_its_sessions() {
    let visit = Visit::begins(Edge::Open).await;
    let mut listening = visit.listens().await;
    let guest = visit.guest("4bf92f3577b34da6a3ce929d0e0e4724");
    let token = guest.creates_token().await.text("token");
    let ended = guest.creates_token().await.text("token");
    assert_eq!(guest.ends_session(&ended).await.status, 200);
    let is_on = |on: bool| {
        move |events: &[(String, Value)]| {
            events
                .iter()
                .rfind(|(name, _)| name == "state")
                .is_some_and(|(_, state)| state["scopedAuthIsOn"] == on)
        }
    };
    listening.until(is_on(true)).await;
    visit.presses("scoped-auth", json!({"on": false})).await;
    listening.until(is_on(false)).await;
    assert_eq!(guest.refreshes_token(&token).await.code(), "upstream_unavailable");
    visit.presses("scoped-auth", json!({"on": true})).await;
    listening.until(is_on(true)).await;
    assert_eq!(guest.refreshes_token(&token).await.status, 200);
    assert_eq!(guest.refreshes_token(&ended).await.code(), "revoked_token", "it still knows");
}

#[actix_web::test]
async fn buttons_accept_only_same_origin_requests() {
    let visit = Visit::begins(Edge::Open).await;
    let guest = visit.guest("4bf92f3577b34da6a3ce929d0e0e4725");
    let token = guest.creates_token().await.text("token");
    let elsewhere = visit.origin.replace("127.0.0.1", "localhost");
    for origin in [elsewhere.as_str(), "https://evil.example", "null", &visit.endpoint] {
        for (button, body) in [
            ("clock", json!({"seconds": 7 * 3600})),
            ("scoped-auth", json!({"on": false})),
            ("thief", json!({"token": token})),
        ] {
            assert_eq!(visit.presses_from(origin, button, body).await.status(), 403, "{origin} {button}");
        }
    }
    // DNS rebinding, where a foreign page's name resolves to this host; and a form, which needs no preflight.
    let client = guest.client();
    let url = format!("{}/control/scoped-auth", visit.origin);
    let rebound = client.post(&url).header("host", "evil.example").header("origin", "http://evil.example");
    assert_eq!(rebound.json(&json!({"on": false})).send().await.unwrap().status(), 421);
    let form = client.post(&url).header("origin", &visit.origin).header("content-type", "text/plain");
    assert_eq!(form.body("{\"on\":false}").send().await.unwrap().status(), 400);
    assert_eq!(guest.opens_conversation(&token).await.status, 201, "no effect");
}

#[actix_web::test]
async fn the_site_is_served_by_its_own_host_names_only() {
    let visit = Visit::begins(Edge::Open).await;
    let guest = visit.guest("4bf92f3577b34da6a3ce929d0e0e4727");
    let client = guest.client();
    let port = visit.origin.rsplit(':').next().unwrap();
    for path in ["/", "/settings.json", "/events", "/control/clock"] {
        for host in ["evil.example".to_owned(), format!("evil.example:{port}"), "localhost:1".to_owned()] {
            let foreign = client.get(format!("{}{path}", visit.origin)).header("host", &host);
            assert_eq!(foreign.send().await.unwrap().status(), 421, "{host} {path}");
        }
    }
    for own in [visit.origin.clone(), visit.origin.replace("127.0.0.1", "localhost")] {
        assert_eq!(client.get(format!("{own}/settings.json")).send().await.unwrap().status(), 200, "{own}");
    }
}
