//! `torii demo` as its user meets it: the program itself, its URLs, its commands, its end.
//!
//! No program but torii is needed: requests are made here, over TLS that trusts the demo's own
//! certificate and nothing else.

#![allow(clippy::unwrap_used)]

#[path = "support/peers.rs"]
mod peers;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use peers::{wait_for, wait_until};

/// A running demo. Dropping it kills it.
struct Demo {
    child: Child,
    output: Arc<Mutex<String>>,
    /// `None` once it was closed.
    input: Option<std::process::ChildStdin>,
    tls: Arc<ClientConfig>,
    site: SocketAddr,
    statistics: SocketAddr,
    folder: PathBuf,
}

impl Demo {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_torii"))
            .arg("demo")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = gather(child.stdout.take().unwrap());
        let value = |label: &str| {
            wait_for(label, || {
                let output = output.lock().unwrap();
                let line = output.lines().find(|line| line.trim_start().starts_with(label))?.to_owned();
                Some(line.trim_start()[label.len()..].split_whitespace().next()?.to_owned())
            })
        };
        let site = address_of(&value("site"));
        let statistics = address_of(&value("statistics"));
        let folder = PathBuf::from(value("configuration")).parent().unwrap().to_owned();
        let tls = trusting(&folder.join("demo.pem"));
        Self { input: child.stdin.take(), child, output, tls, site, statistics, folder }
    }

    fn enter(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// One request on a connection of its own; status, head and body of the answer.
    fn fetch(&self, address: SocketAddr, path: &str, fields: &str) -> Answer {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(peers::PATIENCE)).unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let session = ClientConnection::new(self.tls.clone(), name).unwrap();
        let mut stream = StreamOwned::new(session, socket);
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{fields}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer { head: head.to_ascii_lowercase(), body: body.to_owned(), cookie: cookie_of(head) }
    }

    fn fetch_server(&self, cookie: Option<&str>) -> Answer {
        let fields = cookie.map_or_else(String::new, |cookie| format!("Cookie: {cookie}\r\n"));
        self.fetch(self.site, "/server.html", &fields)
    }

    /// Status of a server, from the statistics page's CSV.
    fn state_of(&self, server: &str) -> String {
        // demo:demo
        let fields = "Authorization: Basic ZGVtbzpkZW1v\r\n";
        let csv = self.fetch(self.statistics, "/stats;csv", fields).body;
        let names: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
        let column = names.iter().position(|name| *name == "status").unwrap();
        let row = csv.lines().find(|row| row.starts_with(&format!("web,{server},"))).unwrap();
        row.split(',').nth(column).unwrap().to_owned()
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    fn end(&mut self) -> ExitStatus {
        wait_for("the demo to end", || self.child.try_wait().unwrap())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- output of the demo:\n{}", self.output());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

struct Answer {
    head: String,
    body: String,
    /// `name=value` of the persistence cookie.
    cookie: Option<String>,
}

fn gather(stdout: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let output = Arc::new(Mutex::new(String::new()));
    let gathered = output.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let mut gathered = gathered.lock().unwrap();
            gathered.push_str(&line);
            gathered.push('\n');
        }
    });
    output
}

fn address_of(url: &str) -> SocketAddr {
    let rest = url.strip_prefix("https://").unwrap();
    rest.split('/').next().unwrap().parse().unwrap()
}

/// Trusts the certificate in a file, names and dates included.
fn trusting(path: &std::path::Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(path).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

fn cookie_of(head: &str) -> Option<String> {
    let value = head.lines().find_map(|line| line.strip_prefix("set-cookie: "))?;
    Some(value.split(';').next()?.to_owned())
}

#[test]
fn a_client_stays_moves_when_its_server_stops_and_everything_ends_cleanly() {
    let mut demo = Demo::start();
    let first = demo.fetch_server(None);
    let cookie = first.cookie.expect("the first answer sets the cookie");
    let server = first.body.trim().to_owned();
    let number = server.strip_prefix("web").expect("a server answers with its name").to_owned();
    assert_eq!(demo.fetch_server(Some(&cookie)).body.trim(), server);

    demo.enter(&number);
    wait_until("the server to be down", || demo.state_of(&server) == "DOWN");
    let moved = demo.fetch_server(Some(&cookie));
    assert_ne!(moved.body.trim(), server);
    assert!(moved.cookie.is_some_and(|moved| moved != cookie), "the client is told of its new server");

    demo.enter(&format!("start {number}"));
    wait_until("the server to be up", || demo.state_of(&server) == "UP");
    wait_until("its cookie to be honoured again", || demo.fetch_server(Some(&cookie)).body.trim() == server);

    let page = demo.fetch(demo.site, "/", "X-Marker: <seen>\r\n");
    assert!(page.head.starts_with("http/1.1 200 "));
    assert!(page.body.contains("x-forwarded-for") && page.body.contains("&#60;seen&#62;"), "{}", page.body);
    assert!(demo.fetch(demo.statistics, "/stats", "").head.starts_with("http/1.1 401 "));

    demo.signal("-INT");
    assert!(demo.end().success());
    assert!(!demo.folder.exists(), "the folder is left behind");
    let output = demo.output();
    assert!(output.contains(&format!("{server} stopped")) && output.contains(&format!("{server} UP")));
    assert!(!output.contains('\x1b'), "a pipe is no terminal");
}

#[test]
fn the_end_of_the_input_is_not_the_end_and_a_second_demo_finds_other_ports() {
    let mut first = Demo::start();
    drop(first.input.take());
    let mut second = Demo::start();
    assert_ne!(first.site, second.site);
    assert_ne!(first.statistics, second.statistics);
    second.enter("nonsense");
    second.enter("l");
    let server = second.fetch_server(None).body.trim().to_owned();
    wait_until("the access line", || second.output().contains(&format!("front~ web/{server} ")));
    second.enter("q");
    assert!(second.end().success());
    assert!(second.output().contains("there is no such command"));
    assert!(first.fetch_server(None).body.starts_with("web"));
    first.signal("-TERM");
    assert!(first.end().success());
    assert!(!first.folder.exists() && !second.folder.exists());
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let mut demo = Demo::start();
    let idle = TcpStream::connect(demo.site).unwrap();
    idle.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    demo.fetch_server(None);
    demo.signal("-HUP");
    assert!(demo.end().success());
    assert_eq!((&idle).read(&mut [0; 8]).unwrap_or(0), 0);
}
