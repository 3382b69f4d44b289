//! Signed tokens, verified by a third party with only the published keys.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::api::{Sas, generate_request, http::Request};

const JWKS: &str = "/.well-known/jwks.json";

/// The header and the claims of a token, if one of the published keys signed it.
pub(crate) fn verified(token: &str, jwks: &Value) -> Option<(Value, Value)> {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header: Value = serde_json::from_slice(&decode(header)).unwrap();
    let key = jwks["keys"].as_array()?.iter().find(|key| key["kid"] == header["kid"])?;
    let coordinate = |name: &str| decode(key[name].as_str().unwrap());
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    key.verify(signed.as_bytes(), &decode(signature)).ok()?;
    Some((header, serde_json::from_slice(&decode(claims)).unwrap()))
}

pub(crate) async fn published(sas: &Sas) -> Value {
    sas.answers(Request::get(JWKS)).await.body()
}

/// The claims of a signed token made from these fields.
pub(crate) async fn claims(sas: &Sas, mut fields: Value) -> Value {
    fields["encrypt"] = false.into();
    let token = sas.token(&fields).await;
    verified(&token, &published(sas).await).unwrap().1
}

#[tokio::test]
async fn a_signed_token_is_verified_with_the_published_keys() {
    let sas = Sas::start().await;
    let token = sas.token(&generate_request(json!({"encrypt": false}))).await;
    let jwks = published(&sas).await;
    let (header, claims) = verified(&token, &jwks).unwrap();
    assert_eq!(header["alg"], "ES256");
    assert_eq!(claims["iss"], "ScopedAuthService");
    assert_eq!(claims["aud"], "webchat");
    let others = published(&Sas::start().await).await;
    assert!(verified(&token, &others).is_none(), "another ring's keys do not verify it");
}

#[tokio::test]
async fn altered_tokens_do_not_verify() {
    let sas = Sas::start().await;
    let token = sas.token(&generate_request(json!({"encrypt": false}))).await;
    let jwks = published(&sas).await;
    let of_another = sas.token(&generate_request(json!({"encrypt": false}))).await;
    let [header, _, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let others_claims = of_another.split('.').nth(1).unwrap();
    assert!(verified(&format!("{header}.{others_claims}.{signature}"), &jwks).is_none());
}

#[tokio::test]
async fn claims_match_the_contract() {
    let sas = Sas::start().await;
    let claims = claims(&sas, generate_request(json!({}))).await;
    let names: Vec<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["jti", "iss", "aud", "sub", "iat", "nbf", "exp", "grants", "sid", "auth_time"]);
    assert_eq!(claims["sub"], crate::api::ACCOUNT);
    assert_eq!(claims["nbf"], claims["iat"]);
    assert_eq!(claims["auth_time"], claims["iat"], "the session begins with its first token");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    let grants: Vec<&str> = claims["grants"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(grants, ["identity", "webchat", "chat"]);
}

#[tokio::test]
async fn published_keys_contain_no_private_part() {
    let sas = Sas::start().await;
    let answer = sas.answers(Request::get(JWKS)).await;
    assert_eq!((answer.status, answer.header("content-type").as_str()), (200, "application/json"));
    let keys = answer.body()["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 1, "encryption keys are not published");
    let members: Vec<&str> = keys[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["kty", "crv", "x", "y", "alg", "use", "kid"], "no private part");
}
