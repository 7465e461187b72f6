//! Opens the envelopes of `seal`: decides whether a datagram is what the node it names sent just now.
//!
//! Called by `transport::udp` for every datagram that arrives, a stranger's included. Without I/O: the
//! time is an argument. A datagram that is refused changes nothing but a count.
//!
//! Against repetition a receiver remembers, for each life of each sender, the highest sequence it took;
//! and it takes nothing whose time is more than `CLOCK_WINDOW` from its own clock. A sender that starts
//! again has a new life. A life is forgotten only when all it can have sealed has left the window, so
//! that nothing is ever taken twice by one life of a receiver.

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
    /// The sender has begun more lives than are remembered, in a few seconds.
    TooManyLives,
}

impl Refusal {
    /// Every name, in the order of `index`.
    pub const NAMES: [&'static str; 10] = [
        "not_an_envelope",
        "envelope_version",
        "message_kind",
        "unknown_node",
        "own_node",
        "stranger",
        "wrong_seal",
        "clocks_differ",
        "repeated",
        "too_many_lives",
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
            Self::TooManyLives => 9,
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
            Self::TooManyLives => {
                "the other node starts again and again: look into its log, it crashes soon after its start"
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
}

/// What was taken from one life of a sender.
#[derive(Clone, Copy)]
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
            addresses.iter().map(|&address| Sender { address, lives: [None; SENDER_LIVES] }).collect();
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
        sender.take(number(&sealed[8..16]), sequence, now)?;
        Ok(Opened { kind, node, message: &sealed[HEADER..], ahead_ms })
    }
}

impl Sender {
    /// Remembers a sequence of a life, which has to be greater than every one before.
    fn take(&mut self, number: u64, sequence: u64, now: Duration) -> Result<(), Refusal> {
        let taken = Some(Life { number, highest: sequence, heard: now });
        if let Some(known) = self.lives.iter_mut().flatten().find(|life| life.number == number) {
            if sequence <= known.highest {
                return Err(Refusal::Repeated);
            }
            *known = Life { number, highest: sequence, heard: now };
            return Ok(());
        }
        // Its newest message was at most a window ahead when it was heard, and would be taken for at
        // most a window after its time: two windows later nothing of it can be taken any more.
        let forgotten = |life: &Life| now.saturating_sub(life.heard) > 2 * CLOCK_WINDOW;
        let place = self.lives.iter_mut().find(|life| life.as_ref().is_none_or(forgotten));
        *place.ok_or(Refusal::TooManyLives)? = taken;
        Ok(())
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests;
