//! The health checks of a whole snapshot: one task for each checked server, on the control thread.
//!
//! Started by `control`. The only writer of `ServerState::set_up`: workers see a change by the
//! backend's epoch, nothing is republished. It reads the clock; the machine and the schedule that it
//! drives do not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::http_probe::{self, HttpProbe};
use super::machine::{Change, Machine};
use super::notice::{self, Level, Subject};
use super::schedule::{self, Schedule};
use super::tcp_probe;
use super::verdict::Verdict;
use crate::config::model::{self, Check, CheckKind};
use crate::proxy_protocol::{self, Version};
use crate::snapshot::{Backend, Server, Snapshot};

/// Checks every server of every backend that has a check, for as long as it is polled; dropping the
/// future ends all checks. It returns at once when there is nothing to check.
///
/// `backends` is the configuration that `snapshot` was built from: same order of backends and
/// servers. `notify` is called on this thread for each change of a server and must not block.
///
/// # Panics
/// Must be awaited inside a tokio runtime with I/O and time enabled.
pub async fn run<N>(snapshot: Arc<Snapshot>, backends: &[model::Backend], notify: N)
where
    N: Fn(Level, String) + Send + Sync + 'static,
{
    let notify = Arc::new(notify);
    let checked: Vec<(usize, usize, &Check)> = backends
        .iter()
        .enumerate()
        .filter_map(|(backend, settings)| Some((backend, settings.servers.len(), settings.check.as_ref()?)))
        .flat_map(|(backend, servers, check)| (0..servers).map(move |server| (backend, server, check)))
        .collect();
    let spread = schedule::spread_interval(checked.iter().map(|(_, _, check)| check.interval));
    let count = u32::try_from(checked.len()).unwrap_or(u32::MAX);
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for (position, (backend, server, check)) in (0u32..).zip(checked) {
        let offset = schedule::first_offset(check.interval, spread, position, count);
        let task = ServerCheck {
            snapshot: Arc::clone(&snapshot),
            backend,
            server,
            interval: check.interval,
            machine: Machine::new(check.rise, check.fall),
            schedule: Schedule::new(start.into_std(), offset, check.interval),
            probe: Probe::new(&check.kind, backends[backend].servers[server].send_proxy),
            notify: Arc::clone(&notify),
        };
        task.begin_report(check);
        tasks.spawn(task.run());
    }
    while let Some(ended) = tasks.join_next().await {
        // Tasks never end by themselves; a panic in one is the whole process's.
        if let Err(error) = ended
            && let Ok(panic) = error.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

/// One server's checks.
struct ServerCheck<N> {
    snapshot: Arc<Snapshot>,
    backend: usize,
    server: usize,
    interval: Duration,
    machine: Machine,
    schedule: Schedule,
    probe: Probe,
    notify: Arc<N>,
}

enum Probe {
    /// With what is sent ahead.
    Tcp(Vec<u8>),
    Http(HttpProbe),
}

impl Probe {
    /// A server that expects the PROXY protocol gets the header of a connection without a client, as
    /// with HAProxy's `check-send-proxy`.
    fn new(kind: &CheckKind, send_proxy: Option<Version>) -> Self {
        let mut greeting = Vec::new();
        if let Some(version) = send_proxy {
            proxy_protocol::write_local(version, &mut greeting);
        }
        match kind {
            CheckKind::Tcp => Self::Tcp(greeting),
            CheckKind::Http { method, target, version, host } => {
                greeting.extend(http_probe::request(method, target, version, host.as_deref()));
                Self::Http(HttpProbe::new(greeting))
            }
        }
    }

    async fn check(&mut self, address: SocketAddr, limit: Duration) -> Verdict {
        match self {
            Self::Tcp(greeting) => tcp_probe::check(address, limit, greeting).await,
            Self::Http(probe) => probe.check(address, limit).await,
        }
    }
}

impl<N: Fn(Level, String)> ServerCheck<N> {
    async fn run(mut self) {
        loop {
            tokio::time::sleep_until(Instant::from_std(self.schedule.due())).await;
            self.server().state.update_report(|report| report.running = true);
            let address = self.server().address;
            let verdict = self.probe.check(address, self.interval).await;
            self.apply(&verdict, unix_ms());
            self.schedule.finished(Instant::now().into_std());
        }
    }

    fn backend(&self) -> &Backend {
        &self.snapshot.backends[self.backend]
    }

    fn server(&self) -> &Server {
        &self.backend().servers[self.server]
    }

    /// The report before the first check is over. The server starts as the machine does: up.
    fn begin_report(&self, check: &Check) {
        let now_unix_ms = unix_ms();
        let state = &self.server().state;
        state.update_report(|report| {
            report.checked = true;
            report.check_status = "INI";
            report.description = "Initializing";
            report.health = self.machine.health();
            report.rise = check.rise;
            report.fall = check.fall;
            report.last_change_unix_ms = now_unix_ms;
        });
        self.publish_up(self.machine.is_up());
    }

    /// Takes the result of a check: counts, publishes, reports, tells.
    fn apply(&mut self, verdict: &Verdict, now_unix_ms: u64) {
        let active_before = active_servers(self.backend());
        let change = self.machine.record(verdict.status.passed());
        if change.is_some() {
            self.publish_up(self.machine.is_up());
        }
        self.update_report(verdict, change, now_unix_ms);
        if let Some(change) = change {
            self.tell(verdict, change, active_before);
        }
    }

    /// Workers load the epoch with acquire ordering, and so see the state that was stored before it.
    fn publish_up(&self, up: bool) {
        let state = &self.server().state;
        if state.is_up() != up {
            state.set_up(up);
            self.backend().epoch.fetch_add(1, Ordering::Release);
        }
    }

    fn update_report(&self, verdict: &Verdict, change: Option<Change>, now_unix_ms: u64) {
        self.server().state.update_report(|report| {
            report.running = false;
            report.check_status = verdict.status.code();
            report.check_code = verdict.http_code;
            report.check_duration = verdict.duration;
            report.description = verdict.status.description();
            report.health = self.machine.health();
            report.failed_checks = self.machine.failed_checks();
            match change {
                Some(Change::Down) => report.down_count += 1,
                // The clock may have been set back meanwhile.
                Some(Change::Up) => {
                    report.downtime_ms += now_unix_ms.saturating_sub(report.last_change_unix_ms);
                }
                None => return,
            }
            report.last_change_unix_ms = now_unix_ms;
        });
    }

    fn tell(&self, verdict: &Verdict, change: Change, active_before: usize) {
        let backend = self.backend();
        let server = self.server();
        let subject = Subject {
            backend: &backend.name,
            server: &server.name,
            active_servers: active_servers(backend),
            sessions: server.state.in_flight(),
        };
        match change {
            Change::Up => (self.notify)(Level::Notice, notice::server_up(&subject, verdict)),
            Change::Down => (self.notify)(Level::Alert, notice::server_down(&subject, verdict)),
        }
        if active_before > 0 && subject.active_servers == 0 {
            (self.notify)(Level::Emergency, notice::backend_down(&backend.name));
        }
    }
}

/// Servers that take new clients: up, and with a weight.
fn active_servers(backend: &Backend) -> usize {
    backend.servers.iter().filter(|server| server.state.is_up() && server.state.weight() > 0).count()
}

/// Wall clock, for the report alone; nothing is scheduled by it.
fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
