//! `[[ha.node]]`: at least two, told apart by name and address, of the family of what they share.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use toml::Spanned;

use super::addresses::{is_of_one_machine, place_of};
use crate::config::check::names::UniqueNames;
use crate::config::model::HaNode;
use crate::config::reader::shown;
use crate::config::report::{Findings, Span};
use crate::config::schema;
use crate::limits;

/// A node and where its priority stands.
pub struct Node {
    pub checked: HaNode,
    pub priority: Span,
}

/// Every node without an error of its own, in the order of the file.
pub fn check(written: &schema::Ha, addresses: &[Spanned<IpNet>], findings: &mut Findings) -> Vec<Node> {
    count(written, findings);
    let mut names = UniqueNames::new("node");
    let mut nodes: Vec<Node> = Vec::new();
    for node in written.nodes.iter().take(limits::ha::NODES) {
        if let Some(name) = &node.name {
            names.add(name, findings);
        }
        let address = node.address.as_ref().and_then(|text| parse(text, findings));
        if let (Some(address), Some(text)) = (address, &node.address) {
            judge(address, text.span(), addresses, &nodes, findings);
        }
        let (Some(name), Some(address), Some(priority)) = (&node.name, address, &node.priority) else {
            continue;
        };
        // The schema has checked the range.
        let Ok(number) = u8::try_from(*priority.get_ref()) else { continue };
        let checked = HaNode { name: name.get_ref().clone(), address, priority: number };
        nodes.push(Node { checked, priority: priority.span() });
    }
    nodes
}

/// The schema has reported that there is none.
fn count(written: &schema::Ha, findings: &mut Findings) {
    if let [only] = written.nodes.as_slice() {
        let help = "add a second [[ha.node]]: the file names every node and is the same on all of them";
        findings.error(only.span.clone(), "one node is no pair", help);
    }
    if let Some(beyond) = written.nodes.get(limits::ha::NODES) {
        let help = format!("write at most {}", limits::ha::NODES);
        findings.error(beyond.span.clone(), "there are too many nodes", help);
    }
}

fn parse(written: &Spanned<String>, findings: &mut Findings) -> Option<IpAddr> {
    let text = written.get_ref().as_str();
    match text.parse::<IpAddr>() {
        Ok(address) if is_of_one_machine(address) => return Some(address),
        Ok(address) => {
            let message = format!("{address} is not the address of one machine on the network");
            let help = "write the node's own address, such as \"198.51.100.1\"";
            findings.error(written.span(), message, help);
            return None;
        }
        Err(_) => {}
    }
    let help = match (text.parse::<SocketAddr>(), text.parse::<IpNet>()) {
        (Ok(socket), _) => {
            format!("adverts have no port here, `udp_port` is for all nodes: write \"{}\"", socket.ip())
        }
        (_, Ok(network)) => format!("a node has one address and no prefix: write \"{}\"", network.addr()),
        _ => "names are not resolved: write the node's own address, such as \"198.51.100.1\"".into(),
    };
    findings.error(written.span(), format!("{} is not an IP address", shown(text)), help);
    None
}

fn judge(address: IpAddr, span: Span, shared: &[Spanned<IpNet>], others: &[Node], findings: &mut Findings) {
    if let Some(other) = others.iter().find(|other| other.checked.address == address) {
        let message = format!("{address} is the address of node \"{}\" already", other.checked.name);
        findings.error(span, message, "write each node's own address, which it has whether active or not");
        return;
    }
    if place_of(shared, address).is_some() {
        let message = format!("{address} is shared, so it cannot be a node's own address");
        let help = "write the address that this node keeps when another one is active";
        findings.error(span, message, help);
        return;
    }
    if let Some(first) = shared.first()
        && first.get_ref().addr().is_ipv4() != address.is_ipv4()
    {
        let (wanted, example) =
            if address.is_ipv4() { ("IPv6", "2001:db8::1") } else { ("IPv4", "198.51.100.1") };
        let message = format!("{address} is not of the family of the shared {}", first.get_ref().addr());
        findings.error(span, message, format!("write the node's {wanted} address, such as \"{example}\""));
    }
}
