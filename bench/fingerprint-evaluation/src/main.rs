//! `cargo run -p fingerprint-evaluation --release`: measures, and rewrites the results in `docs/`.

use std::{error::Error, fs};

use fingerprint_evaluation::{evaluate, report};

#[allow(clippy::print_stdout, reason = "the output of the command")]
fn main() -> Result<(), Box<dyn Error>> {
    let evaluation = evaluate()?;
    for document in report::documents(&evaluation)? {
        let changed = document.produced != document.committed;
        if changed {
            fs::create_dir_all(document.path.parent().ok_or("a document without a folder")?)?;
            fs::write(&document.path, document.produced)?;
        }
        let path = document.path.canonicalize()?;
        println!("{} {}", if changed { "rewritten:" } else { "unchanged:" }, path.display());
    }
    Ok(())
}
