//! `FWO ->> FWO: Counts the call`: charges a call to the limits of its visitor and deployment. A refusal says which limit
//! is full and when there is more, in headers that the page can read.

use std::net::IpAddr;

use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use service_runtime::RequestContext;
use shared_types::AccountSid;

use crate::{
    accounts::Deployment,
    error::Error,
    rate_limit::{Action, Charge, Limited, Mode},
    state::State,
};

/// Charges the visitor's limits, and looks at the deployment's and at the budgets for `guest_bytes`. True if the call is
/// over a limit that is only logged: then it is served, and counted no further.
pub fn enter(
    state: &State,
    call: &mut RequestContext<'_>,
    deployment: &Deployment,
    client: Option<IpAddr>,
    charge: Charge,
    guest_bytes: u32,
) -> Result<bool, Error> {
    let (limits, now) = (&state.rate_limits, call.now);
    let mut taken = limits.visitor(deployment, client, charge, now);
    // What is only logged is logged when it is charged.
    if deployment.rate_limits.mode == Mode::Enforce {
        if charge == Charge::Create {
            taken = taken.and_then(|()| limits.creates(deployment, client, Action::Look, now));
        }
        if guest_bytes > 0 {
            taken =
                taken.and_then(|()| limits.guest_bytes(deployment, client, guest_bytes, Action::Look, now));
        }
    }
    limits.record(call, deployment, taken).map_err(|limited| refuse(call, limited))
}

/// Charges the deployment's limit of sessions.
pub fn create(
    state: &State,
    call: &mut RequestContext<'_>,
    deployment: &Deployment,
    client: Option<IpAddr>,
) -> Result<(), Error> {
    let taken = state.rate_limits.creates(deployment, client, Action::Charge, call.now);
    state.rate_limits.record(call, deployment, taken).map(drop).map_err(|limited| refuse(call, limited))
}

/// Charges the budgets of the visitor, its networks and the deployment for what is about to be stored.
pub fn store(
    state: &State,
    call: &mut RequestContext<'_>,
    deployment: &Deployment,
    client: Option<IpAddr>,
    guest_bytes: u32,
) -> Result<(), Error> {
    let taken = state.rate_limits.guest_bytes(deployment, client, guest_bytes, Action::Charge, call.now);
    state.rate_limits.record(call, deployment, taken).map(drop).map_err(|limited| refuse(call, limited))
}

/// Charges the visitor's limit at a route that has no deployment.
pub fn of_account(state: &State, call: &mut RequestContext<'_>, account: AccountSid) -> Result<(), Error> {
    let client = state.trusted_proxies.client_address(call);
    let taken = state.rate_limits.visitor_of_account(account, client, call.now);
    state.rate_limits.record_of_account(call, taken).map_err(|limited| refuse(call, limited))
}

fn refuse(call: &mut RequestContext<'_>, limited: Limited) -> Error {
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
