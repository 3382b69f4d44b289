//! A TCP proxy in front of PostgreSQL that can stop forwarding without closing anything, as a firewall does that forgets
//! a connection.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

use crate::postgres::Cluster;

/// A running proxy.
pub struct TcpProxy {
    /// The listening address.
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    /// The number of black holes so far.
    silence: watch::Sender<usize>,
}

impl TcpProxy {
    /// Forwards to a cluster.
    pub async fn to_postgres(cluster: &Cluster) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (silence, silenced) = watch::channel(0);
        let (counted, socket) = (connections.clone(), cluster.socket());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(forward(client, socket.clone(), silenced.clone()));
            }
        });
        Self { address, connections, silence }
    }

    /// The URL of a cluster's database, through this proxy.
    pub fn url(&self, database: &str) -> String {
        let name = database.split('?').next().and_then(|url| url.rsplit('/').next()).unwrap();
        format!("postgres://test:hunter2@{}/{name}", self.address)
    }

    /// Forwards nothing more on the connections that exist, and keeps them open. New connections are forwarded.
    pub fn black_hole(&self) {
        self.silence.send_modify(|silence| *silence += 1);
    }

    /// The number of connections so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn forward(mut client: TcpStream, socket: PathBuf, mut silenced: watch::Receiver<usize>) {
    silenced.mark_unchanged();
    let mut server = UnixStream::connect(socket).await.unwrap();
    tokio::select! {
        // An error if either side resets the connection.
        _ = copy_bidirectional(&mut client, &mut server) => {}
        // An error once the proxy is dropped.
        Ok(()) = silenced.changed() => while silenced.changed().await.is_ok() {},
    }
}
