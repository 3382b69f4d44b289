//! The measured paths, and their raw requests: of the released widget in Chrome on Windows, on a page of
//! `https://shop.example.com`; of FederatedAuthService; and those that npm oidc-provider takes.

use std::{net::SocketAddr, path::Path as Folder};

use crate::{
    Outcome,
    http::{call_all, member},
    wrk::Load,
};

/// Number of sessions whose tokens are validated in turn, or whose conversations get messages.
pub(crate) const SESSIONS: usize = 200;
/// Number of sessions that are refreshed in turn, at least.
pub(crate) const REFRESHED: usize = 2000;

/// A request and the services that it passes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// `B ->> FWO ->> FAS ->> SAS`: creates a token.
    Create,
    /// The same: refreshes a token.
    Refresh,
    /// `FAS ->> SAS`: validates a token.
    Validate,
    /// `B ->> FWO ->> FAS ->> SAS`: a message of the guest.
    Message,
}

impl Path {
    pub(crate) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// The load of this path, of sessions that `front` creates at these deployments in turn. Its files are below `folder`.
    pub(crate) fn load(self, folder: &Folder, front: SocketAddr, deployments: &[String]) -> Outcome<Load> {
        let folder = folder.join(self.name());
        let keys = |count: usize| deployments.iter().cycle().take(count);
        let creates = |count: usize| keys(count).map(|key| create(key)).collect::<Vec<_>>();
        let tokens = || -> Outcome<Vec<String>> {
            call_all(front, &creates(SESSIONS))?.iter().map(|body| member(body, "token")).collect()
        };
        match self {
            Self::Create => Load::rotate(&folder, &creates(deployments.len())),
            Self::Refresh => {
                let count = REFRESHED.max(deployments.len());
                let requests = keys(count).cloned().zip(creates(count)).collect();
                Load::refresh(&folder, &refresh("KEY", "TOKEN"), "token", (front, requests))
            }
            Self::Validate => {
                Load::rotate(&folder, &tokens()?.iter().map(|token| validate(token)).collect::<Vec<_>>())
            }
            Self::Message => {
                let tokens = tokens()?;
                let open =
                    |token: &String| guest(token, "/v2/WebChannels", r#"{"customerFriendlyName":"Ada"}"#);
                let opened = call_all(front, &tokens.iter().map(open).collect::<Vec<_>>())?;
                let message = |(token, opened): (&String, &String)| {
                    let path = format!("/v2/WebChannels/{}/Messages", member(opened, "conversation_sid")?);
                    Ok(guest(token, &path, r#"{"body":"Where is my order? It was to be here on Monday."}"#))
                };
                Load::rotate(&folder, &tokens.iter().zip(&opened).map(message).collect::<Outcome<Vec<_>>>()?)
            }
        }
    }
}

/// The shared secret of FederatedAuthService and ScopedAuthService, as long as a production one.
pub(crate) const SCOPED_AUTH_SECRET: &str = "measured-federated-auth-to-scoped-auth-0002";
const BROWSER: &str = concat!(
    "Host: chat.example.com\r\nConnection: keep-alive\r\nsec-ch-ua-platform: \"Windows\"\r\n",
    "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 ",
    "Safari/537.36\r\nsec-ch-ua: \"Chromium\";v=\"146\", \"Not-A.Brand\";v=\"24\", \"Google Chrome\";v=\"146\"\r\n",
    "sec-ch-ua-mobile: ?0\r\nAccept: */*\r\nOrigin: https://shop.example.com\r\nReferer: https://shop.example.com/\r\n",
    "Sec-Fetch-Site: cross-site\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n",
    "x-twilio-sec-usersettings: {\"language\":\"en-US\",\"cookieEnabled\":true,\"userTimezone\":-60}\r\n",
    "x-twilio-sec-webchatinfo: {\"loginTimestamp\":\"1795197600000\"}\r\n",
    "x-twilio-sec-decoders: {\"audio\":{\"powerEfficient\":true,\"smooth\":true,\"supported\":true,\"keySystemAccess\":null},",
    "\"video\":{\"powerEfficient\":true,\"smooth\":true,\"supported\":true,\"keySystemAccess\":null}}\r\n",
    "Content-Type: application/json\r\n",
);
const FORM: &str = "Host: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n";

/// `POST path` with these further lines of the head.
fn post(path: &str, head: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\n{head}Content-Length: {}\r\n\r\n{body}", body.len())
}

pub(crate) fn create(deployment: &str) -> String {
    post("/v2/Webchat/Token", BROWSER, &format!(r#"{{"deploymentKey":"{deployment}"}}"#))
}

/// Refreshes a token. `refresh.lua` replaces `KEY` and `TOKEN`.
pub(crate) fn refresh(deployment: &str, token: &str) -> String {
    let body = format!(r#"{{"deploymentKey":"{deployment}","token":"{token}"}}"#);
    post("/v2/Webchat/Token/Refresh", BROWSER, &body)
}

/// A request of a guest with a token.
fn guest(token: &str, path: &str, body: &str) -> String {
    post(path, &format!("{BROWSER}Authorization: Bearer {token}\r\n"), body)
}

/// `FAS ->> SAS: validate`, without a fingerprint.
pub(crate) fn validate(token: &str) -> String {
    let head = format!(
        "Host: 127.0.0.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {SCOPED_AUTH_SECRET}\r\n"
    );
    post("/v1/ScopedAuthTokens/validate", &head, &format!(r#"{{"token":"{token}"}}"#))
}

/// A request to npm oidc-provider, by the client of its server.mjs.
pub(crate) fn oidc(path: &str, form: &str) -> String {
    post(path, &format!("{FORM}Authorization: Basic Y2hhdDptZWFzdXJlZA==\r\n"), form)
}
