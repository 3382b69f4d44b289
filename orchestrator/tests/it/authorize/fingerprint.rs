//! A page's own requests lack the widget's headers. With the session's key proved, that costs nothing here; a thief of the
//! token has no key.

use serde_json::json;
use test_support::http::Request;

use super::{ORDERS, Stack, is_let_through, is_refused, nginx, traefik, without_widget};
use crate::api::{ON, OPEN, accounts, firefox};

#[tokio::test]
async fn with_the_sessions_key_the_widgets_headers_may_be_absent() {
    for level in ["low", "medium", "high"] {
        let security = "webchat_security = true";
        let text =
            accounts().replacen(security, &format!("{security}\nfingerprint_sensitivity = \"{level}\""), 1);
        let stack = Stack::with(&text, |_| {}).await;
        let guest = stack.guest_with_key(ON).await;
        for request in [nginx("GET", ORDERS), traefik("GET", ORDERS)] {
            let request = guest.proves(request, "GET", ORDERS);
            is_let_through(&stack.asks(without_widget(request)).await);
        }
        // One of them is there, and is another browser's.
        let forged = without_widget(guest.proves(traefik("GET", ORDERS), "GET", ORDERS))
            .header("x-twilio-sec-webchatinfo", r#"{"loginTimestamp":"1"}"#);
        is_refused(&stack.asks(forged).await, 403, "fingerprint_invalid");
        let malformed = without_widget(guest.proves(traefik("GET", ORDERS), "GET", ORDERS))
            .header("x-twilio-sec-webchatinfo", "1");
        is_refused(&stack.asks(malformed).await, 403, "fingerprint_unavailable");
        // The rest of the browser counts.
        let other = firefox(without_widget(nginx("GET", ORDERS)))
            .bearer(&guest.token)
            .header("dpop", guest.proof("GET", ORDERS));
        is_refused(&stack.asks(without_widget(other)).await, 403, "fingerprint_invalid");
    }
}

#[tokio::test]
async fn without_a_key_their_absence_costs_as_ever() {
    let stack = Stack::start().await;
    let guest = stack.guest(ON).await;
    is_let_through(&stack.asks(guest.sends(nginx("GET", ORDERS))).await);
    for request in [nginx("GET", ORDERS), traefik("GET", ORDERS)] {
        let thief = without_widget(guest.sends(request));
        is_refused(&stack.asks(thief).await, 403, "fingerprint_invalid");
    }
    // A key that the session is not bound to changes nothing.
    let thief = super::Guest { token: guest.token.clone(), ..stack.guest_with_key(ON).await };
    let request = without_widget(thief.proves(traefik("GET", ORDERS), "GET", ORDERS));
    is_refused(&stack.asks(request).await, 403, "fingerprint_invalid");
}

#[tokio::test]
async fn elsewhere_their_absence_costs_as_ever() {
    let stack = Stack::start().await;
    let guest = stack.guest_with_key(ON).await;
    let open = guest.proves(Request::post(OPEN), "POST", &format!("http://service{OPEN}")).json(&json!({}));
    let answer = without_widget(open).send(stack.running.address()).await;
    answer.is_refusal(403, "fingerprint_invalid");
}
