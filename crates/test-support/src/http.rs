//! An HTTP client that sends the exact bytes of a test over a connection of its own, and an answer that checks the form
//! of every error (contract, section 6).

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

/// A request, exactly as it is sent.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    /// A `GET`.
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A `POST`.
    pub fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    /// Replaces the path.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Removes all headers of this name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// The value of a header that is set.
    pub fn value(&self, name: &str) -> Vec<u8> {
        self.headers.iter().find(|(known, _)| known == name).unwrap().1.clone()
    }

    /// Adds `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(self, credential: &str) -> Self {
        self.header("authorization", format!("Bearer {credential}"))
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Sets a form body.
    #[must_use]
    pub fn form(self, body: &str) -> Self {
        self.body("application/x-www-form-urlencoded", body)
    }

    /// Sets a body of this content type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    /// The bytes of the request, with `Content-Length` unless a header of its own gives the length or the encoding.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\nhost: service\r\n", self.method, self.path).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        let announced =
            self.headers.iter().any(|(name, _)| name == "transfer-encoding" || name == "content-length");
        if !announced {
            bytes.extend(format!("content-length: {}\r\n", self.body.len()).into_bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(&self.body);
        bytes
    }

    /// Sends the request and reads only the status and headers of the response. The rest stays unread while the connection
    /// is kept; its receive buffer is small.
    pub async fn leaves_unread(&self, address: SocketAddr) -> (TcpStream, String) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut connection = socket.connect(address).await.unwrap();
        connection.write_all(&self.bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(connection.read_u8().await.unwrap());
        }
        (connection, String::from_utf8(head).unwrap())
    }

    /// Sends the request and reads the whole answer.
    pub async fn send(&self, address: SocketAddr) -> Answer {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let bytes = self.clone().header("connection", "close").bytes();
        // A service that rejects a body need not read all of it: the write may fail.
        let _ = stream.write_all(&bytes).await;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        Answer::parse(&answer)
    }
}

/// A complete answer.
#[derive(Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub text: String,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (head, body) =
            text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("not an HTTP response: {text:?}"));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Self { status, headers, text: body.to_owned() }
    }

    /// The value of a header, or an empty string. Repeated values are joined by ` AND `, which no test expects.
    pub fn header(&self, name: &str) -> String {
        let values = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        values.collect::<Vec<_>>().join(" AND ")
    }

    /// The body as JSON.
    #[track_caller]
    pub fn body(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|_| panic!("body is not JSON, status {}", self.status))
    }

    /// A string member of the body.
    #[track_caller]
    pub fn member(&self, name: &str) -> String {
        let value = self.body().get(name).and_then(|value| Some(value.as_str()?.to_owned()));
        value.unwrap_or_else(|| {
            panic!("no string `{name}` in a response with status {}: {}", self.status, self.code())
        })
    }

    /// The names of the body's members, in order.
    #[track_caller]
    pub fn members(&self) -> Vec<String> {
        self.body().as_object().unwrap().keys().cloned().collect()
    }

    /// The `code` of an error body, or an empty string.
    pub fn code(&self) -> String {
        let body = serde_json::from_str::<Value>(&self.text).unwrap_or_default();
        body.get("code").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Asserts that the answer is the contract's error of this row, in body and headers.
    #[track_caller]
    pub fn is_refusal(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{}", self.text);
        assert_eq!(self.members(), ["valid", "code", "message"]);
        assert_eq!(self.body()["valid"], false);
        assert!(self.member("message").ends_with('.'), "a sentence for people: {}", self.text);
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert!(!self.header("request-id").is_empty());
        let carries = |name: &str| !self.header(name).is_empty();
        assert_eq!(carries("www-authenticate"), status == 401, "WWW-Authenticate");
        assert_eq!(carries("retry-after"), matches!(status, 429 | 503), "Retry-After");
        assert_eq!(carries("allow"), status == 405, "Allow");
    }

    /// Asserts that the body does not echo what was sent.
    #[track_caller]
    pub fn does_not_repeat(&self, sent: &str) {
        assert!(!self.text.contains(sent), "{}", self.text);
    }
}
