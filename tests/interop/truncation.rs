//! A server that is killed in the middle of an answer's body.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::peers::{self, Peer};
use crate::proxies::{self, Kind, Proxy, Setup, Syslog, Target};

const SIZE: usize = 1_000_000;

/// Answers `/server.html`; of `/half` it sends the head and half the body and then falls silent.
const VICTIM: &str = "
import http.server, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        half = self.path == '/half'
        body = b'h' * 500000 if half else b'victim'
        self.send_response(200)
        self.send_header('Content-Length', '1000000' if half else str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        if half:
            time.sleep(600)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
";

#[test]
fn a_server_killed_in_mid_body_truncates_its_own_answer_and_no_other() {
    let mut programs = vec!["python3", "curl"];
    programs.extend((proxies::subject() == Kind::Haproxy).then_some("haproxy"));
    if !peers::available(&programs) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("localhost.pem");
    proxies::write_certificate(&certificate, &["localhost"]);
    let victim_port = peers::free_port();
    let mut python = peers::command("python3");
    python.args(["-c", VICTIM, &victim_port.to_string()]);
    let mut victim = Peer::start("victim", python, folder.path());
    let url = format!("http://127.0.0.1:{victim_port}/server.html");
    victim.wait_until("first answer", || peers::curl(&[&url]).body == "victim");
    let finish = Arc::new(AtomicBool::new(false));
    let steady_port = serve_in_halves(finish.clone());
    let log = Syslog::udp();
    let server = |name: &str, port| Target { name: name.into(), cookie: name.into(), port };
    let setup = Setup {
        folder: folder.path(),
        servers: vec![server("victim", victim_port), server("steady", steady_port)],
        certificates: certificate,
        log: log.target.clone(),
    };
    let proxy = Proxy::start(proxies::subject(), &setup);

    let mut untouched = request(&proxy, "steady");
    let mut truncated = request(&proxy, "victim");
    let (mut kept, mut lost) = (read_some(&mut untouched), read_some(&mut truncated));
    victim.kill();

    // Either a reset or an early end is the truth; a complete body would not be.
    let _ = truncated.read_to_end(&mut lost);
    let (status, body) = split(&lost);
    assert!(status.starts_with("HTTP/1.1 200"), "{status}");
    assert!(body < SIZE, "{body} of {SIZE} bytes came from a server that sent half of them");
    let line = log.wait_for(&[" SD", "web_backend/victim "]);
    assert!(line.contains("\"GET /half HTTP/1.1\"") && line.contains(" 200 "), "{line}");

    finish.store(true, Ordering::Relaxed);
    untouched.read_to_end(&mut kept).unwrap();
    assert_eq!(split(&kept).1, SIZE, "the other exchange is complete");
    let line = log.wait_for(&["web_backend/steady ", "\"GET /half HTTP/1.1\""]);
    assert!(line.contains(" 200 ") && line.contains(" --V"), "{line}");
}

/// Asks a named server for its half; the connection is to be closed after the answer.
fn request(proxy: &Proxy, server: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.plain)).unwrap();
    stream.set_read_timeout(Some(peers::PATIENCE)).unwrap();
    let head =
        format!("GET /half HTTP/1.1\r\nHost: a\r\nCookie: lbsessionid={server}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// The first bytes of an answer's body, so that the exchange is known to be in the middle of it.
fn read_some(stream: &mut TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    while !received.windows(4).any(|four| four == b"\r\n\r\n") || split(&received).1 == 0 {
        let length = stream.read(&mut buffer).unwrap();
        assert!(length > 0, "closed before a body: {}", String::from_utf8_lossy(&received));
        received.extend_from_slice(&buffer[..length]);
    }
    received
}

/// Status line, and how many bytes follow the head.
fn split(received: &[u8]) -> (String, usize) {
    let head = received.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
    let status = String::from_utf8_lossy(&received[..head]).lines().next().unwrap_or_default().to_owned();
    (status, received.len() - head - 4)
}

/// A server in this process that sends half a body, and the rest once it is told to. Gives its port.
fn serve_in_halves(finish: Arc<AtomicBool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let finish = finish.clone();
            std::thread::spawn(move || answer_in_halves(stream, &finish));
        }
    });
    port
}

fn answer_in_halves(mut stream: TcpStream, finish: &AtomicBool) {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(length) if length > 0 => head.extend_from_slice(&buffer[..length]),
            _ => return,
        }
    }
    let whole = !head.starts_with(b"GET /half");
    let size = if whole { "steady".len() } else { SIZE };
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(answer.as_bytes());
    if whole {
        let _ = stream.write_all(b"steady");
        return;
    }
    let _ = stream.write_all(&vec![b's'; SIZE / 2]);
    peers::wait_until("leave to finish", || finish.load(Ordering::Relaxed));
    let _ = stream.write_all(&vec![b's'; SIZE / 2]);
}
