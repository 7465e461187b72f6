//! `addresses`: what the nodes share. One family, one machine each, none twice.

use std::net::IpAddr;

use ipnet::IpNet;
use toml::Spanned;

use crate::config::model::Listener;
use crate::config::reader::shown;
use crate::config::report::{Findings, Span};
use crate::config::schema;
use crate::limits;

/// What every error about the form of an address advises.
const FORM: &str = "write it like \"198.51.100.3/32\" or \"2001:db8::3/128\"";

/// Every address that can be shared, with its place. An error may leave some out.
pub fn check(written: &schema::Ha, findings: &mut Findings) -> Vec<Spanned<IpNet>> {
    let Some(list) = &written.addresses else { return Vec::new() };
    if list.get_ref().len() > limits::ha::ADDRESSES {
        let help = format!("write at most {}", limits::ha::ADDRESSES);
        findings.error(list.span(), "there are too many shared addresses for one advert", help);
        return Vec::new();
    }
    let mut addresses: Vec<Spanned<IpNet>> = Vec::new();
    for entry in list.get_ref() {
        let Some(network) = parse(entry, findings) else { continue };
        let address = network.addr();
        if let Some(first) = addresses.first()
            && first.get_ref().addr().is_ipv4() != address.is_ipv4()
        {
            let message = format!("{address} is not of the family of {}", first.get_ref().addr());
            let help = "one advert carries IPv4 or IPv6: share the addresses of one family, and bind the \
                        listeners of the other to addresses of the nodes";
            findings.error(entry.span(), message, help);
        } else if addresses.iter().any(|other| other.get_ref().addr() == address) {
            findings.error(entry.span(), format!("{address} is shared twice"), "write each address once");
        } else {
            addresses.push(Spanned::new(entry.span(), network));
        }
    }
    addresses
}

/// An address with the prefix it gets on the interface; alone it is one of /32 or /128.
fn parse(entry: &Spanned<String>, findings: &mut Findings) -> Option<IpNet> {
    let text = entry.get_ref().as_str();
    let parsed = match text.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address)),
        Err(_) => text.parse::<IpNet>().ok(),
    };
    let Some(network) = parsed else {
        let message = format!("{} is not an address with its prefix", shown(text));
        findings.error(entry.span(), message, FORM);
        return None;
    };
    if let Err((message, help)) = judge(&network) {
        findings.error(entry.span(), message, help);
        return None;
    }
    Some(network)
}

/// An address that one machine can hold on its interface.
fn judge(network: &IpNet) -> Result<(), (String, String)> {
    let address = network.addr();
    if !is_of_one_machine(address) {
        return Err((format!("{address} is not the address of one machine"), FORM.into()));
    }
    if network.prefix_len() == 0 {
        let help = format!("write \"{address}/{}\"", network.max_prefix_len());
        return Err((format!("{network} would put every address on the interface"), help));
    }
    let whole = network.max_prefix_len() - network.prefix_len() >= 2;
    let is_broadcast = address.is_ipv4() && address == network.broadcast();
    if whole && (address == network.network() || is_broadcast) {
        let message =
            format!("{address} stands for the network {}, not for a machine in it", network.trunc());
        let help = format!(
            "write the shared address itself, such as \"{address}/{}\" if it is that",
            network.max_prefix_len()
        );
        return Err((message, help));
    }
    Ok(())
}

/// Neither of every machine, nor of many, nor of this one alone, nor an IPv4 address in disguise.
pub(super) fn is_of_one_machine(address: IpAddr) -> bool {
    let special = match address {
        IpAddr::V4(address) => address.is_broadcast(),
        IpAddr::V6(address) => address.to_ipv4_mapped().is_some(),
    };
    !(special || address.is_unspecified() || address.is_multicast() || address.is_loopback())
}

/// A shared address that no listener has: its clients would be refused, which is seldom meant. Without
/// listeners nothing is said.
pub fn warn_of_unserved(addresses: &[Spanned<IpNet>], listeners: &[Listener], findings: &mut Findings) {
    let bound = || listeners.iter().flat_map(|listener| &listener.bind).map(|socket| socket.ip());
    // A socket on `::` takes IPv4 connections too, unless the system says otherwise.
    let serves = |address: IpAddr| {
        bound().any(|own| own == address || (own.is_unspecified() && (own.is_ipv6() || address.is_ipv4())))
    };
    if listeners.is_empty() {
        return;
    }
    for entry in addresses {
        let address = entry.get_ref().addr();
        if !serves(address) {
            let message = format!("no listener is bound to {address}, so its clients find nobody");
            let wildcard = if address.is_ipv4() { "0.0.0.0" } else { "[::]" };
            let shown = match address {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => format!("[{address}]"),
            };
            let help = format!("add \"{shown}:443\" to the `bind` of a [[listener]], or \"{wildcard}:443\"");
            findings.warning(entry.span(), message, help);
        }
    }
}

/// Where the shared address stands that is also somebody else's.
pub(super) fn place_of(addresses: &[Spanned<IpNet>], address: IpAddr) -> Option<Span> {
    addresses.iter().find(|shared| shared.get_ref().addr() == address).map(Spanned::span)
}
