//! ScopedAuthService is killed after it has advanced a session and before the response is delivered.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, channel},
    },
    thread,
};

use local_stack::{Guest, demo};
use rusqlite::Connection;
use service_runtime::Clock;

use crate::binary::separate_services::{Services, free_address};

/// A TCP balancer in front of ScopedAuthService. While it withholds responses, the first byte of one is an event, and
/// nothing is forwarded to the caller.
struct Withholding {
    answers: Arc<AtomicBool>,
    withheld: Receiver<()>,
}

impl Withholding {
    fn start(listener: TcpListener, callee: String) -> Self {
        let withholds = Arc::new(AtomicBool::new(false));
        let (sender, withheld) = channel();
        let flag = Arc::clone(&withholds);
        thread::spawn(move || {
            for caller in listener.incoming().map_while(Result::ok) {
                let Ok(callee) = TcpStream::connect(&callee) else { continue };
                let (caller, callee) = (Arc::new(caller), Arc::new(callee));
                let (request, answer) = ((caller.clone(), callee.clone()), (callee, caller));
                thread::spawn(move || forward(&request.0, &request.1, || false));
                let (flag, sender) = (Arc::clone(&flag), sender.clone());
                thread::spawn(move || {
                    forward(&answer.0, &answer.1, || flag.load(Ordering::SeqCst) && sender.send(()).is_ok());
                });
            }
        });
        Self { answers: withholds, withheld }
    }
}

/// Forwards bytes until either side closes or `withhold` is set.
fn forward(mut from: &TcpStream, mut to: &TcpStream, withhold: impl Fn() -> bool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if withhold() || to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(std::net::Shutdown::Both);
    let _ = to.shutdown(std::net::Shutdown::Both);
}

fn generation(folder: &Path) -> i64 {
    let store = Connection::open(folder.join("sessions.db")).unwrap();
    store.query_row("SELECT MAX(generation) FROM sessions", [], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_between_session_advance_and_response() {
    for has_key in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let address = free_address();
        let listener = TcpListener::bind(&address).unwrap();
        let mut services = Services::new(folder.path(), Some(&address));
        let balancer = Withholding::start(listener, services.addresses[2].clone());
        let scoped_auth = Services::start(&mut services.scoped_auth);
        let _federated_auth = Services::start(&mut services.federated_auth);
        let _orchestrator = Services::start(&mut services.orchestrator);
        let guest = Guest::with_chrome(&format!("http://{}", services.addresses[0]), demo::DEPLOYMENT_ON);
        let guest = if has_key { guest.with_proof_key(&Clock::system()) } else { guest };
        let started = guest.begins_chat(None).await;
        let token = started.text("token");

        balancer.answers.store(true, Ordering::SeqCst);
        let (refreshing, presented) = (guest.clone(), token.clone());
        let refresh = tokio::spawn(async move { refreshing.refreshes_token(&presented).await });
        tokio::task::block_in_place(|| balancer.withheld.recv()).unwrap();
        scoped_auth.signal("-KILL");
        scoped_auth.end();
        assert_eq!(generation(folder.path()), 1, "the session has advanced");
        assert_eq!(refresh.await.unwrap().status, 503);

        balancer.answers.store(false, Ordering::SeqCst);
        let _scoped_auth = Services::start(&mut services.scoped_auth);
        let again = guest.refreshes_token(&token).await;
        assert_eq!((again.status, again.text("identity")), (200, started.text("identity")));
        assert_eq!(generation(folder.path()), 1, "the same successor is reissued");
        let said = guest.says(&again.text("token"), &started.text("conversation_sid"), "Still here").await;
        assert_eq!(said.status, 201);
    }
}
