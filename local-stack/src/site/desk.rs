//! The desk's requests of the demo page, passed on to the desk's API with its API key. The page never has the key, and
//! reaches only the methods and paths of the route table (`site.rs`). Headers of the browser are not passed on: the API
//! refuses browsers.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{StatusCode, header::RETRY_AFTER},
    web,
    web::Bytes,
};
use reqwest::{Method, Response};

use super::Customer;

/// The prefix of the routes, before the path in the desk's API.
pub(super) const PREFIX: &str = "/control/desk";

/// Sends the request to the desk's API and returns its response.
pub(super) async fn forward(
    request: HttpRequest,
    customer: web::Data<Customer>,
    body: Bytes,
) -> Result<HttpResponse, Unreachable> {
    let target = request.uri().path_and_query().map(|target| target.as_str()).unwrap_or_default();
    let path = target.strip_prefix(PREFIX).unwrap_or_default();
    let is_get = request.method() == actix_web::http::Method::GET;
    let mut call = customer.desk.request(if is_get { Method::GET } else { Method::POST }, path);
    for name in ["content-type", "idempotency-key", "traceparent"] {
        if let Some(value) = request.headers().get(name) {
            call = call.header(name, value.as_bytes());
        }
    }
    let answer = call.body(body).send().await?;
    returned(answer).await
}

async fn returned(answer: Response) -> Result<HttpResponse, Unreachable> {
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = HttpResponse::build(status);
    response.content_type("application/json");
    if let Some(seconds) = answer.headers().get("retry-after") {
        response.insert_header((RETRY_AFTER, seconds.as_bytes()));
    }
    Ok(response.body(answer.bytes().await?))
}

/// The desk's API did not respond.
#[derive(Debug)]
pub(super) struct Unreachable(reqwest::Error);

impl From<reqwest::Error> for Unreachable {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        tracing::warn!(%error, "request to the desk's API failed");
        Self(error)
    }
}

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the desk's API did not respond: {}", self.0)
    }
}

impl ResponseError for Unreachable {
    fn status_code(&self) -> StatusCode {
        StatusCode::BAD_GATEWAY
    }
}
