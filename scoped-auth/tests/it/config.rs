//! The configuration that is read from settings.

use scoped_auth::{Config, PROGRAM, sessions::Rules};
use service_runtime::Settings;

#[test]
fn default_rules_are_the_defaults_of_the_settings() {
    let required = [
        ("SCOPED_AUTH_FEDERATED_AUTH_SECRET", "what-federated-auth-shows"),
        ("SCOPED_AUTH_KEYS_FILE", "keys.json"),
    ];
    let required = required.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Settings::read(PROGRAM.prefix, PROGRAM.settings, required).unwrap();
    assert_eq!(Config::from_settings(&settings).unwrap().rules, Rules::default());
}
