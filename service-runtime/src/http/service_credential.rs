//! Service credentials: a shared secret as bearer token authenticates one service to another (contract, section 10).

use std::fmt;

use actix_web::http::header::HeaderValue;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use shared_types::Code;

use crate::http::{
    access_policy::{AccessPolicy, Denied},
    request_context::RequestContext,
};
use crate::settings::PASSWORD;

/// Minimum length of a secret, in characters.
const MIN_LENGTH: usize = 16;

/// The caller's credential: the `Authorization` header. As a setting, it is the secret.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", inline, extend("format" = PASSWORD, "expected" = Self::EXPECTED))]
pub struct ServiceCredential(HeaderValue);

impl ServiceCredential {
    /// The required form of a secret, for setting errors.
    pub const EXPECTED: &str = "16 characters or more of printable ASCII, without spaces and commas";

    /// `None` if the secret is too short or cannot be sent in a header.
    pub fn new(secret: &SecretString) -> Option<Self> {
        let secret = secret.expose_secret();
        let is_printable = secret.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
        if secret.len() < MIN_LENGTH || !is_printable {
            return None;
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {secret}")).ok()?;
        value.set_sensitive(true);
        Some(Self(value))
    }

    pub(crate) fn header(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for ServiceCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceCredential(…)")
    }
}

/// The secrets that a service accepts from its one caller. Several, so that a secret can be rotated without downtime.
#[derive(Clone)]
pub struct ServiceCredentials {
    secrets: Vec<SecretString>,
    open_paths: &'static [&'static str],
}

impl ServiceCredentials {
    /// Accepts the given secrets. `open_paths` need no credential.
    pub fn new(secrets: &[SecretString], open_paths: &'static [&'static str]) -> Self {
        Self { secrets: secrets.to_vec(), open_paths }
    }

    /// Whether `presented` is one of the secrets. Compares all of them in full and in constant time, so that timing
    /// reveals neither how much of a guess was right nor which secret it resembled; only the length of a secret is not
    /// hidden.
    pub fn accepts(&self, presented: &[u8]) -> bool {
        let found = self.secrets.iter().fold(subtle::Choice::from(0), |found, secret| {
            found | subtle::ConstantTimeEq::ct_eq(secret.expose_secret().as_bytes(), presented)
        });
        found.into()
    }
}

impl fmt::Debug for ServiceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceCredentials({} accepted)", self.secrets.len())
    }
}

/// Every path of an internal service requires the credential, including paths that do not exist.
impl AccessPolicy for ServiceCredentials {
    const ACCEPTS_FORMS: bool = false;

    fn authorize(&self, context: &mut RequestContext<'_>, path: &str) -> Result<(), Denied> {
        let is_authenticated = || context.bearer().is_some_and(|presented| self.accepts(presented));
        if self.open_paths.contains(&path) || is_authenticated() {
            Ok(())
        } else {
            Err(Code::InvalidServiceCredential.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_listed_secret_is_accepted_and_no_other() {
        let secrets = ["the-old-secret-of-fwo", "the-new-secret-of-fwo"].map(SecretString::from);
        let credentials = ServiceCredentials::new(&secrets, &[]);
        for secret in &secrets {
            assert!(credentials.accepts(secret.expose_secret().as_bytes()));
        }
        for other in ["", "the-old-secret-of-fw", "the-old-secret-of-fwo2", "The-old-secret-of-fwo"] {
            assert!(!credentials.accepts(other.as_bytes()));
        }
    }

    #[test]
    fn credentials_do_not_print() {
        let secret = SecretString::from("hunter2-hunter2-hunter2");
        let credential = ServiceCredential::new(&secret).unwrap();
        let credentials = ServiceCredentials::new(&[secret], &[]);
        assert!(!format!("{credential:?}{credentials:?}").contains("hunter2"));
    }

    #[test]
    fn a_secret_that_no_header_can_carry_is_no_credential() {
        for bad in [
            "short",
            "with spaces in the middle",
            "one,two-is-two-secrets",
            "line\nbreak-line-break",
            "a\ttab-a-tab-a-tab-a-tab",
            "\u{feff}a-byte-order-mark",
        ] {
            assert!(ServiceCredential::new(&SecretString::from(bad)).is_none(), "{bad}");
        }
    }
}
