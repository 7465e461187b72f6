//! One reply: bytes from a server, what the client has to see of them, and the ways they may arrive.
//!
//! `World::run_replies` has the origin send a reply whole, byte by byte and cut in two in several
//! places, checks what the client got and that the next request is answered as itself, and settles.
//! `reply_split` does the same to the parser alone, at every cut.

use crate::recorder::Step;
use crate::reply_split::{self, Verdict};
use crate::support::{Client, Response};
use crate::world::World;

/// Places in which a reply is cut over sockets; the parser alone is cut everywhere.
const CUTS: usize = 4;

/// Beyond this many bytes a reply is not sent byte by byte.
const BYTEWISE_MAX: usize = 512;

/// What the server does once its reply is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Keep,
    Close,
    Reset,
}

/// What the client has to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The whole response.
    Forwarded,
    /// 502 of torii's own.
    Refused,
    /// The head, and a body that breaks off so that the client can tell.
    Truncated,
    /// 502, or a body that breaks off: it depends on what had arrived when the fault showed.
    RefusedOrTruncated,
}

/// Bytes of a server and what has to come of them.
#[derive(Debug, Clone)]
pub struct Reply {
    name: String,
    method: &'static str,
    bytes: Vec<u8>,
    after: After,
    outcome: Outcome,
    /// The server's connection carries the next request.
    kept: bool,
    status: u16,
    body: Vec<u8>,
    end: &'static str,
    present: Vec<String>,
    absent: Vec<String>,
}

impl Reply {
    fn new(name: &str, bytes: impl AsRef<[u8]>, outcome: Outcome) -> Self {
        Self {
            name: name.to_owned(),
            method: "GET",
            bytes: bytes.as_ref().to_vec(),
            after: After::Keep,
            outcome,
            kept: false,
            status: 200,
            body: Vec::new(),
            end: "--",
            present: Vec::new(),
            absent: Vec::new(),
        }
    }

    /// A response that is forwarded with this body, after which the server's connection is used again.
    pub fn forwarded(name: &str, body: impl AsRef<[u8]>, bytes: impl AsRef<[u8]>) -> Self {
        Self { body: body.as_ref().to_vec(), kept: true, ..Self::new(name, bytes, Outcome::Forwarded) }
    }

    /// One that becomes 502.
    pub fn refused(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        Self { status: 502, end: "PH", ..Self::new(name, bytes, Outcome::Refused) }
    }

    /// One whose body breaks off after these bytes.
    pub fn truncated(name: &str, body: impl AsRef<[u8]>, bytes: impl AsRef<[u8]>) -> Self {
        Self { body: body.as_ref().to_vec(), end: "SD", ..Self::new(name, bytes, Outcome::Truncated) }
    }

    /// One whose body is malformed.
    pub fn refused_in_body(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        Self::new(name, bytes, Outcome::RefusedOrTruncated)
    }

    /// The method of the request, if not GET.
    pub fn to(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    /// The status, if not 200.
    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The server closes after it.
    pub fn and_closed(self) -> Self {
        Self { after: After::Close, kept: false, ..self }
    }

    /// The server resets the connection after it.
    pub fn and_reset(self) -> Self {
        Self { after: After::Reset, kept: false, ..self }
    }

    /// The server's connection is not used again.
    pub fn not_kept(self) -> Self {
        Self { kept: false, ..self }
    }

    /// The first two letters of the termination state, if not those of its outcome.
    pub fn end(self, end: &'static str) -> Self {
        Self { end, ..self }
    }

    /// A field line at the client, exactly.
    pub fn line(mut self, line: &str) -> Self {
        self.present.push(line.to_owned());
        self
    }

    /// A field name, in any case, that is not in the head at the client.
    pub fn without(mut self, name: &str) -> Self {
        self.absent.push(name.to_ascii_lowercase());
        self
    }

    fn steps(&self, cut: Option<usize>) -> Vec<Step> {
        let pieces: Vec<&[u8]> = match cut {
            None => vec![&self.bytes],
            Some(0) => self.bytes.chunks(1).collect(),
            Some(cut) => vec![&self.bytes[..cut], &self.bytes[cut..]],
        };
        let sends = pieces.into_iter().map(|piece| Step::Send(piece.to_vec()));
        let after = match self.after {
            After::Keep => None,
            After::Close => Some(Step::Close),
            After::Reset => Some(Step::Reset),
        };
        std::iter::once(Step::ReadBody).chain(sends).chain(after).collect()
    }
}

impl World {
    /// Runs each reply in every way, at the parser and over sockets, and settles after each.
    #[track_caller]
    pub fn run_replies(&self, replies: &[Reply]) {
        for (number, reply) in replies.iter().enumerate() {
            let verdict = reply_split::check(&reply.name, reply.method == "HEAD", &reply.bytes);
            assert_verdict(reply, &verdict);
            self.run_reply(number, reply);
        }
    }

    #[track_caller]
    fn run_reply(&self, number: usize, reply: &Reply) {
        let step = (reply.bytes.len() / CUTS).max(1);
        let mut ways: Vec<Option<usize>> =
            (1..reply.bytes.len()).step_by(step).map(Some).chain([None]).collect();
        // A reset takes with it what the kernel has not sent yet.
        if reply.bytes.len() <= BYTEWISE_MAX && reply.after != After::Reset {
            ways.push(Some(0));
        }
        for (way, cut) in ways.iter().enumerate() {
            let target = format!("/reply/{number}/{way}");
            self.recorder.script(&target, reply.steps(*cut));
            self.exchange(reply, &target, &format!("{}, cut {cut:?}", reply.name));
        }
        let lines = self.settle(&reply.name, 2 * ways.len());
        for line in lines.iter().filter(|line| line.request.contains(" /reply/")) {
            let expected: &[&str] = match reply.outcome {
                Outcome::RefusedOrTruncated => &["PH", "PD"],
                _ => &[reply.end],
            };
            assert!(expected.contains(&line.end()), "{}: {line:#?}", reply.name);
        }
    }

    /// The reply and one more request.
    #[track_caller]
    fn exchange(&self, reply: &Reply, target: &str, what: &str) {
        let mut client = self.client();
        client.send(format!("{} {target} HTTP/1.1\r\nHost: a\r\n\r\n", reply.method));
        let response = final_response(&mut client, reply.method, what);
        assert_response(reply, &response, what);
        let ends = response.truncated || response.head.get("connection").as_deref() == Some("close");
        if ends {
            assert!(client.is_closed(), "{what}: the connection should have ended");
            client = self.client();
        }
        let next = format!("/next{target}");
        let answer = client.get(&next);
        assert_eq!((answer.status, answer.text()), (200, format!("GET {next} 0")), "{what}");
        let requests = self.recorder.requests();
        let connection_of = |target: &str| {
            requests.iter().rev().find(|request| request.head.target() == target).map(|one| one.connection)
        };
        let kept = connection_of(target) == connection_of(&next);
        assert_eq!(kept, reply.kept, "{what}: whether the server's connection was used again");
    }
}

#[track_caller]
fn final_response(client: &mut Client, method: &str, what: &str) -> Response {
    loop {
        match client.try_response(method) {
            Ok(response) if response.status >= 200 => return response,
            Ok(_) => {}
            Err(error) => panic!("{what}: no response: {error}"),
        }
    }
}

#[track_caller]
fn assert_response(reply: &Reply, response: &Response, what: &str) {
    assert_plain(&response.head.0, what);
    let outcome = match (reply.outcome, response.status) {
        (Outcome::RefusedOrTruncated, 502) => return,
        (Outcome::RefusedOrTruncated, _) => {
            return assert!(response.truncated, "{what}: the fault is hidden: {response:?}");
        }
        (outcome, _) => outcome,
    };
    assert_eq!(response.status, reply.status, "{what}: {response:?}");
    assert_eq!(response.truncated, outcome == Outcome::Truncated, "{what}: {response:?}");
    if outcome != Outcome::Refused {
        assert_eq!(response.body.escape_ascii().to_string(), reply.body.escape_ascii().to_string(), "{what}");
        let lines = response.head.lines();
        for line in &reply.present {
            assert_eq!(lines.iter().filter(|one| *one == line).count(), 1, "{what}: {line:?} in {lines:#?}");
        }
        for absent in &reply.absent {
            let has = |line: &String| line.to_ascii_lowercase().starts_with(&format!("{absent}:"));
            assert!(!lines.iter().any(has), "{what}: a line {absent:?} in {lines:#?}");
        }
    }
}

/// A head that no reader misreads: lines end in CRLF, no folds, no blanks around a name, one length.
#[track_caller]
fn assert_plain(head: &[u8], what: &str) {
    let text = head.escape_ascii();
    let lines = head.strip_suffix(b"\r\n\r\n").unwrap_or_default().split(|&byte| byte == b'\n');
    let mut lengths = 0;
    for (number, line) in lines.enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(!line.iter().any(|&byte| byte < b' ' && byte != b'\t'), "{what}: a control byte in {text}");
        if number == 0 {
            continue;
        }
        let name: Vec<u8> = line.iter().copied().take_while(|&byte| byte != b':').collect();
        let is_name = |&byte: &u8| byte.is_ascii_graphic();
        assert!(name.len() < line.len() && !name.is_empty() && name.iter().all(is_name), "{what}: {text}");
        let framing = [&b"content-length"[..], b"transfer-encoding"];
        lengths += usize::from(framing.iter().any(|one| name.eq_ignore_ascii_case(one)));
    }
    let bare = head.windows(2).any(|pair| pair[1] == b'\n' && pair[0] != b'\r');
    assert!(!bare && lengths <= 1, "{what}: {text}");
}

#[track_caller]
fn assert_verdict(reply: &Reply, verdict: &Verdict) {
    let name = &reply.name;
    match reply.outcome {
        Outcome::Refused | Outcome::RefusedOrTruncated => {
            assert!(verdict.refused.is_some(), "{name}: {verdict:?}");
        }
        Outcome::Truncated => {
            assert!(verdict.refused.is_none() && !verdict.done, "{name}: {verdict:?}");
        }
        Outcome::Forwarded => {
            assert!(verdict.refused.is_none(), "{name}: {verdict:?}");
            if reply.kept {
                assert!(verdict.done && verdict.reusable && verdict.excess.is_empty(), "{name}: {verdict:?}");
            }
        }
    }
}
