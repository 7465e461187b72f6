//! What two nodes say to each other before a hand-over that the standby wants: it asks for the shared
//! addresses, and the active node answers. VRRP has no such words; only the UDP transport carries them.
//!
//! Sealed and sent by `transport::udp` to one node; `ha::asking` decides who says what. Never takes part
//! in the election: addresses move by adverts alone.

use std::fmt;

/// One thing said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialogue {
    /// As in an advert: what belongs to another pair is not for us.
    pub virtual_router_id: u8,
    /// Chosen by who asks, another one for each order of its operator; answers repeat it.
    pub number: u32,
    /// What is said.
    pub word: Word,
}

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// By a standby: hand the addresses over to me. Repeated until it has them.
    Ask,
    /// By the active node: a planned hand-over is under way.
    Agreed,
    /// By the active node, or one that is none: nothing is handed over.
    Declined(Ground),
}

/// Why nothing is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// It is not active.
    NotActive,
    /// A hand-over is under way there already, or the node ends.
    Busy,
    /// As far as it knows, no other node could take over.
    NoSuccessor,
    /// It tried, and nobody took over.
    NobodyTookIt,
    /// A newer torii has more reasons than this one.
    Unknown,
}

/// Bytes of it.
pub const LENGTH: usize = 8;

impl Dialogue {
    /// Virtual router id, word (1 ask, 2 agreed, 3 declined), ground (0, or from 1), 0, number.
    pub fn encode(self) -> [u8; LENGTH] {
        let (word, ground) = match self.word {
            Word::Ask => (1, 0),
            Word::Agreed => (2, 0),
            Word::Declined(ground) => (3, ground.number()),
        };
        let [first, second, third, fourth] = self.number.to_be_bytes();
        [self.virtual_router_id, word, ground, 0, first, second, third, fourth]
    }

    /// The opposite of `encode`; `None` for what is none. Later bytes are ignored, so that a newer torii
    /// may say more.
    pub fn decode(message: &[u8]) -> Option<Self> {
        let &[virtual_router_id, word, ground, _, first, second, third, fourth, ..] = message else {
            return None;
        };
        let word = match word {
            1 => Word::Ask,
            2 => Word::Agreed,
            3 => Word::Declined(Ground::from_number(ground)),
            _ => return None,
        };
        Some(Self { virtual_router_id, number: u32::from_be_bytes([first, second, third, fourth]), word })
    }
}

impl Ground {
    const fn number(self) -> u8 {
        match self {
            Self::NotActive => 1,
            Self::Busy => 2,
            Self::NoSuccessor => 3,
            Self::NobodyTookIt => 4,
            Self::Unknown => u8::MAX,
        }
    }

    const fn from_number(number: u8) -> Self {
        match number {
            1 => Self::NotActive,
            2 => Self::Busy,
            3 => Self::NoSuccessor,
            4 => Self::NobodyTookIt,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotActive => "it is not active",
            Self::Busy => "it is handing over already, or ends",
            Self::NoSuccessor => "it does not see a node that could take over, this one included",
            Self::NobodyTookIt => "it gave them up and did not hear this node take over",
            Self::Unknown => "for a reason that this version of torii does not know",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUNDS: [Ground; 5] =
        [Ground::NotActive, Ground::Busy, Ground::NoSuccessor, Ground::NobodyTookIt, Ground::Unknown];

    #[test]
    fn what_is_encoded_is_decoded() {
        for word in GROUNDS.map(Word::Declined).into_iter().chain([Word::Ask, Word::Agreed]) {
            let said = Dialogue { virtual_router_id: 10, number: 0x0102_0304, word };
            assert_eq!(Dialogue::decode(&said.encode()), Some(said));
        }
    }

    #[test]
    fn the_bytes_are_fixed() {
        let said = |word| Dialogue { virtual_router_id: 10, number: 0x0102_0304, word }.encode();
        assert_eq!(said(Word::Ask), [10, 1, 0, 0, 1, 2, 3, 4]);
        assert_eq!(said(Word::Agreed), [10, 2, 0, 0, 1, 2, 3, 4]);
        assert_eq!(said(Word::Declined(Ground::NoSuccessor)), [10, 3, 3, 0, 1, 2, 3, 4]);
    }

    #[test]
    fn what_is_none_is_refused_and_what_is_longer_is_not() {
        for bytes in
            [&[][..], &[10, 1, 0, 0, 1, 2, 3], &[10, 0, 0, 0, 1, 2, 3, 4], &[10, 4, 0, 0, 1, 2, 3, 4]]
        {
            assert_eq!(Dialogue::decode(bytes), None, "{bytes:?}");
        }
        let newer = Dialogue::decode(&[10, 3, 77, 1, 0, 0, 0, 9, 5, 5]);
        let expected = Dialogue { virtual_router_id: 10, number: 9, word: Word::Declined(Ground::Unknown) };
        assert_eq!(newer, Some(expected));
    }
}
