//! The origin of the robustness tests: it records every byte, reads requests with a parser stricter
//! than any server's, and answers each with its own name, so that an answer to another is noticed.
//!
//! A request that torii should not have let through, in a form it should not have, is a *fault*:
//! `World::settle` fails on any. What it answers to a target can be scripted, byte by byte.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::support::wire::{Framing, Head, find};

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// Number of the connection, from 0.
    pub connection: usize,
    /// Its head, byte for byte.
    pub head: Head,
    /// Its body without chunk framing, as far as it came.
    pub body: Vec<u8>,
    /// Lines of its trailer section.
    pub trailers: Vec<String>,
    /// All of it arrived.
    pub complete: bool,
}

/// What the origin does about a request to a scripted target.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes one at a time, with a pause before each.
    Drip(Vec<u8>, Duration),
    /// Reads the request's body. Without this step the connection is closed after the last one.
    ReadBody,
    /// Waits for `Recorder::open_gate`.
    Wait,
    /// Ends the connection.
    Close,
    /// Ends it with a reset.
    Reset,
}

#[derive(Default)]
struct Shared {
    requests: Mutex<Vec<Request>>,
    faults: Mutex<Vec<String>>,
    scripts: Mutex<HashMap<String, Vec<Step>>>,
    connections: AtomicUsize,
    open: AtomicUsize,
    gate: (Mutex<bool>, Condvar),
}

/// A running recorder. Its threads end with the connections of the torii it serves.
pub struct Recorder {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Recorder {
    /// Starts on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&accepting);
                let number = shared.connections.fetch_add(1, Ordering::SeqCst);
                shared.open.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    converse(stream, number, &shared);
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests to this target from now on are answered so; by default with 200 and, as the body,
    /// `METHOD TARGET` and the length of the request's body.
    pub fn script(&self, target: &str, steps: Vec<Step>) {
        self.shared.scripts.lock().unwrap().insert(target.to_owned(), steps);
    }

    /// Lets the steps that wait go on, now and later.
    pub fn open_gate(&self) {
        *self.shared.gate.0.lock().unwrap() = true;
        self.shared.gate.1.notify_all();
    }

    /// Every request so far, in order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Requests so far.
    pub fn count(&self) -> usize {
        self.shared.requests.lock().unwrap().len()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Connections open now.
    pub fn open_connections(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// A request among those so far whose request line contains this.
    pub fn find(&self, text: &str) -> Option<Request> {
        let requests = self.shared.requests.lock().unwrap();
        requests.iter().find(|request| request.head.start_line().contains(text)).cloned()
    }

    /// What torii should never have sent.
    pub fn faults(&self) -> Vec<String> {
        self.shared.faults.lock().unwrap().clone()
    }
}

/// Serves one connection until either side ends it.
fn converse(stream: TcpStream, connection: usize, shared: &Shared) {
    stream.set_nodelay(true).unwrap();
    let mut tape = Tape { stream, data: Vec::new() };
    loop {
        let outcome = exchange(&mut tape, connection, shared);
        match outcome {
            Ok(true) => continue,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let bytes = tape.data.escape_ascii().to_string();
                shared.faults.lock().unwrap().push(format!("{error}; bytes at hand: {bytes}"));
            }
            // An end said aloud would come before the reset.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return,
            _ => {}
        }
        let _ = tape.stream.shutdown(Shutdown::Both);
        return;
    }
}

/// One request and its answer; `false` ends the connection.
fn exchange(tape: &mut Tape, connection: usize, shared: &Shared) -> io::Result<bool> {
    let Some(head) = tape.head()? else { return Ok(false) };
    check_head(&head)?;
    let framing = framing_of(&head)?;
    let target = head.target();
    let request = Request {
        connection,
        head,
        body: Vec::new(),
        trailers: Vec::new(),
        complete: framing == Framing::None,
    };
    let index = {
        let mut requests = shared.requests.lock().unwrap();
        requests.push(request);
        requests.len() - 1
    };
    let steps = shared.scripts.lock().unwrap().get(&target).cloned();
    let mut read = false;
    for step in steps.unwrap_or_else(|| vec![Step::ReadBody]) {
        match step {
            Step::ReadBody if !read => {
                read = true;
                read_body(tape, framing, index, shared)?;
            }
            Step::ReadBody => {}
            Step::Send(bytes) => tape.stream.write_all(&bytes)?,
            Step::Drip(bytes, pause) => {
                for byte in bytes {
                    std::thread::sleep(pause);
                    tape.stream.write_all(&[byte])?;
                }
            }
            Step::Wait => {
                let mut open = shared.gate.0.lock().unwrap();
                while !*open {
                    open = shared.gate.1.wait(open).unwrap();
                }
            }
            Step::Close => return Ok(false),
            Step::Reset => {
                socket2::SockRef::from(&tape.stream).set_linger(Some(Duration::ZERO))?;
                return Err(io::ErrorKind::ConnectionReset.into());
            }
        }
    }
    if shared.scripts.lock().unwrap().contains_key(&target) {
        return Ok(read);
    }
    let (method, length) = {
        let requests = shared.requests.lock().unwrap();
        (requests[index].head.method(), requests[index].body.len())
    };
    let text = format!("{method} {target} {length}");
    let shown = if method == "HEAD" { "" } else { &text };
    let length = text.len();
    tape.stream
        .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{shown}").as_bytes())?;
    Ok(true)
}

fn read_body(tape: &mut Tape, framing: Framing, index: usize, shared: &Shared) -> io::Result<()> {
    let keep = |piece: &[u8]| shared.requests.lock().unwrap()[index].body.extend_from_slice(piece);
    let trailers = match framing {
        Framing::Length(length) => {
            tape.data(length, keep)?;
            Vec::new()
        }
        Framing::Chunked => tape.chunks(keep)?,
        Framing::None | Framing::UntilClose => Vec::new(),
    };
    let request = &mut shared.requests.lock().unwrap()[index];
    request.trailers = trailers;
    request.complete = true;
    Ok(())
}

fn fault(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Every line in the one form that no reader misreads.
fn check_head(head: &Head) -> io::Result<()> {
    let mut lines = head.0.split(|&byte| byte == b'\n');
    let start = lines.next().unwrap_or_default();
    let words: Vec<&[u8]> =
        start.strip_suffix(b"\r").unwrap_or_default().split(|&byte| byte == b' ').collect();
    let visible = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_graphic);
    let [method, target, b"HTTP/1.1" | b"HTTP/1.0"] = words[..] else {
        return Err(fault(format!("request line {}", start.escape_ascii())));
    };
    if !method.iter().copied().all(is_token) || !visible(method) || !visible(target) {
        return Err(fault(format!("request line {}", start.escape_ascii())));
    }
    let mut hosts = 0;
    for line in lines.filter(|line| !matches!(*line, b"\r" | b"")) {
        check_field(line)?;
        hosts += usize::from(line.len() > 5 && line[..5].eq_ignore_ascii_case(b"host:"));
    }
    match hosts {
        1 => Ok(()),
        0 if words[2] == b"HTTP/1.0" => Ok(()),
        hosts => Err(fault(format!("{hosts} Host fields"))),
    }
}

fn check_field(line: &[u8]) -> io::Result<()> {
    let bad = || fault(format!("field line {}", line.escape_ascii()));
    let line = line.strip_suffix(b"\r").ok_or_else(bad)?;
    let colon = line.iter().position(|&byte| byte == b':').ok_or_else(bad)?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let is_name = !name.is_empty() && name.iter().copied().all(is_token);
    let is_value = value.iter().all(|&byte| byte == b'\t' || byte >= b' ' && byte != 0x7f);
    let dashed: Vec<u8> = name.iter().map(|&byte| if byte == b'_' { b'-' } else { byte }).collect();
    let frames = |other: &str| dashed.eq_ignore_ascii_case(other.as_bytes());
    let disguised = dashed != name && (frames("content-length") || frames("transfer-encoding"));
    let inner = value.strip_prefix(b" ").unwrap_or(value);
    let padded = inner.first().is_some_and(u8::is_ascii_whitespace)
        || inner.last().is_some_and(u8::is_ascii_whitespace);
    if is_name && is_value && !disguised && !padded { Ok(()) } else { Err(bad()) }
}

/// One Content-Length in its shortest form, or exactly `Transfer-Encoding: chunked`, or neither.
fn framing_of(head: &Head) -> io::Result<Framing> {
    let (lengths, codings) = (head.all("content-length"), head.all("transfer-encoding"));
    match (&lengths[..], &codings[..]) {
        ([], []) => Ok(Framing::None),
        ([length], []) => match length.parse::<u64>() {
            Ok(0) if length == "0" => Ok(Framing::None),
            Ok(number) if number.to_string() == *length => Ok(Framing::Length(number)),
            _ => Err(fault(format!("Content-Length {length:?}"))),
        },
        ([], [coding]) if coding == "chunked" => Ok(Framing::Chunked),
        _ => Err(fault(format!("Content-Length {lengths:?}, Transfer-Encoding {codings:?}"))),
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&byte)
}

/// The bytes of one connection.
struct Tape {
    stream: TcpStream,
    /// Received and not yet consumed.
    data: Vec<u8>,
}

impl Tape {
    fn fill(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.data.extend_from_slice(&piece[..count]);
                Ok(())
            }
        }
    }

    /// The next head; `None` at the end between two requests.
    fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = find(&self.data, b"\r\n\r\n") {
                return Ok(Some(Head(self.data.drain(..end + 4).collect())));
            }
            if find(&self.data, b"\n\n").is_some() || self.data.len() > 1 << 20 {
                return Err(fault("bytes that are no request head".to_owned()));
            }
            match self.fill() {
                Err(_) if self.data.is_empty() => return Ok(None),
                other => other?,
            }
        }
    }

    fn data(&mut self, mut left: u64, mut keep: impl FnMut(&[u8])) -> io::Result<()> {
        while left > 0 {
            if self.data.is_empty() {
                self.fill()?;
            }
            let now = left.min(self.data.len() as u64) as usize;
            keep(&self.data[..now]);
            self.data.drain(..now);
            left -= now as u64;
        }
        Ok(())
    }

    /// A chunked body in its plainest form; returns its trailer lines.
    fn chunks(&mut self, keep: impl Fn(&[u8])) -> io::Result<Vec<String>> {
        loop {
            let line = self.line()?;
            let plain =
                !line.is_empty() && line.len() <= 64 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
            let size = u64::from_str_radix(&line, 16).ok().filter(|_| plain);
            match size.ok_or_else(|| fault(format!("chunk-size line {line:?}")))? {
                0 => break,
                size => self.data(size, &keep)?,
            }
            let end = self.line()?;
            if !end.is_empty() {
                return Err(fault(format!("{end:?} behind a chunk")));
            }
        }
        let mut trailers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(trailers);
            }
            check_field(format!("{line}\r").as_bytes())?;
            trailers.push(line);
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.data.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.data.drain(..=end).collect();
                let line = line.strip_suffix(b"\r\n").ok_or_else(|| fault(format!("line {line:?}")))?;
                return Ok(String::from_utf8_lossy(line).into_owned());
            }
            self.fill()?;
        }
    }
}
