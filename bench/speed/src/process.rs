//! Measured processes: started with their log in a file, sampled for CPU and memory, and killed on drop.

use std::{
    fs::{self, File, OpenOptions},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::Outcome;

pub(crate) struct Process {
    child: Child,
    log: (File, PathBuf),
    started: Instant,
}

impl Process {
    /// Starts `command` with its output in the file at `log`.
    pub(crate) fn start(command: &mut Command, log: PathBuf) -> Outcome<Self> {
        let file = OpenOptions::new().create(true).append(true).open(&log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file.try_clone()?);
        let child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        Ok(Self { child, log: (file, log), started: Instant::now() })
    }

    /// Polls `condition` every millisecond; returns the time since the start.
    pub(crate) fn until<T>(&mut self, condition: impl Fn() -> Outcome<T>) -> Outcome<Duration> {
        while condition().is_err() {
            // The services read accounts and revocations before they are ready: a million of them take a while.
            if self.child.try_wait()?.is_some() || self.started.elapsed().as_secs() > 300 {
                return Err(format!("did not start: {}", fs::read_to_string(&self.log.1)?).into());
            }
            sleep(Duration::from_millis(1));
        }
        Ok(self.started.elapsed())
    }

    pub(crate) fn truncate_log(&self) -> Outcome<()> {
        Ok(self.log.0.set_len(0)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The CPU seconds since the start and the MiB of resident memory, of these processes and their children.
pub(crate) fn usage(processes: &[&Process]) -> Outcome<[f64; 2]> {
    let (tick, page) = (rustix::param::clock_ticks_per_second() as f64, rustix::param::page_size() as f64);
    let mut sum = [0.0; 2];
    for own in processes.iter().map(|process| process.child.id().to_string()) {
        let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children"))?;
        for id in children.split_whitespace().chain([own.as_str()]) {
            // A child may end meanwhile. The name, in brackets, may contain any character; a letter follows, and numbers.
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            let numbers = stat.rsplit(')').next().unwrap_or_default().split(' ');
            let numbers: Vec<f64> = numbers.filter_map(|number| number.trim().parse().ok()).collect();
            let at = |place: usize| numbers.get(place).copied().unwrap_or_default();
            let [utime, stime, resident] = [at(10), at(11), at(20)];
            sum = [sum[0] + (utime + stime) / tick, sum[1] + resident * page / 1048576.0];
        }
    }
    Ok(sum)
}

/// Runs a command to its end; returns its output.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let done = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let error = || format!("{command:?}: {text}{}", String::from_utf8_lossy(&done.stderr));
    if done.status.success() { Ok(text) } else { Err(error().into()) }
}

/// A free local address, another of 127.0.0.0/8 for each call, so that no connection made meanwhile takes its port.
pub(crate) fn free_address() -> Outcome<SocketAddr> {
    static CALLS: AtomicU16 = AtomicU16::new(2);
    let [high, low] = CALLS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    Ok(TcpListener::bind((Ipv4Addr::new(127, 0, high, low), 0))?.local_addr()?)
}
