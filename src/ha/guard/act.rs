//! What the guard does when torii has died, all of it prepared before. Allocates nothing and waits for
//! nothing: a machine without memory may be the very reason why it is needed.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, SockaddrStorage, bind, recv,
    send, sendto, socket,
};

use super::plan::{Farewell, Plan, Sealed};
use crate::ha::transport::seal::{DATAGRAM, Kind, Sealer};
use crate::limits::ha::RESIGN_REPEAT;

/// RTM_DELADDR that names no interface: refused with EPERM without CAP_NET_ADMIN, and otherwise as
/// nonsense, so that it tells the one from the other and changes nothing. Header (length, type, flags
/// REQUEST and ACK, sequence, port) and an `ifaddrmsg` of zeros but for the family IPv4.
const PERMISSION_PROBE: [u8; 24] = {
    let mut probe = [0; 24];
    let length = 24_u32.to_ne_bytes();
    let kind = 21_u16.to_ne_bytes();
    let flags = 5_u16.to_ne_bytes();
    probe[0] = length[0];
    probe[1] = length[1];
    probe[2] = length[2];
    probe[3] = length[3];
    probe[4] = kind[0];
    probe[5] = kind[1];
    probe[6] = flags[0];
    probe[7] = flags[1];
    probe[16] = 2;
    probe
};

/// Everything in place.
pub struct Ready {
    netlink: OwnedFd,
    removals: Vec<Vec<u8>>,
    voice: Voice,
    /// Standard error's line when all went well, and when an address stayed.
    done: String,
    stuck: String,
    outgoing: [u8; DATAGRAM],
}

enum Voice {
    Unsealed(Vec<(SockaddrStorage, Vec<u8>)>),
    Sealed {
        sealer: Box<Sealer>,
        peers: Vec<(SocketAddr, SockaddrStorage)>,
        resignation: Vec<u8>,
        leaving: Vec<u8>,
    },
}

impl Ready {
    /// Prepares a plan.
    ///
    /// # Errors
    /// There is no netlink socket.
    pub fn prepare(plan: Plan) -> io::Result<Self> {
        let told = plan.farewell.peers().join(", ");
        let addresses = plan.addresses.join(", ");
        let done = format!(
            "torii-guard: torii died while it was active: {told} told by priority 0, {addresses} removed from {}\n",
            plan.interface
        );
        let stuck = format!(
            "torii-guard: torii died while it was active: {told} told by priority 0, but {addresses} could not be \
             removed. Do it by hand: ip address del ADDRESS dev {}\n",
            plan.interface
        );
        let netlink = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )?;
        bind(netlink.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
        let voice = match plan.farewell {
            Farewell::Unsealed(packets) => Voice::Unsealed(
                packets
                    .into_iter()
                    .map(|unsealed| (SockaddrStorage::from(unsealed.to), unsealed.packet))
                    .collect(),
            ),
            Farewell::Sealed(Sealed { secret, node, address, life, peers, resignation, leaving }) => {
                Voice::Sealed {
                    sealer: Box::new(Sealer::new(&secret, node, address, life)),
                    peers: peers.into_iter().map(|peer| (peer, SockaddrStorage::from(peer))).collect(),
                    resignation,
                    leaving,
                }
            }
        };
        Ok(Self { netlink, removals: plan.removals, voice, done, stuck, outgoing: [0; DATAGRAM] })
    }

    /// Whether the kernel lets this process remove addresses.
    pub fn may_remove(&self) -> bool {
        self.request(&PERMISSION_PROBE) != Some(libc::EPERM)
    }

    /// Seals a message for nobody, so that the code that does it is in memory when it is needed.
    pub fn rehearse(&mut self) {
        if let Voice::Sealed { sealer, peers, resignation, .. } = &mut self.voice
            && let Some((peer, _)) = peers.first()
        {
            sealer.seal(Kind::Advert, peer.ip(), unix_ms(), resignation, &mut self.outgoing);
        }
    }

    /// torii died while active. The others are told first: whoever takes over announces the addresses,
    /// and nothing that this machine still answers for a few microseconds outlives that. One lost packet
    /// would cost the whole wait for silence, hence the repetition; it comes after the removal, which
    /// matters more.
    ///
    /// Returns what to say about it.
    pub fn resign(&mut self, from: &impl AsFd) -> &str {
        self.tell(from, false);
        let mut all_removed = true;
        for removal in &self.removals {
            let outcome = self.request(removal);
            // Not there, or its interface is gone: either way nobody is reached by it here.
            all_removed &= matches!(outcome, Some(0 | libc::EADDRNOTAVAIL | libc::ENODEV));
        }
        for _ in 1..RESIGN_REPEAT {
            self.tell(from, false);
        }
        if all_removed { &self.done } else { &self.stuck }
    }

    /// torii died while standby: over UDP the active node can be told that nobody would take over.
    pub fn leave(&mut self, from: &impl AsFd) {
        self.tell(from, true);
    }

    /// Sends each other node the farewell of an active or of a standby node. What cannot be sent is not
    /// tried again: the next round is, and silence says the same a little later.
    fn tell(&mut self, from: &impl AsFd, is_standby: bool) {
        let from = from.as_fd().as_raw_fd();
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        match &mut self.voice {
            Voice::Unsealed(_) if is_standby => {}
            Voice::Unsealed(packets) => {
                for (to, packet) in packets {
                    let _ = sendto(from, packet, to, flags);
                }
            }
            Voice::Sealed { sealer, peers, resignation, leaving } => {
                let (kind, message) =
                    if is_standby { (Kind::Presence, leaving) } else { (Kind::Advert, resignation) };
                for (peer, to) in peers {
                    let datagram = sealer.seal(kind, peer.ip(), unix_ms(), message, &mut self.outgoing);
                    let _ = sendto(from, datagram, to, flags);
                }
            }
        }
    }

    /// Has the kernel carry a request out, which it does inside the call; its answer as an error number, 0
    /// for success, `None` when there was none.
    fn request(&self, request: &[u8]) -> Option<i32> {
        let netlink = self.netlink.as_raw_fd();
        if let Err(error) = send(netlink, request, MsgFlags::MSG_DONTWAIT) {
            return Some(error as i32);
        }
        // An acknowledgement: netlink header of 16 bytes, error number, and the request again.
        let mut answer = [0; 512];
        let length = recv(netlink, &mut answer, MsgFlags::MSG_DONTWAIT).ok()?;
        let error = answer.get(16..20).filter(|_| length >= 20)?;
        Some(-i32::from_ne_bytes([error[0], error[1], error[2], error[3]]))
    }
}

impl Farewell {
    fn peers(&self) -> Vec<String> {
        match self {
            Self::Unsealed(packets) => packets.iter().map(|unsealed| unsealed.to.ip().to_string()).collect(),
            Self::Sealed(sealed) => sealed.peers.iter().map(|peer| peer.ip().to_string()).collect(),
        }
    }
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
