//! What an operator chooses about the protocol: shared by the configuration and by the state machine.

/// Version of the protocol; the two do not understand each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// RFC 3768 with the simple password of RFC 2338, as keepalived speaks by default: IPv4, whole seconds.
    V2,
    /// RFC 9568: IPv4 and IPv6, steps of 10 ms, no password.
    V3,
}

impl Version {
    /// As in the packet's first four bits.
    pub const fn number(self) -> u8 {
        match self {
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }
}

/// What a standby does when the active node resigns (an advert of priority 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Takeover {
    /// The best of the remaining configured nodes takes over at once; the others wait their skew.
    Immediate,
    /// Every node waits its skew time, as RFC 9568 section 6.4.2 has it.
    Skew,
}

/// How the checksum of a version 3 advert over IPv4 is made. All kinds are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// With the pseudo-header of the real addresses, which is what keepalived expects.
    PseudoHeader,
    /// Over the message alone (RFC 9568 section 5.2.8).
    Rfc9568,
}
