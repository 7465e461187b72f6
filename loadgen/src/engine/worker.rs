//! One engine thread: its state and its loop.
//!
//! The loop: launch what is due, sleep until something happens or is due, deal with it. Due requests
//! are also launched between two events, so that a burst of answers delays none. Its other parts are
//! in `launch` (requests to connections), `receive` (bytes to answers) and `exchange` (the ends).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use rustls::ClientConfig;

use super::clock::RunClock;
use super::connection::Connection;
use super::observer::{Fate, Outcome};
use super::plan::{Load, Plan, Think};
use super::queue::Queue;
use super::reactor::Reactor;
use super::run::Shared;
use super::table::{Table, Token};
use super::tickets::Tickets;
use super::users::Users;
use crate::limits::{OPENING_AT_ONCE, READ_BYTES, TICK};
use crate::measure::{Gauges, Recorder};
use crate::request::{Jar, Persistence};
use crate::schedule::{Arrival, Arrivals, Random};

/// Events after which due requests are looked for.
const EVENTS_BETWEEN_LAUNCHES: usize = 8;

/// The longest sleep: how late a stop is noticed.
const SLEEP_MAX_NS: u64 = 50_000_000;

/// Buffers that all connections of the thread use in turn.
pub struct Scratch {
    /// What is read.
    pub read: Vec<u8>,
    /// What TLS makes of it.
    pub plain: Vec<u8>,
    /// What TLS has to write.
    pub sealed: Vec<u8>,
    /// A request with cookies.
    pub request: Vec<u8>,
}

/// One thread's engine.
pub struct Worker {
    pub(super) plan: Arc<Plan>,
    pub(super) clock: RunClock,
    pub(super) reactor: Reactor,
    pub(super) table: Table,
    pub(super) recorder: Recorder,
    pub(super) observer: Option<SyncSender<Outcome>>,
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) scratch: Scratch,
    /// Due requests that wait for a connection.
    pub(super) queue: Queue,
    /// Free connections of each endpoint, the last used last. An entry may have closed meanwhile.
    pub(super) free: Vec<Vec<Token>>,
    pub(super) connections_max: usize,
    /// Connections to each endpoint.
    pub(super) open_to: Vec<usize>,
    /// A closed loop's places, each with the time of its next request.
    pub(super) turns: BinaryHeap<Reverse<(u64, u32)>>,
    /// Places whose time has come, while enough other connections are being opened.
    pub(super) to_open: VecDeque<u32>,
    /// Connections that are being opened.
    pub(super) opening: usize,
    pub(super) opening_max: usize,
    /// The open connections of each place, one to each endpoint.
    pub(super) seats: Vec<Option<Token>>,
    pub(super) jars: Vec<Jar>,
    pub(super) users: Users,
    pub(super) persistence: Persistence,
    /// What is known of each endpoint's tickets.
    pub(super) tickets: Vec<Tickets>,
    pub(super) in_flight: u64,
    /// Connections that have more to read than one turn allows.
    pub(super) again: Vec<Token>,
    pub(super) random: Random,
    /// Requests planned so far, by this thread.
    pub(super) planned: u64,
    /// Connections opened so far: addresses and sources come in turn.
    pub(super) opened: u64,
    /// Until when requests are sent.
    pub(super) end_ns: u64,
    thread: usize,
    next: Option<Arrival>,
    arrivals: Option<Arrivals>,
    shared: Arc<Shared>,
    next_tick_ns: u64,
    expired: Vec<(Token, u64)>,
}

impl Worker {
    /// A thread's engine; to be made on that thread.
    ///
    /// # Errors
    /// No descriptors.
    pub(super) fn new(
        plan: Arc<Plan>,
        thread: usize,
        recorder: Recorder,
        tls: Option<Arc<ClientConfig>>,
        shared: Arc<Shared>,
        observer: Option<SyncSender<Outcome>>,
    ) -> io::Result<Self> {
        let connections_max = plan.share(plan.connections, thread).max(1) as usize;
        let mut arrivals = match &plan.load {
            Load::Open(schedule) => Some(schedule.arrivals(thread as u64, plan.threads as u64)),
            Load::Closed { .. } => None,
        };
        let is_closed_loop = arrivals.is_none();
        let seats = if is_closed_loop { connections_max } else { 0 };
        let users = if is_closed_loop { seats as u64 } else { plan.share(plan.users, thread).max(1) };
        let jars = plan.jar.as_ref().map_or(Vec::new(), |jar| vec![jar.clone(); users as usize]);
        Ok(Self {
            reactor: Reactor::new()?,
            table: Table::default(),
            scratch: Scratch {
                read: vec![0; READ_BYTES],
                plain: Vec::new(),
                sealed: Vec::new(),
                request: Vec::new(),
            },
            queue: Queue::new(plan.endpoints.len(), plan.share(plan.queue_max as u64, thread) as usize),
            open_to: vec![0; plan.endpoints.len()],
            to_open: VecDeque::new(),
            free: vec![Vec::new(); plan.endpoints.len()],
            turns: (0..seats as u32).map(|seat| Reverse((0, seat))).collect(),
            opening: 0,
            opening_max: (OPENING_AT_ONCE / plan.threads.max(1)).max(1),
            seats: vec![None; seats * plan.endpoints.len()],
            persistence: Persistence::new(if plan.persistence.is_some() { users as usize } else { 0 }),
            tickets: vec![Tickets::default(); plan.endpoints.len()],
            in_flight: 0,
            again: Vec::new(),
            random: Random::new(0x746f_7269_6900 + thread as u64),
            planned: 0,
            opened: thread as u64,
            end_ns: plan.load.duration_ns(),
            next: arrivals.as_mut().and_then(Iterator::next),
            next_tick_ns: TICK.as_nanos() as u64,
            expired: Vec::new(),
            connections_max,
            arrivals,
            thread,
            users: Users::new(users as u32),
            jars,
            plan,
            clock: RunClock::new(Instant::now()),
            recorder,
            observer,
            tls,
            shared,
        })
    }

    /// The run, as far as this thread has a part in it.
    ///
    /// # Errors
    /// The kernel does not let the thread wait any more.
    pub(super) fn run(mut self, clock: RunClock) -> io::Result<()> {
        self.clock = clock;
        Reactor::wake_exactly();
        self.clock.wait_for_start();
        let mut now_ns = self.clock.now_ns();
        while !self.is_over(now_ns) {
            let launched_all = self.launch_due(now_ns);
            // After everything that makes room: launches that fail, and time-outs.
            let served_all = self.serve_queue();
            let has_work = !(launched_all && served_all && self.again.is_empty());
            let timeout_ns = if has_work { 0 } else { self.sleep_ns() };
            let spins = timeout_ns == 0 && !has_work && self.plan.spin_ns > 0;
            // Read anew: what was launched before is work, not spinning.
            let spun_from_ns = if spins { RunClock::thread_cpu_ns() } else { 0 };
            let events = self.reactor.wait(timeout_ns)?;
            now_ns = self.clock.now_ns();
            if spins && events == 0 {
                self.recorder.spun(RunClock::thread_cpu_ns().saturating_sub(spun_from_ns));
            }
            now_ns = self.deal_with(events, now_ns);
            now_ns = self.read_again(now_ns);
            if now_ns >= self.next_tick_ns {
                self.tick(now_ns);
            }
            if now_ns >= self.recorder.roll_at_ns() {
                let gauges = self.gauges();
                self.recorder.roll(now_ns, gauges);
            }
        }
        self.cancel_all(now_ns);
        let gauges = self.gauges();
        self.recorder.finish(now_ns, gauges);
        Ok(())
    }

    fn deal_with(&mut self, events: usize, mut now_ns: u64) -> u64 {
        for index in 0..events {
            let ready = self.reactor.event(index);
            now_ns = self.on_ready(ready, now_ns);
            if index % EVENTS_BETWEEN_LAUNCHES == EVENTS_BETWEEN_LAUNCHES - 1 {
                self.launch_due(now_ns);
            }
        }
        now_ns
    }

    /// Nothing is left to do, or no time to do it in.
    fn is_over(&mut self, now_ns: u64) -> bool {
        if self.shared.stop.is_asked() && now_ns < self.end_ns {
            // What was not due yet is not part of the run.
            self.shared.cut_ns.fetch_max(now_ns, Ordering::Relaxed);
            self.recorder.cut(now_ns);
            self.end_ns = now_ns;
            self.next = None;
            self.arrivals = None;
            self.turns.clear();
            self.to_open.clear();
        }
        if now_ns < self.end_ns {
            return false;
        }
        let is_done = self.in_flight == 0 && self.queue.is_empty() && self.next.is_none();
        is_done
            || self.shared.stop.is_urgent()
            || now_ns >= self.end_ns.saturating_add(self.plan.timeouts.grace_ns)
    }

    /// The next planned request of an open loop, if it is due.
    pub(super) fn next_due(&mut self, now_ns: u64) -> Option<Arrival> {
        let next = self.next.filter(|next| next.planned_ns <= now_ns)?;
        self.next = self.arrivals.as_mut().and_then(Iterator::next);
        Some(next)
    }

    /// How long there is nothing to do; zero when a request is due so soon that sleeping is too coarse.
    fn sleep_ns(&self) -> u64 {
        let now_ns = self.clock.now_ns();
        let until_next = self.next.map_or(u64::MAX, |next| next.planned_ns.saturating_sub(now_ns));
        if until_next <= self.plan.spin_ns {
            return 0;
        }
        let until_turn =
            self.turns.peek().map_or(u64::MAX, |Reverse((at_ns, _))| at_ns.saturating_sub(now_ns));
        let tick_ns = if self.table.live() > 0 { self.next_tick_ns } else { u64::MAX };
        let others_ns = tick_ns.min(self.recorder.roll_at_ns()).saturating_sub(now_ns);
        let until_end = match self.end_ns.saturating_sub(now_ns) {
            0 => u64::MAX,
            left => left,
        };
        let before_spin = until_next.saturating_sub(self.plan.spin_ns);
        before_spin.min(until_turn).min(others_ns).min(until_end).min(SLEEP_MAX_NS)
    }

    /// Ends what has taken too long.
    fn tick(&mut self, now_ns: u64) {
        self.next_tick_ns = now_ns + TICK.as_nanos() as u64;
        let mut expired = std::mem::take(&mut self.expired);
        self.table.expire(now_ns, &mut expired);
        for (token, deadline_ns) in expired.drain(..) {
            self.on_deadline(token, deadline_ns);
        }
        self.expired = expired;
    }

    /// The end of the run: what is on its way is cancelled, what was never sent is told as such.
    fn cancel_all(&mut self, now_ns: u64) {
        for token in self.table.tokens() {
            if let Some(connection) = self.table.take(token) {
                self.end_of_run(token, connection, now_ns);
            }
        }
        for endpoint in 0..self.free.len() as u16 {
            while let Some(due) = self.queue.pop(endpoint) {
                self.recorder.unsent_at_end(due.planned_ns, now_ns);
                self.observe(due.planned_ns, now_ns, Fate::Unsent);
            }
        }
        while let Some(arrival) = self.next {
            // Only a thread that was kept from running for longer than the grace has any left.
            self.recorder.planned(arrival.planned_ns, now_ns);
            self.recorder.unsent_at_end(arrival.planned_ns, now_ns);
            self.observe(arrival.planned_ns, now_ns, Fate::Unsent);
            self.next = self.arrivals.as_mut().and_then(Iterator::next);
        }
    }

    fn gauges(&self) -> Gauges {
        Gauges {
            open_connections: self.table.live() as u64,
            in_flight: self.in_flight,
            queued: self.queue.len() as u64,
        }
    }

    /// Whether requests follow each other on a place of their own.
    pub(super) fn is_closed_loop(&self) -> bool {
        !self.seats.is_empty()
    }

    /// The pause before the next request of a closed loop.
    pub(super) fn think_ns(&mut self) -> u64 {
        match self.plan.load {
            Load::Closed { think: Think::None, .. } | Load::Open(_) => 0,
            Load::Closed { think, .. } => think.draw_ns(&mut self.random),
        }
    }

    /// Tells the observer, if there is one.
    pub(super) fn observe(&self, planned_ns: u64, ended_ns: u64, fate: Fate) {
        if let Some(observer) = &self.observer {
            // An observer that has stopped looking misses something; the run does not wait for it.
            let _ = observer.try_send(Outcome { planned_ns, ended_ns, fate });
        }
    }

    /// Keeps what TLS agreed on, of the first connection of the run.
    pub(super) fn note_agreed(&self, connection: &Connection) {
        if let Some(session) = &connection.tls
            && self.shared.agreed.get().is_none()
        {
            // Another thread may have been first.
            let _ = self.shared.agreed.set(session.agreed());
        }
    }

    /// Number of the thread.
    pub(super) fn thread(&self) -> usize {
        self.thread
    }
}
