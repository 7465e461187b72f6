//! A network namespace with an interface, this node's and the other node's address on it, and the other
//! node's end of the conversation. Shared by the tests and by the stand-in, which runs inside.

use std::net::IpAddr;
use std::os::fd::AsFd;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use torii::ha::guard::{Farewell, Plan, Sealed};
use torii::ha::transport::presence::{Presence, Role};
use torii::ha::transport::seal::Kind;
use torii::ha::transport::udp::{Received, Station, Udp, peers as others, random_life};

use crate::peers;

pub const INTERFACE: &str = "shared0";
pub const SHARED: &str = "198.51.100.3";
pub const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const PORT: u16 = 8112;
const NODES: [[u8; 4]; 2] = [[192, 0, 2, 11], [192, 0, 2, 12]];

/// VRRP version 3, router 10, priority 0, one second, the shared address; the guard does not look into it.
pub const RESIGNATION: [u8; 12] = [0x31, 10, 0, 1, 0, 100, 0, 0, 198, 51, 100, 3];

/// Runs a test in a namespace of its own; not at all where that is not possible.
pub fn isolated(test: impl FnOnce() + Send + 'static) {
    if !peers::available(&["ip"]) || !peers::privileged() {
        return;
    }
    let outcome = std::thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).expect("root may make a network namespace");
        ip("link set lo up");
        ip(&format!("link add {INTERFACE} type veth peer name far0"));
        ip(&format!("link set {INTERFACE} up"));
        for node in addresses() {
            ip(&format!("address add {node}/24 dev {INTERFACE}"));
        }
        test();
    })
    .join();
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
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

/// One of the two nodes' sockets.
pub fn open(own: usize) -> Udp {
    Udp::open(&Station { port: PORT, secret: SECRET, nodes: &addresses(), own, interface: 0 }).unwrap()
}

/// What the guard of the first node is to do.
pub fn plan() -> Plan {
    let nodes = addresses();
    let station = Station { port: PORT, secret: SECRET, nodes: &nodes, own: 0, interface: 0 };
    let leaving = Presence { virtual_router_id: 10, role: Role::Leaving, priority: 100, serving: false };
    Plan {
        farewell: Farewell::Sealed(Sealed {
            secret: SECRET.to_vec(),
            node: 0,
            address: nodes[0],
            life: random_life().unwrap(),
            peers: others(&station),
            resignation: RESIGNATION.to_vec(),
            leaving: leaving.encode().to_vec(),
        }),
        removals: vec![removal()],
        addresses: vec![format!("{SHARED}/32")],
        interface: INTERFACE.into(),
    }
}

/// RTM_DELADDR of the shared address: netlink header, `ifaddrmsg`, IFA_LOCAL.
fn removal() -> Vec<u8> {
    let index = ip(&format!("-oneline link show dev {INTERFACE}"));
    let index: u32 = index.split(':').next().unwrap().parse().unwrap();
    let mut bytes = Vec::new();
    bytes.extend(32_u32.to_ne_bytes());
    bytes.extend(21_u16.to_ne_bytes());
    bytes.extend(5_u16.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([2, 32, 0, 0]);
    bytes.extend(index.to_ne_bytes());
    bytes.extend(8_u16.to_ne_bytes());
    bytes.extend(2_u16.to_ne_bytes());
    bytes.extend([198, 51, 100, 3]);
    bytes
}

/// The other node, which only listens.
pub struct OtherNode(Udp);

impl OtherNode {
    pub fn listen() -> Self {
        Self(open(1))
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
