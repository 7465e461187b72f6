//! What is known of the other nodes: when they were last heard, and whether they could take over.
//!
//! Kept by the ha thread. A standby is silent in VRRP, so an active node knows little of it: an advert or
//! sign of life heard earlier, and what the network says when an advert cannot be delivered.

use std::net::IpAddr;
use std::time::Duration;

use super::socket::Unreached;
use super::status::{PeerHealth, PeerState, PeerStatus};
use super::transport::presence::{Presence, Role};
use crate::config::model::HaNode;
use crate::limits::ha_thread::{COMPLAINT_MEMORY, PRESENCE_MISSED, PRESENCE_PATIENCE};

/// What all nodes have in common when one is judged.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Monotonic.
    pub now: Duration,
    /// Between two adverts.
    pub interval: Duration,
    /// How long an active node may be silent.
    pub master_down: Duration,
    /// Whether standbys give signs of life.
    pub has_presence: bool,
    /// Whether this node is active, so that others should not be.
    pub is_active: bool,
}

/// The other nodes.
#[derive(Debug)]
pub struct Peers(Vec<Peer>);

#[derive(Debug)]
struct Peer {
    node: HaNode,
    heard_at: Option<Duration>,
    priority: Option<u8>,
    /// When it last said that it is active.
    active_at: Option<Duration>,
    presence: Option<(Duration, Presence)>,
    complaint: Option<(Duration, Unreached)>,
}

impl Peers {
    /// All of `nodes` but number `own`.
    pub fn new(nodes: &[HaNode], own: usize) -> Self {
        let others = nodes.iter().enumerate().filter(|&(index, _)| index != own);
        Self(others.map(|(_, node)| Peer::new(node.clone())).collect())
    }

    /// An advert was heard.
    pub fn advertised(&mut self, now: Duration, from: IpAddr, priority: u8) {
        if let Some(peer) = self.find(from) {
            peer.heard_at = Some(now);
            peer.priority = Some(priority);
            peer.active_at = (priority > 0).then_some(now);
            peer.presence = None;
            peer.complaint = None;
        }
    }

    /// A sign of life was heard.
    pub fn present(&mut self, now: Duration, from: IpAddr, presence: Presence) {
        if let Some(peer) = self.find(from) {
            peer.heard_at = Some(now);
            peer.priority = Some(presence.priority);
            peer.active_at = None;
            peer.presence = Some((now, presence));
            peer.complaint = None;
        }
    }

    /// The network said that it cannot be reached.
    pub fn unreached(&mut self, now: Duration, to: IpAddr, why: Unreached) {
        if let Some(peer) = self.find(to) {
            peer.complaint = Some((now, why));
        }
    }

    /// The configured name of a node, or the address as it is.
    pub fn name(&self, address: IpAddr) -> String {
        let known = self.0.iter().find(|peer| peer.node.address == address);
        known.map_or_else(|| address.to_string(), |peer| peer.node.name.clone())
    }

    /// Whether it is a configured node.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|peer| peer.node.address == address)
    }

    /// Whether one of them is active: it has advertised within `patience`.
    pub fn is_any_active(&self, now: Duration, patience: Duration) -> bool {
        self.0.iter().any(|peer| peer.has_advertised(now, patience))
    }

    /// All of them, as they are shown.
    pub fn status(&self, view: View) -> Vec<PeerStatus> {
        self.0.iter().map(|peer| peer.status(view)).collect()
    }

    /// IPv6 multicast comes from link-local addresses, which are configured nowhere: with two nodes there
    /// is no doubt whose it is.
    fn find(&mut self, address: IpAddr) -> Option<&mut Peer> {
        let is_local = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
        match self.0.iter().position(|peer| peer.node.address == address) {
            Some(index) => self.0.get_mut(index),
            None if is_local && self.0.len() == 1 => self.0.first_mut(),
            None => None,
        }
    }
}

impl Peer {
    fn new(node: HaNode) -> Self {
        Self { node, heard_at: None, priority: None, active_at: None, presence: None, complaint: None }
    }

    fn status(&self, view: View) -> PeerStatus {
        let ago = |at: Duration| view.now.saturating_sub(at);
        PeerStatus {
            name: self.node.name.clone(),
            address: self.node.address,
            state: self.state(view),
            last_heard_ago_ms: self.heard_at.map(|at| ago(at).as_millis() as u64),
            priority: self.priority,
            health: self.health(view),
        }
    }

    fn advertises(&self, view: View) -> bool {
        self.has_advertised(view.now, view.master_down)
    }

    fn has_advertised(&self, now: Duration, patience: Duration) -> bool {
        self.active_at.is_some_and(|at| now.saturating_sub(at) <= patience)
    }

    fn state(&self, view: View) -> PeerState {
        if self.advertises(view) {
            return PeerState::Active;
        }
        match self.health(view) {
            PeerHealth::Serving | PeerHealth::NotServing => PeerState::Standby,
            PeerHealth::NotKnownDead if view.is_active => PeerState::Standby,
            _ => PeerState::Unknown,
        }
    }

    fn health(&self, view: View) -> PeerHealth {
        if self.advertises(view) {
            return PeerHealth::Serving;
        }
        if let Some((at, why)) = self.complaint
            && view.now.saturating_sub(at) < COMPLAINT_MEMORY.max(view.interval * 3)
        {
            return PeerHealth::Dead(words(why).into());
        }
        let Some(heard_at) = self.heard_at else {
            return if view.has_presence { PeerHealth::NeverHeard } else { PeerHealth::NotKnownDead };
        };
        let silence = view.now.saturating_sub(heard_at);
        match self.presence {
            Some((_, Presence { role: Role::Leaving, .. })) => PeerHealth::Dead("its torii has ended".into()),
            Some((_, Presence { role: Role::Fault, .. })) => {
                PeerHealth::Dead("it takes no part: its interface or addresses are not usable".into())
            }
            _ if view.has_presence && silence > PRESENCE_PATIENCE.max(view.interval * PRESENCE_MISSED) => {
                PeerHealth::Dead(format!("silent for {} s", silence.as_secs().max(1)))
            }
            Some((_, Presence { serving: false, .. })) => PeerHealth::NotServing,
            Some(_) => PeerHealth::Serving,
            None => PeerHealth::NotKnownDead,
        }
    }
}

/// A complaint of the network, about a node.
fn words(why: Unreached) -> &'static str {
    match why {
        Unreached::NoProgram => "its machine answers that nothing speaks VRRP there",
        Unreached::NoHost => "no machine answers at its address",
        Unreached::Refused => "a firewall says that it refuses VRRP to it",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(1);

    fn peer() -> (Peers, IpAddr) {
        let nodes =
            [("a", "198.51.100.1", 100), ("b", "198.51.100.2", 99)].map(|(name, address, priority)| HaNode {
                name: name.into(),
                address: address.parse().unwrap(),
                priority,
            });
        let address = nodes[1].address;
        (Peers::new(&nodes, 0), address)
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn judged(peers: &Peers, now: u64, has_presence: bool) -> (PeerState, PeerHealth) {
        let master_down = Duration::from_millis(3609);
        let view = View { now: at(now), interval: INTERVAL, master_down, has_presence, is_active: true };
        let status = &peers.status(view)[0];
        (status.state, status.health.clone())
    }

    #[test]
    fn a_node_that_was_never_heard_is_unknown_only_where_a_standby_is_heard() {
        let (peers, _) = peer();
        assert_eq!(judged(&peers, 100, true), (PeerState::Unknown, PeerHealth::NeverHeard));
        assert_eq!(judged(&peers, 100, false), (PeerState::Standby, PeerHealth::NotKnownDead));
    }

    #[test]
    fn a_node_that_advertised_and_fell_silent_is_a_standby_that_is_not_known_to_be_dead() {
        let (mut peers, address) = peer();
        peers.advertised(at(10), address, 101);
        assert_eq!(judged(&peers, 11, false), (PeerState::Active, PeerHealth::Serving));
        assert_eq!(judged(&peers, 60, false), (PeerState::Standby, PeerHealth::NotKnownDead));
    }

    #[test]
    fn what_the_network_says_counts_until_it_says_so_no_more() {
        let (mut peers, address) = peer();
        peers.advertised(at(10), address, 101);
        peers.unreached(at(20), address, Unreached::NoProgram);
        let (state, health) = judged(&peers, 21, false);
        assert!(matches!(health, PeerHealth::Dead(reason) if reason.contains("nothing speaks VRRP")));
        assert_eq!(state, PeerState::Unknown);
        assert_eq!(judged(&peers, 40, false).1, PeerHealth::NotKnownDead);
    }

    #[test]
    fn a_standby_that_gives_signs_of_life_is_dead_without_them() {
        let (mut peers, address) = peer();
        let mut presence = Presence {
            virtual_router_id: 10,
            role: Role::Standby,
            priority: 101,
            serving: true,
            is_handed_over: false,
        };
        peers.present(at(10), address, presence);
        assert_eq!(judged(&peers, 11, true), (PeerState::Standby, PeerHealth::Serving));
        assert!(
            matches!(judged(&peers, 30, true).1, PeerHealth::Dead(reason) if reason == "silent for 20 s")
        );
        presence.serving = false;
        peers.present(at(31), address, presence);
        assert_eq!(judged(&peers, 31, true), (PeerState::Standby, PeerHealth::NotServing));
        presence.role = Role::Leaving;
        peers.present(at(32), address, presence);
        assert!(matches!(judged(&peers, 32, true).1, PeerHealth::Dead(_)));
    }

    #[test]
    fn nodes_have_names_and_strangers_have_addresses() {
        let (peers, address) = peer();
        assert_eq!(peers.name(address), "b");
        assert_eq!(peers.name("192.0.2.1".parse().unwrap()), "192.0.2.1");
        assert!(peers.contains(address) && !peers.contains("192.0.2.1".parse().unwrap()));
    }
}
