//! A service's start-up time, idle memory and binary size.

use std::{fs, path::Path, process::Command, thread::sleep, time::Duration};

use crate::{
    Outcome,
    median::median,
    print_progress,
    stack::{self, Plan},
};

/// One service.
#[derive(Clone, Debug)]
pub(crate) struct StartUp {
    /// The participant.
    pub(crate) service: &'static str,
    /// From the start of the process to the first success of `/readyz`, in milliseconds.
    pub(crate) ready_ms: f64,
    /// Resident memory a second later, in bytes.
    pub(crate) memory: f64,
    /// Size of its binary, in bytes.
    pub(crate) binary: u64,
    /// Size of its image, as the container engine prints it, if there is one.
    pub(crate) image: Option<String>,
}

/// Starts a stack with empty stores several times, in folders below `folder`; returns medians.
pub(crate) fn measure(times: usize, folder: &Path) -> Outcome<Vec<StartUp>> {
    let mut seen: [(Vec<f64>, Vec<f64>); 3] = Default::default();
    for time in 0..times {
        let stack = Plan::new(folder.join(time.to_string())).start()?;
        sleep(Duration::from_secs(1));
        for ((ready, memory), (took, process)) in seen.iter_mut().zip(stack.took.iter().zip(&stack.processes))
        {
            ready.push(took.as_secs_f64() * 1e3);
            memory.push(process.memory()? as f64);
        }
    }
    let services = [
        ("FlexWebchatOrchestratorService", "orchestrator"),
        ("FederatedAuthService", "federated-auth"),
        ("ScopedAuthService", "scoped-auth"),
    ];
    let mut all = Vec::new();
    for ((service, program), (ready, memory)) in services.into_iter().zip(seen) {
        let (ready_ms, memory) = (median(ready), median(memory));
        print_progress(&format!(
            "{service}: ready after {ready_ms:.1} ms, {:.1} MiB",
            memory / f64::from(1 << 20)
        ));
        let binary = fs::metadata(stack::program(program)?)?.len();
        all.push(StartUp { service, ready_ms, memory, binary, image: image(program) });
    }
    Ok(all)
}

/// The size of the newest image whose name ends with this one.
fn image(name: &str) -> Option<String> {
    let said =
        Command::new("docker").args(["images", "--format", "{{.Repository}} {{.Size}}"]).output().ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    let (_, size) =
        said.lines().filter_map(|line| line.split_once(' ')).find(|(other, _)| other.ends_with(name))?;
    Some(size.to_owned())
}
