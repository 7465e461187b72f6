//! A worker's thread: made by control, pinned, running until it is told to end.

use std::io;
use std::net::TcpListener as StdListener;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::{Builder, JoinHandle};

use super::accept;
use super::mailbox::{Command, Inbox};
use super::worker::Worker;
use crate::http::head::HeadLimits;
use crate::limits::DEADLINE_TICK;
use crate::net::Pool;
use crate::net::driver::{Driver, sleep, spawn as spawn_task};
use crate::net::listener::Listener;
use crate::net::wake::Listening;
use crate::observe::counters::WorkerCounters;
use crate::observe::ring::RecordWriter;
use crate::snapshot::publish::Published;

/// Ticks between two looks at idle server connections (a second).
const TICKS_PER_SWEEP: u64 = 20;

/// Ticks between two returns of unused memory (ten seconds).
const TICKS_PER_SHRINK: u64 = 200;

/// Everything a worker is made of.
pub struct WorkerSpec {
    /// Number of the worker, from 0.
    pub index: usize,
    /// Core to pin to; `None` lets it float.
    pub core: Option<usize>,
    /// Kernel interface, probed.
    pub driver: Driver,
    /// Submission queue entries.
    pub ring_entries: u32,
    /// Bytes of a lease.
    pub buffer_size: usize,
    /// Leases at most.
    pub buffers: usize,
    /// Bounds of a head.
    pub head_limits: HeadLimits,
    /// Listening sockets with their listener's index.
    pub listeners: Vec<(usize, StdListener)>,
    /// Where snapshots come from.
    pub published: Published,
    /// Where counts go.
    pub counters: Arc<WorkerCounters>,
    /// Where records go; `None` when nobody wants them.
    pub log: Option<RecordWriter>,
    /// Where commands come from.
    pub inbox: Inbox,
}

/// Starts the thread.
///
/// # Errors
/// No thread could be made. What fails inside the thread is its result.
pub fn spawn(spec: WorkerSpec) -> io::Result<JoinHandle<io::Result<()>>> {
    let name = ["torii-worker-", itoa::Buffer::new().format(spec.index)].concat();
    Builder::new().name(name).spawn(move || {
        if let Some(core) = spec.core {
            // A core that went away between planning and now costs locality, not correctness.
            core_affinity::set_for_current(core_affinity::CoreId { id: core });
        }
        let (driver, entries) = (spec.driver, spec.ring_entries);
        driver.run(entries, || run(spec))?
    })
}

async fn run(spec: WorkerSpec) -> io::Result<()> {
    let nonblocking = spec.driver.wants_nonblocking();
    let worker = Rc::new(Worker::new(
        spec.index,
        Pool::new(spec.buffers, spec.buffer_size)?,
        spec.head_limits,
        spec.counters,
        spec.log,
        spec.published.view(),
    ));
    let mut listeners = Vec::new();
    for (index, socket) in spec.listeners {
        let listener = Rc::new(Listener::adopt(socket, nonblocking)?);
        spawn_task(accept::run(worker.clone(), listener.clone(), index));
        listeners.push(listener);
    }
    let ear = spec.inbox.ear.listen(nonblocking)?;
    spawn_task(obey(worker.clone(), listeners, ear, spec.inbox.queue));
    keep_time(&worker).await;
    worker.upstreams.clear();
    Ok(())
}

/// Does what control says, until control is gone.
async fn obey(
    worker: Rc<Worker>,
    listeners: Vec<Rc<Listener>>,
    mut ear: Listening,
    queue: Receiver<Command>,
) {
    while ear.heard().await {
        for command in queue.try_iter() {
            match command {
                Command::Drain => {
                    worker.draining.set(true);
                    worker.keeps_clients.set(false);
                    listeners.iter().for_each(|listener| listener.finish());
                    worker.deadlines.expire_idle();
                }
                Command::Stop => worker.stopping.set(true),
                Command::Soften => {
                    worker.keeps_clients.set(false);
                    worker.deadlines.expire_idle();
                }
                Command::Resume => worker.keeps_clients.set(!worker.draining.get()),
            }
        }
    }
}

/// The worker's heartbeat: deadlines, clocks, gauges, idle connections. Ends when a drain is done.
async fn keep_time(worker: &Worker) {
    let mut ticks = 0u64;
    loop {
        sleep(DEADLINE_TICK).await;
        ticks += 1;
        let now_ms = worker.clock.tick();
        worker.counters.heartbeat.beat(now_ms);
        worker.queues.tick(now_ms, &worker.snapshot());
        let counters = &worker.counters.worker;
        counters.timeouts.add(worker.deadlines.expire(now_ms) as u64);
        counters.leases_in_use.set(worker.pool.in_use() as u64);
        if ticks.is_multiple_of(TICKS_PER_SWEEP) {
            worker.upstreams.sweep(worker);
        }
        if ticks.is_multiple_of(TICKS_PER_SHRINK) {
            worker.pool.shrink();
            worker.session_memory.shrink();
        }
        if !worker.keeps_clients.get() {
            // A connection may have become idle after the command.
            worker.deadlines.expire_idle();
        }
        if worker.draining.get() {
            if worker.stopping.get() {
                worker.deadlines.expire_all();
            }
            if worker.connections.get() == 0 && worker.accepting.get() == 0 {
                return;
            }
        }
    }
}
