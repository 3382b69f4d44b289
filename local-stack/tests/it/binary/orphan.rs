//! Killing a stack also ends its Starship, so that the next one finds its addresses free.

use std::{
    net::TcpListener,
    process::Command,
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use crate::process::Process;

/// Every child of the stack holds its output open, so end of file means that all of them have exited.
const WITH_ITS_OUTPUT_IN_ALL_CHILDREN: &str = "exec 9>&1; exec \"$@\"";

fn started(data: &std::path::Path) -> (Process, String) {
    let mut command = Command::new("bash");
    command
        .args(["-c", WITH_ITS_OUTPUT_IN_ALL_CHILDREN, "bash", env!("CARGO_BIN_EXE_local-stack")])
        .args(["--free-ports", "--data"])
        .arg(data);
    let mut stack = Process::start(&mut command);
    let line = stack.until("Starship, an nginx");
    let starship = line.split("http://").nth(1).unwrap().to_owned();
    (stack, starship)
}

#[test]
fn kill_9_leaves_no_starship_behind() {
    let data = tempfile::tempdir().unwrap();
    let (stack, starship) = started(data.path());
    assert!(TcpListener::bind(&starship).is_err(), "Starship has its address");
    stack.signal("-KILL");
    let (sender, ended) = channel();
    thread::spawn(move || sender.send(stack.end()));
    match ended.recv_timeout(Duration::from_secs(10)) {
        Ok((status, _)) => assert!(!status.success(), "it was killed"),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => panic!("nginx is still running"),
    }
    TcpListener::bind(&starship).expect("the address is free for the next start");
    let (stack, _) = started(data.path());
    stack.signal("-TERM");
    assert!(stack.end().0.success(), "files of the killed stack do not prevent a start");
}
