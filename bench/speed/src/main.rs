//! Measures what somebody who chooses would weigh, and writes it into docs/performance.md. A section per question; each starts
//! what it compares, and measures it in turn in one run. Started by bench/run, which builds everything alike.

#![allow(clippy::print_stdout, reason = "progress is the output of this program")]

mod accounts;
mod http;
mod measure;
mod page;
mod picture;
mod process;
mod requests;
mod sections;
mod stack;
mod wrk;

use std::{error::Error, path::PathBuf};

use clap::{Parser, ValueEnum};
use sections::Section;

/// A result, or the message of an error.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Measures sections of docs/performance.md and writes them.
#[derive(Parser)]
struct Arguments {
    /// The sections; by default all but first-build
    sections: Vec<Section>,
    /// Rounds of each comparison
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Folder of performance.md and performance.svg
    #[arg(long, default_value = "docs")]
    docs: PathBuf,
}

fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    let mut sections = arguments.sections.clone();
    if sections.is_empty() {
        sections.extend(Section::value_variants());
        sections.retain(|section| *section != Section::FirstBuild);
    }
    for section in sections {
        let bench = sections::Bench { arguments: &arguments, folder: tempfile::tempdir()? };
        let report = section.run(&bench).map_err(|error| format!("{}: {error}", section.name()))?;
        println!("{}", report.text);
        page::write(&arguments.docs, section, &report)?;
    }
    Ok(())
}
