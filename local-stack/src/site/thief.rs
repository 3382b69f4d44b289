//! A simulated token theft: a copy of the page's storage, sent from another machine. The page supplies the token as an
//! injected script would; the responses are the stack's own.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use service_runtime::{client::http_client, random::Random};

use super::{Customer, origin};
use crate::{Guest, demo, proof_key::ProofKey};

const REFRESH: &str = "/v2/Webchat/Token/Refresh";

#[derive(Deserialize)]
pub(super) struct Loot {
    token: String,
    /// The page's `x-twilio-sec-*` headers, if the thief has them.
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// Sends the token twice: as Firefox on Linux with a proof key of its own, then with a copy of every header of the guest's
/// browser and no key. Returns status, code and message of the responses, never a token.
pub(super) async fn presents(
    request: HttpRequest,
    customer: web::Data<Customer>,
    loot: web::Json<Loot>,
) -> HttpResponse {
    let page = origin(customer.address);
    let firefox = Guest::with_chrome(&customer.endpoint, demo::DEPLOYMENT_PAGE)
        .thief_with_firefox()
        .with("origin", &page)
        .headers;
    let copied = copied_headers(&request, &loot.headers, &page);
    let own_key = ProofKey::generate(customer.clock_offset.clock());
    let attempts = [
        ("Firefox on Linux, with a key of its own", firefox, Some(&own_key)),
        ("Every header of your browser copied, without its key", copied, None),
    ];
    customer.arrows.add_press("thief");
    let trace = Random::default().u128();
    let mut answers = Vec::new();
    for (from, headers, key) in attempts {
        match attempt(&customer.endpoint, &loot.token, headers, key, trace).await {
            Ok((status, body)) => answers.push(json!({
                "from": from,
                "status": status,
                "code": body.get("code"),
                "message": body.get("message"),
            })),
            Err(error) => {
                tracing::warn!(error = %error.without_url(), "request with the stolen token failed");
                return HttpResponse::BadGateway().finish();
            }
        }
    }
    HttpResponse::Ok().json(answers)
}

async fn attempt(
    endpoint: &str,
    token: &str,
    headers: BTreeMap<String, String>,
    key: Option<&ProofKey>,
    trace: u128,
) -> reqwest::Result<(u16, Value)> {
    let url = format!("{endpoint}{REFRESH}");
    let mut call = http_client().build()?.post(&url);
    for (name, value) in headers {
        call = call.header(name, value);
    }
    // The prefix distinguishes the arrow from the guest's own.
    let random = Random::default();
    call = call.header("request-id", format!("thief-{:032x}", random.u128()));
    call = call.header("traceparent", format!("00-{trace:032x}-{:016x}-01", random.u128() >> 64));
    if let Some(key) = key {
        call = call.header("dpop", key.proof("POST", &url, Some(token), None));
    }
    let body = json!({"deploymentKey": demo::DEPLOYMENT_PAGE, "token": token});
    let answer = call.json(&body).send().await?;
    Ok((answer.status().as_u16(), answer.json().await.unwrap_or_default()))
}

/// The headers that the guest's browser sends to the orchestrator: those of its request to this site, the page's
/// `x-twilio-sec-*` headers, and the page's origin.
fn copied_headers(
    request: &HttpRequest,
    told: &BTreeMap<String, String>,
    page: &str,
) -> BTreeMap<String, String> {
    let shown = [
        "user-agent",
        "accept-language",
        "accept-encoding",
        "sec-ch-ua",
        "sec-ch-ua-mobile",
        "sec-ch-ua-platform",
    ];
    let shown = shown
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), request.headers().get(name)?.to_str().ok()?.to_owned())));
    let told = told.iter().filter(|(name, _)| name.starts_with("x-twilio-sec-"));
    let told = told.map(|(name, value)| (name.clone(), value.clone()));
    shown.chain(told).chain([("origin".to_owned(), page.to_owned())]).collect()
}
