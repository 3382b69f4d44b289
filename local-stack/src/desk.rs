//! A desk, for tests and for the demo page: sends the requests of the customer's servers (contract, section 11).

use reqwest::{Client, Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use service_runtime::client::http_client;

use crate::guest::Answer;

/// A desk with an API key of its account.
#[derive(Clone)]
pub struct Desk {
    url: String,
    key: String,
    secret: SecretString,
    client: Client,
}

impl Desk {
    /// A desk that reaches the API at `url`.
    ///
    /// # Panics
    /// If the TLS roots of the operating system cannot be read.
    #[allow(clippy::expect_used, reason = "a desk without a client is a failed test")]
    pub fn new(url: &str, key: &str, secret: SecretString) -> Self {
        let client = http_client().build().expect("the TLS configuration of the operating system");
        Self { url: url.to_owned(), key: key.to_owned(), secret, client }
    }

    /// `GET /v1/Conversations?State=active`
    pub async fn lists_active_conversations(&self) -> Answer {
        self.sends(self.request(Method::GET, "/v1/Conversations?State=active")).await
    }

    /// `GET /v1/Conversations/CH…/Messages`
    pub async fn reads_messages(&self, conversation_sid: &str) -> Answer {
        let path = format!("/v1/Conversations/{conversation_sid}/Messages");
        self.sends(self.request(Method::GET, &path)).await
    }

    /// `POST /v1/Conversations/CH…/Messages`
    pub async fn says(&self, conversation_sid: &str, author: &str, body: &str) -> Answer {
        let path = format!("/v1/Conversations/{conversation_sid}/Messages");
        self.sends(self.request(Method::POST, &path).form(&[("Author", author), ("Body", body)])).await
    }

    /// `POST /v1/Conversations/CH…` with `State=closed`
    pub async fn closes(&self, conversation_sid: &str) -> Answer {
        let path = format!("/v1/Conversations/{conversation_sid}");
        self.sends(self.request(Method::POST, &path).form(&[("State", "closed")])).await
    }

    /// A request with the API key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        request.basic_auth(&self.key, Some(self.secret.expose_secret()))
    }

    /// Any request.
    ///
    /// # Panics
    /// If there is no response.
    #[allow(clippy::expect_used, reason = "a desk without an answer is a failed test")]
    pub async fn sends(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("a whole answer");
        Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
    }
}
