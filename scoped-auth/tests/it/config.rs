//! The configuration that is read from settings.

use scoped_auth::{Config, PROGRAM, sessions::Rules};

#[test]
fn default_rules_are_the_defaults_of_the_settings() {
    let required = [
        ("SCOPED_AUTH_FEDERATED_AUTH_SECRET", "what-federated-auth-shows"),
        ("SCOPED_AUTH_KEYS_FILE", "keys.json"),
    ];
    let required = required.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = PROGRAM.environment(required).unwrap();
    assert_eq!(Config::from_environment(&environment).unwrap().rules, Rules::default());
}

#[test]
fn an_issuer_is_a_url() {
    let read = |issuer: &str| {
        let variables = [
            ("SCOPED_AUTH_FEDERATED_AUTH_SECRET", "what-federated-auth-shows"),
            ("SCOPED_AUTH_KEYS_FILE", "keys.json"),
            ("SCOPED_AUTH_ISSUER", issuer),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = PROGRAM.environment(variables).unwrap();
        Config::from_environment(&environment).map(|config| config.issuer).map_err(|error| error.to_string())
    };
    assert_eq!(read(""), Ok(None));
    for issuer in ["https://chat.example.com", "http://127.0.0.1:8080", "https://example.com/chat/"] {
        assert_eq!(read(issuer), Ok(Some(issuer.into())), "unchanged");
    }
    let long = format!("https://chat.example.com/{}", "a".repeat(200));
    for wrong in [
        "chat.example.com",
        "urn:example:chat",
        "https://",
        "https://chat.example.com/?a=1",
        "https://chat.example.com/#a",
        "https://user@chat.example.com",
        "https://:secret@chat.example.com",
        "https://chat.example.com/a b",
        "https://chät.example.com",
        &long,
    ] {
        let error = read(wrong).expect_err(wrong);
        assert!(error.contains("SCOPED_AUTH_ISSUER") && !error.contains("secret"), "{error}");
    }
}
