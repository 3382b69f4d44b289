//! How a service proves to its callee which service it is: a shared secret as bearer (contract, section 9).

use std::fmt;

use actix_web::http::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use shared_types::Code;

use crate::{request_context::RequestContext, route_table::AccessPolicy};

/// The shortest secret that is accepted, in characters.
pub const SHORTEST: usize = 16;

/// The caller's side: the header that it sends.
#[derive(Clone)]
pub struct ServiceCredential(HeaderValue);

impl ServiceCredential {
    /// What a secret must be, for the error of a setting.
    pub const EXPECTED: &str = "expected 16 characters or more of printable ASCII, without spaces and commas";

    /// The credential with this secret; none if the secret is too short or cannot stand in a header.
    pub fn new(secret: &SecretString) -> Option<Self> {
        let secret = secret.expose_secret();
        let mut value = HeaderValue::from_str(&format!("Bearer {secret}")).ok()?;
        value.set_sensitive(true);
        (secret.len() >= SHORTEST && secret.is_ascii() && !secret.contains([' ', ','])).then_some(Self(value))
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

/// The callee's side: the secrets of its one caller. Several, so that one can be replaced without a pause.
#[derive(Clone)]
pub struct ServiceCredentials {
    secrets: Vec<SecretString>,
    open_paths: &'static [&'static str],
}

impl ServiceCredentials {
    /// Accepts callers with one of `secrets`; `open_paths` are open to everybody.
    pub fn new(secrets: &[SecretString], open_paths: &'static [&'static str]) -> Self {
        Self { secrets: secrets.to_vec(), open_paths }
    }

    /// Whether `presented` is one of the secrets. All are compared, each to its end, so that the time taken tells neither
    /// how much of a guess was right nor which secret it came near to; a secret's length is none.
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

/// All of an internal service stands behind its caller's credential, what does not exist included.
impl AccessPolicy for ServiceCredentials {
    const ACCEPTS_FORMS: bool = false;

    fn authorize(&self, call: &mut RequestContext<'_>, path: &str) -> Result<(), Code> {
        let proved = || call.bearer().is_some_and(|presented| self.accepts(presented));
        if self.open_paths.contains(&path) || proved() { Ok(()) } else { Err(Code::InvalidServiceCredential) }
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
        for bad in ["short", "with spaces in the middle", "one,two-is-two-secrets", "line\nbreak-line-break"]
        {
            assert!(ServiceCredential::new(&SecretString::from(bad)).is_none(), "{bad}");
        }
    }
}
