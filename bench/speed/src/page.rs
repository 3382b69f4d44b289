//! Writes a section's results into docs/performance.md: its rows of the table of goals, and its block between markers.

use std::{fs, path::Path, thread};

use clap::ValueEnum;
use service_runtime::Clock;

use crate::{Outcome, sections::Section};

/// The results of a section: goals, and Markdown.
pub(crate) struct Report {
    pub(crate) goals: Vec<Goal>,
    pub(crate) text: String,
}

/// A goal: what, wanted, measured, and whether it is met.
pub(crate) struct Goal([String; 4]);

impl Goal {
    /// A figure that should be at least `wanted`.
    pub(crate) fn at_least(text: String, wanted: f64, measured: f64, unit: &str) -> Self {
        Self::new(text, "≥", wanted, measured, unit, 1.0 - measured / wanted)
    }

    /// A figure that should be at most `wanted`.
    pub(crate) fn at_most(text: String, wanted: f64, measured: f64, unit: &str) -> Self {
        Self::new(text, "≤", wanted, measured, unit, measured / wanted - 1.0)
    }

    fn new(text: String, sign: &str, wanted: f64, measured: f64, unit: &str, missed: f64) -> Self {
        let missed =
            if missed > 0.0 { format!("missed by {:.0} %", missed * 100.0) } else { "met".to_owned() };
        let [wanted, measured] = [wanted, measured].map(|value| format!("{} {unit}", figure(value)));
        Self([text, format!("{sign} {wanted}"), measured, missed])
    }
}

/// Replaces the section's parts of the page in the folder `docs`.
pub(crate) fn write(docs: &Path, section: Section, report: &Report) -> Outcome<()> {
    let (file, name) = (docs.join("performance.md"), section.name());
    let origin =
        format!("<!-- Written by `bench/run {name}`. -->\n\n{}", Clock::system().now().format("%Y-%m-%d"));
    let cores = thread::available_parallelism()?;
    let text = |_: &str| format!("{origin}, {cores} cores. {}", report.text);
    let page = replaced(&fs::read_to_string(&file)?, &name, text)?;
    Ok(fs::write(file, replaced(&page, "goals", |table| goals(table, section, &report.goals))?)?)
}

/// The table of goals, with this section's rows replaced.
fn goals(table: &str, section: Section, goals: &[Goal]) -> String {
    let mut lines: Vec<_> = table.lines().take(2).map(str::to_owned).collect();
    for other in Section::value_variants() {
        let first = format!("| [{0}](#{0}) |", other.name());
        if *other == section {
            lines.extend(goals.iter().map(|Goal(cells)| format!("{first} {} |", cells.join(" | "))));
        } else {
            lines.extend(table.lines().filter(|line| line.starts_with(&first)).map(str::to_owned));
        }
    }
    lines.join("\n") + "\n"
}

/// The page with the text between the markers of this name replaced.
fn replaced(page: &str, name: &str, new: impl FnOnce(&str) -> String) -> Outcome<String> {
    let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->\n"));
    let parts = page.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?)));
    let (before, (old, after)) = parts.ok_or_else(|| format!("performance.md has no markers of `{name}`"))?;
    Ok(format!("{before}{begin}{}{end}{after}", new(old)))
}

/// A Markdown table; columns after the first are aligned to the right.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("\n| {} |\n|---|{}\n", head.join(" | "), "---:|".repeat(head.len() - 1));
    text.extend(rows.iter().map(|row| format!("| {} |\n", row.join(" | "))));
    text
}

/// `0.72`, `12.3`, `890`, `12,345`
pub(crate) fn figure(value: f64) -> String {
    let places = if value.abs() < 10.0 { 2 } else { usize::from(value.abs() < 100.0) };
    let mut text = format!("{value:.places$}");
    let groups = if places == 0 { text.len().saturating_sub(1) / 3 } else { 0 };
    (1..=groups).for_each(|group| text.insert(text.len() + 1 - 4 * group, ','));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_replaces_only_its_own_goals() {
        let expected =
            "| [rivals](#rivals) | kept |\n| [flat](#flat) | new | ≥ 2,000 /s | 12.5 /s | missed by 99 % |\n";
        let new = [Goal::at_least("new".to_owned(), 2000.0, 12.5, "/s")];
        let goals =
            goals("||\n|---|\n| [flat](#flat) | old |\n| [rivals](#rivals) | kept |\n", Section::Flat, &new);
        assert_eq!(goals, format!("||\n|---|\n{expected}"));
        assert_eq!([0.724, 890.2, 1_034_567.0].map(figure), ["0.72", "890", "1,034,567"]);
    }
}
