//! The proxies under test: torii, and a real HAProxy told to do the same.
//!
//! With `TORII_INTEROP_SUBJECT=haproxy` every test runs HAProxy in torii's place, which shows that a
//! failing test means torii and not the test.

use std::fmt::Write;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::origin::Origin;
use crate::peers::{self, Peer};

/// User of the statistics page in every test.
pub const USER: &str = "keeper";
/// Its password.
pub const PASSWORD: &str = "gatehouse";

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Torii,
    Haproxy,
}

/// The program that the tests are about.
pub fn subject() -> Kind {
    match std::env::var("TORII_INTEROP_SUBJECT").as_deref() {
        Ok("haproxy") => Kind::Haproxy,
        _ => Kind::Torii,
    }
}

/// One server of a backend.
pub struct Target {
    pub name: String,
    pub cookie: String,
    pub port: u16,
}

impl From<&Origin> for Target {
    fn from(origin: &Origin) -> Self {
        Self { name: origin.name.clone(), cookie: origin.cookie.clone(), port: origin.port }
    }
}

/// What a proxy is told, in the terms both understand.
pub struct Setup<'a> {
    /// For its configuration, certificate and output.
    pub folder: &'a Path,
    pub servers: Vec<Target>,
    /// A PEM file, or a folder of them.
    pub certificates: PathBuf,
    /// Where access-log lines go.
    pub log: String,
}

/// Probes of every setup: a server that stops is down after `FALL` of these.
pub const INTERVAL_MS: u64 = 200;
/// Failures to go down.
pub const FALL: u32 = 3;
/// Successes to come up.
pub const RISE: u32 = 2;

/// A proxy that answers.
pub struct Proxy {
    pub plain: u16,
    pub tls: u16,
    pub stats: u16,
    pub peer: Peer,
}

impl Proxy {
    /// Starts it and waits until every server has answered through it once.
    pub fn start(kind: Kind, setup: &Setup) -> Self {
        let [plain, tls, stats] = std::array::from_fn(|_| peers::free_port());
        let (name, command) = match kind {
            Kind::Torii => ("torii", torii_command(setup, plain, tls, stats)),
            Kind::Haproxy => ("haproxy", haproxy_command(setup, plain, tls, stats)),
        };
        let peer = Peer::start(name, command, setup.folder);
        let mut proxy = Self { plain, tls, stats, peer };
        let url = proxy.url("/server.html");
        let mut waiting: Vec<String> = setup.servers.iter().map(|server| server.name.clone()).collect();
        proxy.peer.wait_until("an answer from every server", || {
            let answer = peers::curl(&[&url]);
            waiting.retain(|name| answer.status != 200 || !answer.body.starts_with(name.as_str()));
            waiting.is_empty()
        });
        proxy
    }

    /// URL on the plain listener.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.plain)
    }

    /// URL on the TLS listener.
    pub fn tls_url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.tls)
    }
}

fn torii_command(setup: &Setup, plain: u16, tls: u16, stats: u16) -> Command {
    let certificates = setup.certificates.display();
    let mut text = format!(
        r#"
[control]
socket = "off"
[threads]
workers = 2
[limits]
max_connections = 2000
[log]
target = "syslog:{}"
[[listener]]
name = "front_plain"
bind = ["127.0.0.1:{plain}"]
backend = "web_backend"
[[listener]]
name = "front_tls"
bind = ["127.0.0.1:{tls}"]
backend = "web_backend"
[listener.tls]
certificates = ["{certificates}"]
min_version = "1.2"
[stats]
bind = ["127.0.0.1:{stats}"]
path = "/stats"
users = [{{ name = "{USER}", password = "{PASSWORD}" }}]
hide_version = true
show_node = true
[stats.tls]
certificates = ["{certificates}"]
[[backend]]
name = "web_backend"
balance = "roundrobin"
forwarded_for = true
[backend.cookie]
name = "lbsessionid"
mode = "insert"
indirect = true
nocache = true
preserve = true
httponly = true
secure = true
maxidle = "30m"
maxlife = "8h"
[backend.check]
http = "GET /server.html"
interval = "{INTERVAL_MS}ms"
rise = {RISE}
fall = {FALL}
"#,
        setup.log
    );
    for Target { name, cookie, port } in &setup.servers {
        write!(
            text,
            "[[backend.server]]\nname = \"{name}\"\naddress = \"127.0.0.1:{port}\"\ncookie = \"{cookie}\"\n"
        )
        .unwrap();
    }
    let path = setup.folder.join("torii.toml");
    std::fs::write(&path, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_torii"));
    command.args(["run", "-c"]).arg(path);
    command
}

fn haproxy_command(setup: &Setup, plain: u16, tls: u16, stats: u16) -> Command {
    let certificates = setup.certificates.display();
    let log = setup.log.trim_start_matches("udp://");
    let mut text = format!(
        "
global
  nbthread 2
  maxconn 2000
  log {log} local0
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  log global
  option httplog
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout http-request 10s
frontend front_plain
  bind 127.0.0.1:{plain}
  default_backend web_backend
frontend front_tls
  bind 127.0.0.1:{tls} ssl crt {certificates} alpn http/1.1
  default_backend web_backend
listen statistics
  no log
  bind 127.0.0.1:{stats} ssl crt {certificates}
  stats enable
  stats uri /stats
  stats auth {USER}:{PASSWORD}
  stats hide-version
  stats show-node
backend web_backend
  balance roundrobin
  cookie lbsessionid insert nocache indirect preserve httponly secure maxidle 30m maxlife 8h
  option forwardfor
  option httpchk GET /server.html
  default-server check inter {INTERVAL_MS} rise {RISE} fall {FALL}
"
    );
    for Target { name, cookie, port } in &setup.servers {
        writeln!(text, "  server {name} 127.0.0.1:{port} cookie {cookie}").unwrap();
    }
    let path = setup.folder.join("haproxy.cfg");
    std::fs::write(&path, text).unwrap();
    let mut command = peers::command("haproxy");
    command.args(["-db", "-f"]).arg(path);
    command
}

/// Writes a self-signed ECDSA P-256 certificate and its key into one PEM file.
pub fn write_certificate(path: &Path, names: &[&str]) {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = rcgen::CertificateParams::new(names.clone()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, names[0].clone());
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(path, certificate.pem() + &key.serialize_pem()).unwrap();
}

/// Receives syslog datagrams in a thread of its own and keeps them all.
pub struct Syslog {
    /// As `Setup::log` wants it.
    pub target: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Syslog {
    /// Over UDP on a port of the kernel's choice.
    pub fn udp() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address: SocketAddr = socket.local_addr().unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        Self::collect(format!("udp://{address}"), move |buffer| socket.recv(buffer))
    }

    /// Over a datagram socket at this path, as /dev/log.
    pub fn unix(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        Self::collect(path.display().to_string(), move |buffer| socket.recv(buffer))
    }

    fn collect(
        target: String,
        mut receive: impl FnMut(&mut [u8]) -> std::io::Result<usize> + Send + 'static,
    ) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::downgrade(&lines);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            // Ends when the test has dropped its side.
            while let Some(lines) = kept.upgrade() {
                match receive(&mut buffer) {
                    Ok(length) => {
                        lines.lock().unwrap().push(String::from_utf8_lossy(&buffer[..length]).into_owned());
                    }
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    Err(error) => panic!("syslog socket: {error}"),
                }
            }
        });
        Self { target, lines }
    }

    /// Waits for a line that contains all of these.
    pub fn wait_for(&self, parts: &[&str]) -> String {
        peers::wait_for(&format!("a log line with {parts:?}; there are:\n{}", self.lines().concat()), || {
            self.lines().into_iter().find(|line| parts.iter().all(|part| line.contains(part)))
        })
    }

    /// Every line so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}
