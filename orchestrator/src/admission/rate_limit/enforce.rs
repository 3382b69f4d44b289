//! `FWO ->> FWO: Counts the call`: charges a request to the limits of its visitor and deployment. On rejection, response
//! headers that the page can read name the limit and when to retry.

use std::net::IpAddr;

use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use service_runtime::RequestContext;
use shared_types::AccountSid;

use super::{
    charge::{Action, Charge},
    limiter::RateLimiter,
    policy::Limited,
};
use crate::accounts::{Deployment, RateLimitMode};

/// Charges the visitor's limits, and checks the deployment's and the budgets for `guest_bytes`. Returns true if the
/// request is over a limit that is only logged: it is then served, and charged to no further limit.
pub(crate) fn enforce_rate_limit(
    limiter: &RateLimiter,
    context: &mut RequestContext<'_>,
    deployment: &Deployment,
    client: Option<IpAddr>,
    charge: Charge,
    guest_bytes: u32,
) -> Result<bool, Limited> {
    context.step("Counts the call");
    let now = context.now;
    let mut taken = limiter.visitor(deployment, client, charge, now);
    // Limits that are only logged are logged when they are charged.
    if deployment.rate_limits.mode == RateLimitMode::Enforce {
        if charge == Charge::Create {
            taken = taken.and_then(|()| limiter.creates(deployment, client, Action::Peek, now));
        }
        if guest_bytes > 0 {
            taken =
                taken.and_then(|()| limiter.guest_bytes(deployment, client, guest_bytes, Action::Peek, now));
        }
    }
    limiter.record(context, deployment, taken).inspect_err(|limited| set_headers(context, limited))
}

/// Charges the deployment's limit of sessions.
pub(crate) fn charge_create(
    limiter: &RateLimiter,
    context: &mut RequestContext<'_>,
    deployment: &Deployment,
    client: Option<IpAddr>,
) -> Result<(), Limited> {
    let taken = limiter.creates(deployment, client, Action::Take, context.now);
    limiter.record(context, deployment, taken).map(drop).inspect_err(|limited| set_headers(context, limited))
}

/// Charges a message to the visitor's limit of messages.
pub(crate) fn charge_message(
    limiter: &RateLimiter,
    context: &mut RequestContext<'_>,
    deployment: &Deployment,
    client: Option<IpAddr>,
) -> Result<(), Limited> {
    let taken = limiter.visitor_message(deployment, client, context.now);
    limiter.record(context, deployment, taken).map(drop).inspect_err(|limited| set_headers(context, limited))
}

/// Charges the byte budgets of the visitor, its networks and the deployment.
pub(crate) fn charge_bytes(
    limiter: &RateLimiter,
    context: &mut RequestContext<'_>,
    deployment: &Deployment,
    client: Option<IpAddr>,
    guest_bytes: u32,
) -> Result<(), Limited> {
    let taken = limiter.guest_bytes(deployment, client, guest_bytes, Action::Take, context.now);
    limiter.record(context, deployment, taken).map(drop).inspect_err(|limited| set_headers(context, limited))
}

/// Charges the visitor's limit at a route that has no deployment.
pub(crate) fn enforce_account_rate_limit(
    limiter: &RateLimiter,
    context: &mut RequestContext<'_>,
    account: AccountSid,
    client: Option<IpAddr>,
) -> Result<(), Limited> {
    let taken = limiter.visitor_of_account(account, client, context.now);
    limiter.record_of_account(context, taken).inspect_err(|limited| set_headers(context, limited))
}

/// Sets the headers of a rejected request: the limit, and when to retry.
pub(crate) fn set_headers(context: &mut RequestContext<'_>, limited: &Limited) {
    for (name, value) in [
        (RETRY_AFTER, limited.retry_after().to_string()),
        (HeaderName::from_static("ratelimit-policy"), limited.policy_header()),
        (HeaderName::from_static("ratelimit"), limited.limit_header()),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            context.set_answer_header(name, value);
        }
    }
}
