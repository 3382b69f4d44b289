//! Typed values of settings.

use std::{
    net::{SocketAddr, TcpListener},
    str::FromStr,
    time::Duration,
};

use super::{SettingError, Settings};
use crate::server;

impl Settings {
    /// Parses an optional setting; `expected` describes its form in the error.
    pub fn optional<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, SettingError> {
        self.text(name)?
            .map(|value| {
                value.trim().parse().map_err(|_| self.error(name, format_args!("expected {expected}")))
            })
            .transpose()
    }

    /// Parses a setting; `expected` describes its form in the error.
    pub fn parse<T: FromStr>(&self, name: &str, expected: &str) -> Result<T, SettingError> {
        self.optional(name, expected)?.ok_or_else(|| self.error(name, "is not set"))
    }

    /// A listen address.
    pub fn address(&self, name: &str) -> Result<SocketAddr, SettingError> {
        self.parse(name, "an IP address and a port, such as 127.0.0.1:8080")
    }

    /// Listens on an address.
    pub fn bind(&self, name: &str) -> Result<TcpListener, SettingError> {
        server::bind(self.address(name)?).map_err(|error| self.error(name, error))
    }

    /// A service's base URL: `http` or `https`, a host, no path; without the trailing slash.
    pub fn base_url(&self, name: &str) -> Result<Option<String>, SettingError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let expected = || self.error(name, "expected a URL such as http://127.0.0.1:8081, without a path");
        let url = url::Url::parse(text.trim()).map_err(|_| expected())?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty();
        if plain { Ok(Some(url.as_str().trim_end_matches('/').to_owned())) } else { Err(expected()) }
    }

    /// An identifier that is a URL: `http` or `https`, a host, and at most a path (RFC 8414, section 2). Unchanged, since
    /// identifiers are compared byte by byte.
    pub fn url_identifier(&self, name: &str) -> Result<Option<String>, SettingError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let text = text.trim();
        let is_identifier = |url: url::Url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        };
        let is_plain = text.len() <= 200 && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_plain && url::Url::parse(text).is_ok_and(is_identifier) {
            return Ok(Some(text.to_owned()));
        }
        let expected =
            "expected a URL such as https://chat.example.com, of at most 200 characters, without a query";
        Err(self.error(name, expected))
    }

    /// A duration in milliseconds, from 1 to `most`.
    pub fn milliseconds(&self, name: &str, most: u64) -> Result<Duration, SettingError> {
        self.number(name, 1, most).map(Duration::from_millis)
    }

    /// An integer from `least` to `most`.
    pub fn number(&self, name: &str, least: u64, most: u64) -> Result<u64, SettingError> {
        let expected = format!("a whole number from {least} to {most}");
        let number = self.parse(name, &expected)?;
        if (least..=most).contains(&number) {
            Ok(number)
        } else {
            Err(self.error(name, format!("expected {expected}")))
        }
    }

    /// A fraction from 0 to 1.
    pub fn share(&self, name: &str) -> Result<f64, SettingError> {
        let share = self.parse(name, "a number from 0 to 1")?;
        if (0.0..=1.0).contains(&share) {
            Ok(share)
        } else {
            Err(self.error(name, "expected a number from 0 to 1"))
        }
    }
}
