//! Graceful shutdown on Ctrl-C: no in-flight request is aborted.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use local_stack::demo;

use crate::{
    binary::separate_services::{binary, free_address},
    process::Process,
};

#[test]
fn in_flight_requests_complete_before_exit() {
    let data = tempfile::tempdir().unwrap();
    let mut stack = Process::stack(data.path());
    let [(orchestrator, _), ..] = stack.addresses();
    let address = orchestrator.strip_prefix("http://").unwrap();
    let mut idle = TcpStream::connect(address).unwrap();
    idle.write_all(b"OPTIONS /v2/Webchat/Token HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert_ne!(idle.read(&mut [0; 1024]).unwrap(), 0, "an idle keep-alive connection");

    let body = format!("deploymentKey={}", demo::DEPLOYMENT_ON);
    let (start, rest) = body.split_at(10);
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /v2/Webchat/Token HTTP/1.1\r\nhost: x\r\nuser-agent: curl/8.0\r\nexpect: 100-continue\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut buffer = [0; 1024];
    let read = stream.read(&mut buffer).unwrap();
    assert!(buffer[..read].starts_with(b"HTTP/1.1 100"), "the request is being read");
    stream.write_all(start.as_bytes()).unwrap();

    stack.signal("-INT");
    stack.until("stopping");
    stream.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("\"token\":"), "its callees were still there");

    let (status, written) = stack.end();
    assert!(status.success(), "{written}");
}

#[test]
fn draining_is_logged_and_a_second_signal_exits_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let made =
        binary("scoped-auth").args(["keys", "generate", "--file"]).arg(file("keys.json")).status().unwrap();
    assert!(made.success());
    let admin = free_address();
    let mut command = binary("scoped-auth");
    command
        .env("SCOPED_AUTH_LISTEN", "127.0.0.1:0")
        .env("SCOPED_AUTH_ADMIN_LISTEN", &admin)
        .env("SCOPED_AUTH_DRAIN_SECONDS", "600")
        .env("SCOPED_AUTH_KEYS_FILE", file("keys.json"))
        .env("SCOPED_AUTH_DATABASE_URL", format!("sqlite://{}", file("sessions.db").display()))
        .env("SCOPED_AUTH_FEDERATED_AUTH_SECRET", "between-fas-and-sas");
    let mut service = Process::start(&mut command);
    service.until("started");
    service.signal("-TERM");
    service.until("stopping");
    let health = loop {
        let health = binary("scoped-auth").args(["healthcheck", &admin]).output().unwrap();
        if !health.status.success() {
            break String::from_utf8(health.stderr).unwrap();
        }
    };
    assert!(health.contains("\"stopping\""), "it is there, and not ready: {health}");
    service.signal("-TERM");
    let (status, written) = service.end();
    assert!(status.success(), "{written}");
}
