//! Controls of the stack: advance its clock, stop its ScopedAuthService.

use actix_web::{HttpResponse, http::StatusCode, web};
use chrono::TimeDelta;
use serde::Deserialize;

use super::Customer;

/// Maximum step of the clock: a session lives for 24 h.
const FARTHEST: u32 = 48 * 3600;

#[derive(Deserialize)]
pub(super) struct Ahead {
    seconds: u32,
}

/// Advances the stack's clock. It cannot go back: tokens issued in the future would not be valid yet.
pub(super) async fn clock(customer: web::Data<Customer>, ahead: web::Json<Ahead>) -> HttpResponse {
    if ahead.seconds > FARTHEST {
        return HttpResponse::BadRequest().finish();
    }
    let by = TimeDelta::seconds(ahead.seconds.into());
    customer.clock.advance(by);
    customer.state.send_modify(|state| state.ahead += by);
    HttpResponse::NoContent().finish()
}

#[derive(Deserialize)]
pub(super) struct Switch {
    on: bool,
}

/// Stops or starts the stack's ScopedAuthService.
pub(super) async fn scoped_auth(customer: web::Data<Customer>, switch: web::Json<Switch>) -> HttpResponse {
    if !customer.scoped_auth.can_return() {
        return HttpResponse::new(StatusCode::CONFLICT);
    }
    let done = if switch.on {
        customer.scoped_auth.on().await
    } else {
        customer.scoped_auth.off().await;
        Ok(())
    };
    let is_on = customer.scoped_auth.is_on().await;
    customer.state.send_modify(|state| state.scoped_auth_is_on = is_on);
    let status = match done {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(error) => {
            tracing::error!(%error, "restart of ScopedAuthService failed");
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    HttpResponse::new(status)
}
