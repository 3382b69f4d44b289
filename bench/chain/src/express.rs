//! The sample Express server's work in Node.js, where that is installed.

use std::{env, path::PathBuf, process::Command};

use crate::{
    Outcome,
    process::{Process, free_address},
    yardsticks::Yardstick,
};

/// One process.
pub(crate) const SINGLE: &str = "Express";
/// One process per core.
pub(crate) const CLUSTER: &str = "Express, a process per core";

/// The folder of its packages, or why it is not measured.
pub(crate) fn installed_packages() -> Result<PathBuf, &'static str> {
    let folder = PathBuf::from("bench/express");
    let has_node = Command::new("node").arg("--version").output().is_ok_and(|said| said.status.success());
    if !has_node {
        return Err("not measured: Node.js is not installed");
    }
    if !folder.join("node_modules/express").exists() {
        return Err("not measured: the packages of bench/express are not installed");
    }
    Ok(folder)
}

/// Starts it, in one process or in one per core, with its log in `log`.
pub(crate) fn start(name: &'static str, log: PathBuf) -> Outcome<Yardstick> {
    let folder = installed_packages()?;
    let address = free_address()?;
    let settings = [
        ("PATH", env::var_os("PATH").unwrap_or_default().to_string_lossy().into_owned()),
        ("HOST", address.ip().to_string()),
        ("PORT", address.port().to_string()),
        ("CLUSTER", if name == CLUSTER { "1" } else { "0" }.to_owned()),
        ("NODE_ENV", "production".to_owned()),
    ];
    let arguments = [folder.join("server.mjs")];
    let node = PathBuf::from("node");
    let mut process = Process::start(name, &node, arguments, settings, log)?;
    process.listens(address)?;
    Ok(Yardstick { address, processes: vec![process] })
}
