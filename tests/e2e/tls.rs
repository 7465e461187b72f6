//! TLS termination: versions, certificates by name, bodies, and clients that misbehave.

use std::io::Write;
use std::sync::Arc;

use rustls::{ClientConfig, ProtocolVersion};

use crate::bodies::{download, upload};
use crate::support::certificate::Certificate;
use crate::support::client::TlsStream;
use crate::support::{Client, Configuration, Origin, Torii};

/// torii with a folder of certificates for a.test (the first by name) and b.test.
struct Secure {
    origin: Origin,
    torii: Torii,
    first: Certificate,
    second: Certificate,
    _folder: tempfile::TempDir,
}

fn start(min_version: &str) -> Secure {
    let folder = tempfile::tempdir().unwrap();
    let first = Certificate::for_names(&["a.test"]);
    let second = Certificate::for_names(&["b.test", "*.b.test"]);
    first.write(folder.path(), "a.test");
    second.write(folder.path(), "b.test");
    let origin = Origin::start("one");
    let plan = Configuration::new().tls(folder.path(), min_version).server(origin.address());
    Secure { torii: Torii::start(&plan), origin, first, second, _folder: folder }
}

impl Secure {
    #[track_caller]
    fn client_with(&self, name: &str, config: Arc<ClientConfig>) -> Client<TlsStream> {
        Client::connect_tls(self.torii.address(), name, config)
            .unwrap_or_else(|error| panic!("handshake for {name}: {error}"))
    }

    #[track_caller]
    fn client(&self) -> Client<TlsStream> {
        self.client_with("a.test", self.first.any_client())
    }
}

#[test]
fn both_versions_of_tls_are_served() {
    let secure = start("1.2");
    let versions = [
        (&rustls::version::TLS12, ProtocolVersion::TLSv1_2),
        (&rustls::version::TLS13, ProtocolVersion::TLSv1_3),
    ];
    for (offered, expected) in versions {
        let mut client = secure.client_with("a.test", secure.first.client(&[offered]));
        assert_eq!(client.session().protocol_version(), Some(expected));
        assert_eq!(client.session().alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(client.get("/name").text(), "one");
    }
    let line = secure.torii.log_of("/name");
    assert_eq!((line.frontend.as_str(), line.flags.as_str()), ("front_in~", "----"));
}

#[test]
fn a_version_below_the_minimum_is_refused() {
    let secure = start("1.3");
    let config = secure.first.client(&[&rustls::version::TLS12]);
    assert!(Client::connect_tls(secure.torii.address(), "a.test", config).is_err());
    assert_eq!(secure.client().get("/name").text(), "one");
}

#[test]
fn the_name_chooses_the_certificate() {
    let secure = start("1.2");
    for (name, certificate) in
        [("a.test", &secure.first), ("b.test", &secure.second), ("x.b.test", &secure.second)]
    {
        let mut client = secure.client_with(name, certificate.any_client());
        let presented = client.session().peer_certificates().unwrap()[0].clone();
        assert_eq!(presented, certificate.der, "{name}");
        assert_eq!(client.get("/name").text(), "one");
    }
}

#[test]
fn bodies_pass_both_ways() {
    let secure = start("1.2");
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut client = secure.client_with("a.test", secure.first.client(&[version]));
        for length in [0, 1, 16_383, 16_384, 16_385, 3 * 1024 * 1024] {
            download(&mut client, "length", length);
            download(&mut client, "chunked", length);
            upload(&mut client, length);
        }
    }
    let mut client = secure.client();
    download(&mut client, "close", 2 * 1024 * 1024);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let secure = start("1.2");
    let mut client = secure.client();
    let requests: String = (0..20).map(|n| format!("GET /length/{n} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    client.send(requests);
    for length in 0..20 {
        assert_eq!(client.response("GET").body.len(), length);
    }
}

#[test]
fn a_request_may_come_in_many_small_records() {
    let secure = start("1.2");
    let mut client = secure.client();
    for byte in b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" {
        client.send([*byte]);
    }
    assert_eq!(client.response("POST").text(), "hello");
}

#[test]
fn a_handshake_may_be_split_at_every_byte() {
    let secure = start("1.2");
    let name = rustls::pki_types::ServerName::try_from("a.test").unwrap();
    let mut session = rustls::ClientConnection::new(secure.first.any_client(), name).unwrap();
    let mut hello = Vec::new();
    session.write_tls(&mut hello).unwrap();
    let mut socket = std::net::TcpStream::connect(secure.torii.address()).unwrap();
    socket.set_nodelay(true).unwrap();
    for byte in hello {
        socket.write_all(&[byte]).unwrap();
    }
    while session.is_handshaking() {
        session.complete_io(&mut socket).unwrap();
    }
}

#[test]
fn a_client_that_closes_without_notice_harms_nobody() {
    let secure = start("1.2");
    for _ in 0..10 {
        let mut client = secure.client();
        assert_eq!(client.get("/name").text(), "one");
        client.drop_without_notice();
    }
    let mut client = secure.client();
    client.send("POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf of it");
    secure.origin.wait_for("/sink");
    client.drop_without_notice();
    let line = secure.torii.log_of("/sink");
    assert!(line.end().starts_with('C'), "a cut upload is no whole one: {line:?}");
    assert_eq!(secure.client().get("/name").text(), "one");
}

#[test]
fn garbage_on_the_tls_port_is_closed() {
    let secure = start("1.2");
    for garbage in [&b"get it\r\n\r\n"[..], &[0xFF; 3000], b"\x16\x03\x01\x00\x02zz"] {
        let mut client = secure.torii.client();
        let _ = client.try_send(garbage);
        // An alert may come first; what matters is that no HTTP does and that it ends.
        let outcome = client.try_response("GET");
        assert!(outcome.is_err(), "{outcome:?}");
    }
    assert!(secure.origin.seen("/").is_empty());
    assert_eq!(secure.client().get("/name").text(), "one");
}

#[test]
fn a_handshake_that_stalls_is_closed_in_time() {
    let secure = start("1.2");
    let mut silent = secure.torii.client();
    let mut half = secure.torii.client();
    half.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    silent.expect_close();
    assert!(half.try_response("GET").is_err());
    assert_eq!(secure.client().get("/name").text(), "one");
}

#[test]
fn a_truncated_download_is_not_hidden_by_tls() {
    let secure = start("1.2");
    let response = secure.client().get("/half-then-close");
    assert_eq!((response.truncated, response.body.len()), (true, 500));
    assert_eq!(secure.torii.log_of("/half-then-close").end(), "SD");
}
