//! A simulated guest for tests and benchmarks: sends the requests of a browser.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::{
    Client, RequestBuilder,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Value, json};
use service_runtime::{Clock, client::http_client};

use crate::proof_key::ProofKey;

/// A guest on a page with a deployment key.
#[derive(Clone)]
pub struct Guest {
    /// The orchestrator's base URL.
    pub url: String,
    /// The page's deployment key.
    pub deployment_key: String,
    /// Headers that the browser sends with each request.
    pub headers: BTreeMap<String, String>,
    /// The browser's proof key, if it has one.
    pub proof_key: Option<Arc<ProofKey>>,
    /// The latest nonce of the service.
    nonce: Arc<Mutex<Option<String>>>,
    client: Client,
}

/// A response to a guest.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; `null` if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// A member of the body that is a string.
    ///
    /// # Panics
    /// If it is missing.
    pub fn text(&self, member: &str) -> String {
        let value = self.body.get(member).and_then(Value::as_str);
        value.unwrap_or_else(|| panic!("no `{member}` in an answer with status {}", self.status)).to_owned()
    }

    /// The `code` of an error, or an empty string.
    pub fn code(&self) -> &str {
        self.body.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    /// The value of a header, or an empty string.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Guest {
    /// A guest with Chrome on Windows, whose page runs on `https://shop.example.com` and uses the released widget.
    ///
    /// # Panics
    /// If the TLS roots of the operating system cannot be read.
    #[allow(clippy::expect_used, reason = "a guest without a client is a failed test")]
    pub fn with_chrome(url: &str, deployment_key: &str) -> Self {
        let headers = [
            (
                "user-agent",
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 \
                 Safari/537.36",
            ),
            ("sec-ch-ua", r#""Chromium";v="146", "Not-A.Brand";v="24", "Google Chrome";v="146""#),
            ("sec-ch-ua-mobile", "?0"),
            ("sec-ch-ua-platform", r#""Windows""#),
            ("accept-language", "en-US,en;q=0.9"),
            ("accept-encoding", "gzip, deflate, br, zstd"),
            ("origin", "https://shop.example.com"),
            ("x-twilio-sec-usersettings", r#"{"language":"en-US","cookieEnabled":true,"userTimezone":-60}"#),
            ("x-twilio-sec-webchatinfo", r#"{"loginTimestamp":"1795197600000"}"#),
            (
                "x-twilio-sec-decoders",
                r#"{"audio":{"powerEfficient":true,"smooth":true,"supported":true,"keySystemAccess":null},"video":{"powerEfficient":true,"smooth":true,"supported":true,"keySystemAccess":null}}"#,
            ),
        ];
        Self {
            url: url.to_owned(),
            deployment_key: deployment_key.to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            proof_key: None,
            nonce: Arc::default(),
            client: http_client().build().expect("the TLS configuration of the operating system"),
        }
    }

    /// A thief with another browser on another system, and a copy of the page's storage.
    #[must_use]
    pub fn thief_with_firefox(&self) -> Self {
        let mut thief = self.clone();
        for hint in ["sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform"] {
            thief.headers.remove(hint);
        }
        thief.with("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0")
    }

    /// The same guest, with this header set.
    #[must_use]
    pub fn with(mut self, header: &str, value: &str) -> Self {
        self.headers.insert(header.to_owned(), value.to_owned());
        self
    }

    /// The same guest, without this header.
    #[must_use]
    pub fn without(mut self, header: &str) -> Self {
        self.headers.remove(header);
        self
    }

    /// The same guest, in a browser with a proof key, which sends a proof with each request.
    #[must_use]
    pub fn with_proof_key(mut self, clock: &Clock) -> Self {
        self.proof_key = Some(Arc::new(ProofKey::generate(clock)));
        self
    }

    /// The same guest, without a proof key: a thief who copied everything else.
    #[must_use]
    pub fn without_proof_key(mut self) -> Self {
        self.proof_key = None;
        self
    }

    /// `POST /v2/Webchat/Token`
    pub async fn creates_token(&self) -> Answer {
        self.posts("/v2/Webchat/Token", json!({"deploymentKey": self.deployment_key})).await
    }

    /// `POST /v2/Webchat/Token/Refresh`
    pub async fn refreshes_token(&self, token: &str) -> Answer {
        let body = json!({"deploymentKey": self.deployment_key, "token": token});
        self.posts("/v2/Webchat/Token/Refresh", body).await
    }

    /// `POST /v2/Webchat/Token/Assertion`
    pub async fn asks_for_assertion(&self, token: &str, audience: &str) -> Answer {
        self.presents(Some(token), self.assertion(token, audience)).await
    }

    /// The same request, without the retry with a nonce.
    pub async fn asks_for_assertion_once(&self, token: &str, audience: &str) -> Answer {
        self.presents_once(Some(token), self.assertion(token, audience)).await
    }

    fn assertion(&self, token: &str, audience: &str) -> RequestBuilder {
        let request = self.client.post(format!("{}/v2/Webchat/Token/Assertion", self.url));
        request.bearer_auth(token).json(&json!({"audience": audience}))
    }

    /// `POST /v2/Webchat/Token/Revoke`
    pub async fn ends_session(&self, token: &str) -> Answer {
        let body = json!({"deploymentKey": self.deployment_key, "token": token});
        self.posts("/v2/Webchat/Token/Revoke", body).await
    }

    /// `POST /v2/Webchat/Init` of the released widget, optionally with an earlier identity.
    pub async fn begins_chat(&self, identity: Option<&str>) -> Answer {
        self.sends(self.init(identity)).await
    }

    /// The same request, without the retry with a nonce.
    pub async fn begins_chat_once(&self, identity: Option<&str>) -> Answer {
        self.presents_once(None, self.init(identity)).await
    }

    fn init(&self, identity: Option<&str>) -> RequestBuilder {
        let mut form = vec![
            ("DeploymentKey", self.deployment_key.as_str()),
            ("CustomerFriendlyName", "Ada"),
            ("PreEngagementData", r#"{"question":"Where is my order?"}"#),
        ];
        form.extend(identity.map(|identity| ("Identity", identity)));
        self.client.post(format!("{}/v2/Webchat/Init", self.url)).form(&form)
    }

    /// `POST /v2/WebChannels`
    pub async fn opens_conversation(&self, token: &str) -> Answer {
        let body =
            json!({"customerFriendlyName": "Ada", "preEngagementData": {"question": "Where is my order?"}});
        let request = self.client.post(format!("{}/v2/WebChannels", self.url));
        self.presents(Some(token), request.bearer_auth(token).json(&body)).await
    }

    /// `GET /v2/WebChannels/CH…/Messages`, all of them or those after an index.
    pub async fn reads_messages(&self, token: &str, conversation_sid: &str, after: Option<u32>) -> Answer {
        let query = after.map(|index| format!("?after={index}")).unwrap_or_default();
        let url = format!("{}/v2/WebChannels/{conversation_sid}/Messages{query}", self.url);
        self.presents(Some(token), self.client.get(url).bearer_auth(token)).await
    }

    /// The same for messages after an index, waiting for them for at most `seconds`.
    pub async fn waits_for_messages(
        &self,
        token: &str,
        conversation_sid: &str,
        after: u32,
        seconds: u32,
    ) -> Answer {
        let path = format!("/v2/WebChannels/{conversation_sid}/Messages?after={after}&wait={seconds}");
        let url = format!("{}{path}", self.url);
        self.presents(Some(token), self.client.get(url).bearer_auth(token)).await
    }

    /// `POST /v2/WebChannels/CH…/Messages`
    pub async fn says(&self, token: &str, conversation_sid: &str, body: &str) -> Answer {
        let request = self.client.post(format!("{}/v2/WebChannels/{conversation_sid}/Messages", self.url));
        self.presents(Some(token), request.bearer_auth(token).json(&json!({"body": body}))).await
    }

    /// A request with a JSON body.
    pub async fn posts(&self, path: &str, body: Value) -> Answer {
        let token = body.get("token").and_then(Value::as_str).map(str::to_owned);
        self.presents(token.as_deref(), self.client.post(format!("{}{path}", self.url)).json(&body)).await
    }

    /// Any request, with the browser's headers.
    pub async fn sends(&self, request: RequestBuilder) -> Answer {
        self.presents(None, request).await
    }

    /// Any request with a token, the browser's headers and, with a proof key, a proof. A request that is rejected with
    /// `use_dpop_nonce` is retried once with the nonce of the response, as the browser's module does.
    ///
    /// # Panics
    /// If there is no response.
    pub async fn presents(&self, token: Option<&str>, request: RequestBuilder) -> Answer {
        let again = request.try_clone();
        let answer = self.presents_once(token, request).await;
        match again {
            Some(request) if answer.code() == "use_dpop_nonce" => self.presents_once(token, request).await,
            Some(_) | None => answer,
        }
    }

    #[allow(clippy::expect_used, reason = "a guest without an answer is a failed test")]
    async fn presents_once(&self, token: Option<&str>, request: RequestBuilder) -> Answer {
        let mut request = request.build().expect("a well-formed request");
        let mut headers: Vec<_> = self.headers.clone().into_iter().collect();
        if let Some(key) = &self.proof_key {
            let nonce = self.nonce.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let proof = key.proof(request.method().as_str(), request.url().as_str(), token, nonce.as_deref());
            headers.push(("dpop".to_owned(), proof));
        }
        for (name, value) in headers {
            let name = HeaderName::try_from(name).expect("a header's name");
            request.headers_mut().append(name, HeaderValue::try_from(value).expect("a header's value"));
        }
        let response = self.client.execute(request).await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        if let Some(nonce) = headers.get("dpop-nonce").and_then(|nonce| nonce.to_str().ok()) {
            *self.nonce.lock().unwrap_or_else(PoisonError::into_inner) = Some(nonce.to_owned());
        }
        let body = response.bytes().await.expect("a whole answer");
        Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    /// The guest's HTTP client, for other requests.
    pub fn client(&self) -> &Client {
        &self.client
    }
}
