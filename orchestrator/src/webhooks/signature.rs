//! Signatures of webhooks (Standard Webhooks, "Signature scheme"): HMAC-SHA256 with a secret that the receiver has too.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use ring::hmac;

/// What a secret looks like.
pub const EXPECTED: &str =
    "expected `whsec_` and the base64 of 24 to 64 bytes, a line each, the newest first";

const PREFIX: &str = "whsec_";

/// The secrets of an endpoint: one, or several while one is replaced. Never printed.
#[derive(Clone)]
pub struct SigningSecrets(Vec<hmac::Key>);

/// The text is no list of secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{EXPECTED}")]
pub struct MalformedSecrets;

impl FromStr for SigningSecrets {
    type Err = MalformedSecrets;

    fn from_str(text: &str) -> Result<Self, MalformedSecrets> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let keys = lines.map(|line| key(line).ok_or(MalformedSecrets)).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(MalformedSecrets) } else { Ok(Self(keys)) }
    }
}

impl SigningSecrets {
    /// The value of `webhook-signature`: one signature per secret, separated by spaces.
    pub fn sign(&self, id: &str, timestamp: DateTime<Utc>, body: &[u8]) -> String {
        let signatures = self.0.iter().map(|key| {
            let mut context = hmac::Context::with_key(key);
            context.update(format!("{id}.{}.", timestamp.timestamp()).as_bytes());
            context.update(body);
            format!("v1,{}", STANDARD.encode(context.sign()))
        });
        signatures.collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Debug for SigningSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningSecrets({})", self.0.len())
    }
}

fn key(line: &str) -> Option<hmac::Key> {
    let secret = STANDARD.decode(line.strip_prefix(PREFIX)?).ok()?;
    (24..=64).contains(&secret.len()).then(|| hmac::Key::new(hmac::HMAC_SHA256, &secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the specification's own example.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn the_specifications_example_has_its_signature() {
        let secrets: SigningSecrets = SECRET.parse().unwrap();
        let timestamp = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        let signature = secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_secret_signs_while_one_is_replaced() {
        let secrets: SigningSecrets = format!("whsec_{}\n\n{SECRET}\n", "A".repeat(32)).parse().unwrap();
        let signature = secrets.sign("msg_1", DateTime::UNIX_EPOCH, b"{}");
        let old: SigningSecrets = SECRET.parse().unwrap();
        let (first, second) = signature.split_once(' ').unwrap();
        assert_ne!(first, second);
        assert_eq!(second, old.sign("msg_1", DateTime::UNIX_EPOCH, b"{}"));
        assert_eq!(format!("{secrets:?}"), "SigningSecrets(2)");
    }

    #[test]
    fn malformed_secrets_are_rejected() {
        let (short, long) = ([0; 23], [0; 65]);
        for text in [
            "",
            "\n",
            "whsec_",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!",
            &format!("whsec_{}", STANDARD.encode(short)),
            &format!("whsec_{}", STANDARD.encode(long)),
            &format!("{SECRET}\nhunter2"),
        ] {
            assert!(text.parse::<SigningSecrets>().is_err(), "{text}");
        }
    }
}
