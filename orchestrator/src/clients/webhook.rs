//! `FWO ->> Desk: POST` to the URL of a webhook: one attempt to deliver an event.

use std::{error::Error as _, fmt, future::Future, io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::{
    Response, StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT},
};
use service_runtime::client::http_client;
use tokio::time::{Instant, timeout, timeout_at};
use url::{Host, Url};

use crate::webhooks::address::is_public;

/// Deadline of an attempt, from name resolution to the response's status. Less than the lease of an event.
pub const DEADLINE: Duration = Duration::from_secs(15);

/// How much of a response is read, so that its connection can be used again.
const MAX_RESPONSE: usize = 64 * 1024;

/// How long the rest of a response is read.
const DRAIN: Duration = Duration::from_secs(1);

/// How long an unused connection is kept. Its address was judged when it was opened.
const IDLE: Duration = Duration::from_secs(15);

/// Resolves a host name to addresses. The port of these is ignored.
pub type Lookup =
    Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> + Send + Sync>;

/// Resolves names with the operating system.
pub fn system_lookup() -> Lookup {
    Arc::new(|host| {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.collect::<Vec<SocketAddr>>()) })
    })
}

/// Client of all webhooks. Cheap to clone.
#[derive(Clone)]
pub struct WebhookClient {
    client: reqwest::Client,
    allow_private: bool,
}

/// An event as it is posted.
#[derive(Clone, Debug)]
pub struct Post {
    /// `webhook-id`
    pub id: String,
    /// `webhook-timestamp`
    pub timestamp: DateTime<Utc>,
    /// `webhook-signature`
    pub signature: String,
    /// JSON.
    pub body: Vec<u8>,
}

/// Why an attempt failed. The text names neither URL nor response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttemptError {
    /// Its scheme is `http`.
    #[error("the URL's scheme is not https")]
    NotHttps,
    /// It has no address of the public internet.
    #[error("the URL's host has no public address")]
    NotPublic,
    /// There was no response within [`DEADLINE`].
    #[error("no response within 15 s")]
    TimedOut,
    /// The connection could not be opened, or broke.
    #[error("no connection: {0}")]
    NoConnection(String),
    /// Its status is not 2xx.
    #[error("status {status}")]
    Rejected {
        /// The status.
        status: u16,
        /// `Retry-After`
        retry_after: Option<Duration>,
    },
}

impl WebhookClient {
    /// A client. `allow_private` permits `http` and all addresses.
    ///
    /// # Errors
    ///
    /// If TLS cannot be set up.
    pub fn new(allow_private: bool, lookup: Lookup) -> Result<Self, reqwest::Error> {
        let client = http_client()
            .dns_resolver(Arc::new(Resolver { allow_private, lookup }))
            .pool_idle_timeout(IDLE)
            .https_only(!allow_private)
            .referer(false)
            .build()?;
        Ok(Self { client, allow_private })
    }

    /// Posts an event. `Ok` if the receiver accepted it: any 2xx.
    pub async fn post(&self, url: &Url, post: Post, now: DateTime<Utc>) -> Result<(), AttemptError> {
        self.check(url)?;
        let deadline = Instant::now() + DEADLINE;
        let request = self
            .client
            .post(url.clone())
            .header(USER_AGENT, concat!("FlexWebchatOrchestratorService/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", post.id)
            .header("webhook-timestamp", post.timestamp.timestamp())
            .header("webhook-signature", post.signature)
            .body(post.body);
        let sent = timeout_at(deadline, request.send()).await.map_err(|_| AttemptError::TimedOut)?;
        let response = sent.map_err(|error| AttemptError::of(&error))?;
        let status = response.status();
        let retry_after = retry_after(&response, now);
        let _ = timeout(DRAIN, drain(response)).await;
        if status.is_success() {
            Ok(())
        } else {
            Err(AttemptError::Rejected { status: status.as_u16(), retry_after })
        }
    }

    /// Names are judged by the resolver; a URL with an address does not resolve anything.
    fn check(&self, url: &Url) -> Result<(), AttemptError> {
        if self.allow_private {
            return Ok(());
        }
        let is_public = match url.host() {
            Some(Host::Ipv4(address)) => is_public(address.into()),
            Some(Host::Ipv6(address)) => is_public(address.into()),
            Some(Host::Domain(_)) | None => true,
        };
        match (url.scheme(), is_public) {
            ("https", true) => Ok(()),
            ("https", false) => Err(AttemptError::NotPublic),
            _ => Err(AttemptError::NotHttps),
        }
    }
}

impl fmt::Debug for WebhookClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookClient").field("allow_private", &self.allow_private).finish_non_exhaustive()
    }
}

impl AttemptError {
    /// Whether the receiver wants no more of this event.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Rejected { status, .. } if *status == StatusCode::GONE.as_u16())
    }

    /// The receiver's `Retry-After`.
    pub fn retry_after(&self) -> Option<Duration> {
        if let Self::Rejected { retry_after, .. } = self { *retry_after } else { None }
    }

    fn of(error: &reqwest::Error) -> Self {
        // The error itself contains the URL; its last cause is the operating system's or TLS'.
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
            if cause.is::<NoPublicAddress>() {
                return Self::NotPublic;
            }
        }
        Self::NoConnection(if error.source().is_some() { cause.to_string() } else { "it broke".to_owned() })
    }
}

/// Reads the rest of a response, unless it is too long.
async fn drain(mut response: Response) {
    let mut length = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        length += chunk.len();
        if length > MAX_RESPONSE {
            return;
        }
    }
}

/// `Retry-After`: seconds or a date (RFC 9110, section 10.2.3).
fn retry_after(response: &Response, now: DateTime<Utc>) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => (DateTime::parse_from_rfc2822(text).ok()?.to_utc() - now).to_std().ok(),
    }
}

/// Resolves names to the addresses that events may be sent to; the connection is opened to one of these.
struct Resolver {
    allow_private: bool,
    lookup: Lookup,
}

#[derive(Debug, thiserror::Error)]
#[error("no public address")]
struct NoPublicAddress;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (allow_private, lookup) = (self.allow_private, (self.lookup)(name.as_str().to_owned()));
        Box::pin(async move {
            let mut addresses = lookup.await?;
            addresses.retain(|address| allow_private || is_public(address.ip()));
            if addresses.is_empty() {
                return Err(NoPublicAddress.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
