//! Raw sockets: VRRP over IP (protocol 112) and Ethernet frames for announcements.
//!
//! Opened and used by `transport` and `announce` on the ha thread; needs CAP_NET_RAW at opening only.
//! Every call returns at once. Two sockets for VRRP, as keepalived has them: the receiver is bound to our
//! own address (or the group) and to the interface, so that nothing else is ever looked at; the sender
//! has a filter that refuses every packet, so that nothing piles up in it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrIn, SockaddrIn6, SockaddrLike, recvmsg, setsockopt, sockopt,
};
use socket2::{Domain, Protocol, SockAddr, SockFilter, Socket, Type};

/// VRRP's protocol number (RFC 9568 section 5.1.1.4).
pub const VRRP_PROTOCOL: i32 = 112;

/// Time to live of everything sent: receivers of a multicast advert refuse any other (RFC 9568 section
/// 5.1.1.3), because it proves that no router forwarded the packet.
pub const HOPS: u32 = 255;

/// CS6, internetwork control: the last traffic a congested network drops.
pub const CONTROL_CLASS: u32 = 0xc0;

/// Where adverts of a transport go and come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Our own address; adverts come to it.
    Address,
    /// The group; adverts come to it, and go there from our own address.
    Group(IpAddr),
}

/// What the network said about a packet of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Complaint {
    /// Where the packet was sent to.
    pub peer: IpAddr,
    /// What came of it.
    pub kind: Unreached,
}

/// Why a packet did not reach a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreached {
    /// The peer's kernel answers that nobody speaks VRRP there: the machine lives, the program does not.
    NoProgram,
    /// Nobody answers for the address.
    NoHost,
    /// A firewall says that it refuses VRRP.
    Refused,
}

/// A datagram's frame, without its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// Bytes of the buffer that were filled; with IPv4 the IP header is among them.
    pub length: usize,
    /// Who sent it.
    pub from: IpAddr,
    /// IPv6 hop limit; with IPv4 it stands in the header.
    pub hops: Option<u8>,
}

/// Takes adverts from the network.
#[derive(Debug)]
pub struct Receiver {
    socket: Socket,
    family: Domain,
    control: Vec<u8>,
}

impl Receiver {
    /// Opens the socket of `own` on `interface` (its name and index).
    ///
    /// # Errors
    /// `PermissionDenied` without CAP_NET_RAW; the interface or the address is not there.
    pub fn open(own: IpAddr, bound: Bound, interface: (&str, u32)) -> io::Result<Self> {
        let family = Domain::for_address(SocketAddr::new(own, 0));
        let socket = raw_socket(family)?;
        socket.bind_device(Some(interface.0.as_bytes()))?;
        if own.is_ipv4() {
            socket.set_freebind_v4(true)?;
            setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?;
        } else {
            socket.set_freebind_v6(true)?;
            socket.set_recv_hoplimit_v6(true)?;
            setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?;
        }
        let address = match bound {
            Bound::Address => own,
            Bound::Group(group) => {
                join(&socket, group, own, interface.1)?;
                group
            }
        };
        socket.bind(&SockAddr::from(SocketAddr::new(address, 0)))?;
        Ok(Self { socket, family, control: nix::cmsg_space!([u8; 256]) })
    }

    /// The next packet, if there is one.
    ///
    /// # Errors
    /// The socket is broken: the interface is gone. What the network complained about is no error here.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<Envelope>> {
        let received = if self.family == Domain::IPV4 {
            receive_as::<SockaddrIn>(&self.socket, buffer, &mut self.control, MsgFlags::empty())
        } else {
            receive_as::<SockaddrIn6>(&self.socket, buffer, &mut self.control, MsgFlags::empty())
        };
        match received {
            Ok(received) => {
                let Some(from) = received.address else { return Ok(None) };
                Ok(Some(Envelope { length: received.length, from, hops: received.hops }))
            }
            Err(Errno::ENETDOWN | Errno::ENODEV) => Err(Errno::ENETDOWN.into()),
            // Nothing there; or a complaint that came by the error queue is told once more in this way.
            Err(_) => Ok(None),
        }
    }

    /// The next complaint, if there is one.
    pub fn complaint(&mut self) -> Option<Complaint> {
        let mut packet = [0; 64];
        let received = if self.family == Domain::IPV4 {
            receive_as::<SockaddrIn>(&self.socket, &mut packet, &mut self.control, MsgFlags::MSG_ERRQUEUE)
        } else {
            receive_as::<SockaddrIn6>(&self.socket, &mut packet, &mut self.control, MsgFlags::MSG_ERRQUEUE)
        };
        let received = received.ok()?;
        Some(Complaint { peer: received.address?, kind: received.unreached? })
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Sends adverts.
#[derive(Debug)]
pub struct Sender {
    socket: Socket,
}

impl Sender {
    /// Opens a socket that sends from `own` through `interface` (its name and index).
    ///
    /// # Errors
    /// As `Receiver::open`.
    pub fn open(own: IpAddr, bound: Bound, interface: (&str, u32)) -> io::Result<Self> {
        let family = Domain::for_address(SocketAddr::new(own, 0));
        let socket = raw_socket(family)?;
        // BPF "return 0": no packet ever gets in.
        let refuse = SockFilter::new((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, 0);
        socket.attach_filter(&[refuse])?;
        socket.bind_device(Some(interface.0.as_bytes()))?;
        if own.is_ipv4() {
            socket.set_freebind_v4(true)?;
            socket.set_tos_v4(CONTROL_CLASS)?;
            socket.set_ttl_v4(HOPS)?;
            may_fragment(&socket)?;
        } else {
            socket.set_freebind_v6(true)?;
            socket.set_tclass_v6(CONTROL_CLASS)?;
            socket.set_unicast_hops_v6(HOPS)?;
        }
        if let Bound::Group(group) = bound {
            send_to_group(&socket, group, own, interface.1)?;
        }
        socket.bind(&SockAddr::from(SocketAddr::new(own, 0)))?;
        Ok(Self { socket })
    }

    /// Sends one VRRP message; the kernel writes the IP header.
    ///
    /// # Errors
    /// The network's or the firewall's refusal; `WouldBlock` when the device's queue is full.
    pub fn send(&self, message: &[u8], to: IpAddr) -> io::Result<()> {
        self.socket.send_to(message, &SockAddr::from(SocketAddr::new(to, 0))).map(|_| ())
    }
}

impl AsFd for Sender {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Sends whole Ethernet frames on one interface, and receives none.
#[derive(Debug)]
pub struct PacketSocket {
    socket: Socket,
}

impl PacketSocket {
    /// Opens it on the interface of that index.
    ///
    /// # Errors
    /// `PermissionDenied` without CAP_NET_RAW; there is no such interface.
    pub fn open(interface: u32) -> io::Result<Self> {
        // Protocol 0: the kernel hands it nothing (packet(7)).
        let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&link_address(interface)?)?;
        Ok(Self { socket })
    }

    /// Sends one frame.
    ///
    /// # Errors
    /// `ENETDOWN` on an interface that is down; `WouldBlock` when the device's queue is full.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.socket.send(frame).map(|_| ())
    }
}

fn raw_socket(family: Domain) -> io::Result<Socket> {
    let socket = Socket::new(family, Type::RAW, Some(Protocol::from(VRRP_PROTOCOL)))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn join(socket: &Socket, group: IpAddr, own: IpAddr, interface: u32) -> io::Result<()> {
    match group {
        IpAddr::V4(group) => {
            // Only groups that this socket joined; without it the machine's other memberships count too.
            socket.set_multicast_all_v4(false)?;
            let by_index = socket2::InterfaceIndexOrAddress::Index(interface);
            socket.join_multicast_v4_n(&group, &by_index)
        }
        IpAddr::V6(group) => {
            debug_assert!(own.is_ipv6(), "one family");
            socket.set_multicast_all_v6(false)?;
            socket.join_multicast_v6(&group, interface)
        }
    }
}

fn send_to_group(socket: &Socket, group: IpAddr, own: IpAddr, interface: u32) -> io::Result<()> {
    if group.is_ipv4() {
        let own = match own {
            IpAddr::V4(own) => own,
            IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
        };
        socket.set_multicast_if_v4(&own)?;
        socket.set_multicast_loop_v4(false)?;
        socket.set_multicast_ttl_v4(HOPS)
    } else {
        socket.set_multicast_if_v6(interface)?;
        socket.set_multicast_loop_v6(false)?;
        socket.set_multicast_hops_v6(HOPS)
    }
}

/// Clears "don't fragment", as keepalived does; an advert of many addresses may be cut by a small link.
fn may_fragment(socket: &Socket) -> io::Result<()> {
    let value: libc::c_int = libc::IP_PMTUDISC_DONT;
    // SAFETY: the pointer and length describe `value`, which lives until the call returns, and the
    // descriptor belongs to `socket`.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_MTU_DISCOVER,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    Errno::result(result).map(drop).map_err(io::Error::from)
}

fn link_address(interface: u32) -> io::Result<SockAddr> {
    let index = i32::try_from(interface).map_err(|_| io::Error::from(Errno::ENODEV))?;
    // SAFETY: `try_init` gives zeroed storage at least as large as any socket address; a `sockaddr_ll`
    // of zeroes is valid, and the length set is its own.
    let ((), address) = unsafe {
        SockAddr::try_init(|storage, length| {
            let address = storage.cast::<libc::sockaddr_ll>();
            (*address).sll_family = libc::AF_PACKET as libc::c_ushort;
            (*address).sll_ifindex = index;
            *length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
            Ok(())
        })
    }?;
    Ok(address)
}

/// What `receive_as` found.
struct Received {
    length: usize,
    address: Option<IpAddr>,
    hops: Option<u8>,
    unreached: Option<Unreached>,
}

/// An address of the kernel's as an IP address.
trait Ip: SockaddrLike {
    fn ip(&self) -> IpAddr;
}

impl Ip for SockaddrIn {
    fn ip(&self) -> IpAddr {
        IpAddr::V4(SockaddrIn::ip(self))
    }
}

impl Ip for SockaddrIn6 {
    fn ip(&self) -> IpAddr {
        IpAddr::V6(SockaddrIn6::ip(self))
    }
}

fn receive_as<A: Ip>(
    socket: &Socket,
    buffer: &mut [u8],
    control: &mut [u8],
    flags: MsgFlags,
) -> nix::Result<Received> {
    let mut parts = [io::IoSliceMut::new(buffer)];
    let message = recvmsg::<A>(socket.as_raw_fd(), &mut parts, Some(control), flags)?;
    let mut received = Received {
        length: message.bytes,
        address: message.address.as_ref().map(Ip::ip),
        hops: None,
        unreached: None,
    };
    for item in message.cmsgs()? {
        match item {
            ControlMessageOwned::Ipv6HopLimit(hops) => received.hops = u8::try_from(hops).ok(),
            ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _) => {
                received.unreached = unreached(error.ee_origin, error.ee_type, error.ee_code);
            }
            _ => {}
        }
    }
    Ok(received)
}

/// The meaning of an ICMP message (RFC 792, RFC 1812 section 5.2.7.1; RFC 4443 section 3).
fn unreached(origin: u8, kind: u8, code: u8) -> Option<Unreached> {
    match (origin, kind, code) {
        // Destination unreachable, protocol; parameter problem, unrecognised next header.
        (libc::SO_EE_ORIGIN_ICMP, 3, 2) | (libc::SO_EE_ORIGIN_ICMP6, 4, 1) => Some(Unreached::NoProgram),
        (libc::SO_EE_ORIGIN_ICMP, 3, 9 | 10 | 13) | (libc::SO_EE_ORIGIN_ICMP6, 1, 1 | 5 | 6) => {
            Some(Unreached::Refused)
        }
        (libc::SO_EE_ORIGIN_ICMP, 3, 0 | 1 | 6 | 7) | (libc::SO_EE_ORIGIN_ICMP6, 1, 0 | 3) => {
            Some(Unreached::NoHost)
        }
        _ => None,
    }
}
