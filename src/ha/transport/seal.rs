//! The envelope in which a message travels between the nodes over UDP: who, when, and a seal.
//!
//! Called by `transport::udp` and by the guard process, which seals its farewell itself. Without I/O: the
//! time is an argument. The opposite direction is `unseal`.
//!
//! ```text
//!  0        4    5    6    7    8              16              24        24+n      56+n
//!  "TORI"   ver  kind node 0    life           sequence        message   seal
//! ```
//!
//! All numbers are big-endian. `node` is the sender's place among `[[ha.node]]`, from 0. `life` is a random
//! number for each life of a sending process. `sequence` is UNIX time in milliseconds in its upper 48 bits
//! and a counter in its lower 16; it grows with every message of a life. The seal is HMAC-SHA-256 with the
//! pair's secret (RFC 2104) over the sender's address, the receiver's address, and everything before the
//! seal. The addresses, 16 bytes each (IPv4 mapped into IPv6, RFC 4291 section 2.5.5.2), are not sent: both
//! ends have them from `[[ha.node]]`. They are part of the seal so that a message counts for the one node it
//! was made for: it cannot be sent back to its sender, nor to a third node, nor to another pair that was
//! given the same secret by mistake; and two nodes whose lists of nodes differ do not trust each other.

use std::net::IpAddr;

use aws_lc_rs::hmac;

use crate::limits::ha::{CLOCK_STEP, SEALED_MESSAGE};

/// First bytes of every datagram.
pub const MAGIC: [u8; 4] = *b"TORI";

/// Version of the envelope.
pub const VERSION: u8 = 1;

/// Bytes before the message.
pub const HEADER: usize = 24;

/// Bytes after the message.
pub const SEAL: usize = 32;

/// Bytes of the longest datagram.
pub const DATAGRAM: usize = HEADER + SEALED_MESSAGE + SEAL;

/// Bits of the counter below the milliseconds of a sequence.
const COUNTER_BITS: u32 = 16;

/// What a datagram carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A VRRP message, as it would stand behind an IP header.
    Advert,
    /// A sign of life of a standby, see `presence`.
    Presence,
    /// A standby asks for the addresses, or is answered, see `dialogue`.
    Dialogue,
}

impl Kind {
    /// As in the datagram.
    pub const fn number(self) -> u8 {
        match self {
            Self::Advert => 1,
            Self::Presence => 2,
            Self::Dialogue => 3,
        }
    }

    /// The opposite of `number`.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Advert),
            2 => Some(Self::Presence),
            3 => Some(Self::Dialogue),
            _ => None,
        }
    }
}

/// Turns the secret of the pair into a key. Any length is possible; 32 bytes and more are worth something.
pub fn key(secret: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret)
}

/// The milliseconds of a sequence.
pub const fn sequence_ms(sequence: u64) -> u64 {
    sequence >> COUNTER_BITS
}

/// Seals one node's messages. Makes no allocation once it is made.
pub struct Sealer {
    key: hmac::Key,
    node: u8,
    address: IpAddr,
    life: u64,
    last: u64,
}

impl Sealer {
    /// `node` is this node's place among `[[ha.node]]` and `address` its own address there; `life` is
    /// random, and another one for each `Sealer`.
    pub fn new(secret: &[u8], node: u8, address: IpAddr, life: u64) -> Self {
        Self { key: key(secret), node, address, life, last: 0 }
    }

    /// Writes the datagram for the node at `to` into `out` and returns it. A message longer than
    /// `limits::ha::SEALED_MESSAGE` is cut there: no message of ours is.
    pub fn seal<'out>(
        &mut self,
        kind: Kind,
        to: IpAddr,
        unix_ms: u64,
        message: &[u8],
        out: &'out mut [u8; DATAGRAM],
    ) -> &'out [u8] {
        let message = &message[..message.len().min(SEALED_MESSAGE)];
        let sequence = self.next_sequence(unix_ms);
        let end = HEADER + message.len();
        out[..4].copy_from_slice(&MAGIC);
        out[4..8].copy_from_slice(&[VERSION, kind.number(), self.node, 0]);
        out[8..16].copy_from_slice(&self.life.to_be_bytes());
        out[16..24].copy_from_slice(&sequence.to_be_bytes());
        out[HEADER..end].copy_from_slice(message);
        let seal = seal_of(&self.key, self.address, to, &out[..end]);
        out[end..end + SEAL].copy_from_slice(seal.as_ref());
        &out[..end + SEAL]
    }

    /// Greater than the last one, and of this very moment. When the clock was set back, both cannot be
    /// had: a new life begins, or the receiver would take the node for one whose clock is ahead.
    fn next_sequence(&mut self, unix_ms: u64) -> u64 {
        if unix_ms.saturating_add(CLOCK_STEP.as_millis() as u64) < sequence_ms(self.last) {
            self.life = self.life.wrapping_add(1);
            self.last = 0;
        }
        self.last = (unix_ms << COUNTER_BITS).max(self.last + 1);
        self.last
    }
}

/// The seal of what stands before it.
pub(super) fn seal_of(key: &hmac::Key, from: IpAddr, to: IpAddr, sealed: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(&sixteen_bytes(from));
    context.update(&sixteen_bytes(to));
    context.update(sealed);
    context.sign()
}

fn sixteen_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}
