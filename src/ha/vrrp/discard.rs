//! Why a received packet is not heeded, and what the operator may change.
//!
//! A closed list: `receive` names the reason, the ha thread counts it by `index` and tells the operator
//! `Display` and `advice`. Both nodes MASTER at once is almost always one of these on each of them.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// One reason, in the order of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discard {
    /// Not an IPv4 packet of protocol 112.
    NotVrrp,
    /// Ends before the message does.
    TooShort,
    /// Another virtual router; on a shared network that is everyday life.
    OtherRouter {
        /// Its number.
        seen: u8,
    },
    /// A multicast packet that a router has forwarded, so nobody of this network sent it.
    HopLimit {
        /// What is left of 255.
        seen: u8,
    },
    /// VRRP of another version.
    WrongVersion {
        /// Its number.
        seen: u8,
    },
    /// Octets after the message.
    TooLong,
    /// A trailer of keepalived's `auth_hmac` after the message.
    HmacTrailer,
    /// Another authentication type than ours.
    AuthenticationType {
        /// 0 none, 1 password, 2 IP AH; others are unknown.
        seen: u8,
    },
    /// Another password than ours.
    WrongPassword,
    /// Version 2: another interval than ours. Version 3: zero.
    WrongInterval {
        /// What the packet says.
        seen: Duration,
    },
    /// Not an advertisement.
    WrongType {
        /// The type.
        seen: u8,
    },
    /// None of the checksums in use is right.
    WrongChecksum,
    /// Sent to a group where unicast is configured, or the reverse.
    WrongDestination,
    /// From an address that is no configured node.
    Stranger {
        /// The sender.
        from: IpAddr,
    },
    /// From our own address.
    OwnAddress,
}

impl Discard {
    /// How many reasons there are; [`Discard::index`] is below.
    pub const COUNT: usize = Self::NAMES.len();

    /// A short name of each reason for counters and `--json`, by index.
    pub const NAMES: [&str; 15] = [
        "not_vrrp",
        "too_short",
        "other_router",
        "hop_limit",
        "wrong_version",
        "too_long",
        "hmac_trailer",
        "authentication_type",
        "wrong_password",
        "wrong_interval",
        "wrong_type",
        "wrong_checksum",
        "wrong_destination",
        "stranger",
        "own_address",
    ];

    /// Its place in [`Discard::NAMES`].
    pub const fn index(&self) -> usize {
        match self {
            Self::NotVrrp => 0,
            Self::TooShort => 1,
            Self::OtherRouter { .. } => 2,
            Self::HopLimit { .. } => 3,
            Self::WrongVersion { .. } => 4,
            Self::TooLong => 5,
            Self::HmacTrailer => 6,
            Self::AuthenticationType { .. } => 7,
            Self::WrongPassword => 8,
            Self::WrongInterval { .. } => 9,
            Self::WrongType { .. } => 10,
            Self::WrongChecksum => 11,
            Self::WrongDestination => 12,
            Self::Stranger { .. } => 13,
            Self::OwnAddress => 14,
        }
    }

    /// The short name.
    pub const fn name(&self) -> &'static str {
        Self::NAMES[self.index()]
    }

    /// Whether it comes from a node that should be our peer but is set up differently: as long as it
    /// goes on, each of us takes the other for dead and both are active.
    pub const fn means_two_masters(&self) -> bool {
        matches!(
            self,
            Self::WrongVersion { .. }
                | Self::HmacTrailer
                | Self::AuthenticationType { .. }
                | Self::WrongPassword
                | Self::WrongInterval { .. }
                | Self::WrongDestination
        )
    }

    /// What to change, in one sentence.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::NotVrrp | Self::TooShort | Self::WrongType { .. } => {
                "something on the network sends broken packets as IP protocol 112: find the sender"
            }
            Self::OtherRouter { .. } => {
                "if this is the other node of this pair, give both the same virtual_router_id"
            }
            Self::HopLimit { .. } => {
                "a router forwards VRRP multicast to this network: stop it there, or use transport = \"unicast\""
            }
            Self::WrongVersion { .. } => {
                "give both nodes the same version (torii: version, keepalived: vrrp_version)"
            }
            Self::TooLong => {
                "the sender adds something to its adverts that torii does not know: turn it off there"
            }
            Self::HmacTrailer => {
                "take auth_hmac out of the keepalived instance, or use transport = \"udp\" on both nodes"
            }
            Self::AuthenticationType { .. } => {
                "give both nodes the same auth_pass, or none (keepalived: authentication, auth_type PASS)"
            }
            Self::WrongPassword => {
                "give both nodes the same auth_pass; only its first 8 characters count, on keepalived too"
            }
            Self::WrongInterval { .. } => {
                "give both nodes the same advert_interval (keepalived: advert_int); version 2 requires it"
            }
            Self::WrongChecksum => {
                "packets are damaged or changed on their way (address translation?): look at the network between \
                 the nodes"
            }
            Self::WrongDestination => {
                "give both nodes the same transport (keepalived: unicast_peer makes unicast, without it multicast)"
            }
            Self::Stranger { .. } => {
                "if it is a node of this pair, add its address as [[ha.node]] (keepalived: unicast_src_ip); if not, \
                 give one of the two pairs another virtual_router_id"
            }
            Self::OwnAddress => {
                "another machine uses this node's address, or the network returns what this node sends"
            }
        }
    }
}

impl fmt::Display for Discard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotVrrp => formatter.write_str("not a VRRP packet"),
            Self::TooShort => formatter.write_str("a packet that is cut short"),
            Self::OtherRouter { seen } => write!(formatter, "an advert of virtual router {seen}"),
            Self::HopLimit { seen } => {
                write!(formatter, "a forwarded multicast packet (hop limit {seen}, not 255)")
            }
            Self::WrongVersion { seen } => write!(formatter, "an advert of VRRP version {seen}"),
            Self::TooLong => formatter.write_str("a packet with something after the advert"),
            Self::HmacTrailer => formatter.write_str("an advert with an HMAC trailer"),
            Self::AuthenticationType { seen: 0 } => formatter.write_str("an advert without a password"),
            Self::AuthenticationType { seen: 1 } => formatter.write_str("an advert with a password"),
            Self::AuthenticationType { seen } => {
                write!(formatter, "an advert with authentication type {seen}")
            }
            Self::WrongPassword => formatter.write_str("an advert with another password"),
            Self::WrongInterval { seen } => write!(formatter, "an advert with an interval of {seen:?}"),
            Self::WrongType { seen } => write!(formatter, "a VRRP message of unknown type {seen}"),
            Self::WrongChecksum => formatter.write_str("an advert with a wrong checksum"),
            Self::WrongDestination => {
                formatter.write_str("an advert sent to another destination than configured")
            }
            Self::Stranger { from } => {
                write!(formatter, "an advert from {from}, which is no node of this pair")
            }
            Self::OwnAddress => formatter.write_str("an advert from this node's own address"),
        }
    }
}
