//! The browser's requests: the released widget in Chrome on Windows, on a page of `https://shop.example.com`.

/// The page's origin.
pub(crate) const ORIGIN: &str = "https://shop.example.com";

/// The headers of every request.
const HEADERS: [(&str, &str); 15] = [
    ("Host", "chat.example.com"),
    ("Connection", "keep-alive"),
    ("sec-ch-ua-platform", r#""Windows""#),
    (
        "User-Agent",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36",
    ),
    ("sec-ch-ua", r#""Chromium";v="146", "Not-A.Brand";v="24", "Google Chrome";v="146""#),
    ("sec-ch-ua-mobile", "?0"),
    ("Accept", "*/*"),
    ("Origin", ORIGIN),
    ("Referer", "https://shop.example.com/"),
    ("Sec-Fetch-Site", "cross-site"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Accept-Language", "en-US,en;q=0.9"),
    ("x-twilio-sec-usersettings", r#"{"language":"en-US","cookieEnabled":true,"userTimezone":-60}"#),
    ("x-twilio-sec-webchatinfo", r#"{"loginTimestamp":"1795197600000"}"#),
    (
        "x-twilio-sec-decoders",
        r#"{"audio":{"powerEfficient":true,"smooth":true,"supported":true,"keySystemAccess":null},"video":{"powerEfficient":true,"smooth":true,"supported":true,"keySystemAccess":null}}"#,
    ),
];

/// A request of the widget.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The path.
    pub(crate) path: String,
    /// All headers except the length.
    pub(crate) headers: Vec<(String, String)>,
    /// The JSON body.
    pub(crate) body: String,
}

impl Request {
    fn new(path: impl Into<String>, token: Option<&str>, body: String) -> Self {
        let own = [("Content-Type".to_owned(), "application/json".to_owned())];
        let bearer = token.map(|token| ("Authorization".to_owned(), format!("Bearer {token}")));
        let headers = HEADERS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { path: path.into(), headers: headers.chain(own).chain(bearer).collect(), body }
    }

    /// `POST /v2/Webchat/Token`
    pub(crate) fn create(deployment: &str) -> Self {
        Self::new("/v2/Webchat/Token", None, format!(r#"{{"deploymentKey":"{deployment}"}}"#))
    }

    /// `POST /v2/Webchat/Token/Refresh`
    pub(crate) fn refresh(deployment: &str, token: &str) -> Self {
        let body = format!(r#"{{"deploymentKey":"{deployment}","token":"{token}"}}"#);
        Self::new("/v2/Webchat/Token/Refresh", None, body)
    }

    /// `POST /v2/WebChannels`
    pub(crate) fn open(token: &str) -> Self {
        let body = r#"{"customerFriendlyName":"Ada","preEngagementData":{"question":"Where is my order?"}}"#;
        Self::new("/v2/WebChannels", Some(token), body.to_owned())
    }

    /// `POST /v2/WebChannels/CH…/Messages`
    pub(crate) fn message(token: &str, conversation: &str) -> Self {
        let body = r#"{"body":"Where is my order? It was to be here on Monday."}"#;
        Self::new(format!("/v2/WebChannels/{conversation}/Messages"), Some(token), body.to_owned())
    }

    /// The bytes on the wire.
    pub(crate) fn raw(&self) -> Vec<u8> {
        let mut raw = format!("POST {} HTTP/1.1\r\n", self.path);
        for (name, value) in &self.headers {
            raw.push_str(&format!("{name}: {value}\r\n"));
        }
        raw.push_str(&format!("Content-Length: {}\r\n\r\n{}", self.body.len(), self.body));
        raw.into_bytes()
    }
}
