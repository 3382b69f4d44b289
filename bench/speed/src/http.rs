//! A minimal HTTP/1.1 client to prepare measurements: one request at a time, responses with a content length.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use crate::Outcome;

pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Outcome<Self> {
        Ok(Self(BufReader::new(TcpStream::connect(address)?)))
    }

    /// Sends a request; returns the body of its response. A status other than 2xx is an error.
    pub(crate) fn call(&mut self, request: &str) -> Outcome<String> {
        self.0.get_mut().write_all(request.as_bytes())?;
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let start = head.len();
            if self.0.read_line(&mut head)? == 0 {
                return Err("the server closed the connection".into());
            }
            let line = head.get(start..).unwrap_or_default().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        let (body, is_success) = (String::from_utf8(body)?, head.starts_with("HTTP/1.1 2"));
        if is_success { Ok(body) } else { Err(format!("{request}\nwas answered\n{head}{body}").into()) }
    }
}

/// The bodies of the responses to these requests, in order.
pub(crate) fn call_all(to: SocketAddr, requests: &[String]) -> Outcome<Vec<String>> {
    let mut connection = Connection::open(to)?;
    requests.iter().map(|request| connection.call(request)).collect()
}

/// A string member of a JSON object, whose value has no escapes.
pub(crate) fn member(body: &str, name: &str) -> Outcome<String> {
    let value = body.split_once(&format!("\"{name}\":\"")).and_then(|(_, rest)| rest.split_once('"'));
    value.map(|(value, _)| value.to_owned()).ok_or_else(|| format!("no `{name}` in {body}").into())
}
