//! Who may connect: the `allow` and `deny` lists of a listener.
//!
//! Asked by `proxy::accept` before a byte is read or a buffer taken.

use std::net::IpAddr;

use super::Networks;

/// The rule of one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Refused, whatever `allow` says.
    pub deny: Networks,
    /// When there is such a list, nobody else is let in.
    pub allow: Option<Networks>,
}

impl Access {
    /// Whether a TCP peer may connect. As with HAProxy's rules in this order:
    /// `tcp-request connection reject if { src -f deny }`, then `… reject unless { src -f allow }`.
    pub fn permits(&self, peer: IpAddr) -> bool {
        !self.deny.contains(peer) && self.allow.as_ref().is_none_or(|allow| allow.contains(peer))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Network;
    use super::*;

    fn networks(text: &str) -> Networks {
        Networks::new([Network::parse(text).unwrap()])
    }

    #[test]
    fn denies_first_and_then_lets_in_only_those_allowed() {
        let inside: IpAddr = "10.1.0.1".parse().unwrap();
        let apart: IpAddr = "10.2.0.1".parse().unwrap();
        let deny_only = Access { deny: networks("10.1.0.0/16"), allow: None };
        assert!(!deny_only.permits(inside) && deny_only.permits(apart));
        let allow_only = Access { deny: Networks::default(), allow: Some(networks("10.1.0.0/16")) };
        assert!(allow_only.permits(inside) && !allow_only.permits(apart));
        let both = Access { deny: networks("10.1.0.0/16"), allow: Some(networks("10.0.0.0/8")) };
        assert!(!both.permits(inside) && both.permits(apart));
    }
}
