//! A bar chart as SVG: a row per change or theft, with a bar per judge, from 0 to 100 %.

use std::error::Error;

use plotters::prelude::*;

use crate::{JUDGES, Row};

const WIDTH: u32 = 1040;
/// The end of the axis, in percent: the key is beyond 100.
const RIGHT: f64 = 130.0;
/// Height of a bar, and of the gap above and below a row.
const BAR: u32 = 7;
const GAP: u32 = 4;

pub(crate) fn svg(title: &str, rows: &[Row]) -> Result<String, Box<dyn Error>> {
    let mut svg = String::new();
    // The axis begins at the bottom.
    let rows: Vec<&Row> = rows.iter().rev().collect();
    let name = |at: &SegmentValue<usize>| match at {
        SegmentValue::CenterOf(at) => rows.get(*at).map(|row| row.name.clone()).unwrap_or_default(),
        SegmentValue::Exact(_) | SegmentValue::Last => String::new(),
    };
    let judges = JUDGES.len() as u32;
    let height = 120 + rows.len() as u32 * (judges * BAR + 2 * GAP);
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 18))
            .margin(16)
            .set_label_area_size(LabelAreaPosition::Left, 480)
            .set_label_area_size(LabelAreaPosition::Bottom, 44)
            .build_cartesian_2d(0.0..RIGHT, (0..rows.len().saturating_sub(1)).into_segmented())?;
        let percent = |share: &f64| if *share > 100.0 { String::new() } else { format!("{share} %") };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .max_light_lines(1)
            .label_style(("sans-serif", 13))
            .x_desc("share of cases that the judge got wrong")
            .x_label_formatter(&percent)
            .y_labels(rows.len())
            .y_label_formatter(&name)
            .draw()?;
        for (judge, name) in (0..).zip(JUDGES) {
            let color = Palette99::pick(judge as usize).filled();
            let bars = rows.iter().enumerate().filter_map(|(at, row)| {
                let share = row.rates.get(judge as usize)?.value() * 100.0;
                let corners = [(0.0, SegmentValue::Exact(at)), (share, SegmentValue::Exact(at + 1))];
                let mut bar = Rectangle::new(corners, color);
                bar.set_margin(GAP + judge * BAR, GAP + (judges - 1 - judge) * BAR, 0, 0);
                Some(bar)
            });
            let key = move |(x, y)| Rectangle::new([(x, y - 4), (x + 16, y + 4)], color);
            chart.draw_series(bars)?.label(name).legend(key);
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE)
            .border_style(BLACK)
            .draw()?;
        area.present()?;
    }
    Ok(svg)
}
