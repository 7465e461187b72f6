//! The data path between raw sockets: clients and servers that stop in the wrong place.
//!
//! Each test starts the program before one server that the test plays itself.
#![allow(clippy::unwrap_used)]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

#[path = "support/peers.rs"]
mod peers;

use peers::{PATIENCE, Peer};

const GREETING: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The program, and the server behind it.
struct Scene {
    port: u16,
    server: TcpListener,
    torii: Peer,
    _folder: TempDir,
}

impl Scene {
    /// `keys`: top of the configuration; `listener`: tables that belong to the listener.
    fn start(keys: &str, listener: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        server.set_nonblocking(true).unwrap();
        let (port, behind) = (peers::free_port(), server.local_addr().unwrap());
        let text = format!(
            "{keys}\n[control]\nsocket = \"off\"\n[threads]\nworkers = 1\n[log]\ntarget = \"stdout\"\n\
             [[listener]]\nname = \"front\"\nbind = [\"127.0.0.1:{port}\"]\nbackend = \"web\"\n{listener}\n\
             [[backend]]\nname = \"web\"\n\
             [[backend.server]]\nname = \"web1\"\naddress = \"{behind}\"\n"
        );
        let path = folder.path().join("torii.toml");
        std::fs::write(&path, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_torii"));
        command.args(["run", "-c"]).arg(path);
        let mut torii = Peer::start("torii", command, folder.path());
        torii.wait_until("to listen", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { port, server, torii, _folder: folder }
    }

    fn client(&self) -> TcpStream {
        patient(TcpStream::connect(("127.0.0.1", self.port)).unwrap())
    }

    /// The next connection to the server, and the request head that came with it.
    fn request(&self) -> (TcpStream, String) {
        let accepted = peers::wait_for("a request at the server", || self.server.accept().ok());
        let mut stream = patient(accepted.0);
        let head = head_of(&mut stream);
        (stream, head)
    }

    /// Waits for the access-log line with these letters.
    fn wait_for_log(&self, letters: &str) {
        peers::wait_until(&format!("a log line with {letters}"), || {
            self.torii.output().lines().any(|line| line.contains(letters))
        });
    }
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads to the end of a head, byte by byte, so that nothing behind it is taken.
fn head_of(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Writes until the peer takes no more for a while; returns how much it took before it closed.
fn flood(mut stream: TcpStream) -> (Arc<AtomicU64>, std::thread::JoinHandle<()>) {
    let taken = Arc::new(AtomicU64::new(0));
    let count = taken.clone();
    let thread = std::thread::spawn(move || {
        while let Ok(written) = stream.write(&[b'x'; 16 * 1024]) {
            count.fetch_add(written as u64, Ordering::Relaxed);
        }
    });
    (taken, thread)
}

/// Waits until a flood stands still: every buffer up to the reader is full.
fn wait_for_standstill(taken: &AtomicU64) {
    let (mut seen, mut since) = (0, Instant::now());
    peers::wait_until("a flood to stand still", || {
        let now = taken.load(Ordering::Relaxed);
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
        now > 0 && since.elapsed() > Duration::from_millis(500)
    });
}

/// A client that has begun a request with a body, is being answered, and reads nothing.
fn uploading_client_that_reads_nothing(scene: &Scene) -> (TcpStream, std::thread::JoinHandle<()>) {
    let mut client = scene.client();
    client.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345").unwrap();
    let (mut server, _) = scene.request();
    server.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").unwrap();
    let (taken, thread) = flood(server);
    wait_for_standstill(&taken);
    (client, thread)
}

#[test]
fn a_client_that_neither_sends_nor_reads_is_let_go() {
    let scene = Scene::start("[timeouts]\nclient = \"2s\"", "");
    let (_client, flood) = uploading_client_that_reads_nothing(&scene);
    scene.wait_for_log(" cD-- ");
    flood.join().unwrap();
}

#[test]
fn a_client_that_reads_nothing_after_its_upload_is_let_go() {
    let scene = Scene::start("[timeouts]\nclient = \"2s\"", "");
    let (mut client, flood) = uploading_client_that_reads_nothing(&scene);
    client.write_all(b"67890").unwrap();
    scene.wait_for_log(" cD-- ");
    flood.join().unwrap();
}

#[test]
fn the_servers_time_does_not_run_while_the_client_is_slow() {
    let scene = Scene::start("[timeouts]\nserver = \"1s\"\nclient = \"30s\"", "");
    let mut client = scene.client();
    client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let (mut server, _) = scene.request();
    const LENGTH: usize = 64 * 1024 * 1024;
    let sender = std::thread::spawn(move || {
        write!(server, "HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n").unwrap();
        server.write_all(&vec![b'x'; LENGTH]).map(|()| server)
    });
    let head = head_of(&mut client);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    // Longer than the server's time-out: nothing can be awaited, since nothing must happen.
    std::thread::sleep(Duration::from_millis(2500));
    let mut body = Vec::new();
    (&mut client).take(LENGTH as u64).read_to_end(&mut body).unwrap();
    assert_eq!(body.len(), LENGTH);
    sender.join().unwrap().unwrap();
}

#[test]
fn a_server_that_leaves_a_waiting_upload_is_answered_for_at_once() {
    let scene = Scene::start("[timeouts]\nclient = \"60s\"", "");
    let mut client = scene.client();
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n")
        .unwrap();
    drop(scene.request());
    let head = head_of(&mut client);
    assert!(head.starts_with("HTTP/1.1 502"), "{head}");
    scene.wait_for_log(" SH-- ");
}

#[test]
fn an_answer_that_comes_before_the_body_ends_the_exchange_soon() {
    let scene = Scene::start("[timeouts]\nclient = \"60s\"", "");
    let mut client = scene.client();
    client.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n").unwrap();
    let (mut server, _) = scene.request();
    server.write_all(GREETING).unwrap();
    let head = head_of(&mut client);
    assert!(head.contains("connection: close"), "{head}");
    scene.wait_for_log(" 200 ");
    // The server must not take what it got for a whole request.
    assert_eq!(server.read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn a_client_that_has_said_all_is_still_answered() {
    for driver in ["auto", "epoll"] {
        let scene = Scene::start(&format!("[io]\ndriver = \"{driver}\""), "");
        let mut client = scene.client();
        client.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let (mut server, _) = scene.request();
        server.write_all(GREETING).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("\r\n\r\nok"), "{driver}: {answer}");
    }
}

#[test]
fn requests_sent_together_are_answered_in_order_with_their_bodies() {
    for driver in ["auto", "epoll"] {
        let scene = Scene::start(&format!("[io]\ndriver = \"{driver}\""), "");
        let mut client = scene.client();
        client
            .write_all(
                b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\n\
                  POST /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n\
                  GET /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
            )
            .unwrap();
        let (mut server, first) = scene.request();
        assert!(first.starts_with("GET /1 "), "{first}");
        server.write_all(GREETING).unwrap();
        let second = head_of(&mut server);
        assert!(second.starts_with("POST /2 "), "{second}");
        let mut body = [0; 13];
        server.read_exact(&mut body).unwrap();
        assert_eq!(&body, b"3\r\nabc\r\n0\r\n\r\n");
        server.write_all(GREETING).unwrap();
        let third = head_of(&mut server);
        assert!(third.starts_with("GET /3 "), "{third}");
        server.write_all(GREETING).unwrap();
        let mut answers = String::new();
        client.read_to_string(&mut answers).unwrap();
        assert_eq!(answers.matches("\r\n\r\nok").count(), 3, "{answers}");
    }
}

#[test]
fn a_body_without_a_length_that_is_cut_short_ends_in_a_reset() {
    let scene = Scene::start("[timeouts]\nclient = \"1s\"", "");
    let mut client = scene.client();
    client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let (mut server, _) = scene.request();
    server.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    let (_, flood) = flood(server);
    scene.wait_for_log(" cD-- ");
    let end = client.read_to_end(&mut Vec::new());
    assert_eq!(end.map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
    flood.join().unwrap();
}

#[test]
fn an_old_client_that_cannot_read_chunks_is_told_the_end() {
    let scene = Scene::start("", "");
    let mut client = scene.client();
    client.write_all(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").unwrap();
    let (mut server, _) = scene.request();
    server.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n").unwrap();
    let head = head_of(&mut client);
    assert!(!head.to_ascii_lowercase().contains("keep-alive"), "{head}");
    let mut body = String::new();
    client.read_to_string(&mut body).unwrap();
    assert_eq!(body, "2\r\nok\r\n0\r\n\r\n");
}

/// A TLS client that believes every certificate, as the tests make their own.
fn tls_client() -> rustls::ClientConnection {
    #[derive(Debug)]
    struct BelieveAll(Arc<rustls::crypto::CryptoProvider>);
    impl rustls::client::danger::ServerCertVerifier for BelieveAll {
        fn verify_server_cert(
            &self,
            _: &rustls::pki_types::CertificateDer<'_>,
            _: &[rustls::pki_types::CertificateDer<'_>],
            _: &rustls::pki_types::ServerName<'_>,
            _: &[u8],
            _: rustls::pki_types::UnixTime,
        ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
            Ok(rustls::client::danger::ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &rustls::pki_types::CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
        }
        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &rustls::pki_types::CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
        }
        fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(BelieveAll(provider)))
        .with_no_client_auth();
    rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap()
}

/// A scene whose listener terminates TLS, with leases of this size.
fn tls_scene(buffer_size: &str) -> (Scene, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap();
    let path = folder.path().join("localhost.pem");
    std::fs::write(&path, certificate.cert.pem() + &certificate.signing_key.serialize_pem()).unwrap();
    let listener = format!("[listener.tls]\ncertificates = [\"{}\"]", path.display());
    (Scene::start(&format!("[io]\nbuffer_size = \"{buffer_size}\""), &listener), folder)
}

#[test]
fn a_large_request_may_follow_the_handshake_at_once() {
    for buffer_size in ["16KiB", "256KiB"] {
        let (scene, _folder) = tls_scene(buffer_size);
        let (mut socket, mut tls) = (scene.client(), tls_client());
        // Until the client's last handshake message is ready but not sent.
        while tls.is_handshaking() {
            while tls.wants_write() {
                tls.write_tls(&mut socket).unwrap();
            }
            tls.read_tls(&mut socket).unwrap();
            tls.process_new_packets().unwrap();
        }
        const LENGTH: usize = 50_000;
        let mut request =
            format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {LENGTH}\r\n\r\n").into_bytes();
        request.extend((0..LENGTH).map(|index| index as u8));
        tls.writer().write_all(&request).unwrap();
        let mut sealed = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut sealed).unwrap();
        }
        socket.write_all(&sealed).unwrap();
        let (mut server, _) = scene.request();
        let mut body = vec![0; LENGTH];
        server.read_exact(&mut body).unwrap();
        assert!(body.iter().enumerate().all(|(index, &byte)| byte == index as u8), "{buffer_size}");
        server.write_all(GREETING).unwrap();
        let head = head_of(&mut rustls::Stream::new(&mut tls, &mut socket));
        assert!(head.starts_with("HTTP/1.1 200"), "{buffer_size}: {head}");
    }
}

#[test]
fn a_response_over_tls_is_whole_with_leases_of_any_size() {
    for buffer_size in ["4KiB", "16KiB", "256KiB"] {
        let (scene, _folder) = tls_scene(buffer_size);
        let (mut socket, mut tls) = (scene.client(), tls_client());
        let mut client = rustls::Stream::new(&mut tls, &mut socket);
        client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
        let (mut server, _) = scene.request();
        const LENGTH: usize = 3_000_000;
        let sender = std::thread::spawn(move || {
            write!(server, "HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n").unwrap();
            let body: Vec<u8> = (0..LENGTH).map(|index| (index / 7) as u8).collect();
            server.write_all(&body).unwrap();
            server
        });
        // The client waits a little, so that the proxy finds much to read at once.
        head_of(&mut client);
        std::thread::sleep(Duration::from_millis(300));
        let mut body = vec![0; LENGTH];
        client.read_exact(&mut body).unwrap();
        assert!(body.iter().enumerate().all(|(index, &byte)| byte == (index / 7) as u8), "{buffer_size}");
        sender.join().unwrap();
    }
}
