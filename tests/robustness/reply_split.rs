//! The response parser alone, without a socket: a response means the same wherever it is cut.
//!
//! What `proxy::respond` does to the bytes of a server, step by step: parse, rewrite obsolete line
//! forms, write the head for the client, follow the body. Cut in two at every byte and byte by byte.

use torii::http::chunked::Chunked;
use torii::http::framing::Body;
use torii::http::head::{HeadError, HeadLimits, Version, is_worth_parsing};
use torii::http::rewrite::{self, ClientSide};
use torii::http::{obsolete, response};
use torii::limits::{HEAD_FIELDS, HEAD_SIZE};

const LIMITS: HeadLimits = HeadLimits { size: HEAD_SIZE, fields: HEAD_FIELDS };

/// Beyond this many bytes a response is not cut everywhere.
const EVERY_CUT_MAX: usize = 600;

/// Cuts of a longer one.
const CUTS: usize = 64;

/// What became of a response.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Heads for the client, interim ones included, and the body as it is forwarded.
    pub forwarded: Vec<u8>,
    /// The head was refused, or the body.
    pub refused: Option<HeadError>,
    /// It is over; what follows does not belong to it.
    pub done: bool,
    /// The server's connection may carry another request, if nothing followed.
    pub reusable: bool,
    /// Bytes behind the end.
    pub excess: Vec<u8>,
}

/// The verdict on `bytes`, which is the same for every way to cut them.
#[track_caller]
pub fn check(name: &str, to_head: bool, bytes: &[u8]) -> Verdict {
    let whole = verdict(to_head, [bytes].into_iter());
    let step = if bytes.len() <= EVERY_CUT_MAX { 1 } else { bytes.len() / CUTS };
    for cut in (0..bytes.len()).step_by(step) {
        let (first, second) = bytes.split_at(cut);
        assert_same(&whole, &verdict(to_head, [first, second].into_iter()), &format!("{name}, cut at {cut}"));
    }
    assert_same(&whole, &verdict(to_head, bytes.chunks(1)), &format!("{name}, byte by byte"));
    whole
}

/// Of one that is refused, as much as arrived before may have been forwarded, and the fault may have
/// shown earlier.
#[track_caller]
fn assert_same(whole: &Verdict, cut: &Verdict, what: &str) {
    if whole.refused.is_some() && cut.refused.is_some() {
        return;
    }
    assert_eq!(cut, whole, "{what}");
}

fn verdict<'a>(to_head: bool, pieces: impl Iterator<Item = &'a [u8]>) -> Verdict {
    let mut reader = Reader { to_head, ..Reader::default() };
    for piece in pieces {
        reader.held.extend_from_slice(piece);
        if let Err(error) = reader.read() {
            reader.verdict.refused = Some(error);
            return reader.verdict;
        }
    }
    if reader.verdict.done {
        reader.verdict.excess = reader.held;
    }
    reader.verdict
}

#[derive(Default)]
struct Reader {
    to_head: bool,
    held: Vec<u8>,
    searched: usize,
    rest: Rest,
    verdict: Verdict,
}

#[derive(Default)]
enum Rest {
    #[default]
    Head,
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    Done,
}

impl Reader {
    fn read(&mut self) -> Result<(), HeadError> {
        loop {
            let before = self.held.len();
            match &mut self.rest {
                Rest::Head => {
                    if !self.head()? {
                        return Ok(());
                    }
                    continue;
                }
                Rest::Length(left) => {
                    let now = (*left).min(self.held.len() as u64);
                    *left -= now;
                    let done = *left == 0;
                    self.verdict.forwarded.extend(self.held.drain(..now as usize));
                    if done {
                        self.rest = Rest::Done;
                    }
                }
                Rest::Chunked(chunked) => {
                    let run = chunked.follow(&self.held)?;
                    self.verdict.forwarded.extend_from_slice(&self.held[..run.forward]);
                    self.held.drain(..run.forward + run.skip);
                    if run.done {
                        self.rest = Rest::Done;
                    }
                }
                Rest::UntilClose => self.verdict.forwarded.append(&mut self.held),
                Rest::Done => {
                    self.verdict.done = true;
                    return Ok(());
                }
            }
            if self.held.len() == before && !matches!(self.rest, Rest::Done) {
                return Ok(());
            }
        }
    }

    fn head(&mut self) -> Result<bool, HeadError> {
        let worth_it = self.held.len() > self.searched && is_worth_parsing(&self.held, self.searched, LIMITS);
        self.searched = self.held.len();
        if !worth_it {
            return Ok(false);
        }
        let mut fields = Vec::new();
        let mut parsed = response::parse(&self.held, self.to_head, LIMITS, &mut fields);
        let mut rewritten = Vec::new();
        if matches!(parsed, Err(HeadError::Malformed))
            && let Some(len) = obsolete::rewrite(&self.held, &mut rewritten)
        {
            self.held.splice(..len, rewritten);
            parsed = response::parse(&self.held, self.to_head, LIMITS, &mut fields);
        }
        self.searched = self.held.len();
        let Some(head) = parsed? else { return Ok(false) };
        let client = ClientSide { version: Version::Http11, keep_alive: true };
        let mut out = Vec::new();
        rewrite::response(&self.held, &head, &fields, None, client, |_| true, &mut out);
        out.extend_from_slice(b"\r\n");
        self.held.drain(..head.len);
        self.searched = 0;
        self.verdict.forwarded.append(&mut out);
        if head.status >= 200 {
            self.verdict.reusable = head.keeps_alive();
            self.rest = match head.body {
                Body::None => Rest::Done,
                Body::Length(length) => Rest::Length(length),
                Body::Chunked => Rest::Chunked(Chunked::new()),
                Body::UntilClose => Rest::UntilClose,
            };
        }
        Ok(true)
    }
}
