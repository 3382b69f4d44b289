//! The picture: a bar for each target on each path.

use std::{fs, path::Path};

use plotters::prelude::*;

use crate::{Outcome, page::figure};

/// Draws `(path, target, requests a second)` into performance.svg in the folder `docs`, from the top.
pub(crate) fn write(docs: &Path, bars: &[(String, &'static str, f64)]) -> Outcome<()> {
    let most = bars.iter().map(|(_, _, rate)| *rate).fold(1.0, f64::max);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (800, 60 + 30 * bars.len() as u32)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .margin(10)
            .caption("Requests a second, 16 connections", ("sans-serif", 18))
            .build_cartesian_2d(0.0..1.6 * most, bars.len() as f64..0.0)?;
        for (at, (path, name, rate)) in bars.iter().enumerate() {
            let is_first = bars.first().is_some_and(|(_, first, _)| first == name);
            let (top, color) = (at as f64, if is_first { &BLUE } else { &BLACK });
            let bar = Rectangle::new([(0.0, top + 0.15), (*rate, top + 0.85)], color.mix(0.5).filled());
            let text = format!("{path}, {name}: {}", figure(*rate));
            let text = Text::new(text, (rate + most / 100.0, top + 0.3), ("sans-serif", 14));
            chart.draw_series([bar])?;
            chart.draw_series([text])?;
        }
        area.present()?;
    }
    Ok(fs::write(docs.join("performance.svg"), svg)?)
}
