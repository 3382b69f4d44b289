//! Properties of all tokens and of all texts that are not tokens.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::{prelude::*, sample::Index};
use ring::rand::SystemRandom;
use serde_json::json;
use shared_types::{
    AccountSid, AddressSid, ConversationsServiceSid, DeploymentKey, Fingerprint, Grant, Identity,
    SealedToken, SessionId, Thumbprint,
    grant::{Chat, GrantsClaim, Webchat},
};
use token::{
    claims::{Audience, Claims, Confirmation, Issuer},
    jose::{TokenFormat, Unauthentic},
    key_file::KeyFile,
    key_ring::KeyRing,
};
use uuid::Uuid;

static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    let file = KeyFile::parse(include_bytes!("../vectors/keys.json")).expect("keys");
    KeyRing::new(file, &SystemRandom::new()).expect("a key ring")
});

fn any_claims() -> impl Strategy<Value = Claims> {
    let times = prop::array::uniform4(0..4_102_444_800i64);
    let fingerprint = prop::option::of("[a-zA-Z0-9._-]{1,300}");
    let ids = any::<([u8; 16], [u8; 16], [u8; 16], u128, u128)>();
    (ids, any::<Option<u128>>(), "[a-z]{9,12}", ".{0,60}", times, fingerprint).prop_map(
        |(
            (jti, sid, identity, account, address),
            deployment,
            product,
            text,
            [iat, nbf, exp, auth_time],
            fingerprint,
        )| {
            let at = |seconds| chrono::DateTime::from_timestamp(seconds, 0).expect("a time");
            let other = json!({"type": product, "text": text, "list": [1, null, {"a": "b"}]});
            Claims {
                jti: Uuid::from_bytes(jti),
                iss: Issuer::default(),
                aud: Audience::default(),
                sub: AccountSid::from_bits(account),
                iat: at(iat),
                nbf: at(nbf),
                exp: at(exp),
                grants: GrantsClaim {
                    identity: Identity::from_random(identity),
                    grants: vec![
                        Grant::Webchat(Webchat {
                            address_sid: AddressSid::from_bits(address),
                            deployment_key: deployment.map(DeploymentKey::from_bits),
                        }),
                        serde_json::from_value(other).expect("a grant"),
                        Grant::Chat(Chat { service_sid: ConversationsServiceSid::from_bits(address) }),
                    ],
                },
                sid: SessionId::from_random(sid),
                auth_time: at(auth_time),
                generation: u32::try_from(account % 3).unwrap_or(0),
                first_fingerprint: deployment.and(fingerprint.clone()).and_then(Fingerprint::new),
                fingerprint: fingerprint.and_then(Fingerprint::new),
                cnf: deployment.map(|bits| Confirmation { jkt: Thumbprint::from_bytes([bits as u8; 32]) }),
            }
        },
    )
}

fn any_form() -> impl Strategy<Value = TokenFormat> {
    prop_oneof![Just(TokenFormat::Encrypted), Just(TokenFormat::Signed)]
}

fn seal(claims: &Claims, form: TokenFormat) -> SealedToken {
    RING.seal(claims, form, &SystemRandom::new()).expect("a token")
}

fn open(text: String) -> Result<Claims, Unauthentic> {
    SealedToken::new(text).ok_or(Unauthentic).and_then(|token| RING.open(&token))
}

proptest! {
    #[test]
    fn claims_round_trip(claims in any_claims(), form in any_form()) {
        prop_assert_eq!(RING.open(&seal(&claims, form)), Ok(claims));
    }

    #[test]
    fn changing_any_character_prevents_opening(
        claims in any_claims(), form in any_form(), index: Index, character: char,
    ) {
        let token = seal(&claims, form);
        let mut characters: Vec<char> = token.as_str().chars().collect();
        let place = index.index(characters.len());
        prop_assume!(characters[place] != character);
        characters[place] = character;
        prop_assert_eq!(open(characters.into_iter().collect()), Err(Unauthentic));
    }

    #[test]
    fn adding_or_removing_a_part_prevents_opening(
        claims in any_claims(), form in any_form(), index: Index, piece in "[A-Za-z0-9_.=-]{1,4}",
    ) {
        let token = seal(&claims, form);
        let place = index.index(token.as_str().len());
        let (before, after) = token.as_str().split_at(place);
        prop_assert_eq!(open(format!("{before}{piece}{after}")), Err(Unauthentic));
        prop_assert_eq!(open(before.to_owned()), Err(Unauthentic));
        prop_assert_eq!(open(after.to_owned()), if place == 0 { Ok(claims) } else { Err(Unauthentic) });
    }

    #[test]
    fn no_input_text_panics(text in "\\PC{0,200}") {
        prop_assert_eq!(open(text), Err(Unauthentic));
    }

    #[test]
    fn no_jose_parts_panic(parts in prop::collection::vec("[A-Za-z0-9_=+/-]{0,60}", 1..8)) {
        prop_assert_eq!(open(parts.join(".")), Err(Unauthentic));
    }

    #[test]
    fn no_jose_header_panics(kid in "(enc-1|sig-1|.{0,40})[.]?([A-Za-z0-9_-]{22})?([.]CV[0-9a-f]{32})?", rest in "\\PC{0,20}") {
        for header in [
            json!({"alg": "dir", "enc": "A256GCM", "typ": "JWT", "cty": "twilio-fpa;v=1", "kid": kid}),
            json!({"alg": "ES256", "typ": "JWT", "cty": "twilio-fpa;v=1", "kid": kid}),
        ] {
            let header = URL_SAFE_NO_PAD.encode(header.to_string());
            for text in [format!("{header}.{rest}.{rest}"), format!("{header}..{rest}.{rest}.{rest}")] {
                prop_assert_eq!(open(text), Err(Unauthentic));
            }
            let [text, tag] = [vec![0; rest.len()], vec![0; 16]].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
            prop_assert_eq!(open(format!("{header}..AAAAAAAAAAAAAAAA.{text}.{tag}")), Err(Unauthentic));
        }
    }
}

/// Flips every bit of every character that keeps the text ASCII.
#[test]
fn flipping_any_bit_prevents_opening() {
    for token in ["encrypted, with fingerprint and deployment", "signed, without either"] {
        let good: serde_json::Value = serde_json::from_str(include_str!("../vectors/good.json")).unwrap();
        let tokens = good["tokens"].as_array().unwrap();
        let token = tokens.iter().find(|good| good["name"] == token).unwrap()["token"].as_str().unwrap();
        assert!(open(token.to_owned()).is_ok());
        for place in 0..token.len() {
            for bit in 0..7 {
                let mut bytes = token.as_bytes().to_vec();
                bytes[place] ^= 1 << bit;
                let flipped = String::from_utf8(bytes).unwrap();
                assert_eq!(open(flipped), Err(Unauthentic), "bit {bit} of character {place}");
            }
        }
    }
}
