//! The frame of a plot: where things lie, grid lines, labels. Sizes are units of the SVG's own
//! coordinates, which the page scales to its width.

use std::fmt::Write;

use super::super::text::duration;

/// Width of every plot.
pub(super) const WIDTH: f64 = 960.0;

const LEFT: f64 = 72.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 30.0;

/// A mark on an axis: its place, 0 to 1, and its label.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) part: f64,
    pub(super) label: String,
}

/// A plot under construction.
pub(super) struct Chart {
    height: f64,
    body: String,
}

impl Chart {
    /// An empty plot of this height.
    pub(super) fn new(height: f64) -> Chart {
        Chart { height, body: String::new() }
    }

    /// The coordinate of a share of the width, 0 to 1.
    pub(super) fn x(&self, part: f64) -> f64 {
        LEFT + within(part) * (WIDTH - LEFT - RIGHT)
    }

    /// The coordinate of a share of the height, 0 at the bottom.
    pub(super) fn y(&self, part: f64) -> f64 {
        self.height - BOTTOM - within(part) * (self.height - TOP - BOTTOM)
    }

    /// Draws the grid with its labels.
    pub(super) fn grid(&mut self, horizontal: &[Tick], vertical: &[Tick]) {
        let (left, right, bottom, top) = (self.x(0.0), self.x(1.0), self.y(0.0), self.y(1.0));
        for tick in vertical {
            let y = self.y(tick.part);
            let (line, label) = (y, y + 4.0);
            let text = super::escaped(&tick.label);
            self.add(&format!(r#"<path class="grid" d="M{left:.1} {line:.1}H{right:.1}"/>"#));
            self.add(&format!(
                r#"<text class="tick end" x="{:.1}" y="{label:.1}">{text}</text>"#,
                left - 8.0
            ));
        }
        for tick in horizontal {
            let x = self.x(tick.part);
            let anchor = if tick.part > 0.97 { "end" } else { "mid" };
            let text = super::escaped(&tick.label);
            self.add(&format!(r#"<path class="grid" d="M{x:.1} {bottom:.1}V{top:.1}"/>"#));
            let below = bottom + 20.0;
            self.add(&format!(r#"<text class="tick {anchor}" x="{x:.1}" y="{below:.1}">{text}</text>"#));
        }
    }

    /// Draws a line through points of shares.
    pub(super) fn line(&mut self, class: &str, points: &[(f64, f64)]) {
        if let Some(path) = self.path(points) {
            self.add(&format!(r#"<path class="line {class}" d="{path}"/>"#));
        }
    }

    /// Fills what lies below a line.
    pub(super) fn area(&mut self, class: &str, points: &[(f64, f64)]) {
        if let (Some(path), Some(first), Some(last)) = (self.path(points), points.first(), points.last()) {
            let (from, to, bottom) = (self.x(first.0), self.x(last.0), self.y(0.0));
            self.add(&format!(
                r#"<path class="{class}" d="{path}L{to:.1} {bottom:.1}L{from:.1} {bottom:.1}Z"/>"#
            ));
        }
    }

    fn path(&self, points: &[(f64, f64)]) -> Option<String> {
        if points.len() < 2 {
            return None;
        }
        let mut path = String::new();
        for (place, &(x, y)) in points.iter().enumerate() {
            let letter = if place == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{letter}{:.1} {:.1}", self.x(x), self.y(y));
        }
        Some(path)
    }

    /// Adds SVG made elsewhere.
    pub(super) fn add(&mut self, svg: &str) {
        self.body.push_str(svg);
        self.body.push('\n');
    }

    /// The plot, with words for those who cannot see it.
    pub(super) fn finish(self, description: &str) -> String {
        let label = super::escaped(description);
        let body = &self.body;
        let height = self.height;
        format!(r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{body}</svg>"#)
    }
}

fn within(part: f64) -> f64 {
    if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 }
}

/// A logarithmic scale of times.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogScale {
    low: f64,
    high: f64,
}

impl LogScale {
    /// From the shortest to the longest time of nanoseconds, both widened to a whole step.
    pub(super) fn of(shortest: u64, longest: u64) -> LogScale {
        let step = |value: f64, up: bool| {
            let decade = 10f64.powf(value.log10().floor());
            let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * decade);
            let fits = steps.iter().copied().filter(|step| if up { *step >= value } else { *step <= value });
            if up { fits.fold(f64::INFINITY, f64::min) } else { fits.fold(0.0, f64::max) }
        };
        let low = step(shortest.max(1) as f64, false).max(1.0);
        let high = step(longest.max(1) as f64, true).max(low * 2.0);
        LogScale { low: low.log10(), high: high.log10() }
    }

    /// The place of a time, 0 to 1.
    pub(super) fn part(&self, ns: u64) -> f64 {
        within(((ns.max(1) as f64).log10() - self.low) / (self.high - self.low))
    }

    /// Marks at 1, 2 and 5 of each decade, or at decades alone where there are many.
    pub(super) fn ticks(&self) -> Vec<Tick> {
        let factors: &[f64] = match self.high - self.low {
            span if span > 5.0 => &[1.0],
            span if span > 2.5 => &[1.0, 3.0],
            _ => &[1.0, 2.0, 5.0],
        };
        let decades = (self.low.floor() as i32)..=(self.high.ceil() as i32);
        let values = decades.flat_map(|decade| factors.iter().map(move |factor| factor * 10f64.powi(decade)));
        let inside = |value: &f64| (self.low - 1e-9..=self.high + 1e-9).contains(&value.log10());
        let tick = |value: f64| Tick { part: self.part(value.round() as u64), label: round_duration(value) };
        values.filter(inside).map(tick).collect()
    }
}

/// A round time without needless digits: `500 µs`.
fn round_duration(ns: f64) -> String {
    let text = duration(ns.round() as u64);
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// A linear scale from 0 to a round number above `largest`, and its marks.
pub(super) fn linear(largest: f64, label: impl Fn(f64) -> String) -> (f64, Vec<Tick>) {
    // Some room above, so that a line at the top is seen to be one.
    let largest = if largest.is_finite() { (largest * 1.04).max(1.0) } else { 1.0 };
    let rough = largest / 5.0;
    let decade = 10f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * decade).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(rough).max(if largest <= 5.0 { 1.0 } else { 0.0 });
    let steps = (largest / step).ceil().max(1.0);
    let top = step * steps;
    let tick = |place: u32| Tick { part: f64::from(place) / steps, label: label(step * f64::from(place)) };
    (top, (0..=steps as u32).map(tick).collect())
}

/// Marks of a time axis of this many seconds, at round seconds.
pub(super) fn seconds_axis(seconds: f64) -> Vec<Tick> {
    let seconds = if seconds.is_finite() { seconds.clamp(1e-3, 1e9) } else { 1.0 };
    let steps =
        [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0];
    let step = steps.into_iter().find(|step| seconds / step <= 12.0).unwrap_or(seconds / 10.0);
    let count = (seconds / step).floor() as u32;
    let label = |at: f64| match step {
        step if step >= 3_600.0 => format!("{} h", at / 3_600.0),
        step if step >= 60.0 => format!("{} min", at / 60.0),
        step if step < 1.0 => format!("{at:.1} s"),
        _ => format!("{at:.0} s"),
    };
    (0..=count)
        .map(|place| f64::from(place) * step)
        .map(|at| Tick { part: at / seconds, label: label(at) })
        .collect()
}
