//! One client of the origin: requests in, one answer at a time out.
//!
//! ```text
//! Head ──▶ Body / ChunkedBody ──▶ Answer ──(its time)──▶ Head, while the answer is being sent
//!   └──(no request)──▶ Ending: the last word is sent, what still comes is thrown away
//! ```
//!
//! Called by `origin::server`. Bodies are thrown away as they come; while an answer is awaited or being sent
//! nothing is read. What a connection holds is bounded by one read and one head.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

use super::answers::{Answers, Manner};
use super::request::{Head, read_head};
use crate::limits::{KEPT_BYTES_MAX, READ_BYTES, READS_IN_A_ROW};
use crate::response::{Chunked, Framing};
use crate::tls::ServerSession;

/// Answers given to one client before others have their turn.
const ANSWERS_IN_A_ROW: usize = 64;

/// Bytes of an answer that TLS seals at once.
const SEALED_AT_ONCE: usize = 64 * 1024;

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
    /// The client's end, after the last word to it. Closed at once, the kernel would take the word back when
    /// more has come than was read.
    Ending {
        /// Whether the client has been told that no more comes.
        is_shut: bool,
    },
}

/// What the server has to do for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Wait for more from the client, or for room to write.
    Wait,
    /// Call `go_on` again, after others have had their turn.
    Again,
    /// A request is complete: decide when its answer is due, then call `on_due`.
    Answer,
    /// Its last word is sent: call `go_on` now, and `on_due` when it has had time to read it.
    Linger,
    /// Forget it.
    Close,
}

/// Buffers that all connections of a thread use in turn.
#[derive(Default)]
pub struct Scratch {
    read: Vec<u8>,
    plain: Vec<u8>,
}

/// What one connection may do until others have their turn.
pub struct Turn<'a> {
    scratch: &'a mut Scratch,
    answers: &'a Answers,
    reads_left: usize,
    answers_left: usize,
}

impl<'a> Turn<'a> {
    /// A whole turn.
    pub fn new(scratch: &'a mut Scratch, answers: &'a Answers) -> Self {
        Self { scratch, answers, reads_left: READS_IN_A_ROW, answers_left: ANSWERS_IN_A_ROW }
    }
}

/// An answer that is being sent.
#[derive(Debug, Clone, Copy)]
struct Sending {
    manner: Manner,
    at: usize,
    end: usize,
}

/// A connection.
pub struct Connection {
    /// Its socket.
    pub stream: TcpStream,
    /// Whether the server has it in its list of those that go on.
    pub is_listed: bool,
    tls: Option<Box<ServerSession>>,
    state: State,
    /// The request that is being read or answered.
    is_head: bool,
    manner: Manner,
    /// Bytes that came and are not dealt with, from this place on; inside TLS, plaintext.
    kept: Vec<u8>,
    kept_at: usize,
    sending: Option<Sending>,
    /// Records and refusals that the socket had no room for.
    unsent: Vec<u8>,
    unsent_at: usize,
    /// The last answer was asked for.
    closes: bool,
    /// There is nothing to read until an event says so.
    is_dry: bool,
    /// The end of the stream is to be found by reading; no event tells of it again.
    expects_end: bool,
    has_ended: bool,
}

impl Connection {
    /// A client that has just connected.
    pub fn new(stream: TcpStream, tls: Option<ServerSession>) -> Self {
        Self {
            stream,
            is_listed: false,
            tls: tls.map(Box::new),
            state: State::Head,
            is_head: false,
            manner: Manner::default(),
            kept: Vec::new(),
            kept_at: 0,
            sending: None,
            unsent: Vec::new(),
            unsent_at: 0,
            closes: false,
            is_dry: true,
            expects_end: false,
            has_ended: false,
        }
    }

    /// An event says that there is something to read, or that the end of the stream is.
    pub fn wake(&mut self, is_readable: bool, has_ended: bool) {
        self.is_dry &= !is_readable;
        self.expects_end |= has_ended;
    }

    /// Sends, parses and reads, as far as it can be done now.
    pub fn go_on(&mut self, turn: &mut Turn<'_>) -> Next {
        loop {
            match self.send(turn.answers) {
                Err(_) => return Next::Close,
                Ok(false) => return Next::Wait,
                Ok(true) => {}
            }
            match self.state {
                State::Answer => return Next::Wait,
                State::Head if self.closes => {
                    if self.is_dry && !self.has_kept() {
                        return Next::Close;
                    }
                    self.end();
                }
                State::Ending { is_shut: false } => {
                    self.state = State::Ending { is_shut: true };
                    // It fails when the client is gone, which reading tells as well.
                    let _ = self.stream.shutdown(Shutdown::Write);
                    return Next::Linger;
                }
                _ if self.has_ended && !self.has_kept() => return Next::Close,
                _ if (self.has_kept() || !self.is_dry) && turn.answers_left == 0 => return Next::Again,
                _ => {}
            }
            if self.has_kept() && self.deal_with_kept(turn.answers) {
                return Next::Answer;
            }
            if matches!(self.state, State::Ending { is_shut: false }) {
                continue;
            }
            if self.is_dry {
                return if self.has_ended { Next::Close } else { Next::Wait };
            }
            if turn.reads_left == 0 {
                return Next::Again;
            }
            turn.reads_left -= 1;
            match self.read(turn) {
                Err(_) => return Next::Close,
                Ok(true) => return Next::Answer,
                Ok(false) => {}
            }
        }
    }

    /// The time that was asked for has come: of an answer, or of the end.
    pub fn on_due(&mut self, turn: &mut Turn<'_>) -> Next {
        match self.state {
            State::Answer => self.answer(turn),
            State::Ending { .. } => Next::Close,
            State::Head | State::Body(_) | State::ChunkedBody(_) => Next::Wait,
        }
    }

    /// Sends the answer that is due now.
    fn answer(&mut self, turn: &mut Turn<'_>) -> Next {
        turn.answers_left = turn.answers_left.saturating_sub(1);
        let answer = turn.answers.get(self.manner);
        let end = if self.is_head { answer.body_at } else { answer.bytes.len() };
        self.sending = Some(Sending { manner: self.manner, at: 0, end });
        self.state = State::Head;
        self.go_on(turn)
    }

    fn has_kept(&self) -> bool {
        self.kept_at < self.kept.len()
    }

    /// Reads once; whether a request is now complete.
    fn read(&mut self, turn: &mut Turn<'_>) -> io::Result<bool> {
        let Scratch { read, plain } = &mut *turn.scratch;
        read.resize(READ_BYTES, 0);
        let count = match self.stream.read(read) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.is_dry = true;
                return Ok(false);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(false),
            Err(error) => return Err(error),
        };
        self.has_ended = count == 0;
        self.is_dry = self.has_ended || (count < read.len() && !self.expects_end);
        let bytes = &read[..count];
        let Some(session) = &mut self.tls else { return Ok(self.take(bytes, turn.answers)) };
        plain.clear();
        let result = session.feed(bytes, plain);
        session.take(&mut self.unsent);
        if result.is_err() && !matches!(self.state, State::Ending { .. }) {
            // The alert that says why is sent first.
            self.end();
            return Ok(false);
        }
        Ok(self.take(plain, turn.answers))
    }

    /// Takes what has come; whether a request is now complete.
    fn take(&mut self, bytes: &[u8], answers: &Answers) -> bool {
        if self.has_kept() {
            self.kept.extend_from_slice(bytes);
            return self.deal_with_kept(answers);
        }
        match self.parse(bytes, answers) {
            Ok(taken) => self.kept.extend_from_slice(&bytes[taken..]),
            Err(reason) => self.refuse(reason, answers),
        }
        matches!(self.state, State::Answer)
    }

    fn deal_with_kept(&mut self, answers: &Answers) -> bool {
        let kept = std::mem::take(&mut self.kept);
        let result = self.parse(&kept[self.kept_at..], answers);
        self.kept = kept;
        match result {
            Ok(taken) => self.kept_at += taken,
            Err(reason) => self.refuse(reason, answers),
        }
        if !self.has_kept() {
            self.forget_kept();
        } else if self.kept_at > self.kept.len() / 2 {
            self.kept.drain(..self.kept_at);
            self.kept_at = 0;
        }
        matches!(self.state, State::Answer)
    }

    fn forget_kept(&mut self) {
        self.kept_at = 0;
        match self.kept.capacity() > KEPT_BYTES_MAX {
            true => self.kept = Vec::new(),
            false => self.kept.clear(),
        }
    }

    /// Parses up to the end of a request; returns how many bytes are dealt with.
    fn parse(&mut self, bytes: &[u8], answers: &Answers) -> Result<usize, &'static str> {
        let mut taken = 0;
        loop {
            let rest = &bytes[taken..];
            match &mut self.state {
                State::Answer => return Ok(taken),
                State::Ending { .. } => return Ok(bytes.len()),
                State::Head => match read_head(rest, answers)? {
                    None => return Ok(taken),
                    Some(head) => {
                        taken += head.bytes;
                        self.begin(&head);
                    }
                },
                State::Body(left) => {
                    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= count as u64;
                    taken += count;
                    if *left > 0 {
                        return Ok(taken);
                    }
                    self.state = State::Answer;
                }
                State::ChunkedBody(chunked) => {
                    taken += chunked.feed(rest, |_| {})?;
                    if !chunked.is_over() {
                        return Ok(taken);
                    }
                    self.state = State::Answer;
                }
            }
        }
    }

    fn begin(&mut self, head: &Head) {
        (self.is_head, self.manner, self.closes) = (head.is_head, head.manner, head.manner.closes);
        self.state = match head.framing {
            Framing::Length(length) if length > 0 => State::Body(length),
            Framing::Chunked => State::ChunkedBody(Chunked::default()),
            Framing::None | Framing::Length(_) | Framing::UntilClose => State::Answer,
        };
        if head.awaits_continue {
            self.say(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
    }

    fn say(&mut self, bytes: &[u8]) {
        match &mut self.tls {
            Some(session) => session.seal(bytes, &mut self.unsent),
            None => self.unsent.extend_from_slice(bytes),
        }
    }

    /// The last word to what is no request.
    fn refuse(&mut self, reason: &'static str, answers: &Answers) {
        self.say(&answers.refusal(reason));
        self.end();
    }

    /// From now on nothing is taken, and what is unsent is the last.
    fn end(&mut self) {
        self.state = State::Ending { is_shut: false };
        self.kept.clear();
        self.forget_kept();
    }

    /// Sends what there is to send; whether all of it is sent.
    fn send(&mut self, answers: &Answers) -> io::Result<bool> {
        loop {
            if !self.flush()? {
                return Ok(false);
            }
            let Some(sending) = &mut self.sending else { return Ok(true) };
            let bytes = &answers.get(sending.manner).bytes[sending.at..sending.end];
            let count = match &mut self.tls {
                // Straight from where it was rendered: most answers fit the socket.
                None => match self.stream.write(bytes) {
                    Ok(count) => count,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                    Err(error) => return Err(error),
                },
                Some(session) => {
                    let piece = &bytes[..bytes.len().min(SEALED_AT_ONCE)];
                    session.seal(piece, &mut self.unsent);
                    piece.len()
                }
            };
            sending.at += count;
            if sending.at == sending.end {
                self.sending = None;
            }
        }
    }

    fn flush(&mut self) -> io::Result<bool> {
        if self.unsent.is_empty() {
            return Ok(true);
        }
        while self.unsent_at < self.unsent.len() {
            match self.stream.write(&self.unsent[self.unsent_at..]) {
                Ok(count) => self.unsent_at += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.unsent_at = 0;
        match self.unsent.capacity() > KEPT_BYTES_MAX && self.sending.is_none() {
            true => self.unsent = Vec::new(),
            false => self.unsent.clear(),
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
