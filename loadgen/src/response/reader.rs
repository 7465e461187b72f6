//! One answer, from its first byte to its last.
//!
//! The engine feeds what it has read. A head has to lie in one piece: while it is not complete nothing
//! is taken, and the engine offers it again with more behind it. Interim answers (1xx) are passed over.

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Response, Status};

use super::chunked::Chunked;
use super::framing::{Framing, decide};
use crate::limits::{FIELDS_MAX, HEAD_BYTES_MAX, INTERIM_MAX};
use crate::measure::ErrorClass;

/// Who wants to see parts of the answer.
pub trait Sink {
    /// The head of the final answer.
    fn head(&mut self, status: u16, fields: &[Header<'_>]);
    /// The next piece of the body.
    fn body(&mut self, piece: &[u8]);
}

/// What became of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fed {
    /// Bytes that belonged to the answer. Those behind them are kept by the caller.
    pub taken: usize,
    /// Whether the answer is complete.
    pub is_complete: bool,
}

/// An answer that is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// How it is counted.
    pub class: ErrorClass,
    /// What is wrong, in words.
    pub reason: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Head,
    /// Bytes left.
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    Complete,
}

/// The reader of one answer.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    state: State,
    is_head: bool,
    keeps_alive: bool,
    interim: u8,
    status: u16,
    body_bytes: u64,
}

impl Reader {
    /// Before the first byte of the answer to a request; `is_head` when that was a HEAD.
    pub fn new(is_head: bool) -> Self {
        Self { state: State::Head, is_head, keeps_alive: false, interim: 0, status: 0, body_bytes: 0 }
    }

    /// The status, once the head has come.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Bytes of the body so far, without its coding.
    pub fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Whether the connection can carry another request after this answer.
    pub fn keeps_alive(&self) -> bool {
        self.keeps_alive
    }

    /// Takes what has come.
    ///
    /// # Errors
    /// The bytes are no HTTP/1.x answer; the connection is then of no use.
    #[inline]
    pub fn feed(&mut self, bytes: &[u8], sink: &mut impl Sink) -> Result<Fed, Fault> {
        let mut taken = 0;
        // Each turn takes bytes or ends; interim answers are counted.
        loop {
            let rest = &bytes[taken..];
            match &mut self.state {
                State::Head => match self.read_head(rest, sink)? {
                    Some(count) => taken += count,
                    None => return Ok(Fed { taken, is_complete: false }),
                },
                State::Length(left) => {
                    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    if count > 0 {
                        sink.body(&rest[..count]);
                    }
                    *left -= count as u64;
                    let is_complete = *left == 0;
                    self.body_bytes += count as u64;
                    return Ok(self.fed(taken + count, is_complete));
                }
                State::Chunked(chunked) => {
                    let body_bytes = &mut self.body_bytes;
                    let count = chunked.feed(rest, |piece| {
                        *body_bytes += piece.len() as u64;
                        sink.body(piece);
                    });
                    let count = count.map_err(|reason| Fault { class: ErrorClass::BadFraming, reason })?;
                    let is_complete = chunked.is_over();
                    return Ok(self.fed(taken + count, is_complete));
                }
                State::UntilClose => {
                    if !rest.is_empty() {
                        sink.body(rest);
                    }
                    self.body_bytes += rest.len() as u64;
                    return Ok(Fed { taken: bytes.len(), is_complete: false });
                }
                State::Complete => return Ok(Fed { taken, is_complete: true }),
            }
        }
    }

    fn fed(&mut self, taken: usize, is_complete: bool) -> Fed {
        if is_complete {
            self.state = State::Complete;
        }
        Fed { taken, is_complete }
    }

    /// What it means that the connection ends here: `Ok` when that completes the answer. `has_bytes`
    /// says whether anything of a head has come.
    ///
    /// # Errors
    /// The answer is not complete.
    pub fn end(&self, has_bytes: bool) -> Result<(), ErrorClass> {
        match self.state {
            State::Head if has_bytes || self.interim > 0 => Err(ErrorClass::EofInHeaders),
            State::Head => Err(ErrorClass::EofBeforeHeaders),
            State::Length(_) | State::Chunked(_) => Err(ErrorClass::EofInBody),
            State::UntilClose | State::Complete => Ok(()),
        }
    }

    /// Reads a head that lies in one piece; `None` while it is not complete.
    fn read_head(&mut self, bytes: &[u8], sink: &mut impl Sink) -> Result<Option<usize>, Fault> {
        if bytes.is_empty() {
            return Ok(None);
        }
        // Not initialised: clearing room for all fields would cost more than most heads.
        let mut fields = [const { MaybeUninit::<Header<'_>>::uninit() }; FIELDS_MAX];
        let mut response = Response::new(&mut []);
        let parser = ParserConfig::default();
        let count = match parser.parse_response_with_uninit_headers(&mut response, bytes, &mut fields) {
            Ok(Status::Complete(count)) => count,
            Ok(Status::Partial) if bytes.len() > HEAD_BYTES_MAX => {
                return Err(framing_fault("the head is longer than any head should be"));
            }
            Ok(Status::Partial) => return Ok(None),
            Err(error) => return Err(head_fault(error)),
        };
        let status = response.code.unwrap_or_default();
        let version = response.version.unwrap_or_default();
        if status < 100 {
            return Err(Fault { class: ErrorClass::BadStatusLine, reason: "the status is less than 100" });
        }
        if (100..=199).contains(&status) {
            self.interim += 1;
            if status == 101 {
                return Err(framing_fault("101 to a request that asked for no upgrade"));
            }
            if self.interim > INTERIM_MAX {
                return Err(framing_fault("too many interim answers"));
            }
            return Ok(Some(count));
        }
        let decided = decide(self.is_head, status, version, response.headers).map_err(framing_fault)?;
        self.status = status;
        self.keeps_alive = decided.keeps_alive;
        self.state = match decided.framing {
            Framing::None | Framing::Length(0) => State::Complete,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(Chunked::default()),
            Framing::UntilClose => State::UntilClose,
        };
        sink.head(status, response.headers);
        Ok(Some(count))
    }
}

fn framing_fault(reason: &'static str) -> Fault {
    Fault { class: ErrorClass::BadFraming, reason }
}

fn head_fault(error: httparse::Error) -> Fault {
    use httparse::Error;
    let (class, reason) = match error {
        Error::Version => (ErrorClass::BadStatusLine, "the first line does not begin with HTTP/1.x"),
        Error::Status => (ErrorClass::BadStatusLine, "the status is not three digits"),
        Error::Token => (ErrorClass::BadStatusLine, "the first line holds a byte that is not allowed"),
        Error::NewLine => (ErrorClass::BadFraming, "a line of the head does not end in CR LF"),
        Error::HeaderName => (ErrorClass::BadFraming, "the name of a field holds a byte that is not allowed"),
        Error::HeaderValue => {
            (ErrorClass::BadFraming, "the value of a field holds a byte that is not allowed")
        }
        Error::TooManyHeaders => (ErrorClass::BadFraming, "the head has too many fields"),
    };
    Fault { class, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default, Debug, PartialEq)]
    struct Seen {
        status: u16,
        fields: usize,
        body: Vec<u8>,
    }

    impl Sink for Seen {
        fn head(&mut self, status: u16, fields: &[Header<'_>]) {
            (self.status, self.fields) = (status, fields.len());
        }
        fn body(&mut self, piece: &[u8]) {
            self.body.extend_from_slice(piece);
        }
    }

    /// Feeds in pieces, as the engine does: what is not taken is offered again.
    fn read(bytes: &[u8], piece: usize) -> Result<(Seen, bool, usize), Fault> {
        let (mut reader, mut seen, mut kept, mut taken) = (Reader::new(false), Seen::default(), vec![], 0);
        for part in bytes.chunks(piece) {
            kept.extend_from_slice(part);
            let fed = reader.feed(&kept, &mut seen)?;
            taken += fed.taken;
            kept.drain(..fed.taken);
            if fed.is_complete {
                return Ok((seen, true, taken));
            }
        }
        Ok((seen, false, taken))
    }

    #[test]
    fn answers_are_read_in_pieces_of_any_size() {
        let answers: [(&[u8], &[u8]); 4] = [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\n", b"hello"),
            (b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", b"hello"),
            (b"HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\n", b"hello"),
            (b"HTTP/1.1 204 None\r\nX: y\r\nA: b\r\n\r\n", b""),
        ];
        for (index, (head, body)) in answers.into_iter().enumerate() {
            let behind: &[u8] = if index == 0 || index == 2 { body } else { b"" };
            let whole = [head, behind].concat();
            for piece in 1..=whole.len() {
                let read = read(&whole, piece).ok();
                let expected =
                    Seen { status: if index == 3 { 204 } else { 200 }, fields: 2, body: body.to_vec() };
                assert_eq!(read, Some((expected, true, whole.len())), "{index} {piece}");
            }
        }
    }

    #[test]
    fn bytes_behind_the_answer_are_left() {
        let read = read(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naEXTRA", 100);
        assert_eq!(read.map(|(_, complete, taken)| (complete, taken)), Ok((true, 39)));
    }

    #[test]
    fn an_end_means_what_was_missing() {
        let end = |bytes: &[u8]| {
            let (mut reader, mut seen) = (Reader::new(false), Seen::default());
            let fed = reader.feed(bytes, &mut seen).unwrap_or(Fed { taken: 0, is_complete: false });
            reader.end(fed.taken < bytes.len())
        };
        assert_eq!(end(b""), Err(ErrorClass::EofBeforeHeaders));
        assert_eq!(end(b"HTTP/1.1 20"), Err(ErrorClass::EofInHeaders));
        assert_eq!(end(b"HTTP/1.1 100 Continue\r\n\r\n"), Err(ErrorClass::EofInHeaders));
        assert_eq!(end(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), Err(ErrorClass::EofInBody));
        assert_eq!(
            end(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
            Err(ErrorClass::EofInBody)
        );
        assert_eq!(end(b"HTTP/1.1 200 OK\r\n\r\nabc"), Ok(()));
    }

    #[test]
    fn each_kind_of_nonsense_has_its_class() {
        let class = |bytes: &[u8]| read(bytes, 7).map(|_| ()).map_err(|fault| fault.class);
        use ErrorClass::{BadFraming, BadStatusLine};
        assert_eq!(class(b"SSH-2.0-OpenSSH_9.2\r\n"), Err(BadStatusLine));
        assert_eq!(class(b"HTTP/2.0 200 OK\r\n\r\n"), Err(BadStatusLine));
        assert_eq!(class(b"HTTP/1.1 2x0 OK\r\n\r\n"), Err(BadStatusLine));
        assert_eq!(class(b"HTTP/1.1 042 OK\r\n\r\n"), Err(BadStatusLine));
        assert_eq!(class(b"HTTP/1.1 200 OK\r\nA b\r\n\r\n"), Err(BadFraming));
        assert_eq!(class(b"HTTP/1.1 101 Switching\r\n\r\n"), Err(BadFraming));
        assert_eq!(class(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), Err(BadFraming));
        assert_eq!(class(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), Err(BadFraming));
        assert_eq!(class(&b"HTTP/1.1 103 E\r\n\r\n".repeat(40)), Err(BadFraming));
        assert_eq!(
            class(&[b"HTTP/1.1 200 OK\r\n".to_vec(), b"A: b\r\n".repeat(300)].concat()),
            Err(BadFraming)
        );
        let endless = [b"HTTP/1.1 200 OK\r\nA: ".to_vec(), vec![b'x'; HEAD_BYTES_MAX + 100]].concat();
        assert_eq!(class(&endless), Err(BadFraming));
    }
}
