//! A listener for tests whose access policy accepts one API key and has its own form of errors, with an endpoint of each
//! method on one path.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use service_runtime::{
    AccessPolicy, ApiError, Denied, RequestContext, RouteTable, Routes as _,
    server::{Listener, ServerLimits},
};
use shared_types::{
    AccountSid, ApiKeySid, Code, Endpoint, endpoint, endpoint::PathParameters as _,
    federated_auth::AccountPath, orchestrator::NoParameters,
};
use test_support::{
    http::Request,
    smallest_service::{Gate, Never, Wait},
};

/// The secret of the one API key, and its sid.
pub(crate) const SECRET: &str = "the-secret-of-an-api-key";
pub(crate) const API_KEY: ApiKeySid = ApiKeySid::from_bits(7);

/// Accepts [`SECRET`].
pub(crate) struct Strict;

impl AccessPolicy for Strict {
    const ACCEPTS_FORMS: bool = true;

    fn authorize(&self, context: &mut RequestContext<'_>, _path: &str) -> Result<(), Denied> {
        match context.bearer() {
            Some(secret) if secret == SECRET.as_bytes() => {
                context.api_key = Some(API_KEY);
                Ok(())
            }
            Some(_) => Err(Denied { code: Code::Forbidden, message: "Not with this key.".into() }),
            None => Err(Code::InvalidApiKey.into()),
        }
    }

    fn error_body(code: Code, message: &str) -> Vec<u8> {
        json!({ "error": code.as_str(), "text": message }).to_string().into_bytes()
    }

    fn challenge(_code: Code) -> &'static str {
        r#"Basic realm="keys""#
    }
}

/// The fields of the endpoints.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Fields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

endpoint! {
    /// Erases; a closed one if the reason says so.
    pub(crate) struct Erase: "erase" = DELETE "/v1/Accounts/{account_sid}";
    path: AccountPath;
    request: Fields;
    response: 204 => NoParameters;
    idempotent: true;
    errors: [ConversationClosed];
}

endpoint! {
    /// Returns the fields.
    pub(crate) struct Read: "read" = GET "/v1/Accounts/{account_sid}";
    path: AccountPath;
    request: Fields;
    response: 200 => Fields;
    idempotent: true;
    errors: [];
}

endpoint! {
    /// Returns the fields.
    pub(crate) struct Write: "write" = POST "/v1/Accounts/{account_sid}";
    path: AccountPath;
    request: Fields;
    response: 200 => Fields;
    idempotent: false;
    errors: [];
}

/// The error of [`Erase`].
#[derive(Debug, thiserror::Error)]
#[error("closed")]
pub(crate) struct Closed;

impl ApiError for Closed {
    fn code(&self) -> Code {
        Code::ConversationClosed
    }
}

async fn erase(
    _: &Gate,
    _: &mut RequestContext<'_>,
    _: AccountPath,
    fields: Fields,
) -> Result<NoParameters, Closed> {
    if fields.reason.as_deref() == Some("closed") { Err(Closed) } else { Ok(NoParameters {}) }
}

async fn echo(_: &Gate, _: &mut RequestContext<'_>, _: AccountPath, fields: Fields) -> Result<Fields, Never> {
    Ok(fields)
}

async fn wait(
    gate: &Gate,
    _: &mut RequestContext<'_>,
    _: NoParameters,
    _: NoParameters,
) -> Result<NoParameters, Never> {
    gate.pass().await
}

/// The listener, with this many concurrent requests.
pub(crate) fn listener(requests_per_worker: usize) -> Listener<Gate, Strict> {
    Listener {
        limits: ServerLimits { requests_per_worker, ..ServerLimits::internal() },
        access_policy: Arc::new(|| Strict),
        routes: |table: RouteTable<Gate, Strict>| {
            table
                .on::<Read, _, _>(echo)
                .on::<Write, _, _>(echo)
                .on::<Erase, _, _>(erase)
                .on::<Wait, _, _>(wait)
        },
    }
}

/// The path of [`Erase`], [`Read`] and [`Write`].
pub(crate) fn path() -> String {
    AccountPath { account_sid: AccountSid::from_bits(1) }.fill(Erase::PATH).into_owned()
}

/// A request with the API key.
pub(crate) fn request(method: &str, path: &str) -> Request {
    Request::new(method, path).bearer(SECRET)
}
