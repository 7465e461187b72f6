//! HTTP/1.1 messages as the tests read them: a head kept verbatim, a body by its framing.
//!
//! Used by the client for responses and by the origin for requests. Strict on purpose and without
//! any code of torii, so that a fault on the wire cannot hide behind a shared parser.

use std::io::{self, Read};

const READ_SIZE: usize = 64 * 1024;
const HEAD_LIMIT: usize = 256 * 1024;

/// How long a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// No body.
    None,
    /// This many bytes.
    Length(u64),
    /// Chunks.
    Chunked,
    /// Until the peer closes.
    UntilClose,
}

/// A message head: start line and fields up to and including the empty line, exactly as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head(pub Vec<u8>);

impl Head {
    /// The head as text (the tests send ASCII).
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    /// First line, without its line end.
    pub fn start_line(&self) -> String {
        self.text().split("\r\n").next().unwrap_or_default().to_owned()
    }

    /// Field lines in order, without line ends.
    pub fn lines(&self) -> Vec<String> {
        self.text().split("\r\n").skip(1).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// Values of every field of this name (any case), in order.
    pub fn all(&self, name: &str) -> Vec<String> {
        let value_of = |line: &String| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        };
        self.lines().iter().filter_map(value_of).collect()
    }

    /// First value of this name.
    pub fn get(&self, name: &str) -> Option<String> {
        self.all(name).into_iter().next()
    }

    /// Method of a request head.
    pub fn method(&self) -> String {
        self.start_line().split(' ').next().unwrap_or_default().to_owned()
    }

    /// Target of a request head.
    pub fn target(&self) -> String {
        self.start_line().split(' ').nth(1).unwrap_or_default().to_owned()
    }

    /// Framing by Transfer-Encoding and Content-Length; `otherwise` where neither is present.
    pub fn framing(&self, otherwise: Framing) -> Framing {
        if self.get("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            return Framing::Chunked;
        }
        match self.get("content-length") {
            Some(value) => Framing::Length(value.parse().expect("a decimal Content-Length")),
            None => otherwise,
        }
    }
}

/// A byte stream with what was read too far.
pub struct Wire<S> {
    /// The connection.
    pub stream: S,
    pending: Vec<u8>,
}

impl<S: Read> Wire<S> {
    /// Wraps a connection.
    pub fn new(stream: S) -> Self {
        Self { stream, pending: Vec::new() }
    }

    /// Bytes received and not yet consumed.
    pub fn pending(&self) -> &[u8] {
        &self.pending
    }

    /// Reads once; 0 is the end of the stream.
    pub fn fill(&mut self) -> io::Result<usize> {
        let before = self.pending.len();
        self.pending.resize(before + READ_SIZE, 0);
        let result = loop {
            match self.stream.read(&mut self.pending[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.pending.truncate(before + *result.as_ref().unwrap_or(&0));
        result
    }

    /// Next head, or `None` when the peer closed cleanly between messages.
    pub fn read_head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = find(&self.pending, b"\r\n\r\n") {
                return Ok(Some(Head(self.take(end + 4))));
            }
            if self.pending.len() > HEAD_LIMIT {
                return Err(io::Error::other("endless head"));
            }
            if self.fill()? == 0 {
                if self.pending.is_empty() {
                    return Ok(None);
                }
                return Err(truncated("inside a head"));
            }
        }
    }

    /// Reads a body piece by piece and returns its trailer lines. A body that ends early is
    /// `UnexpectedEof`; `sink` has then seen what did arrive.
    pub fn read_body(&mut self, framing: Framing, sink: &mut dyn FnMut(&[u8])) -> io::Result<Vec<String>> {
        match framing {
            Framing::None => Ok(Vec::new()),
            Framing::Length(length) => self.read_length(length, sink).map(|()| Vec::new()),
            Framing::UntilClose => self.read_to_end(sink).map(|()| Vec::new()),
            Framing::Chunked => self.read_chunks(sink),
        }
    }

    fn read_length(&mut self, mut left: u64, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        while left > 0 {
            if self.pending.is_empty() && self.fill()? == 0 {
                return Err(truncated("inside a body"));
            }
            let now = left.min(self.pending.len() as u64) as usize;
            sink(&self.pending[..now]);
            self.consume(now);
            left -= now as u64;
        }
        Ok(())
    }

    fn read_to_end(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        loop {
            sink(&self.pending);
            self.pending.clear();
            if self.fill()? == 0 {
                return Ok(());
            }
        }
    }

    fn read_chunks(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<Vec<String>> {
        loop {
            let line = self.read_line()?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(digits, 16)
                .map_err(|_| io::Error::other(format!("chunk size line {line:?}")))?;
            if size == 0 {
                break;
            }
            self.read_length(size, sink)?;
            if !self.read_line()?.is_empty() {
                return Err(io::Error::other("chunk data is longer than its size"));
            }
        }
        let mut trailers = Vec::new();
        loop {
            let line = self.read_line()?;
            if line.is_empty() {
                return Ok(trailers);
            }
            trailers.push(line);
        }
    }

    fn read_line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = find(&self.pending, b"\r\n") {
                let line = self.take(end + 2);
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if self.fill()? == 0 {
                return Err(truncated("inside a chunk or trailer line"));
            }
        }
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.pending.split_off(count);
        std::mem::replace(&mut self.pending, rest)
    }

    fn consume(&mut self, count: usize) {
        if count == self.pending.len() {
            self.pending.clear();
        } else {
            self.pending.drain(..count);
        }
    }
}

fn truncated(place: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("the peer closed {place}"))
}

/// Position of `needle`, by slices so that it is quick without optimisation.
pub fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
