//! A wire on which things go wrong: it passes bytes on between one caller and its callee, until it is told otherwise.

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

/// What the wire does to what flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    Fair,
    /// The next answer to a refresh is lost; then it is fair again.
    LosesTheNextRefresh(Lost),
    /// Connections break as soon as something is sent.
    Down,
    /// Nothing is ever answered.
    Silent,
    /// Answers break off in their head.
    BreaksOff,
    /// Answers are no HTTP.
    SpeaksNoHttp,
}

/// How much of an answer is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Everything.
    All,
    /// Its body. A browser repeats a request by itself where a kept connection broke before an answer's head
    /// was there, and no page would hear of it.
    TheBody,
}

/// The wire from the first to the second; all others lead straight to their callee.
pub(crate) struct FaultyProxy {
    from: Participant,
    to: Participant,
    weather: Arc<watch::Sender<Fault>>,
}

impl FaultyProxy {
    pub(crate) fn between(from: Participant, to: Participant) -> (Arc<Self>, Arc<watch::Sender<Fault>>) {
        let weather = Arc::new(watch::Sender::new(Fault::Fair));
        (Arc::new(Self { from, to, weather: weather.clone() }), weather)
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
        let (listener, weather) = (TcpListener::from_std(listener).unwrap(), self.weather.clone());
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                tokio::spawn(pass_on(caller, address, weather.clone()));
            }
        });
        url
    }
}

/// Until one of them hangs up, or the weather cuts them off: both ends close when this returns.
async fn pass_on(
    mut caller: TcpStream,
    address: SocketAddr,
    weather: Arc<watch::Sender<Fault>>,
) -> Option<()> {
    let mut callee = TcpStream::connect(address).await.ok()?;
    let (mut asked, mut answered) = ([0; 32 * 1024], [0; 32 * 1024]);
    let mut loses = None;
    loop {
        tokio::select! {
            length = caller.read(&mut asked) => {
                let asked = &asked[..length.ok().filter(|length| *length > 0)?];
                let now = *weather.borrow();
                match now {
                    Fault::Fair => {}
                    // The body may come in a piece of its own.
                    Fault::LosesTheNextRefresh(lost) => loses = loses.or(is_refresh(asked).then_some(lost)),
                    Fault::Down => return None,
                    Fault::Silent => continue,
                    Fault::BreaksOff => {
                        caller.write_all(b"HTTP/1.1 200 OK\r\ncontent-ty").await.ok()?;
                        return None;
                    }
                    Fault::SpeaksNoHttp => {
                        caller.write_all(b"220 mail.example ESMTP\r\n").await.ok()?;
                        return None;
                    }
                }
                callee.write_all(asked).await.ok()?;
            }
            length = callee.read(&mut answered) => {
                let answered = &answered[..length.ok().filter(|length| *length > 0)?];
                let Some(lost) = loses else {
                    caller.write_all(answered).await.ok()?;
                    continue;
                };
                weather.send_replace(Fault::Fair);
                if lost == Lost::TheBody {
                    let head = answered.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
                    caller.write_all(&answered[..head]).await.ok()?;
                }
                return None;
            }
        }
    }
}

/// A request's head comes in one piece here; its preflight is no POST.
fn is_refresh(asked: &[u8]) -> bool {
    asked.starts_with(b"POST /v2/Webchat/Token/Refresh ")
}
