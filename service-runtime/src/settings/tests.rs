use std::fs;

use secrecy::ExposeSecret;

use super::*;

const TABLE: &[Setting] = &[
    Setting { name: "listen", default: Requirement::Default("127.0.0.1:1"), help: "" },
    Setting { name: "peer_url", default: Requirement::Required, help: "" },
    Setting { name: "other_url", default: Requirement::Optional, help: "" },
    Setting { name: "secret", default: Requirement::Secret, help: "" },
    Setting { name: "timeout_ms", default: Requirement::Default("5"), help: "" },
    Setting { name: "database_url", default: Requirement::DefaultSecret("sqlite:db"), help: "" },
];

fn settings(variables: &[(&str, &str)]) -> Settings {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::read("X_", TABLE, variables).unwrap()
}

#[test]
fn defaults_hold_where_nothing_is_set() {
    let settings = settings(&[("X_LISTEN", "")]);
    assert_eq!(settings.address("listen").unwrap(), "127.0.0.1:1".parse().unwrap());
    assert_eq!(settings.text("other_url").unwrap(), None);
}

#[test]
fn every_error_names_the_variable_and_repeats_no_value() {
    let settings = settings(&[
        ("X_LISTEN", "hunter2"),
        ("X_SECRET_FILE", "/nonexistent/hunter2"),
        ("X_OTHER_URL", "ftp://hunter2"),
        ("X_TIMEOUT_MS", "0"),
    ]);
    let errors = [
        settings.address("listen").unwrap_err(),
        settings.secret("secret").unwrap_err(),
        settings.base_url("other_url").unwrap_err(),
        settings.base_url("peer_url").unwrap_err(),
        settings.milliseconds("timeout_ms", 10).unwrap_err(),
    ]
    .map(|error| error.to_string());
    assert_eq!(
        errors,
        [
            "X_LISTEN: expected an IP address and a port, such as 127.0.0.1:8080",
            "X_SECRET_FILE: cannot be read: entity not found",
            "X_OTHER_URL: expected a URL such as http://127.0.0.1:8081, without a path",
            "X_PEER_URL: is not set",
            "X_TIMEOUT_MS: expected a whole number from 1 to 10",
        ]
    );
}

#[test]
fn a_secret_comes_inline_or_from_a_file() {
    let file = std::env::temp_dir().join(format!("secret-{}", std::process::id()));
    fs::write(&file, "from-file\n").unwrap();
    let from_file = settings(&[("X_SECRET_FILE", file.to_str().unwrap())]);
    assert_eq!(from_file.secret("secret").unwrap().expose_secret(), "from-file");
    fs::remove_file(&file).unwrap();
    let both = settings(&[("X_SECRET", "a"), ("X_SECRET_FILE", "b")]);
    assert!(both.secret("secret").unwrap_err().to_string().contains("both"));
    let database = |variables: &[_]| settings(variables).secret("database_url").unwrap();
    assert_eq!(database(&[]).expose_secret(), "sqlite:db");
    assert_eq!(database(&[("X_DATABASE_URL", "")]).expose_secret(), "sqlite:db");
    assert_eq!(database(&[("X_DATABASE_URL", "postgres:x")]).expose_secret(), "postgres:x");
    let (old, new) = ("0123456789abcdef", "fedcba9876543210");
    let several = format!("{old}, {new},");
    let several = settings(&[("X_SECRET", &several)]).secrets("secret").unwrap();
    assert_eq!(several.iter().map(ExposeSecret::expose_secret).collect::<Vec<_>>(), [old, new]);
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
            let settings = settings(&[(variable, value)]);
            let errors = [
                settings.secrets("secret").unwrap_err(),
                settings.optional_secrets("secret").unwrap_err(),
                settings.credential("secret").unwrap_err(),
            ];
            for error in errors.map(|error| error.to_string()) {
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
    let settings = settings(&[("X_DATABASE_URL_FILE", file.path().to_str().unwrap())]);
    assert_eq!(
        settings.secret("database_url").unwrap_err().to_string(),
        "X_DATABASE_URL_FILE: begins with a byte order mark; save it as UTF-8 without one"
    );
}

#[test]
fn unknown_names_are_listed() {
    let settings = settings(&[
        ("X_LISTN", "1"),
        ("X_SECRET_FILE", "f"),
        ("X_DATABASE_URL_FILE", "f"),
        ("X_LISTEN_FILE", "f"),
        ("Y_A", "1"),
    ]);
    assert_eq!(settings.unknown(), ["X_LISTEN_FILE", "X_LISTN"]);
}
