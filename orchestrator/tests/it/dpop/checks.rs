//! The twelve checks of RFC 9449, section 4.3, by number.

use chrono::TimeDelta;
use orchestrator::dpop::{MAX_LEN, MAX_SKEW, Nonces, ProofFailure};
use serde_json::{Value, json};
use shared_types::{
    Code,
    fingerprint::{FingerprintKey, FingerprintKeys},
};

use crate::dpop::prover::{Prover, Service, TOKEN, base64url, now};

/// The result for a proof with these changes.
fn header(name: &str, value: Value) -> Result<(), ProofFailure> {
    Service::new().check(Prover::new().with_header(name, value).proof()).map(|_| ())
}

fn claim(name: &str, value: impl Into<Value>) -> Result<(), ProofFailure> {
    Service::new().check(Prover::new().with(name, value).proof()).map(|_| ())
}

#[test]
fn a_valid_proof_returns_its_key_thumbprint() {
    let prover = Prover::new();
    assert_eq!(Service::new().check(prover.proof()), Ok(prover.thumbprint()));
}

#[test]
fn check_1_exactly_one_header() {
    let (service, proof) = (Service::new(), Prover::new().proof());
    let proof = proof.as_bytes();
    assert_eq!(service.check_all(&[]), Err(ProofFailure::HeaderCount));
    assert_eq!(service.check_all(&[proof, proof]), Err(ProofFailure::HeaderCount));
    assert_eq!(service.check_all(&[proof, b""]), Err(ProofFailure::HeaderCount));
    // Two headers joined by a proxy are not a valid proof.
    assert_eq!(service.check([proof, b", ", proof].concat()), Err(ProofFailure::Malformed));
    assert!(service.check(proof).is_ok(), "none of these was stored");
}

#[test]
fn check_2_well_formed_jwt() {
    let prover = Prover::new();
    let (header, payload) = (prover.header.to_string(), prover.payload.to_string());
    let good = prover.proof();
    let [first, second, third]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let twice = |json: &str, member: &str| json.replacen('{', &format!("{{{member},"), 1);
    for proof in [
        String::new(),
        "..".into(),
        first.into(),
        format!("{first}.{second}"),
        format!("{first}.{second}."),
        format!("{good}."),
        format!("{good}.{third}"),
        format!(".{good}"),
        format!("{good}="),
        format!("{good}A"),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{first}=.{second}.{third}"),
        format!("{first}.{second}.{}", third.replacen(|c: char| c.is_alphanumeric(), "+", 1)),
        prover.sign("", &payload),
        prover.sign("[]", &payload),
        prover.sign(&format!("{header}{header}"), &payload),
        prover.sign(&header, "null"),
        prover.sign(&header, &format!("{payload} x")),
        prover.sign(&twice(&header, r#""alg":"ES256""#), &payload),
        prover.sign(&header.replace(r#""kty":"EC""#, r#""kty":"EC","kty":"EC""#), &payload),
        prover.sign(&header, &twice(&payload, r#""htm":"POST""#)),
        prover.sign(&header.replace(r#""jwk":{"#, r#""jwk":[],"x":{"#), &payload),
        prover.sign(&header, "[]"),
    ] {
        assert_eq!(Service::new().check(&proof), Err(ProofFailure::Malformed), "{proof}");
    }
    assert_eq!(Service::new().check([good.as_bytes(), b"\xff"].concat()), Err(ProofFailure::Malformed));
}

#[test]
fn check_2_bounded_length() {
    let padded = |length: usize| Prover::new().with("x", "x".repeat(length)).proof();
    let longest = (0..).find(|length| padded(length + 1).len() > MAX_LEN).unwrap();
    assert!(Service::new().check(padded(longest)).is_ok());
    assert_eq!(Service::new().check(padded(longest + 1)), Err(ProofFailure::TooLong));
    assert_eq!(Service::new().check("x".repeat(1 << 20)), Err(ProofFailure::TooLong));
}

#[test]
fn check_3_required_claims() {
    for name in ["jti", "htm", "htu", "iat"] {
        assert_eq!(claim(name, Value::Null), Err(ProofFailure::Claims), "{name}");
        assert_eq!(claim(name, json!([])), Err(ProofFailure::Claims), "{name}");
    }
    assert_eq!(claim("iat", now().timestamp().to_string()), Err(ProofFailure::Claims));
    assert_eq!(claim("jti", ""), Err(ProofFailure::Claims));
    assert_eq!(claim("jti", "j".repeat(257)), Err(ProofFailure::Claims));
    assert_eq!(claim("jti", "j".repeat(256)), Ok(()));
    assert_eq!(claim("nonce", "unexpected claims are ignored"), Ok(()));
}

#[test]
fn check_4_typ_is_dpop_jwt() {
    for typ in [Value::Null, json!("JWT"), json!("DPOP+JWT"), json!("application/dpop+jwt"), json!(1)] {
        assert_eq!(header("typ", typ.clone()), Err(ProofFailure::Type), "{typ}");
    }
}

#[test]
fn check_5_algorithm_is_es256() {
    for alg in ["none", "None", "HS256", "RS256", "ES384", "ES512", "EdDSA", "es256", ""] {
        assert_eq!(header("alg", json!(alg)), Err(ProofFailure::Algorithm), "{alg}");
    }
    assert_eq!(header("alg", Value::Null), Err(ProofFailure::Algorithm));
}

#[test]
fn check_5_unknown_critical_headers_are_rejected() {
    for crit in [json!(["exp"]), json!([]), json!(["b64"])] {
        assert_eq!(header("crit", crit.clone()), Err(ProofFailure::Critical), "{crit}");
    }
    assert_eq!(header("x-note", json!("what is not critical is ignored")), Ok(()));
}

#[test]
fn check_6_signature_verifies_with_the_key() {
    let (prover, other) = (Prover::new(), Prover::new());
    let foreign = prover.sign(&other.header.to_string(), &prover.payload.to_string());
    assert_eq!(Service::new().check(foreign), Err(ProofFailure::Signature));

    let good = prover.proof();
    let (signed, _) = good.rsplit_once('.').unwrap();
    let with_other_jti = prover.payload.to_string().replace("-BwC", "_BwC");
    let (header, _) = signed.split_once('.').unwrap();
    let (_, signature) = good.rsplit_once('.').unwrap();
    let tampered = format!("{header}.{}.{signature}", base64url(with_other_jti));
    assert_eq!(Service::new().check(tampered), Err(ProofFailure::Signature));
    for signature in [base64url([0; 64]), base64url([0xff; 64])] {
        assert_eq!(Service::new().check(format!("{signed}.{signature}")), Err(ProofFailure::Signature));
    }

    // Coordinates of the right length that are not a point on the curve.
    let mut nowhere = Prover::new();
    nowhere.header["jwk"]["x"] = base64url([7; 32]).into();
    assert_eq!(Service::new().check(nowhere.proof()), Err(ProofFailure::Signature));
}

#[test]
fn check_7_no_private_key() {
    let mut prover = Prover::new();
    prover.header["jwk"]["d"] = base64url([1; 32]).into();
    assert_eq!(Service::new().check(prover.proof()), Err(ProofFailure::PrivateKey));
    let symmetric = json!({"kty": "oct", "k": base64url([1; 32])});
    assert_eq!(header("jwk", symmetric), Err(ProofFailure::PrivateKey));
    for jwk in [Value::Null, json!({}), json!({"kty": "EC", "crv": "P-521"})] {
        assert_eq!(header("jwk", jwk.clone()), Err(ProofFailure::Key), "{jwk}");
    }
}

#[test]
fn check_8_method_matches() {
    for htm in ["GET", "post", "POST ", ""] {
        assert_eq!(claim("htm", htm), Err(ProofFailure::Method), "{htm}");
    }
    let get = Service { method: "GET", ..Service::new() };
    assert_eq!(get.check(Prover::new().proof()), Err(ProofFailure::Method));
    assert!(get.check(Prover::new().with("htm", "GET").proof()).is_ok());
}

#[test]
fn check_9_target_uri_matches() {
    // More cases are in `target`.
    assert_eq!(claim("htu", "https://chat.example.com/v2/Webchat/Token"), Err(ProofFailure::Target));
    assert_eq!(claim("htu", "https://evil.example.com/v2/Webchat/Token/Refresh"), Err(ProofFailure::Target));
}

#[test]
fn check_10_current_nonce_where_required() {
    let keys = || FingerprintKeys::new(vec![FingerprintKey::new(vec![7; 32]).unwrap()]).unwrap();
    let service = || Service { token: None, nonces: Some(Nonces::new(&keys())), ..Service::new() };
    let nonce = Nonces::new(&keys()).current(now()).to_str().unwrap().to_owned();
    let check = |service: Service, nonce: Value| service.check(Prover::new().with("nonce", nonce).proof());
    assert!(check(service(), json!(nonce)).is_ok());
    for other in [Value::Null, json!(""), json!("eyJ7S_zG.eyJH0-Z.HX4w-7v"), json!(1), json!([nonce])] {
        assert_eq!(check(service(), other.clone()), Err(ProofFailure::Nonce), "{other}");
    }
    // A precomputed proof has an old nonce.
    let later = service().later(TimeDelta::minutes(6));
    let iat = later.now.timestamp();
    let stale = Prover::new().with("nonce", nonce.as_str()).with("iat", iat);
    assert_eq!(later.check(stale.proof()), Err(ProofFailure::Nonce));
    // Where no nonce is required, any is accepted.
    for any in [Value::Null, json!("another's"), json!(1)] {
        assert!(check(Service { token: None, ..Service::new() }, any.clone()).is_ok(), "{any}");
    }
}

#[test]
fn check_11_issued_recently() {
    let seconds = |seconds: f64| claim("iat", json!(now().timestamp() as f64 + seconds));
    for near in [-60.0, -59.5, 0.0, 0.25, 60.0] {
        assert_eq!(seconds(near), Ok(()), "{near}");
    }
    for far in [-1e9, -60.5, 60.5, 1e9] {
        assert_eq!(seconds(far), Err(ProofFailure::Age), "{far}");
    }
    for nonsense in [json!(-1), json!(0), json!(i64::MAX), json!(u64::MAX), json!(1e300)] {
        assert_eq!(claim("iat", nonsense.clone()), Err(ProofFailure::Age), "{nonsense}");
    }
    // The same proof at later times.
    let proof = Prover::new().proof();
    assert!(Service::new().later(MAX_SKEW).check(&proof).is_ok());
    assert_eq!(Service::new().later(MAX_SKEW + TimeDelta::seconds(1)).check(&proof), Err(ProofFailure::Age));
    assert_eq!(Service::new().later(-MAX_SKEW - TimeDelta::seconds(1)).check(&proof), Err(ProofFailure::Age));
}

#[test]
fn check_12_token_hash_matches() {
    assert_eq!(claim("ath", Value::Null), Err(ProofFailure::AccessToken));
    for ath in ["", TOKEN, "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"] {
        assert_eq!(claim("ath", ath), Err(ProofFailure::AccessToken), "{ath}");
    }
    assert_eq!(claim("ath", 1), Err(ProofFailure::AccessToken));
    // A request without a token has nothing for `ath` to name.
    for ath in [Value::Null, json!("another token's"), json!(1)] {
        let create = Service { token: None, ..Service::new() };
        assert!(create.check(Prover::new().with("ath", ath.clone()).proof()).is_ok(), "{ath}");
    }
}

#[test]
fn errors_use_the_rfcs_codes() {
    let invalid = |reason| orchestrator::dpop::InvalidProof { reason };
    assert_eq!(invalid(ProofFailure::Signature).code(), Code::InvalidDpopProof);
    assert_eq!(invalid(ProofFailure::Replayed).code(), Code::InvalidDpopProof);
    assert_eq!(invalid(ProofFailure::Nonce).code(), Code::UseDpopNonce);
    assert_eq!(invalid(ProofFailure::TooMany).code(), Code::RateLimited);
    assert_eq!(invalid(ProofFailure::Age).to_string(), "invalid DPoP proof: iat");
}
