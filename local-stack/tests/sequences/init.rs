//! The released widget begins a chat in one call, and a guest who was here before gets the identity back, if it is the
//! same browser.

use chrono::DateTime;

use crate::Scene;

const FILE: &str = "init.md";

#[tokio::test]
async fn a_new_guest() {
    let scene = Scene::new().await;
    let guest = scene.guest_on();
    let begun = guest.begins_chat(None).await;
    assert_eq!(begun.status, 201);
    scene.equals(FILE, "A new guest");
    DateTime::parse_from_rfc3339(&begun.text("expiration")).unwrap();
    let messages = guest.reads_messages(&begun.text("token"), &begun.text("conversation_sid"), None).await;
    assert_eq!(messages.body["messages"][0]["author"], "system");
    let refreshed = guest.refreshes_token(&begun.text("token")).await;
    assert_eq!(refreshed.text("conversation_sid"), begun.text("conversation_sid"));
}

#[tokio::test]
async fn a_guest_who_was_here_before() {
    let scene = Scene::new().await;
    let guest = scene.guest_on();
    let before = guest.begins_chat(None).await;
    // A new session has a login of its own.
    let later = guest.clone().with("x-twilio-sec-webchatinfo", r#"{"loginTimestamp":"1795200000000"}"#);
    scene.recorder.take();
    let again = later.begins_chat(Some(&before.text("identity"))).await;
    scene.equals(FILE, "A guest who was here before");
    assert_eq!(again.text("identity"), before.text("identity"));
    assert_ne!(again.text("conversation_sid"), before.text("conversation_sid"), "a session of its own");
}

#[tokio::test]
async fn to_know_an_identity_is_not_enough_to_become_it() {
    let scene = Scene::new().await;
    let guest = scene.guest_on();
    let identity = guest.begins_chat(None).await.text("identity");
    let other_page = guest.clone().with("origin", "https://evil.example");
    for stranger in [guest.thief_with_firefox(), other_page, scene.guest_off()] {
        let begun = stranger.begins_chat(Some(&identity)).await;
        assert_eq!(begun.status, 201, "silently");
        assert_ne!(begun.text("identity"), identity);
    }
    let unknown = guest.begins_chat(Some("00000000-0000-4000-8000-000000000000")).await;
    assert_ne!(unknown.text("identity"), "00000000-0000-4000-8000-000000000000");
    let malformed = guest.begins_chat(Some("me")).await;
    assert_eq!((malformed.status, malformed.code()), (400, "invalid_request"));
}
