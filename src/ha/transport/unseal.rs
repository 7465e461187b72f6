//! Opens the envelopes of `seal`: decides whether a datagram is what the node it names sent just now.
//!
//! Called by `transport::udp` for every datagram that arrives, a stranger's included. Without I/O: the
//! time is an argument. A datagram that is refused changes nothing but a count.
//!
//! Against repetition a receiver remembers, for each life of each sender, the highest sequence it took;
//! and it takes nothing whose time is more than `CLOCK_WINDOW` from its own clock. A sender that starts
//! again has a new life. Lives are random numbers and say nothing about their order, but every sequence
//! is a time of the sender's, so what was taken has an order across lives. A life is forgotten when all it
//! can have sealed has left the window. When a sender that crashes again and again has begun more lives
//! than are remembered before that, the one with the lowest sequence goes, and its highest sequence stays
//! behind as a floor: no life that is not known is taken at or below it. So nothing is ever taken twice
//! by one life of a receiver, and a sender that starts again is heard at once, however often it does.

use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

use super::seal::{self, DATAGRAM, HEADER, Kind, MAGIC, SEAL, VERSION};
use crate::limits::ha::{CLOCK_WINDOW, SENDER_LIVES};

/// Why a datagram is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Shorter or longer than any envelope, or it does not begin as one.
    NotAnEnvelope,
    /// An envelope of another version.
    EnvelopeVersion(u8),
    /// A kind of message that is not known.
    MessageKind(u8),
    /// The sender calls itself a node that is not in the list.
    UnknownNode(u8),
    /// The sender calls itself what this node is.
    OwnNode,
    /// The sender's address is not the one that the list has for the node it says it is.
    Stranger,
    /// The seal does not fit: another secret, another list of nodes, or a forgery.
    Seal,
    /// Sealed by the right node, but its clock is this far ahead of ours (negative: behind).
    ClocksDiffer {
        /// Milliseconds.
        ahead_ms: i64,
    },
    /// Taken before, or overtaken by a later one.
    Repeated,
}

impl Refusal {
    /// Every name, in the order of `index`.
    pub const NAMES: [&'static str; 9] = [
        "not_an_envelope",
        "envelope_version",
        "message_kind",
        "unknown_node",
        "own_node",
        "stranger",
        "wrong_seal",
        "clocks_differ",
        "repeated",
    ];

    /// Place in `NAMES`, for counters.
    pub const fn index(&self) -> usize {
        match self {
            Self::NotAnEnvelope => 0,
            Self::EnvelopeVersion(_) => 1,
            Self::MessageKind(_) => 2,
            Self::UnknownNode(_) => 3,
            Self::OwnNode => 4,
            Self::Stranger => 5,
            Self::Seal => 6,
            Self::ClocksDiffer { .. } => 7,
            Self::Repeated => 8,
        }
    }

    /// Name in counters and status.
    pub const fn name(&self) -> &'static str {
        Self::NAMES[self.index()]
    }

    /// What was seen, and what an operator should do about it.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::NotAnEnvelope => {
                "something that is not torii sends to the pair's UDP port: find it by its address, and let \
                 the firewall pass only the nodes' addresses to this port"
            }
            Self::EnvelopeVersion(_) | Self::MessageKind(_) => {
                "the other node runs a torii that speaks another version: update the older one"
            }
            Self::UnknownNode(_) => {
                "a node sends that is not in [[ha.node]] here: use the same file on every node"
            }
            Self::OwnNode => {
                "a node says that it is this one: two machines have the same address, or the order of \
                 [[ha.node]] differs; use the same file on every node"
            }
            Self::Stranger => {
                "the sender's address is not the one that [[ha.node]] has for it: use the same file on every \
                 node, and no address translation between them"
            }
            Self::Seal => {
                "the secret differs, or the addresses in [[ha.node]] do: use the same secret_file and the \
                 same file on every node. If they are the same, somebody forges messages"
            }
            Self::ClocksDiffer { .. } => {
                "the nodes' clocks differ too much to tell a new message from a repeated one: let both take \
                 the time by NTP (timedatectl)"
            }
            Self::Repeated => {
                "a message came twice or was overtaken. Now and then the network does that; if the count \
                 keeps growing, somebody repeats recorded messages"
            }
        }
    }
}

/// What was in an envelope.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened<'datagram> {
    /// What the message is.
    pub kind: Kind,
    /// The sender's place among `[[ha.node]]`.
    pub node: usize,
    /// The message.
    pub message: &'datagram [u8],
    /// How far the sender's clock is ahead of ours, in milliseconds; negative: behind. The time on the
    /// way is part of it. Worth a warning beyond `limits::ha::CLOCK_WARNING`.
    pub ahead_ms: i64,
    /// The sender has begun so many lives in so short a time that one had to be forgotten early.
    pub is_restless: bool,
}

/// Opens what is sent to one node.
pub struct Opener {
    key: hmac::Key,
    own: usize,
    senders: Vec<Sender>,
}

struct Sender {
    address: IpAddr,
    lives: [Option<Life>; SENDER_LIVES],
    /// Below this, nothing is taken from a life that is not known.
    floor: Option<Floor>,
}

/// What is left of lives that were forgotten before their time.
#[derive(Clone, Copy)]
struct Floor {
    /// The highest sequence that was taken from any of them.
    sequence: u64,
    /// When the last of them was heard, by our monotonic clock.
    heard: Duration,
}

/// What was taken from one life of a sender.
#[derive(Debug, Clone, Copy)]
struct Life {
    number: u64,
    highest: u64,
    /// When, by our monotonic clock.
    heard: Duration,
}

impl Opener {
    /// `addresses` are those of `[[ha.node]]` in their order, `own` is this node's place among them.
    pub fn new(secret: &[u8], own: usize, addresses: &[IpAddr]) -> Self {
        let senders =
            addresses.iter().map(|&address| Sender { address, lives: [None; SENDER_LIVES], floor: None });
        let senders = senders.collect();
        Self { key: seal::key(secret), own, senders }
    }

    /// Judges a datagram that came from `from`. `unix_ms` is the wall clock, `now` any monotonic one.
    ///
    /// # Errors
    /// The first check that fails. The time and the sequence are looked at after the seal, so that nobody
    /// but the sender can make them say anything.
    pub fn open<'datagram>(
        &mut self,
        datagram: &'datagram [u8],
        from: IpAddr,
        unix_ms: u64,
        now: Duration,
    ) -> Result<Opened<'datagram>, Refusal> {
        if datagram.len() < HEADER + SEAL || datagram.len() > DATAGRAM || datagram[..4] != MAGIC {
            return Err(Refusal::NotAnEnvelope);
        }
        if datagram[4] != VERSION {
            return Err(Refusal::EnvelopeVersion(datagram[4]));
        }
        let kind = Kind::from_number(datagram[5]).ok_or(Refusal::MessageKind(datagram[5]))?;
        let node = usize::from(datagram[6]);
        if node == self.own {
            return Err(Refusal::OwnNode);
        }
        let own_address = self.senders[self.own].address;
        let sender = self.senders.get_mut(node).ok_or(Refusal::UnknownNode(datagram[6]))?;
        if from.to_canonical() != sender.address {
            return Err(Refusal::Stranger);
        }
        let (sealed, seal) = datagram.split_at(datagram.len() - SEAL);
        let expected = seal::seal_of(&self.key, sender.address, own_address, sealed);
        verify_slices_are_equal(expected.as_ref(), seal).map_err(|_| Refusal::Seal)?;

        let sequence = number(&sealed[16..24]);
        let ahead_ms = seal::sequence_ms(sequence).cast_signed() - unix_ms.cast_signed();
        if u128::from(ahead_ms.unsigned_abs()) > CLOCK_WINDOW.as_millis() {
            return Err(Refusal::ClocksDiffer { ahead_ms });
        }
        let is_restless = sender.take(number(&sealed[8..16]), sequence, now)?;
        Ok(Opened { kind, node, message: &sealed[HEADER..], ahead_ms, is_restless })
    }
}

impl Sender {
    /// Remembers a sequence of a life, which has to be greater than every one before. `true` when
    /// another life had to be forgotten for it before its time.
    fn take(&mut self, number: u64, sequence: u64, now: Duration) -> Result<bool, Refusal> {
        // Its newest message was at most a window ahead when it was heard, and would be taken for at
        // most a window after its time: two windows later nothing of it can be taken any more.
        let is_past = |heard: Duration| now.saturating_sub(heard) > 2 * CLOCK_WINDOW;
        let taken = Life { number, highest: sequence, heard: now };
        if let Some(known) = self.lives.iter_mut().flatten().find(|life| life.number == number) {
            if sequence <= known.highest {
                return Err(Refusal::Repeated);
            }
            *known = taken;
            return Ok(false);
        }
        // A floor that never went would lock a sender out whose clock was once ahead.
        self.floor = self.floor.filter(|floor| !is_past(floor.heard));
        if self.floor.is_some_and(|floor| sequence <= floor.sequence) {
            return Err(Refusal::Repeated);
        }
        let is_free = |life: &Option<Life>| life.is_none_or(|life| is_past(life.heard));
        if let Some(place) = self.lives.iter_mut().find(|life| is_free(life)) {
            *place = Some(taken);
            return Ok(false);
        }
        self.forget_oldest(taken);
        Ok(true)
    }

    /// Puts a life where the one with the lowest sequence was. The floor is below all that are left, so
    /// that it keeps nobody out whose clock goes forward.
    fn forget_oldest(&mut self, newcomer: Life) {
        let oldest = self.lives.iter_mut().flatten().min_by_key(|life| life.highest);
        let Some(oldest) = oldest else { return };
        let gone = std::mem::replace(oldest, newcomer);
        let floor = self.floor.unwrap_or(Floor { sequence: 0, heard: Duration::ZERO });
        self.floor =
            Some(Floor { sequence: floor.sequence.max(gone.highest), heard: floor.heard.max(gone.heard) });
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests;
