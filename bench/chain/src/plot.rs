//! A chart as SVG: a row per path and number of connections, with a lane per subject. On the left a bar for the
//! requests per second, on the right a line from the median latency to the 99th percentile. Each subject has its own
//! shape, so that the chart is readable without colour and in light and dark mode.

use std::fmt::Write as _;

use crate::{express, measure::Sample, report::thousands, results::Results};

const WIDTH: usize = 1040;
const LEFT: f64 = 210.0;
const MIDDLE: f64 = 600.0;
const RIGHT_FROM: f64 = 660.0;
const RIGHT: f64 = 1010.0;
const TOP: usize = 92;
const LANE: usize = 10;
/// Subjects with a colour and a shape.
const MOST: usize = 5;

const STYLE: &str = "\
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }\n\
    .title { font-size: 16px; font-weight: 600 }\n\
    .page { fill: #ffffff } .band { fill: #f3f5f8 } .grid { stroke: #c9d1d9 }\n\
    .s0 { fill: #0969da; stroke: #0969da } .s1 { fill: none; stroke: #1a7f37 } .s2 { fill: none; stroke: #59636e }\n\
    .s3 { fill: #bc4c00; stroke: #bc4c00 } .s4 { fill: #8250df; stroke: #8250df }\n\
    .line { stroke-width: 2 } .mark { stroke-width: 1.6 }\n\
    @media (prefers-color-scheme: dark) {\n\
    text { fill: #e6edf3 }\n\
    .page { fill: #0d1117 } .band { fill: #161b22 } .grid { stroke: #3d444d }\n\
    .s0 { fill: #58a6ff; stroke: #58a6ff } .s1 { stroke: #3fb950 } .s2 { stroke: #9198a1 }\n\
    .s3 { fill: #f0883e; stroke: #f0883e } .s4 { fill: #bc8cff; stroke: #bc8cff }\n\
    }\n";

/// A row of the chart.
struct Row<'a> {
    name: String,
    lanes: Vec<(usize, &'a Sample)>,
}

/// The scales of the two halves.
struct Scales {
    most: f64,
    decades: (i32, i32),
}

/// The chart of all paths at 16 and 64 connections.
pub(crate) fn svg(results: &Results) -> String {
    let (subjects, rows) = (subjects(results), rows(results));
    let scales = Scales::of(&rows);
    let height = LANE * subjects.len() + 14;
    let bottom = TOP + rows.len() * height;
    let title = format!("Requests a second and latencies, {}, {}", results.date, results.machine);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-labelledby=\"t d\">\n\
         <title id=\"t\">{title}</title>\n<desc id=\"d\">{}</desc>\n<style>\n{STYLE}</style>\n\
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{}\" rx=\"6\"/>\n\
         <text class=\"title\" x=\"24\" y=\"32\">{title}</text>\n",
        bottom + 58,
        escaped(&description(&subjects, &rows)),
        bottom + 58,
        title = escaped(&title),
    );
    for (at, name) in subjects.iter().enumerate() {
        let x = LEFT + 170.0 * at as f64;
        mark(&mut svg, at, x, 62.0);
        line(&mut svg, format_args!("<text x=\"{}\" y=\"66\">{}</text>", x + 12.0, escaped(name)));
    }
    for at in (0..rows.len()).step_by(2) {
        let (y, width) = (TOP + at * height, WIDTH - 24);
        line(
            &mut svg,
            format_args!("<rect class=\"band\" x=\"12\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"),
        );
    }
    axes(&mut svg, &scales, bottom);
    for (at, row) in rows.iter().enumerate() {
        let top = TOP + at * height;
        let (x, y) = (LEFT - 14.0, top + height / 2 + 4);
        line(
            &mut svg,
            format_args!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{}</text>", escaped(&row.name)),
        );
        for (subject, sample) in &row.lanes {
            draw(&mut svg, &scales, *subject, sample, (top + 12 + subject * LANE) as f64);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn subjects(results: &Results) -> Vec<&'static str> {
    let mut subjects = Vec::new();
    for row in &results.throughput {
        if !subjects.contains(&row.subject) && row.subject != express::SINGLE && subjects.len() < MOST {
            subjects.push(row.subject);
        }
    }
    subjects
}

fn rows(results: &Results) -> Vec<Row<'_>> {
    let subjects = subjects(results);
    let mut rows = Vec::new();
    for &path in &results.plan.paths {
        for connections in [16, 64] {
            let lanes = subjects.iter().enumerate();
            let lanes = lanes.filter_map(|(at, subject)| Some((at, results.of(path, connections, subject)?)));
            rows.push(Row { name: format!("{}, {connections}", path.name()), lanes: lanes.collect() });
        }
    }
    rows
}

impl Scales {
    fn of(rows: &[Row<'_>]) -> Self {
        let samples = || rows.iter().flat_map(|row| &row.lanes).map(|(_, sample)| sample.seen);
        let most = samples().map(|seen| seen.per_second).fold(1.0, f64::max);
        // Rounds up to the next of 1, 2, 5, 10, …
        let decade = 10_f64.powf(most.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * decade >= most).unwrap_or(10.0);
        let least = samples().map(|seen| seen.p50).fold(1e6, f64::min).max(1.0);
        let slowest = samples().map(|seen| seen.p99).fold(10.0, f64::max);
        let decades = (least.log10().floor() as i32, slowest.log10().ceil() as i32);
        Self { most: step * decade, decades }
    }

    fn rate(&self, per_second: f64) -> f64 {
        tenth(LEFT + per_second / self.most * (MIDDLE - LEFT))
    }

    fn latency(&self, micros: f64) -> f64 {
        let (from, to) = (f64::from(self.decades.0), f64::from(self.decades.1));
        tenth(RIGHT_FROM + (micros.max(1.0).log10() - from) / (to - from).max(1.0) * (RIGHT - RIGHT_FROM))
    }
}

fn axes(svg: &mut String, scales: &Scales, bottom: usize) {
    let mut tick = |x: f64, label: &str| {
        line(svg, format_args!("<line class=\"grid\" x1=\"{x}\" y1=\"{TOP}\" x2=\"{x}\" y2=\"{bottom}\"/>"));
        line(
            svg,
            format_args!("<text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{label}</text>", bottom + 18),
        );
    };
    for quarter in 0..=4 {
        let per_second = scales.most * f64::from(quarter) / 4.0;
        tick(scales.rate(per_second), &thousands(per_second));
    }
    for decade in scales.decades.0..=scales.decades.1 {
        let label = match decade {
            ..3 => format!("{} µs", 10_i32.pow(decade.max(0).unsigned_abs())),
            3..6 => format!("{} ms", 10_i32.pow(decade.unsigned_abs() - 3)),
            _ => format!("{} s", 10_i32.pow(decade.unsigned_abs() - 6)),
        };
        tick(scales.latency(10_f64.powi(decade)), &label);
    }
    for (from, to, label) in
        [(LEFT, MIDDLE, "requests a second"), (RIGHT_FROM, RIGHT, "latency: half, and 99 of 100")]
    {
        let (x, y) = (f64::midpoint(from, to), bottom + 42);
        line(svg, format_args!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>"));
    }
}

fn draw(svg: &mut String, scales: &Scales, subject: usize, sample: &Sample, y: f64) {
    let mut stroke = |x1: f64, x2: f64| {
        line(
            svg,
            format_args!("<line class=\"line s{subject}\" x1=\"{x1}\" y1=\"{y}\" x2=\"{x2}\" y2=\"{y}\"/>"),
        );
    };
    let seen = sample.seen;
    let (rate, p50, p99) = (scales.rate(seen.per_second), scales.latency(seen.p50), scales.latency(seen.p99));
    stroke(LEFT, rate);
    stroke(p50, p99);
    for x in [rate, p50, p99] {
        mark(svg, subject, x, y);
    }
}

/// The services are a filled circle, yardsticks hollow, rivals a filled triangle and a filled square.
fn mark(svg: &mut String, subject: usize, x: f64, y: f64) {
    let class = format!("class=\"mark s{subject}\"");
    let (left, top) = (tenth(x - 2.8), tenth(y - 2.8));
    let shape = match subject {
        0 | 2 => format!("<circle {class} cx=\"{x}\" cy=\"{y}\" r=\"3\"/>"),
        1 | 4 => format!("<rect {class} x=\"{left}\" y=\"{top}\" width=\"5.6\" height=\"5.6\"/>"),
        _ => format!("<path {class} d=\"M{} {} h6.4 l-3.2 -5.6 z\"/>", tenth(x - 3.2), tenth(y + 2.6)),
    };
    line(svg, format_args!("{shape}"));
}

/// The chart as text, for screen readers.
fn description(subjects: &[&str], rows: &[Row<'_>]) -> String {
    let mut text = String::from("Requests a second.");
    for row in rows {
        let lanes = row.lanes.iter().map(|(subject, sample)| {
            let name = subjects.get(*subject).copied().unwrap_or_default();
            format!("{name} {}", thousands(sample.seen.per_second))
        });
        let _ = write!(text, " {} connections: {}.", row.name, lanes.collect::<Vec<_>>().join(", "));
    }
    text
}

fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn line(svg: &mut String, element: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(svg, "{element}");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::example;

    #[test]
    fn names_are_escaped_in_svg() {
        assert_eq!(escaped("a < b & \"c\" > d"), "a &lt; b &amp; &quot;c&quot; &gt; d");
        let results = Results { machine: "2 cores <b>".to_owned(), ..example() };
        let svg = svg(&results);
        assert!(svg.contains("2 cores &lt;b&gt;") && !svg.contains("<b>"), "{svg}");
    }

    #[test]
    fn bar_length_is_proportional_to_the_value() {
        let rows_of = example();
        let scales = Scales::of(&rows(&rows_of));
        assert_eq!((scales.most, scales.decades), (100_000.0, (2, 4)));
        assert_eq!([0.0, 50_000.0, 100_000.0].map(|rate| scales.rate(rate)), [LEFT, 405.0, MIDDLE]);
        assert_eq!([100.0, 1000.0, 10_000.0].map(|time| scales.latency(time)), [RIGHT_FROM, 835.0, RIGHT]);
    }
}
