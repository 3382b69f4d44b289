//! Mutual TLS between services, if certificates are configured: in addition to the service credential, never instead of
//! it. Three settings on either side name the files; a service that has them accepts no plain connections.

mod callee;
mod caller;
mod files;

pub use callee::{Callee, CalleeTls};
pub use caller::{Caller, CallerTls};
pub use files::{FromMaterial, OwnFiles, PERIOD, Part, TlsError, TlsFiles, TlsSource, WatchedTls};

pub(crate) use callee::server_config;
pub(crate) use caller::platform_config;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::settings::{Environment, FilePath, SettingError};

/// The server's settings, all three or none.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct CalleeSettings {
    /// PEM file with the service's certificate chain; with the next two settings it accepts HTTPS only; reloaded when the
    /// files change.
    pub tls_certificate: Option<FilePath>,
    /// PEM file with the certificate's key.
    pub tls_key: Option<FilePath>,
    /// PEM file with the CAs that the caller's certificate must chain to.
    pub tls_client_ca: Option<FilePath>,
}

/// The client's settings for one service: `<peer>_ca`, and for a client certificate `<peer>_certificate` and `<peer>_key`.
#[derive(Clone, Debug)]
pub struct CallerSettings {
    /// The setting names' beginning.
    pub peer: &'static str,
    /// CA certificates that the service's certificate must chain to.
    pub ca: Option<FilePath>,
    /// The client certificate.
    pub certificate: Option<FilePath>,
    /// The client certificate's key.
    pub key: Option<FilePath>,
}

/// Loads the server's files; `None` if none is set.
pub fn callee(
    environment: &Environment,
    settings: CalleeSettings,
) -> Result<Option<CalleeTls>, SettingError> {
    let names = ["tls_certificate", "tls_key", "tls_client_ca"];
    match (settings.tls_certificate, settings.tls_key, settings.tls_client_ca) {
        (None, None, None) => Ok(None),
        (Some(certificate), Some(key), Some(authorities)) => {
            let own = Some(OwnFiles { certificate: certificate.0, key: key.0 });
            let files = TlsFiles { authorities: authorities.0, own, period: PERIOD };
            let loaded = WatchedTls::load_files(files);
            loaded.map(Some).map_err(|error| {
                let [certificate, key, authorities] = names;
                environment.error(setting_of(error.part, [authorities, certificate, key]), &error)
            })
        }
        (certificate, key, _) => {
            let missing = match (certificate, key) {
                (None, _) => names[0],
                (_, None) => names[1],
                (Some(_), Some(_)) => names[2],
            };
            Err(environment.error(missing, "is not set; the three TLS files must be set together"))
        }
    }
}

/// Loads the client's files for the service at `base_url`; `None` if the URL is not `https`.
pub fn caller(
    environment: &Environment,
    settings: CallerSettings,
    base_url: &str,
) -> Result<Option<CallerTls>, SettingError> {
    let CallerSettings { peer, ca: authorities, certificate: chain, key: private } = settings;
    let names = ["ca", "certificate", "key"].map(|file| format!("{peer}_{file}"));
    let [ca, certificate, key] = &names;
    if !base_url.starts_with("https:") {
        let given = [authorities.is_some(), chain.is_some(), private.is_some()];
        return match names.iter().zip(given).find(|(_, is_given)| *is_given) {
            Some((name, _)) => {
                let (url, given) = (format!("{peer}_url"), environment.variable(name));
                Err(environment.error(&url, format_args!("is not https, though {given} is set")))
            }
            None => Ok(None),
        };
    }
    let FilePath(authorities) = authorities
        .ok_or_else(|| environment.error(ca, "is not set, though the URL of the peer is https"))?;
    let own = match (chain, private) {
        (Some(FilePath(certificate)), Some(FilePath(key))) => Some(OwnFiles { certificate, key }),
        (None, None) => None,
        (Some(_), None) => return Err(environment.error(key, "is not set, though the certificate is")),
        (None, Some(_)) => return Err(environment.error(certificate, "is not set, though its key is")),
    };
    WatchedTls::load_files(TlsFiles { authorities, own, period: PERIOD })
        .map(Some)
        .map_err(|error| environment.error(setting_of(error.part, [ca, certificate, key]), &error))
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
    use crate::settings::Setting;

    #[derive(Deserialize, JsonSchema)]
    struct PeerSettings {
        peer_ca: Option<FilePath>,
        peer_certificate: Option<FilePath>,
        peer_key: Option<FilePath>,
    }

    fn environment(settings: Vec<Setting>, given: &[&str]) -> Environment {
        let given = given.iter().map(|name| ((*name).to_owned(), "/nonexistent/hunter2".to_owned()));
        Environment::read("X_", settings, given).unwrap()
    }

    fn callee_error(given: &[&str]) -> Option<String> {
        let environment = environment(Setting::list::<CalleeSettings>(), given);
        callee(&environment, environment.fill().unwrap())
            .map(|tls| assert!(tls.is_none()))
            .err()
            .map(|error| error.to_string())
    }

    fn caller_error(given: &[&str], url: &str) -> Option<String> {
        let environment = environment(Setting::list::<PeerSettings>(), given);
        let PeerSettings { peer_ca: ca, peer_certificate: certificate, peer_key: key } =
            environment.fill().unwrap();
        caller(&environment, CallerSettings { peer: "peer", ca, certificate, key }, url)
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
