//! Servers that do what servers must not: each is told by its class, within its time, and nothing
//! hangs.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use torii_loadgen::engine::Plan;
use torii_loadgen::measure::ErrorClass as E;

use crate::support::{MS, closed_loop, errors, finish, open_loop, plan};

/// What a server does with a connection after the head of a request has come.
type Act = fn(&mut TcpStream);

/// A server of one thread per connection. Its threads end with their connections.
struct Scripted {
    address: SocketAddr,
    over: Arc<AtomicBool>,
}

impl Scripted {
    fn start(reads_head: bool, act: Act) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let ends = over.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::spawn(move || serve(stream, reads_head, act));
            }
        });
        Self { address, over }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: TcpStream, reads_head: bool, act: Act) {
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    while !reads_head || read_head(&mut stream) {
        act(&mut stream);
        if !reads_head {
            return;
        }
    }
}

fn read_head(stream: &mut TcpStream) -> bool {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return false,
        }
    }
    true
}

fn say(stream: &mut TcpStream, text: &str) {
    let _ = stream.write_all(text.as_bytes());
}

fn close(stream: &mut TcpStream) {
    let _ = stream.shutdown(Shutdown::Both);
}

fn reset(stream: &mut TcpStream) {
    socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).unwrap();
    // The reset goes out when the last handle closes: this thread's, at the end of `serve`.
    let _ = stream.set_read_timeout(Some(Duration::from_nanos(1)));
}

/// Waits for the client to give up, and does not answer.
fn hang(stream: &mut TcpStream) {
    while stream.read(&mut [0; 1000]).is_ok_and(|count| count > 0) {}
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/// A run of ten requests with short time-outs.
fn short(url: &str) -> Plan {
    let mut plan = plan(url, open_loop(40, 250));
    plan.timeouts.request_ns = 150 * MS;
    plan.timeouts.connect_ns = 150 * MS;
    plan.timeouts.tls_ns = 150 * MS;
    plan.timeouts.grace_ns = 3_000 * MS;
    plan
}

#[test]
fn each_misbehaviour_has_its_class() {
    let cases: [(&str, E, Act); 15] = [
        ("closes without an answer", E::EofBeforeHeaders, close),
        ("resets", E::ReadReset, reset),
        ("ends in the head", E::EofInHeaders, |stream| {
            say(stream, "HTTP/1.1 200 OK\r\nContent-Le");
            close(stream);
        }),
        ("ends in the body", E::EofInBody, |stream| {
            say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort");
            close(stream);
        }),
        ("ends between chunks", E::EofInBody, |stream| {
            say(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n");
            close(stream);
        }),
        ("sends more than it said", E::ExtraBytes, |stream| {
            say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi and more");
            close(stream);
        }),
        ("speaks something else", E::BadStatusLine, |stream| say(stream, "SSH-2.0-OpenSSH_9.2\r\n")),
        ("states two lengths", E::BadFraming, |stream| {
            say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi");
        }),
        ("breaks its chunks", E::BadFraming, |stream| {
            say(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi\r\n");
        }),
        ("never ends its head", E::BadFraming, |stream| {
            say(stream, &["HTTP/1.1 200 OK\r\nA: ", &"x".repeat(200_000)].concat());
        }),
        ("answers for ever without an answer", E::BadFraming, |stream| {
            say(stream, &"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100));
        }),
        ("hangs", E::ReadTimeout, hang),
        ("hangs in the body", E::ReadTimeout, |stream| {
            say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
            hang(stream);
        }),
        ("never ends its body", E::ReadTimeout, |stream| {
            say(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            while stream
                .write_all(&[b"400\r\n".to_vec(), vec![b'x'; 1024], b"\r\n".to_vec()].concat())
                .is_ok()
            {}
        }),
        ("is sorry", E::Status(503), |stream| {
            say(stream, "HTTP/1.1 503 Sorry\r\nContent-Length: 2\r\n\r\nno");
        }),
    ];
    for (name, class, act) in cases {
        let server = Scripted::start(true, act);
        let finished = finish(short(&format!("http://{}/", server.address)));
        let counts = finished.totals.counts;
        assert_eq!(counts.offered, 10, "{name}");
        assert_eq!(errors(&finished, class), 10, "{name}: {:?}", finished.totals.errors.entries());
    }
}

#[test]
fn bytes_on_a_free_connection_are_counted_and_end_it() {
    let server = Scripted::start(true, |stream| {
        say(stream, OK);
        // What follows comes while nothing is asked for: its own packet, after the answer was taken.
        let mut byte = [0];
        stream.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
        if stream.peek(&mut byte).is_err() {
            say(stream, "and another thing");
            hang(stream);
        }
    });
    let mut plan = plan(&format!("http://{}/", server.address), open_loop(5, 1_000));
    plan.connections = 1;
    let counts = finish(plan).totals.counts;
    assert_eq!(counts.ok, 5);
    assert!(counts.connections_unasked >= 3, "{counts:?}");
}

#[test]
fn what_is_unusual_and_allowed_is_no_error() {
    let cases: [(&str, Act); 6] = [
        ("closes after each answer and says so", |stream| {
            say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
            close(stream);
        }),
        ("closes after each answer without a word", |stream| {
            say(stream, OK);
            close(stream);
        }),
        ("ends its body by closing", |stream| {
            say(stream, "HTTP/1.1 200 OK\r\n\r\nhi");
            close(stream);
        }),
        ("speaks HTTP/1.0", |stream| {
            say(stream, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi");
            close(stream);
        }),
        ("sends byte for byte", |stream| {
            let _ = stream.set_nodelay(true);
            OK.chars().for_each(|character| say(stream, &character.to_string()));
        }),
        ("says more on the way", |stream| {
            say(stream, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n");
            say(stream, OK);
        }),
    ];
    for (name, act) in cases {
        let server = Scripted::start(true, act);
        let mut plan = short(&format!("http://{}/", server.address));
        plan.timeouts.request_ns = 20_000 * MS;
        plan.timeouts.connect_ns = 20_000 * MS;
        let finished = finish(plan);
        assert_eq!(finished.totals.counts.ok, 10, "{name}: {:?}", finished.totals.errors.entries());
    }
}

#[test]
fn a_target_that_refuses_is_told_and_not_stormed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let finished = finish(short(&url));
    assert_eq!(errors(&finished, E::ConnectRefused), 10);
    let mut plan = short(&url);
    plan.load = closed_loop(300);
    plan.connections = 3;
    let finished = finish(plan);
    let refused = errors(&finished, E::ConnectRefused);
    assert!((3..=21).contains(&refused), "one every 50 ms and connection: {refused}");
}

#[test]
fn a_target_that_does_not_answer_the_syn_is_a_connect_timeout() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    // The backlog of nought takes one; from then on SYNs are dropped.
    let _full = TcpStream::connect(address).unwrap();
    let finished = finish(short(&format!("http://{address}/")));
    assert_eq!(errors(&finished, E::ConnectTimeout), 10, "{:?}", finished.totals.errors.entries());
    let failed = finished.totals.histograms.of(torii_loadgen::measure::Kind::Failed);
    assert!(failed.min() >= 149 * MS, "a time-out is recorded with its time");
}

#[test]
fn tls_faults_have_classes_of_their_own() {
    let cases: [(&str, E, Act); 4] = [
        ("speaks no TLS", E::TlsProtocol, |stream| say(stream, "HTTP/1.1 400 Bad Request\r\n\r\n")),
        ("says nothing", E::TlsTimeout, hang),
        ("sends an alert", E::TlsAlert(40), |stream| {
            let _ = stream.write_all(&[0x15, 3, 3, 0, 2, 2, 40]);
            hang(stream);
        }),
        ("closes", E::TlsProtocol, close),
    ];
    for (name, class, act) in cases {
        let server = Scripted::start(false, act);
        let finished = finish(short(&format!("https://{}/", server.address)));
        assert_eq!(errors(&finished, class), 10, "{name}: {:?}", finished.totals.errors.entries());
    }
    let origin = crate::support::tls_origin();
    let address = origin.addresses()[0];
    let mut distrusting = short(&format!("https://{address}/"));
    distrusting.timeouts.tls_ns = 20_000 * MS;
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, certificate.cert.pem()).unwrap();
    distrusting.tls.trust = torii_loadgen::tls::Trust::File(file);
    let finished = finish(distrusting);
    assert_eq!(errors(&finished, E::TlsCertificate), 10, "{:?}", finished.totals.errors.entries());
}
