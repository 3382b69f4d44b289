//! The guests, each with a session, a conversation and an address of its own, and the desk.

use std::{cell::Cell, io, net::Ipv4Addr, rc::Rc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep},
};

use crate::pressure::{
    client::connect,
    stack::{Conversation, DESK, ORCHESTRATOR, SECOND, Stack, UNLIMITED},
    waiting::Shared,
};

/// Number of guests.
pub(super) const GUESTS: usize = 10_000;
/// `SK00000000000000000000000000000001:secret-of-the-desk`
const CREDENTIALS: &str = "U0swMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTpzZWNyZXQtb2YtdGhlLWRlc2s=";

/// The guests, before they wait.
pub(super) struct Guests(Vec<Rc<Guest>>);

struct Guest {
    from: Ipv4Addr,
    conversation: Conversation,
    /// The index of the last message that it has.
    after: Cell<u32>,
    /// Milliseconds that it adds to `Retry-After`, as the browser's module does.
    jitter: u64,
}

impl Guests {
    /// Creates the sessions and opens the conversations.
    pub(super) async fn open(stack: &Stack) -> Self {
        let mut guests = Vec::with_capacity(GUESTS);
        for n in 0..GUESTS {
            let from = Ipv4Addr::new(127, 10 + (n / 250) as u8, (n % 250) as u8, 1);
            let conversation = stack.conversation_from(from, UNLIMITED).await;
            guests.push(Rc::new(Guest {
                from,
                conversation,
                after: Cell::new(0),
                jitter: (n * 7919 % 250) as u64,
            }));
        }
        Self(guests)
    }

    /// Begins to wait for messages, spread over a time.
    pub(super) fn wait(&self, shared: &Rc<Shared>, spread: Duration) {
        for (n, guest) in self.0.iter().enumerate() {
            let (guest, shared) = (Rc::clone(guest), Rc::clone(shared));
            tokio::task::spawn_local(async move {
                sleep(spread.mul_f64(n as f64 / GUESTS as f64)).await;
                loop {
                    // Ends when the connection does.
                    if guest.wait(&shared).await.is_err() {
                        *shared.failed.borrow_mut() += 1;
                        sleep(Duration::from_secs(1)).await;
                    }
                }
            });
        }
    }

    /// The paths of the conversations in the desk's API.
    pub(super) fn desk_paths(&self) -> Rc<[String]> {
        let path =
            |guest: &Rc<Guest>| guest.conversation.path.replace("/v2/WebChannels", "/v1/Conversations");
        self.0.iter().map(path).collect()
    }
}

impl Guest {
    /// Waits again and again on one connection, until it is turned away.
    async fn wait(&self, shared: &Shared) -> io::Result<()> {
        let to = if *shared.is_second.borrow() { SECOND } else { ORCHESTRATOR };
        let Conversation { path, token } = &self.conversation;
        let (mut connection, mut answer) = (connect(self.from, to, None).await?, Vec::new());
        loop {
            let after = self.after.get();
            let request = format!(
                "GET {path}?after={after}&wait=25 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n"
            );
            shared.sent.borrow_mut().push(Instant::now());
            connection.write_all(request.as_bytes()).await?;
            answer.clear();
            let (head, body) = read(&mut connection, &mut answer).await?;
            let now = Instant::now();
            if !head.starts_with("HTTP/1.1 200") {
                *shared.failed.borrow_mut() += 1;
            }
            for text in body.split("\"body\":\"").skip(1) {
                let number = text.split('"').next().and_then(|text| text.parse::<usize>().ok());
                if let Some(number) = number {
                    shared.heard.borrow_mut()[number] = Some(now);
                }
            }
            self.after.set(after_colon(body, "\"last_index\"").unwrap_or(after));
            if let Some(seconds) = after_colon(head, "\r\nretry-after") {
                shared.turned_away.borrow_mut().push(now);
                drop(connection);
                sleep(Duration::from_secs(seconds) + Duration::from_millis(self.jitter)).await;
                return Ok(());
            }
        }
    }
}

/// One connection of the desk.
pub(super) struct Desk(TcpStream, Vec<u8>);

impl Desk {
    pub(super) async fn connect() -> Self {
        Self(connect(Ipv4Addr::LOCALHOST, DESK, None).await.unwrap(), Vec::new())
    }

    /// Sends the message with this number, and reads the response.
    pub(super) async fn say(&mut self, path: &str, number: usize) {
        let body = format!("Author=Grace&Body={number}");
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Basic {CREDENTIALS}\r\ncontent-type: \
             application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.write_all(request.as_bytes()).await.unwrap();
        self.1.clear();
        let (head, _) = read(&mut self.0, &mut self.1).await.unwrap();
        assert!(head.starts_with("HTTP/1.1 201"), "{head}");
    }
}

/// Reads one response; its head and body.
async fn read<'a>(connection: &mut TcpStream, answer: &'a mut Vec<u8>) -> io::Result<(&'a str, &'a str)> {
    let end = loop {
        if connection.read_buf(answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = str::from_utf8(answer).unwrap();
        if let Some(end) = text.find("\r\n\r\n")
            && after_colon(&text[..end], "\r\ncontent-length")
                .is_some_and(|length: usize| text.len() == end + 4 + length)
        {
            break end;
        }
    };
    Ok(str::from_utf8(answer).unwrap().split_at(end))
}

/// The number after a name and a colon.
fn after_colon<T: std::str::FromStr>(text: &str, name: &str) -> Option<T> {
    let (_, value) = text.split_once(name)?;
    let value = value.trim_start_matches([':', ' ']);
    value[..value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len())].parse().ok()
}
