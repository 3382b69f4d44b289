//! The yardsticks of one path as processes: one that responds at once, and a chain with as many links as the path has
//! services.

use std::{fs, net::SocketAddr, path::PathBuf};

use crate::{
    Outcome,
    measure::Subject,
    process::{Process, free_address},
    recording::Recording,
    script::Script,
    stack::program,
};

/// A running yardstick.
pub(crate) struct Yardstick {
    /// The address for requests.
    pub(crate) address: SocketAddr,
    /// Its processes, in call order.
    pub(crate) processes: Vec<Process>,
}

impl Yardstick {
    /// One server that returns the first participant's response.
    pub(crate) fn hello(recording: &Recording, folder: PathBuf) -> Outcome<Self> {
        let starter = Starter { folder, program: "hello" };
        let (process, address) = starter.start("hello", 0, &recording.hello(), None)?;
        Ok(Self { address, processes: vec![process] })
    }

    /// A link for each participant.
    pub(crate) fn chain(recording: &Recording, folder: PathBuf) -> Outcome<Self> {
        let starter = Starter { folder, program: "null-link" };
        let mut next = None;
        let mut processes = Vec::new();
        for (at, script) in recording.0.iter().enumerate().rev() {
            let name = ["first link", "second link", "third link"].get(at).copied().unwrap_or("link");
            let (process, address) = starter.start(name, at, script, next)?;
            processes.insert(0, process);
            next = Some(address);
        }
        Ok(Self { address: next.ok_or("a path without participants")?, processes })
    }

    /// The yardstick as a subject of measurements.
    pub(crate) fn subject(&self, name: &'static str) -> Subject<'_> {
        Subject { name, address: self.address, processes: self.processes.iter().collect() }
    }
}

struct Starter {
    folder: PathBuf,
    program: &'static str,
}

impl Starter {
    fn start(
        &self,
        name: &'static str,
        at: usize,
        script: &Script,
        next: Option<SocketAddr>,
    ) -> Outcome<(Process, SocketAddr)> {
        fs::create_dir_all(&self.folder)?;
        let file = |end: &str| self.folder.join(format!("{}-{at}.{end}", self.program));
        script.save(&file("json"))?;
        let address = free_address()?;
        let mut arguments = vec!["--listen".into(), address.to_string().into()];
        arguments.extend(["--script".into(), file("json").into_os_string()]);
        arguments.extend(next.into_iter().flat_map(|next| ["--next".into(), next.to_string().into()]));
        let mut process = Process::start(name, &program(self.program)?, arguments, [], file("log"))?;
        process.listens(address)?;
        Ok((process, address))
    }
}
