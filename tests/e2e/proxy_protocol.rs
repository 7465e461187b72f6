//! PROXY protocol: the address that a balancer in front announces, and the one servers are told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use torii::proxy_protocol::{self, Announced, Version};

use crate::support::certificate::Certificate;
use crate::support::{Client, Configuration, Origin, Torii, wait};

const CLIENT: &str = "198.51.100.7:40000";
const FRONT: &str = "203.0.113.5:443";

fn header(version: Version, source: &str, destination: &str) -> Vec<u8> {
    let mut out = Vec::new();
    proxy_protocol::write(version, source.parse().unwrap(), destination.parse().unwrap(), &mut out);
    out
}

fn accepting() -> Configuration {
    Configuration::new()
        .listener("accept_proxy = true")
        .listener("trusted_proxies = [\"127.0.0.1\"]")
        .backend("forwarded_for = true")
        .backend("forwarded_port = true")
}

fn start_with(plan: Configuration) -> (Origin, Torii) {
    let origin = Origin::start("one");
    let torii = Torii::start(&plan.server(origin.address()));
    (origin, torii)
}

const GET: &[u8] = b"GET /name HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn the_announced_address_is_the_client_everywhere() {
    for version in [Version::V1, Version::V2] {
        for (source, ip) in [(CLIENT, "198.51.100.7"), ("[2001:db8::7]:40000", "2001:db8::7")] {
            let destination = if source.starts_with('[') { "[2001:db8::1]:443" } else { FRONT };
            let (origin, torii) = start_with(accepting());
            let mut client = torii.client();
            client.send([&header(version, source, destination)[..], GET].concat());
            assert_eq!(client.response("GET").text(), "one");
            assert_eq!(client.get("/name?again").text(), "one");
            for seen in origin.seen("/name") {
                assert_eq!(seen.head.all("x-forwarded-for"), [ip]);
                assert_eq!(seen.head.all("x-forwarded-port"), ["443"], "where the client connected to");
            }
            assert_eq!(torii.log_of("/name?again").client, format!("{ip}:40000"));
        }
    }
}

#[test]
fn a_header_that_comes_byte_by_byte_is_read() {
    for version in [Version::V1, Version::V2] {
        let (origin, torii) = start_with(accepting());
        let mut client = torii.client();
        for byte in [&header(version, CLIENT, FRONT)[..], GET].concat() {
            client.send([byte]);
        }
        assert_eq!(client.response("GET").text(), "one");
        assert_eq!(origin.only("/name").all("x-forwarded-for"), ["198.51.100.7"]);
    }
}

#[test]
fn without_an_announced_address_the_real_one_stands() {
    for header in [&b"PROXY UNKNOWN\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"] {
        let (origin, torii) = start_with(accepting());
        let mut client = torii.client();
        client.send([header, GET].concat());
        assert_eq!(client.response("GET").text(), "one");
        assert_eq!(origin.only("/name").all("x-forwarded-for"), ["127.0.0.1"]);
        assert_eq!(torii.log_of("/name").client, client.local_address().to_string());
    }
}

#[test]
fn the_header_comes_before_tls() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::for_names(&["a.test"]);
    certificate.write(folder.path(), "a.test");
    let plan = accepting().tls(folder.path(), "1.2").backend("forwarded_proto = true");
    let (origin, torii) = start_with(plan);
    let ahead = header(Version::V2, CLIENT, FRONT);
    let mut client =
        Client::connect_tls_behind(torii.address(), &ahead, "a.test", certificate.any_client()).unwrap();
    assert_eq!(client.get("/name").text(), "one");
    let head = origin.only("/name");
    assert_eq!(head.all("x-forwarded-for"), ["198.51.100.7"]);
    assert_eq!(head.all("x-forwarded-proto"), ["https"]);
    assert!(
        Client::connect_tls(torii.address(), "a.test", certificate.any_client()).is_err(),
        "a handshake is no header"
    );
    assert_eq!(torii.log_of("/name").client, CLIENT);
}

/// D83: every header that breaks a rule, and its absence, ends the connection without an answer.
#[test]
fn a_connection_without_a_good_header_is_closed_without_an_answer() {
    let (origin, torii) = start_with(accepting());
    let overlong = format!("PROXY UNKNOWN {}\r\n", "x".repeat(100));
    let overrun: &[u8] =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0f\xc0\x00\x02\x0a\xcb\x00\x71\x05\xc8\x22\x01\xbb\x04\x00\x09";
    for bytes in [
        GET,
        b"\x16\x03\x01\x00\x05hello",
        b"PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\x00\x00",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x51\x00\x00",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
        overlong.as_bytes(),
        overrun,
    ] {
        let mut client = torii.client();
        client.send([bytes, GET].concat());
        client.expect_close();
    }
    let mut cut = torii.client();
    cut.send(b"PROXY TCP4 ");
    cut.half_close();
    cut.expect_close();
    assert!(origin.seen("/").is_empty());
    assert!(torii.log().is_empty());
}

#[test]
fn a_header_that_does_not_come_in_time_is_not_waited_for() {
    let (origin, torii) = start_with(accepting().timeout("http_request = \"300ms\""));
    let mut silent = torii.client();
    let mut slow = torii.client();
    slow.send(b"PROXY TCP4 198.51");
    silent.expect_close();
    slow.expect_close();
    assert!(origin.seen("/").is_empty());
}

#[test]
fn nobody_but_a_trusted_proxy_may_announce() {
    let (origin, torii) = start_with(accepting());
    let mut stranger = Client::connect_from("127.0.0.77".parse().unwrap(), torii.address());
    let _ = stranger.try_send([&header(Version::V1, CLIENT, FRONT)[..], GET].concat());
    stranger.expect_close();
    assert!(origin.seen("/").is_empty());
}

/// D83: on a port that expects none, a header is a malformed request.
#[test]
fn a_header_that_is_not_expected_gets_400() {
    let (origin, torii) = start_with(Configuration::new());
    for version in [Version::V1, Version::V2] {
        let mut client = torii.client();
        client.send([&header(version, CLIENT, FRONT)[..], GET].concat());
        assert_eq!(client.response("GET").status, 400, "{version:?}");
        client.expect_close();
    }
    assert!(origin.seen("/").is_empty());
}

/// A server that wants a header on every connection: it notes what was announced, then hands the
/// connection to an origin.
struct Expecting {
    address: SocketAddr,
    announced: Arc<Mutex<Vec<Announced>>>,
}

impl Expecting {
    fn start(origin: &Origin) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let announced = Arc::new(Mutex::new(Vec::new()));
        let (notes, origin) = (announced.clone(), origin.address());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let notes = notes.clone();
                std::thread::spawn(move || hand_over(stream, origin, &notes));
            }
        });
        Self { address, announced }
    }

    fn announced(&self) -> Vec<Announced> {
        self.announced.lock().unwrap().clone()
    }
}

fn hand_over(mut stream: TcpStream, origin: SocketAddr, notes: &Mutex<Vec<Announced>>) {
    let mut bytes = Vec::new();
    let (said, len) = loop {
        let mut piece = [0; 512];
        let Ok(count @ 1..) = stream.read(&mut piece) else { return };
        bytes.extend_from_slice(&piece[..count]);
        match proxy_protocol::parse(&bytes) {
            Ok(None) => {}
            Ok(Some(header)) => break header,
            Err(error) => panic!("{error:?} in {bytes:?}"),
        }
    };
    notes.lock().unwrap().push(said);
    let mut inner = TcpStream::connect(origin).unwrap();
    if inner.write_all(&bytes[len..]).is_err() {
        return;
    }
    let (mut from, mut to) = (inner.try_clone().unwrap(), stream.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
    let _ = std::io::copy(&mut stream, &mut inner);
    let _ = inner.shutdown(std::net::Shutdown::Both);
}

fn sending(version: &str, server: &Expecting) -> Configuration {
    Configuration::new().backend(&format!("send_proxy = \"{version}\"")).server(server.address)
}

fn announcement(torii: &Torii, source: SocketAddr) -> Announced {
    Announced::Connection { source, destination: torii.address() }
}

#[test]
fn a_server_is_told_the_address_ahead() {
    for version in ["v1", "v2"] {
        let origin = Origin::start("one");
        let server = Expecting::start(&origin);
        let torii = Torii::start(&sending(version, &server));
        let mut client = torii.client();
        assert_eq!(client.get("/name").text(), "one");
        assert_eq!(client.post("/echo", &[b'x'; 100_000]).body.len(), 100_000);
        assert_eq!(server.announced(), [announcement(&torii, client.local_address())], "kept for its client");
    }
}

#[test]
fn a_connection_with_an_address_serves_no_other_client() {
    let origin = Origin::start("one");
    let server = Expecting::start(&origin);
    let torii = Torii::start(&sending("v2", &server));
    let mut clients: Vec<Client> = (0..4).map(|_| torii.client()).collect();
    for _ in 0..3 {
        for client in &mut clients {
            assert_eq!(client.get("/name").text(), "one");
        }
    }
    let expected: Vec<_> =
        clients.iter().map(|client| announcement(&torii, client.local_address())).collect();
    assert_eq!(server.announced(), expected, "one for each client, and each its own");
    drop(clients);
    wait::for_condition("server connections to end with their clients", || origin.open_connections() == 0);
}

#[test]
fn a_dead_kept_connection_is_replaced_by_one_with_a_header() {
    let origin = Origin::start("one");
    let server = Expecting::start(&origin);
    let torii = Torii::start(&sending("v1", &server));
    let mut client = torii.client();
    assert_eq!(client.get("/name").text(), "one");
    origin.drop_reused(1);
    assert_eq!(client.get("/name").text(), "one");
    assert_eq!(server.announced(), vec![announcement(&torii, client.local_address()); 2]);
}

#[test]
fn the_client_behind_a_trusted_proxy_is_announced() {
    let origin = Origin::start("one");
    let server = Expecting::start(&origin);
    let torii = Torii::start(&sending("v2", &server).listener("trusted_proxies = [\"127.0.0.1\"]"));
    let mut proxy = torii.client();
    for ip in ["198.51.100.7", "198.51.100.7", "198.51.100.8"] {
        proxy.send(format!("GET /name HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {ip}\r\n\r\n"));
        assert_eq!(proxy.response("GET").text(), "one");
    }
    let source = |ip: &str| announcement(&torii, format!("{ip}:0").parse().unwrap());
    assert_eq!(server.announced(), [source("198.51.100.7"), source("198.51.100.8")]);
}

#[test]
fn health_checks_announce_nobody() {
    for version in ["v1", "v2"] {
        let origin = Origin::start("one");
        let server = Expecting::start(&origin);
        let torii = Torii::start(&sending(version, &server).checked());
        wait::for_condition("two checks", || origin.seen("/server.html").len() >= 2);
        assert!(server.announced().iter().all(|said| *said == Announced::Nothing));
        assert_eq!(torii.client().get("/name").text(), "one");
    }
}
