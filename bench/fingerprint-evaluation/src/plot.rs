//! A dot chart as SVG: a row per change or theft, with a lane per judge, from 0 to 100 %. Levels are filled, baselines
//! hollow, and each judge has its own shape, so that the chart is readable without colour and in light and dark mode.

use std::fmt::Write as _;

use crate::{JUDGES, Row};

const WIDTH: usize = 1040;
const LEFT: usize = 470;
const RIGHT: usize = 1000;
const TOP: usize = 96;
const LANE: usize = 8;
const ROW: usize = LANE * JUDGES.len() + 10;

const STYLE: &str = "\
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }\n\
    .title { font-size: 16px; font-weight: 600 }\n\
    .page { fill: #ffffff } .band { fill: #f3f5f8 } .grid { stroke: #c9d1d9 }\n\
    .j0 { fill: #0969da; stroke: #0969da } .j1 { fill: #1a7f37; stroke: #1a7f37 } .j2 { fill: #bc4c00; stroke: #bc4c00 }\n\
    .j3 { fill: none; stroke: #59636e } .j4 { fill: none; stroke: #8250df }\n\
    .line { stroke-width: 1.5 } .mark { stroke-width: 1.6 }\n\
    @media (prefers-color-scheme: dark) {\n\
    text { fill: #e6edf3 }\n\
    .page { fill: #0d1117 } .band { fill: #161b22 } .grid { stroke: #3d444d }\n\
    .j0 { fill: #58a6ff; stroke: #58a6ff } .j1 { fill: #3fb950; stroke: #3fb950 } .j2 { fill: #f0883e; stroke: #f0883e }\n\
    .j3 { stroke: #9198a1 } .j4 { stroke: #bc8cff }\n\
    }\n";

pub(crate) fn svg(title: &str, rows: &[Row]) -> String {
    let bottom = TOP + rows.len() * ROW;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"t d\">\n\
         <title id=\"t\">{title}</title>\n\
         <desc id=\"d\">{description}</desc>\n\
         <style>\n{STYLE}</style>\n\
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\" rx=\"6\"/>\n\
         <text class=\"title\" x=\"24\" y=\"34\">{title}</text>\n",
        height = bottom + 60,
        title = escaped(title),
        description = escaped(&description(rows)),
    );
    legend(&mut svg);
    for at in (0..rows.len()).step_by(2) {
        line(
            &mut svg,
            format_args!(
                "<rect class=\"band\" x=\"12\" y=\"{}\" width=\"{}\" height=\"{ROW}\"/>",
                TOP + at * ROW,
                WIDTH - 24
            ),
        );
    }
    for percent in [0, 25, 50, 75, 100] {
        let x = x(f64::from(percent) / 100.0);
        line(
            &mut svg,
            format_args!("<line class=\"grid\" x1=\"{x}\" y1=\"{TOP}\" x2=\"{x}\" y2=\"{bottom}\"/>"),
        );
        line(
            &mut svg,
            format_args!("<text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{percent} %</text>", bottom + 20),
        );
    }
    line(
        &mut svg,
        format_args!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">share of cases that the judge got wrong</text>",
            (LEFT + RIGHT) / 2,
            bottom + 44
        ),
    );
    for (at, row) in rows.iter().enumerate() {
        draw_row(&mut svg, TOP + at * ROW, row);
    }
    svg.push_str("</svg>\n");
    svg
}

fn legend(svg: &mut String) {
    for (judge, name) in JUDGES.iter().enumerate() {
        let left = LEFT + [0, 60, 145, 215, 355].get(judge).copied().unwrap_or_default();
        mark(svg, judge, left as f64, 66.0);
        line(svg, format_args!("<text x=\"{}\" y=\"70\">{name}</text>", left + 12));
    }
}

fn draw_row(svg: &mut String, top: usize, row: &Row) {
    let label = escaped(&row.name);
    line(
        svg,
        format_args!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{label}</text>",
            LEFT - 16,
            top + ROW / 2 + 4
        ),
    );
    for (judge, rate) in row.rates.iter().enumerate() {
        let (x, y) = (x(rate.value()), top + 5 + LANE / 2 + judge * LANE);
        if rate.count > 0 {
            line(
                svg,
                format_args!(
                    "<line class=\"line j{judge}\" x1=\"{LEFT}\" y1=\"{y}\" x2=\"{x}\" y2=\"{y}\"/>"
                ),
            );
        }
        mark(svg, judge, x, y as f64);
    }
}

/// Levels are circle, square and triangle; baselines are hollow circle and hollow square.
fn mark(svg: &mut String, judge: usize, x: f64, y: f64) {
    let class = format!("class=\"mark j{judge}\"");
    let shape = match judge {
        0 | 3 => format!("<circle {class} cx=\"{x}\" cy=\"{y}\" r=\"3\"/>"),
        1 | 4 => format!(
            "<rect {class} x=\"{}\" y=\"{}\" width=\"5.6\" height=\"5.6\"/>",
            tenth(x - 2.8),
            tenth(y - 2.8)
        ),
        _ => format!("<path {class} d=\"M{} {} h6.4 l-3.2 -5.6 z\"/>", tenth(x - 3.2), tenth(y + 2.6)),
    };
    line(svg, format_args!("{shape}"));
}

/// The plot as text, for screen readers.
fn description(rows: &[Row]) -> String {
    let mut text = String::from("Share of wrong answers, at ");
    text.push_str(&JUDGES.join(", "));
    text.push('.');
    for row in rows {
        let shares: Vec<String> =
            row.rates.iter().map(|rate| format!("{:.2} %", rate.value() * 100.0)).collect();
        let _ = write!(text, " {}: {}.", row.name, shares.join(", "));
    }
    text
}

fn x(share: f64) -> f64 {
    tenth(LEFT as f64 + share * (RIGHT - LEFT) as f64)
}

fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn line(svg: &mut String, element: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(svg, "{element}");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
