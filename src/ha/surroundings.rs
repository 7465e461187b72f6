//! Whether this machine can be a node of the pair: what a file alone cannot tell.
//!
//! Looked at by `control::start`, where a fatal fault ends the start, and by `torii check`, where every
//! fault is a warning, because the file may be meant for another machine. Never while torii runs: there
//! the ha thread watches the interface.

use std::fmt;
use std::io;
use std::net::IpAddr;

use caps::{CapSet, Capability};
use ipnet::IpNet;
use nix::net::if_::if_nameindex;

use super::address;
use super::identity::{self, Unidentified};
use super::interface;
use super::netlink::Netlink;
use crate::config::model::Ha;

/// What is wrong with this machine as a node. The text says what to do about it.
#[derive(Debug)]
pub enum Fault {
    /// It is none of the nodes, or several. Fatal.
    Unidentified(Unidentified),
    /// There is no such interface. Fatal.
    NoInterface {
        /// As configured.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The process may not do what a node has to do. Fatal.
    MissingRights(Vec<Capability>),
    /// This node's own address is on another interface than the shared ones will be.
    OwnAddressElsewhere {
        /// Its address.
        address: IpAddr,
        /// Where it is.
        found: String,
        /// As configured.
        interface: String,
    },
    /// A shared address is in none of the interface's networks.
    OffLink {
        /// The shared address.
        address: IpNet,
        /// As configured.
        interface: String,
        /// Networks of the interface, of its family.
        networks: Vec<IpNet>,
    },
}

impl Fault {
    /// Whether torii cannot start with it.
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Self::OwnAddressElsewhere { .. } | Self::OffLink { .. })
    }

    /// The text as one line, for a log.
    pub fn line(&self) -> String {
        self.to_string().replace("\n  help: ", "; ")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unidentified(reason) => reason.fmt(f),
            Self::NoInterface { name, known } => write!(
                f,
                "ha.interface = \"{name}\", but this machine has no such interface\n  help: write one of: {}",
                known.join(", ")
            ),
            Self::MissingRights(missing) => {
                let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
                let own: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
                write!(
                    f,
                    "[ha] needs {}, to send adverts and to move the shared addresses\n  help: start torii as \
                     root with [process] user set, or add {} to AmbientCapabilities= of the systemd unit, or: \
                     setcap {}+ep TORII",
                    names.join(" and "),
                    names.join(" "),
                    own.join(",")
                )
            }
            Self::OwnAddressElsewhere { address, found, interface } => write!(
                f,
                "{address} of this [[ha.node]] is on {found}, but ha.interface is \"{interface}\": adverts that \
                 come in on {found} are not heard\n  help: write interface = \"{found}\", or the address that \
                 this machine has on {interface}"
            ),
            Self::OffLink { address, interface, networks } => {
                let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
                let has = if networks.is_empty() { "none".into() } else { networks.join(", ") };
                write!(
                    f,
                    "the shared {} is in no network of {interface} (it has {has}), so its neighbours do not look \
                     for it there\n  help: check ha.addresses and ha.interface; where a router sends the address \
                     to this network, nothing is wrong",
                    address.addr()
                )
            }
        }
    }
}

impl std::error::Error for Fault {}

/// What was found out about a machine.
#[derive(Debug)]
pub struct Surroundings {
    /// Which node it is; `None` has a fault that says why.
    pub own: Option<usize>,
    /// Everything wrong with it, but for rights.
    pub faults: Vec<Fault>,
}

/// What the kernel says of a machine.
struct Machine {
    /// Index of the configured interface.
    interface: Option<u32>,
    /// Names of all interfaces by index.
    names: Vec<(u32, String)>,
    /// Addresses by index of their interface.
    addresses: Vec<(u32, IpNet)>,
}

/// Looks at this machine. What it finds is not logged here.
pub fn look(ha: &Ha) -> Surroundings {
    match Machine::ask(&ha.interface) {
        Ok(machine) => judge(ha, &machine),
        Err(error) => {
            Surroundings { own: None, faults: vec![Fault::Unidentified(Unidentified::Unlisted(error))] }
        }
    }
}

/// The node that this machine is and what its log should warn of.
///
/// # Errors
/// The first fault that is fatal.
pub fn require(ha: &Ha) -> Result<(usize, Vec<Fault>), Fault> {
    if let Some(fault) = missing_rights() {
        return Err(fault);
    }
    let Surroundings { own, mut faults } = look(ha);
    match (faults.iter().position(Fault::is_fatal), own) {
        (None, Some(own)) => Ok((own, faults)),
        (fatal, _) => Err(faults.swap_remove(fatal.expect("a machine that is no node has a fatal fault"))),
    }
}

/// The rights that this thread lacks to be a node: to be asked before privileges are given up.
pub fn missing_rights() -> Option<Fault> {
    let lacks =
        |capability: &Capability| !caps::has_cap(None, CapSet::Effective, *capability).unwrap_or(false);
    let missing: Vec<Capability> =
        [Capability::CAP_NET_RAW, Capability::CAP_NET_ADMIN].into_iter().filter(lacks).collect();
    (!missing.is_empty()).then_some(Fault::MissingRights(missing))
}

impl Machine {
    fn ask(interface: &str) -> io::Result<Self> {
        let mut netlink = Netlink::open()?;
        let found = interface::find(&mut netlink, interface)?;
        let names = if_nameindex()?;
        let names = names.iter().map(|entry| (entry.index(), entry.name().to_string_lossy().into_owned()));
        Ok(Self {
            interface: found.map(|link| link.index),
            names: names.collect(),
            addresses: address::list(&mut netlink)?,
        })
    }

    fn name_of(&self, index: u32) -> String {
        let known = self.names.iter().find(|(other, _)| *other == index).map(|(_, name)| name.clone());
        known.unwrap_or_else(|| format!("interface {index}"))
    }
}

fn judge(ha: &Ha, machine: &Machine) -> Surroundings {
    let local: Vec<IpAddr> = machine.addresses.iter().map(|(_, network)| network.addr()).collect();
    let mut faults = Vec::new();
    let own =
        identity::which(&ha.nodes, &local).map_err(|reason| faults.push(Fault::Unidentified(reason))).ok();
    let Some(index) = machine.interface else {
        let known = machine.names.iter().map(|(_, name)| name.clone()).filter(|name| name != "lo").collect();
        faults.push(Fault::NoInterface { name: ha.interface.clone(), known });
        return Surroundings { own, faults };
    };
    if let Some(node) = own {
        let address = ha.nodes[node].address;
        let mut places = machine.addresses.iter().filter(|(_, network)| network.addr() == address);
        if places.clone().all(|(place, _)| *place != index)
            && let Some((place, _)) = places.next()
        {
            let found = machine.name_of(*place);
            faults.push(Fault::OwnAddressElsewhere { address, found, interface: ha.interface.clone() });
        }
    }
    faults.extend(off_link(ha, index, machine));
    Surroundings { own, faults }
}

/// Shared addresses that neighbours on the interface would not ask for. One that brings its own network
/// by its prefix is fine.
fn off_link(ha: &Ha, index: u32, machine: &Machine) -> Vec<Fault> {
    let is_shared = |network: &IpNet| ha.addresses.iter().any(|shared| shared.addr() == network.addr());
    let networks: Vec<IpNet> = machine
        .addresses
        .iter()
        .filter(|(place, network)| *place == index && !is_shared(network))
        .map(|(_, network)| network.trunc())
        .filter(|network| !matches!(network, IpNet::V6(network) if network.addr().is_unicast_link_local()))
        .collect();
    let alone = ha.addresses.iter().filter(|shared| shared.prefix_len() == shared.max_prefix_len());
    alone
        .filter(|shared| !networks.iter().any(|network| network.contains(&shared.addr())))
        .map(|shared| Fault::OffLink {
            address: *shared,
            interface: ha.interface.clone(),
            networks: networks
                .iter()
                .filter(|n| n.addr().is_ipv4() == shared.addr().is_ipv4())
                .copied()
                .collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests;
