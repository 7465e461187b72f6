//! A statistics page's configuration and figures for this folder's tests.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::{Duration, Instant};

use crate::config::model::{Mode, Stats, Timeouts};
use crate::http::error_page::ErrorPages;
use crate::observe::counters::WorkerCounters;
use crate::observe::log::LogCounters;
use crate::observe::stats::{Report, StatsSource};
use crate::snapshot::{
    Backend, Gauge, HealthReport, Listener, Routes, Server, ServerState, Snapshot, TrafficLimits,
};

const START_MS: u64 = 1_700_000_000_000;
const UPTIME_S: u64 = 3_600;

/// `/stats` for everybody, in plain text.
pub(super) fn stats() -> Stats {
    Stats {
        bind: vec!["127.0.0.1:0".parse().unwrap()],
        path: "/stats".to_owned(),
        users: Vec::new(),
        hide_version: true,
        show_node: true,
        tls: None,
    }
}

/// One listener, four servers in different states and their backend, an hour after the start.
pub(super) fn sample_report() -> Report {
    let (source, start) = sample_source();
    source.report(start + Duration::from_secs(UPTIME_S), START_MS + UPTIME_S * 1000)
}

/// What `sample_report` is made of, and its start.
pub(super) fn sample_source() -> (StatsSource, Instant) {
    let snapshot = Arc::new(snapshot());
    let worker = WorkerCounters::new(1, &[4]);
    let listener = &worker.listeners[0];
    listener.connections.add(310_442);
    listener.requests.add(3_210_123);
    listener.bytes_in.add(412_345_678);
    listener.bytes_out.add(98_765_432_101);
    listener.request_errors.add(17);
    for (class, count) in listener.statuses.iter().zip([0, 3_000_000, 200_000, 10_000, 123, 0]) {
        class.add(count);
    }
    worker.backends[0].requests.add(3_209_999);
    for (number, server) in (0..3).zip(&worker.backends[0].servers) {
        server.requests.add(1_234_567 - number * 100_000);
        server.balanced.add(1_200_000 - number * 100_000);
        server.bytes_in.add(123_456_789);
        server.bytes_out.add(31_234_567_890);
        server.connect_errors.add(number * 3);
        server.connects.add(1_200);
        server.reuses.add(1_233_367);
        server.timed_exchanges.add(1_000);
        server.response_ms_sum.add(4_200);
        server.total_ms_sum.add(5_100);
        server.last_request_unix_ms.set(START_MS + UPTIME_S * 1000 - 400);
        server.statuses[1].add(1_200_000);
    }
    let start = Instant::now();
    let log = Arc::new(LogCounters::default());
    log.written.set(3_210_123);
    let workers = vec![Arc::new(worker), Arc::new(WorkerCounters::new(1, &[4]))];
    (StatsSource::new(snapshot, workers, log, start, START_MS), start)
}

fn snapshot() -> Snapshot {
    let timeouts = Timeouts::default();
    let gauge = |current, max, limit| {
        Arc::new(Gauge { current: AtomicU32::new(current), max: AtomicU32::new(max), limit })
    };
    Snapshot {
        listeners: vec![Listener {
            name: "front_in".into(),
            mode: Mode::Http,
            routes: Routes::to_backend(0),
            error_pages: ErrorPages::default(),
            access: None,
            accept_proxy: false,
            trust: None,
            tls: None,
            timeouts,
            connections: gauge(212, 1_840, 30_000),
        }],
        backends: vec![Backend {
            name: "web_backend".into(),
            mode: Mode::Http,
            servers: vec![
                checked("web1", true, "L7OK", 200, 6, 3_780),
                checked("web2", false, "L7STS", 503, 1, 125),
                checked("web3", true, "L7OK", 200, 4, 45),
                server("web4"),
            ],
            balance: crate::balance::Balance::default(),
            forwarding: None,
            cookie: None,
            timeouts,
            required: false,
            in_flight: gauge(36, 141, u32::MAX),
            queue: Arc::new(Gauge::new(8)),
            epoch: Arc::new(AtomicU64::new(0)),
        }],
        tells_port: false,
        process: gauge(212, 1_840, 60_000),
        server_connections: gauge(36, 141, 60_000),
        limits: TrafficLimits::default(),
    }
}

fn server(name: &str) -> Server {
    let state = ServerState::new(10, 30_000);
    for _ in 0..48 {
        state.enter();
    }
    for _ in 0..36 {
        state.leave();
    }
    let address = "192.0.2.11:80".parse().unwrap();
    Server { name: name.into(), address, cookie: None, send_proxy: None, state: Arc::new(state) }
}

fn checked(name: &str, up: bool, status: &'static str, code: u16, health: u32, age_s: u64) -> Server {
    let server = server(name);
    server.state.set_up(up);
    server.state.update_report(|report| {
        *report = HealthReport {
            checked: true,
            check_status: status,
            check_code: Some(code),
            check_duration: Duration::from_millis(if up { 2 } else { 12 }),
            running: !up,
            description: if up { "Layer7 check passed" } else { "Layer7 wrong status" },
            health,
            rise: 2,
            fall: 5,
            failed_checks: 1,
            down_count: u64::from(!up),
            last_change_unix_ms: START_MS + UPTIME_S * 1000 - age_s * 1000,
            downtime_ms: 0,
        };
    });
    server
}
