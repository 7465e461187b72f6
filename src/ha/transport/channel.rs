//! The configured transport, whichever it is: what the ha thread sends by and hears from.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::dialogue::Dialogue;
use super::presence::Presence;
use super::raw::{Audience, Raw};
use super::seal::Kind;
use super::udp::{self, Refused, Station, Udp};
use super::unseal::Refusal;
use crate::config::model::{Ha, Transport};
use crate::ha::socket::Complaint;
use crate::ha::vrrp::{Advert, Datagram, Discard, Expected, Received, Way, receive};
use crate::limits::ha::CLOCK_WARNING;
use crate::limits::ha_thread::PACKET;

/// What came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, on the stack: a box would allocate for each advert"
)]
pub enum Incoming {
    /// An advert to be heeded.
    Advert(Received),
    /// A standby's sign of life.
    Presence {
        /// The node.
        from: IpAddr,
        /// What it says.
        presence: Presence,
    },
    /// Something said about a hand-over.
    Dialogue {
        /// The node.
        from: IpAddr,
        /// What it says.
        said: Dialogue,
    },
    /// A packet that is not heeded.
    Discarded {
        /// Its sender, as far as the packet says.
        from: IpAddr,
        /// Why.
        why: Discard,
    },
    /// An envelope that is not opened.
    Refused {
        /// Its sender, as far as the packet says.
        from: IpAddr,
        /// Why.
        why: Refusal,
    },
}

/// An open transport.
pub struct Channel {
    way: Wire,
    nodes: Vec<IpAddr>,
    clock: Option<(IpAddr, i64)>,
    restless: Option<IpAddr>,
}

enum Wire {
    Raw { raw: Box<Raw>, buffer: Box<[u8; PACKET]> },
    Udp { udp: Box<Udp>, buffer: Box<udp::Received> },
}

impl Channel {
    /// Opens the transport of node `own` on the interface of that index.
    ///
    /// # Errors
    /// `PermissionDenied` without CAP_NET_RAW (raw transports only); the interface or address is not there.
    pub fn open(ha: &Ha, own: usize, interface: u32) -> io::Result<Self> {
        let address = ha.nodes[own].address;
        let nodes: Vec<IpAddr> = ha.nodes.iter().map(|node| node.address).collect();
        let others: Vec<IpAddr> = nodes.iter().copied().filter(|node| *node != address).collect();
        let on = (ha.interface.as_str(), interface);
        let raw = |audience| {
            let raw = Box::new(Raw::open(address, audience, ha.checksum, on)?);
            Ok(Wire::Raw { raw, buffer: Box::new([0; PACKET]) })
        };
        let way: io::Result<Wire> = match &ha.transport {
            Transport::Unicast => raw(Audience::Nodes(&others)),
            Transport::Multicast => raw(Audience::Group),
            Transport::Udp { port, secret } => {
                let station = Station { port: *port, secret: &secret.0, nodes: &nodes, own, interface };
                let udp = Box::new(Udp::open(&station)?);
                Ok(Wire::Udp { udp, buffer: Box::default() })
            }
        };
        Ok(Self { way: way?, nodes, clock: None, restless: None })
    }

    /// Sends an advert to the other nodes. Returns those that it could not be sent to, and why.
    pub fn send(&mut self, advert: &Advert) -> Vec<(IpAddr, io::Error)> {
        match &mut self.way {
            Wire::Raw { raw, .. } => raw.send(advert),
            Wire::Udp { udp, .. } => udp.send(Kind::Advert, advert.encode_enclosed().as_slice(), unix_ms()),
        }
    }

    /// Whether a standby can say that it lives.
    pub fn carries_presence(&self) -> bool {
        matches!(self.way, Wire::Udp { .. })
    }

    /// Says it. Nothing happens where it cannot be said.
    pub fn send_presence(&mut self, presence: Presence) -> Vec<(IpAddr, io::Error)> {
        match &mut self.way {
            Wire::Raw { .. } => Vec::new(),
            Wire::Udp { udp, .. } => udp.send(Kind::Presence, &presence.encode(), unix_ms()),
        }
    }

    /// Says something to the node at `to`. Nothing happens where it cannot be said.
    ///
    /// # Errors
    /// The network does not take it.
    pub fn send_dialogue(&mut self, to: IpAddr, said: Dialogue) -> io::Result<()> {
        match &mut self.way {
            Wire::Raw { .. } => Ok(()),
            Wire::Udp { udp, .. } => udp.send_to(to, Kind::Dialogue, &said.encode(), unix_ms()),
        }
    }

    /// The next thing that came; `None` when nothing is waiting. `now` is monotonic.
    ///
    /// # Errors
    /// The socket is broken: the interface or address is gone.
    pub fn receive(&mut self, expected: &Expected, now: Duration) -> io::Result<Option<Incoming>> {
        match &mut self.way {
            Wire::Raw { raw, buffer } => Ok(raw.receive(expected, buffer)?.map(|judged| match judged {
                Ok(received) => Incoming::Advert(received),
                Err((from, why)) => Incoming::Discarded { from, why },
            })),
            Wire::Udp { udp, buffer } => {
                let Some(outcome) = udp.receive(unix_ms(), now, buffer)? else { return Ok(None) };
                Ok(Some(match outcome {
                    Ok(opened) => {
                        let from = self.nodes.get(opened.node).copied().unwrap_or(expected.own_address);
                        if opened.ahead_ms.unsigned_abs() > CLOCK_WARNING.as_millis() as u64 {
                            self.clock = Some((from, opened.ahead_ms));
                        }
                        if opened.is_restless {
                            self.restless = Some(from);
                        }
                        read(expected, opened.kind, from, opened.message)
                    }
                    Err(Refused { why, from }) => Incoming::Refused { from: from.ip(), why },
                }))
            }
        }
    }

    /// A node whose clock was seen to differ by more than `CLOCK_WARNING` since the last call, and by how
    /// many milliseconds it is ahead (negative: behind).
    pub fn clock_difference(&mut self) -> Option<(IpAddr, i64)> {
        self.clock.take()
    }

    /// A node that was seen to begin more lives in a minute than are remembered, since the last call.
    pub fn restless_node(&mut self) -> Option<IpAddr> {
        self.restless.take()
    }

    /// The next thing that the network said about a packet of ours.
    pub fn complaint(&mut self) -> Option<Complaint> {
        match &mut self.way {
            Wire::Raw { raw, .. } => raw.complaint(),
            Wire::Udp { .. } => None,
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.way {
            Wire::Raw { raw, .. } => raw.as_fd(),
            Wire::Udp { udp, .. } => udp.as_fd(),
        }
    }
}

/// What stood in an opened envelope.
fn read(expected: &Expected, kind: Kind, from: IpAddr, message: &[u8]) -> Incoming {
    match kind {
        Kind::Advert => {
            let destination = expected.own_address;
            match receive(expected, &Datagram { message, source: from, destination, way: Way::Sealed }) {
                Ok(received) => Incoming::Advert(received),
                Err(why) => Incoming::Discarded { from, why },
            }
        }
        Kind::Presence => match Presence::decode(message) {
            Some(presence) if presence.virtual_router_id == expected.virtual_router_id => {
                Incoming::Presence { from, presence }
            }
            Some(other) => of_another_router(from, other.virtual_router_id),
            None => Incoming::Discarded { from, why: Discard::TooShort },
        },
        Kind::Dialogue => match Dialogue::decode(message) {
            Some(said) if said.virtual_router_id == expected.virtual_router_id => {
                Incoming::Dialogue { from, said }
            }
            Some(other) => of_another_router(from, other.virtual_router_id),
            None => Incoming::Discarded { from, why: Discard::TooShort },
        },
    }
}

fn of_another_router(from: IpAddr, seen: u8) -> Incoming {
    Incoming::Discarded { from, why: Discard::OtherRouter { seen } }
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
