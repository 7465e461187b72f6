//! Rows are the true sums of what workers counted, in HAProxy's order and words.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64};

use super::*;
use crate::config::model::{Mode, Timeouts};
use crate::http::error_page::ErrorPages;
use crate::observe::stats::write_csv;
use crate::snapshot::{Backend, Gauge, HealthReport, Listener, Routes, Server, ServerState, TrafficLimits};

const START_MS: u64 = 1_700_000_000_000;
const SECOND: Duration = Duration::from_secs(1);

fn new_gauge(current: u32, limit: u32) -> Arc<Gauge> {
    Arc::new(Gauge { current: AtomicU32::new(current), max: AtomicU32::new(current + 1), limit })
}

fn snapshot() -> Arc<Snapshot> {
    let timeouts = Timeouts::default();
    let server = |name: &str, limit| Server {
        name: name.into(),
        address: "192.0.2.11:80".parse().unwrap(),
        cookie: None,
        send_proxy: None,
        state: Arc::new(ServerState::new(10, limit)),
    };
    Arc::new(Snapshot {
        listeners: vec![Listener {
            name: "front,in".into(),
            mode: Mode::Http,
            routes: Routes::to_backend(0),
            error_pages: ErrorPages::default(),
            access: None,
            accept_proxy: false,
            trust: None,
            tls: None,
            timeouts,
            connections: new_gauge(7, 7),
        }],
        backends: vec![Backend {
            name: "web".into(),
            mode: Mode::Http,
            servers: vec![server("web1", 100), server("web2", u32::MAX)],
            balance: crate::balance::Balance::default(),
            forwarding: None,
            cookie: None,
            timeouts,
            required: false,
            in_flight: new_gauge(3, u32::MAX),
            queue: Arc::new(Gauge::new(8)),
            epoch: Arc::new(AtomicU64::new(0)),
        }],
        tells_port: false,
        process: new_gauge(7, 60_000),
        server_connections: new_gauge(3, 60_000),
        limits: TrafficLimits::default(),
    })
}

struct Fixture {
    snapshot: Arc<Snapshot>,
    workers: Vec<Arc<WorkerCounters>>,
    source: StatsSource,
    start: Instant,
}

fn fixture() -> Fixture {
    let snapshot = snapshot();
    let workers: Vec<_> = (0..2).map(|_| Arc::new(WorkerCounters::new(1, &[2]))).collect();
    let start = Instant::now();
    let log = Arc::new(LogCounters::default());
    let source = StatsSource::new(Arc::clone(&snapshot), workers.clone(), log, start, START_MS);
    Fixture { snapshot, workers, source, start }
}

impl Fixture {
    fn server(&self, index: usize) -> &Server {
        &self.snapshot.backends[0].servers[index]
    }

    fn csv(&self, seconds: u64) -> Vec<HashMap<String, String>> {
        let now = self.start + SECOND * seconds as u32;
        let mut text = String::new();
        write_csv(&self.source.report(now, START_MS + seconds * 1000).rows, &mut text);
        let mut lines = text.lines();
        let names: Vec<_> = lines.next().unwrap().trim_start_matches("# ").split(',').collect();
        assert_eq!(names.len(), 121, "120 columns and what follows the last comma");
        let cells = |line: &str| line.replace("\"front,in\"", "front;in");
        lines
            .map(|line| {
                let line = cells(line);
                assert_eq!(line.split(',').count(), names.len());
                names.iter().map(|name| (*name).to_owned()).zip(line.split(',').map(str::to_owned)).collect()
            })
            .collect()
    }
}

#[test]
fn sums_all_workers_into_a_row_for_each_listener_server_and_backend() {
    let fixture = fixture();
    for (number, worker) in (1..).zip(&fixture.workers) {
        worker.listeners[0].connections.add(10 * number);
        worker.listeners[0].requests.add(100 * number);
        worker.listeners[0].statuses[1].add(90);
        worker.backends[0].requests.add(50);
        worker.backends[0].no_server.add(2);
        worker.backends[0].servers[0].requests.add(30);
        worker.backends[0].servers[0].connect_errors.add(1);
        worker.backends[0].servers[1].bytes_out.add(1000);
        worker.backends[0].servers[1].last_request_unix_ms.set(START_MS + 1000 * number);
    }
    let rows = fixture.csv(5);
    let column = |name: &str| rows.iter().map(|row| row[name].as_str()).collect::<Vec<_>>();
    assert_eq!(column("pxname"), ["front;in", "web", "web", "web"]);
    assert_eq!(column("svname"), ["FRONTEND", "web1", "web2", "BACKEND"]);
    assert_eq!(column("type"), ["0", "2", "2", "1"]);
    assert_eq!(column("iid"), ["1", "2", "2", "2"]);
    assert_eq!(column("sid"), ["0", "1", "2", "0"]);
    assert_eq!(column("stot"), ["30", "60", "0", "100"]);
    assert_eq!(column("req_tot"), ["300", "60", "0", "100"]);
    assert_eq!(column("hrsp_2xx"), ["180", "0", "0", "0"]);
    assert_eq!(column("scur"), ["7", "0", "0", "3"]);
    assert_eq!(column("smax"), ["8", "0", "0", "4"]);
    assert_eq!(column("slim"), ["7", "100", "", ""]);
    assert_eq!(column("econ"), ["", "2", "0", "6"]);
    assert_eq!(column("ereq"), ["0", "", "", ""]);
    assert_eq!(column("bout"), ["0", "0", "2000", "2000"]);
    assert_eq!(column("lastsess"), ["", "-1", "3", "3"]);
    assert_eq!(column("status"), ["FULL", "no check", "no check", "UP"]);
    assert_eq!(column("weight"), ["", "10", "10", "20"]);
    assert_eq!(column("chkfail"), ["", "", "", ""]);
    assert_eq!(column("qcur"), ["", "0", "0", "0"]);
    assert_eq!(column("qlimit"), ["", "", "", ""]);
    assert_eq!(column("-"), ["-", "-", "-", "-"]);
}

#[test]
fn shows_what_health_checks_found() {
    let fixture = fixture();
    fixture.server(0).state.set_up(false);
    fixture.server(0).state.update_report(|report| {
        *report = HealthReport {
            checked: true,
            check_status: "L7STS",
            check_code: Some(503),
            check_duration: Duration::from_millis(12),
            running: true,
            description: "Layer7 wrong status",
            health: 1,
            rise: 2,
            fall: 5,
            failed_checks: 9,
            down_count: 2,
            last_change_unix_ms: START_MS + 10_000,
            downtime_ms: 4_000,
        };
    });
    let row = &fixture.csv(30)[1];
    let expected = [
        ("status", "DOWN 1/2"),
        ("check_status", "* L7STS"),
        ("check_code", "503"),
        ("check_duration", "12"),
        ("check_desc", "Layer7 wrong status"),
        ("chkfail", "9"),
        ("chkdown", "2"),
        ("lastchg", "20"),
        ("downtime", "24"),
        ("check_rise", "2"),
        ("check_fall", "5"),
        ("check_health", "1"),
    ];
    for (name, value) in expected {
        assert_eq!(row[name], value, "{name}");
    }
}

#[test]
fn a_backend_is_down_while_no_server_is_usable() {
    let fixture = fixture();
    fixture.server(0).state.set_up(false);
    assert_eq!(fixture.csv(5)[3]["status"], "UP");
    fixture.server(1).state.set_up(false);
    fixture.source.sample(fixture.start + SECOND * 10, START_MS + 10_000);
    let row = &fixture.csv(14)[3];
    assert_eq!([&row["status"], &row["act"], &row["weight"]], ["DOWN", "0", "0"]);
    assert_eq!([&row["lastchg"], &row["downtime"], &row["chkdown"]], ["4", "4", "1"]);
    fixture.server(1).state.set_up(true);
    let row = &fixture.csv(20)[3];
    assert_eq!([&row["status"], &row["lastchg"], &row["downtime"]], ["UP", "0", "10"]);
    let row = &fixture.csv(29)[3];
    assert_eq!([&row["lastchg"], &row["downtime"], &row["chkdown"]], ["9", "10", "1"]);
}

#[test]
fn samples_rates_and_times() {
    let fixture = fixture();
    let row = &fixture.csv(0)[1];
    assert_eq!([&row["rate"], &row["rate_max"], &row["ttime"]], ["0", "0", ""]);
    let server = &fixture.workers[1].backends[0].servers[0];
    server.requests.add(40);
    server.timed_exchanges.add(40);
    server.total_ms_sum.add(400);
    server.response_ms_sum.add(200);
    fixture.source.sample(fixture.start + SECOND, START_MS + 1000);
    fixture.source.sample(fixture.start + SECOND, START_MS + 1000);
    let row = &fixture.csv(1)[1];
    assert_eq!([&row["rate"], &row["rate_max"]], ["40", "40"]);
    assert_eq!([&row["ctime"], &row["rtime"], &row["ttime"]], ["0", "5", "10"]);
    fixture.source.sample(fixture.start + SECOND * 2, START_MS + 2000);
    let row = &fixture.csv(2)[1];
    assert_eq!([&row["rate"], &row["rate_max"], &row["stot"]], ["0", "40", "40"]);
}

#[test]
fn adds_up_the_log_lines_lost_anywhere() {
    let fixture = fixture();
    fixture.workers[0].worker.log_dropped.add(3);
    fixture.workers[1].worker.log_dropped.add(4);
    let process = fixture.source.report(fixture.start + SECOND, START_MS).process;
    assert_eq!(process.log_dropped, 7);
    assert_eq!(process.workers, 2);
    assert_eq!((process.connections, process.connections_limit), (7, Some(60_000)));
    assert_eq!(process.uptime, SECOND);
}
