//! The settings of the three services: their secrets, and what one service's timeouts mean to the other.

use std::{fmt, fs};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use service_runtime::{Environment, SettingError, command::Program, settings::Setting};

type FromEnvironment = fn(&Environment) -> Result<(), SettingError>;

const SERVICES: [(Program, FromEnvironment); 3] = [
    (orchestrator::PROGRAM, |environment| orchestrator::Config::from_environment(environment).map(drop)),
    (federated_auth::PROGRAM, |environment| federated_auth::Config::from_environment(environment).map(drop)),
    (scoped_auth::PROGRAM, |environment| scoped_auth::Config::from_environment(environment).map(drop)),
];

/// A valid value of every required setting.
const VALID: [(&str, &str); 7] = [
    ("ORCHESTRATOR_ACCOUNTS_FILE", "accounts.toml"),
    ("ORCHESTRATOR_FEDERATED_AUTH_SECRET", "0123456789abcdef"),
    ("ORCHESTRATOR_FINGERPRINT_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
    ("FEDERATED_AUTH_ORCHESTRATOR_SECRET", "0123456789abcdef"),
    ("FEDERATED_AUTH_SCOPED_AUTH_SECRET", "0123456789abcdef"),
    ("SCOPED_AUTH_FEDERATED_AUTH_SECRET", "0123456789abcdef"),
    ("SCOPED_AUTH_KEYS_FILE", "keys.json"),
];

/// Starts with valid settings, of which `name` is replaced by `variable`.
fn outcome(
    (program, from_environment): (Program, FromEnvironment),
    name: &str,
    variable: &str,
    value: &str,
) -> Result<(), SettingError> {
    let others = VALID.into_iter().filter(|(valid, _)| *valid != name);
    let variables =
        others.chain([(variable, value)]).map(|(name, value)| (name.to_owned(), value.to_owned()));
    from_environment(&program.environment(variables).unwrap())
}

#[test]
fn every_secret_of_every_service_is_checked_at_the_start() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let mut checked = Vec::new();
    for service in SERVICES {
        let (program, _) = service;
        for setting in (program.settings)().into_iter().filter(|setting| setting.is_secret) {
            let name = Setting::variable(program.prefix, &setting.name);
            let file_name = format!("{name}_FILE");
            for bad in ["x", "aaaaaaaaaaaaaaaaaaaa,b", "\u{feff}0123456789abcdef", "a b c d e f g h i j", ""]
            {
                fs::write(file.path(), bad).unwrap();
                // As for every setting with a default, an empty variable means the default.
                let is_default = bad.is_empty() && setting.default.is_some();
                for (variable, value) in [(&name, bad), (&file_name, path)] {
                    if is_default && variable == &name {
                        continue;
                    }
                    let error = outcome(service, &name, variable, value).unwrap_err().to_string();
                    assert!(error.starts_with(&format!("{variable}: ")), "{variable}={bad:?}: {error}");
                    assert!(bad.len() < 2 || !error.contains(bad), "{error}");
                }
            }
            checked.push(name);
        }
    }
    assert_eq!(
        checked,
        [
            "ORCHESTRATOR_AUTHORIZE_SECRET",
            "ORCHESTRATOR_DATABASE_URL",
            "ORCHESTRATOR_FEDERATED_AUTH_SECRET",
            "ORCHESTRATOR_FINGERPRINT_KEY",
            "FEDERATED_AUTH_ORCHESTRATOR_SECRET",
            "FEDERATED_AUTH_SCOPED_AUTH_SECRET",
            "SCOPED_AUTH_FEDERATED_AUTH_SECRET",
            "SCOPED_AUTH_DATABASE_URL",
            "SCOPED_AUTH_OPERATOR_SECRET",
        ]
    );
}

/// Also a setting of a group within a group, whose name serde does not report.
#[test]
fn every_invalid_value_is_an_error_that_names_its_variable() {
    const TEXTS: [&str; 2] = ["a path", "a text"];
    let mut checked = 0;
    for service in SERVICES {
        let (program, _) = service;
        for setting in (program.settings)().into_iter().filter(|one| !TEXTS.contains(&&*one.expected)) {
            let variable = Setting::variable(program.prefix, &setting.name);
            let error = outcome(service, &variable, &variable, "hunter2 ,").unwrap_err().to_string();
            assert!(error.starts_with(&format!("{variable}: ")), "{variable}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked}");
}

#[test]
fn debug_hides_every_secret() {
    const PASSWORD: &str = "hunter2-hunter2-hunter2";
    fn debug<T: DeserializeOwned + JsonSchema + fmt::Debug>(program: Program) -> String {
        let secrets = Setting::list::<T>().into_iter().filter(|setting| setting.is_secret);
        let secrets = secrets.map(|setting| {
            let value = match &*setting.name {
                "database_url" => format!("postgres://user:{PASSWORD}@host/database"),
                "fingerprint_key" => "hunter2-".repeat(6),
                _ => PASSWORD.to_owned(),
            };
            (Setting::variable(program.prefix, &setting.name), value)
        });
        let valid = VALID.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = program.environment(valid.into_iter().chain(secrets)).unwrap();
        format!("{:?}", environment.fill::<T>().unwrap())
    }
    for text in [
        debug::<orchestrator::settings::OrchestratorSettings>(orchestrator::PROGRAM),
        debug::<federated_auth::settings::FederatedAuthSettings>(federated_auth::PROGRAM),
        debug::<scoped_auth::settings::ScopedAuthSettings>(scoped_auth::PROGRAM),
    ] {
        assert!(text.contains("keep_alive_seconds") && !text.contains("hunter2"), "{text}");
    }
}

/// A default is documented as an operator would set it.
#[test]
fn every_default_is_a_valid_value() {
    for service in SERVICES {
        let (program, _) = service;
        for setting in (program.settings)() {
            let variable = Setting::variable(program.prefix, &setting.name);
            if let Some(default) = setting.default {
                outcome(service, &variable, &variable, &default).unwrap();
            }
        }
    }
}

/// Otherwise a locked database is a 504 without `Retry-After`.
#[test]
fn by_default_scoped_auth_answers_before_its_caller_gives_up() {
    let milliseconds = |program: Program, name: &str| {
        let setting = (program.settings)().into_iter().find(|setting| setting.name == name).unwrap();
        setting.default.unwrap().parse::<u64>().unwrap()
    };
    let callee = milliseconds(scoped_auth::PROGRAM, "database_timeout_ms");
    let caller = milliseconds(federated_auth::PROGRAM, "scoped_auth_timeout_ms");
    assert!(callee + 100 <= caller, "{callee} {caller}");
}

/// Without a secret, every request would be refused.
#[test]
fn a_listener_for_proxies_needs_a_secret() {
    let [orchestrator, ..] = SERVICES;
    let listen = "ORCHESTRATOR_AUTHORIZE_LISTEN";
    let error = outcome(orchestrator, listen, listen, "127.0.0.1:8084").unwrap_err().to_string();
    assert_eq!(error, format!("ORCHESTRATOR_AUTHORIZE_SECRET: is required with {listen}"));
    let secret = "ORCHESTRATOR_AUTHORIZE_SECRET";
    outcome(orchestrator, secret, secret, "0123456789abcdef,fedcba9876543210").unwrap();
}
