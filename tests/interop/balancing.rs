//! The same clients before torii and before HAProxy: both choose the same servers, where HAProxy's
//! choice is not a matter of chance.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use socket2::{Domain, Socket, Type};

use crate::peers::{self, Peer};
use crate::proxies::Kind;

const WEIGHTS: [&[u16]; 6] = [&[1, 1, 1], &[1, 2, 3], &[10, 20], &[100, 50, 25], &[5, 1, 1], &[7, 0, 3]];

#[test]
fn source_sends_each_address_where_haproxy_sends_it() {
    if !peers::available(&["haproxy"]) {
        return;
    }
    let clients: Vec<Ipv4Addr> =
        (0..40u8).map(|n| Ipv4Addr::new(127, n.wrapping_mul(91), n, 1 + n)).collect();
    for weights in WEIGHTS {
        let servers = Servers::start(weights);
        let picks = |kind| -> Vec<usize> {
            let folder = tempfile::tempdir().unwrap();
            let proxy = Proxy::start(kind, "source", &servers, folder.path());
            clients.iter().map(|client| servers.server_of(&proxy.send(*client))).collect()
        };
        let ours = picks(Kind::Torii);
        assert_eq!(ours, picks(Kind::Haproxy), "weights {weights:?}");
        assert!(ours.iter().any(|server| *server != ours[0]), "{ours:?}");
    }
}

#[test]
fn leastconn_fills_servers_in_haproxys_order() {
    if !peers::available(&["haproxy"]) {
        return;
    }
    for weights in WEIGHTS {
        let servers = Servers::start(weights);
        let picks = |kind| -> Vec<usize> {
            let folder = tempfile::tempdir().unwrap();
            let proxy = Proxy::start(kind, "leastconn", &servers, folder.path());
            // No request is answered, so that each adds to the load of its server.
            let mut held = Vec::new();
            let mut pick = || {
                held.push(proxy.send(Ipv4Addr::LOCALHOST));
                servers.server_of(held.last().unwrap())
            };
            (0..24).map(|_| pick()).collect()
        };
        assert_eq!(picks(Kind::Torii), picks(Kind::Haproxy), "weights {weights:?}");
    }
}

/// Servers that take requests, say which of them did, and never answer.
struct Servers {
    /// Address and weight of each.
    list: Vec<(SocketAddr, u16)>,
    arrivals: Receiver<usize>,
}

impl Servers {
    fn start(weights: &[u16]) -> Self {
        let (sender, arrivals) = channel();
        let start = |(number, weight): (usize, &u16)| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let sender = sender.clone();
            // Ends with the test process.
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let sender = sender.clone();
                    std::thread::spawn(move || note_requests(number, stream, &sender));
                }
            });
            (address, *weight)
        };
        Self { list: weights.iter().enumerate().map(start).collect(), arrivals }
    }

    /// Where the request just sent over this connection arrived.
    fn server_of(&self, _sent: &TcpStream) -> usize {
        self.arrivals.recv_timeout(peers::PATIENCE).expect("the request arrives at a server")
    }
}

/// Each head that arrives is noted.
fn note_requests(number: usize, stream: TcpStream, sender: &Sender<usize>) {
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        if line.is_empty() && sender.send(number).is_err() {
            return;
        }
    }
}

/// One of the two programs before these servers, with one thread for traffic.
struct Proxy {
    address: SocketAddr,
    _peer: Peer,
}

impl Proxy {
    fn start(kind: Kind, balance: &str, servers: &Servers, folder: &Path) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], peers::free_port()));
        let (name, text) = match kind {
            Kind::Torii => ("torii", torii_configuration(address, balance, servers)),
            Kind::Haproxy => ("haproxy", haproxy_configuration(address, balance, servers)),
        };
        let path = folder.join("configuration");
        std::fs::write(&path, text).unwrap();
        let mut command = match kind {
            Kind::Torii => std::process::Command::new(env!("CARGO_BIN_EXE_torii")),
            Kind::Haproxy => peers::command("haproxy"),
        };
        command.args(if kind == Kind::Torii { ["run", "-c"] } else { ["-db", "-f"] }).arg(path);
        let mut peer = Peer::start(name, command, folder);
        peer.wait_until("a listener", || TcpStream::connect(address).is_ok());
        Self { address, _peer: peer }
    }

    /// Sends one request from this address.
    fn send(&self, client: Ipv4Addr) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((client, 0)).into()).unwrap();
        socket.connect(&self.address.into()).unwrap();
        let mut stream = TcpStream::from(socket);
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").unwrap();
        stream
    }
}

fn torii_configuration(address: SocketAddr, balance: &str, servers: &Servers) -> String {
    let mut text = format!(
        "[control]\nsocket = \"off\"\n[threads]\nworkers = 1\n[log]\ntarget = \"off\"\n\
         [[listener]]\nname = \"front\"\nbind = [\"{address}\"]\nbackend = \"web\"\n\
         [[backend]]\nname = \"web\"\nbalance = \"{balance}\"\n"
    );
    for (number, (server, weight)) in servers.list.iter().enumerate() {
        write!(text, "[[backend.server]]\nname = \"s{number}\"\naddress = \"{server}\"\nweight = {weight}\n")
            .unwrap();
    }
    text
}

fn haproxy_configuration(address: SocketAddr, balance: &str, servers: &Servers) -> String {
    let mut text = format!(
        "global\n  nbthread 1\ndefaults\n  mode http\n  timeout connect 30s\n  timeout client 60s\n  \
         timeout server 60s\nlisten web\n  bind {address}\n  balance {balance}\n"
    );
    for (number, (server, weight)) in servers.list.iter().enumerate() {
        writeln!(text, "  server s{number} {server} weight {weight}").unwrap();
    }
    text
}
