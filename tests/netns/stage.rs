//! The network of a test: a bridge in a namespace of its own, and a namespace each for the two nodes, the
//! web servers and the client.
//!
//! ```text
//!              lan: bridge br0
//!    port-a ─┬─ port-b ─┬─ port-web ─┬─ port-client
//!    node A     node B     web          client        each with eth0
//! ```
//!
//! All addresses come from the ranges for documentation. Faults of the network are made in `lan`, where no
//! node can see how.

use std::fs::File;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, setns};
use tempfile::TempDir;

use crate::{peers, stale};

/// The shared address, and the port on which the nodes serve.
pub const SHARED: &str = "198.51.100.3";
pub const SHARED_V6: &str = "2001:db8::3";
pub const PORT: u16 = 80;

/// Where a process or thread of a test runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Lan,
    A,
    B,
    Web,
    Client,
}

impl Place {
    const ALL: [Self; 5] = [Self::Lan, Self::A, Self::B, Self::Web, Self::Client];
    const ON_BRIDGE: [Self; 4] = [Self::A, Self::B, Self::Web, Self::Client];
    pub const NODES: [Self; 2] = [Self::A, Self::B];

    /// Its name in namespaces, ports and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lan => "lan",
            Self::A => "a",
            Self::B => "b",
            Self::Web => "web",
            Self::Client => "client",
        }
    }

    /// Its port on the bridge.
    pub fn port(self) -> String {
        format!("port-{}", self.name())
    }

    /// Last byte of its addresses.
    fn number(self) -> u8 {
        match self {
            Self::Lan => 0,
            Self::A => 1,
            Self::B => 2,
            Self::Web => 11,
            Self::Client => 100,
        }
    }

    /// Its address in the network of the shared address.
    pub fn address(self) -> IpAddr {
        IpAddr::from([198, 51, 100, self.number()])
    }

    /// The same in IPv6.
    pub fn address_v6(self) -> IpAddr {
        IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(self.number())])
    }

    /// Its address in the network of the web servers.
    pub fn inner_address(self) -> IpAddr {
        IpAddr::from([192, 0, 2, self.number()])
    }

    /// Its interface's hardware address.
    pub fn hardware(self) -> [u8; 6] {
        [2, 0, 0, 0, 0, self.number()]
    }

    /// The other node.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
            place => unreachable!("{place:?} is not one of a pair"),
        }
    }

    fn addresses(self) -> Vec<String> {
        let number = self.number();
        match self {
            Self::Lan => Vec::new(),
            Self::Web => (11..=13).map(|number| format!("192.0.2.{number}/24")).collect(),
            Self::Client => vec![format!("198.51.100.{number}/24"), format!("2001:db8::{number:x}/64")],
            Self::A | Self::B => vec![
                format!("198.51.100.{number}/24"),
                format!("192.0.2.{number}/24"),
                format!("2001:db8::{number:x}/64"),
            ],
        }
    }
}

/// A fault of one node's cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The cable is pulled: the node sees that it has no carrier.
    Carrier,
    /// Nothing passes, but the carrier stays, as with a dead switch between.
    Silent,
    /// The node sends and hears nothing.
    CannotHear,
    /// The node hears, and nothing that it sends arrives.
    CannotSend,
    /// A firewall that lets only TCP, UDP, ICMP and ARP pass, as some clouds have.
    NoVrrp,
    /// The node and the web servers do not see each other.
    NoServers,
}

/// The network. Removed, with everything that runs in it, when dropped.
pub struct Stage {
    prefix: String,
    folder: TempDir,
}

impl Stage {
    /// Sets it up. `None`, after a printed reason, where a program or the right to do so is missing.
    pub fn set(programs: &[&str]) -> Option<Self> {
        let own = ["ip", "nft", "setpriv"];
        let programs: Vec<&str> = own.into_iter().chain(programs.iter().copied()).collect();
        if !peers::privileged() || !peers::available(&programs) {
            return None;
        }
        stale::remove_stale();
        let stage = Self { prefix: stale::fresh_prefix(), folder: tempfile::tempdir().unwrap() };
        stage.build();
        Some(stage)
    }

    /// A folder that lives as long as the stage.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Name of a place's namespace.
    pub fn namespace(&self, place: Place) -> String {
        format!("{}-{}", self.prefix, place.name())
    }

    fn build(&self) {
        let all = Place::ALL.map(|place| format!("netns add {}\n", self.namespace(place))).concat();
        batch(&[], &all);
        let mut lan = "link add br0 type bridge\nlink set br0 up\n".to_owned();
        for place in Place::ON_BRIDGE {
            let (port, namespace) = (place.port(), self.namespace(place));
            lan.push_str(&format!(
                "link add {port} type veth peer name eth0 address {} netns {namespace}\n\
                 link set {port} master br0 up\n",
                dotted(place.hardware())
            ));
        }
        self.configure(Place::Lan, &lan);
        for place in Place::ON_BRIDGE {
            let nodad = |address: &str| if address.contains(':') { " nodad" } else { "" };
            let mut lines = "link set lo up\nlink set eth0 up\n".to_owned();
            for address in place.addresses() {
                lines.push_str(&format!("addr add {address} dev eth0{}\n", nodad(&address)));
            }
            self.configure(place, &lines);
        }
        for node in Place::NODES {
            // HAProxy binds the shared address before its node owns it.
            self.sysctl(node, "ipv4/ip_nonlocal_bind", "1");
            self.sysctl(node, "ipv6/ip_nonlocal_bind", "1");
        }
    }

    /// Runs lines of `ip` in a place.
    pub fn configure(&self, place: Place, lines: &str) {
        batch(&["-n", &self.namespace(place)], lines);
    }

    /// Sets a value of a place's network.
    pub fn sysctl(&self, place: Place, name: &str, value: &str) {
        let path = format!("/proc/sys/net/{name}");
        self.inside(place, || std::fs::write(path, value).unwrap());
    }

    /// A command that will run in a place, and end with the thread that starts it at the latest.
    pub fn command(&self, place: Place, program: impl AsRef<Path>) -> Command {
        let mut command = peers::command("ip");
        command.args(["netns", "exec", &self.namespace(place)]);
        command.args(["setpriv", "--pdeathsig", "KILL"]).arg(program.as_ref());
        command
    }

    /// Runs a function on a thread in a place: the sockets that it opens are of that network.
    pub fn inside<T: Send>(&self, place: Place, work: impl FnOnce() -> T + Send) -> T {
        let namespace = self.open(place);
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                enter(&namespace);
                work()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// A place's namespace, for a thread that wants to `enter` it.
    pub fn open(&self, place: Place) -> File {
        File::open(Path::new("/run/netns").join(self.namespace(place))).unwrap()
    }

    /// Damages a node's cable.
    pub fn cut(&self, node: Place, cut: Cut) {
        let port = node.port();
        let web = Place::Web.port();
        let rule = match cut {
            Cut::Carrier => return self.configure(Place::Lan, &format!("link set {port} down\n")),
            Cut::Silent => {
                return self.filter(&format!("iifname {port} drop\noifname {port} drop"));
            }
            Cut::CannotHear => format!("oifname {port} drop"),
            Cut::CannotSend => format!("iifname {port} drop"),
            Cut::NoServers => {
                format!("iifname {port} oifname {web} drop\niifname {web} oifname {port} drop")
            }
            Cut::NoVrrp => "ether type ip ip protocol 112 drop\nether type ip6 ip6 nexthdr 112 drop".into(),
        };
        self.filter(&rule);
    }

    /// Undoes every `cut`.
    pub fn mend(&self, node: Place) {
        self.configure(Place::Lan, &format!("link set {} up\n", node.port()));
        self.filter("");
    }

    /// Replaces the bridge's filter by these rules.
    fn filter(&self, rules: &str) {
        let chain = format!("chain wire {{ type filter hook forward priority 0;\n{rules}\n}}");
        let script = format!("table bridge cut\ndelete table bridge cut\ntable bridge cut {{\n{chain}\n}}\n");
        let mut nft = peers::command("ip");
        nft.args(["netns", "exec", &self.namespace(Place::Lan), "nft", "-f", "-"]);
        feed(nft, &script);
    }

    /// Whether a node has this address now.
    pub fn has(&self, node: Place, address: &str) -> bool {
        let address: IpAddr = address.parse().unwrap();
        self.inside(node, || {
            let all = nix::ifaddrs::getifaddrs().unwrap();
            all.filter_map(|interface| interface.address).any(|found| {
                let v4 = found.as_sockaddr_in().map(|found| IpAddr::from(found.ip()));
                let v6 = found.as_sockaddr_in6().map(|found| IpAddr::from(found.ip()));
                v4.or(v6) == Some(address)
            })
        })
    }

    /// The nodes that have the shared address now.
    pub fn owners(&self) -> Vec<Place> {
        Place::NODES.into_iter().filter(|&node| self.has(node, SHARED)).collect()
    }

    /// Waits until this node alone has the shared address.
    #[track_caller]
    pub fn wait_for_owner(&self, node: Place) {
        peers::wait_until(&format!("{node:?} to own {SHARED} alone"), || self.owners() == [node]);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for place in Place::ALL {
            stale::remove(&self.namespace(place));
        }
    }
}

/// Moves the calling thread into a namespace.
pub fn enter(namespace: &File) {
    setns(namespace, CloneFlags::CLONE_NEWNET).expect("root may enter a namespace that it made");
}

fn batch(arguments: &[&str], lines: &str) {
    let mut ip = peers::command("ip");
    ip.args(arguments).args(["-batch", "-"]);
    feed(ip, lines);
}

/// Runs a command with this text as its input.
fn feed(mut command: Command, text: &str) {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} with\n{text}\nsaid {said}");
}

fn dotted(hardware: [u8; 6]) -> String {
    hardware.map(|byte| format!("{byte:02x}")).join(":")
}
