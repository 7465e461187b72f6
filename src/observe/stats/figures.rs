//! Figures of gauges and servers' states, as the rows show them. Called by `collect`.

use std::sync::atomic::Ordering;

use super::row::CheckFigures;
use crate::snapshot::{Backend, Gauge, HealthReport, Server};

/// Current, highest and allowed.
pub(super) fn gauge(gauge: &Gauge) -> (u64, u64, Option<u64>) {
    let limit = Some(gauge.limit).filter(|&limit| limit != u32::MAX).map(u64::from);
    (gauge.current.load(Ordering::Relaxed).into(), gauge.max.load(Ordering::Relaxed).into(), limit)
}

pub(super) fn queue(gauge: &Gauge) -> Option<(u64, u64)> {
    let (now, max, _) = self::gauge(gauge);
    Some((now, max))
}

pub(super) fn usable_weight(backend: &Backend) -> u64 {
    let up = backend.servers.iter().filter(|server| server.state.is_up());
    up.map(|server| u64::from(server.state.weight())).sum()
}

pub(super) fn seconds_since(then_unix_ms: u64, unix_ms: u64) -> Option<u64> {
    (then_unix_ms > 0).then(|| unix_ms.saturating_sub(then_unix_ms) / 1000)
}

pub(super) fn downtime_s(server: &Server, report: &HealthReport, unix_ms: u64) -> u64 {
    let present = if server.state.is_up() { 0 } else { unix_ms.saturating_sub(report.last_change_unix_ms) };
    (report.downtime_ms + present) / 1000
}

pub(super) fn check_figures(report: &HealthReport) -> Option<CheckFigures> {
    report.checked.then(|| CheckFigures {
        status: report.check_status,
        description: report.description,
        running: report.running,
        code: report.check_code,
        duration_ms: (!matches!(report.check_status, "" | "UNK" | "INI"))
            .then_some(report.check_duration.as_millis() as u64),
        rise: report.rise,
        fall: report.fall,
        health: report.health,
    })
}
