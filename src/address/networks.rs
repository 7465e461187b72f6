//! A set of networks, and the look-up of an address in it.
//!
//! Built by `config::check` from the lists of a configuration and their files, asked by `proxy` for
//! each connection, and for each hop of a forwarded request. A hundred thousand networks cost
//! seventeen comparisons and no allocation.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// One network as written: `192.0.2.0/24`, `2001:db8::/32`, or an address alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

/// Why a text is not a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkError {
    /// Neither an address nor one with `/` and a number.
    Syntax,
    /// More bits than the address has.
    PrefixLength,
}

impl fmt::Display for NetworkError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Syntax => "is neither an address nor a network",
            Self::PrefixLength => "has a prefix longer than its address",
        })
    }
}

impl Network {
    /// Reads a network. An address alone is a network of one; IPv4-mapped IPv6 (`::ffff:0:0/96`) is
    /// taken as IPv4, since that is how such a client is looked up.
    ///
    /// # Errors
    /// The text is not a network.
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Syntax)?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => bits,
            Some(digits) if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Err(NetworkError::Syntax);
            }
            Some(digits) => digits.parse().map_err(|_| NetworkError::PrefixLength)?,
        };
        let network = match (address, address.to_canonical()) {
            (IpAddr::V6(_), IpAddr::V4(mapped)) if (96..=128).contains(&length) => {
                IpNet::new(mapped.into(), length - 96)
            }
            _ => IpNet::new(address, length),
        };
        network.map(Self).map_err(|_| NetworkError::PrefixLength)
    }

    /// The network without bits beyond its prefix, where some were written: what is meant then.
    pub fn truncated(&self) -> Option<Self> {
        (self.0.addr() != self.0.network()).then(|| Self(self.0.trunc()))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A set of addresses, given as networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks {
    /// Sorted, and none overlaps another.
    ipv4: Box<[Ipv4Net]>,
    /// The same.
    ipv6: Box<[Ipv6Net]>,
}

impl Networks {
    /// The union of networks, in any order, overlapping as they may.
    pub fn new(networks: impl IntoIterator<Item = Network>) -> Self {
        let (mut ipv4, mut ipv6) = (Vec::new(), Vec::new());
        for Network(network) in networks {
            match network {
                IpNet::V4(network) => ipv4.push(network),
                IpNet::V6(network) => ipv6.push(network),
            }
        }
        // The crate gives the fewest networks that cover the union, from the lowest to the highest.
        Self { ipv4: Ipv4Net::aggregate(&ipv4).into(), ipv6: Ipv6Net::aggregate(&ipv6).into() }
    }

    /// Whether no address is in the set.
    pub fn is_empty(&self) -> bool {
        self.ipv4.is_empty() && self.ipv6.is_empty()
    }

    /// Whether an address is in the set. An IPv4-mapped IPv6 address, as a listener on `[::]` sees
    /// IPv4 clients, is looked up as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => self.contains_ipv4(address),
            IpAddr::V6(address) => self.contains_ipv6(address),
        }
    }

    fn contains_ipv4(&self, address: Ipv4Addr) -> bool {
        let after = self.ipv4.partition_point(|network| network.network() <= address);
        after.checked_sub(1).is_some_and(|index| self.ipv4[index].contains(&address))
    }

    fn contains_ipv6(&self, address: Ipv6Addr) -> bool {
        let after = self.ipv6.partition_point(|network| network.network() <= address);
        after.checked_sub(1).is_some_and(|index| self.ipv6[index].contains(&address))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn networks(list: &[&str]) -> Networks {
        Networks::new(list.iter().map(|text| Network::parse(text).unwrap()))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn finds_addresses_at_the_edges_of_networks() {
        let set = networks(&["192.0.2.64/26", "10.0.0.0/8", "203.0.113.7", "2001:db8::/32", "::1"]);
        for inside in [
            "192.0.2.64",
            "192.0.2.127",
            "10.0.0.0",
            "10.255.255.255",
            "203.0.113.7",
            "2001:db8::",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            "::1",
        ] {
            assert!(set.contains(address(inside)), "{inside}");
        }
        for outside in [
            "192.0.2.63",
            "192.0.2.128",
            "9.255.255.255",
            "11.0.0.0",
            "203.0.113.6",
            "203.0.113.8",
            "0.0.0.0",
            "255.255.255.255",
            "2001:db7:ffff::",
            "2001:db9::",
            "::",
            "::2",
        ] {
            assert!(!set.contains(address(outside)), "{outside}");
        }
    }

    #[test]
    fn takes_mapped_addresses_for_ipv4() {
        let set = networks(&["192.0.2.0/24", "::ffff:198.51.100.0/120"]);
        assert!(set.contains(address("::ffff:192.0.2.1")));
        assert!(set.contains(address("198.51.100.9")));
        assert!(!set.contains(address("::ffff:198.51.101.9")));
        assert!(!networks(&["::/0"]).contains(address("192.0.2.1")), "all of IPv6 is not IPv4");
        assert!(networks(&["0.0.0.0/0"]).contains(address("::ffff:192.0.2.1")));
    }

    #[test]
    fn joins_networks_that_overlap() {
        let set = networks(&["10.1.0.0/16", "10.0.0.0/8", "10.1.2.3", "172.16.0.0/12", "10.0.0.0/8"]);
        assert_eq!(set, networks(&["10.0.0.0/8", "172.16.0.0/12"]));
        assert!(set.contains(address("10.200.0.1")), "behind a smaller network inside the larger");
    }

    #[test]
    fn an_empty_set_holds_nothing() {
        let set = Networks::default();
        assert!(set.is_empty() && !set.contains(address("127.0.0.1")) && !set.contains(address("::1")));
    }

    #[test]
    fn refuses_what_is_not_a_network() {
        for text in [
            "",
            "x",
            "10.0.0",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.0/8/8",
            "010.0.0.1",
            "[::1]",
            "1.2.3.4:80",
        ] {
            assert_eq!(Network::parse(text), Err(NetworkError::Syntax), "{text:?}");
        }
        for text in ["10.0.0.0/33", "::/129", "10.0.0.0/999"] {
            assert_eq!(Network::parse(text), Err(NetworkError::PrefixLength), "{text:?}");
        }
    }

    #[test]
    fn says_what_is_meant_when_bits_are_left_over() {
        let network = Network::parse("10.1.2.3/8").unwrap();
        assert_eq!(network.truncated().unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(Network::parse("10.0.0.0/8").unwrap().truncated(), None);
        assert!(Networks::new([network]).contains(address("10.9.9.9")));
    }

    /// The sorted search against a look at every network, over many networks and addresses.
    #[test]
    fn agrees_with_a_linear_search() {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let list: Vec<Network> = (0..2000)
            .map(|_| {
                let address = Ipv4Addr::from(random() as u32 & 0x0fff_ffff);
                Network(IpNet::new(address.into(), 14 + (random() % 19) as u8).unwrap())
            })
            .collect();
        let set = Networks::new(list.iter().copied());
        for _ in 0..2000 {
            let address = IpAddr::from(Ipv4Addr::from(random() as u32 & 0x0fff_ffff));
            let expected = list.iter().any(|Network(network)| network.contains(&address));
            assert_eq!(set.contains(address), expected, "{address}");
        }
    }
}
