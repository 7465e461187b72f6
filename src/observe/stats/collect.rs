//! Gathers rows: sums the workers' counters, reads gauges and health reports, samples rates.
//!
//! Called on the control thread: `sample` once a second, `report` whenever somebody asks. Workers
//! are never stopped for it: their counters are read with relaxed loads, so figures of one
//! row may differ by the requests that finish while it is read.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::figures::{check_figures, downtime_s, gauge, queue, seconds_since, usable_weight};
use super::rate::{SlidingAverage, SlidingRate};
use super::row::{Averages, Kind, Row, State};
use crate::observe::counters::{
    BackendCounters, Counter, ListenerCounters, ServerCounters, StatusClasses, WorkerCounters,
};
use crate::observe::log::LogCounters;
use crate::snapshot::Snapshot;

/// Everything that statistics are made of.
#[derive(Debug)]
pub struct StatsSource {
    snapshot: Arc<Snapshot>,
    workers: Vec<Arc<WorkerCounters>>,
    log: Arc<LogCounters>,
    started: Instant,
    samples: Mutex<Samples>,
}

/// One look at everything.
#[derive(Debug, Clone)]
pub struct Report {
    /// Listeners, then each backend's servers followed by the backend.
    pub rows: Vec<Row>,
    /// The process as a whole.
    pub process: ProcessFigures,
}

/// Figures that belong to no row.
#[derive(Debug, Clone, Default)]
pub struct ProcessFigures {
    /// Since the start.
    pub uptime: Duration,
    /// Worker threads.
    pub workers: usize,
    /// Client connections now.
    pub connections: u64,
    /// Most at once.
    pub connections_max: u64,
    /// How many are allowed; `None` is no limit.
    pub connections_limit: Option<u64>,
    /// New connections in the last second.
    pub connection_rate: u64,
    /// Requests in the last second.
    pub request_rate: u64,
    /// Log lines written.
    pub log_written: u64,
    /// Access records lost: at a full ring or at the log's target.
    pub log_dropped: u64,
    /// Tunnels open now, of all workers: upgraded connections and those in tcp mode.
    pub tunnels_open: u64,
    /// Buffers in use now, of all workers.
    pub buffers_in_use: u64,
    /// Messages of torii's own that are on standard error only.
    pub notices_dropped: u64,
    /// Limits hit and faults of all workers since the start, with their names.
    pub events: Vec<(&'static str, u64)>,
}

#[derive(Debug)]
struct Samples {
    taken: Instant,
    listeners: Vec<ListenerSample>,
    backends: Vec<BackendSample>,
}

#[derive(Debug, Default, Clone)]
struct ListenerSample {
    connections: SlidingRate,
    requests: SlidingRate,
}

#[derive(Debug, Clone)]
struct BackendSample {
    traffic: TrafficSample,
    servers: Vec<TrafficSample>,
    up: bool,
    changed_unix_ms: u64,
    downtime_ms: u64,
    down_count: u64,
}

/// Rate and times of a server, or of all servers of a backend.
#[derive(Debug, Default, Clone)]
struct TrafficSample {
    requests: SlidingRate,
    connect_ms: SlidingAverage,
    response_ms: SlidingAverage,
    total_ms: SlidingAverage,
}

impl StatsSource {
    /// `workers` have the shape of `snapshot`; `now` and `unix_ms` are the process's start.
    pub fn new(
        snapshot: Arc<Snapshot>,
        workers: Vec<Arc<WorkerCounters>>,
        log: Arc<LogCounters>,
        now: Instant,
        unix_ms: u64,
    ) -> Self {
        let backends = snapshot.backends.iter().map(|backend| BackendSample {
            traffic: TrafficSample::default(),
            servers: vec![TrafficSample::default(); backend.servers.len()],
            up: usable_weight(backend) > 0,
            changed_unix_ms: unix_ms,
            downtime_ms: 0,
            down_count: 0,
        });
        let samples = Samples {
            taken: now,
            listeners: vec![ListenerSample::default(); snapshot.listeners.len()],
            backends: backends.collect(),
        };
        Self { snapshot, workers, log, started: now, samples: Mutex::new(samples) }
    }

    /// Ends a period of the rates; to be called every `limits::STATS_SAMPLE`.
    pub fn sample(&self, now: Instant, unix_ms: u64) {
        let mut samples = self.samples();
        let elapsed = now.saturating_duration_since(samples.taken);
        if elapsed.is_zero() {
            return;
        }
        samples.taken = now;
        for (index, sample) in samples.listeners.iter_mut().enumerate() {
            sample.connections.sample(self.listener(index, |counters| &counters.connections), elapsed);
            sample.requests.sample(self.listener(index, |counters| &counters.requests), elapsed);
        }
        for (index, sample) in samples.backends.iter_mut().enumerate() {
            self.look_at_backend(index, sample, unix_ms);
            sample.traffic.requests.sample(self.backend(index, |counters| &counters.requests), elapsed);
            for (server, sample) in sample.servers.iter_mut().enumerate() {
                sample.requests.sample(self.server(index, server, |counters| &counters.requests), elapsed);
            }
        }
    }

    /// One look at everything.
    pub fn report(&self, now: Instant, unix_ms: u64) -> Report {
        let mut samples = self.samples();
        let since = now.saturating_duration_since(samples.taken);
        let mut rows = Vec::new();
        for (index, sample) in samples.listeners.iter().enumerate() {
            rows.push(self.listener_row(index, sample, since));
        }
        for (index, sample) in samples.backends.iter_mut().enumerate() {
            self.look_at_backend(index, sample, unix_ms);
            for (server, traffic) in sample.servers.iter().enumerate() {
                rows.push(self.server_row(index, server, traffic, since, unix_ms));
            }
            let servers = rows.len() - sample.servers.len();
            let row = self.backend_row(index, sample, &rows[servers..], since, unix_ms);
            rows.push(row);
        }
        let process = self.process(&rows, now);
        Report { rows, process }
    }

    /// Whether the backend came up or went down, and the times of its exchanges.
    fn look_at_backend(&self, index: usize, sample: &mut BackendSample, unix_ms: u64) {
        let up = usable_weight(&self.snapshot.backends[index]) > 0;
        if up != sample.up {
            let lasted_ms = unix_ms.saturating_sub(sample.changed_unix_ms);
            sample.downtime_ms += if up { lasted_ms } else { 0 };
            sample.down_count += u64::from(!up);
            (sample.up, sample.changed_unix_ms) = (up, unix_ms);
        }
        let mut sums = [0; 4];
        for (server, traffic) in sample.servers.iter_mut().enumerate() {
            let count = self.server(index, server, |counters| &counters.timed_exchanges);
            let connect = self.server(index, server, |counters| &counters.connect_ms_sum);
            let response = self.server(index, server, |counters| &counters.response_ms_sum);
            let total = self.server(index, server, |counters| &counters.total_ms_sum);
            traffic.take_times(count, connect, response, total);
            for (sum, value) in sums.iter_mut().zip([count, connect, response, total]) {
                *sum += value;
            }
        }
        let [count, connect, response, total] = sums;
        sample.traffic.take_times(count, connect, response, total);
    }

    fn listener_row(&self, index: usize, sample: &ListenerSample, since: Duration) -> Row {
        let listener = &self.snapshot.listeners[index];
        let connections = self.listener(index, |counters| &counters.connections);
        let requests = self.listener(index, |counters| &counters.requests);
        let rate = sample.connections.now(connections, since);
        let request_rate = sample.requests.now(requests, since);
        let (now, max, limit) = gauge(&listener.connections);
        Row {
            server_id: 0,
            state: if limit.is_some_and(|limit| now >= limit) { State::Full } else { State::Open },
            sessions_now: now,
            sessions_max: max,
            sessions_limit: limit,
            sessions_total: connections,
            session_rate: rate,
            session_rate_max: sample.connections.max(rate),
            request_rate: Some((request_rate, sample.requests.max(request_rate))),
            requests_total: requests,
            bytes_in: self.listener(index, |counters| &counters.bytes_in),
            bytes_out: self.listener(index, |counters| &counters.bytes_out),
            request_errors: Some(self.listener(index, |counters| &counters.request_errors)),
            denied_connections: Some(self.listener(index, |counters| &counters.denied_connections)),
            intercepted: Some(self.listener(index, |counters| &counters.intercepted)),
            denied: Some(self.listener(index, |counters| &counters.denied)),
            statuses: self.statuses(|worker| &worker.listeners[index].statuses),
            ..Row::empty(Kind::Frontend, &listener.name, listener.mode, "FRONTEND".into(), index + 1)
        }
    }

    fn server_row(
        &self,
        backend_index: usize,
        index: usize,
        sample: &TrafficSample,
        since: Duration,
        unix_ms: u64,
    ) -> Row {
        let backend = &self.snapshot.backends[backend_index];
        let server = &backend.servers[index];
        let sum = |pick: fn(&ServerCounters) -> &Counter| self.server(backend_index, index, pick);
        let report = server.state.report();
        let check = check_figures(&report);
        let state = State::of_server(server.state.is_up(), server.state.weight(), check.as_ref());
        let requests = sum(|counters| &counters.requests);
        let rate = sample.requests.now(requests, since);
        Row {
            server_id: index + 1,
            state,
            sessions_now: server.state.in_flight().into(),
            sessions_max: server.state.in_flight_max().into(),
            sessions_limit: Some(server.state.limit()).filter(|&limit| limit != u32::MAX).map(u64::from),
            sessions_total: requests,
            queue: queue(server.state.queue()),
            session_rate: rate,
            session_rate_max: sample.requests.max(rate),
            requests_total: requests,
            bytes_in: sum(|counters| &counters.bytes_in),
            bytes_out: sum(|counters| &counters.bytes_out),
            connect_errors: Some(sum(|counters| &counters.connect_errors)),
            response_errors: Some(sum(|counters| &counters.response_errors)),
            retries: Some(sum(|counters| &counters.retries)),
            redispatches: Some(sum(|counters| &counters.redispatches)),
            balanced: Some(sum(|counters| &counters.balanced)),
            last_request_s: Some(self.last_request_s(backend_index, index, unix_ms)),
            statuses: self.statuses(|worker| &worker.backends[backend_index].servers[index].statuses),
            client_aborts: Some(sum(|counters| &counters.client_aborts)),
            server_aborts: Some(sum(|counters| &counters.server_aborts)),
            connects: Some(sum(|counters| &counters.connects)),
            reuses: Some(sum(|counters| &counters.reuses)),
            idle_connections: Some(sum(|counters| &counters.idle_connections)),
            weight: Some(server.state.weight().into()),
            active: Some(1),
            backup: Some(0),
            check_failures: check.map(|_| report.failed_checks),
            down_count: check.map(|_| report.down_count),
            last_change_s: seconds_since(report.last_change_unix_ms, unix_ms),
            downtime_s: check.map(|_| downtime_s(server, &report, unix_ms)),
            check,
            averages: sample.averages(),
            ..Row::empty(
                Kind::Server,
                &backend.name,
                backend.mode,
                Arc::clone(&server.name),
                self.backend_id(backend_index),
            )
        }
    }

    fn backend_row(
        &self,
        index: usize,
        sample: &BackendSample,
        servers: &[Row],
        since: Duration,
        unix_ms: u64,
    ) -> Row {
        let backend = &self.snapshot.backends[index];
        let requests = self.backend(index, |counters| &counters.requests);
        let rate = sample.traffic.requests.now(requests, since);
        let (now, max, limit) = gauge(&backend.in_flight);
        let sum = |pick: fn(&Row) -> Option<u64>| Some(servers.iter().filter_map(pick).sum::<u64>());
        let no_server = self.backend(index, |counters| &counters.no_server);
        let down_ms = if sample.up { 0 } else { unix_ms.saturating_sub(sample.changed_unix_ms) };
        let up_count = backend.servers.iter().filter(|server| server.state.is_up()).count();
        Row {
            state: if sample.up { State::Up } else { State::Down },
            sessions_now: now,
            sessions_max: max,
            sessions_limit: limit,
            sessions_total: requests,
            queue: queue(&backend.queue),
            session_rate: rate,
            session_rate_max: sample.traffic.requests.max(rate),
            requests_total: requests,
            bytes_in: servers.iter().map(|row| row.bytes_in).sum(),
            bytes_out: servers.iter().map(|row| row.bytes_out).sum(),
            connect_errors: sum(|row| row.connect_errors).map(|errors| errors + no_server),
            response_errors: sum(|row| row.response_errors),
            retries: sum(|row| row.retries),
            redispatches: sum(|row| row.redispatches),
            balanced: sum(|row| row.balanced),
            // -1, never, is the smallest only where no server was ever used.
            last_request_s: servers
                .iter()
                .filter_map(|row| row.last_request_s.filter(|&age| age >= 0))
                .min()
                .or(Some(-1)),
            statuses: self.statuses(|worker| &worker.backends[index].statuses),
            client_aborts: sum(|row| row.client_aborts),
            server_aborts: sum(|row| row.server_aborts),
            connects: sum(|row| row.connects),
            reuses: sum(|row| row.reuses),
            weight: Some(usable_weight(backend)),
            active: Some(up_count as u64),
            backup: Some(0),
            down_count: Some(sample.down_count),
            last_change_s: seconds_since(sample.changed_unix_ms, unix_ms),
            downtime_s: Some((sample.downtime_ms + down_ms) / 1000),
            averages: sample.traffic.averages(),
            ..Row::empty(Kind::Backend, &backend.name, backend.mode, "BACKEND".into(), self.backend_id(index))
        }
    }

    fn process(&self, rows: &[Row], now: Instant) -> ProcessFigures {
        let events = |pick: fn(&WorkerCounters) -> &Counter| self.sum(pick);
        let (connections, connections_max, connections_limit) = gauge(&self.snapshot.process);
        let listeners = || rows.iter().filter(|row| row.kind == Kind::Frontend);
        ProcessFigures {
            uptime: now.saturating_duration_since(self.started),
            workers: self.workers.len(),
            connections,
            connections_max,
            connections_limit,
            connection_rate: listeners().map(|row| row.session_rate).sum(),
            request_rate: listeners().filter_map(|row| row.request_rate).map(|(rate, _)| rate).sum(),
            log_written: self.log.written.get(),
            log_dropped: self.log.dropped.get() + events(|worker| &worker.worker.log_dropped),
            tunnels_open: events(|worker| &worker.worker.tunnels_open),
            buffers_in_use: events(|worker| &worker.worker.leases_in_use),
            notices_dropped: self.log.notices_dropped(),
            events: self.events(),
        }
    }

    fn events(&self) -> Vec<(&'static str, u64)> {
        let mut sums: Vec<(&'static str, u64)> = Vec::new();
        for worker in &self.workers {
            for (index, (name, counter)) in worker.worker.named().into_iter().enumerate() {
                match sums.get_mut(index) {
                    Some((_, sum)) => *sum += counter.get(),
                    None => sums.push((name, counter.get())),
                }
            }
        }
        sums
    }

    fn backend_id(&self, index: usize) -> usize {
        self.snapshot.listeners.len() + index + 1
    }

    fn last_request_s(&self, backend: usize, server: usize, unix_ms: u64) -> i64 {
        let counters = self.workers.iter().map(|worker| &worker.backends[backend].servers[server]);
        let last = counters.map(|counters| counters.last_request_unix_ms.get()).max().unwrap_or(0);
        if last == 0 { -1 } else { (unix_ms.saturating_sub(last) / 1000) as i64 }
    }

    fn sum(&self, pick: impl Fn(&WorkerCounters) -> &Counter) -> u64 {
        self.workers.iter().map(|worker| pick(worker).get()).fold(0, u64::wrapping_add)
    }

    fn listener(&self, index: usize, pick: fn(&ListenerCounters) -> &Counter) -> u64 {
        self.sum(|worker| pick(&worker.listeners[index]))
    }

    fn backend(&self, index: usize, pick: fn(&BackendCounters) -> &Counter) -> u64 {
        self.sum(|worker| pick(&worker.backends[index]))
    }

    fn server(&self, backend: usize, index: usize, pick: fn(&ServerCounters) -> &Counter) -> u64 {
        self.sum(|worker| pick(&worker.backends[backend].servers[index]))
    }

    fn statuses(&self, pick: impl Fn(&WorkerCounters) -> &StatusClasses) -> [u64; 6] {
        std::array::from_fn(|class| self.sum(|worker| &pick(worker)[class]))
    }

    fn samples(&self) -> MutexGuard<'_, Samples> {
        self.samples.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl TrafficSample {
    fn take_times(&mut self, count: u64, connect: u64, response: u64, total: u64) {
        self.connect_ms.sample(connect, count);
        self.response_ms.sample(response, count);
        self.total_ms.sample(total, count);
    }

    fn averages(&self) -> Option<Averages> {
        Some(Averages {
            connect_ms: self.connect_ms.get()?,
            response_ms: self.response_ms.get()?,
            total_ms: self.total_ms.get()?,
        })
    }
}

#[cfg(test)]
#[path = "collect/tests.rs"]
mod tests;
