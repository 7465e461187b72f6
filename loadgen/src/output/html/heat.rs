//! The heat map: time to the right, response time upwards, darker where more answers fell. Pauses
//! that totals hide stand out as columns.

use std::fmt::Write;

use super::super::text::{duration, grouped};
use super::chart::{Chart, LogScale, seconds_axis};
use crate::record::{RunRecord, SecondRecord};

/// Columns at most; a longer run has several rows of its series in one.
const COLUMNS_MAX: usize = 240;

/// Steps of response time.
const CELLS: usize = 44;

/// Steps of darkness.
const SHADES: usize = 8;

/// One column: the counts of its cells.
struct Column {
    start_s: f64,
    end_s: f64,
    cells: Vec<u64>,
}

/// The map of a run; `None` where nothing was answered.
pub(super) fn heat_map(record: &RunRecord) -> Option<String> {
    let shortest = record.histograms.get("response").map_or(0, |histogram| histogram.min_ns);
    let longest = record.series.iter().map(|row| row.max_ns).max().filter(|&longest| longest > 0)?;
    let scale = LogScale::of(shortest.min(longest).max(1), longest);
    let rows_per_column = record.series.len().div_ceil(COLUMNS_MAX).max(1);
    let columns: Vec<Column> =
        record.series.chunks(rows_per_column).map(|rows| column(rows, &scale)).collect();
    let end_s = columns.last()?.end_s.max(1e-3);
    let most = columns.iter().flat_map(|column| &column.cells).copied().max().unwrap_or(0).max(1);

    let mut chart = Chart::new(320.0);
    chart.grid(&seconds_axis(end_s), &scale.ticks());
    for (shade, path) in paths(&chart, &columns, end_s, most).into_iter().enumerate() {
        if !path.is_empty() {
            chart.add(&format!(r#"<path class="heat heat{shade}" d="{path}"/>"#));
        }
    }
    // Steps rather than slopes: each row's percentile holds for its whole second.
    let percentile = |of: fn(&SecondRecord) -> u64| {
        let answered = record.series.iter().filter(|row| row.ok > 0);
        let step = |row: &SecondRecord| {
            let at = scale.part(of(row));
            [(row.start_ns as f64 / 1e9 / end_s, at), (row.end_ns as f64 / 1e9 / end_s, at)]
        };
        answered.flat_map(step).collect::<Vec<_>>()
    };
    chart.line("p99", &percentile(|row| row.p99_ns));
    chart.line("p50", &percentile(|row| row.p50_ns));
    let description = format!(
        "Response times over {end_s:.0} seconds, from {} to {}; the darkest cell holds {} answers",
        duration(shortest),
        duration(longest),
        grouped(most)
    );
    Some(chart.finish(&description))
}

fn column(rows: &[SecondRecord], scale: &LogScale) -> Column {
    let mut cells = vec![0u64; CELLS];
    for row in rows.iter().filter(|row| row.ok > 0) {
        for slot in row.response.histogram().iter_recorded() {
            let place = (scale.part(slot.value_iterated_to()) * CELLS as f64) as usize;
            let cell = &mut cells[place.min(CELLS - 1)];
            *cell = cell.saturating_add(slot.count_at_value());
        }
    }
    let start_s = rows.first().map_or(0.0, |row| row.start_ns as f64 / 1e9);
    let end_s = rows.last().map_or(0.0, |row| row.end_ns as f64 / 1e9);
    Column { start_s, end_s, cells }
}

/// One path for each shade: thousands of cells as a few elements. The shade grows with the logarithm
/// of the count, so that one answer in a cell can still be seen beside thousands.
fn paths(chart: &Chart, columns: &[Column], end_s: f64, most: u64) -> Vec<String> {
    let mut paths = vec![String::new(); SHADES];
    let height = chart.y(0.0) - chart.y(1.0 / CELLS as f64);
    for column in columns {
        let (left, right) = (chart.x(column.start_s / end_s), chart.x(column.end_s / end_s));
        let width = (right - left).max(0.5);
        for (place, &count) in column.cells.iter().enumerate().filter(|(_, count)| **count > 0) {
            let depth = if most > 1 { (count as f64).ln() / (most as f64).ln() } else { 1.0 };
            let shade = ((depth * (SHADES - 1) as f64).round() as usize).min(SHADES - 1);
            let top = chart.y((place + 1) as f64 / CELLS as f64);
            let _ = write!(paths[shade], "M{left:.1} {top:.1}h{width:.1}v{height:.1}h-{width:.1}z");
        }
    }
    paths
}
