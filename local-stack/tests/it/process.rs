//! A started binary whose output is read line by line.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread::JoinHandle,
};

/// A child process; killed on drop.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    readers: Vec<JoinHandle<()>>,
    seen: Vec<String>,
}

impl Process {
    /// The whole stack on free ports, with its files in `data`.
    pub(crate) fn stack(data: &Path) -> Self {
        Self::start(&mut stack(data))
    }

    /// The same, connected in memory.
    pub(crate) fn stack_in_process(data: &Path) -> Self {
        Self::start(stack(data).arg("--in-process"))
    }

    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        let readers = streams.map(|stream| {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            })
        });
        Self { child, lines, readers: readers.into(), seen: Vec::new() }
    }

    /// Reads until a line contains `part`; returns that line.
    #[track_caller]
    pub(crate) fn until(&mut self, part: &str) -> String {
        while let Ok(line) = self.lines.recv() {
            self.seen.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
        panic!("the process exited before printing `{part}`:\n{}", self.seen.join("\n"));
    }

    /// The base URLs of FWO, FAS and SAS, each with that of its admin listener.
    #[track_caller]
    pub(crate) fn addresses(&mut self) -> [(String, String); 3] {
        ["FlexWebchatOrchestratorService ", "FederatedAuthService ", "ScopedAuthService "].map(|name| {
            let line = self.until(name);
            let mut urls =
                line.split_whitespace().filter(|word| word.starts_with("http://")).map(str::to_owned);
            (urls.next().unwrap(), urls.next().unwrap())
        })
    }

    /// The lines that were read so far.
    pub(crate) fn seen(&self) -> String {
        self.seen.iter().map(|line| format!("{line}\n")).collect()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        // The shell's own `kill`: a minimal machine has no other.
        let kill = format!("kill {name} {}", self.child.id());
        assert!(Command::new("bash").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for the exit; returns the exit status and the whole output.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        let mut seen = std::mem::take(&mut self.seen);
        seen.extend(self.lines.try_iter());
        (status, seen.join("\n"))
    }
}

fn stack(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local-stack"));
    // Most of these tests call the services directly.
    command.args(["--without-starship", "--free-ports", "--data"]).arg(data).env_remove("RUST_LOG");
    command
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
