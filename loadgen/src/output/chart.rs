//! The percentile curve in text: time over 1/(1 − percentile), both on logarithmic scales, so that
//! each nine has the same width. Two curves: response (●) and service (○).

use hdrhistogram::Histogram;

use super::text::duration;
use crate::measure::percentile;

const ROWS: usize = 10;

/// Columns of one nine: 0 to 90 % is one, 90 to 99 % the next.
const COLUMNS_PER_NINE: usize = 14;

/// Nines that may be drawn: up to 99.9999 %.
const NINES_MAX: usize = 6;

/// Labels under each nine.
const LABELS: [&str; NINES_MAX + 1] = ["0 %", "90", "99", "99.9", "99.99", "99.999", "99.9999"];

/// The curve of a run; nothing where nothing was answered.
pub(super) fn percentile_chart(response: &Histogram<u64>, service: &Histogram<u64>) -> Vec<String> {
    if response.is_empty() {
        return Vec::new();
    }
    // A nine is drawn only where at least one value lies beyond it.
    let nines = ((response.len() as f64).log10().floor() as usize).clamp(1, NINES_MAX);
    let columns = nines * COLUMNS_PER_NINE;
    let curve = |histogram: &Histogram<u64>| -> Vec<u64> {
        if histogram.is_empty() {
            return Vec::new();
        }
        let quantile = |column: usize| 1.0 - 10f64.powf(-(column as f64) / COLUMNS_PER_NINE as f64);
        (0..=columns).map(|column| percentile(histogram, quantile(column) * 100.0).max(1)).collect()
    };
    let (response, service) = (curve(response), curve(service));
    let values = || response.iter().chain(&service).copied();
    let scale = Scale::new(values().min().unwrap_or(1), values().max().unwrap_or(1));
    let mut grid = vec![vec![' '; columns + 1]; ROWS];
    for (mark, curve) in [('○', &service), ('●', &response)] {
        for (column, &value) in curve.iter().enumerate() {
            grid[ROWS - 1 - scale.row(value)][column] = mark;
        }
    }
    let mut lines: Vec<String> = grid.into_iter().enumerate().map(|(at, row)| scale.line(at, &row)).collect();
    lines.push(format!("{:>10} └{}", "", "─".repeat(columns + 1)));
    lines.push(axis(nines));
    lines
}

/// The vertical scale: logarithmic between two times.
struct Scale {
    low: f64,
    span: f64,
}

impl Scale {
    fn new(low: u64, high: u64) -> Scale {
        let (low, high) = ((low as f64).log10(), (high as f64).log10());
        // A curve that is nearly flat is drawn flat, not as noise blown up.
        Scale { low, span: (high - low).max(0.05) }
    }

    fn row(&self, value: u64) -> usize {
        let part = ((value as f64).log10() - self.low) / self.span;
        ((part * (ROWS - 1) as f64).round().max(0.0) as usize).min(ROWS - 1)
    }

    fn line(&self, from_top: usize, cells: &[char]) -> String {
        let part = (ROWS - 1 - from_top) as f64 / (ROWS - 1) as f64;
        let value = 10f64.powf(self.low + part * self.span);
        let label = if from_top.is_multiple_of(3) { duration(value.round() as u64) } else { String::new() };
        let cells: String = cells.iter().collect();
        format!("{label:>10} │{}", cells.trim_end())
    }
}

fn axis(nines: usize) -> String {
    let mut line = String::from("            ");
    for label in &LABELS[..=nines] {
        line.push_str(&format!("{label:<COLUMNS_PER_NINE$}"));
    }
    format!("{} percentile", line.trim_end())
}
