//! A running node: workers under supervision, health checks, statistics, and an orderly end.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::socket::{self, Bound, Desk};
use super::status::Phase;
use crate::admin;
use crate::config::model::Config;
use crate::ha::notify::NotifyEnd;
use crate::ha::order::RequestQueue;
use crate::health;
use crate::limits::DRAIN_LIMIT;
use crate::observe::counters::WorkerCounters;
use crate::observe::log::{Level, LogHandle, NoticeWriter};
use crate::observe::stats::StatsSource;
use crate::proxy::mailbox::{Command, Mailbox};
use crate::snapshot::Snapshot;

/// How often workers are looked after.
const LOOK_AFTER: Duration = Duration::from_millis(20);

/// Longest wait for workers to end once their connections are cut.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// What was started; ends with `serve`.
pub struct Node {
    pub(super) config: Config,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) counters: Vec<Arc<WorkerCounters>>,
    pub(super) statistics: Arc<StatsSource>,
    pub(super) stats_listeners: Vec<TcpListener>,
    pub(super) mailboxes: Arc<[Mailbox]>,
    pub(super) threads: Vec<JoinHandle<io::Result<()>>>,
    pub(super) log: LogHandle,
    pub(super) control: Option<Bound>,
    pub(super) desk: Arc<Desk>,
    pub(super) phase: Phase,
    pub(super) requested: Option<RequestQueue>,
    pub(super) notify_end: Option<NotifyEnd>,
}

/// How a node ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Everything in flight was finished.
    Drained,
    /// The limit was reached, or the end was asked for twice: connections were cut.
    Cut,
    /// A worker ended by itself.
    Failed,
}

impl Node {
    /// Where servers stand, for whoever shows it.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.clone()
    }

    /// Counts of all workers.
    pub fn counters(&self) -> Vec<Arc<WorkerCounters>> {
        self.counters.clone()
    }

    /// Writes torii's own messages to the log.
    pub fn notices(&self) -> NoticeWriter {
        self.log.notices()
    }

    /// Serves until `end` is ready, then drains; until `cut` is ready or the drain limit is reached,
    /// then cuts. To be awaited on a current-thread runtime.
    pub async fn serve(self, end: impl Future<Output = ()>, cut: impl Future<Output = ()>) -> Stopped {
        let notices = self.log.notices();
        let health_notices = notices.clone();
        let notify = move |level, text| health_notices.notice(level_of(level), text);
        let checks = health::run(self.snapshot.clone(), &self.config.backends, notify);
        let statistics = self.statistics.clone();
        let stats_listeners = self.stats_listeners;
        let stats = async {
            if let Some(stats) = &self.config.stats {
                let pair = self.desk.status.pair();
                let served =
                    admin::serve(stats_listeners, stats, statistics, pair, std::future::pending()).await;
                if let Err(error) = served {
                    notices.notice(Level::Error, format!("the statistics page cannot be served: {error}"));
                }
            }
            std::future::pending::<()>().await;
        };
        let checks = async {
            checks.await;
            std::future::pending::<()>().await;
        };
        let control = async {
            if let Some(bound) = &self.control
                && let Err(error) = socket::serve(bound, self.desk.clone()).await
            {
                notices.notice(Level::Error, format!("the control socket cannot be served: {error}"));
            }
            std::future::pending::<()>().await;
        };
        let requested = self.requested;
        let requests = async {
            if let (Some(handover), Some(requested)) = (&self.desk.handover, requested) {
                handover.serve_requests(requested).await;
            }
            std::future::pending::<()>().await;
        };
        let supervisor = Supervisor {
            threads: &self.threads,
            mailboxes: &self.mailboxes,
            notices: &notices,
            desk: &self.desk,
            phase: &self.phase,
        };
        let stopped = tokio::select! {
            () = checks => Stopped::Failed,
            () = stats => Stopped::Failed,
            () = control => Stopped::Failed,
            () = requests => Stopped::Failed,
            stopped = supervisor.run(end, cut) => stopped,
        };
        let failed = collect(self.threads, &notices);
        if self.notify_end.is_some_and(|end| !end.wait()) {
            notices.notice(Level::Warning, "the notify program was not told of the end in time");
        }
        self.log.stop();
        if failed { Stopped::Failed } else { stopped }
    }
}

/// Watches the workers; tells them to drain and to stop.
struct Supervisor<'a> {
    threads: &'a [JoinHandle<io::Result<()>>],
    mailboxes: &'a [Mailbox],
    notices: &'a NoticeWriter,
    desk: &'a Desk,
    phase: &'a Phase,
}

impl Supervisor<'_> {
    async fn run(&self, end: impl Future<Output = ()>, cut: impl Future<Output = ()>) -> Stopped {
        tokio::pin!(cut);
        let stopped = tokio::select! {
            () = any_ends(self.threads) => self.failed(),
            () = end => self.end(cut).await,
        };
        if let Some(handover) = &self.desk.handover {
            // What the node still has of the shared addresses goes last; nothing if it has gone before.
            handover.end().await;
        }
        stopped
    }

    /// The shared addresses first, while requests are still answered; then the connections.
    async fn end(&self, mut cut: Pin<&mut impl Future<Output = ()>>) -> Stopped {
        if let Some(handover) = &self.desk.handover {
            tokio::select! {
                () = any_ends(self.threads) => return self.failed(),
                () = handover.leave() => {}
                () = &mut cut => return self.stop().await,
            }
        }
        self.notices.notice(Level::Notice, "draining: no new connections, requests in flight are finished");
        self.phase.drain();
        self.send(Command::Drain);
        tokio::select! {
            () = all_end(self.threads) => return Stopped::Drained,
            () = cut => {}
            () = tokio::time::sleep(DRAIN_LIMIT) => {
                let text =
                    format!("not drained after {} seconds: open connections are cut", DRAIN_LIMIT.as_secs());
                self.notices.notice(Level::Warning, text);
                return self.cut().await;
            }
        }
        self.stop().await
    }

    fn failed(&self) -> Stopped {
        self.notices.notice(Level::Emergency, "a worker ended by itself; torii stops");
        Stopped::Failed
    }

    async fn stop(&self) -> Stopped {
        self.notices.notice(Level::Warning, "asked to stop again: open connections are cut");
        self.cut().await
    }

    async fn cut(&self) -> Stopped {
        self.phase.drain();
        // Also when the drain has not begun.
        self.send(Command::Drain);
        self.send(Command::Stop);
        // A worker that does not even end now is left to the end of the process.
        let _ = tokio::time::timeout(STOP_LIMIT, all_end(self.threads)).await;
        Stopped::Cut
    }

    fn send(&self, command: Command) {
        self.mailboxes.iter().for_each(|mailbox| mailbox.send(command));
    }
}

async fn any_ends(threads: &[JoinHandle<io::Result<()>>]) {
    look_until(|| threads.iter().any(JoinHandle::is_finished)).await;
}

async fn all_end(threads: &[JoinHandle<io::Result<()>>]) {
    look_until(|| threads.iter().all(JoinHandle::is_finished)).await;
}

async fn look_until(done: impl Fn() -> bool) {
    while !done() {
        tokio::time::sleep(LOOK_AFTER).await;
    }
}

/// Joins the workers that have ended; `true` when one of them failed.
fn collect(threads: Vec<JoinHandle<io::Result<()>>>, notices: &NoticeWriter) -> bool {
    let mut failed = false;
    for thread in threads.into_iter().filter(JoinHandle::is_finished) {
        let reason = match thread.join() {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it panicked".into(),
        };
        failed = true;
        notices.notice(Level::Emergency, format!("a worker failed: {reason}"));
    }
    failed
}

fn level_of(level: health::Level) -> Level {
    match level {
        health::Level::Emergency => Level::Emergency,
        health::Level::Alert => Level::Alert,
        health::Level::Notice => Level::Notice,
    }
}
