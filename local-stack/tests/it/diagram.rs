//! The diagrams of `docs/sequences/`, parsed into the expected arrows.

use std::{fs, path::Path};

/// A step that most diagrams leave out, to be drawn where it matters. A diagram that draws it must draw it each time.
const LEFT_OUT: &str = "FWO->>FWO: Counts the call";

/// The arrows of the diagram under `heading` in `docs/sequences/<file>`: those between participants, and the steps of the
/// services. Notes and the customer's actions are neither.
pub(crate) fn arrows(file: &str, heading: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/sequences").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let section = text.split("\n## ").find(|section| section.lines().next() == Some(heading));
    let section = section.unwrap_or_else(|| panic!("{file} has no section `{heading}`"));
    let diagram = section.split("```mermaid").nth(1).and_then(|rest| rest.split("```").next());
    let diagram = diagram.unwrap_or_else(|| panic!("`{heading}` in {file} has no diagram"));
    assert!(diagram.contains("autonumber"), "`{heading}` in {file} is not numbered");
    let arrows: Vec<_> = diagram.lines().filter_map(arrow).collect();
    // Below the diagram, an item describes each arrow.
    let number = |line: &str| line.split_once(". ").and_then(|(number, _)| number.parse::<usize>().ok());
    let items = section.lines().filter_map(number);
    assert!(items.eq(1..=arrows.len()), "`{heading}` in {file}: the items are not those of the arrows");
    arrows
}

fn arrow(line: &str) -> Option<String> {
    let (ends, text) = line.trim().split_once(':')?;
    let (from, kind, to) = [("-->>", "-->>"), ("->>", "->>")]
        .into_iter()
        .find_map(|(mark, kind)| ends.split_once(mark).map(|(from, to)| (from.trim(), kind, to.trim())))?;
    let is_traffic =
        [from, to].iter().all(|end| ["B", "Desk", "Proxy", "S", "FWO", "FAS", "SAS", "FC"].contains(end));
    let text = text.replace("<br/>", " ");
    is_traffic.then(|| format!("{from}{kind}{to}: {}", text.split_whitespace().collect::<Vec<_>>().join(" ")))
}

/// Fails with a diff if the traffic differs from the diagram.
#[track_caller]
pub(crate) fn assert_equal(file: &str, heading: &str, flowed: &[String]) {
    let drawn = arrows(file, heading);
    let is_drawn = drawn.iter().any(|arrow| arrow == LEFT_OUT);
    let flowed: Vec<_> = flowed.iter().filter(|arrow| is_drawn || *arrow != LEFT_OUT).cloned().collect();
    if drawn == flowed {
        return;
    }
    let width = drawn.iter().map(|arrow| arrow.chars().count()).max().unwrap_or(0).max(10);
    let mut lines = format!("the traffic is not that of `{heading}` in docs/sequences/{file}\n\n");
    lines += &format!("    {:width$}   flowed\n", "drawn");
    for row in 0..drawn.len().max(flowed.len()) {
        let (drawn, flowed) =
            (drawn.get(row).map_or("", String::as_str), flowed.get(row).map_or("", String::as_str));
        lines += &format!("{}   {drawn:width$}   {flowed}\n", if drawn == flowed { " " } else { "≠" });
    }
    panic!("{lines}");
}
