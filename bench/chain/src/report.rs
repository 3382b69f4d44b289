//! The report: two parts of `docs/performance.md`, each between markers, and a plot.

use std::{fmt::Write as _, fs, path::Path as Folder};

use crate::{
    Outcome,
    goals::{self, Goal},
    measure::Sample,
    plot,
    results::Results,
    scale::{CONNECTIONS, PATHS, Scale},
    soak::Soak,
    throughput::SERVICES,
};

const MIB: f64 = 1_048_576.0;

/// Writes the results into the page in `docs`, and the plot. Parts without a measurement stay unchanged.
pub(crate) fn write(results: &Results, docs: &Folder) -> Outcome<()> {
    let page = docs.join("performance.md");
    let text = fs::read_to_string(&page).or_else(|_| fs::read_to_string("docs/performance.md"))?;
    let text = match &results.soak {
        Some(soak) => replaced(&text, "soak", &soak_part(results, soak))?,
        None => {
            fs::create_dir_all(docs)?;
            fs::write(docs.join("performance.svg"), plot::svg(results)?)?;
            replaced(&text, "measured", &measured_part(results))?
        }
    };
    Ok(fs::write(page, text)?)
}

/// The measured part as text.
pub(crate) fn measured_part(results: &Results) -> String {
    let plan = &results.plan;
    let mut text = format!(
        "<!-- Written by `{}`. -->\n\n{}; {}; `{}`: {} rounds, {} s each after half a second, medians.\n\n",
        results.command, results.date, results.machine, results.command, plan.rounds, plan.seconds
    );
    text.push_str("### Goals\n\n");
    text.push_str(&goals_table(&goals::goals(results)));
    text.push_str("\n### Paths\n\n![Requests a second and latencies on each path](performance.svg)\n");
    for &path in &plan.paths {
        add(&mut text, format_args!("\n#### {}\n\n{HEAD}", capital(path.name())));
        for row in results.throughput.iter().filter(|row| row.path == path) {
            let services = results.of(path, row.connections, SERVICES);
            let times =
                services.map_or(0.0, |services| services.seen.per_second / row.sample.seen.per_second);
            let ratio = if row.subject == SERVICES { String::new() } else { format!("{times:.2}") };
            add(&mut text, format_args!("{}\n", line(row.connections, row.subject, &row.sample, &ratio)));
        }
    }
    if let Some(why) = results.without_express {
        add(&mut text, format_args!("\nExpress: {why}.\n"));
    }
    start_up(&mut text, results);
    if let Some(scale) = &results.scale {
        scale_part(&mut text, scale);
    }
    text
}

const HEAD: &str = "| connections | | requests/s | p50 | p99 | CPU µs per request | MiB | services ÷ this |\n\
    |---:|---|---:|---:|---:|---:|---:|---:|\n";

fn line(connections: usize, subject: &str, sample: &Sample, ratio: &str) -> String {
    let seen = &sample.seen;
    let each = |figures: Vec<f64>| match figures.as_slice() {
        [only] => format!("{only:.1}"),
        several => {
            let parts: Vec<_> = several.iter().map(|figure| format!("{figure:.1}")).collect();
            format!("{:.1} = {}", several.iter().sum::<f64>(), parts.join(" + "))
        }
    };
    let cpu = each(sample.costs.iter().map(|cost| cost.cpu).collect());
    let memory = each(sample.costs.iter().map(|cost| cost.memory / MIB).collect());
    let (p50, p99) = (time(seen.p50), time(seen.p99));
    let per_second = thousands(seen.per_second);
    format!("| {connections} | {subject} | {per_second} | {p50} | {p99} | {cpu} | {memory} | {ratio} |")
}

fn start_up(text: &mut String, results: &Results) {
    if results.start_up.is_empty() {
        return;
    }
    text.push_str(
        "\n### Start and size\n\n| service | ready after | memory when idle | binary | image |\n|---|---:|---:|---:|---|\n",
    );
    for service in &results.start_up {
        add(
            text,
            format_args!(
                "| {} | {:.1} ms | {:.1} MiB | {:.1} MiB | {} |\n",
                service.service,
                service.ready_ms,
                service.memory / MIB,
                service.binary as f64 / MIB,
                service.image.as_deref().unwrap_or("not measured: no image here")
            ),
        );
    }
}

fn scale_part(text: &mut String, scale: &Scale) {
    let extent = scale.extent;
    let [create, refresh, validate] = PATHS.map(|path| path.name());
    add(
        text,
        format_args!(
            "\n### Much\n\n{CONNECTIONS} connections, {} rounds of {} s; requests/s as a share of those of the first row's \
             stack, the medians of each round's ratio.\n\n| with | {create} | {refresh} | {validate} | memory each |\n\
             |---|---:|---:|---:|---:|\n",
            extent.rounds, extent.seconds
        ),
    );
    let base = scale.base.map(|per_second| format!("{}/s", thousands(per_second))).join(" | ");
    add(text, format_args!("| 1 deployment, no revoked session, 1 key | {base} | |\n"));
    for much in &scale.much {
        let shares = much.of_base.map(|share| format!("{share:.3}")).join(" | ");
        let bytes = much.bytes_each.map_or(String::new(), |bytes| format!("{bytes:.0} bytes"));
        add(text, format_args!("| {} | {shares} | {bytes} |\n", much.what));
    }
}

pub(crate) fn soak_part(results: &Results, soak: &Soak) -> String {
    let mut text = format!(
        "<!-- Written by `{}`. -->\n\n{}; {}; `{}`: creates and refreshes at once, 16 connections each, {} parts of {} s.\n\n",
        results.command,
        results.date,
        results.machine,
        results.command,
        soak.per_second.len(),
        soak.seconds
    );
    text.push_str(&goals_table(&[goals::soak(soak)]));
    text.push_str("\n| after part | creates/s | refreshes/s | MiB of FWO | FAS | SAS |\n|---:|---:|---:|---:|---:|---:|\n");
    for (part, memory) in soak.memory.iter().enumerate() {
        let loads = part.checked_sub(1).and_then(|at| soak.per_second.get(at));
        let loads = loads.map_or(" | ".to_owned(), |loads| loads.map(thousands).join(" | "));
        let memory = memory.map(|bytes| format!("{:.1}", bytes / MIB)).join(" | ");
        add(&mut text, format_args!("| {part} | {loads} | {memory} |\n"));
    }
    text
}

fn goals_table(goals: &[Goal]) -> String {
    let mut text = String::from("| goal | measured | |\n|---|---|---|\n");
    for Goal { promise, measured, is_met } in goals {
        let met = if *is_met { "met" } else { "**not met**" };
        add(&mut text, format_args!("| {} | {measured} | {met} |\n", capital(promise)));
    }
    text
}

/// The page with new text between the markers of this name.
fn replaced(page: &str, name: &str, part: &str) -> Outcome<String> {
    let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->\n"));
    let parts = page.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) = parts.ok_or_else(|| format!("performance.md has lost its markers of `{name}`"))?;
    Ok(format!("{before}{begin}{part}{end}{after}"))
}

/// `890 µs`, `1.23 ms`
fn time(micros: f64) -> String {
    if micros < 1000.0 { format!("{micros:.0} µs") } else { format!("{:.2} ms", micros / 1000.0) }
}

/// `12,345`
pub(crate) fn thousands(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or(String::new(), |first| first.to_uppercase().chain(rest).collect())
}

fn add(text: &mut String, part: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(part);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::example;

    #[test]
    fn text_between_markers_is_replaced() {
        let page = "# A\n<!-- soak:begin -->\nold\n<!-- soak:end -->\nmore\n";
        let expected = "# A\n<!-- soak:begin -->\nnew\n<!-- soak:end -->\nmore\n";
        assert_eq!(replaced(page, "soak", "new\n").unwrap(), expected);
        assert!(replaced(page, "measured", "new\n").is_err());
    }

    #[test]
    fn values_are_formatted_with_units() {
        assert_eq!([0.0, 999.4, 1000.0, 1_234_567.0].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([7.4, 999.0, 1234.0].map(time), ["7 µs", "999 µs", "1.23 ms"]);
        let text = measured_part(&example());
        for line in [
            "| 16 | services | 8,500 | 200 µs | 3.00 ms | 30.5 = 20.0 + 10.5 | 30.0 = 10.0 + 20.0 |  |",
            "| 16 | null chain | 10,000 | 200 µs | 1.00 ms | 30.5 = 20.0 + 10.5 | 30.0 = 10.0 + 20.0 | 0.85 |",
            "| Create, 64 connections: 0.85 of null chain's requests/s | 0.80 | **not met** |",
            "Express: not measured: Node.js is not installed.",
            "| ScopedAuthService | 99.9 ms | 16.0 MiB | 1.0 MiB | not measured: no image here |",
            "| 1000000 revoked sessions | 0.990 | 1.200 | 0.940 | 64 bytes |",
        ] {
            assert!(text.contains(line), "no `{line}` in:\n{text}");
        }
        let results = example();
        let text = soak_part(&results, results.soak.as_ref().unwrap());
        assert!(text.contains("| 3 | 1 | 2 | 10.1 | 9.5 | 9.5 |"), "{text}");
    }
}
