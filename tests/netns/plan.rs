//! What both nodes of a pair agree on, written once and rendered for torii or for keepalived and HAProxy.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::stage::{PORT, Place, SHARED, SHARED_V6};
use crate::web::SERVERS;

/// The reference configuration's virtual router.
pub const VIRTUAL_ROUTER: u8 = 10;

/// A pair's configuration.
#[derive(Debug, Clone)]
pub struct Plan {
    pub version: u8,
    /// Milliseconds between advertisements.
    pub interval_ms: u32,
    pub password: Option<&'static str>,
    pub transport: &'static str,
    pub ipv6: bool,
    /// Base priorities of A and B.
    pub priorities: [u8; 2],
    /// Added to the priority of a node that serves.
    pub weight: u8,
    /// More lines of torii's `[ha]`.
    pub lines: String,
    /// More tables of torii's file.
    pub tables: String,
    /// More lines of keepalived's `vrrp_instance`.
    pub instance: String,
    /// Workers of a torii.
    pub workers: usize,
    /// More lines of torii's `[[backend]]`.
    pub backend: String,
}

impl Plan {
    /// The reference configuration: version 2, a second, a password that is cut to eight characters.
    pub fn reference() -> Self {
        Self { version: 2, interval_ms: 1000, password: Some("fowebpass"), ..Self::quick() }
    }

    /// Version 3 at 100 ms.
    pub fn quick() -> Self {
        Self {
            version: 3,
            interval_ms: 100,
            password: None,
            transport: "unicast",
            ipv6: false,
            priorities: [100, 99],
            weight: 2,
            lines: String::new(),
            tables: String::new(),
            instance: String::new(),
            workers: 1,
            backend: String::new(),
        }
    }

    /// Version 3 with an interval so long that nobody can learn anything from silence while a test waits.
    pub fn patient() -> Self {
        Self { interval_ms: 20_000, ..Self::quick() }
    }

    /// The same with adverts in sealed datagrams; the secret is put into this folder.
    pub fn over_udp(self, folder: &Path) -> Self {
        let secret = folder.join("secret");
        std::fs::write(&secret, "correct horse battery staple, and then some").unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        let lines = format!("{}\nsecret_file = \"{}\"\n", self.lines, secret.display());
        Self { transport: "udp", lines, ..self }
    }

    /// The shared address as text.
    pub fn shared(&self) -> &'static str {
        if self.ipv6 { SHARED_V6 } else { SHARED }
    }

    /// A node's own address.
    pub fn address(&self, node: Place) -> String {
        if self.ipv6 { node.address_v6().to_string() } else { node.address().to_string() }
    }

    /// Base priority of a node.
    pub fn base(&self, node: Place) -> u8 {
        self.priorities[usize::from(node == Place::B)]
    }

    /// Priority of a node that serves.
    pub fn serving(&self, node: Place) -> u8 {
        self.base(node) + self.weight
    }

    /// torii's file. The same for both nodes but for the files that they write, which share a machine here.
    pub fn torii(&self, node: Place, folder: &Path) -> String {
        let (folder, name) = (folder.display(), node.name());
        let mut text = format!(
            "[threads]\nworkers = {}\ncontrol_core = \"shared\"\n\
             [timeouts]\nconnect = \"1s\"\nclient = \"10s\"\nserver = \"10s\"\n\
             [log]\ntarget = \"file:{folder}/{name}.log\"\nformat = \"haproxy\"\n\
             [control]\nsocket = \"{folder}/{name}.sock\"\n\
             [[listener]]\nname = \"front_in\"\nbind = [\"{}\"]\nbackend = \"web_backend\"\n\
             [[backend]]\nname = \"web_backend\"\nbalance = \"roundrobin\"\n{}\n\
             [backend.check]\nhttp = \"GET /server.html\"\ninterval = \"200ms\"\nrise = 1\nfall = 2\n",
            self.workers,
            std::net::SocketAddr::new(self.shared().parse().unwrap(), PORT),
            self.backend,
        );
        for (name, address) in SERVERS {
            write!(text, "[[backend.server]]\nname = \"{name}\"\naddress = \"{address}\"\n").unwrap();
        }
        let length = if self.ipv6 { 128 } else { 32 };
        write!(
            text,
            "[ha]\ninterface = \"eth0\"\nvirtual_router_id = {VIRTUAL_ROUTER}\naddresses = [\"{}/{length}\"]\n\
             version = {}\nadvert_interval = \"{}ms\"\nserving_weight = {}\ntransport = \"{}\"\n",
            self.shared(),
            self.version,
            self.interval_ms,
            self.weight,
            self.transport,
        )
        .unwrap();
        if let Some(password) = self.password {
            writeln!(text, "auth_pass = \"{password}\"").unwrap();
        }
        writeln!(text, "{}", self.lines).unwrap();
        for node in Place::NODES {
            let (name, address, base) = (node.name(), self.address(node), self.base(node));
            write!(text, "[[ha.node]]\nname = \"{name}\"\naddress = \"{address}\"\npriority = {base}\n")
                .unwrap();
        }
        text + &self.tables
    }

    /// keepalived's file, as a pair beside HAProxy is usually told.
    pub fn keepalived(&self, node: Place, script: &Path) -> String {
        let state = if node == Place::A { "MASTER" } else { "BACKUP" };
        let authentication = match self.password {
            Some(password) => format!("authentication {{ auth_type PASS\n auth_pass {password}\n }}"),
            None => String::new(),
        };
        let (own, peer) = (self.address(node), self.address(node.other()));
        let addresses = match self.transport {
            "unicast" => format!("unicast_src_ip {own}\n unicast_peer {{\n {peer}\n }}"),
            _ => format!("mcast_src_ip {own}"),
        };
        format!(
            "global_defs {{\n router_id {name}\n script_user root\n vrrp_version {version}\n }}\n\
             vrrp_script chk_haproxy {{\n script \"{script}\"\n interval 1\n weight {weight}\n }}\n\
             vrrp_instance VI_1 {{\n interface eth0\n state {state}\n virtual_router_id {VIRTUAL_ROUTER}\n\
             priority {priority}\n advert_int {interval}\n {addresses}\n {authentication}\n {more}\n\
             virtual_ipaddress {{\n {shared} dev eth0\n }}\n track_script {{\n chk_haproxy\n }}\n}}\n",
            name = node.name(),
            version = self.version,
            script = script.display(),
            weight = self.weight,
            priority = self.base(node),
            interval = f64::from(self.interval_ms) / 1000.0,
            more = self.instance,
            shared = self.shared(),
        )
    }

    /// HAProxy's file for the same work.
    pub fn haproxy(&self) -> String {
        let mut text = format!(
            "global\n maxconn 2000\ndefaults\n mode http\n timeout connect 1s\n timeout client 10s\n \
             timeout server 10s\nfrontend front_in\n bind {}\n default_backend web_backend\n\
             backend web_backend\n balance roundrobin\n option httpchk GET /server.html\n",
            std::net::SocketAddr::new(self.shared().parse().unwrap(), PORT),
        );
        for (name, address) in SERVERS {
            writeln!(text, " server {name} {address} check inter 200 rise 1 fall 2").unwrap();
        }
        text
    }
}
