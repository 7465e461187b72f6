//! A standby's sign of life over UDP. VRRP has none: a backup is silent, so that an active node cannot
//! know whether anybody is there to take over.
//!
//! Sealed and sent by `transport::udp`, one to each other node in each advert interval while the node
//! does not advertise; the last one, when it ends, says that it leaves. The guard process sends that one
//! for a standby that died. Never takes part in the election.

/// What a node that does not advertise says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// As in an advert: a presence of another pair is not for us.
    pub virtual_router_id: u8,
    /// Its part in the pair.
    pub role: Role,
    /// Effective priority.
    pub priority: u8,
    /// Whether its own health lets it serve.
    pub serving: bool,
    /// Whether its operator gave the addresses away: it wants none.
    pub is_handed_over: bool,
}

/// The part of a node that does not advertise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It listens and would take over.
    Standby,
    /// It takes no part: its interface or addresses are not usable.
    Fault,
    /// It ends, or its process has died.
    Leaving,
}

/// Bytes of a presence.
pub const LENGTH: usize = 4;

impl Presence {
    /// Virtual router id, role (1 standby, 2 fault, 3 leaving), priority, flags (bit 0: serving, bit 1: handed over by
    /// its operator).
    pub fn encode(self) -> [u8; LENGTH] {
        let role = match self.role {
            Role::Standby => 1,
            Role::Fault => 2,
            Role::Leaving => 3,
        };
        let flags = u8::from(self.serving) | u8::from(self.is_handed_over) << 1;
        [self.virtual_router_id, role, self.priority, flags]
    }

    /// The opposite of `encode`; `None` for what is none. Unknown flags and later bytes are ignored, so
    /// that a newer torii may say more.
    pub fn decode(message: &[u8]) -> Option<Self> {
        let &[virtual_router_id, role, priority, flags, ..] = message else { return None };
        let role = match role {
            1 => Role::Standby,
            2 => Role::Fault,
            3 => Role::Leaving,
            _ => return None,
        };
        let [serving, is_handed_over] = [1, 2].map(|bit| flags & bit != 0);
        Some(Self { virtual_router_id, role, priority, serving, is_handed_over })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        for role in [Role::Standby, Role::Fault, Role::Leaving] {
            for (serving, is_handed_over) in [(false, false), (false, true), (true, false), (true, true)] {
                let presence =
                    Presence { virtual_router_id: 10, role, priority: 101, serving, is_handed_over };
                assert_eq!(Presence::decode(&presence.encode()), Some(presence));
            }
        }
    }

    #[test]
    fn the_bytes_are_fixed() {
        let mut presence = Presence {
            virtual_router_id: 10,
            role: Role::Standby,
            priority: 101,
            serving: true,
            is_handed_over: false,
        };
        assert_eq!(presence.encode(), [0x0a, 0x01, 0x65, 0x01]);
        presence.is_handed_over = true;
        assert_eq!(presence.encode(), [0x0a, 0x01, 0x65, 0x03]);
    }

    #[test]
    fn what_is_none_is_refused_and_what_is_longer_is_not() {
        for bytes in [&[][..], &[10], &[10, 1, 101], &[10, 0, 101, 1], &[10, 4, 101, 1]] {
            assert_eq!(Presence::decode(bytes), None, "{bytes:?}");
        }
        let longer = Presence::decode(&[10, 2, 101, 0xfc, 7, 7]).unwrap();
        assert_eq!((longer.role, longer.serving, longer.is_handed_over), (Role::Fault, false, false));
    }
}
