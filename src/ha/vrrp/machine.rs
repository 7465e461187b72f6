//! The state machine of one node: events and the time go in, actions and the next deadline come out.
//!
//! Driven by the ha thread, which does the actions in order. No clock, no socket, no randomness: the same
//! events at the same times give the same actions. RFC 3768 and RFC 9568, section 6 of both; where it
//! does more than they ask, the type says so.

mod adverts;
mod orders;
mod transitions;

use std::net::IpAddr;
use std::time::Duration;

use super::settings::PRIORITY_OWNER;
use super::{Actions, Cause, Event, Settings, State, Time, master_down_interval, skew_time};
use crate::limits::ha::PRIORITY_MAX;

/// One node of a virtual router.
///
/// ```text
///                 Start, priority 255
///        ┌──────────────────────────────────────────────┐
///        │            nobody heard for the down interval, or priority 0 heard, or TakeBack
///  ┌─────┴─┐ Start   ┌────────┐ ─────────────────────────────────────────▶ ┌────────┐
///  │ INIT  │ ──────▶ │ BACKUP │                                            │ MASTER │ ◀┐ adverts at
///  └───────┘         └────────┘ ◀───────────────────────────────────────── └────────┘ ─┘ each interval
///      ▲              ▲  ▲   ▲     a better advert (priority, then address)   │    ▲
///      │ Shutdown     │  │   │                          own priority fell, or │    │ nobody better
///      │ (any state)  │  │   │ the successor advertises             HandOver │    │ advertises
///      │        Fault │  │   │                                               ▼    │
///  (addresses         │  │   └──────────────────────────────────────── ┌───────────┐
///   removed,          │  │                                             │ RESIGNING │ priority 0 sent,
///   priority 0)       ▼  │ Fault over                                  └───────────┘ addresses kept
///                   ┌───────┐  Fault (priority 0, addresses removed)          │
///                   │ FAULT │ ◀───────────────────────── MASTER, RESIGNING ───┘
///                   └───────┘
/// ```
///
/// Beyond the RFC:
///
/// * **Resigning.** When the own priority falls below what another node has or can have, or the operator
///   asks, the active node sends priority 0 three times, and again at each interval, and keeps the
///   addresses until a successor advertises, so that no moment is without them. After a fall, a
///   successor that is no better is overruled at once. If nobody comes within the down interval, or the
///   others give up too, the node is active again.
/// * **Not serving.** An active node that does not serve resigns also when a better standby says later
///   that it does, `preempt` or not, and has said so for `preempt_delay`. The next offer is made only some
///   down intervals later, whoever was active meanwhile.
/// * **Priority 0 heard.** With [`Takeover::Immediate`](super::Takeover) the best of the remaining
///   configured nodes takes over at once, the others wait their skew time. It counts only from the
///   node that was followed. For half an interval, adverts with the priority that it had before are
///   ignored: they were overtaken on their way.
/// * **Standing still.** An active node that has not advertised for so long that a standby may have
///   taken over (stopped process, migrated host) does not advertise first. It listens for one interval
///   and yields to whomever a standby would follow; then it goes on. Likewise a standby whose timer
///   expires late by more than an interval was not there to hear: it listens once more for an interval
///   and its skew.
/// * **Handed over.** After a hand-over the node follows anybody until `TakeBack`, or until the active
///   node is gone. Where a standby can say so, nobody resigns in its favour. When the active node gives up
///   while a third one may take over, that one has the precedence: the down interval runs on. After
///   `StepAside` nothing of this holds: the order was another node's, to become active itself.
/// * **Answers are spaced**: adverts that others provoke go out at most four times an interval.
/// * **A lost address** is put back at once. If it is lost again within the down interval, somebody
///   insists: the node gives up, and comes back after its skew time if nobody else is there, as
///   keepalived does.
#[derive(Debug, Clone)]
pub struct Machine {
    settings: Settings,
    state: State,
    since: Time,
    /// The latest time seen: a clock that goes back stands still here.
    now: Time,
    /// Our effective priority.
    priority: u8,
    /// Whether `Fault` holds, also outside of state FAULT.
    is_faulty: bool,
    /// Whether the operator gave the addresses away.
    handed_over: bool,
    /// Whether it asks the active node to hand them over to this one now.
    asks_back: bool,
    /// MASTER, RESIGNING: next advert. BACKUP: master down. `None` in other states.
    timer: Option<Time>,
    /// MASTER: our last advert.
    last_sent: Time,
    /// MASTER: the next advert is followed by an announcement.
    announce_owed: bool,
    /// MASTER: was standing still, and hears the others first.
    is_listening: bool,
    /// MASTER: when a lost address was last put back.
    restored: Option<Time>,
    /// RESIGNING: because of `HandOver` or `StepAside`.
    by_order: bool,
    /// RESIGNING by order: because of `HandOver`, which is remembered.
    is_remembered: bool,
    /// A standby was offered the addresses; when the next may be.
    next_offer: Option<Time>,
    /// RESIGNING: how long a successor is waited for.
    resigning_until: Time,
    /// BACKUP: interval of the active node; learned in version 3.
    master_interval: Duration,
    /// BACKUP: whom we follow, and its priority.
    followed: Option<(IpAddr, u8)>,
    /// BACKUP: what the end of the timer means.
    expiry: Cause,
    /// BACKUP: from when on a lower priority is preempted.
    preempt_at: Option<Time>,
    /// BACKUP, RESIGNING: the timer has already been extended for being late.
    was_late: bool,
    resigned: Option<Resigned>,
    /// The last word of each configured peer.
    words: Vec<Option<Word>>,
    heard: Option<Heard>,
}

/// Who gave up last.
#[derive(Debug, Clone, Copy)]
struct Resigned {
    from: IpAddr,
    /// What it had before; not 0. `None`: it was not heard before, so that anything may be on its way.
    priority: Option<u8>,
    /// Until when adverts from before may still arrive.
    until: Time,
}

/// What a peer said of itself last.
#[derive(Debug, Clone, Copy)]
struct Word {
    at: Time,
    priority: u8,
    /// Its operator gave the addresses away: it is nobody to resign for.
    is_handed_over: bool,
    /// MASTER, not serving: since when it serves better than we do.
    better_since: Option<Time>,
}

/// The last advert heard, whoever sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// When.
    pub at: Time,
    /// Its sender.
    pub from: IpAddr,
    /// Its priority; 0: it gave up.
    pub priority: u8,
    /// Its interval.
    pub interval: Duration,
}

impl Machine {
    /// A node in INIT, with its base priority.
    pub fn new(settings: Settings) -> Self {
        Self {
            state: State::Init,
            since: Time::ZERO,
            now: Time::ZERO,
            priority: settings.base_priority,
            is_faulty: false,
            handed_over: false,
            asks_back: false,
            timer: None,
            last_sent: Time::ZERO,
            announce_owed: false,
            is_listening: false,
            restored: None,
            by_order: false,
            is_remembered: false,
            next_offer: None,
            resigning_until: Time::ZERO,
            master_interval: settings.interval,
            followed: None,
            expiry: Cause::MasterSilent,
            preempt_at: None,
            was_late: false,
            resigned: None,
            words: vec![None; settings.peers.len()],
            heard: None,
            settings,
        }
    }

    /// Takes one event. Everything received is to be handed in before `tick` at the same time.
    pub fn handle(&mut self, now: Time, event: Event<'_>) -> Actions {
        let mut out = Actions::default();
        self.turn_clock(now);
        self.notice_standstill();
        match event {
            Event::Start => self.start(&mut out),
            Event::Advert { advert, from } => self.hear(advert, from, &mut out),
            Event::Presence { from, priority, serves, is_handed_over } => {
                let word = Word { at: self.now, priority, is_handed_over, better_since: None };
                self.hear_standby(from, word, serves, &mut out);
            }
            Event::Priority(priority) => self.change_priority(priority, &mut out),
            Event::Fault(is_faulty) => self.change_fault(is_faulty, &mut out),
            Event::HandOver => self.hand_over(true, Cause::HandOver, &mut out),
            Event::StepAside { by } => self.hand_over(false, Cause::AskedFor { by }, &mut out),
            Event::AskBack(asks) => self.asks_back = asks,
            Event::TakeBack => self.take_back(&mut out),
            Event::Shutdown => self.shut_down(&mut out),
            Event::AddressLost => self.restore_address(&mut out),
        }
        out
    }

    /// Does what is due. To be called at [`Machine::deadline`]; a call before it does nothing.
    pub fn tick(&mut self, now: Time) -> Actions {
        let mut out = Actions::default();
        self.turn_clock(now);
        self.notice_standstill();
        let Some(due) = self.timer.filter(|due| *due <= self.now) else { return out };
        match self.state {
            State::Master => self.advertise_on_time(due, &mut out),
            State::Backup | State::Resigning if self.is_too_late(due) => self.extend_wait(),
            State::Backup => self.become_master(self.expiry, &mut out),
            State::Resigning if self.now < self.resigning_until => self.resign_again(&mut out),
            State::Resigning => self.become_master(Cause::NobodyTookOver, &mut out),
            State::Init | State::Fault => {}
        }
        out
    }

    /// When `tick` is wanted next; `None`: only events matter.
    pub const fn deadline(&self) -> Option<Time> {
        self.timer
    }

    /// What the node is.
    pub const fn state(&self) -> State {
        self.state
    }

    /// When it became that.
    pub const fn since(&self) -> Time {
        self.since
    }

    /// Our effective priority.
    pub const fn priority(&self) -> u8 {
        self.priority
    }

    /// Whether the shared addresses are to be here.
    pub const fn holds_addresses(&self) -> bool {
        matches!(self.state, State::Master | State::Resigning)
    }

    /// Whether the operator gave the addresses away and has not taken them back.
    pub const fn is_handed_over(&self) -> bool {
        self.handed_over
    }

    /// The last advert heard, whoever sent it.
    pub const fn heard(&self) -> Option<Heard> {
        self.heard
    }

    /// BACKUP: the active node that we follow, and its priority.
    pub const fn followed(&self) -> Option<(IpAddr, u8)> {
        self.followed
    }

    /// What it was made with.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How long the active node may be silent before this one takes over, with the interval in use now.
    pub fn master_down_interval(&self) -> Duration {
        let Settings { version, down_adverts, .. } = self.settings;
        master_down_interval(version, self.priority, self.master_interval, down_adverts)
    }

    fn skew_time(&self) -> Duration {
        skew_time(self.settings.version, self.priority, self.master_interval)
    }

    fn turn_clock(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// An active node whose last advert is so old that the next silent interval would end the patience of
    /// the quickest standby hears the others first.
    fn notice_standstill(&mut self) {
        if self.state != State::Master || self.is_listening {
            return;
        }
        let Settings { version, interval, down_adverts, .. } = self.settings;
        let patience = master_down_interval(version, self.priority, interval, down_adverts);
        if self.now.saturating_sub(self.last_sent) > patience.saturating_sub(interval) {
            self.is_listening = true;
            self.timer = Some(self.now + interval);
        }
    }

    /// Whether the end of a wait for somebody's advert does not mean that there was none: a node that is
    /// late by more than an interval was not there to hear it.
    fn is_too_late(&self, due: Time) -> bool {
        !self.was_late && self.now - due > self.master_interval
    }

    /// Waits some more, once.
    fn extend_wait(&mut self) {
        self.was_late = true;
        self.resigning_until = self.now + self.master_interval + self.skew_time();
        self.timer = Some(self.resigning_until);
    }

    /// Remembers what a configured peer has said last.
    fn note_word(&mut self, from: IpAddr, said: Word) {
        let peers = self.settings.peers.iter();
        for (word, _) in self.words.iter_mut().zip(peers).filter(|(_, peer)| peer.address == from) {
            *word = Some(said);
        }
    }

    /// The last word of a configured peer, if there was one.
    fn last_word(&self, of: IpAddr) -> Option<Word> {
        let mut peers = self.settings.peers.iter().zip(&self.words);
        let (_, word) = peers.find(|(peer, _)| peer.address == of)?;
        *word
    }

    /// Whether a word is no older than the silence of an active node may be.
    fn is_fresh(&self, word: &Word) -> bool {
        self.now.saturating_sub(word.at) <= self.master_down_interval()
    }

    /// The highest priority, with its address, that a configured node other than `without` has, as far as
    /// its word is fresh, or else can have. One that was handed over by its operator does not count.
    fn best_peer(&self, without: Option<IpAddr>) -> Option<(u8, IpAddr)> {
        let peers = self.settings.peers.iter().zip(&self.words);
        let others = peers.filter(|(peer, _)| Some(peer.address) != without);
        let priorities = others.filter_map(|(peer, word)| match word.filter(|word| self.is_fresh(word)) {
            Some(word) => (!word.is_handed_over).then_some((word.priority, peer.address)),
            None => Some((peer.priority_max, peer.address)),
        });
        priorities.max()
    }

    /// Whether health decides our priority; the owner's never changes.
    const fn is_owner(&self) -> bool {
        self.settings.base_priority == PRIORITY_OWNER
    }

    /// Whether our health takes something from our priority.
    fn lacks_health(&self) -> bool {
        !self.is_owner() && self.priority < Self::clamped(self.settings.priority_max)
    }

    /// Our place in the order of active nodes.
    const fn rank(&self) -> (u8, IpAddr) {
        (self.priority, self.settings.own_address)
    }

    /// A priority that health may give.
    fn clamped(priority: u8) -> u8 {
        priority.clamp(1, PRIORITY_MAX)
    }
}
