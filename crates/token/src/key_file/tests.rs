//! Parsing the key file, and its errors.

use super::*;

const GOOD: &str = crate::vectors::KEYS;
const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

const AUDIT: &str = r#"{"kty":"oct","use":"audit","alg":"HS256","kid":"audit-1","status":"active",
    "k":"YGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn8"}"#;

fn refusal(json: &str) -> String {
    KeyFile::parse(json.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_good_file_is_read() {
    let file = KeyFile::parse(GOOD.as_bytes()).unwrap();
    let found =
        |usage, status| file.key_infos().filter(|key| (key.usage, key.status) == (usage, status)).count();
    let all = [Status::Next, Status::Active, Status::Retired];
    assert_eq!(all.map(|status| found(Use::Encryption, status)), [1, 1, 1]);
    assert_eq!(all.map(|status| found(Use::Signing, status)), [1, 1, 0]);
    assert_eq!(file.key_infos().count(), 5, "the audit key may be missing");
}

/// Some editors write one.
#[test]
fn a_byte_order_mark_is_ignored() {
    assert_eq!(KeyFile::parse(format!("\u{feff}{GOOD}").as_bytes()).unwrap().key_infos().count(), 5);
}

#[test]
fn an_error_names_position_and_problem_in_one_line_and_quotes_nothing() {
    for (good, bad, reason) in [
        ("\"keys\"", "\"kezs\"", "key file: expected"),
        (",", ";", "key file: not JSON"),
        ("\"kty\": \"oct\"", "\"kty\": \"RSA\"", "key 1 of the key file: its `kty` is not `oct` or `EC`"),
        ("\"kty\": \"oct\",", "", "key 1 of the key file: its `kty` is missing"),
        ("\"use\": \"enc\"", "\"use\": \"sig\"", "key 1 of the key file: its `use` is not `enc` or `audit`"),
        ("\"use\": \"sig\"", "\"use\": \"enc\"", "key 4 of the key file: its `use` is not `sig`"),
        ("\"alg\": \"dir\"", "\"alg\": \"A256GCM\"", "key 1 of the key file: its `alg` is not `dir`"),
        ("\"alg\": \"ES256\"", "\"alg\": \"HS256\"", "key 4 of the key file: its `alg` is not `ES256`"),
        ("\"crv\": \"P-256\"", "\"crv\": \"P-384\"", "key 4 of the key file: its `crv` is not `P-256`"),
        ("enc-1", "enc.1", "key 1 of the key file: its `kid` is not 1 to 32"),
        ("enc-1", "../1", "key 1 of the key file: its `kid` is not 1 to 32"),
        ("enc-2", "enc-1", "key 2 of the key file: its `kid` is that of an earlier key"),
        ("sig-1", "enc-1", "key 4 of the key file: its `kid` is that of an earlier key"),
        (SECRET, &SECRET[1..], "key 1 of the key file: its `k` is not 32 bytes of base64url"),
        (SECRET, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9", "key 1 of the key file: its `k` is not 32"),
        ("\"status\": \"next\"", "\"status\": \"new\"", "its `status` is not `next`, `active` or `retired`"),
        ("\"status\": \"active\"", "\"status\": \"next\"", "not exactly one key of use `enc` is active"),
        ("\"status\": \"next\"", "\"status\": \"active\"", "not exactly one key of use `enc` is active"),
        ("\"status\": \"active\"", "\"status\": true", "key file: expected a JWK Set"),
        ("\"kty\"", "\"made_at\": \"2026-11-20\", \"kty\"", "key file: expected a JWK Set"),
        ("\"kty\"", "\"made_at\": 1.5, \"kty\"", "key file: expected a JWK Set"),
        ("\"kty\"", "\"kty\": \"oct\", \"kty\"", "key file: expected a JWK Set"),
        (
            "\"kty\"",
            "\"made_at\": 9223372036854775807, \"kty\"",
            "key 1 of the key file: its `made_at` is out of range",
        ),
        ("\"kty\"", "\"opens_until\": -9223372036854775808, \"kty\"", "its `opens_until` is out of range"),
        ("\"use\": \"enc\"", "\"use\": \"audit\"", "key 1 of the key file: its `alg` is not `HS256`"),
        (
            "\"keys\": [",
            &format!("\"keys\": [{AUDIT}, {}, ", AUDIT.replace("audit-1", "audit-2")),
            "the key file: more than one key of use `audit`",
        ),
        (
            "\"keys\": [",
            &format!("\"keys\": [{}, ", AUDIT.replace("active", "next")),
            "or one that is not active",
        ),
    ] {
        let refusal = refusal(&GOOD.replacen(good, bad, 1));
        assert!(refusal.contains(reason), "{refusal}");
        assert!(!refusal.contains('\n') && !refusal.contains(&SECRET[1..]), "{refusal}");
    }
    let no_signatures = GOOD.replace("\"status\": \"active\"", "\"status\": \"retired\"");
    let no_signatures = no_signatures.replacen("\"status\": \"retired\"", "\"status\": \"active\"", 1);
    assert!(refusal(&no_signatures).contains("not exactly one key of use `sig` is active"));
}

#[test]
fn a_key_file_round_trips() {
    let times = GOOD.replacen("\"kty\"", "\"made_at\": 1795176000, \"opens_until\": 1795262415, \"kty\"", 3);
    let with_audit = times.replace("\"keys\": [", &format!("\"keys\": [{AUDIT}, "));
    let written = KeyFile::parse(with_audit.as_bytes()).unwrap().write().unwrap();
    let [read, written]: [serde_json::Value; 2] =
        [with_audit.as_bytes(), &written].map(|json| serde_json::from_slice(json).unwrap());
    assert_eq!(written, read);
}

#[test]
fn unknown_members_are_ignored() {
    let json = GOOD.replacen("\"kty\"", "\"key_ops\": [\"encrypt\"], \"x5t\": 1, \"kty\"", 1);
    assert!(KeyFile::parse(json.as_bytes()).is_ok());
}

#[test]
fn debug_output_contains_no_keys() {
    let file = KeyFile::parse(GOOD.as_bytes()).unwrap();
    assert_eq!(format!("{file:?}"), "KeyFile(…)");
}

#[test]
fn a_missing_file_is_a_read_error() {
    let path = tempfile::tempdir().unwrap().path().join("keys.json");
    assert!(matches!(KeyFile::load(&path), Err(KeyFileError::Read(_))));
}
