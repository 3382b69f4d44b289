use std::{fmt, fs, time::Duration};

use schemars::JsonSchema;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_inline_default::serde_inline_default;

use super::*;
use crate::ServiceCredential;

/// All settings of a service.
#[serde_inline_default]
#[derive(Debug, Deserialize, JsonSchema)]
struct AllSettings {
    /// Address of
    /// the service.
    #[serde_inline_default(Address::local(1))]
    listen: Address,
    #[serde(flatten, deserialize_with = "group")]
    peer: PeerSettings,
    #[serde(flatten, deserialize_with = "group")]
    database: DatabaseSettings,
}

/// A group with a group in it.
#[derive(Debug, Deserialize, JsonSchema)]
struct PeerSettings {
    peer_url: BaseUrl,
    other_url: Option<BaseUrl>,
    #[serde(flatten, deserialize_with = "group")]
    secrets: SecretSettings,
    #[serde(flatten, deserialize_with = "group")]
    timeout: TimeoutSettings,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct SecretSettings {
    secret: SecretList,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct CredentialSettings {
    secret: ServiceCredential,
}

#[serde_inline_default]
#[derive(Debug, Deserialize, JsonSchema)]
struct TimeoutSettings {
    #[serde_inline_default(Milliseconds::of::<5>())]
    timeout_ms: Milliseconds<10>,
}

#[serde_inline_default]
#[derive(Debug, Deserialize, JsonSchema)]
struct DatabaseSettings {
    #[serde_inline_default(DatabaseText("sqlite:db".into()))]
    database_url: DatabaseText,
}

/// A secret with a default.
#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline, extend("format" = PASSWORD))]
struct DatabaseText(String);

const REQUIRED: [(&str, &str); 2] = [("X_PEER_URL", "http://peer"), ("X_SECRET", "0123456789abcdef")];

fn environment(variables: &[(&str, &str)]) -> Environment {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Environment::read("X_", Setting::list::<AllSettings>(), variables).unwrap()
}

fn error<T: DeserializeOwned + JsonSchema + fmt::Debug>(variables: &[(&str, &str)]) -> String {
    environment(variables).fill::<T>().unwrap_err().to_string()
}

#[test]
fn defaults_hold_where_nothing_is_set() {
    let mut variables = vec![("X_LISTEN", ""), ("X_OTHER_URL", " ")];
    variables.extend(REQUIRED);
    let settings: AllSettings = environment(&variables).fill().unwrap();
    assert_eq!(settings.listen, Address("127.0.0.1:1".parse().unwrap()));
    assert_eq!(settings.database.database_url, DatabaseText("sqlite:db".into()));
    assert_eq!(settings.peer.peer_url.as_str(), "http://peer");
    assert_eq!(settings.peer.other_url, None);
    assert_eq!(settings.peer.secrets.secret.into_secrets().len(), 1);
    assert_eq!(settings.peer.timeout.timeout_ms.duration(), Duration::from_millis(5));
}

#[test]
fn every_error_names_the_variable_and_repeats_no_value() {
    for (variable, value, expected) in [
        ("X_LISTEN", "hunter2", "X_LISTEN: expected an IP address and a port, such as 127.0.0.1:8080"),
        ("X_SECRET_FILE", "/nonexistent/hunter2", "X_SECRET_FILE: cannot be read: entity not found"),
        (
            "X_OTHER_URL",
            "ftp://hunter2",
            "X_OTHER_URL: expected a URL such as http://127.0.0.1:8081, without a path",
        ),
        ("X_PEER_URL", "", "X_PEER_URL: is not set"),
        ("X_SECRET_FILE", "", "X_SECRET_FILE: cannot be read: entity not found"),
        ("X_TIMEOUT_MS", "0", "X_TIMEOUT_MS: expected a whole number from 1 to 10"),
    ] {
        let mut variables: Vec<_> =
            REQUIRED.into_iter().filter(|(name, _)| !variable.starts_with(name)).collect();
        variables.push((variable, value));
        assert_eq!(error::<AllSettings>(&variables), expected);
    }
    let without_secret = error::<AllSettings>(&REQUIRED[..1]);
    assert_eq!(without_secret, "X_SECRET: is not set, nor is its _FILE");
}

#[test]
fn a_struct_needs_only_its_own_settings() {
    let others = [("X_LISTEN", "nowhere"), ("X_SECRET_FILE", "/nonexistent/secret")];
    let environment = environment(&[others[0], others[1], ("X_TIMEOUT_MS", "7")]);
    let settings: TimeoutSettings = environment.fill().unwrap();
    assert_eq!(settings.timeout_ms.duration(), Duration::from_millis(7));
}

#[test]
fn the_schema_documents_every_setting() {
    let settings = Setting::list::<AllSettings>();
    assert_eq!(
        help("X_", &settings).lines().skip(1).take(2).collect::<Vec<_>>(),
        [
            "  X_LISTEN",
            "      Address of the service [default 127.0.0.1:1; an IP address and a port, such as 127.0.0.1:8080]"
        ]
    );
    let table = markdown("X_", &settings);
    let cells = |row: &str| row.split(" | ").take(3).collect::<Vec<_>>().join(" | ");
    assert_eq!(
        table.lines().skip(2).map(cells).collect::<Vec<_>>(),
        [
            "| `X_LISTEN` | `127.0.0.1:1` | an IP address and a port, such as 127.0.0.1:8080",
            "| `X_PEER_URL` | required | a URL such as http://127.0.0.1:8081, without a path",
            "| `X_OTHER_URL` | none | a URL such as http://127.0.0.1:8081, without a path",
            "| `X_SECRET` | required, also as `…_FILE` | one or more, comma separated, each of 16 characters or more of \
             printable ASCII without spaces",
            "| `X_TIMEOUT_MS` | `5` | a whole number from 1 to 10",
            "| `X_DATABASE_URL` | `sqlite:db`, also as `…_FILE` | a text",
        ]
    );
}

#[test]
fn a_secret_comes_inline_or_from_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "from-file-0123456789\n").unwrap();
    let from_file = secrets(&[("X_SECRET_FILE", file.path().to_str().unwrap())]);
    assert_eq!(from_file, ["from-file-0123456789"]);
    let CredentialSettings { secret } = environment(&REQUIRED).fill().unwrap();
    assert_eq!(secret.header(), b"Bearer 0123456789abcdef");
    assert!(!format!("{secret:?}").contains("0123456789"));
    let both = error::<SecretSettings>(&[("X_SECRET", "a"), ("X_SECRET_FILE", "b")]);
    assert_eq!(both, "X_SECRET: is set both inline and as a file");
    let database = |variables: &[_]| {
        let DatabaseSettings { database_url: DatabaseText(url) } = environment(variables).fill().unwrap();
        url
    };
    assert_eq!(database(&[]), "sqlite:db");
    assert_eq!(database(&[("X_DATABASE_URL", "")]), "sqlite:db");
    assert_eq!(database(&[("X_DATABASE_URL", "postgres:x")]), "postgres:x");
    let (old, new) = ("0123456789abcdef", "fedcba9876543210");
    assert_eq!(secrets(&[("X_SECRET", &format!("{old}, {new},"))]), [old, new]);
}

fn secrets(variables: &[(&str, &str)]) -> Vec<String> {
    let SecretSettings { secret } = environment(variables).fill().unwrap();
    assert!(!format!("{secret:?}").contains("0123456789"));
    secret.into_secrets().iter().map(|secret| secret.expose_secret().to_owned()).collect()
}

#[test]
fn every_accepted_secret_is_long_and_printable() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for bad in [
        "x",
        "0123456789abcde",
        "aaaaaaaaaaaaaaaaaaaa,b",
        "b,aaaaaaaaaaaaaaaaaaaa",
        "spaces are no part of it",
        "tabs\tare\tno\tpart\tof\tit",
        "ümläute-are-no-part-of-it",
        "\u{feff}0123456789abcdef",
    ] {
        fs::write(file.path(), bad).unwrap();
        let path = file.path().to_str().unwrap();
        for (variable, value) in [("X_SECRET", bad), ("X_SECRET_FILE", path)] {
            let variables = [(variable, value)];
            for error in [error::<SecretSettings>(&variables), error::<CredentialSettings>(&variables)] {
                assert!(error.starts_with(&format!("{variable}: ")), "{error}");
                assert!(bad.len() == 1 || !error.contains(bad), "{error}");
            }
        }
    }
}

/// No setting is valid with it, so none is refused later without a reason.
#[test]
fn a_byte_order_mark_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "\u{feff}postgres://host/database\n").unwrap();
    assert_eq!(
        error::<DatabaseSettings>(&[("X_DATABASE_URL_FILE", file.path().to_str().unwrap())]),
        "X_DATABASE_URL_FILE: begins with a byte order mark; save it as UTF-8 without one"
    );
}

#[test]
fn unknown_names_are_listed() {
    let environment = environment(&[
        ("X_LISTN", "1"),
        ("X_SECRET_FILE", "f"),
        ("X_DATABASE_URL_FILE", "f"),
        ("X_LISTEN_FILE", "f"),
        ("Y_A", "1"),
    ]);
    assert_eq!(environment.unknown(), ["X_LISTEN_FILE", "X_LISTN"]);
}
