//! The arrows of the diagrams, streamed while requests flow.

use std::collections::BTreeSet;

use local_stack::{Edge, Starship};
use serde_json::Value;
use service_runtime::Clock;

use crate::visit::{Listening, Visit};

/// The arrows of one trace, once there are at least `count`.
async fn arrows(listening: &mut Listening, trace_id: &str, count: usize) -> Vec<Value> {
    let of_trace = |events: &[(String, Value)]| -> Vec<Value> {
        let arrows = events.iter().filter(|(name, _)| name == "arrow").map(|(_, arrow)| arrow);
        arrows.filter(|arrow| arrow["trace_id"] == trace_id).cloned().collect()
    };
    of_trace(&listening.until(|events| of_trace(events).len() >= count).await)
}

#[actix_web::test]
async fn create_shows_three_arrows_and_no_token() {
    let visit = Visit::begins(Edge::Open).await;
    let mut listening = visit.listens().await;
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4711";
    let created = visit.guest(trace_id).creates_token().await;

    let arrows = arrows(&mut listening, trace_id, 3).await;
    let shown: Vec<_> = arrows
        .iter()
        .map(|arrow| ["service", "method", "route"].map(|name| arrow[name].as_str().unwrap()))
        .collect();
    assert_eq!(
        shown,
        [
            ["ScopedAuthService", "POST", "/v1/ScopedAuthTokens/generate/internal"],
            ["FederatedAuthService", "POST", "/v1/Accounts/AC…/Tokens"],
            ["FlexWebchatOrchestratorService", "POST", "/v2/Webchat/Token"],
        ]
    );
    for arrow in &arrows {
        assert_eq!(
            (&arrow["status"], arrow["request_id"].as_str()),
            (&200.into(), Some(created.header("request-id")))
        );
        assert!(arrow["duration_us"].is_u64() && arrow["ended_us"].is_u64());
        let at = arrow["ended_at"].as_i64().unwrap();
        assert!(
            (Clock::system().now().timestamp_millis() - at).abs() < 60_000,
            "milliseconds since 1970: {at}"
        );
        let names: BTreeSet<_> = arrow.as_object().unwrap().keys().map(String::as_str).collect();
        let known = [
            "service",
            "method",
            "route",
            "status",
            "code",
            "duration_us",
            "ended_at",
            "ended_us",
            "request_id",
            "trace_id",
        ];
        assert_eq!(names, known.into());
    }
    // A later subscriber receives the past arrows.
    let mut late = visit.listens().await;
    let events = late.until(|events| events.iter().any(|(name, _)| name == "past")).await;
    let past = events.iter().find(|(name, _)| name == "past").unwrap().1.as_array().unwrap();
    assert_eq!(past.iter().filter(|arrow| arrow["trace_id"] == trace_id).count(), 3);
    for secret in [created.text("token"), created.text("identity")] {
        assert!(!listening.read.contains(&secret) && !late.read.contains(&secret));
    }
}

#[actix_web::test]
async fn errors_show_their_code() {
    let visit = Visit::begins(Edge::Open).await;
    let mut listening = visit.listens().await;
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4712";
    visit.guest(trace_id).with("origin", "https://elsewhere.example").creates_token().await;
    let arrows = arrows(&mut listening, trace_id, 1).await;
    assert_eq!((&arrows[0]["status"], &arrows[0]["code"]), (&403.into(), &"origin_not_allowed".into()));
}

#[actix_web::test]
async fn starship_shows_the_first_arrow_of_a_request() {
    assert!(Starship::installed(), "the test command installs nginx");
    let visit = Visit::begins(Edge::StarshipIfInstalled).await;
    let mut listening = visit.listens().await;
    let guest = visit.guest("4bf92f3577b34da6a3ce929d0e0e4713");
    let token = guest.creates_token().await.text("token");
    let conversation = guest.opens_conversation(&token).await.text("conversation_sid");
    let read = guest.reads_messages(&token, &conversation, Some(0)).await;

    let is_starships = |(name, arrow): &(String, Value)| {
        name == "arrow" && arrow["service"] == "Starship" && arrow["request_id"] == read.header("request-id")
    };
    let events = listening.until(|events| events.iter().any(is_starships)).await;
    let (_, arrow) = events.iter().find(|event| is_starships(event)).unwrap();
    assert_eq!(arrow["route"], "/v2/WebChannels/CH…/Messages", "without the sid, and without the query");
    assert_eq!((&arrow["method"], &arrow["status"]), (&"GET".into(), &200.into()));
    assert!(arrow["duration_us"].is_u64());
    assert!(!listening.read.contains(&conversation) && !listening.read.contains(&token));
}
