//! Addresses to bind and to connect to: always an IP address and a port, never a name.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use toml::Spanned;

use crate::config::reader::shown;
use crate::config::report::Findings;
use crate::limits;

/// Addresses that a listener or the statistics page has taken.
#[derive(Debug, Default)]
pub struct BoundAddresses {
    taken: HashSet<SocketAddr>,
}

impl BoundAddresses {
    /// Checks a `bind` list; the schema has reported one that is absent or empty.
    pub fn add(
        &mut self,
        bind: Option<&Spanned<Vec<Spanned<String>>>>,
        example: &str,
        findings: &mut Findings,
    ) -> Vec<SocketAddr> {
        let Some(bind) = bind else { return Vec::new() };
        if bind.get_ref().len() > limits::BIND_ADDRESSES {
            let help = format!("write at most {}", limits::BIND_ADDRESSES);
            findings.error(bind.span(), "there are too many addresses to listen on", help);
            return Vec::new();
        }
        let mut addresses = Vec::new();
        for written in bind.get_ref() {
            let Some(address) = parse(written, example, findings) else { continue };
            if !self.taken.insert(address) {
                let message = format!("{address} is bound twice");
                findings.error(written.span(), message, "let one listener, or [stats], have the address");
            }
            addresses.push(address);
        }
        addresses
    }
}

/// An address that a connection or datagram can be sent to.
pub fn to_connect(written: &Spanned<String>, example: &str, findings: &mut Findings) -> Option<SocketAddr> {
    let address = parse(written, example, findings)?;
    if address.ip().is_unspecified() || address.ip().is_multicast() {
        let message = format!("{} is not the address of one machine", address.ip());
        findings.error(
            written.span(),
            message,
            format!("write the machine's own address, such as \"{example}\""),
        );
        return None;
    }
    Some(address)
}

fn parse(written: &Spanned<String>, example: &str, findings: &mut Findings) -> Option<SocketAddr> {
    let text = written.get_ref().as_str();
    if let Ok(address) = text.parse::<SocketAddr>() {
        if address.port() == 0 {
            let help = format!("write a port from 1 to 65535, such as \"{example}\"");
            findings.error(written.span(), "the port cannot be 0", help);
            return None;
        }
        return Some(address);
    }
    let (message, help) = explain(text, example);
    findings.error(written.span(), message, help);
    None
}

/// Says what is wrong with a text that is not `IP:port`.
fn explain(text: &str, example: &str) -> (String, String) {
    if let Some(port) = text.strip_prefix('*').unwrap_or(text).strip_prefix(':')
        && port.parse::<u16>().is_ok()
    {
        let help = format!(
            "write \"0.0.0.0:{port}\" for every IPv4 address, \"[::]:{port}\" for every IPv6 address"
        );
        return (format!("{} has no IP address", shown(text)), help);
    }
    if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        let port = example.rsplit(':').next().unwrap_or("80");
        let address = match ip {
            IpAddr::V4(ip) => format!("{ip}:{port}"),
            IpAddr::V6(ip) => format!("[{ip}]:{port}"),
        };
        return (format!("{} has no port", shown(text)), format!("add one: \"{address}\""));
    }
    let host = text.rsplit_once(':').map_or(text, |(host, _)| host);
    let is_ip = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let is_name = |host: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        host.bytes().any(|byte| byte.is_ascii_alphabetic()) && host.bytes().all(allowed)
    };
    if !is_ip && is_name(host) {
        let message =
            format!("{} has a host name where an IP address must stand; names are not resolved", shown(text));
        return (message, format!("write the IP address of {host}, such as \"{example}\""));
    }
    (
        format!("{} is not an IP address and a port", shown(text)),
        format!("write it like \"{example}\" or \"[2001:db8::1]:80\""),
    )
}
