//! Access to the desk's API (contract, section 11): servers with an API key of the account, and no browsers.

use std::{net::IpAddr, sync::Arc};

use actix_web::http::header::ORIGIN;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use service_runtime::{AccessPolicy, Denied, RequestContext};
use shared_types::{ApiKeySid, Code, desk::DeskError, json};

use super::{
    client_address::TrustedProxies,
    networks,
    rate_limit::{RateLimiter, enforce::set_headers},
};
use crate::accounts::{AccountsFile, Scope};

/// Accepts API keys with the scope of the request's method.
#[derive(Clone, Debug)]
pub struct DeskPolicy {
    /// accounts.toml, which has the keys.
    pub accounts: Arc<AccountsFile>,
    /// Limits per key, and of wrong credentials per address.
    pub rate_limiter: Arc<RateLimiter>,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
}

impl AccessPolicy for DeskPolicy {
    const ACCEPTS_FORMS: bool = true;

    fn authorize(&self, context: &mut RequestContext<'_>, _path: &str) -> Result<(), Denied> {
        // A key in a page would be everybody's.
        if context.header(ORIGIN).is_some()
            || context.headers().any(|(name, _)| name.starts_with("sec-fetch-"))
        {
            let message = "Browsers cannot use this API; please call it from a server.".into();
            return Err(Denied { code: Code::Forbidden, message });
        }
        let Some((sid, secret)) = basic_credentials(context) else {
            return Err(Code::InvalidApiKey.into());
        };
        let Some(key) = self.accounts.current().authenticate(sid, &secret) else {
            return Err(self.refuse(context));
        };
        context.account = Some(key.account_sid);
        context.api_key = Some(key.sid);
        let taken = self.rate_limiter.api_key(key.sid, key.calls_per_minute, context.now);
        if let Err(limited) = self.rate_limiter.record_of_desk(context, Some(key.sid), taken) {
            set_headers(context, &limited);
            return Err(Code::RateLimited.into());
        }
        let scope = match context.method {
            "GET" => Scope::Read,
            "DELETE" => Scope::Erase,
            _ => Scope::Write,
        };
        if !key.scopes.contains(scope) {
            let message = format!("The API key lacks the scope `{}`.", scope.as_str()).into();
            return Err(Denied { code: Code::Forbidden, message });
        }
        context.step("Checks the API key, its limit and its scope");
        Ok(())
    }

    fn client(&self, context: &RequestContext<'_>) -> Option<IpAddr> {
        networks::visitor(self.trusted_proxies.client_address(context))
    }

    fn error_body(code: Code, message: &str) -> Vec<u8> {
        json::to_vec(&DeskError::new(code, message)).unwrap_or_default()
    }

    fn challenge(_code: Code) -> &'static str {
        r#"Basic realm="desk""#
    }
}

impl DeskPolicy {
    /// Counts wrong credentials by address, never by key: nobody can lock a desk out. Correct ones are always accepted.
    fn refuse(&self, context: &mut RequestContext<'_>) -> Denied {
        context.step("Checks the API key");
        let client = self.trusted_proxies.client_address(context);
        let taken = self.rate_limiter.refused_credentials(client, context.now);
        match self.rate_limiter.record_of_desk(context, None, taken) {
            Ok(()) => Code::InvalidApiKey.into(),
            Err(limited) => {
                set_headers(context, &limited);
                Code::RateLimited.into()
            }
        }
    }
}

/// The key and secret of `Authorization: Basic …` (RFC 7617). A user name that is not the sid of a key is the sid of no
/// key.
fn basic_credentials(context: &RequestContext<'_>) -> Option<(ApiKeySid, Vec<u8>)> {
    let mut decoded = STANDARD.decode(context.credential(b"basic")?).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let secret = decoded.split_off(colon + 1);
    decoded.pop();
    let sid = str::from_utf8(&decoded).ok().and_then(|sid| sid.parse().ok());
    Some((sid.unwrap_or(ApiKeySid::from_bits(0)), secret))
}
