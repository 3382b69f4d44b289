//! A proxy that records the traffic between a caller and its callee. Used only before measurements, never during them.

use std::{
    io::{BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use crate::{
    Outcome,
    http::{Connection, Message},
    script::{Answer, Question},
};

/// The recorded traffic of a connection: requests, each with its response.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Vec<(Message, Message)>>>);

impl Recorder {
    /// Starts a proxy to `callee`; returns the address that the caller must use instead.
    pub(crate) fn record(&self, callee: SocketAddr) -> Outcome<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let recorder = self.clone();
        thread::spawn(move || {
            for caller in listener.incoming().map_while(Result::ok) {
                let recorder = recorder.clone();
                // A caller that closes its connection ends only its own thread.
                thread::spawn(move || recorder.forward(caller, callee));
            }
        });
        Ok(address)
    }

    /// The traffic since the last call, without readiness checks.
    pub(crate) fn take(&self) -> Vec<(Message, Message)> {
        let said = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        said.into_iter().filter(|(request, _)| request.word(0) == "POST").collect()
    }

    fn forward(&self, caller: TcpStream, callee: SocketAddr) -> Outcome<()> {
        let (mut requests, mut answers) = (BufReader::new(caller.try_clone()?), caller);
        let mut onward = Connection::open(callee)?;
        while let Some(request) = Message::read(&mut requests)? {
            let mut raw = Vec::new();
            request.write(&mut raw)?;
            let answer = onward.exchange(&raw)?;
            let mut raw = Vec::new();
            answer.write(&mut raw)?;
            // Recorded before the caller has the response, as its next request belongs to another call.
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push((request, answer));
            answers.write_all(&raw)?;
        }
        Ok(())
    }
}

/// The request for a yardstick to send.
pub(crate) fn question(request: &Message) -> Question {
    Question { path: request.word(1).to_owned(), headers: kept_headers(request), body: request.text() }
}

/// The response for a yardstick to return.
pub(crate) fn answer(request: &Message, answer: &Message) -> Answer {
    Answer {
        path: request.word(1).to_owned(),
        status: answer.status(),
        headers: kept_headers(answer),
        body: answer.text(),
    }
}

/// All headers except those that every client and server sets itself.
fn kept_headers(message: &Message) -> Vec<(String, String)> {
    let sets_itself = |name: &str| matches!(name, "host" | "content-length" | "date" | "connection");
    let kept = message.headers().filter(|(name, _)| !sets_itself(name));
    kept.map(|(name, value)| (name, value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_recorded_before_it_is_delivered() {
        let callee = TcpListener::bind("127.0.0.1:0").unwrap();
        let recorder = Recorder::default();
        let wire = recorder.record(callee.local_addr().unwrap()).unwrap();
        thread::spawn(move || {
            let (mut answers, _) = callee.accept().unwrap();
            let mut requests = BufReader::new(answers.try_clone().unwrap());
            while Message::read(&mut requests).unwrap().is_some() {
                answers.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
            }
        });
        let mut caller = Connection::open(wire).unwrap();
        for _ in 0..500 {
            caller.exchange(b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n").unwrap();
            assert_eq!(recorder.take().len(), 1);
        }
    }
}
