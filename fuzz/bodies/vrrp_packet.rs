//! A VRRP packet: judged by a slow reading of the RFCs, written again, and given to a standby's machine.
//!
//! The first byte of the input chooses how the receiver is set up and how the packet came.

use std::net::IpAddr;
use std::time::Duration;

use torii::ha::vrrp::{
    AddressList, Checksum, Datagram, Event, Expected, Machine, Peer, Received, Settings, State, Sum,
    Takeover, Version, Way, encode, receive, receive_ipv4,
};

/// One input, as it is and with its checksum put right: else next to nothing would get past that.
pub fn run(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    let setup = Setup::new(*choice);
    let mut repaired = bytes.to_vec();
    judge(&setup, bytes);
    if setup.repair(&mut repaired).is_some() {
        judge(&setup, &repaired);
    }
}

fn judge(setup: &Setup, bytes: &[u8]) {
    if !setup.has_header {
        let (source, destination) = (setup.peer(), setup.destination());
        let datagram = Datagram { message: bytes, source, destination, way: setup.way };
        return check(setup, &datagram, receive(&setup.expected(), &datagram).ok());
    }
    let judged = receive_ipv4(&setup.expected(), bytes).ok();
    let Some((source, destination, message)) = read_header(bytes) else {
        return assert_eq!(judged, None);
    };
    let is_group = matches!(destination, IpAddr::V4(address) if address.octets()[0] & 0xf0 == 0xe0);
    let way = if is_group { Way::Multicast { hop_limit: bytes[8] } } else { Way::Unicast };
    check(setup, &Datagram { message, source, destination, way }, judged);
}

fn check(setup: &Setup, datagram: &Datagram<'_>, received: Option<Received>) {
    let reading = setup.read(datagram);
    let said = received.map(|received| {
        let advert = received.advert;
        (advert.priority, advert.interval.as_millis() as u64, advert.addresses.as_slice().to_vec())
    });
    assert_eq!(said, reading);
    let Some(received) = received else { return };
    assert_eq!((received.from, received.advert.version), (setup.peer(), setup.version));
    check_written(setup, datagram, &received);
    check_machine(setup, &received);
}

/// What was read is written as it came, but for octets that a receiver ignores, and addresses beyond the
/// bound of the list.
fn check_written(setup: &Setup, datagram: &Datagram<'_>, received: &Received) {
    let advert = received.advert;
    if usize::from(advert.addresses.count()) > advert.addresses.as_slice().len() {
        return;
    }
    let Datagram { source, destination, .. } = *datagram;
    let written = match (setup.way, received.sum) {
        (Way::Sealed, _) => advert.encode_enclosed(),
        (_, Sum::PseudoHeader) => encode(&advert, Checksum::PseudoHeader, source, destination),
        (_, Sum::Message) => encode(&advert, Checksum::Rfc9568, source, destination),
        (_, Sum::PseudoHeaderOfGroup) => {
            encode(&advert, Checksum::PseudoHeader, source, [224, 0, 0, 18].into())
        }
    };
    let mut came = datagram.message.to_vec();
    let mut written = written.as_slice().to_vec();
    if setup.version == Version::V3 {
        came[4] &= 0xf;
    } else if setup.password.is_none() {
        let octets = came.len() - 8;
        came[octets..].fill(0);
    }
    // The sum covers what is ignored, and zero has two forms in it.
    came[6..8].fill(0);
    written[6..8].fill(0);
    assert_eq!(came, written);
}

/// A standby that hears it is still a standby, or takes over from a node that gave up.
fn check_machine(setup: &Setup, received: &Received) {
    let mut machine = Machine::new(setup.settings());
    let _ = machine.handle(Duration::ZERO, Event::Start);
    let before = machine.deadline();
    let now = Duration::from_millis(500);
    let actions = machine.handle(now, Event::Advert { advert: &received.advert, from: received.from });
    let deadline = machine.deadline().expect("a node that takes part waits for something");
    assert!(deadline > now);
    match received.advert.priority {
        0 => assert_eq!(machine.state(), State::Master),
        1..100 => assert!(actions.is_empty() && machine.deadline() == before),
        100.. => assert!(actions.is_empty() && machine.state() == State::Backup),
    }
}

/// A receiver: node B of virtual router 10.
struct Setup {
    version: Version,
    password: Option<[u8; 8]>,
    way: Way,
    is_ipv4: bool,
    has_header: bool,
}

impl Setup {
    fn new(choice: u8) -> Self {
        let version = if choice & 1 == 0 { Version::V2 } else { Version::V3 };
        let is_ipv4 = version == Version::V2 || choice & 4 == 0;
        let has_header = is_ipv4 && choice & 8 != 0;
        let way = match choice >> 4 & 3 {
            0 => Way::Sealed,
            1 => Way::Multicast { hop_limit: 255 },
            _ => Way::Unicast,
        };
        let password = (version == Version::V2 && choice & 2 == 0).then_some(*b"fowebpas");
        Self { version, password, way, is_ipv4, has_header }
    }

    fn node(&self, last: u8) -> IpAddr {
        if self.is_ipv4 {
            IpAddr::from([192, 0, 2, last])
        } else {
            IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, u16::from(last)])
        }
    }

    fn peer(&self) -> IpAddr {
        self.node(11)
    }

    fn own(&self) -> IpAddr {
        self.node(12)
    }

    fn destination(&self) -> IpAddr {
        match (self.way, self.is_ipv4) {
            (Way::Multicast { .. }, true) => [224, 0, 0, 18].into(),
            (Way::Multicast { .. }, false) => [0xff02, 0, 0, 0, 0, 0, 0, 0x12].into(),
            _ => self.own(),
        }
    }

    fn expected(&self) -> Expected {
        Expected {
            version: self.version,
            virtual_router_id: 10,
            interval: Duration::from_secs(1),
            password: self.password,
            addresses: AddressList::new(),
            own_address: self.own(),
            peers: vec![self.peer()],
        }
    }

    fn settings(&self) -> Settings {
        Settings {
            version: self.version,
            virtual_router_id: 10,
            base_priority: 100,
            priority_max: 102,
            interval: Duration::from_secs(1),
            preempt: true,
            preempt_delay: Duration::ZERO,
            down_adverts: 3,
            own_address: self.own(),
            peers: vec![Peer { address: self.peer(), priority_max: 102 }],
            takeover: Takeover::Immediate,
        }
    }

    /// Priority, interval in milliseconds and addresses, if a node heeds the message.
    fn read(&self, datagram: &Datagram<'_>) -> Option<(u8, u64, Vec<IpAddr>)> {
        let message = datagram.message;
        let is_v2 = self.version == Version::V2;
        let octet = |at: usize| message.get(at).copied();
        let size = if self.is_ipv4 { 4 } else { 16 };
        let count = usize::from(octet(3)?);
        let length = 8 + count * size + if is_v2 { 8 } else { 0 };
        let first = if is_v2 { 0x21 } else { 0x31 };
        if octet(0)? != first || octet(1)? != 10 || message.len() != length {
            return None;
        }
        let interval = if is_v2 {
            match self.password {
                Some(password) if octet(4)? != 1 || message[length - 8..] != password => return None,
                None if octet(4)? != 0 => return None,
                _ => u64::from(octet(5)?) * 1000,
            }
        } else {
            (u64::from(octet(4)? % 16) * 256 + u64::from(octet(5)?)) * 10
        };
        if is_v2 && interval != 1000 || interval == 0 || !self.route_is_right(datagram) {
            return None;
        }
        if !self.sum_is_right(datagram) {
            return None;
        }
        let addresses = message[8..8 + count * size].chunks(size).map(|octets| {
            octets.try_into().map(|octets: [u8; 4]| octets.into()).unwrap_or_else(|_| {
                let octets: [u8; 16] = octets.try_into().expect("four or sixteen");
                IpAddr::from(octets)
            })
        });
        Some((octet(2)?, interval, addresses.take(64).collect()))
    }

    /// Writes the checksum that a sender would: with the pseudo-header in IPv6, the message alone in IPv4.
    fn repair(&self, bytes: &mut [u8]) -> Option<()> {
        let message = if self.has_header {
            let length = read_header(bytes)?.2.len();
            let begin = usize::from(bytes[0] % 16) * 4;
            &mut bytes[begin..begin + length]
        } else {
            bytes
        };
        message.get_mut(6..8)?.fill(0);
        let has_pseudo_header = !self.is_ipv4 && self.way != Way::Sealed;
        let sum = if has_pseudo_header { self.sum_behind(self.destination(), message) } else { sum(message) };
        message[6..8].copy_from_slice(&(!sum).to_be_bytes());
        Some(())
    }

    /// The sum of a message after the pseudo-header.
    fn sum_behind(&self, destination: IpAddr, message: &[u8]) -> u16 {
        let mut bytes = octets(self.peer());
        bytes.extend(octets(destination));
        bytes.extend([0, 0, 0, 112]);
        bytes.extend((message.len() as u32).to_be_bytes());
        bytes.extend(message);
        sum(&bytes)
    }

    fn route_is_right(&self, datagram: &Datagram<'_>) -> bool {
        let is_peer = datagram.source == self.peer();
        let group: IpAddr =
            if self.is_ipv4 { [224, 0, 0, 18].into() } else { [0xff02, 0, 0, 0, 0, 0, 0, 0x12].into() };
        match datagram.way {
            Way::Multicast { hop_limit } => is_peer && hop_limit == 255 && datagram.destination == group,
            Way::Unicast | Way::Sealed => is_peer,
        }
    }

    fn sum_is_right(&self, datagram: &Datagram<'_>) -> bool {
        let behind = |destination| self.sum_behind(destination, datagram.message) == 0xffff;
        let alone = sum(datagram.message) == 0xffff;
        match (datagram.way, self.is_ipv4, self.version) {
            (Way::Sealed, ..) => alone,
            (_, false, _) => behind(datagram.destination),
            (_, true, Version::V2) => alone,
            (_, true, Version::V3) => alone || behind(datagram.destination) || behind([224, 0, 0, 18].into()),
        }
    }
}

/// Source, destination and what follows the header, if it is IPv4 and VRRP.
fn read_header(packet: &[u8]) -> Option<(IpAddr, IpAddr, &[u8])> {
    let header = packet.get(..20)?;
    let size = usize::from(header[0] % 16) * 4;
    let total = usize::from(header[2]) * 256 + usize::from(header[3]);
    if header[0] / 16 != 4 || size < 20 || header[9] != 112 || total < size || total > packet.len() {
        return None;
    }
    let address = |at: usize| IpAddr::from([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    Some((address(12), address(16), &packet[size..total]))
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The ones' complement sum, word by word, with the carry taken round each time.
fn sum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u16;
    for pair in bytes.chunks(2) {
        let word = u16::from(pair[0]) << 8 | u16::from(pair.get(1).copied().unwrap_or(0));
        let (added, carry) = sum.overflowing_add(word);
        sum = added + u16::from(carry);
    }
    sum
}
