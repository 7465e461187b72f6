//! What comes in: adverts and signs of life become events, everything odd about them becomes a problem
//! with a remedy.

use std::net::IpAddr;
use std::time::Duration;

use super::{Election, unix_ms};
use crate::ha::problems::Kind;
use crate::ha::socket::Unreached;
use crate::ha::transport::Incoming;
use crate::ha::transport::presence::Role;
use crate::ha::transport::unseal::Refusal;
use crate::ha::vrrp::{Checksum, Discard, Event, Received, State, Sum, Version};
use crate::limits::ha_thread::PACKETS_PER_TURN;
use crate::observe::log::Level;

impl Election {
    /// Takes what has arrived, `PACKETS_PER_TURN` at most: a flood must not keep the timers waiting.
    pub(super) fn receive(&mut self, now: Duration) {
        for _ in 0..PACKETS_PER_TURN {
            let Some(channel) = self.network.channel() else { return };
            match channel.receive(&self.expected, now) {
                Ok(Some(incoming)) => self.take(now, incoming),
                Ok(None) => break,
                // The watch tells the rest: the interface is going.
                Err(_) => return self.look_at_usability(now),
            }
        }
        self.hear_complaints(now);
    }

    fn take(&mut self, now: Duration, incoming: Incoming) {
        match incoming {
            Incoming::Advert(received) => self.hear(now, &received),
            Incoming::Presence { from, presence } => {
                self.peers.present(now, from, presence);
                // Nobody resigns in favour of a node that cannot take over.
                let is_standby = presence.role == Role::Standby;
                let priority = if is_standby { presence.priority } else { 0 };
                let serves = is_standby && presence.serving;
                let is_handed_over = presence.is_handed_over;
                self.handle(now, Event::Presence { from, priority, serves, is_handed_over });
            }
            Incoming::Dialogue { from, said } => self.hear_word(now, from, said),
            Incoming::Discarded { from, why } => self.discard(now, from, &why),
            Incoming::Refused { from, why } => self.refuse(now, from, &why),
        }
    }

    fn hear(&mut self, now: Duration, received: &Received) {
        let from = received.from;
        let was_active = self.machine.state() == State::Master;
        self.report.received();
        self.peers.advertised(now, from, received.advert.priority);
        self.handle(now, Event::Advert { advert: &received.advert, from });
        if was_active && self.machine.state() == State::Master && received.advert.priority > 0 {
            self.suspect_two_active(now, from);
        }
        self.look_at_differences(now, received);
    }

    /// Two nodes advertise for a moment at each take-over; it is wrong when it does not end.
    fn suspect_two_active(&mut self, now: Duration, from: IpAddr) {
        if now.saturating_sub(self.machine.since()) <= self.machine.master_down_interval() {
            return;
        }
        let name = self.peers.name(from);
        self.tell(
            now,
            "two_active",
            None,
            || format!("two active nodes: {name} advertises too, though this node does"),
            "that node does not hear this one or does not heed it: look at its log, at the firewall between \
             the nodes in both directions, and at version, auth_pass and advert_interval on both",
        );
    }

    /// What an advert that is heeded says otherwise than our file.
    fn look_at_differences(&mut self, now: Duration, received: &Received) {
        let name = || self.peers.name(received.from);
        let advert = &received.advert;
        if received.interval_differs {
            let (name, theirs, ours) = (name(), advert.interval, self.ha.advert_interval);
            self.tell(
                now,
                "interval",
                Some(received.from),
                || format!("{name} advertises each {theirs:?}, this file says {ours:?}"),
                "give both nodes the same advert_interval (keepalived: advert_int)",
            );
        }
        if received.addresses_differ {
            let name = self.peers.name(received.from);
            self.tell(
                now,
                "addresses",
                Some(received.from),
                || format!("{name} advertises other shared addresses than this file has"),
                "give both nodes the same ha.addresses (keepalived: virtual_ipaddress); keepalived up to 2.3.2 \
                 ignores adverts that differ, and then both are active",
            );
        }
        let is_four = self.expected.own_address.is_ipv4() && self.ha.version == Version::V3;
        let theirs = if received.sum == Sum::Message { Checksum::Rfc9568 } else { Checksum::PseudoHeader };
        let is_raw = self.network.channel().is_some_and(|channel| !channel.carries_presence());
        if is_four && is_raw && theirs != self.ha.checksum {
            let name = self.peers.name(received.from);
            self.tell(
                now,
                "checksum",
                Some(received.from),
                || format!("{name} sends the other kind of checksum that VRRP version 3 has over IPv4"),
                "give both nodes the same checksum (\"rfc9568\" is keepalived's v3_checksum_as_v2): this node \
                 takes both, the other may not",
            );
        }
    }

    fn discard(&mut self, now: Duration, from: IpAddr, why: &Discard) {
        self.report.discarded(why.index());
        let is_node = self.peers.contains(from);
        // Other pairs on the network are everyday life.
        if matches!(why, Discard::OtherRouter { .. }) && !is_node {
            return;
        }
        let sender = match why {
            Discard::Stranger { .. } | Discard::OwnAddress => String::new(),
            _ => format!(" from {}", self.peers.name(from)),
        };
        let then = if why.means_two_masters() && is_node { ": both nodes may be active" } else { "" };
        let node = is_node.then_some(from);
        self.tell(now, why.name(), node, || format!("ignored {why}{sender}{then}"), why.advice());
    }

    fn refuse(&mut self, now: Duration, from: IpAddr, why: &Refusal) {
        self.report.refused(why.index());
        let node = self.peers.contains(from).then_some(from);
        let name = self.peers.name(from);
        let what = why.name().replace('_', " ");
        self.tell(now, why.name(), node, || format!("ignored a message from {name}: {what}"), why.advice());
    }

    /// What the network says about adverts of ours, and about clocks.
    fn hear_complaints(&mut self, now: Duration) {
        for _ in 0..PACKETS_PER_TURN {
            let Some(complaint) = self.network.channel().and_then(|channel| channel.complaint()) else {
                break;
            };
            self.peers.unreached(now, complaint.peer, complaint.kind);
            if complaint.kind == Unreached::Refused {
                let name = self.peers.name(complaint.peer);
                self.tell(
                    now,
                    "refused",
                    Some(complaint.peer),
                    || format!("a firewall refuses this node's adverts to {name}"),
                    "let IP protocol 112 pass between the nodes, or use transport = \"udp\" and let its \
                     udp_port pass",
                );
            }
        }
        self.look_at_senders(now);
    }

    /// What sealed datagrams say about their senders, beside their message.
    fn look_at_senders(&mut self, now: Duration) {
        let Some(channel) = self.network.channel() else { return };
        let (difference, restless) = (channel.clock_difference(), channel.restless_node());
        if let Some((from, ahead_ms)) = difference {
            let name = self.peers.name(from);
            self.tell(
                now,
                "clock",
                Some(from),
                || {
                    let seconds = ahead_ms.unsigned_abs() as f64 / 1000.0;
                    let side = if ahead_ms > 0 { "ahead of" } else { "behind" };
                    format!("the clock of {name} is {seconds:.1} s {side} this node's")
                },
                "let both nodes take the time by NTP (timedatectl); far apart they refuse each other's adverts",
            );
        }
        if let Some(from) = restless {
            let name = self.peers.name(from);
            self.tell(
                now,
                "restless",
                Some(from),
                || format!("{name} starts and dies again and again"),
                "it is heard all the same; look at its log for why it ends so soon after its start",
            );
        }
    }

    /// Notes a problem, and tells the log when that is due.
    pub(super) fn tell(
        &mut self,
        now: Duration,
        name: &'static str,
        node: Option<IpAddr>,
        what: impl FnOnce() -> String,
        remedy: &str,
    ) {
        let line = self.problems.note((now, unix_ms()), Kind { name, node }, what, remedy);
        if let Some(line) = line {
            self.report.make_due();
            self.notices.notice(Level::Warning, format!("pair: {line}"));
        }
    }
}
