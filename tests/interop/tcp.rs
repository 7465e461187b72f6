//! tcp mode with Redis's own server and clients, and its log line beside HAProxy's.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::peers::{self, PATIENCE, Peer};
use crate::proxies::{self, Kind, Syslog};

/// A proxy in tcp mode before one server.
struct Relay {
    plain: u16,
    tls: u16,
    log: Syslog,
    peer: Peer,
}

impl Relay {
    fn start(kind: Kind, server: u16, folder: &Path) -> Self {
        let certificate = folder.join("localhost.pem");
        proxies::write_certificate(&certificate, &["localhost", "127.0.0.1"]);
        let (plain, tls) = (peers::free_port(), peers::free_port());
        let log = Syslog::udp();
        let (name, command) = match kind {
            Kind::Torii => ("torii", torii(folder, &certificate, [plain, tls, server], &log)),
            Kind::Haproxy => ("haproxy", haproxy(folder, &certificate, [plain, tls, server], &log)),
        };
        let mut peer = Peer::start(name, command, folder);
        peer.wait_until("its listener", || TcpStream::connect(("127.0.0.1", plain)).is_ok());
        Self { plain, tls, log, peer }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.plain)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The log line of the connection from this address, from its date on.
    fn line_of(&self, client: SocketAddr) -> String {
        let line = self.log.wait_for(&[&format!("{client} [")]);
        line[line.find('[').map_or(0, |start| line[start..].find(&client.to_string()).unwrap_or(0) + start)..]
            .trim_end()
            .to_owned()
    }
}

fn torii(folder: &Path, certificate: &Path, ports: [u16; 3], log: &Syslog) -> Command {
    let [plain, tls, server] = ports;
    let (certificate, log) = (certificate.display(), &log.target);
    let text = format!(
        r#"
[control]
socket = "off"
[threads]
workers = 1
[log]
target = "syslog:{log}"
[timeouts]
connect = "2s"
client = "1s"
server = "1s"
tunnel = "1s"
[[listener]]
name = "front_in"
bind = ["127.0.0.1:{plain}"]
mode = "tcp"
backend = "redis"
[[listener]]
name = "front_tls"
bind = ["127.0.0.1:{tls}"]
mode = "tcp"
backend = "redis"
[listener.tls]
certificates = ["{certificate}"]
[[backend]]
name = "redis"
mode = "tcp"
[[backend.server]]
name = "redis1"
address = "127.0.0.1:{server}"
"#
    );
    let path = folder.join("torii-tcp.toml");
    std::fs::write(&path, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_torii"));
    command.args(["run", "-c"]).arg(path);
    command
}

fn haproxy(folder: &Path, certificate: &Path, ports: [u16; 3], log: &Syslog) -> Command {
    let [plain, tls, server] = ports;
    let (certificate, log) = (certificate.display(), log.target.trim_start_matches("udp://"));
    let text = format!(
        "
global
    log {log} local0
    nbthread 1
defaults
    log global
    mode tcp
    option tcplog
    retries 0
    timeout connect 2s
    timeout client 1s
    timeout server 1s
    timeout tunnel 1s
frontend front_in
    bind 127.0.0.1:{plain}
    default_backend redis
frontend front_tls
    bind 127.0.0.1:{tls} ssl crt {certificate}
    default_backend redis
backend redis
    server redis1 127.0.0.1:{server}
"
    );
    let path = folder.join("haproxy-tcp.cfg");
    std::fs::write(&path, text).unwrap();
    let mut command = peers::command("haproxy");
    command.arg("-f").arg(path);
    command
}

fn redis(folder: &Path) -> (Peer, u16) {
    let port = peers::free_port();
    let mut command = peers::command("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"]);
    command.arg("--port").arg(port.to_string()).arg("--dir").arg(folder);
    let mut peer = Peer::start("redis", command, folder);
    peer.wait_until("its listener", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    (peer, port)
}

/// What `redis-cli` prints, given this as standard input.
fn ask(port: u16, tls: bool, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = peers::command("redis-cli");
    command.args(["-h", "127.0.0.1", "-p", &port.to_string()]);
    if tls {
        command.args(["--tls", "--insecure"]);
    }
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut pipe = child.stdin.take().expect("asked for as a pipe");
    let input = input.to_vec();
    let writing = std::thread::spawn(move || pipe.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn redis_and_its_clients_work_through_it() {
    if !peers::available(&["redis-server", "redis-cli", "redis-benchmark"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (_redis, port) = redis(folder.path());
    let relay = Relay::start(proxies::subject(), port, folder.path());
    // Neither a multiple of a buffer nor of a TLS record.
    let large: Vec<u8> = (0..16_000_001_u32).map(|index| b'a' + (index % 23) as u8).collect();
    for (port, tls) in [(relay.plain, false), (relay.tls, true)] {
        assert_eq!(ask(port, tls, &["PING"], b""), b"PONG\n");
        assert_eq!(ask(port, tls, &["-x", "SET", "large"], &large), b"OK\n");
        let got = ask(port, tls, &["GET", "large"], b"");
        assert!(got.len() == large.len() + 1 && got.starts_with(&large), "{} bytes", got.len());
    }
    let requests = peers::request_count().to_string();
    for pipeline in ["1", "16"] {
        let mut benchmark = peers::command("redis-benchmark");
        benchmark.args(["-h", "127.0.0.1", "-p", &relay.plain.to_string(), "-c", "50", "-P", pipeline]);
        benchmark.args(["-n", &requests, "-q", "-t", "set,get,lrange_600,mset"]);
        let (output, text) = peers::run(&mut benchmark);
        assert!(output.status.success() && !text.contains("Error"), "{text}");
        assert!(text.contains("requests per second"), "{text}");
    }
    assert_eq!(ask(relay.plain, false, &["DBSIZE"], b"").last(), Some(&b'\n'));
}

/// A server that does as it is told by the first byte of each connection.
fn obedient_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || obey(stream));
        }
    });
    port
}

fn obey(mut stream: TcpStream) -> io::Result<()> {
    let mut order = [0];
    stream.read_exact(&mut order)?;
    stream.write_all(b"0123456789")?;
    match order[0] {
        b'e' => stream.shutdown(Shutdown::Write)?,
        b'r' => {
            // Not before its answer has arrived: HAProxy may take a reset right behind it for an end.
            stream.read_exact(&mut order)?;
            return socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        _ => {}
    }
    io::copy(&mut stream, &mut io::sink()).map(drop)
}

/// Lets a connection end in one way, and returns its address.
fn end(relay: &Relay, way: u8) -> SocketAddr {
    let mut stream = relay.connect();
    let address = stream.local_addr().unwrap();
    stream.write_all(&[way]).unwrap();
    let mut heard = [0; 10];
    stream.read_exact(&mut heard).unwrap();
    match way {
        // The client ends, and the server then.
        b'c' => stream.shutdown(Shutdown::Write).unwrap(),
        // The client breaks off.
        b'a' => socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap(),
        // The server breaks off when it hears that.
        b'r' => stream.write_all(b"!").unwrap(),
        // The server ends, or nobody says anything.
        _ => {}
    }
    if way != b'a' {
        let _ = stream.read(&mut heard);
    }
    address
}

/// Digits become `0`, however many there are; `-1` stays.
fn shape(line: &str) -> String {
    let mut shape = String::new();
    for character in line.replace("-1", "<none>").chars() {
        match character {
            '0'..='9' if shape.ends_with('0') => {}
            '0'..='9' => shape.push('0'),
            other => shape.push(other),
        }
    }
    shape
}

#[test]
fn its_log_lines_are_haproxys() {
    if !peers::available(&["haproxy"]) {
        return;
    }
    let server = obedient_server();
    let relays = [Kind::Torii, Kind::Haproxy].map(|kind| {
        let folder = tempfile::tempdir().unwrap();
        (Relay::start(kind, server, folder.path()), folder)
    });
    for (way, what) in [
        (b'c', "the client ends"),
        (b'e', "the server ends"),
        (b'a', "the client breaks off"),
        (b'r', "the server breaks off"),
        (b's', "silence"),
    ] {
        let [ours, theirs] = relays.each_ref().map(|(relay, _)| relay.line_of(end(relay, way)));
        println!("{what}\n  {ours}\n  {theirs}");
        assert_eq!(shape(&ours), shape(&theirs), "{what}");
        let bytes = |line: &str| line.split(' ').nth(5).map(str::to_owned);
        assert_eq!(bytes(&ours), bytes(&theirs), "{what}");
    }
}

#[test]
fn its_log_line_without_a_server_is_haproxys() {
    if !peers::available(&["haproxy"]) {
        return;
    }
    let nobody = peers::free_port();
    let lines = [Kind::Torii, Kind::Haproxy].map(|kind| {
        let folder = tempfile::tempdir().unwrap();
        let mut relay = Relay::start(kind, nobody, folder.path());
        let mut stream = relay.connect();
        let address = stream.local_addr().unwrap();
        let _ = stream.read(&mut [0]);
        let line = relay.line_of(address);
        assert!(relay.peer.is_running());
        line
    });
    println!("{}\n{}", lines[0], lines[1]);
    assert_eq!(shape(&lines[0]), shape(&lines[1]));
}
