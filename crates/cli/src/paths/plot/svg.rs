//! The drawing as SVG: a column for each run, a chart for what belongs together.

use super::Drawn;
use super::curves::{Curve, curves};
use plotters::coord::Shift;
use plotters::prelude::*;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Parts of the time.
const PARTS: usize = 400;
/// Of one run, in pixels.
const SIZE: (u32, u32) = (760, 900);
const COLOURS: [RGBColor; 4] =
    [RGBColor(31, 119, 180), RGBColor(214, 39, 40), RGBColor(44, 160, 44), RGBColor(148, 103, 189)];

/// The charts of a run, by the names of what they show.
const CHARTS: [(&str, &[&str]); 3] =
    [("kB", &["cwnd", "in flight"]), ("Mbit/s", &["delivered", "resent"]), ("waiting, ms", &["waiting"])];

/// All runs, side by side.
pub(super) fn draw(runs: &[Drawn]) -> anyhow::Result<String> {
    let mut svg = String::new();
    {
        let width = SIZE.0.saturating_mul(u32::try_from(runs.len())?);
        let root = SVGBackend::with_string(&mut svg, (width, SIZE.1)).into_drawing_area();
        root.fill(&WHITE)?;
        for (column, run) in root.split_evenly((1, runs.len())).iter().zip(runs) {
            draw_run(column, run)?;
        }
        root.present()?;
    }
    Ok(svg)
}

fn draw_run(column: &Area<'_>, run: &Drawn) -> anyhow::Result<()> {
    let title = match &run.judgement {
        Some(judgement) => {
            format!("{}: promise {}", run.title, if judgement.kept { "kept" } else { "broken" })
        }
        None => run.title.clone(),
    };
    let column = column.titled(&title, ("sans-serif", 18))?;
    let flows: Vec<_> = (0..run.report.flows.len()).map(|flow| curves(run, flow, PARTS)).collect();
    for (area, (unit, names)) in column.split_evenly((CHARTS.len(), 1)).iter().zip(CHARTS) {
        let shared = unit.starts_with("waiting");
        let shown = flows.iter().take(if shared { 1 } else { usize::MAX });
        let lines: Vec<_> = shown
            .enumerate()
            .flat_map(|(flow, all)| named(all, names, (flows.len() > 1 && !shared).then_some(flow)))
            .collect();
        draw_chart(area, unit, run.path.span().as_secs_f64(), &lines)?;
    }
    Ok(())
}

/// The curves of one flow that are asked for, with what to call them.
fn named<'a>(all: &'a [Curve], names: &[&str], flow: Option<usize>) -> Vec<(String, &'a [f64])> {
    let label = |curve: &Curve| match flow {
        Some(flow) => format!("{}, flow {}", curve.name, flow + 1),
        None => curve.name.to_owned(),
    };
    let shown = all.iter().filter(|curve| names.contains(&curve.name));
    shown.map(|curve| (label(curve), &curve.values[..])).collect()
}

fn draw_chart(area: &Area<'_>, unit: &str, seconds: f64, lines: &[(String, &[f64])]) -> anyhow::Result<()> {
    let top = lines.iter().flat_map(|(_, values)| *values).copied().fold(f64::MIN_POSITIVE, f64::max) * 1.05;
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .x_label_area_size(30)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..seconds, 0.0..top)?;
    chart.configure_mesh().light_line_style(TRANSPARENT).x_desc("s").y_desc(unit).draw()?;
    for (n, (name, values)) in lines.iter().enumerate() {
        let colour = COLOURS[n % COLOURS.len()];
        let part = seconds / values.len() as f64;
        let points = values.iter().enumerate().map(|(at, &value)| ((at as f64 + 0.5) * part, value));
        chart
            .draw_series(LineSeries::new(points, &colour))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
    }
    let labels =
        chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).draw();
    Ok(labels?)
}
