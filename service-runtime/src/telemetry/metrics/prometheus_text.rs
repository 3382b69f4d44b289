//! The text format of Prometheus, version 0.0.4, which every scraper parses. The library writes only OpenMetrics, which
//! differs in the names of counters and in its last line.

use std::collections::HashSet;

/// Converts metrics without exemplars and units from OpenMetrics.
pub(super) fn of_openmetrics(openmetrics: &str) -> String {
    let counter = |line: &'_ str| -> Option<String> {
        let name = line.strip_prefix("# TYPE ")?.strip_suffix(" counter")?;
        Some(name.to_owned())
    };
    let counters: HashSet<String> = openmetrics.lines().filter_map(counter).collect();
    let mut text = String::with_capacity(openmetrics.len());
    for line in openmetrics.lines().filter(|line| *line != "# EOF") {
        match descriptor(line).filter(|(_, name, _)| counters.contains(*name)) {
            // The samples of a counter have this suffix in both formats; in this one its descriptors have it too.
            Some((keyword, name, rest)) => text.extend([keyword, name, "_total ", rest]),
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// Splits `# HELP name help` and `# TYPE name type`.
fn descriptor(line: &str) -> Option<(&str, &str, &str)> {
    let (keyword, rest) = line.split_at_checked("# HELP ".len())?;
    let (name, rest) = matches!(keyword, "# HELP " | "# TYPE ").then(|| rest.split_once(' '))??;
    Some((keyword, name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_described_by_the_name_of_their_samples() {
        let openmetrics = "# HELP calls Calls.\n# TYPE calls counter\ncalls_total{a=\"b c\"} 1\n\
             # HELP calls_seconds Their time.\n# TYPE calls_seconds histogram\ncalls_seconds_sum 0.5\n\
             # HELP guests Guests.\n# TYPE guests gauge\nguests 2\n# EOF\n";
        let text = "# HELP calls_total Calls.\n# TYPE calls_total counter\ncalls_total{a=\"b c\"} 1\n\
             # HELP calls_seconds Their time.\n# TYPE calls_seconds histogram\ncalls_seconds_sum 0.5\n\
             # HELP guests Guests.\n# TYPE guests gauge\nguests 2\n";
        assert_eq!(of_openmetrics(openmetrics), text);
    }
}
