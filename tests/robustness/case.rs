//! One case: bytes from a client, what has to come of them, and the ways in which they may arrive.
//!
//! `World::run` sends a case whole, byte by byte, cut in two in several places, and behind another
//! request on the same connection, and then settles. `split` does the same to the parser alone, at
//! every cut.

use crate::recorder::Request;
use crate::split;
use crate::support::{Client, Response};
use crate::world::World;

/// What is sent behind a message that is refused or that ends its connection: nobody may ever see it.
const POISON: &[u8] = b"GET /SMUG HTTP/1.1\r\nHost: a\r\n\r\n";
/// What is sent behind a message after which the connection goes on.
const NEXT: &[u8] = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
/// What is sent before a message to have it arrive behind another.
const BEFORE: &[u8] = b"GET /before HTTP/1.1\r\nHost: a\r\n\r\n";

/// Places in which a case is cut over sockets; the parser alone is cut everywhere.
const CUTS: usize = 8;

/// Beyond this many bytes a case is not sent byte by byte.
const BYTEWISE_MAX: usize = 2048;

/// What has to come of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// An answer of this status and the end of the connection; no server sees any of it.
    Refused(u16),
    /// The same, but the fault is in the body: a server may see the beginning of the message.
    RefusedInBody(u16),
    /// Forwarded as one request; the next one is answered as itself.
    Forwarded,
    /// Forwarded as one request; then the connection ends.
    ForwardedAndClosed,
}

/// Bytes and what has to come of them.
#[derive(Debug, Clone)]
pub struct Case {
    name: String,
    bytes: Vec<u8>,
    outcome: Outcome,
    /// `METHOD TARGET` at the server.
    request: String,
    body: Vec<u8>,
    present: Vec<String>,
    absent: Vec<String>,
}

impl Case {
    fn new(name: &str, bytes: impl AsRef<[u8]>, outcome: Outcome) -> Self {
        Self {
            name: name.to_owned(),
            bytes: bytes.as_ref().to_vec(),
            outcome,
            request: String::new(),
            body: Vec::new(),
            present: Vec::new(),
            absent: Vec::new(),
        }
    }

    /// A message that is answered with this status.
    pub fn refused(name: &str, status: u16, bytes: impl AsRef<[u8]>) -> Self {
        Self::new(name, bytes, Outcome::Refused(status))
    }

    /// A message whose body is refused: 400.
    pub fn refused_in_body(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        Self::new(name, bytes, Outcome::RefusedInBody(400))
    }

    /// A message that reaches the server as `request` (`METHOD TARGET`).
    pub fn forwarded(name: &str, request: &str, bytes: impl AsRef<[u8]>) -> Self {
        Self { request: request.to_owned(), ..Self::new(name, bytes, Outcome::Forwarded) }
    }

    /// It ends the connection.
    pub fn and_closed(self) -> Self {
        Self { outcome: Outcome::ForwardedAndClosed, ..self }
    }

    /// The body at the server, without chunk framing.
    pub fn body(self, body: impl AsRef<[u8]>) -> Self {
        Self { body: body.as_ref().to_vec(), ..self }
    }

    /// A field or trailer line at the server, exactly.
    pub fn line(mut self, line: &str) -> Self {
        self.present.push(line.to_owned());
        self
    }

    /// A field name, in any case, that is neither in the head nor in the trailers at the server.
    pub fn without(mut self, name: &str) -> Self {
        self.absent.push(name.to_ascii_lowercase());
        self
    }

    fn is_refused(&self) -> bool {
        matches!(self.outcome, Outcome::Refused(_) | Outcome::RefusedInBody(_))
    }

    fn tail(&self) -> &'static [u8] {
        if self.outcome == Outcome::Forwarded { NEXT } else { POISON }
    }

    /// Answers, and so log lines, that one sending leads to.
    fn answers(&self) -> usize {
        if self.outcome == Outcome::Forwarded { 2 } else { 1 }
    }
}

impl World {
    /// Runs each case in every way, at the parser and over sockets, and settles after each.
    #[track_caller]
    pub fn run(&self, cases: &[Case]) {
        for case in cases {
            split::check(&case.name, &case.bytes, case.is_refused());
            self.run_over_sockets(case);
        }
    }

    #[track_caller]
    fn run_over_sockets(&self, case: &Case) {
        let seen = self.recorder.count();
        let whole = [&case.bytes, case.tail()].concat();
        // Everything is sent before any answer is read: fewer turns of a busy machine.
        let mut sent: Vec<(String, Client)> = Vec::new();
        let mut client = self.client();
        let _ = client.try_send(&whole);
        sent.push(("whole".to_owned(), client));

        if case.bytes.len() <= BYTEWISE_MAX {
            let mut client = self.client();
            let _ = whole.iter().try_for_each(|&byte| client.try_send([byte]));
            sent.push(("byte by byte".to_owned(), client));
        }

        // All first halves go before any second one, so that torii has read the former by itself.
        let step = (case.bytes.len() / CUTS).max(1);
        let cuts: Vec<usize> = (1..case.bytes.len()).step_by(step).collect();
        let mut clients: Vec<Client> = cuts.iter().map(|_| self.client()).collect();
        for (client, &cut) in clients.iter_mut().zip(&cuts) {
            let _ = client.try_send(&whole[..cut]);
        }
        let mut behind = self.client();
        let _ = behind.try_send([BEFORE, &whole].concat());
        assert_answer(case, "behind another", "GET", &mut behind, "GET /before 0");
        sent.push(("behind another".to_owned(), behind));
        for (mut client, &cut) in clients.into_iter().zip(&cuts) {
            let _ = client.try_send(&whole[cut..]);
            sent.push((format!("cut at {cut}"), client));
        }

        let lines = sent.len() * case.answers() + 1;
        for (way, client) in sent {
            self.expect(case, &way, client);
        }
        self.settle(&case.name, lines);
        self.assert_requests(case, &self.recorder.requests()[seen..]);
    }

    /// Reads what one sending is answered with.
    #[track_caller]
    fn expect(&self, case: &Case, way: &str, mut client: Client) {
        if let Outcome::Refused(status) | Outcome::RefusedInBody(status) = case.outcome {
            let answer = answer(case, way, "GET", &mut client);
            assert_eq!(answer.status, status, "{}, {way}", case.name);
            assert_eq!(answer.head.get("connection").as_deref(), Some("close"), "{}, {way}", case.name);
        } else {
            let method = case.request.split(' ').next().unwrap();
            let text = match method {
                "HEAD" => String::new(),
                _ => format!("{} {}", case.request, case.body.len()),
            };
            assert_answer(case, way, method, &mut client, &text);
        }
        if case.outcome == Outcome::Forwarded {
            assert_answer(case, way, "GET", &mut client, "GET /next 0");
        } else {
            assert!(client.is_closed(), "{}, {way}: the connection should have ended", case.name);
        }
    }

    /// What the server saw of a case, however it was sent.
    #[track_caller]
    fn assert_requests(&self, case: &Case, requests: &[Request]) {
        let others = ["/clean/", "/next", "/before"];
        let is_other =
            |request: &&Request| others.iter().any(|other| request.head.target().starts_with(other));
        let ours = requests.iter().filter(|request| !is_other(request));
        for request in ours {
            let name = &case.name;
            match case.outcome {
                Outcome::Refused(_) => panic!("{name}: it reached a server: {request:#?}"),
                Outcome::RefusedInBody(_) => {
                    assert!(!request.complete, "{name}: it was completed: {request:#?}")
                }
                Outcome::Forwarded | Outcome::ForwardedAndClosed => assert_request(case, request),
            }
        }
    }
}

#[track_caller]
fn assert_request(case: &Case, request: &Request) {
    let name = &case.name;
    let start = request.head.start_line();
    assert_eq!(start.rsplit_once(' ').map(|parts| parts.0), Some(&*case.request), "{name}");
    let (ours, theirs) = (case.body.escape_ascii().to_string(), request.body.escape_ascii().to_string());
    assert!(request.complete && ours == theirs, "{name}: body {theirs:?} instead of {ours:?}");
    let lines = [request.head.lines(), request.trailers.clone()].concat();
    for line in &case.present {
        assert!(lines.contains(line), "{name}: no line {line:?} in {lines:#?}");
    }
    for absent in &case.absent {
        let has = |line: &String| line.to_ascii_lowercase().starts_with(&format!("{absent}:"));
        assert!(!lines.iter().any(has), "{name}: a line {absent:?} in {lines:#?}");
    }
}

#[track_caller]
fn answer(case: &Case, way: &str, method: &str, client: &mut Client) -> Response {
    loop {
        match client.try_response(method) {
            Ok(answer) if answer.status >= 200 => return answer,
            Ok(_) => {}
            Err(error) => panic!("{}, {way}: no answer: {error}", case.name),
        }
    }
}

#[track_caller]
fn assert_answer(case: &Case, way: &str, method: &str, client: &mut Client, text: &str) {
    let answer = answer(case, way, method, client);
    assert_eq!((answer.status, answer.text().as_str()), (200, text), "{}, {way}", case.name);
}
