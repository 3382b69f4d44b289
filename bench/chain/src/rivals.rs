//! Other servers that are sent the same requests, each with its own tokens, since none accepts those of another.

use std::{fs, path::Path as Folder};

use crate::{
    Outcome, accounts, express, path::Path, process::Process, script::Question, stack::program, throughput,
    workload::Workload, yardsticks::Yardstick,
};

/// A server compared with the services.
pub(crate) struct Rival {
    /// Its name in the report.
    pub(crate) name: &'static str,
    /// The numbers of connections it is measured with; empty for all.
    pub(crate) connections: Option<usize>,
    /// Whether it rejects a token that was presented before.
    pub(crate) needs_fresh_tokens: bool,
    /// The processes.
    pub(crate) server: Yardstick,
    /// The requests.
    pub(crate) workload: Workload,
}

/// The rivals on `path`.
pub(crate) fn on(path: Path, validate: &Question, folder: &Folder) -> Outcome<Vec<Rival>> {
    let mut rivals = Vec::new();
    if matches!(path, Path::Create | Path::Refresh) {
        let folder = folder.join("in-process");
        let server = in_process(&folder)?;
        let deployments = vec![accounts::ON.to_owned()];
        let workload = Workload::new(path, server.address, deployments, validate, folder)?;
        let name = throughput::IN_PROCESS;
        rivals.push(Rival { name, connections: None, needs_fresh_tokens: true, server, workload });
    }
    if matches!(path, Path::Create | Path::Refresh) && express::installed_packages().is_ok() {
        for (place, name) in [express::SINGLE, express::CLUSTER].into_iter().enumerate() {
            let folder = folder.join(format!("express-{place}"));
            std::fs::create_dir_all(&folder)?;
            let server = express::start(name, folder.join("log"))?;
            let deployments = vec![accounts::ON.to_owned()];
            let workload = Workload::new(path, server.address, deployments, validate, folder)?;
            rivals.push(Rival { name, connections: Some(16), needs_fresh_tokens: false, server, workload });
        }
    }
    Ok(rivals)
}

/// The same services in one process.
fn in_process(folder: &Folder) -> Outcome<Yardstick> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("accounts.toml"), accounts::accounts(1))?;
    let data = folder.display().to_string();
    let arguments = ["--in-process", "--without-page", "--free-ports", "--data", &data];
    let (program, log) = (program("local-stack")?, folder.join("log"));
    let mut process = Process::start(throughput::IN_PROCESS, &program, arguments, [], log)?;
    let line = process.wait_for_line("FlexWebchatOrchestratorService ")?;
    let url = line.split_whitespace().find_map(|word| word.strip_prefix("http://"));
    let address = url.ok_or("a line without an address")?.parse()?;
    Ok(Yardstick { address, processes: vec![process] })
}
