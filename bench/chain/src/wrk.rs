//! The load generator: wrk with one thread, and its output.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::Outcome;

/// The load.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// The script.
    pub(crate) script: PathBuf,
    /// Its arguments.
    pub(crate) arguments: Vec<PathBuf>,
}

/// The results of wrk.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// Completed requests.
    pub(crate) requests: u64,
    /// Completed requests per second.
    pub(crate) per_second: f64,
    /// Median latency, in microseconds.
    pub(crate) p50: f64,
    /// 99th percentile of the latency, in microseconds.
    pub(crate) p99: f64,
}

impl Load {
    /// Runs the load for some whole seconds. A response without a success status or a connection error fails the run.
    pub(crate) fn send(&self, to: SocketAddr, connections: usize, seconds: u64) -> Outcome<Seen> {
        let done = self.command(to, connections, seconds).output()?;
        let (said, complaint) = (String::from_utf8(done.stdout)?, String::from_utf8(done.stderr)?);
        if !done.status.success() || !complaint.is_empty() {
            return Err(format!("wrk failed: {complaint}{said}").into());
        }
        parse(&said)
    }

    /// Runs the load for half a second and ignores the result.
    pub(crate) fn warm_up(&self, to: SocketAddr, connections: usize) -> Outcome<()> {
        let mut child = self
            .command(to, connections, 10)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .stdin(Stdio::null())
            .spawn()?;
        sleep(Duration::from_millis(500));
        kill_process(Pid::from_child(&child), Signal::INT)?;
        child.wait()?;
        Ok(())
    }

    fn command(&self, to: SocketAddr, connections: usize, seconds: u64) -> Command {
        let mut command = Command::new("wrk");
        command.args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "--latency", "-s"]);
        command.arg(&self.script).arg(format!("http://{to}")).arg("--").args(&self.arguments);
        command
    }
}

fn parse(said: &str) -> Outcome<Seen> {
    for line in said.lines().map(str::trim) {
        let bad = line.strip_prefix("Non-2xx or 3xx responses: ").or(line.strip_prefix("Socket errors: "));
        if bad.is_some() {
            return Err(format!("not every request got its expected response: {line}").into());
        }
    }
    let after = |prefix: &str| {
        let found = said.lines().find_map(|line| line.trim().strip_prefix(prefix));
        found.map(str::trim).ok_or_else(|| format!("wrk did not print `{prefix}`:\n{said}"))
    };
    let requests = said.lines().find_map(|line| line.trim().split_once(" requests in "));
    let (requests, _) = requests.ok_or_else(|| format!("wrk did not count requests:\n{said}"))?;
    Ok(Seen {
        requests: requests.parse()?,
        per_second: after("Requests/sec:")?.parse()?,
        p50: micros(after("50%")?)?,
        p99: micros(after("99%")?)?,
    })
}

/// `890.00us`, `1.23ms`, `2.00s`, `1.50m`
fn micros(text: &str) -> Outcome<f64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text.strip_prefix(digits) {
        Some("us") => 1.0,
        Some("ms") => 1e3,
        Some("s") => 1e6,
        Some("m") => 60e6,
        _ => return Err(format!("no time: {text}").into()),
    };
    Ok(digits.parse::<f64>()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "Running 1s test @ http://127.0.0.1:8080\n  1 threads and 16 connections\n  \
        Thread Stats   Avg      Stdev     Max   +/- Stdev\n    Latency   154.44us   53.85us   1.50ms   86.29%\n    \
        Req/Sec   101.90k     3.72k  107.58k    72.73%\n  Latency Distribution\n     50%  146.00us\n     75%  174.00us\n     \
        90%  204.00us\n     99%    1.25ms\n  111494 requests in 1.10s, 26.80MB read\nRequests/sec: 101365.53\n\
        Transfer/sec:     24.36MB\n";

    #[test]
    fn wrk_output_is_parsed() {
        let seen = Seen { requests: 111_494, per_second: 101_365.53, p50: 146.0, p99: 1250.0 };
        assert_eq!(parse(SAID).unwrap(), seen);
        assert_eq!(
            ["2.00s", "1.50m", "3us"].map(|text| micros(text).unwrap()),
            [2_000_000.0, 90_000_000.0, 3.0]
        );
    }

    #[test]
    fn a_run_with_error_responses_is_invalid() {
        for line in
            ["  Non-2xx or 3xx responses: 7\n", "  Socket errors: connect 0, read 1, write 0, timeout 0\n"]
        {
            let said = SAID.replace("Requests/sec", &format!("{line}Requests/sec"));
            assert!(parse(&said).unwrap_err().to_string().contains(line.trim()), "{line}");
        }
        assert!(parse("").is_err());
        assert!(micros("7").is_err());
    }
}
