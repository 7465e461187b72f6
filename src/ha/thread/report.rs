//! What the thread tells of itself: counts, transitions, and the status that is published.

use std::collections::VecDeque;
use std::time::Duration;

use super::act::pair_state;
use super::{Election, now, unix_ms};
use crate::config::model::{Ha, Transport};
use crate::ha::health::{Health, Reason};
use crate::ha::peers::View;
use crate::ha::status::{
    AdvertCounts, DiscardCount, Guard, PairState, PairStatus, PublishedStatus, TRANSITIONS_KEPT, TimerLag,
    Transition,
};
use crate::ha::transport::unseal::Refusal;
use crate::ha::vrrp::{Discard, State};
use crate::limits::ha_thread::{STATUS_PERIOD, STATUS_SPACING};
use crate::observe::log::Level;

/// Counts and memory that only a status shows.
pub(super) struct Report {
    published: PublishedStatus,
    is_real_time: bool,
    sent: u64,
    send_errors: u64,
    received: u64,
    discarded: [u64; Discard::COUNT],
    refused: [u64; Refusal::NAMES.len()],
    transitions: VecDeque<Transition>,
    state: PairState,
    since: Option<Duration>,
    since_unix_ms: u64,
    published_at: Option<Duration>,
    due_at: Duration,
}

impl Report {
    pub(super) fn new(published: PublishedStatus, is_real_time: bool) -> Self {
        Self {
            published,
            is_real_time,
            sent: 0,
            send_errors: 0,
            received: 0,
            discarded: [0; Discard::COUNT],
            refused: [0; Refusal::NAMES.len()],
            transitions: VecDeque::with_capacity(TRANSITIONS_KEPT),
            state: PairState::Starting,
            since: None,
            since_unix_ms: unix_ms(),
            published_at: None,
            due_at: Duration::ZERO,
        }
    }

    /// One advert, to everybody it is for.
    pub(super) fn sent(&mut self, is_complete: bool) {
        self.sent += 1;
        self.send_errors += u64::from(!is_complete);
    }

    pub(super) fn received(&mut self) {
        self.received += 1;
    }

    /// By `Discard::index`.
    pub(super) fn discarded(&mut self, reason: usize) {
        self.discarded[reason] += 1;
    }

    /// By `Refusal::index`.
    pub(super) fn refused(&mut self, reason: usize) {
        self.refused[reason] += 1;
    }

    /// Something worth showing has happened.
    pub(super) fn make_due(&mut self) {
        self.due_at = self.published_at.map_or(Duration::ZERO, |at| at + STATUS_SPACING);
    }

    /// When the next status is to be published.
    pub(super) fn deadline(&self) -> Option<Duration> {
        Some(self.due_at)
    }

    /// Notes a transition. Returns what was before and for how long, in words.
    pub(super) fn enter(
        &mut self,
        now: Duration,
        unix_ms: u64,
        to: PairState,
        cause: &str,
    ) -> Option<(PairState, String)> {
        let from = self.state;
        let before = self.since.map(|since| (from, length(now.saturating_sub(since))));
        if self.transitions.len() == TRANSITIONS_KEPT {
            self.transitions.pop_front();
        }
        self.transitions.push_back(Transition { unix_ms, from, to, cause: cause.to_owned() });
        (self.state, self.since, self.since_unix_ms) = (to, Some(now), unix_ms);
        // At once, whatever was published last: somebody may wait for it.
        self.due_at = Duration::ZERO;
        before
    }

    fn counts(&self) -> AdvertCounts {
        let discarded = Discard::NAMES.iter().zip(self.discarded);
        let refused = Refusal::NAMES.iter().zip(self.refused);
        let discarded = discarded.chain(refused).filter(|(_, count)| *count > 0);
        AdvertCounts {
            sent: self.sent,
            send_errors: self.send_errors,
            received: self.received,
            discarded: discarded
                .map(|(name, count)| DiscardCount { reason: name.replace('_', " "), count })
                .collect(),
        }
    }
}

impl Election {
    /// Publishes the status when it is due: at a transition, soon after other news, and now and then.
    pub(super) fn publish_when_due(&mut self) {
        let now = now();
        if self.report.due_at <= now {
            self.publish(now);
        }
    }

    /// Publishes it.
    pub(super) fn publish(&mut self, now: Duration) {
        let status = self.status(now);
        self.report.published.publish(status);
        self.report.published_at = Some(now);
        self.report.due_at = now + STATUS_PERIOD;
    }

    /// The status as of now.
    pub(super) fn status(&mut self, now: Duration) -> PairStatus {
        let own = &self.ha.nodes[self.own];
        let view = View {
            now,
            interval: self.ha.advert_interval,
            master_down: self.machine.master_down_interval(),
            has_presence: matches!(self.ha.transport, Transport::Udp { .. }),
            is_active: self.machine.state() == State::Master,
        };
        PairStatus {
            addresses_held: self.network.holds_addresses(),
            state: pair_state(self.machine.state()),
            since_unix_ms: self.report.since_unix_ms,
            handed_over: self.machine.is_handed_over(),
            priority: self.machine.priority(),
            sum: self.health.sum(own.priority, self.ha.serving_weight),
            serving: self.health.serves(),
            peers: self.peers.status(view),
            transitions: self.report.transitions.iter().cloned().collect(),
            timer_lag: self.lag.summary(),
            real_time: self.report.is_real_time,
            adverts: self.report.counts(),
            problems: self.problems.current(now),
            guard: self.guard.status(),
            ..first_status(&self.ha, self.own, &mut self.health)
        }
    }

    /// Says why the priority is what it is now.
    pub(super) fn tell_health(&mut self, priority: u8) {
        let (level, text) = if self.health.serves() {
            (Level::Notice, format!("pair: this node serves, its priority is {priority}"))
        } else if self.health.reasons().contains(&Reason::Draining) {
            // It closes its listeners on purpose, so nothing else is worth saying.
            (Level::Notice, format!("pair: this node drains, its priority is {priority}"))
        } else if !self.has_begun {
            // Nothing accepts before the workers are up.
            return;
        } else {
            let reasons = self.health.words().join("; ");
            (Level::Alert, format!("pair: this node does not serve, its priority is {priority}: {reasons}"))
        };
        self.notices.notice(level, text);
    }
}

/// What is known of node `own` before it takes part.
pub fn first_status(ha: &Ha, own: usize, health: &mut Health) -> PairStatus {
    let node = &ha.nodes[own];
    PairStatus {
        node: node.name.clone(),
        address: node.address,
        interface: ha.interface.clone(),
        virtual_router_id: ha.virtual_router_id,
        version: ha.version.number(),
        transport: match ha.transport {
            Transport::Unicast => "unicast",
            Transport::Multicast => "multicast",
            Transport::Udp { .. } => "udp",
        }
        .into(),
        interval_ms: u32::try_from(ha.advert_interval.as_millis()).unwrap_or(u32::MAX),
        addresses: ha.addresses.iter().map(ToString::to_string).collect(),
        addresses_held: false,
        state: PairState::Starting,
        since_unix_ms: unix_ms(),
        handed_over: false,
        priority: node.priority,
        sum: health.sum(node.priority, ha.serving_weight),
        serving: false,
        peers: Vec::new(),
        transitions: Vec::new(),
        timer_lag: TimerLag::default(),
        real_time: false,
        adverts: AdvertCounts::default(),
        problems: Vec::new(),
        guard: Guard::None("not started".into()),
        published_unix_ms: unix_ms(),
    }
}

/// A time as a person says it.
fn length(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.3} s", time.as_secs_f64()),
        seconds @ 10..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}
