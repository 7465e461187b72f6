//! A run: its threads, its clock, its collector, and the check that nothing was lost.

use std::io;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use rustls::ClientConfig;

use super::clock::RunClock;
use super::observer::Outcome;
use super::plan::Plan;
use super::worker::Worker;
use crate::measure::{Mismatch, SecondSink, Setup, Totals, start};
use crate::tls::{TlsError, gather_randomness};

/// Time for the threads, which are ready, to wake before the first planned request.
const START_DELAY: Duration = Duration::from_millis(5);

/// The length of an interval, nanoseconds.
const INTERVAL_NS: u64 = 1_000_000_000;

/// Asks a run to end early.
#[derive(Debug, Default)]
pub struct Stop(AtomicU8);

impl Stop {
    /// Asks: what is not due yet is no part of the run, and answers may still come in the grace. Asked
    /// again: what is on its way is cancelled. Returns how often that makes.
    pub fn ask(&self) -> u8 {
        self.0.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Whether somebody has asked.
    #[inline]
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    /// Whether somebody has asked more than once, and waits for nothing.
    #[inline]
    pub fn is_urgent(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 1
    }
}

/// What the threads of a run have in common, none of it on the way of a request.
pub(super) struct Shared {
    /// Ends the run early.
    pub(super) stop: Arc<Stop>,
    /// When the schedule was cut short, nanoseconds of the run; zero if it was not.
    pub(super) cut_ns: AtomicU64,
    /// TLS version, cipher suite and protocol of the first connection.
    pub(super) agreed: OnceLock<Agreed>,
}

/// TLS version, cipher suite and protocol (ALPN), as text; empty where there is none.
pub type Agreed = (String, String, String);

/// Who looks on.
#[derive(Default)]
pub struct Watch {
    /// Ends the run early.
    pub stop: Arc<Stop>,
    /// Gets the fate of each single request; those that do not fit into the channel are left out.
    pub observer: Option<SyncSender<Outcome>>,
    /// Is set, before the first outcome, to the wall-clock time of the run's beginning.
    pub started: Arc<OnceLock<SystemTime>>,
}

/// A run that is over.
#[derive(Debug)]
pub struct Finished {
    /// What was measured.
    pub totals: Totals,
    /// When the first request was due.
    pub started: SystemTime,
    /// How long it took, grace included.
    pub elapsed: Duration,
    /// When the schedule was cut short, nanoseconds since the beginning, if somebody asked for it.
    pub cut_ns: Option<u64>,
    /// Set when the counts do not add up, which is a fault of this program.
    pub mismatch: Option<Mismatch>,
    /// TLS version, cipher suite and protocol as agreed first.
    pub tls: Option<Agreed>,
}

/// Why a run could not be made.
#[derive(Debug)]
pub enum RunError {
    /// A thread could not be made, or could not go on.
    Thread(io::Error),
    /// TLS cannot be used as asked.
    Tls(TlsError),
    /// A thread ended by a fault of this program.
    Fault,
}

impl std::fmt::Display for RunError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Thread(error) => write!(formatter, "an engine thread could not work: {error}"),
            Self::Tls(error) => error.fmt(formatter),
            Self::Fault => formatter.write_str("an engine thread ended by a fault of this program"),
        }
    }
}

/// Runs a plan to its end. `sink` sees each second, on the calling thread.
///
/// # Errors
/// The run could not be made. What goes wrong with requests is part of its result.
pub fn run(plan: Plan, watch: Watch, sink: &mut dyn SecondSink) -> Result<Finished, RunError> {
    let plan = Arc::new(plan);
    let setup = Setup {
        threads: plan.threads.max(1),
        targets: plan.targets.len(),
        interval_ns: INTERVAL_NS,
        warm_up_ns: plan.warm_up_ns,
        duration_ns: plan.load.duration_ns(),
    };
    let (collector, recorders) = start(setup);
    // Made before the clock starts: reading authorities takes longer than a thread's start.
    let tls = client_config(&plan)?;
    let tls: Vec<Option<Arc<ClientConfig>>> =
        recorders.iter().map(|_| tls.as_ref().map(|tls| Arc::new(plan.tls.apart(tls)))).collect();
    let shared =
        Arc::new(Shared { stop: watch.stop.clone(), cut_ns: AtomicU64::new(0), agreed: OnceLock::new() });
    let cores = if plan.pins { core_affinity::get_core_ids().unwrap_or_default() } else { Vec::new() };
    let (tells_ready, ready) = channel();
    let mut threads: Vec<JoinHandle<io::Result<()>>> = Vec::new();
    let mut starts = Vec::new();
    for (thread, (recorder, tls)) in recorders.into_iter().zip(tls).enumerate() {
        let (plan, shared, observer) = (plan.clone(), shared.clone(), watch.observer.clone());
        let (start, started) = channel::<RunClock>();
        starts.push(start);
        let tells_ready = tells_ready.clone();
        let core = (!cores.is_empty()).then(|| cores[thread % cores.len()]);
        let made = Builder::new().name(format!("loadgen-{thread}")).spawn(move || {
            if let Some(core) = core {
                // A core that is not ours to have costs evenness, not correctness.
                core_affinity::set_for_current(core);
            }
            if tls.is_some() {
                gather_randomness();
            }
            let worker = Worker::new(plan, thread, recorder, tls, shared.clone(), observer);
            let (is_ready, worker) = match worker {
                Ok(worker) => (Ok(()), Some(worker)),
                Err(error) => (Err(error), None),
            };
            // Nobody listens, and no clock comes, when another thread could not get ready.
            let _ = tells_ready.send(is_ready);
            let (Some(worker), Ok(clock)) = (worker, started.recv()) else { return Ok(()) };
            // Without one of its threads the run is not what was asked for: the others need not go on.
            let mut ends_run = EndsRun { stop: shared.stop.clone(), is_armed: true };
            worker.run(clock)?;
            ends_run.is_armed = false;
            Ok(())
        });
        threads.push(made.map_err(RunError::Thread)?);
    }
    // With the threads' own ends gone, one that fell over before it was ready is noticed.
    drop(tells_ready);
    for _ in &threads {
        ready.recv().map_err(|_| RunError::Fault)?.map_err(RunError::Thread)?;
    }
    let origin = Instant::now() + START_DELAY;
    let started = *watch.started.get_or_init(|| SystemTime::now() + START_DELAY);
    for start in starts {
        // A thread that is gone is found when it is joined.
        let _ = start.send(RunClock::new(origin));
    }
    // The observer's channel ends with the last thread.
    drop(watch.observer);
    let totals = collector.collect(sink);
    for thread in threads {
        thread.join().map_err(|_| RunError::Fault)?.map_err(RunError::Thread)?;
    }
    let mismatch = totals.counts.balance().err();
    let elapsed = Instant::now().saturating_duration_since(origin);
    let cut_ns = Some(shared.cut_ns.load(Ordering::Relaxed)).filter(|at_ns| *at_ns > 0);
    Ok(Finished { totals, started, elapsed, cut_ns, mismatch, tls: shared.agreed.get().cloned() })
}

/// Ends the run unless it is disarmed: when a thread returns with an error, or falls over.
struct EndsRun {
    stop: Arc<Stop>,
    is_armed: bool,
}

impl Drop for EndsRun {
    fn drop(&mut self) {
        if self.is_armed {
            self.stop.ask();
        }
    }
}

fn client_config(plan: &Plan) -> Result<Option<ClientConfig>, RunError> {
    if plan.endpoints.iter().all(|endpoint| endpoint.secure.is_none()) {
        return Ok(None);
    }
    Ok(Some(plan.tls.build().map_err(RunError::Tls)?))
}
