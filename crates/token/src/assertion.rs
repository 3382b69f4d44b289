//! The claims of a guest assertion (contract, section 13; RFC 7519, section 4). [`crate::key_ring::KeyRing::sign_assertion`]
//! signs them with another `typ` than a session token's (RFC 8725, section 3.11).

use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, Utc, serde::ts_seconds};
use serde::Serialize;
use shared_types::{AccountSid, AssertionAudience, ConversationSid, DeploymentKey, Identity};
use uuid::Uuid;

use crate::claims::{Claims, time_delta};

/// How long an assertion is valid. A revocation within this time is not seen by its verifiers.
pub const LIFETIME: Duration = Duration::from_secs(60);

/// `{iss, aud, sub, account_sid, deployment_key?, conversation_sid?, sid, jti, iat, exp}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AssertionClaims<'a> {
    /// The issuer of this installation.
    pub iss: &'a str,
    /// The only service that may accept it.
    pub aud: &'a AssertionAudience,
    /// The guest's identity.
    pub sub: Identity,
    /// The account that the guest chats with. Verifiers must check it: two accounts may list one audience.
    pub account_sid: AccountSid,
    /// The deployment that the session began at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_key: Option<DeploymentKey>,
    /// The session's newest conversation, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_sid: Option<ConversationSid>,
    /// The keyed hash of the session: the same for all its assertions.
    pub sid: String,
    /// The id of the assertion. Verifiers accept it once.
    pub jti: Uuid,
    /// When it was signed.
    #[serde(with = "ts_seconds")]
    pub iat: DateTime<Utc>,
    /// The end of its validity, exclusive.
    #[serde(with = "ts_seconds")]
    pub exp: DateTime<Utc>,
}

/// What an assertion states.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// The issuer of this installation.
    pub issuer: &'a str,
    /// The service that it is for.
    pub audience: &'a AssertionAudience,
    /// The guest's session token, which was judged valid.
    pub token: &'a Claims,
    /// The newest conversation of its session.
    pub conversation_sid: Option<ConversationSid>,
}

impl<'a> AssertionClaims<'a> {
    /// The claims of a statement. `sid` is the hash of the session; `jti` is made of `random`.
    pub(crate) fn new(
        Statement { issuer, audience, token, conversation_sid }: Statement<'a>,
        sid: String,
        random: [u8; 16],
        now: DateTime<Utc>,
    ) -> Self {
        let iat = now.trunc_subsecs(0);
        Self {
            iss: issuer,
            aud: audience,
            sub: token.grants.identity,
            account_sid: token.sub,
            deployment_key: token.deployment(),
            conversation_sid,
            sid,
            jti: uuid::Builder::from_random_bytes(random).into_uuid(),
            iat,
            exp: iat.checked_add_signed(time_delta(LIFETIME)).unwrap_or(DateTime::<Utc>::MAX_UTC),
        }
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use serde_json::{Value, json};
    use shared_types::SealedToken;

    use super::*;
    use crate::{
        jose::{TokenFormat, Unauthentic, base64url, header},
        key_file::KeyFile,
        key_ring::KeyRing,
    };

    const ISSUER: &str = "https://chat.example.com";

    fn ring() -> KeyRing {
        let file = KeyFile::parse(crate::vectors::KEYS.as_bytes()).unwrap();
        KeyRing::new(file, &SystemRandom::new()).unwrap()
    }

    fn audience() -> AssertionAudience {
        "https://api.example.com".parse().unwrap()
    }

    fn session_claims() -> Claims {
        serde_json::from_value(json!({
            "jti": "6f4c8a52-0d4e-4c8a-9f0e-0c3a1f6b2d10", "iss": "ScopedAuthService", "aud": "webchat",
            "sub": "AC00000000000000000000000000000001", "iat": 0, "nbf": 0, "exp": 21600,
            "grants": {"identity": "0b0e7a3c-52a1-4b57-8f1e-5d2f4f1c9a77", "webchat": {
                "address_sid": "IG00000000000000000000000000000001",
                "deployment_key": "CV00000000000000000000000000000001"}},
            "sid": "c1a3d1a0-7f0f-4b0e-9b9a-3f5f1f6f7a01", "auth_time": 0,
        }))
        .unwrap()
    }

    /// Header and payload of a JWS.
    fn parts(jws: &str) -> [Value; 2] {
        let mut parts = jws.split('.').map(|part| {
            let mut json = Vec::new();
            base64url::decode(part, &mut json).unwrap();
            json
        });
        [parts.next(), parts.next()].map(|part| serde_json::from_slice(&part.unwrap()).unwrap())
    }

    #[test]
    fn an_assertion_has_the_claims_of_the_contract() {
        let (ring, token, audience, rng) = (ring(), session_claims(), audience(), SystemRandom::new());
        let now = DateTime::from_timestamp_millis(1_800_000_000_900).unwrap();
        let conversation = ConversationSid::from_bits(5);
        let statement = Statement {
            issuer: ISSUER,
            audience: &audience,
            token: &token,
            conversation_sid: Some(conversation),
        };
        let signed = ring.sign_assertion(statement, now, &rng).unwrap();
        let [header, payload] = parts(signed.as_str());
        assert_eq!(header, json!({"alg": "ES256", "typ": "guest-assertion+jwt", "kid": "sig-1"}));
        let sid = ring.public_session_hash(token.sid);
        let expected = json!({
            "iss": ISSUER, "aud": "https://api.example.com",
            "sub": "0b0e7a3c-52a1-4b57-8f1e-5d2f4f1c9a77", "account_sid": "AC00000000000000000000000000000001",
            "deployment_key": "CV00000000000000000000000000000001", "conversation_sid": conversation,
            "sid": sid, "jti": payload["jti"], "iat": 1_800_000_000, "exp": 1_800_000_060,
        });
        assert_eq!(payload, expected);
        assert_eq!(sid.len(), 32);
        assert!(
            sid.starts_with(&ring.session_hash(token.sid)),
            "operators find its session in the audit log"
        );
        let none = Statement { conversation_sid: None, ..statement };
        let [_, next] = parts(ring.sign_assertion(none, now, &rng).unwrap().as_str());
        assert!(next.get("conversation_sid").is_none());
        assert_ne!(next["jti"], payload["jti"], "a verifier accepts each once");
        assert_eq!(next["jti"].as_str().unwrap().parse::<Uuid>().unwrap().get_version_num(), 4);
    }

    /// With every claim of a session token, signed by the same key: only the header's type differs.
    #[test]
    fn an_assertion_with_the_claims_of_a_session_token_is_rejected() {
        let (ring, token) = (ring(), session_claims());
        let sealed = ring.seal(&token, TokenFormat::Signed, &SystemRandom::new()).unwrap();
        assert_eq!(ring.open(&sealed), Ok(token.clone()));
        let payload = serde_json::to_vec(&token).unwrap();
        let confused = ring.sign(header::write_assertion, &payload, &SystemRandom::new()).unwrap();
        assert_eq!(ring.open(&SealedToken::new(confused).unwrap()), Err(Unauthentic));
    }

    /// With a session token's header: the claims are an assertion's.
    #[test]
    fn an_assertion_with_the_header_of_a_session_token_is_rejected() {
        let (ring, token, audience) = (ring(), session_claims(), audience());
        let statement =
            Statement { issuer: ISSUER, audience: &audience, token: &token, conversation_sid: None };
        let claims = AssertionClaims::new(statement, ring.public_session_hash(token.sid), [7; 16], token.iat);
        let payload = serde_json::to_vec(&claims).unwrap();
        let confused = ring.sign(header::write_jws, &payload, &SystemRandom::new()).unwrap();
        assert_eq!(ring.open(&SealedToken::new(confused).unwrap()), Err(Unauthentic));
    }
}
