//! The percentile curve, and the curve of a saturation search.

use hdrhistogram::Histogram;

use super::super::text::{duration, rate};
use super::chart::{Chart, LogScale, Tick, linear};
use crate::measure::{Kind, percentile};
use crate::record::RunRecord;

/// Points drawn of each nine.
const POINTS_PER_NINE: usize = 40;

/// Nines that may be drawn.
const NINES_MAX: usize = 6;

/// Labels of the nines.
const NINES: [&str; NINES_MAX + 1] = ["0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %"];

/// Time over percentile; each nine has the same width. `None` where nothing was answered.
pub(super) fn percentile_curve(record: &RunRecord) -> Option<String> {
    let of = |kind: Kind| record.histogram(kind).histogram.histogram();
    let (response, service) = (of(Kind::Response), of(Kind::Service));
    if response.is_empty() {
        return None;
    }
    // A nine is drawn only where a value lies beyond it.
    let nines = ((response.len() as f64).log10().floor() as usize).clamp(1, NINES_MAX);
    let lowest = [&response, &service].into_iter().filter(|histogram| !histogram.is_empty());
    let lowest = lowest.map(Histogram::min).min().unwrap_or(1);
    let scale = LogScale::of(lowest, response.max().max(service.max()));
    let points = |histogram: &Histogram<u64>| -> Vec<(f64, f64)> {
        if histogram.is_empty() {
            return Vec::new();
        }
        let steps = nines * POINTS_PER_NINE;
        let point = |step: usize| {
            let quantile = 1.0 - 10f64.powf(-(step as f64) / POINTS_PER_NINE as f64);
            (step as f64 / steps as f64, scale.part(percentile(histogram, quantile * 100.0)))
        };
        (0..=steps).map(point).collect()
    };
    let mut chart = Chart::new(320.0);
    let nine = |(place, label): (usize, &&str)| Tick {
        part: place as f64 / nines as f64,
        label: (*label).to_owned(),
    };
    let mut marks: Vec<Tick> = NINES[..=nines].iter().enumerate().map(nine).collect();
    marks.push(Tick { part: 2f64.log10() / nines as f64, label: "50 %".to_owned() });
    chart.grid(&marks, &scale.ticks());
    chart.line("service", &points(&service));
    chart.line("response", &points(&response));
    let description = format!(
        "Response time by percentile: median {}, 99 % {}, longest {}",
        duration(percentile(&response, 50.0)),
        duration(percentile(&response, 99.0)),
        duration(response.max())
    );
    Some(chart.finish(&description))
}

/// 99th percentile and achieved rate over the planned rate; `None` without steps.
pub(super) fn saturation_curve(record: &RunRecord) -> Option<String> {
    let mut steps: Vec<_> = record.steps.iter().collect();
    steps.sort_by(|left, right| left.rate_per_second.total_cmp(&right.rate_per_second));
    let largest =
        steps.iter().map(|step| step.rate_per_second.max(step.achieved_per_second)).fold(0.0, f64::max);
    if steps.is_empty() {
        return None;
    }
    let (top, rates) = linear(largest, rate);
    let mut chart = Chart::new(300.0);
    let times = steps.iter().flat_map(|step| [step.p50_ns, step.p99_ns]).filter(|&ns| ns > 0);
    let scale = LogScale::of(times.clone().min().unwrap_or(1), times.max().unwrap_or(1));
    chart.grid(&rates, &scale.ticks());
    let at = |of: fn(&crate::record::StepRecord) -> u64| {
        let answered = steps.iter().filter(|step| of(step) > 0);
        answered.map(|step| (step.rate_per_second / top, scale.part(of(step)))).collect::<Vec<_>>()
    };
    chart.line("service", &at(|step| step.p50_ns));
    chart.line("response", &at(|step| step.p99_ns));
    for step in &steps {
        let (x, y) = (chart.x(step.rate_per_second / top), chart.y(scale.part(step.p99_ns)));
        let class = if step.passed { "passed" } else { "refused" };
        let title = super::escaped(&format!(
            "{} planned, {} achieved, p99 {}{}{}",
            rate(step.rate_per_second),
            rate(step.achieved_per_second),
            duration(step.p99_ns),
            if step.passed { "" } else { ": " },
            step.reason
        ));
        chart.add(&format!(
            r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="4.5"><title>{title}</title></circle>"#
        ));
    }
    Some(chart.finish("Response time by planned rate"))
}
