//! A connection balancer between a caller and the replicas of its callee, like a Kubernetes Service: a new connection
//! goes to the next ready replica; existing connections stay where they are.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use service_runtime::{Running, client::http_client};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    time::interval,
};

/// Interval of readiness checks.
const PERIOD: Duration = Duration::from_millis(20);
/// Number of consecutive failed checks after which a replica is removed.
const THRESHOLD: u32 = 3;

/// The balancer of one service.
#[derive(Clone)]
pub(crate) struct Balancer {
    /// The address for callers.
    pub(crate) address: SocketAddr,
    replicas: Arc<Mutex<Vec<Replica>>>,
    looks: watch::Sender<u64>,
}

#[derive(Clone, Copy)]
struct Replica {
    address: SocketAddr,
    admin: SocketAddr,
    ready: bool,
    misses: u32,
}

impl Balancer {
    /// A balancer without replicas.
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let balancer = Self { address, replicas: Arc::default(), looks: watch::channel(0).0 };
        tokio::spawn(balancer.clone().distribute(listener));
        tokio::spawn(balancer.clone().look());
        balancer
    }

    /// Waits until a new replica is ready and adds it.
    pub(crate) async fn add(&self, replica: &Running) {
        let (address, admin) = (replica.address(), replica.admin_address);
        self.replicas.lock().unwrap().push(Replica { address, admin, ready: false, misses: 0 });
        let mut looks = self.looks.subscribe();
        let ready = async {
            while !self.replicas.lock().unwrap().iter().any(|known| known.admin == admin && known.ready) {
                looks.changed().await.unwrap();
            }
        };
        test_support::within(Duration::from_secs(60), "the replica is ready", ready).await;
    }

    /// Removes a replica that has exited.
    pub(crate) fn forget(&self, admin: SocketAddr) {
        self.replicas.lock().unwrap().retain(|replica| replica.admin != admin);
    }

    async fn distribute(self, listener: TcpListener) {
        let turn = AtomicUsize::new(0);
        while let Ok((mut caller, _)) = listener.accept().await {
            let ready: Vec<_> =
                self.replicas.lock().unwrap().iter().filter(|replica| replica.ready).copied().collect();
            // Without a ready replica the connection is closed, as it would be without a balancer.
            let Some(next) = ready.get(turn.fetch_add(1, Ordering::Relaxed) % ready.len().max(1)) else {
                continue;
            };
            let address = next.address;
            tokio::spawn(async move {
                if let Ok(mut replica) = TcpStream::connect(address).await {
                    let _ = replica.set_nodelay(true);
                    let _ = caller.set_nodelay(true);
                    // Ends when either side closes, with or without an error.
                    let _ = copy_bidirectional(&mut caller, &mut replica).await;
                }
            });
        }
    }

    async fn look(self) {
        let client = http_client().build().unwrap();
        let mut ticks = interval(PERIOD);
        loop {
            ticks.tick().await;
            let replicas = self.replicas.lock().unwrap().clone();
            for Replica { admin, .. } in replicas {
                let answer = client.get(format!("http://{admin}/readyz")).send().await;
                let ready = answer.is_ok_and(|answer| answer.status() == 200);
                let mut replicas = self.replicas.lock().unwrap();
                if let Some(replica) = replicas.iter_mut().find(|replica| replica.admin == admin) {
                    replica.misses = if ready { 0 } else { replica.misses + 1 };
                    replica.ready = ready || replica.ready && replica.misses < THRESHOLD;
                }
            }
            self.looks.send_modify(|looks| *looks += 1);
        }
    }
}
