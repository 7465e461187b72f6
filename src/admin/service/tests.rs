//! The service over real sockets: who is let in, which paths answer, what hostile clients get.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::*;
use crate::admin::test_support::{sample_source, stats};
use crate::config::model::User;

/// SHA-256 of `PASSWORD`.
const PASSWORD_SHA256: [u8; 32] = [
    0x0b, 0xe6, 0x4a, 0xe8, 0x9d, 0xdd, 0x24, 0xe2, 0x25, 0x43, 0x4d, 0xe9, 0x5d, 0x50, 0x17, 0x11, 0x33,
    0x9b, 0xae, 0xee, 0x18, 0xf0, 0x09, 0xba, 0x9b, 0x43, 0x69, 0xaf, 0x27, 0xd3, 0x0d, 0x60,
];
/// `USER:PASSWORD`
const RIGHT: &str = "authorization: Basic VVNFUjpQQVNTV09SRA==\r\n";

/// Runs `client` against a service with one user.
fn with_service<C: Future<Output = ()>>(path: &str, client: impl FnOnce(SocketAddr) -> C) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = StdTcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut stats = stats();
        stats.path = path.to_owned();
        stats.users = vec![User { name: "USER".to_owned(), password_sha256: PASSWORD_SHA256 }];
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async { stopped.await.unwrap_or_default() };
        let service = serve(vec![listener], &stats, Arc::new(sample_source().0), None, shutdown);
        let client = async {
            client(address).await;
            stop.send(()).unwrap();
        };
        let (served, ()) = tokio::join!(service, client);
        served.unwrap();
    });
}

/// One request on a connection of its own; head and body of the answer.
async fn ask(address: SocketAddr, request_line: &str, fields: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{request_line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{fields}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[test]
fn asks_for_a_password_and_takes_only_the_right_one() {
    with_service("/stats", async |address| {
        for fields in [
            String::new(),
            "authorization: Basic VVNFUjpXUk9ORw==\r\n".to_owned(),
            "authorization: Basic !!\r\n".to_owned(),
            "authorization: Bearer VVNFUjpQQVNTV09SRA==\r\n".to_owned(),
            format!("{RIGHT}{RIGHT}"),
        ] {
            let (head, body) = ask(address, "GET /stats", &fields).await;
            assert!(head.starts_with("HTTP/1.1 401 "), "{fields}: {head}");
            assert!(head.contains("www-authenticate: Basic realm=\"torii statistics\""), "{head}");
            assert!(!body.contains("web1"));
        }
        let (head, body) = ask(address, "GET /stats", RIGHT).await;
        assert!(head.starts_with("HTTP/1.1 200 ") && body.contains("web1"), "{head}");
    });
}

#[test]
fn answers_with_the_fields_that_keep_a_browser_safe() {
    with_service("/stats", async |address| {
        for (target, content_type) in
            [("/stats", "text/html; charset=utf-8"), ("/stats;csv", "text/plain; charset=utf-8")]
        {
            let (head, _) = ask(address, &format!("GET {target}"), RIGHT).await;
            assert!(head.contains(&format!("content-type: {content_type}")), "{head}");
            for field in [
                "cache-control: no-store",
                "x-content-type-options: nosniff",
                "x-frame-options: DENY",
                "referrer-policy: no-referrer",
                "content-security-policy: default-src 'none'",
            ] {
                assert!(head.contains(field), "{field} is missing: {head}");
            }
        }
    });
}

#[test]
fn matches_the_path_exactly() {
    with_service("/stats", async |address| {
        for target in ["/stats", "/stats;norefresh", "/stats;csv", "/stats;csv;norefresh", "/stats?x=1"] {
            let (head, _) = ask(address, &format!("GET {target}"), RIGHT).await;
            assert!(head.starts_with("HTTP/1.1 200 "), "{target}: {head}");
        }
        for target in ["/", "/stat", "/stats/", "/stats-foo", "/statscsv", "/stats;json", "/stats;", "/Stats"]
        {
            let (head, _) = ask(address, &format!("GET {target}"), RIGHT).await;
            assert!(head.starts_with("HTTP/1.1 404 "), "{target}: {head}");
        }
    });
}

#[test]
fn a_path_may_hold_a_query_as_haproxys_default_does() {
    with_service("/haproxy?stats", async |address| {
        let (head, body) = ask(address, "GET /haproxy?stats;csv", RIGHT).await;
        assert!(head.starts_with("HTTP/1.1 200 ") && body.starts_with("# pxname,"), "{head}");
        for target in ["/haproxy", "/haproxy?stats2", "/haproxy?other"] {
            let (head, _) = ask(address, &format!("GET {target}"), RIGHT).await;
            assert!(head.starts_with("HTTP/1.1 404 "), "{target}: {head}");
        }
    });
}

#[test]
fn gives_the_head_alone_to_head_and_refuses_other_methods() {
    with_service("/stats", async |address| {
        let (head, body) = ask(address, "HEAD /stats", RIGHT).await;
        assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("content-length: "), "{head}");
        assert_eq!(body, "");
        for method in ["POST", "DELETE", "OPTIONS"] {
            let (head, _) = ask(address, &format!("{method} /stats"), RIGHT).await;
            assert!(head.starts_with("HTTP/1.1 405 ") && head.contains("allow: GET, HEAD"), "{head}");
        }
    });
}

#[test]
fn survives_more_connections_than_it_serves_and_heads_that_never_end() {
    with_service("/stats", async |address| {
        let mut held = Vec::new();
        for _ in 0..2 * limits::STATS_CONNECTIONS {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET /stats HTTP/1.1\r\nhos").await.unwrap();
            held.push(stream);
        }
        drop(held);
        let mut stream = TcpStream::connect(address).await.unwrap();
        let junk = vec![b'a'; 2 * limits::STATS_HEAD_SIZE];
        // The service may answer and close before it has read everything.
        let _ = stream.write_all(b"GET /stats HTTP/1.1\r\nx: ").await;
        let _ = stream.write_all(&junk).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
        let (head, _) = ask(address, "GET /stats", RIGHT).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    });
}

/// The connector's certificate check is not what is tested here: it takes the one it was given.
#[test]
fn serves_over_tls_and_drops_what_is_no_handshake() {
    use crate::config::model::Tls;
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = key.cert.der().clone();
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let server = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], private)
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = StdTcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut stats = stats();
        stats.tls = Some(Tls { certificates: Vec::new(), server_config: Arc::new(server) });
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async { stopped.await.unwrap_or_default() };
        let service = serve(vec![listener], &stats, Arc::new(sample_source().0), None, shutdown);
        let client = async {
            let mut plain = TcpStream::connect(address).await.unwrap();
            plain.write_all(b"GET /stats HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
            let mut answer = Vec::new();
            let _ = plain.read_to_end(&mut answer).await;
            assert!(!answer.starts_with(b"HTTP/"));

            let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
            let stream = TcpStream::connect(address).await.unwrap();
            let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
            let request = b"GET /stats;csv HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
            stream.write_all(request).await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            assert!(answer.starts_with(b"HTTP/1.1 200 "));
            stop.send(()).unwrap();
        };
        let (served, ()) = tokio::join!(service, client);
        served.unwrap();
    });
}
