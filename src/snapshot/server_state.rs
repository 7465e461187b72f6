//! What is known of one server right now: written by the control thread, read by every worker.
//!
//! Keyed by backend and server name, so that it survives a new snapshot.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering};
use std::time::Duration;

use super::model::Gauge;
use crate::limits;

/// State of one server, on its own cache line: `up` and `weight` are read per request.
#[derive(Debug)]
#[repr(align(64))]
pub struct ServerState {
    up: AtomicBool,
    weight: AtomicU16,
    in_flight: AtomicU32,
    in_flight_max: AtomicU32,
    limit: u32,
    queue: Gauge,
    report: Mutex<HealthReport>,
}

/// A slot that `ServerState::enter` took.
#[derive(Debug)]
pub struct Slot<'a>(&'a ServerState);

impl Slot<'_> {
    /// Leaves the leaving to the caller.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// What the statistics page shows of a server's health; never read by a worker.
#[derive(Debug, Clone, Default)]
pub struct HealthReport {
    /// `None`: this server is not checked.
    pub checked: bool,
    /// HAProxy's code: `UNK` `INI` `L4OK` `L4TOUT` `L4CON` `L7OK` `L7STS` `L7RSP` `L7TOUT` `SOCKERR`.
    pub check_status: &'static str,
    /// HTTP status of the last check that had one.
    pub check_code: Option<u16>,
    /// Duration of the last check.
    pub check_duration: Duration,
    /// A check is running now.
    pub running: bool,
    /// Reason in words, for example `Layer7 wrong status`.
    pub description: &'static str,
    /// Health counter H of the rise/fall machine, 0..=rise+fall-1.
    pub health: u32,
    /// Successes to come up.
    pub rise: u32,
    /// Failures to go down.
    pub fall: u32,
    /// Failed checks while up or going down.
    pub failed_checks: u64,
    /// Transitions from up to down.
    pub down_count: u64,
    /// UNIX milliseconds of the last change of `up`, or of the start.
    pub last_change_unix_ms: u64,
    /// Milliseconds spent down before the current state.
    pub downtime_ms: u64,
}

impl ServerState {
    /// A server that is up, as HAProxy starts one. `limit`: requests in flight, `u32::MAX` for none.
    pub fn new(weight: u16, limit: u32) -> Self {
        Self {
            up: AtomicBool::new(true),
            weight: AtomicU16::new(weight),
            in_flight: AtomicU32::new(0),
            in_flight_max: AtomicU32::new(0),
            limit,
            queue: Gauge::new(limits::QUEUE),
            report: Mutex::new(HealthReport { check_status: "UNK", ..HealthReport::default() }),
        }
    }

    /// Whether health checks let it take requests.
    pub fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// Set by the health schedule.
    pub fn set_up(&self, up: bool) {
        self.up.store(up, Ordering::Relaxed);
    }

    /// Current weight, 0..=256.
    pub fn weight(&self) -> u16 {
        self.weight.load(Ordering::Relaxed)
    }

    /// Requests at this server now, over all workers.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Most requests ever at this server at once.
    pub fn in_flight_max(&self) -> u32 {
        self.in_flight_max.load(Ordering::Relaxed)
    }

    /// Configured limit, `u32::MAX` for none.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Whether another request may be sent.
    pub fn has_room(&self) -> bool {
        self.in_flight() < self.limit
    }

    /// Takes a slot, or refuses at the limit. Every `true` is paid back by one `leave`.
    pub fn enter(&self) -> bool {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        if before >= self.limit {
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        if before >= self.in_flight_max.load(Ordering::Relaxed) {
            self.in_flight_max.fetch_max(before + 1, Ordering::Relaxed);
        }
        true
    }

    /// Has the slot of an `enter` given back when what is returned is dropped.
    pub fn taken(&self) -> Slot<'_> {
        Slot(self)
    }

    /// Gives the slot of `enter` back.
    pub fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Requests that wait for a slot at this server and no other, over all workers.
    pub fn queue(&self) -> &Gauge {
        &self.queue
    }

    /// A copy of the health report.
    pub fn report(&self) -> HealthReport {
        self.report.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// Changes the health report.
    pub fn update_report(&self, change: impl FnOnce(&mut HealthReport)) {
        change(&mut self.report.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    }
}
