//! The log thread: takes records from every worker's ring and writes their lines.
//!
//! Started by the control thread. It is the only thread that formats or writes lines, and
//! the only one that may wait for a disk or a syslog daemon: while it does, rings fill and their
//! workers drop and count records. It polls, because a worker that had to wake it would
//! pay a system call for each request.

use std::fmt;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::haproxy;
use super::names::Names;
use super::sink::Sink;
use super::time::LocalTime;
use crate::config::model::{Log, LogFormat, LogTarget};
use crate::limits;
use crate::observe::counters::Counter;
use crate::observe::record::Record;
use crate::observe::ring::RecordReader;

/// Syslog severity (RFC 3164 section 4.1.1); the number is the one on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Level {
    /// Nothing works: a backend has no server left.
    Emergency = 0,
    /// Somebody should act: a server went down.
    Alert = 1,
    /// An operation failed.
    Error = 3,
    /// Something may fail later.
    Warning = 4,
    /// A change worth knowing: a server came up.
    Notice = 5,
    /// Traffic.
    Info = 6,
}

/// Whether messages of torii's own go to standard error besides the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// They do, unless standard error is the log itself.
    StandardError,
    /// They do not: somebody else owns the terminal. Only what finds the queue full does.
    Off,
}

/// What the log thread did; each counter is written by that thread alone.
#[derive(Debug, Default)]
pub struct LogCounters {
    /// Lines handed to the target.
    pub written: Counter,
    /// Lines that the target did not take. Records dropped before, at a full ring, are in
    /// `WorkerEvents::log_dropped`.
    pub dropped: Counter,
    /// Messages of torii's own that found the queue full and are on standard error only.
    notices_dropped: AtomicU64,
}

/// Why the log could not be started. The text says what to do about it.
#[derive(Debug)]
pub enum LogStartError {
    /// The file cannot be opened to append.
    OpenFile {
        /// As configured.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Standard output or standard error is closed, or no descriptor is left to duplicate it.
    Inherited {
        /// "standard output" or "standard error"
        name: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// No thread could be started.
    Thread(io::Error),
}

/// The running log. Once it and every `NoticeWriter` are dropped, the thread ends by itself.
#[derive(Debug)]
pub struct LogHandle {
    notices: NoticeWriter,
    thread: thread::JoinHandle<()>,
    finished: Receiver<()>,
}

/// Writes messages of torii's own; to be cloned into whatever has something to say.
#[derive(Debug, Clone)]
pub struct NoticeWriter {
    queue: SyncSender<(Level, String)>,
    thread: thread::Thread,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stopping: AtomicBool,
    counters: Arc<LogCounters>,
}

/// Opens the target and starts the thread.
///
/// # Errors
/// A file or standard stream that cannot be opened. A syslog daemon that is not there yet is no error:
/// its lines are dropped and counted until it is.
pub fn start(
    log: &Log,
    echo: Echo,
    names: Names,
    readers: Vec<RecordReader>,
) -> Result<LogHandle, LogStartError> {
    let LogFormat::Haproxy = log.format;
    let sink = Sink::open(log)?;
    let shared = Arc::new(Shared::default());
    let (queue, received) = sync_channel(limits::LOG_NOTICES);
    let (finish, finished) = sync_channel::<()>(0);
    let mut worker = Worker {
        readers,
        notices: received,
        names,
        sink,
        // The target itself is standard error: a notice is written there once.
        echo: echo == Echo::StandardError && log.target != LogTarget::Stderr,
        shared: Arc::clone(&shared),
        time: LocalTime::default(),
        record: empty_record(),
        line: Vec::with_capacity(limits::LOG_LINE_SIZE),
    };
    let thread = thread::Builder::new()
        .name("torii-log".to_owned())
        .spawn(move || {
            worker.run();
            drop(finish);
        })
        .map_err(LogStartError::Thread)?;
    let notices = NoticeWriter { queue, thread: thread.thread().clone(), shared };
    Ok(LogHandle { notices, thread, finished })
}

impl NoticeWriter {
    /// Writes a message to the log and, as `Echo` says, to standard error. Never waits, not even for
    /// whoever reads standard error: with `limits::LOG_NOTICES` already waiting it is dropped and counted.
    pub fn notice(&self, level: Level, text: impl Into<String>) {
        let Err(error) = self.queue.try_send((level, text.into())) else {
            self.thread.unpark();
            return;
        };
        self.shared.counters.notices_dropped.fetch_add(1, Ordering::Relaxed);
        // Without a log thread the process is ending, and nobody is kept waiting any more.
        if let TrySendError::Disconnected((_, text)) = error {
            let _ = writeln!(io::stderr(), "{level}: {}", printable(&text));
        }
    }
}

impl LogHandle {
    /// As `NoticeWriter::notice`.
    pub fn notice(&self, level: Level, text: impl Into<String>) {
        self.notices.notice(level, text);
    }

    /// A writer for a task that outlives a borrow of the handle.
    pub fn notices(&self) -> NoticeWriter {
        self.notices.clone()
    }

    /// Lines written and dropped, for the statistics page.
    pub fn counters(&self) -> Arc<LogCounters> {
        Arc::clone(&self.notices.shared.counters)
    }

    /// Writes everything that is in the rings and ends the thread. To be called when no worker
    /// runs any more. A target that is stuck is given up after `limits::LOG_STOP`; `false` then.
    pub fn stop(self) -> bool {
        self.notices.shared.stopping.store(true, Ordering::Release);
        self.thread.thread().unpark();
        // The other end is dropped when the thread is done, which ends this wait.
        let finished = self.finished.recv_timeout(limits::LOG_STOP) == Err(RecvTimeoutError::Disconnected);
        if finished {
            let _ = self.thread.join();
        }
        finished
    }
}

impl LogCounters {
    /// Messages of torii's own that are on standard error only.
    pub fn notices_dropped(&self) -> u64 {
        self.notices_dropped.load(Ordering::Relaxed)
    }
}

/// What the thread owns.
struct Worker {
    readers: Vec<RecordReader>,
    notices: Receiver<(Level, String)>,
    names: Names,
    sink: Sink,
    echo: bool,
    shared: Arc<Shared>,
    time: LocalTime,
    record: Record,
    line: Vec<u8>,
}

impl Worker {
    fn run(&mut self) {
        let mut idle = PAUSE;
        let mut rounds_left = STOPPING_ROUNDS;
        loop {
            // Read before the rings are: what was pushed before the stop is then seen.
            let stopping = self.shared.stopping.load(Ordering::Acquire);
            let found = self.round();
            if stopping {
                rounds_left -= 1;
                if found == Found::Nothing || rounds_left == 0 {
                    return;
                }
                continue;
            }
            match found {
                Found::More => idle = PAUSE,
                // Records come in batches worth a wake-up: the thread may share its core with a worker.
                Found::Some => {
                    idle = PAUSE;
                    thread::park_timeout(PAUSE);
                }
                Found::Nothing => {
                    thread::park_timeout(idle);
                    idle = (idle * 2).min(limits::LOG_IDLE);
                }
            }
        }
    }

    /// One turn over all rings, a batch of each at most.
    fn round(&mut self) -> Found {
        let unix_ms = unix_ms();
        let mut found = Found::Nothing;
        for reader in &mut self.readers {
            let mut left = limits::LOG_BATCH_RECORDS;
            while left > 0 && reader.pop(&mut self.record) {
                left -= 1;
                self.line.clear();
                haproxy::write_line(&self.record, &self.names, &mut self.time, &mut self.line);
                self.sink.add_record(unix_ms, &mut self.time, &self.line);
            }
            found = found.max(Found::of(left));
        }
        for _ in 0..limits::LOG_NOTICES {
            match self.notices.try_recv() {
                Ok((level, text)) => {
                    found = found.max(Found::Some);
                    self.write_notice(level, &text, unix_ms);
                }
                Err(TryRecvError::Empty) => break,
                // The handle and every writer are gone.
                Err(TryRecvError::Disconnected) => {
                    self.shared.stopping.store(true, Ordering::Relaxed);
                    break;
                }
            }
        }
        self.sink.flush();
        let counts = self.sink.counts();
        self.shared.counters.written.set(counts.written);
        self.shared.counters.dropped.set(counts.dropped);
        found
    }

    fn write_notice(&mut self, level: Level, text: &str, unix_ms: u64) {
        let text = printable(text);
        self.line.clear();
        self.line.push(b'[');
        self.time.write_date(unix_ms, &mut self.line);
        self.line.extend_from_slice(format!("] {level}: {text}").as_bytes());
        self.sink.add_notice(level, unix_ms, &mut self.time, text.as_bytes(), &self.line);
        if self.echo {
            self.line.push(b'\n');
            // Standard error may be closed, which is no reason to stop.
            let _ = io::stderr().write_all(&self.line);
        }
    }
}

/// What a turn over the rings came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Nothing,
    Some,
    /// A ring gave a whole batch: it may hold more.
    More,
}

impl Found {
    /// From what is left of a ring's batch.
    fn of(left: usize) -> Self {
        match left {
            0 => Self::More,
            limits::LOG_BATCH_RECORDS => Self::Nothing,
            _ => Self::Some,
        }
    }
}

/// Sleep after a turn that emptied the rings; doubled without work, up to `limits::LOG_IDLE`.
const PAUSE: Duration = Duration::from_millis(5);

/// Rounds after which a stop no longer waits for empty rings: twice what full rings can hold,
/// were every record of the smallest size, so only workers that still run could exceed it.
const STOPPING_ROUNDS: usize = 2 * limits::LOG_RING_BYTES / 64 / limits::LOG_BATCH_RECORDS + 2;

/// Text of ours may quote a server (a reason phrase): control characters must not forge a line.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Room for any request line, so that no record makes it grow.
fn empty_record() -> Record {
    let mut record = Record::new((std::net::Ipv4Addr::UNSPECIFIED, 0).into(), 0);
    record.request_line.reserve(limits::LOG_REQUEST_LINE);
    record
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Emergency => "emergency",
            Self::Alert => "alert",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
        })
    }
}

impl fmt::Display for LogStartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenFile { path, source } => write!(
                formatter,
                "cannot open the log file {}: {source}; make its folder, let torii's user write it, or \
                 choose another log.target",
                path.display()
            ),
            Self::Inherited { name, source } => write!(
                formatter,
                "cannot log to {name}: {source}; start torii with it open, or choose another log.target"
            ),
            Self::Thread(source) => write!(
                formatter,
                "cannot start the log thread: {source}; raise the limit of threads (ulimit -u, TasksMax)"
            ),
        }
    }
}

impl std::error::Error for LogStartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::OpenFile { source, .. } | Self::Inherited { source, .. } | Self::Thread(source) => {
                Some(source)
            }
        }
    }
}

#[cfg(test)]
#[path = "thread/tests.rs"]
mod tests;
