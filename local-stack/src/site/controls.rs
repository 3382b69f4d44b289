//! Controls of the stack: advance its clock, stop its ScopedAuthService.

use actix_web::{HttpResponse, http::StatusCode, web};
use serde::Deserialize;

use super::Customer;

/// Maximum step of the clock: a session lives for 24 h.
const FARTHEST: u32 = 48 * 3600;

#[derive(Deserialize)]
pub(super) struct Ahead {
    seconds: u32,
    /// The button.
    #[serde(default)]
    press: Press,
}

/// What the visitor of the page pressed, as the sequence shows it.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Press {
    #[default]
    Expire,
    Replay,
}

/// Advances the stack's clock. It cannot go back: tokens issued in the future would not be valid yet.
pub(super) async fn clock(customer: web::Data<Customer>, ahead: web::Json<Ahead>) -> HttpResponse {
    if ahead.seconds > FARTHEST {
        return HttpResponse::BadRequest().finish();
    }
    customer.arrows.add_press(match ahead.press {
        Press::Expire => "expire",
        Press::Replay => "replay",
    });
    if let Err(error) = customer.clock_offset.advance(ahead.seconds) {
        tracing::error!(%error, "the clock's offset cannot be stored");
        return HttpResponse::InternalServerError().finish();
    }
    customer.state.send_modify(|state| state.ahead_seconds = customer.clock_offset.seconds());
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
        let started = customer.scoped_auth.on().await;
        customer.arrows.add_press("scoped_auth_starts");
        started
    } else {
        customer.arrows.add_press("scoped_auth_stops");
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
