//! Bringing a node up, in the only order that works.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::cores;
use super::error::StartError;
use super::handover::{Handover, is_shared};
use super::node::Node;
use super::socket::{self, Bound, Desk};
use super::status::{Phase, StatusSource};
use super::{banner, descriptors, pair, privileges};
use crate::config::model::{Config, Driver as Wanted, LogTarget};
use crate::ha::handle::PairHandle;
use crate::ha::surroundings;
use crate::http::head::HeadLimits;
use crate::limits::{BIND_AGAIN, BIND_PATIENCE};
use crate::net::driver::Driver;
use crate::net::hush::Hush;
use crate::net::listener::bind_group;
use crate::observe::counters::WorkerCounters;
use crate::observe::log::{self, Echo, Level, LogHandle, Names};
use crate::observe::ring;
use crate::observe::stats::StatsSource;
use crate::proxy::mailbox::{self, Mailbox};
use crate::proxy::{self, WorkerSpec};
use crate::snapshot::build::build;
use crate::snapshot::publish::Published;

/// Starts everything of a node but its control loop, which is `Node::serve`. What was started is told
/// on standard error, and so is every notice.
///
/// # Errors
/// The first thing that cannot be done; workers are started last, so that nothing is left behind.
pub fn start(config: Config) -> Result<Node, StartError> {
    start_telling(config, Echo::StandardError, None)
}

/// As `start`, but standard error is left to a caller that has a screen of its own: nothing is told,
/// and notices are in the log alone.
///
/// # Errors
/// As `start`.
pub fn start_quietly(config: Config) -> Result<Node, StartError> {
    start_telling(config, Echo::Off, None)
}

pub(super) fn start_telling(
    config: Config,
    echo: Echo,
    election: Option<PairHandle>,
) -> Result<Node, StartError> {
    let plan = cores::plan(&config.threads, &cores::available())?;
    let share = descriptors::share(&config, plan.workers.len(), descriptors::raise())?;
    // An election that is led elsewhere has its own surroundings.
    let own = config.ha.as_ref().filter(|_| election.is_none());
    let pair = own.map(surroundings::require).transpose().map_err(StartError::Pair)?;
    let (driver, driver_note) = choose_driver(&config)?;
    let mut listeners = bind_listeners(&config, plan.workers.len())?;
    let stats_listeners = bind_stats(&config)?;
    if let Some(core) = plan.control {
        // Inherited by the log thread. A core that went away meanwhile costs nothing but locality.
        core_affinity::set_for_current(core_affinity::CoreId { id: core });
    }
    let snapshot = Arc::new(build(&config, share.room));
    let published = Published::new(snapshot.clone());
    let node = pair.as_ref().zip(config.ha.as_ref());
    let opened = node.map(|((own, _), ha)| pair::open(ha, *own)).transpose()?;
    let (writers, readers): (Vec<_>, Vec<_>) = plan.workers.iter().map(|_| ring::new()).unzip();
    let log = log::start(&config.log, echo, Names::of(&snapshot), readers).map_err(StartError::Log)?;
    for fault in pair.iter().flat_map(|(_, faults)| faults) {
        log.notice(Level::Warning, fault.line());
    }
    let control = bind_control(&config, &log)?;
    let hush = listeners.of_shared_addresses(&config).map_err(StartError::Resources)?;
    privileges::give_up(&config.process)?;

    let shape: Vec<usize> = config.backends.iter().map(|backend| backend.servers.len()).collect();
    let counters: Vec<Arc<WorkerCounters>> =
        plan.workers.iter().map(|_| Arc::new(WorkerCounters::new(config.listeners.len(), &shape))).collect();
    let statistics = Arc::new(StatsSource::new(
        snapshot.clone(),
        counters.clone(),
        log.counters(),
        Instant::now(),
        unix_ms(),
    ));
    let mut mailboxes = Vec::new();
    let mut threads = Vec::new();
    for (index, writer) in writers.into_iter().enumerate() {
        let (mailbox, inbox) = mailbox::pair().map_err(StartError::Resources)?;
        let spec = WorkerSpec {
            index,
            core: Some(plan.workers[index]),
            driver,
            ring_entries: config.io.ring_entries,
            buffer_size: config.io.buffer_size,
            buffers: config.io.buffers_per_worker,
            head_limits: HeadLimits {
                size: config.limits.request_head_size,
                fields: config.limits.request_headers,
            },
            listeners: listeners.take_one_of_each(),
            published: published.clone(),
            counters: counters[index].clone(),
            log: (config.log.target != LogTarget::Off).then_some(writer),
            inbox,
        };
        threads.push(proxy::spawn(spec).map_err(StartError::Resources)?);
        mailboxes.push(mailbox);
    }
    if echo == Echo::StandardError {
        banner::print(&config, &plan, driver, driver_note.as_deref(), share);
    }
    let phase = Phase::default();
    let begin = |pair: pair::Opened| {
        pair.begin(&config, &published, &counters, &log.notices(), phase.draining(), plan.control)
    };
    let (begun, requested, notify_end) = match opened.map(begin) {
        Some(begun) => (Some(begun.handle), Some(begun.requested), begun.notify_end),
        None => (None, None, None),
    };
    let election = election.or(begun);
    let mailboxes: Arc<[Mailbox]> = mailboxes.into();
    let pair_status = election.as_ref().map(|pair| pair.status.clone());
    let status = StatusSource::new(
        &config,
        &plan.workers,
        counters.clone(),
        statistics.clone(),
        pair_status,
        phase.clone(),
    );
    let handover = election.map(|pair| {
        let (workers, snapshot) = (mailboxes.clone(), snapshot.clone());
        Arc::new(Handover::new(&config, pair, workers, hush, snapshot, phase.clone(), log.notices()))
    });
    let desk = Arc::new(Desk { status, handover });
    Ok(Node {
        config,
        snapshot,
        counters,
        statistics,
        stats_listeners,
        mailboxes,
        threads,
        log,
        control,
        desk,
        phase,
        requested,
        notify_end,
    })
}

fn choose_driver(config: &Config) -> Result<(Driver, Option<String>), StartError> {
    let probed = || Driver::probe_io_uring(config.io.ring_entries);
    match config.io.driver {
        Wanted::Epoll => Ok((Driver::Epoll, None)),
        Wanted::IoUring => probed().map(|driver| (driver, None)).map_err(StartError::IoUring),
        Wanted::Auto => Ok(match probed() {
            Ok(driver) => (driver, None),
            Err(error) => (Driver::Epoll, Some(format!("io_uring cannot be used: {error}"))),
        }),
    }
}

/// Listening sockets of all workers.
struct Listeners(Vec<(usize, Vec<TcpListener>)>);

impl Listeners {
    /// One socket of each address, for one worker.
    fn take_one_of_each(&mut self) -> Vec<(usize, TcpListener)> {
        self.0.iter_mut().filter_map(|(index, group)| Some((*index, group.pop()?))).collect()
    }

    /// Duplicates of those that clients reach at a shared address.
    fn of_shared_addresses(&self, config: &Config) -> io::Result<Hush> {
        let Some(ha) = &config.ha else { return Ok(Hush::default()) };
        let mut sockets = Vec::new();
        for socket in self.0.iter().flat_map(|(_, group)| group) {
            if is_shared(ha, socket.local_addr()?) {
                sockets.push(socket.try_clone()?);
            }
        }
        Ok(Hush::new(sockets))
    }
}

fn bind_listeners(config: &Config, workers: usize) -> Result<Listeners, StartError> {
    let mut groups = Vec::new();
    for (index, listener) in config.listeners.iter().enumerate() {
        for &address in &listener.bind {
            let who = format!("listener \"{}\"", listener.name);
            let group = bind_patiently(address, workers).map_err(bind_error(who, address))?;
            groups.push((index, group));
        }
    }
    Ok(Listeners(groups))
}

fn bind_stats(config: &Config) -> Result<Vec<TcpListener>, StartError> {
    let mut listeners = Vec::new();
    for &address in config.stats.iter().flat_map(|stats| &stats.bind) {
        let group = bind_patiently(address, 1).map_err(bind_error("the statistics page".into(), address))?;
        listeners.extend(group);
    }
    Ok(listeners)
}

/// Waits a moment for an address that is in use: the kernel takes the io_uring of a killed process apart
/// after its end, and until then its sockets listen. Who starts torii again at once must not fail.
fn bind_patiently(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    let deadline = Instant::now() + BIND_PATIENCE;
    loop {
        match bind_group(address, count) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                std::thread::sleep(BIND_AGAIN);
            }
            outcome => return outcome,
        }
    }
}

/// The control socket. torii serves without one, and says so.
fn bind_control(config: &Config, log: &LogHandle) -> Result<Option<Bound>, StartError> {
    let Some(path) = &config.control.socket else { return Ok(None) };
    let identity = privileges::identity(&config.process)?;
    Ok(socket::bind(path, identity.as_ref())
        .inspect_err(|error| {
            let path = path.display();
            log.notice(
                Level::Warning,
                format!("`torii status` cannot reach this process at {path}: {error}"),
            );
        })
        .ok())
}

fn bind_error(who: String, address: SocketAddr) -> impl FnOnce(io::Error) -> StartError {
    move |source| StartError::Bind { who, address, source }
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
