//! A chart as SVG: a row per path and number of connections, with a bar per subject. On the left the requests per second,
//! on the right the latencies from the median to the 99th percentile.

use std::ops::Range;

use plotters::{coord::Shift, prelude::*};

use crate::{Outcome, express, report::thousands, results::Results, wrk::Seen};

const WIDTH: u32 = 1040;
/// Width of the left half, with the names of the rows.
const LEFT: u32 = 620;
const NAMES: u32 = 200;
/// Height of a bar, and of the gap above and below a row.
const BAR: u32 = 10;
const GAP: u32 = 5;

/// A row of the chart: its name and the sample of each subject, if measured.
type Row = (String, Vec<Option<Seen>>);

/// One half of the chart.
struct Half {
    label: &'static str,
    range: Range<f64>,
    names: u32,
    format: fn(&f64) -> String,
    bar: fn(Seen) -> (f64, f64),
}

/// The chart of all paths at 16 and 64 connections.
pub(crate) fn svg(results: &Results) -> Outcome<String> {
    let subjects = subjects(results);
    let rows = rows(results, &subjects);
    let samples = || rows.iter().flat_map(|(_, samples)| samples.iter().flatten());
    let most = samples().map(|seen| seen.per_second).fold(1.0, f64::max);
    let fastest = samples().map(|seen| seen.p50).fold(1e6, f64::min).max(1.0);
    let slowest = samples().map(|seen| seen.p99).fold(10.0, f64::max);
    let rate = Half {
        label: "requests a second",
        // The key is beyond the longest bar.
        range: 0.0..1.4 * most,
        names: NAMES,
        format: |rate| thousands(*rate),
        bar: |seen| (0.0, seen.per_second),
    };
    let latency = Half {
        label: "latency in ms: half, and 99 of 100",
        range: fastest.log10().floor()..slowest.log10().ceil(),
        names: 0,
        format: |micros| format!("{:.2}", 10_f64.powf(micros - 3.0)),
        bar: |seen| (seen.p50.max(1.0).log10(), seen.p99.max(1.0).log10()),
    };
    let mut svg = String::new();
    {
        let height = 100 + rows.len() as u32 * (subjects.len() as u32 * BAR + 2 * GAP);
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        area.fill(&WHITE)?;
        let title = format!("Requests a second and latencies, {}, {}", results.date, results.machine);
        let (left, right) = area.titled(&title, ("sans-serif", 16))?.split_horizontally(LEFT);
        draw(&left, &subjects, &rows, &rate)?;
        draw(&right, &subjects, &rows, &latency)?;
        area.present()?;
    }
    Ok(svg)
}

fn subjects(results: &Results) -> Vec<&'static str> {
    let mut subjects = Vec::new();
    for row in &results.throughput {
        if !subjects.contains(&row.subject) && row.subject != express::SINGLE {
            subjects.push(row.subject);
        }
    }
    subjects
}

/// The rows, from the bottom.
fn rows(results: &Results, subjects: &[&'static str]) -> Vec<Row> {
    let mut rows = Vec::new();
    for &path in results.plan.paths.iter().rev() {
        for connections in [64, 16] {
            let seen = |subject: &&str| results.of(path, connections, subject).map(|sample| sample.seen);
            rows.push((format!("{}, {connections}", path.name()), subjects.iter().map(seen).collect()));
        }
    }
    rows
}

fn draw(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    subjects: &[&'static str],
    rows: &[Row],
    half: &Half,
) -> Outcome<()> {
    let name = |at: &SegmentValue<usize>| match at {
        SegmentValue::CenterOf(at) => rows.get(*at).map(|(name, _)| name.clone()).unwrap_or_default(),
        SegmentValue::Exact(_) | SegmentValue::Last => String::new(),
    };
    let mut chart = ChartBuilder::on(area)
        .margin(16)
        .set_label_area_size(LabelAreaPosition::Left, half.names)
        .set_label_area_size(LabelAreaPosition::Bottom, 44)
        .build_cartesian_2d(half.range.clone(), (0..rows.len().saturating_sub(1)).into_segmented())?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .max_light_lines(1)
        .label_style(("sans-serif", 13))
        .x_desc(half.label)
        .x_labels(5)
        .x_label_formatter(&half.format)
        .y_labels(rows.len())
        .y_label_formatter(&name)
        .draw()?;
    let last = subjects.len().saturating_sub(1) as u32;
    for (subject, name) in (0..).zip(subjects) {
        let color = Palette99::pick(subject as usize).filled();
        let bars = rows.iter().enumerate().filter_map(|(at, (_, samples))| {
            let (from, to) = (half.bar)((*samples.get(subject as usize)?)?);
            let corners = [(from, SegmentValue::Exact(at)), (to, SegmentValue::Exact(at + 1))];
            let mut bar = Rectangle::new(corners, color);
            bar.set_margin(GAP + subject * BAR, GAP + (last - subject) * BAR, 0, 0);
            Some(bar)
        });
        let key = move |(x, y)| Rectangle::new([(x, y - 4), (x + 16, y + 4)], color);
        chart.draw_series(bars)?.label(*name).legend(key);
    }
    if half.names > 0 {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE)
            .border_style(BLACK)
            .draw()?;
    }
    Ok(())
}
