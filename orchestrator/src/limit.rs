//! `FWO ->> FWO: Counts the call`: what a visitor or a deployment asks beyond its limits is refused before anything is
//! made for it, in a way that the page can read.

use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use service_runtime::Call;

use crate::{app::Orchestrator, configuration::Snapshot, error::Error, rate_limit::Limited};

/// Counts a call that begins a session.
pub fn creation(fwo: &Orchestrator, call: &mut Call<'_>, snapshot: &Snapshot) -> Result<(), Error> {
    let client = fwo.trusted_proxies.client_address(call);
    let counted = fwo.rate_limits.check_create(call, &snapshot.deployment, client);
    counted.map_err(|limited| refuse(call, limited))
}

/// Counts any other call.
pub fn other(fwo: &Orchestrator, call: &mut Call<'_>, snapshot: &Snapshot) -> Result<(), Error> {
    let client = fwo.trusted_proxies.client_address(call);
    let counted = fwo.rate_limits.check_call(call, &snapshot.deployment, client);
    counted.map_err(|limited| refuse(call, limited))
}

fn refuse(call: &mut Call<'_>, limited: Limited) -> Error {
    for (name, value) in [
        (RETRY_AFTER, limited.retry_after().to_string()),
        (HeaderName::from_static("ratelimit-policy"), limited.policy_header()),
        (HeaderName::from_static("ratelimit"), limited.limit_header()),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            call.set_answer_header(name, value);
        }
    }
    Error::RateLimited(limited)
}
