//! Plots over time: rates, errors, connections.

use super::super::text::{grouped, rate};
use super::chart::{Chart, linear, seconds_axis};
use crate::record::{RunRecord, SecondRecord};

/// Points at most; a longer run is thinned by joining rows.
const POINTS_MAX: usize = 480;

/// A stretch of the run.
#[derive(Clone, Copy, Default)]
struct Stretch {
    middle_s: f64,
    planned: f64,
    ok: f64,
    not_ok: f64,
    open_connections: f64,
    queued: f64,
}

/// Rates per second of each stretch, and the length of the run.
fn stretches(record: &RunRecord) -> (Vec<Stretch>, f64) {
    let rows_per_point = record.series.len().div_ceil(POINTS_MAX).max(1);
    // The last row may be a moment of the grace: a rate of it would be noise.
    let whole: Vec<&SecondRecord> = record.series.iter().filter(|row| row.seconds() >= 0.2).collect();
    let stretch = |rows: &[&SecondRecord]| {
        let seconds: f64 = rows.iter().map(|row| row.seconds()).sum();
        let sum = |of: fn(&SecondRecord) -> u64| {
            rows.iter().map(|row| of(row) as f64).sum::<f64>() / seconds.max(1e-3)
        };
        let most = |of: fn(&SecondRecord) -> u64| rows.iter().map(|row| of(row)).max().unwrap_or(0) as f64;
        let (start, end) =
            (rows.first().map_or(0, |row| row.start_ns), rows.last().map_or(0, |row| row.end_ns));
        Stretch {
            middle_s: (start as f64 + end as f64) / 2e9,
            planned: sum(|row| row.planned),
            ok: sum(|row| row.ok),
            not_ok: sum(|row| row.wrong.saturating_add(row.failed)),
            open_connections: most(|row| row.open_connections),
            queued: most(|row| row.queued),
        }
    };
    let end_s = record.series.last().map_or(0.0, |row| row.end_ns as f64 / 1e9);
    (whole.chunks(rows_per_point).map(stretch).collect(), end_s.max(1e-3))
}

fn points(stretches: &[Stretch], end_s: f64, top: f64, of: fn(&Stretch) -> f64) -> Vec<(f64, f64)> {
    stretches.iter().map(|stretch| (stretch.middle_s / end_s, of(stretch) / top)).collect()
}

fn largest(stretches: &[Stretch], of: fn(&Stretch) -> f64) -> f64 {
    stretches.iter().map(of).fold(0.0, f64::max)
}

/// Planned and answered requests per second.
pub(super) fn rates(record: &RunRecord) -> Option<String> {
    let (stretches, end_s) = stretches(record);
    if stretches.len() < 2 {
        return None;
    }
    let most = largest(&stretches, |stretch| stretch.planned.max(stretch.ok));
    let (top, ticks) = linear(most, rate);
    let mut chart = Chart::new(220.0);
    chart.grid(&seconds_axis(end_s), &ticks);
    chart.area("ok-area", &points(&stretches, end_s, top, |stretch| stretch.ok));
    chart.line("response", &points(&stretches, end_s, top, |stretch| stretch.ok));
    if record.description.open_loop {
        chart.line("planned", &points(&stretches, end_s, top, |stretch| stretch.planned));
    }
    Some(chart.finish("Planned and answered requests per second over time"))
}

/// Requests without a good answer per second; `None` where there were none.
pub(super) fn errors(record: &RunRecord) -> Option<String> {
    let (stretches, end_s) = stretches(record);
    let most = largest(&stretches, |stretch| stretch.not_ok);
    if most <= 0.0 {
        return None;
    }
    let (top, ticks) = linear(most, rate);
    let mut chart = Chart::new(180.0);
    chart.grid(&seconds_axis(end_s), &ticks);
    let width = ((chart.x(1.0) - chart.x(0.0)) / stretches.len().max(1) as f64 * 0.8).max(1.0);
    for stretch in stretches.iter().filter(|stretch| stretch.not_ok > 0.0) {
        let (x, y) = (chart.x(stretch.middle_s / end_s) - width / 2.0, chart.y(stretch.not_ok / top));
        let height = (chart.y(0.0) - y).max(1.0);
        let title = format!("{:.0} s: {}", stretch.middle_s, rate(stretch.not_ok));
        let place = format!(r#"x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}""#);
        chart.add(&format!(r#"<rect class="error" {place}><title>{title}</title></rect>"#));
    }
    Some(chart.finish("Requests without a good answer per second over time"))
}

/// Open connections and waiting requests.
pub(super) fn connections(record: &RunRecord) -> Option<String> {
    let (stretches, end_s) = stretches(record);
    let most = largest(&stretches, |stretch| stretch.open_connections.max(stretch.queued));
    if most <= 0.0 || stretches.len() < 2 {
        return None;
    }
    let (top, ticks) = linear(most, |value| grouped(value.round() as u64));
    let mut chart = Chart::new(180.0);
    chart.grid(&seconds_axis(end_s), &ticks);
    chart.line("response", &points(&stretches, end_s, top, |stretch| stretch.open_connections));
    chart.line("queued", &points(&stretches, end_s, top, |stretch| stretch.queued));
    Some(chart.finish("Open connections and waiting requests over time"))
}
