//! A proxy that injects faults: forwards bytes between one caller and its callee until a fault is set.

use std::{
    net::{SocketAddr, TcpListener as Listener},
    sync::Arc,
};

use local_stack::{Direct, Participant, Wire};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// The fault that the proxy injects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No fault.
    None,
    /// Drops the next response to a refresh, then resets to no fault.
    DropsNextRefresh(Part),
    /// Closes connections as soon as data is sent.
    Down,
    /// Closes all connections, and new ones at once.
    Offline,
    /// Closes connections instead of each response, which the request has been carried out for.
    DropsResponses,
    /// Never responds.
    Silent,
    /// Truncates responses within their head.
    TruncatesHead,
    /// Responds with bytes that are not HTTP.
    NotHttp,
}

/// Which part of a response is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The whole response.
    All,
    /// The body. A browser retries a request by itself where a kept connection broke before the response's head
    /// arrived, and the page would not notice.
    Body,
}

/// Places the proxy between these two; all other connections are direct.
pub(crate) struct FaultyProxy {
    from: Participant,
    to: Participant,
    fault: Arc<watch::Sender<Fault>>,
}

impl FaultyProxy {
    pub(crate) fn between(from: Participant, to: Participant) -> (Arc<Self>, Arc<watch::Sender<Fault>>) {
        let fault = Arc::new(watch::Sender::new(Fault::None));
        (Arc::new(Self { from, to, fault: fault.clone() }), fault)
    }
}

impl Wire for FaultyProxy {
    fn connect(&self, from: Participant, to: Participant, address: SocketAddr) -> String {
        if (from, to) != (self.from, self.to) {
            return Direct.connect(from, to, address);
        }
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (listener, fault) = (TcpListener::from_std(listener).unwrap(), self.fault.clone());
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                tokio::spawn(forward(caller, address, fault.clone()));
            }
        });
        url
    }
}

/// Forwards until either side closes or the fault cuts the connection; both ends are closed on return.
async fn forward(mut caller: TcpStream, address: SocketAddr, fault: Arc<watch::Sender<Fault>>) -> Option<()> {
    let mut callee = TcpStream::connect(address).await.ok()?;
    let (mut asked, mut answered) = ([0; 32 * 1024], [0; 32 * 1024]);
    let mut drops = None;
    let mut faults = fault.subscribe();
    loop {
        tokio::select! {
            () = offline(&mut faults) => return None,
            length = caller.read(&mut asked) => {
                let asked = &asked[..length.ok().filter(|length| *length > 0)?];
                let now = *fault.borrow();
                match now {
                    Fault::None | Fault::DropsResponses => {}
                    // The body may arrive in a separate read.
                    Fault::DropsNextRefresh(part) => drops = drops.or(is_refresh(asked).then_some(part)),
                    Fault::Down | Fault::Offline => return None,
                    Fault::Silent => continue,
                    Fault::TruncatesHead => {
                        caller.write_all(b"HTTP/1.1 200 OK\r\ncontent-ty").await.ok()?;
                        return None;
                    }
                    Fault::NotHttp => {
                        caller.write_all(b"220 mail.example ESMTP\r\n").await.ok()?;
                        return None;
                    }
                }
                callee.write_all(asked).await.ok()?;
            }
            length = callee.read(&mut answered) => {
                let answered = &answered[..length.ok().filter(|length| *length > 0)?];
                if *fault.borrow() == Fault::DropsResponses {
                    return None;
                }
                let Some(part) = drops else {
                    caller.write_all(answered).await.ok()?;
                    continue;
                };
                fault.send_replace(Fault::None);
                if part == Part::Body {
                    let head = answered.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
                    caller.write_all(&answered[..head]).await.ok()?;
                }
                return None;
            }
        }
    }
}

async fn offline(faults: &mut watch::Receiver<Fault>) {
    let _ = faults.wait_for(|fault| *fault == Fault::Offline).await;
}

/// A request's head arrives in one read here; its preflight is not a POST.
fn is_refresh(asked: &[u8]) -> bool {
    asked.starts_with(b"POST /v2/Webchat/Token/Refresh ")
}
