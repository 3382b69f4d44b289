//! Mutual TLS between services, if certificates are configured: in addition to the service credential, never instead of
//! it. Three settings on either side name the files; a service that has them accepts no plain connections.

mod callee;
mod caller;
mod files;

use std::path::PathBuf;

pub use callee::{Callee, CalleeTls};
pub use caller::{Caller, CallerTls};
pub use files::{FromMaterial, OwnFiles, PERIOD, Part, TlsError, TlsFiles, WatchedFiles};

pub(crate) use callee::server_config;
pub(crate) use caller::platform_config;

use crate::settings::{SettingError, Settings};

/// The server's settings: `tls_certificate`, `tls_key` and `tls_client_ca`, all three or none.
pub fn callee(settings: &Settings) -> Result<Option<CalleeTls>, SettingError> {
    let names = ["tls_certificate", "tls_key", "tls_client_ca"];
    let [certificate, key, authorities] =
        [path(settings, names[0])?, path(settings, names[1])?, path(settings, names[2])?];
    match (certificate, key, authorities) {
        (None, None, None) => Ok(None),
        (Some(certificate), Some(key), Some(authorities)) => {
            let own = Some(OwnFiles { certificate, key });
            let files = TlsFiles { authorities, own, period: PERIOD };
            let loaded = WatchedFiles::load(files);
            loaded.map(Some).map_err(|error| {
                let [certificate, key, authorities] = names;
                settings.error(setting_of(error.part, [authorities, certificate, key]), &error)
            })
        }
        (certificate, key, _) => {
            let missing = match (certificate, key) {
                (None, _) => names[0],
                (_, None) => names[1],
                (Some(_), Some(_)) => names[2],
            };
            Err(settings.error(missing, "is not set; the three TLS files must be set together"))
        }
    }
}

/// The client's settings for the service at `base_url`: `<peer>_ca`, and for a client certificate `<peer>_certificate`
/// and `<peer>_key`.
pub fn caller(settings: &Settings, peer: &str, base_url: &str) -> Result<Option<CallerTls>, SettingError> {
    let names = ["ca", "certificate", "key"].map(|file| format!("{peer}_{file}"));
    let [ca, certificate, key] = &names;
    let given = [path(settings, ca)?, path(settings, certificate)?, path(settings, key)?];
    if !base_url.starts_with("https:") {
        return match names.iter().zip(&given).find(|(_, given)| given.is_some()) {
            Some((name, _)) => {
                let url = format!("{peer}_url");
                Err(settings.error(&url, format_args!("is not https, though {} is set", settings.full(name))))
            }
            None => Ok(None),
        };
    }
    let [authorities, chain, private] = given;
    let authorities =
        authorities.ok_or_else(|| settings.error(ca, "is not set, though the URL of the peer is https"))?;
    let own = match (chain, private) {
        (Some(certificate), Some(key)) => Some(OwnFiles { certificate, key }),
        (None, None) => None,
        (Some(_), None) => return Err(settings.error(key, "is not set, though the certificate is")),
        (None, Some(_)) => return Err(settings.error(certificate, "is not set, though its key is")),
    };
    WatchedFiles::load(TlsFiles { authorities, own, period: PERIOD })
        .map(Some)
        .map_err(|error| settings.error(setting_of(error.part, [ca, certificate, key]), &error))
}

fn path(settings: &Settings, name: &str) -> Result<Option<PathBuf>, SettingError> {
    settings.optional(name, "a path")
}

fn setting_of(part: Part, [authorities, certificate, key]: [&str; 3]) -> &str {
    match part {
        Part::Authorities => authorities,
        Part::Certificate => certificate,
        Part::Key => key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Requirement, Setting};

    const OPTIONAL: Setting = Setting { name: "", default: Requirement::Optional, help: "" };
    const TABLE: &[Setting] = &[
        Setting { name: "tls_certificate", ..OPTIONAL },
        Setting { name: "tls_key", ..OPTIONAL },
        Setting { name: "tls_client_ca", ..OPTIONAL },
        Setting { name: "peer_ca", ..OPTIONAL },
        Setting { name: "peer_certificate", ..OPTIONAL },
        Setting { name: "peer_key", ..OPTIONAL },
    ];

    fn settings(given: &[&str]) -> Settings {
        let given = given.iter().map(|name| ((*name).to_owned(), "/nonexistent/hunter2".to_owned()));
        Settings::read("X_", TABLE, given).unwrap()
    }

    fn callee_error(given: &[&str]) -> Option<String> {
        callee(&settings(given)).map(|tls| assert!(tls.is_none())).err().map(|error| error.to_string())
    }

    fn caller_error(given: &[&str], url: &str) -> Option<String> {
        caller(&settings(given), "peer", url)
            .map(|tls| assert!(tls.is_none()))
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn a_callee_has_all_three_files_or_none() {
        assert_eq!(callee_error(&[]), None);
        let [certificate, key, ca] = ["X_TLS_CERTIFICATE", "X_TLS_KEY", "X_TLS_CLIENT_CA"];
        for (given, missing) in [
            (vec![key, ca], certificate),
            (vec![certificate, ca], key),
            (vec![certificate, key], ca),
            (vec![ca], certificate),
        ] {
            let error = callee_error(&given).unwrap();
            assert_eq!(error, format!("{missing}: is not set; the three TLS files must be set together"));
        }
        let unreadable = callee_error(&[certificate, key, ca]).unwrap();
        assert_eq!(unreadable, "X_TLS_CLIENT_CA: cannot be read: entity not found");
    }

    #[test]
    fn a_caller_has_certificates_only_if_the_url_is_https() {
        let [ca, certificate, key] = ["X_PEER_CA", "X_PEER_CERTIFICATE", "X_PEER_KEY"];
        assert_eq!(caller_error(&[], "http://a"), None);
        for given in [ca, certificate, key] {
            let error = caller_error(&[given], "http://a").unwrap();
            assert_eq!(error, format!("X_PEER_URL: is not https, though {given} is set"));
        }
        for (given, error) in [
            (vec![], "X_PEER_CA: is not set, though the URL of the peer is https"),
            (vec![ca, certificate], "X_PEER_KEY: is not set, though the certificate is"),
            (vec![ca, key], "X_PEER_CERTIFICATE: is not set, though its key is"),
            (vec![ca], "X_PEER_CA: cannot be read: entity not found"),
        ] {
            assert_eq!(caller_error(&given, "https://a").as_deref(), Some(error));
        }
    }
}
