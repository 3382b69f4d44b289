//! Start, idle memory and size of each service, and the time of a first build.

use std::{thread::sleep, time::Duration, time::Instant};

use super::*;

const SERVICES: [&str; 3] = ["orchestrator", "federated-auth", "scoped-auth"];
const STARTS: usize = 10;

/// Starts stacks with empty stores; reports medians.
pub(crate) fn measure(bench: &Bench<'_>) -> Outcome<Report> {
    let mut seen = Vec::new();
    for number in 0..STARTS {
        let stack = bench.plan(&number.to_string())?.start()?;
        sleep(Duration::from_secs(1));
        for (took, process) in stack.ready.iter().zip(&stack.processes) {
            seen.push([took.as_secs_f64() * 1e3, usage(&[process])?[1]]);
        }
    }
    let list = ["images", "--format", "{{.Repository}} {{.Size}}"];
    let images = output(Command::new("docker").args(list)).unwrap_or_default();
    let (mut goals, mut rows) = (Vec::new(), Vec::new());
    for (at, name) in SERVICES.into_iter().enumerate() {
        let own = seen.iter().skip(at).step_by(SERVICES.len());
        let (ready, memory) =
            (median(own.clone().map(|[ready, _]| *ready)), median(own.map(|[_, memory]| *memory)));
        let binary = fs::metadata(own_programs()?.join(name))?.len() as f64 / 1048576.0;
        let mut sizes = images.lines().filter_map(|line| line.split_once(' '));
        let image = sizes.find(|(image, _)| image.ends_with(name)).map_or("no image here", |(_, size)| size);
        let cells = [ready, memory, binary].map(figure);
        rows.push([name.to_owned()].into_iter().chain(cells).chain([image.to_owned()]).collect());
        goals.push(Goal::at_most(format!("{name}: ready after"), 100.0, ready, "ms"));
        goals.push(Goal::at_most(format!("{name}: idle memory"), 15.0, memory, "MiB"));
    }
    let head = ["", "ready after, ms", "idle memory, MiB", "binary, MiB", "image"];
    let intro = format!("{STARTS} starts with empty stores, medians; memory a second later.\n");
    Ok(Report { goals, text: intro + &table(&head, &rows) })
}

/// `cargo build`, as `cargo run` does it at first, into an empty folder.
pub(crate) fn first_build(bench: &Bench<'_>) -> Outcome<Report> {
    output(Command::new("cargo").args(["fetch", "--locked"]))?;
    let started = Instant::now();
    let mut build = Command::new("cargo");
    output(build.args(["build", "--locked"]).env("CARGO_TARGET_DIR", bench.path("target")))?;
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    let text = format!("`cargo build`, all sources downloaded, nothing built: {minutes:.1} minutes.\n");
    Ok(Report { goals: Vec::new(), text })
}
