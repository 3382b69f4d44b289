//! TCP keep-alive, over TCP: PostgreSQL reports none for connections over its own socket.

use std::net::TcpListener;

use store::Sql;
use test_support::{direct::Direct, postgres::Cluster};

use crate::open;

#[tokio::test]
async fn connections_have_tcp_keep_alive() {
    static IDLE: Sql = Sql::new("SELECT current_setting('tcp_keepalives_idle') AS idle");
    let cluster = Cluster::launch();
    let url = cluster.database().await;
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut operator = Direct::connect(&url).await;
    operator.execute("ALTER SYSTEM SET listen_addresses = '127.0.0.1'").await;
    operator.execute(&format!("ALTER SYSTEM SET port = {port}")).await;
    drop(operator);
    cluster.stop();
    cluster.start();
    let name = url.split('?').next().unwrap().rsplit('/').next().unwrap();
    let over_tcp = format!("postgres://test:hunter2@127.0.0.1:{port}/{name}");
    let database = open(&over_tcp, &over_tcp).await;
    let rows = database.read(IDLE.with([])).await.unwrap();
    assert_eq!(rows.first().unwrap().get::<&str>("idle").unwrap(), "30");
}
