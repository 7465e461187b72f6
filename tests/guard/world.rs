//! A network namespace with an interface, this node's and the other node's address on it, and the other
//! node's end of the conversation. Shared by the tests and by the stand-in, which runs inside.

use std::net::IpAddr;
use std::os::fd::AsFd;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use torii::config::model::{Checksum, Ha, HaNode, Secret, Takeover, Transport, Version};
use torii::ha::transport::seal::Kind;
use torii::ha::transport::udp::{Received, Station, Udp};

use crate::peers;

pub const INTERFACE: &str = "shared0";
pub const SHARED: &str = "198.51.100.3";
pub const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const PORT: u16 = 8112;
const NODES: [[u8; 4]; 2] = [[192, 0, 2, 11], [192, 0, 2, 12]];

/// VRRP version 3, router 10, priority 0, one second, checksum of the message alone, the shared address.
pub const RESIGNATION: [u8; 12] = [0x31, 10, 0, 1, 0, 100, 0xa4, 0x59, 198, 51, 100, 3];

/// Runs a test in a namespace of its own; not at all where that is not possible.
pub fn isolated(test: impl FnOnce() + Send + 'static) {
    if !peers::available(&["ip"]) || !peers::privileged() {
        return;
    }
    let outcome = std::thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).expect("root may make a network namespace");
        ip("link set lo up");
        make_interface();
        test();
    })
    .join();
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

/// The interface, up, with both nodes' addresses.
pub fn make_interface() {
    ip(&format!("link add {INTERFACE} type veth peer name far0"));
    ip(&format!("link set {INTERFACE} up"));
    for node in addresses() {
        ip(&format!("address add {node}/24 dev {INTERFACE}"));
    }
}

pub fn ip(arguments: &str) -> String {
    let output = Command::new(peers::find("ip").unwrap()).args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub fn has_shared_address() -> bool {
    ip(&format!("-oneline address show dev {INTERFACE}")).contains(SHARED)
}

pub fn wait_for_the_address_to_go() {
    peers::wait_until("the shared address to be removed", || !has_shared_address());
}

fn addresses() -> [IpAddr; 2] {
    NODES.map(IpAddr::from)
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// The pair of both.
pub fn pair() -> Ha {
    let node = |name: &str, address, priority| HaNode { name: name.into(), address, priority };
    let [first, second] = addresses();
    Ha {
        interface: INTERFACE.into(),
        virtual_router_id: 10,
        addresses: vec![format!("{SHARED}/32").parse().unwrap()],
        version: Version::V3,
        advert_interval: Duration::from_secs(1),
        auth_pass: None,
        serving_weight: 2,
        preempt: true,
        preempt_delay: Duration::ZERO,
        takeover: Takeover::Immediate,
        transport: Transport::Udp { port: PORT, secret: Secret(SECRET.into()) },
        checksum: Checksum::PseudoHeader,
        drain: Duration::ZERO,
        stall_limit: Duration::from_secs(1),
        announce_refresh: Duration::ZERO,
        notify: None,
        nodes: vec![node("first", first, 100), node("second", second, 99)],
    }
}

/// Index of the interface.
pub fn index() -> u32 {
    let line = ip(&format!("-oneline link show dev {INTERFACE}"));
    line.split(':').next().unwrap().parse().unwrap()
}

/// The other node, which only listens.
pub struct OtherNode(Udp);

impl OtherNode {
    pub fn listen() -> Self {
        let nodes = addresses();
        let station = Station { port: PORT, secret: SECRET, nodes: &nodes, own: 1, interface: 0 };
        Self(Udp::open(&station).unwrap())
    }

    /// The next message; waits for it.
    pub fn next(&mut self) -> (Kind, Vec<u8>) {
        let limit = PollTimeout::try_from(peers::PATIENCE).unwrap();
        poll(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)], limit).unwrap();
        self.waiting().expect("a message from the first node")
    }

    /// The next message, if one is there already.
    pub fn waiting(&mut self) -> Option<(Kind, Vec<u8>)> {
        let mut buffer = Received::default();
        let received = self.0.receive(unix_ms(), Duration::ZERO, &mut buffer).unwrap()?;
        let opened = received.expect("a message that can be believed");
        Some((opened.kind, opened.message.to_vec()))
    }

    /// Three adverts of priority 0, then the address gone, then nothing more.
    pub fn sees_the_resignation(&mut self) {
        for _ in 0..3 {
            assert_eq!(self.next(), (Kind::Advert, RESIGNATION.to_vec()));
        }
        wait_for_the_address_to_go();
        assert_eq!(self.waiting(), None);
    }
}
