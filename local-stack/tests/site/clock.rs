//! The stack's clock after a restart.

use local_stack::{ClockOffset, Edge, Guest, demo};
use serde_json::{Value, json};
use service_runtime::Clock;

use crate::visit::Visit;

#[actix_web::test]
async fn a_restart_after_seven_hours_does_not_end_chats() {
    let visit = Visit::begins(Edge::Open).await;
    visit.presses("clock", json!({"seconds": 7 * 3600})).await;
    // A deployment that allows any origin: that of the page changes, as its port is a free one.
    let guest = |visit: &Visit| {
        Guest::with_chrome(&visit.endpoint, demo::DEPLOYMENT_ON).with("origin", "https://shop.example.com")
    };
    let token = guest(&visit).creates_token().await.text("token");
    assert_eq!(guest(&visit).opens_conversation(&token).await.status, 201);

    let visit = visit.restarts().await;
    let mut listening = visit.listens().await;
    let ahead = |events: &[(String, Value)]| {
        events.iter().any(|(name, state)| name == "state" && state["aheadSeconds"] == 7 * 3600)
    };
    listening.until(ahead).await;
    assert_eq!(
        guest(&visit).opens_conversation(&token).await.status,
        201,
        "the earlier token is still valid"
    );
}

#[test]
fn an_offset_that_is_no_number_is_an_error_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clock-ahead.seconds");
    std::fs::write(&file, "soon").unwrap();
    let error = ClockOffset::restore(folder.path(), &Clock::adjustable()).err().unwrap();
    assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
}
