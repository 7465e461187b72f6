//! Actions of the machine, done to the network in their order: advert, then addresses, then announcements.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use super::{Election, unix_ms};
use crate::ha::order::HandedOver;
use crate::ha::problems::Kind;
use crate::ha::status::PairState;
use crate::ha::transport::presence::{Presence, Role};
use crate::ha::vrrp::{Action, Actions, Cause, Event, State};
use crate::limits::ha_thread::FAULT_RETRY;
use crate::observe::log::Level;

impl Election {
    /// Does them.
    pub(super) fn act(&mut self, now: Duration, actions: Actions) {
        if actions.iter().any(|action| matches!(action, Action::AddAddresses)) {
            // Before the first advert says so: from then on the others wait for this node's farewell.
            self.guard.tell(true);
        }
        for action in actions {
            match action {
                Action::Send { priority, repeat } => {
                    (0..repeat).for_each(|_| self.advertise(now, priority));
                }
                Action::AddAddresses => self.add_addresses(now),
                Action::RemoveAddresses => self.remove_addresses(now),
                Action::Announce => {
                    self.network.begin_to_announce(now);
                    self.announce(now);
                }
                Action::Enter { state, cause } => self.enter(now, state, cause),
            }
        }
        if let Some(reason) = self.address_refused.take() {
            // Another node may be able to have the addresses.
            let is_anybody_active = self.peers.is_any_active(now, self.machine.master_down_interval());
            let link = self.network.link();
            self.hindrance = Some(self.obstacle.meet(now, &reason, link, is_anybody_active));
            self.retry_at = Some(now + FAULT_RETRY);
            self.handle(now, Event::Fault(true));
        }
    }

    fn advertise(&mut self, now: Duration, priority: u8) {
        self.advert.priority = priority;
        let advert = self.advert;
        let failed = self.network.advertise(&advert);
        self.report.sent(failed.is_empty());
        // A farewell that nothing can carry any more is no news beside the fault itself.
        if self.hindrance.is_some() {
            return;
        }
        for (peer, error) in failed {
            self.tell_unsent(now, peer, &error);
        }
    }

    fn tell_unsent(&mut self, now: Duration, peer: IpAddr, error: &io::Error) {
        let name = self.peers.name(peer);
        self.tell(
            now,
            "send",
            Some(peer),
            || format!("an advert to {name} could not be sent: {error}"),
            "look at the route to that node (ip route get) and at this machine's firewall: it has to let \
             VRRP (IP protocol 112) or the udp_port out",
        );
    }

    fn add_addresses(&mut self, now: Duration) {
        let Err((address, error)) = self.network.add_addresses() else {
            if self.obstacle.pass() {
                self.problems.settle(Kind { name: "add_address", node: None });
            }
            return;
        };
        let interface = self.ha.interface.clone();
        let remedy = format!(
            "torii needs CAP_NET_ADMIN (root with [process] user, or AmbientCapabilities= of the systemd unit), \
             and the interface has to take addresses of that family (ip -d link; the sysctl disable_ipv6); \
             after a change of a sysctl, `ip link set {interface} down` and `up` has it tried at once"
        );
        self.tell(
            now,
            "add_address",
            None,
            || format!("the shared address {address} could not be added to {interface}: {error}"),
            &remedy,
        );
        self.address_refused = Some(format!("{address} cannot be added: {error}"));
    }

    fn remove_addresses(&mut self, now: Duration) {
        let Err((address, error)) = self.network.remove_addresses() else {
            return self.guard.tell(false);
        };
        let interface = self.ha.interface.clone();
        self.tell(
            now,
            "remove_address",
            None,
            || format!("the shared address {address} could not be removed from {interface}: {error}"),
            "remove it by hand (ip address del), or both nodes answer for it",
        );
    }

    /// Announces what is due.
    pub(super) fn announce(&mut self, now: Duration) {
        let Err(error) = self.network.announce(now) else { return };
        let interface = self.ha.interface.clone();
        self.tell(
            now,
            "announce",
            None,
            || format!("the shared addresses could not be announced on {interface}: {error}"),
            "neighbours find the address only when they ask again; look at the interface (ip -s link)",
        );
    }

    /// A standby says that it lives, where the transport can carry that.
    pub(super) fn give_sign_of_life(&mut self) {
        let role = match self.machine.state() {
            State::Backup => Role::Standby,
            State::Init if self.is_over => Role::Leaving,
            State::Init | State::Fault => Role::Fault,
            State::Master | State::Resigning => return,
        };
        let presence = Presence {
            virtual_router_id: self.ha.virtual_router_id,
            role,
            priority: self.machine.priority(),
            serving: self.health.serves(),
            is_handed_over: self.machine.is_handed_over(),
        };
        if let Some(channel) = self.network.channel() {
            // A failure is told when an advert fails; signs of life are only ever a hint.
            let _ = channel.send_presence(presence);
        }
    }

    fn enter(&mut self, now: Duration, state: State, cause: Cause) {
        if state == State::Resigning {
            // Repeats would take the neighbours back from a successor that is not heard here.
            self.network.stop_announcing();
        }
        let to = pair_state(state);
        let because = match (cause, &self.hindrance) {
            (Cause::Fault, Some(reason)) => reason.clone(),
            _ => self.named(&cause.to_string()),
        };
        let before = self.report.enter(now, unix_ms(), to, &because);
        let level = if state == State::Fault { Level::Alert } else { Level::Notice };
        let is = match state {
            State::Init => "takes no part any more".into(),
            State::Fault => "cannot take part".into(),
            State::Master | State::Resigning => format!("is now {to} for {}", self.address_text()),
            State::Backup => format!("is now {to}"),
        };
        let name = &self.ha.nodes[self.own].name;
        let before = before.map_or_else(String::new, |(from, time)| format!(" (it was {from} for {time})"));
        self.notices.notice(level, format!("pair: {name} {is}: {because}{before}"));
        if let Some(notifier) = &mut self.notifier {
            notifier.tell(state.keepalived_name(), self.machine.priority());
        }
        self.problems.settle(Kind { name: "two_active", node: None });
        self.end_hand_over(state, cause);
        self.note_asked_back(state, cause);
    }

    /// Answers an operator who waits for the end of a hand-over.
    fn end_hand_over(&mut self, state: State, cause: Cause) {
        let outcome = match (state, cause) {
            (State::Resigning, _) => return,
            (State::Backup, Cause::Successor { from, .. }) => HandedOver::TakenBy(self.peers.name(from)),
            _ => HandedOver::NobodyTookIt,
        };
        if let Some(reply) = self.hand_over.take() {
            // Whoever asked may have gone.
            let _ = reply.send(Ok(outcome));
        }
    }

    fn address_text(&self) -> String {
        let addresses: Vec<String> = self.ha.addresses.iter().map(ToString::to_string).collect();
        addresses.join(", ")
    }

    /// Addresses of nodes in a text, with their names.
    pub(super) fn named(&self, text: &str) -> String {
        let words = text.split(' ').map(|word| match word.parse::<IpAddr>() {
            Ok(address) if self.peers.contains(address) => format!("{} ({word})", self.peers.name(address)),
            _ => word.to_owned(),
        });
        words.collect::<Vec<String>>().join(" ")
    }
}

/// A state of the protocol in torii's words.
pub(super) fn pair_state(state: State) -> PairState {
    match state {
        State::Init => PairState::Starting,
        State::Backup => PairState::Standby,
        State::Master => PairState::Active,
        State::Resigning => PairState::HandingOver,
        State::Fault => PairState::Fault,
    }
}
