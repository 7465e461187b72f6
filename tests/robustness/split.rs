//! The parser alone, without a socket: a message means the same wherever it is cut.
//!
//! Cut in two at every byte, one byte at a time, and behind another request, always with a request
//! following that a wrong end of the message would swallow or make up.

use torii::http::chunked::Chunked;
use torii::http::framing::Body;
use torii::http::head::{HeadError, HeadLimits, is_worth_parsing};
use torii::http::request;
use torii::limits::{HEAD_FIELDS, HEAD_SIZE};

const LIMITS: HeadLimits = HeadLimits { size: HEAD_SIZE, fields: HEAD_FIELDS };

/// Beyond this many bytes a message is not cut everywhere.
const EVERY_CUT_MAX: usize = 1024;

/// Cuts of a longer one.
const CUTS: usize = 64;

/// A message as it was understood: request line and forwarded body bytes, or why it was refused.
type Verdict = Result<(Vec<u8>, Vec<u8>), HeadError>;

/// Checks that every way to cut `bytes` gives the same verdicts, and that it is refused, or not, as said.
#[track_caller]
pub fn check(name: &str, bytes: &[u8], refused: bool) {
    let follow = b"GET /follow HTTP/1.1\r\nHost: a\r\n\r\n";
    let message = [bytes, follow].concat();
    let whole = verdicts([&message[..]].into_iter());
    let last_is_refused = whole.last().is_some_and(Result::is_err);
    assert_eq!(last_is_refused, refused, "{name}: {whole:?}");
    assert_every_cut(name, &message, &whole);

    let before = b"GET /before HTTP/1.1\r\nHost: a\r\n\r\n";
    let behind = [&before[..], &message].concat();
    let first = Ok((b"GET /before HTTP/1.1".to_vec(), Vec::new()));
    let expected: Vec<Verdict> = std::iter::once(first).chain(whole).collect();
    assert_eq!(verdicts([&behind[..]].into_iter()), expected, "{name}, behind another");
    assert_every_cut(&format!("{name}, behind another"), &behind, &expected);
}

#[track_caller]
fn assert_every_cut(name: &str, message: &[u8], expected: &[Verdict]) {
    let step = if message.len() <= EVERY_CUT_MAX { 1 } else { message.len() / CUTS };
    for cut in (0..message.len()).step_by(step) {
        let (first, second) = message.split_at(cut);
        assert_eq!(verdicts([first, second].into_iter()), expected, "{name}, cut at {cut}");
    }
    assert_eq!(verdicts(message.chunks(1)), expected, "{name}, byte by byte");
}

/// What a connection that receives these pieces makes of them, up to the first refusal.
fn verdicts<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Verdict> {
    let mut reader = Reader::default();
    for piece in pieces {
        reader.held.extend_from_slice(piece);
        if let Err(error) = reader.read() {
            reader.verdicts.push(Err(error));
            break;
        }
    }
    reader.verdicts
}

/// The parts of a session that decide where a message ends.
#[derive(Default)]
struct Reader {
    held: Vec<u8>,
    searched: usize,
    line: Vec<u8>,
    body: Vec<u8>,
    rest: Rest,
    /// The message is the last one on its connection.
    last: bool,
    over: bool,
    verdicts: Vec<Verdict>,
}

#[derive(Default)]
enum Rest {
    #[default]
    Head,
    Length(u64),
    Chunked(Chunked),
}

impl Reader {
    fn read(&mut self) -> Result<(), HeadError> {
        while !self.over
            && match &mut self.rest {
                Rest::Head => self.head()?,
                Rest::Length(left) => {
                    let now = (*left).min(self.held.len() as u64);
                    *left -= now;
                    let done = *left == 0;
                    self.body.extend(self.held.drain(..now as usize));
                    self.end_if(done)
                }
                Rest::Chunked(chunked) => {
                    let run = chunked.follow(&self.held)?;
                    self.body.extend_from_slice(&self.held[..run.forward]);
                    self.held.drain(..run.forward + run.skip);
                    let progress = run.forward + run.skip > 0;
                    self.end_if(run.done) || progress
                }
            }
        {}
        Ok(())
    }

    fn head(&mut self) -> Result<bool, HeadError> {
        let looked_at = std::mem::replace(&mut self.searched, self.held.len());
        if self.held.is_empty() || !is_worth_parsing(&self.held, looked_at, LIMITS) {
            return Ok(false);
        }
        let Some(head) = request::parse(&self.held, LIMITS, &mut Vec::new())? else { return Ok(false) };
        self.last = !head.wants_keep_alive();
        self.line = head.line.of(&self.held).to_vec();
        self.held.drain(..head.len);
        self.searched = 0;
        self.rest = match head.body {
            Body::None => Rest::Head,
            Body::Length(length) => Rest::Length(length),
            Body::Chunked => Rest::Chunked(Chunked::new()),
            Body::UntilClose => panic!("a request body never ends with the connection"),
        };
        if head.body == Body::None {
            self.end_if(true);
        }
        Ok(true)
    }

    /// The message is complete, if so.
    fn end_if(&mut self, done: bool) -> bool {
        if done {
            self.rest = Rest::Head;
            self.over = self.last;
            self.verdicts.push(Ok((std::mem::take(&mut self.line), std::mem::take(&mut self.body))));
        }
        done
    }
}
