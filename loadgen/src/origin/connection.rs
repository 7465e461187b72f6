//! One client of the origin: requests in, one answer at a time out.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use httparse::{EMPTY_HEADER, Request, Status};

use super::answers::Answers;
use crate::limits::{FIELDS_MAX, HEAD_BYTES_MAX, READ_BYTES};
use crate::response::Chunked;
use crate::tls::ServerSession;

/// What comes next on the connection.
#[derive(Debug, Clone, Copy)]
enum State {
    /// A request's head.
    Head,
    /// So many bytes of a request's body.
    Body(u64),
    /// A request's body in chunks.
    ChunkedBody(Chunked),
    /// The answer, at its time.
    Answer,
}

/// What the server has to do for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Wait for more from the client, or for room to write.
    Wait,
    /// A request is complete: decide when its answer is due, then call `answer`.
    Answer,
    /// Forget it.
    Close,
}

/// A connection.
pub struct Connection {
    /// Its socket.
    pub stream: TcpStream,
    tls: Option<Box<ServerSession>>,
    state: State,
    /// Bytes that came and are not dealt with; inside TLS, plaintext.
    received: Vec<u8>,
    unsent: Vec<u8>,
    sent: usize,
    is_head: bool,
    closes: bool,
    /// Whether the request brought the origin's cookie, and whether its answer is the last one.
    answer: (bool, bool),
    peer_ended: bool,
}

impl Connection {
    /// A client that has just connected.
    pub fn new(stream: TcpStream, tls: Option<ServerSession>) -> Self {
        Self {
            stream,
            tls: tls.map(Box::new),
            state: State::Head,
            received: Vec::new(),
            unsent: Vec::new(),
            sent: 0,
            is_head: false,
            closes: false,
            answer: (false, false),
            peer_ended: false,
        }
    }

    /// Reads what is there, and says what follows.
    pub fn receive(&mut self, scratch: &mut Vec<u8>, answers: &Answers) -> Next {
        scratch.resize(READ_BYTES, 0);
        loop {
            match self.stream.read(scratch) {
                Ok(0) => {
                    self.peer_ended = true;
                    break;
                }
                Ok(count) => {
                    if !self.take(&scratch[..count]) {
                        return Next::Close;
                    }
                    if count < scratch.len() && !self.peer_ended {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Next::Close,
            }
        }
        self.step(answers)
    }

    /// Has `receive` look for the end of the stream, which is not told of again.
    pub fn expect_end(&mut self) {
        self.peer_ended = true;
    }

    fn take(&mut self, bytes: &[u8]) -> bool {
        let Some(session) = &mut self.tls else {
            self.received.extend_from_slice(bytes);
            return true;
        };
        let is_good = session.feed(bytes, &mut self.received).is_ok();
        session.take(&mut self.unsent);
        is_good && self.flush().is_ok()
    }

    /// Goes on with what was received.
    pub fn step(&mut self, answers: &Answers) -> Next {
        if self.flush().is_err() {
            return Next::Close;
        }
        let next = match self.parse(answers) {
            Ok(true) => Next::Answer,
            Ok(false) if self.peer_ended && !self.owes() => Next::Close,
            Ok(false) => Next::Wait,
            Err(()) => Next::Close,
        };
        let is_done = self.closes && self.sent == self.unsent.len() && matches!(self.state, State::Head);
        if is_done { Next::Close } else { next }
    }

    /// Whether an answer, or a part of one, is still to be sent.
    fn owes(&self) -> bool {
        matches!(self.state, State::Answer) || self.sent < self.unsent.len()
    }

    /// Whether a request is now complete whose answer was not yet asked for.
    fn parse(&mut self, answers: &Answers) -> Result<bool, ()> {
        let mut taken = 0;
        let is_complete = loop {
            let rest = &self.received[taken..];
            match &mut self.state {
                State::Answer => break false,
                // After its last answer nothing more is read; and an answer is sent before the next one.
                State::Head if self.closes || self.sent < self.unsent.len() => break false,
                State::Head => match parse_head(rest, answers)? {
                    None => break false,
                    Some(head) => {
                        taken += head.bytes;
                        (self.is_head, self.closes) = (head.is_head, head.closes);
                        self.answer = (head.brings_cookie, head.closes);
                        self.state = head.body;
                    }
                },
                State::Body(left) => {
                    let count = (*left).min(rest.len() as u64);
                    *left -= count;
                    taken += count as usize;
                    if *left > 0 {
                        break false;
                    }
                    self.state = State::Answer;
                    break true;
                }
                State::ChunkedBody(chunked) => {
                    taken += chunked.feed(rest, |_| {}).map_err(|_| ())?;
                    if !chunked.is_over() {
                        break false;
                    }
                    self.state = State::Answer;
                    break true;
                }
            }
        };
        self.received.drain(..taken);
        Ok(is_complete)
    }

    /// Sends the answer that is due now.
    pub fn answer(&mut self, answers: &Answers) -> Next {
        let (brings_cookie, closes) = self.answer;
        let answer = answers.get(!brings_cookie, closes);
        let end = if self.is_head { answer.body_at } else { answer.bytes.len() };
        let bytes = &answer.bytes[..end];
        self.state = State::Head;
        match &mut self.tls {
            Some(session) => session.seal(bytes, &mut self.unsent),
            None => {
                // Most answers fit the socket, and are copied nowhere.
                match self.stream.write(bytes) {
                    Ok(count) => self.unsent.extend_from_slice(&bytes[count..]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        self.unsent.extend_from_slice(bytes)
                    }
                    Err(_) => return Next::Close,
                }
            }
        }
        self.step(answers)
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.sent < self.unsent.len() {
            match self.stream.write(&self.unsent[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.unsent.clear();
        self.sent = 0;
        Ok(())
    }
}

/// What a request's head says.
struct Head {
    bytes: usize,
    is_head: bool,
    closes: bool,
    brings_cookie: bool,
    body: State,
}

fn parse_head(bytes: &[u8], answers: &Answers) -> Result<Option<Head>, ()> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut fields = [EMPTY_HEADER; FIELDS_MAX];
    let mut request = Request::new(&mut fields);
    let count = match request.parse(bytes) {
        Ok(Status::Complete(count)) => count,
        Ok(Status::Partial) if bytes.len() <= HEAD_BYTES_MAX => return Ok(None),
        _ => return Err(()),
    };
    let is_one_zero = request.version == Some(0);
    let is_head = request.method == Some("HEAD");
    let (mut closes, mut keeps, mut body) = (is_one_zero, false, State::Body(0));
    for field in request.headers.iter() {
        if field.name.eq_ignore_ascii_case("content-length") {
            let length = std::str::from_utf8(field.value).ok().and_then(|value| value.trim().parse().ok());
            body = State::Body(length.ok_or(())?);
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            body = State::ChunkedBody(Chunked::default());
        } else if field.name.eq_ignore_ascii_case("connection") {
            closes |= field.value.eq_ignore_ascii_case(b"close");
            keeps |= field.value.eq_ignore_ascii_case(b"keep-alive");
        }
    }
    let cookies = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("cookie"));
    let brings_cookie = answers.is_brought_by(cookies.map(|field| field.value));
    Ok(Some(Head { bytes: count, is_head, closes: closes && !(is_one_zero && keeps), brings_cookie, body }))
}
