//! Measured processes: started with their log in a file, sampled for CPU and memory, and killed on drop.

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{Outcome, http::Connection};

/// Interval of readiness checks during start-up.
const LOOK: Duration = Duration::from_millis(1);

/// A child process of the harness.
pub(crate) struct Process {
    /// Its name in the report.
    pub(crate) name: &'static str,
    child: Child,
    log: File,
    log_path: PathBuf,
    started: Instant,
}

impl Process {
    /// Starts `program` with only these environment variables. Its log is written to the file at `log`.
    pub(crate) fn start<'a>(
        name: &'static str,
        program: &Path,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        settings: impl IntoIterator<Item = (&'a str, String)>,
        log: PathBuf,
    ) -> Outcome<Self> {
        let file = OpenOptions::new().create(true).append(true).open(&log)?;
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(settings);
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file.try_clone()?)
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        Ok(Self { name, child, log: file, log_path: log, started: Instant::now() })
    }

    /// Waits until `GET /readyz` on the admin listener succeeds; returns the time since the start.
    pub(crate) fn ready(&mut self, admin: SocketAddr, deadline: Duration) -> Outcome<Duration> {
        self.until(deadline, || {
            let request = b"GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n";
            Connection::open(admin).and_then(|mut connection| connection.succeed(request)).is_ok()
        })
    }

    /// Waits until it listens at `address`.
    pub(crate) fn listens(&mut self, address: SocketAddr) -> Outcome<Duration> {
        self.until(Duration::from_secs(10), || Connection::open(address).is_ok())
    }

    /// Waits for a line that contains `part`; returns that line.
    pub(crate) fn wait_for_line(&mut self, part: &str) -> Outcome<String> {
        let log_path = self.log_path.clone();
        let line = || {
            let said = fs::read_to_string(&log_path).unwrap_or_default();
            said.lines().find(|line| line.contains(part)).map(str::to_owned)
        };
        self.until(Duration::from_secs(10), || line().is_some())?;
        Ok(line().ok_or("a line that is not there any more")?)
    }

    fn until(&mut self, deadline: Duration, is_so: impl Fn() -> bool) -> Outcome<Duration> {
        loop {
            if is_so() {
                return Ok(self.started.elapsed());
            }
            if self.child.try_wait()?.is_some() || self.started.elapsed() > deadline {
                let log = fs::read_to_string(&self.log_path)?;
                let last: Vec<_> = log.lines().rev().take(3).collect();
                return Err(format!("{} did not start: {}", self.name, last.join(" / ")).into());
            }
            sleep(LOOK);
        }
    }

    /// The CPU time of this process and its children.
    pub(crate) fn cpu(&self) -> Outcome<Duration> {
        self.tree()?.into_iter().map(cpu_of).sum()
    }

    /// The resident memory of this process and its children, in bytes.
    pub(crate) fn memory(&self) -> Outcome<u64> {
        self.tree()?.into_iter().map(memory_of).sum()
    }

    /// Empties the log.
    pub(crate) fn truncate_log(&self) -> Outcome<()> {
        Ok(self.log.set_len(0)?)
    }

    fn tree(&self) -> Outcome<Vec<u32>> {
        let own = self.child.id();
        let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
        let mut tree = vec![own];
        tree.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        Ok(tree)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A free local address: each call uses another address of 127.0.0.0/8, so that no connection made meanwhile takes its
/// port.
pub(crate) fn free_address() -> Outcome<SocketAddr> {
    static CALLS: AtomicU16 = AtomicU16::new(2);
    let [high, low] = CALLS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    Ok(TcpListener::bind((Ipv4Addr::new(127, 0, high, low), 0))?.local_addr()?)
}

fn cpu_of(pid: u32) -> Outcome<Duration> {
    let ticks = ticks(&fs::read_to_string(format!("/proc/{pid}/stat"))?).ok_or("malformed /proc/PID/stat")?;
    Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

fn memory_of(pid: u32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(resident(&status).ok_or("malformed /proc/PID/status")?)
}

/// `utime` + `stime` of `/proc/PID/stat`, whose second field, in brackets, may contain any character.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

/// `VmRSS` of `/proc/PID/status`, in bytes.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_parsed() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 31 11 5 5 20 0 3 0 1000 10000 200 18446744073709551615";
        assert_eq!(ticks(stat), Some(42));
        assert_eq!(ticks("7 (a) S"), None);
        assert_eq!(resident("Name:\ta\nVmRSS:\t    12 kB\nThreads:\t1\n"), Some(12 * 1024));
        assert_eq!(resident("Name:\ta\n"), None);
    }
}
