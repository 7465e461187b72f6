//! TLS sessions after their handshake: what is malformed gets an alert, what ends says so, and nothing
//! of it can be mistaken for a whole message.

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Resumption, Tls12ClientSessionValue,
    Tls13ClientSessionValue,
};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, HandshakeKind, NamedGroup, RootCertStore, SupportedProtocolVersion};

use crate::client_hello::record;
use crate::recorder::Step;
use crate::secure::Secure;
use crate::support::client::TlsStream;
use crate::support::{Configuration, wait};

fn get(stream: &mut TlsStream, target: &str) -> std::io::Result<()> {
    stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes())
}

/// Reads one small answer.
#[track_caller]
fn read_some(stream: &mut TlsStream) -> String {
    let mut buffer = [0; 4096];
    let count = stream.read(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..count]).into_owned()
}

/// What the session ends with: `Ok` after a close_notify.
fn end_of(stream: &mut TlsStream) -> Result<(), String> {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn t06_a_record_that_was_tampered_with_gets_an_alert() {
    let secure = Secure::start();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        // Between two requests, in mid-head, and in mid-body.
        for before in [
            "",
            "GET /head HTTP/1.1\r\nHost:",
            "POST /cut HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
        ] {
            let mut stream = secure.session("a.test", secure.first.client(&[version]));
            get(&mut stream, "/first").unwrap();
            assert!(read_some(&mut stream).contains("GET /first 0"));
            stream.write_all(before.as_bytes()).unwrap();
            stream.sock.write_all(&record(23, 0x0303, &[0x5a; 60])).unwrap();
            let end = end_of(&mut stream).unwrap_err();
            assert!(end.to_lowercase().contains("badrecordmac"), "{before:?}: {end}");
        }
    }
    let lines = secure.settle("tampered");
    assert!(secure.recorder.requests().iter().all(|one| one.complete || one.head.target() == "/cut"));
    assert!(
        lines.iter().filter(|line| line.end() != "--").all(|line| matches!(line.end(), "CR" | "CH" | "CD")),
        "{lines:#?}"
    );
}

#[test]
fn t08_a_flood_of_key_updates_is_cut_off() {
    let secure = Secure::start();
    let mut stream = secure.session("a.test", secure.first.client(&[&rustls::version::TLS13]));
    let mut sent = 0;
    let ended = (0..100_000).find_map(|_| {
        stream.conn.refresh_traffic_keys().ok()?;
        sent += 1;
        stream.conn.write_tls(&mut stream.sock).err().map(|error| error.kind())
    });
    assert!(ended.is_some(), "{sent} updates were taken");
    drop(stream);
    secure.settle("key updates");
}

#[test]
fn t08_a_few_key_updates_are_nothing_unusual() {
    let secure = Secure::start();
    let mut stream = secure.session("a.test", secure.first.client(&[&rustls::version::TLS13]));
    for number in 0..50 {
        stream.conn.refresh_traffic_keys().unwrap();
        get(&mut stream, &format!("/{number}")).unwrap();
        assert!(read_some(&mut stream).contains(&format!("GET /{number} 0")));
    }
    drop(stream);
    secure.settle("key updates");
}

#[test]
fn t15_every_orderly_end_is_said() {
    let secure = Secure::start_with(Configuration::new().timeout("keep_alive = \"300ms\""));
    let session = || secure.session("a.test", secure.first.any_client());
    // After a response that ends the connection.
    let mut stream = session();
    stream.write_all(b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(end_of(&mut stream), Ok(()), "after the last response");
    // After a refusal.
    let mut stream = session();
    stream.write_all(b"no HTTP at all\r\n\r\n").unwrap();
    assert_eq!(end_of(&mut stream), Ok(()), "after a refusal");
    // When a silent client has been waited for long enough.
    let mut stream = session();
    get(&mut stream, "/idle").unwrap();
    assert_eq!(end_of(&mut stream), Ok(()), "after the idle time");
    // In answer to the client's own.
    let mut stream = session();
    get(&mut stream, "/mine").unwrap();
    assert!(read_some(&mut stream).contains("GET /mine 0"));
    stream.conn.send_close_notify();
    stream.flush().unwrap();
    assert_eq!(end_of(&mut stream), Ok(()), "after the client's");
    drop(stream);
    secure.settle("ends");
}

#[test]
fn t15_a_drain_is_said_too() {
    let mut secure = Secure::start();
    let mut stream = secure.session("a.test", secure.first.any_client());
    get(&mut stream, "/idle").unwrap();
    assert!(read_some(&mut stream).contains("GET /idle 0"));
    wait::for_condition("it to be parked", || secure.figure("Buffers in use") == 0);
    secure.torii.terminate();
    assert_eq!(end_of(&mut stream), Ok(()));
    assert!(secure.torii.wait_for_exit().success());
}

#[test]
fn t15_what_was_cut_off_is_never_said_to_be_over() {
    let secure = Secure::start();
    let cases = [
        ("/length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"),
        ("/chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
    ];
    for (target, text) in cases {
        let steps = vec![Step::ReadBody, Step::Send(text.as_bytes().to_vec()), Step::Close];
        secure.recorder.script(target, steps);
        let mut stream = secure.session("a.test", secure.first.any_client());
        get(&mut stream, target).unwrap();
        let mut bytes = Vec::new();
        let error = stream.read_to_end(&mut bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{target}");
    }
    let lines = secure.settle("cut");
    assert!(lines.iter().all(|line| line.end() == "SD"), "{lines:#?}");
}

#[test]
fn d82_a_client_that_said_it_sends_no_more_gets_its_answer() {
    let secure = Secure::start();
    secure.recorder.script(
        "/late",
        vec![
            Step::ReadBody,
            Step::Wait,
            Step::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate".to_vec()),
        ],
    );
    let mut stream = secure.session("a.test", secure.first.any_client());
    get(&mut stream, "/late").unwrap();
    stream.conn.send_close_notify();
    stream.flush().unwrap();
    wait::for_condition("the request", || secure.recorder.count() > 0);
    secure.recorder.open_gate();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    assert!(bytes.ends_with(b"late"), "{}", bytes.escape_ascii());
    drop(stream);
    secure.settle("half-closed");
}

/// A server that reads nothing holds the client back, whatever the client could send.
#[test]
fn t09_plaintext_is_taken_no_faster_than_the_server_reads() {
    let secure = Secure::start();
    secure.recorder.script("/hold", vec![Step::Wait, Step::ReadBody]);
    let mut client = secure.client();
    assert_eq!(client.get("/warm").status, 200);
    let before = secure.torii.process().resident();
    let mut stream = secure.session("a.test", secure.first.any_client());
    stream.write_all(b"POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n").unwrap();
    stream.sock.set_nonblocking(true).unwrap();
    let mut sent = 0;
    let held_back_at = wait::until_steady(Duration::from_millis(500), || {
        loop {
            if !stream.conn.wants_write() {
                stream.conn.writer().write_all(&[0; 16 << 10]).unwrap();
            }
            match stream.conn.write_tls(&mut stream.sock) {
                Ok(count) if sent < 1_000_000_000 => sent += count,
                _ => return sent,
            }
        }
    });
    assert!(held_back_at < 100_000_000, "{held_back_at} bytes went nowhere");
    assert!(secure.figure("Buffers in use") <= 4);
    let grown = secure.torii.process().resident().saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes for one client");
    stream.sock.shutdown(std::net::Shutdown::Both).unwrap();
    drop((stream, client));
    secure.recorder.open_gate();
    secure.settle("held back");
}

#[test]
fn t10_early_data_is_off() {
    let secure = Secure::start();
    let mut config = ClientConfig::clone(&secure.first.client(&[&rustls::version::TLS13]));
    config.enable_early_data = true;
    let config = Arc::new(config);
    let mut first = secure.session("a.test", config.clone());
    get(&mut first, "/ticket").unwrap();
    assert!(read_some(&mut first).contains("GET /ticket 0"));
    let name = ServerName::try_from("a.test").unwrap();
    let mut second = rustls::ClientConnection::new(config, name).unwrap();
    assert!(second.early_data().is_none(), "no ticket allows it");
    let mut socket = secure.raw();
    while second.is_handshaking() {
        second.complete_io(&mut socket).unwrap();
    }
    assert_eq!(second.handshake_kind(), Some(HandshakeKind::Resumed), "the ticket itself is good");
}

/// Gives every session out for any name, as a client would that confuses its servers.
#[derive(Debug)]
struct Careless(ClientSessionMemoryCache);

impl Careless {
    fn name() -> ServerName<'static> {
        ServerName::try_from("any.test").unwrap()
    }
}

impl ClientSessionStore for Careless {
    fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
        self.0.set_kx_hint(Self::name(), group);
    }

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        self.0.kx_hint(&Self::name())
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.0.set_tls12_session(Self::name(), value);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.0.tls12_session(&Self::name())
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        self.0.remove_tls12_session(&Self::name());
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.0.insert_tls13_ticket(Self::name(), value);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.0.take_tls13_ticket(&Self::name())
    }
}

/// A client that trusts all of these, and confuses them.
fn careless_client(version: &'static SupportedProtocolVersion, worlds: [&Secure; 2]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for secure in worlds {
        roots.add(secure.first.der.clone()).unwrap();
        roots.add(secure.second.der.clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.resumption = Resumption::store(Arc::new(Careless(ClientSessionMemoryCache::new(8))));
    Arc::new(config)
}

#[test]
fn t12_a_ticket_is_good_for_its_own_name_and_process_only() {
    let (secure, other) = (Secure::start(), Secure::start());
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = careless_client(version, [&secure, &other]);
        let kind = |secure: &Secure, name: &str| {
            let mut stream = secure.session(name, config.clone());
            get(&mut stream, "/ticket").unwrap();
            assert!(read_some(&mut stream).contains("GET /ticket 0"));
            stream.conn.handshake_kind()
        };
        assert_eq!(kind(&secure, "a.test"), Some(HandshakeKind::Full));
        assert_eq!(kind(&secure, "a.test"), Some(HandshakeKind::Resumed));
        assert_eq!(kind(&secure, "b.test"), Some(HandshakeKind::Full), "a ticket for another name");
        assert_eq!(kind(&other, "b.test"), Some(HandshakeKind::Full), "a ticket of another process");
        assert_eq!(kind(&other, "b.test"), Some(HandshakeKind::Resumed));
    }
    secure.settle("tickets");
}
