//! The ha thread: one loop around the election, and nothing else runs here.
//!
//! ```text
//! wait ─▶ what was received ─▶ interface ─▶ orders ─▶ own health ─▶ timers ─▶ status ─▶ wait
//!                     each may give actions: advert, then addresses, then announcements
//! ```
//!
//! Started by `control::start`. It waits in `ppoll` for its few descriptors and the next deadline: that
//! keeps nanoseconds, where an executor's timers have milliseconds of which an advert each 10 ms has few;
//! it puts what was received before what is due, which the election relies on; and it allocates nothing
//! while it only advertises. Whatever it has to say goes through bounded queues that never make it wait.
//!
//! A panic here ends the process: an active node that no longer advertises but keeps the address would be
//! worse than none, and the guard process gives the address away (`ha::guard`).

mod act;
mod asking;
mod guarding;
mod hear;
mod obstacle;
mod orders;
mod report;

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};
use tokio::sync::oneshot;

use self::asking::Asking;
use self::obstacle::Obstacle;
use self::report::Report;
pub use self::report::first_status;
use super::asking::Answerer;
use super::bell::Doorbell;
use super::guard::Keeper;
use super::health::Health;
use super::lag::Lag;
use super::network::Network;
use super::notify::Notifier;
use super::order::{HandedOver, OrderQueue, Refusal, Requests};
use super::peers::Peers;
use super::problems::Problems;
use super::real_time;
use super::rights;
use super::status::PublishedStatus;
use super::vrrp::{Advert, Event, Expected, Machine, Peer, Settings, State};
use crate::config::model::Ha;
use crate::limits::ha_thread::{DOWN_ADVERTS, FAULT_RETRY, HEALTH_POLL, START_PATIENCE};
use crate::observe::log::{Level, NoticeWriter};

/// What the thread is given.
pub struct Outfit {
    /// `[ha]`.
    pub ha: Arc<Ha>,
    /// This node's place in `ha.nodes`.
    pub own: usize,
    /// Open for it.
    pub network: Network,
    /// Has the guard process.
    pub guard: Keeper,
    /// Orders of control.
    pub orders: OrderQueue,
    /// What other nodes ask control for.
    pub requests: Requests,
    /// Where the status goes.
    pub status: PublishedStatus,
    /// Whether this node serves.
    pub health: Health,
    /// Told of changes of state.
    pub notifier: Option<Notifier>,
    /// Torii's own messages.
    pub notices: NoticeWriter,
    /// The core to stay on.
    pub core: Option<usize>,
}

/// A thread that was started with its rights and waits for its outfit.
pub struct Starting {
    outfit: std::sync::mpsc::SyncSender<Outfit>,
    thread: JoinHandle<()>,
}

/// Starts the thread. It keeps the rights that the calling thread has now through a later change of
/// user; nothing happens until it gets its outfit, and it ends when there never is one.
///
/// # Errors
/// No thread can be started.
pub fn start() -> io::Result<Starting> {
    let (outfit, received) = std::sync::mpsc::sync_channel::<Outfit>(1);
    let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
    let thread = std::thread::Builder::new().name("torii-ha".into()).spawn(move || {
        let kept = rights::keep();
        let _ = ready.send(());
        if let Ok(outfit) = received.recv() {
            run(outfit, kept);
        }
    })?;
    // Only then may the user be changed.
    let _ = is_ready.recv();
    Ok(Starting { outfit, thread })
}

impl Starting {
    /// Gives the thread its outfit: the election begins as soon as this node accepts connections.
    pub fn begin(self, outfit: Outfit) -> JoinHandle<()> {
        // A thread that is not there any more is noticed by whoever joins it.
        let _ = self.outfit.send(outfit);
        self.thread
    }
}

/// The whole life of the thread.
fn run(outfit: Outfit, kept: io::Result<()>) {
    let life = std::panic::AssertUnwindSafe(|| {
        if let Err(error) = kept.and_then(|()| rights::raise()) {
            outfit.notices.notice(
                Level::Error,
                format!(
                    "pair: the rights to move addresses could not be kept: {error}; run torii as root with \
                     [process] user, or give it AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW"
                ),
            );
        }
        match Election::new(outfit) {
            Ok(mut election) => election.run(),
            Err((notices, error)) => {
                notices.notice(Level::Emergency, format!("pair: the election cannot start: {error}"));
            }
        }
    });
    if std::panic::catch_unwind(life).is_err() {
        std::process::abort();
    }
}

/// Everything the thread owns.
struct Election {
    ha: Arc<Ha>,
    own: usize,
    network: Network,
    guard: Keeper,
    machine: Machine,
    health: Health,
    expected: Expected,
    /// An advert of ours but for its priority.
    advert: Advert,
    peers: Peers,
    problems: Problems,
    lag: Lag,
    doorbell: Doorbell,
    report: Report,
    notifier: Option<Notifier>,
    notices: NoticeWriter,
    /// Where the answer to a hand-over under way goes.
    hand_over: Option<oneshot::Sender<Result<HandedOver, Refusal>>>,
    /// This node asks the active one for the addresses.
    asking: Option<Asking>,
    /// Who asked this node for them.
    answerer: Answerer,
    requests: Requests,
    /// Why this node cannot take part.
    hindrance: Option<String>,
    /// A shared address could not be added, and why; acted upon once the actions under way are done.
    address_refused: Option<String>,
    obstacle: Obstacle,
    /// When to look again whether it can.
    retry_at: Option<Duration>,
    /// Whether it takes part in the election at all by now.
    has_begun: bool,
    begun_waiting_at: Duration,
    health_at: Duration,
    presence_at: Duration,
    is_over: bool,
}

impl Election {
    fn new(outfit: Outfit) -> Result<Self, (NoticeWriter, io::Error)> {
        let Outfit { ha, own, network, guard, orders, requests, status, health, notifier, notices, core } =
            outfit;
        if let Some(core) = core {
            // A core that went away meanwhile costs nothing but locality.
            let _ = real_time::pin(core);
        }
        let is_real_time = real_time::begin().is_ok();
        let doorbell = match Doorbell::hang(orders) {
            Ok(doorbell) => doorbell,
            Err(error) => return Err((notices, error)),
        };
        if !is_real_time {
            notices.notice(
                Level::Warning,
                "pair: no real-time priority for the election (CAP_SYS_NICE or LimitRTPRIO=1 is missing): \
                 under full load adverts may come late; keep advert_interval at 100ms or more",
            );
        }
        rights::drop_scheduling();
        let now = now();
        let expected = network.expected();
        Ok(Self {
            machine: Machine::new(settings(&ha, own)),
            advert: advert(&ha, &expected),
            peers: Peers::new(&ha.nodes, own),
            problems: Problems::default(),
            lag: Lag::default(),
            report: Report::new(status, is_real_time),
            hand_over: None,
            asking: None,
            answerer: Answerer::default(),
            requests,
            hindrance: None,
            address_refused: None,
            obstacle: Obstacle::default(),
            retry_at: None,
            has_begun: false,
            begun_waiting_at: now,
            health_at: now,
            presence_at: now,
            is_over: false,
            ha,
            own,
            network,
            guard,
            health,
            expected,
            doorbell,
            notifier,
            notices,
        })
    }

    fn run(&mut self) {
        self.look_at_usability(now());
        self.tell_whether_guarded();
        while !self.is_over {
            let now = now();
            self.receive(now);
            self.look_at_network(now);
            self.look_at_guard(now);
            self.obey(now);
            self.look_at_health(now);
            self.keep_time();
            self.publish_when_due();
            if !self.is_over {
                self.wait();
            }
        }
    }

    /// Timers, after everything that was received.
    fn keep_time(&mut self) {
        let now = now();
        if let Some(due) = self.machine.deadline().filter(|due| *due <= now) {
            self.lag.record(due, now);
            let actions = self.machine.tick(now);
            self.act(now, actions);
        }
        self.announce(now);
        if self.presence_at <= now {
            self.presence_at = now + self.ha.advert_interval;
            self.give_sign_of_life();
        }
        self.keep_asking(now);
        let patience = self.machine.master_down_interval();
        let is_deserted = self.obstacle.is_deserted(|| self.peers.is_any_active(now, patience));
        if is_deserted || self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            self.look_at_usability(now);
        }
    }

    /// Own health is the priority.
    fn look_at_health(&mut self, now: Duration) {
        if self.health_at > now {
            return;
        }
        self.health_at = now + HEALTH_POLL.min(self.ha.advert_interval);
        let has_changed = self.health.poll(now);
        let base = self.ha.nodes[self.own].priority;
        let priority = self.health.priority(base, self.ha.serving_weight);
        if has_changed {
            self.report.make_due();
            self.tell_health(priority);
        }
        if priority != self.machine.priority() {
            self.handle(now, Event::Priority(priority));
        }
        let is_patience_over = now.saturating_sub(self.begun_waiting_at) >= START_PATIENCE;
        if !self.has_begun && (self.health.accepts() || is_patience_over) {
            self.has_begun = true;
            self.handle(now, Event::Start);
        }
    }

    /// Changes of interface and addresses, as the kernel tells them.
    fn look_at_network(&mut self, now: Duration) {
        let changes = self.network.changes();
        if changes.usability {
            self.look_at_usability(now);
        }
        if let Some(address) = changes.address_lost {
            self.tell(
                now,
                "address_removed",
                None,
                || format!("somebody removed the shared address {address} from this node"),
                "find out who does (ip monitor address); nothing but torii should manage it",
            );
            self.handle(now, Event::AddressLost);
        }
    }

    fn look_at_usability(&mut self, now: Duration) {
        let hindrance = match self.network.hindrance() {
            Some(reason) => {
                self.obstacle.end_wait();
                Some(reason)
            }
            None => {
                let is_anybody_active = self.peers.is_any_active(now, self.machine.master_down_interval());
                self.obstacle.hindrance(now, self.network.link(), is_anybody_active)
            }
        };
        let next_look = self.obstacle.deadline().map_or(now + FAULT_RETRY, |at| at.min(now + FAULT_RETRY));
        self.retry_at = hindrance.is_some().then_some(next_look);
        if hindrance == self.hindrance {
            return;
        }
        self.report.make_due();
        // The change of state is told by itself, with the reason; here only another reason in the same state.
        if let (Some(reason), State::Fault) = (&hindrance, self.machine.state()) {
            self.notices.notice(Level::Alert, format!("pair: this node still cannot take part: {reason}"));
        }
        self.hindrance = hindrance;
        self.handle(now, Event::Fault(self.hindrance.is_some()));
    }

    /// Gives the machine one event and does what it says.
    fn handle(&mut self, now: Duration, event: Event<'_>) {
        let actions = self.machine.handle(now, event);
        self.act(now, actions);
    }

    /// Until something comes in or something is due.
    fn wait(&self) {
        let others = [Some(self.health_at), Some(self.presence_at), self.retry_at, self.report.deadline()];
        let first = [self.machine.deadline(), self.network.deadline(), self.asking_deadline()];
        let deadlines = first.into_iter().chain(others);
        let limit = deadlines.flatten().min().unwrap_or_default().saturating_sub(now());
        let (watch, channel) = self.network.descriptors();
        let descriptors = [Some(watch), Some(self.doorbell.as_fd()), channel];
        let mut descriptors: [PollFd<'_>; 3] = descriptors
            .map(|descriptor| PollFd::new(descriptor.unwrap_or(self.doorbell.as_fd()), PollFlags::POLLIN));
        // An error is a signal: the loop looks at everything anyway.
        let _ = ppoll(&mut descriptors, Some(TimeSpec::from(limit)), None);
    }
}

/// Monotonic, and going on while the machine is suspended: a pause is then seen for what it was.
fn now() -> Duration {
    let clock = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("Linux has this clock since 2.6.39");
    Duration::from(clock)
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// What the election has to know of the configuration.
fn settings(ha: &Ha, own: usize) -> Settings {
    let others = ha.nodes.iter().enumerate().filter(|&(index, _)| index != own);
    let peer = |node: &crate::config::model::HaNode| Peer {
        address: node.address,
        priority_max: node.priority.saturating_add(ha.serving_weight),
    };
    Settings {
        version: ha.version,
        virtual_router_id: ha.virtual_router_id,
        base_priority: ha.nodes[own].priority,
        priority_max: ha.nodes[own].priority.saturating_add(ha.serving_weight),
        interval: ha.advert_interval,
        preempt: ha.preempt,
        preempt_delay: ha.preempt_delay,
        down_adverts: DOWN_ADVERTS,
        own_address: ha.nodes[own].address,
        peers: others.map(|(_, node)| peer(node)).collect(),
        takeover: ha.takeover,
    }
}

fn advert(ha: &Ha, expected: &Expected) -> Advert {
    Advert {
        version: ha.version,
        virtual_router_id: ha.virtual_router_id,
        priority: 0,
        interval: ha.advert_interval,
        password: expected.password,
        addresses: expected.addresses,
    }
}

#[cfg(test)]
mod tests;
