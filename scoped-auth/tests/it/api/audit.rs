//! The audit log: the events of a refresh. All services of this test binary log to one subscriber; events are found by
//! the hash of their session.

use std::{
    fmt,
    sync::{Mutex, Once},
};

use chrono::TimeDelta;
use serde_json::json;
use shared_types::SessionId;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::api::{Sas, generate_request};

static LOGGED: Mutex<Vec<Logged>> = Mutex::new(Vec::new());

/// An audit event.
#[derive(Clone, Default)]
struct Logged {
    event: String,
    session: String,
    reason: Option<String>,
    repeats: Option<u64>,
}

impl Visit for Logged {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "event" => self.event = value.to_owned(),
            "session" => self.session = value.to_owned(),
            "reason" => self.reason = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "repeats" {
            self.repeats = Some(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

struct AuditLog;

impl Subscriber for AuditLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "audit"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut logged = Logged::default();
        event.record(&mut logged);
        LOGGED.lock().unwrap().push(logged);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Installs this module as the global subscriber.
pub(crate) fn listen() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| tracing::subscriber::set_global_default(AuditLog).unwrap());
}

/// The events of a session so far, each with its reason or repeat count.
pub(crate) fn events(sas: &Sas, session: SessionId) -> Vec<String> {
    let session = sas.key_ring().session_hash(session).to_string();
    let logged = LOGGED.lock().unwrap();
    let events = logged.iter().filter(|logged| logged.session == session);
    let text = |Logged { event, reason, repeats, .. }: &Logged| match (reason, repeats) {
        (Some(reason), _) => format!("{event} {reason}"),
        (None, Some(repeats)) => format!("{event} {repeats}"),
        (None, None) => event.clone(),
    };
    events.map(text).collect()
}

#[tokio::test]
async fn the_1st_10th_and_100th_repeat_are_logged() {
    let sas = Sas::start().await;
    let token = sas.token(&generate_request(json!({}))).await;
    for _ in 0..102 {
        sas.successor(&token, json!({})).await;
    }
    let expected = [
        "session_created",
        "session_refreshed",
        "successor_repeated 1",
        "successor_repeated 10",
        "successor_repeated 100",
    ];
    assert_eq!(events(&sas, sas.claims(&token).sid), expected);
}

#[tokio::test]
async fn a_lost_response_and_token_reuse_are_logged() {
    let sas = Sas::start().await;
    let token = sas.token(&generate_request(json!({}))).await;
    sas.successor(&token, json!({})).await;
    sas.clock.advance(TimeDelta::seconds(61));
    let again = sas.successor(&token, json!({})).await;
    sas.successor(&again, json!({})).await;
    sas.refresh(&token, json!({})).await;
    let expected = [
        "session_created",
        "session_refreshed",
        "successor_reissued",
        "session_refreshed",
        "session_revoked token_reuse",
    ];
    assert_eq!(events(&sas, sas.claims(&token).sid), expected);
}

#[tokio::test]
async fn a_resumed_session_is_logged_once() {
    let sas = Sas::start().await;
    let jkt = "A".repeat(43);
    let token = sas.token(&generate_request(json!({"jkt": jkt}))).await;
    sas.clock.advance(TimeDelta::hours(2));
    for _ in 0..3 {
        sas.successor(&token, json!({"jkt": jkt})).await;
    }
    let expected = ["session_created", "session_resumed", "session_refreshed", "successor_repeated 1"];
    assert_eq!(events(&sas, sas.claims(&token).sid), expected);
}
