//! Which of the configured nodes this machine is: the one whose address it has.
//!
//! Used by `surroundings` at start and by `torii check`, and by nobody while torii runs.

use std::fmt;
use std::io;
use std::net::IpAddr;

use super::address;
use super::netlink::Netlink;
use crate::config::model::{Ha, HaNode};

/// Addresses shown of those that a machine has.
const SHOWN: usize = 8;

/// Why it cannot be said.
#[derive(Debug)]
pub enum Unidentified {
    /// The machine's addresses cannot be listed.
    Unlisted(io::Error),
    /// None of the nodes has an address of this machine.
    Nobody {
        /// What the machine has, without loopback and link-local addresses.
        local: Vec<IpAddr>,
        /// Names and addresses of the nodes.
        nodes: Vec<(String, IpAddr)>,
    },
    /// More than one has.
    Several {
        /// Their names and addresses.
        nodes: Vec<(String, IpAddr)>,
    },
}

impl fmt::Display for Unidentified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlisted(source) => write!(
                f,
                "the addresses of this machine cannot be listed: {source}\n  help: torii asks the kernel by \
                 netlink; allow AF_NETLINK (RestrictAddressFamilies= of the systemd unit)"
            ),
            Self::Nobody { local, nodes } => write!(
                f,
                "no [[ha.node]] is this machine: it has {}, the nodes are {}\n  help: write the address that \
                 this machine has whether it is active or not into its [[ha.node]]",
                addresses(local),
                named(nodes)
            ),
            Self::Several { nodes } => write!(
                f,
                "this machine has the addresses of more than one [[ha.node]]: {}\n  help: each node is a \
                 machine of its own; take the other's address off this one (ip address del)",
                named(nodes)
            ),
        }
    }
}

impl std::error::Error for Unidentified {}

/// The index of this machine in `ha.nodes`.
///
/// # Errors
/// None of them is this machine, or several are, or the kernel does not say.
pub fn find(ha: &Ha) -> Result<usize, Unidentified> {
    let listed = Netlink::open().and_then(|mut netlink| address::list(&mut netlink));
    let local: Vec<IpAddr> =
        listed.map_err(Unidentified::Unlisted)?.into_iter().map(|(_, network)| network.addr()).collect();
    which(&ha.nodes, &local)
}

/// The same of a machine that has these addresses.
///
/// # Errors
/// As `find`.
pub fn which(nodes: &[HaNode], local: &[IpAddr]) -> Result<usize, Unidentified> {
    let own: Vec<usize> = (0..nodes.len()).filter(|index| local.contains(&nodes[*index].address)).collect();
    let name = |index: &usize| (nodes[*index].name.clone(), nodes[*index].address);
    match own.as_slice() {
        [index] => Ok(*index),
        [] => Err(Unidentified::Nobody {
            local: local.iter().copied().filter(|address| !is_everybodys(*address)).collect(),
            nodes: (0..nodes.len()).map(|index| name(&index)).collect(),
        }),
        several => Err(Unidentified::Several { nodes: several.iter().map(name).collect() }),
    }
}

/// An address that says nothing about which machine it is.
fn is_everybodys(address: IpAddr) -> bool {
    address.is_loopback() || matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

fn addresses(list: &[IpAddr]) -> String {
    let shown: Vec<String> = list.iter().take(SHOWN).map(ToString::to_string).collect();
    match list.len() {
        0 => "no address but loopback".into(),
        count if count > SHOWN => format!("{} and {} more", shown.join(", "), count - SHOWN),
        _ => shown.join(", "),
    }
}

fn named(nodes: &[(String, IpAddr)]) -> String {
    let nodes: Vec<String> = nodes.iter().map(|(name, address)| format!("{name} {address}")).collect();
    nodes.join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn nodes() -> Vec<HaNode> {
        [("a", "198.51.100.1", 100), ("b", "198.51.100.2", 99)]
            .map(|(name, address, priority)| HaNode {
                name: name.into(),
                address: address.parse().unwrap(),
                priority,
            })
            .into()
    }

    fn which_of(local: &[&str]) -> Result<usize, String> {
        let local: Vec<IpAddr> = local.iter().map(|address| address.parse().unwrap()).collect();
        which(&nodes(), &local).map_err(|error| error.to_string())
    }

    #[test]
    fn a_machine_is_the_node_whose_address_it_has() {
        assert_eq!(which_of(&["127.0.0.1", "198.51.100.1", "198.51.100.3"]), Ok(0));
        assert_eq!(which_of(&["127.0.0.1", "198.51.100.2"]), Ok(1));
    }

    #[test]
    fn a_machine_of_no_node_is_told_what_both_sides_have() {
        let error = which_of(&["127.0.0.1", "::1", "fe80::1", "192.0.2.7", "198.51.100.3"]).unwrap_err();
        let expected = "no [[ha.node]] is this machine: it has 192.0.2.7, 198.51.100.3, the nodes are a \
                        198.51.100.1, b 198.51.100.2\n  help: write the address that this machine has whether \
                        it is active or not into its [[ha.node]]";
        assert_eq!(error, expected);
        assert!(which_of(&["127.0.0.1"]).unwrap_err().contains("it has no address but loopback,"));
        let many: Vec<String> = (1..=20).map(|last| format!("192.0.2.{last}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(which_of(&many).unwrap_err().contains("192.0.2.8 and 12 more, the nodes"));
    }

    #[test]
    fn a_machine_of_two_nodes_is_told_so() {
        let error = which_of(&["198.51.100.1", "198.51.100.2"]).unwrap_err();
        assert!(
            error.contains("more than one [[ha.node]]: a 198.51.100.1, b 198.51.100.2\n  help: "),
            "{error}"
        );
    }
}
