//! A minimal HTTP/1.1 implementation for the harness, to prepare measurements and to record traffic: whole messages
//! with a content length, over blocking sockets.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
};

use crate::Outcome;

/// A request or a response as it was on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// The first line and the headers, each with its line end, and the empty line.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// The next message, or `None` if the connection has closed.
    pub(crate) fn read(from: &mut impl BufRead) -> Outcome<Option<Self>> {
        let mut head = String::new();
        loop {
            let before = head.len();
            if from.read_line(&mut head)? == 0 {
                return if head.is_empty() { Ok(None) } else { Err("a message broke off".into()) };
            }
            if head.get(before..) == Some("\r\n") {
                break;
            }
        }
        let mut message = Self { head, body: Vec::new() };
        if message.header("transfer-encoding").is_some() {
            return Err("a message whose body has no length".into());
        }
        let length = message.header("content-length").map_or(Ok(0), str::parse)?;
        from.take(length).read_to_end(&mut message.body)?;
        if message.body.len() as u64 != length {
            return Err("a body broke off".into());
        }
        Ok(Some(message))
    }

    /// A word of the first line: method, path or version of a request; version or status of a response.
    pub(crate) fn word(&self, position: usize) -> &str {
        self.head.lines().next().and_then(|line| line.split(' ').nth(position)).unwrap_or_default()
    }

    /// The status of a response, or 0.
    pub(crate) fn status(&self) -> u16 {
        self.word(1).parse().unwrap_or_default()
    }

    /// The headers, with names in lower case.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (String, &str)> {
        self.head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A string member of a JSON body.
    pub(crate) fn member(&self, name: &str) -> Outcome<String> {
        let body: serde_json::Value = serde_json::from_slice(&self.body)?;
        let value = body.get(name).and_then(|value| value.as_str());
        value.map(str::to_owned).ok_or_else(|| format!("no `{name}` in {}", self.text()).into())
    }

    /// Writes the message.
    pub(crate) fn write(&self, to: &mut impl Write) -> Outcome<()> {
        let mut bytes = self.head.as_bytes().to_vec();
        bytes.extend_from_slice(&self.body);
        Ok(to.write_all(&bytes)?)
    }
}

/// A connection for one request at a time.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Connects to `address`.
    pub(crate) fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a request and reads its response.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Outcome<Message> {
        self.0.get_mut().write_all(request)?;
        Message::read(&mut self.0)?.ok_or_else(|| "the connection was closed".into())
    }

    /// The same; a response without a success status is an error.
    pub(crate) fn succeed(&mut self, request: &[u8]) -> Outcome<Message> {
        let answer = self.exchange(request)?;
        if !(200..300).contains(&answer.status()) {
            return Err(format!("{} was answered {}", String::from_utf8_lossy(request), answer.text()).into());
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_messages_are_read() {
        let wire = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-A: b: c\r\n\r\nokHTTP/1.1 204 No Content\r\n\r\n";
        let mut wire = BufReader::new(&wire[..]);
        let first = Message::read(&mut wire).unwrap().unwrap();
        assert_eq!((first.status(), first.text().as_str()), (201, "ok"));
        assert_eq!(first.header("x-a"), Some("b: c"));
        assert_eq!(Message::read(&mut wire).unwrap().unwrap().status(), 204);
        assert!(Message::read(&mut wire).unwrap().is_none());
        for broken in [&b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"[..], b"HTTP/1.1 200 OK\r\nCont"] {
            assert!(Message::read(&mut BufReader::new(broken)).is_err());
        }
    }
}
