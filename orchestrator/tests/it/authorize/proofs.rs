//! The proof of a session with a key is for the guest's own request, and for no other.

use test_support::http::Request;

use super::{Guest, ORDERS, PATH, Stack, envoy, is_let_through, is_refused, nginx, traefik};
use crate::api::{OFF, accounts};

/// A guest's request, and what the proxy reports.
type Asks = fn(&str) -> Request;

const PROXIES: [(Asks, &str); 3] = [
    (|method| nginx(method, ORDERS), "https://api.example.com/orders/7"),
    (|method| traefik(method, ORDERS), "https://api.example.com/orders/7"),
    (|method| envoy(method, "/orders/7?size=40"), "https://service/orders/7"),
];

async fn refuses(guest: &Guest<'_>, request: Request) {
    is_refused(&guest.stack.asks(request).await, 401, "invalid_dpop_proof");
}

#[tokio::test]
async fn a_proof_is_for_the_guests_method_and_url() {
    // The public URLs are this service's own. Were they the target, no proof would name it.
    let with_public_urls = |config: &mut orchestrator::Config| {
        config.public_urls = "https://chat.example.com, http://service".parse().unwrap();
    };
    for (stack, scheme) in
        [(Stack::start().await, "https"), (Stack::with(&accounts(), with_public_urls).await, "http")]
    {
        let guest = stack.guest_with_key(OFF).await;
        for (asks, url) in PROXIES {
            // Envoy reports no scheme: it is the public URL's of the same host.
            let url = &url.replace("https://service", &format!("{scheme}://service"));
            is_let_through(&stack.asks(guest.proves(asks("POST"), "POST", url)).await);
            // A stolen token.
            refuses(&guest, guest.sends(asks("POST"))).await;
            for method in ["GET", "OPTIONS", "post", "PUT"] {
                refuses(&guest, guest.proves(asks("POST"), method, url)).await;
                refuses(&guest, guest.proves(asks(method), "POST", url)).await;
            }
            let (own, host) = url.split_once("://").unwrap();
            let host = host.split('/').next().unwrap();
            let other_scheme = if own == "http" { "https" } else { "http" };
            for other in [
                url.replace("orders/7", "orders/8"),
                url.replace("orders/7", "orders/7/"),
                url.replace("orders/7", ""),
                url.replace(host, "evil.example"),
                url.replace(host, &format!("{host}:8443")),
                url.replace(own, other_scheme),
                format!("{own}://service{PATH}"),
                format!("{own}://service{PATH}/orders/7"),
                format!("https://chat.example.com{PATH}"),
                "https://chat.example.com/orders/7".to_owned(),
            ] {
                refuses(&guest, guest.proves(asks("POST"), "POST", &other)).await;
            }
        }
    }
}

#[tokio::test]
async fn a_proof_is_used_once() {
    let stack = Stack::start().await;
    let guest = stack.guest_with_key(OFF).await;
    for (asks, url) in PROXIES {
        let request = guest.proves(asks("POST"), "POST", url);
        is_let_through(&stack.asks(request.clone()).await);
        refuses(&guest, request).await;
    }
    // Nor through another proxy, at the same URL.
    let proof = guest.proof("POST", ORDERS);
    is_let_through(&stack.asks(guest.sends(nginx("POST", ORDERS)).header("dpop", &proof)).await);
    refuses(&guest, guest.sends(traefik("POST", ORDERS)).header("dpop", &proof)).await;
}

#[tokio::test]
async fn a_proof_names_the_token_and_is_of_the_sessions_key() {
    let stack = Stack::start().await;
    let (guest, thief) = (stack.guest_with_key(OFF).await, stack.guest_with_key(OFF).await);
    for (asks, url) in PROXIES {
        // The proof of another session's key, for its own token, and for the stolen one.
        refuses(&guest, guest.sends(asks("GET")).header("dpop", thief.proof("GET", url))).await;
        let stolen = Guest { token: guest.token.clone(), prover: None, ..stack.guest(OFF).await };
        let prover = crate::dpop::prover::Prover::new();
        let forger = Guest { prover: Some(prover), ..stolen };
        refuses(&guest, forger.proves(asks("GET"), "GET", url)).await;
        // Two proofs.
        let twice = guest.proves(asks("GET"), "GET", url).header("dpop", guest.proof("GET", url));
        refuses(&guest, twice).await;
        is_let_through(&stack.asks(guest.proves(asks("GET"), "GET", url)).await);
    }
}

#[tokio::test]
async fn answers_to_proofs_have_a_nonce() {
    let stack = Stack::start().await;
    let guest = stack.guest_with_key(OFF).await;
    let answer = stack.asks(guest.proves(traefik("GET", ORDERS), "GET", ORDERS)).await;
    assert_eq!(answer.header("dpop-nonce").len(), 54);
    assert_eq!(stack.asks(guest.sends(traefik("GET", ORDERS))).await.header("dpop-nonce"), "");
}
