//! How far a body has come: one follower for every framing, in either direction.
//!
//! Decided from `http::framing::Body` and nothing else. Given the bytes at hand it says which to
//! forward; what it does not name is not part of the body.

use crate::http::chunked::{Chunked, Run};
use crate::http::framing::Body;
use crate::http::head::HeadError;

/// What is left of a body.
#[derive(Debug, Clone)]
pub(super) enum Flow {
    /// Nothing.
    Done,
    /// This many bytes.
    Length(u64),
    /// Until its last chunk.
    Chunked(Chunked),
    /// Until the sender closes.
    UntilClose,
}

impl Flow {
    /// A body of which nothing has been seen.
    pub(super) fn of(body: Body) -> Self {
        match body {
            Body::None => Self::Done,
            Body::Length(length) => Self::Length(length),
            Body::Chunked => Self::Chunked(Chunked::new()),
            Body::UntilClose => Self::UntilClose,
        }
    }

    /// A body that may hold at most `data_max` bytes.
    ///
    /// # Errors
    /// It says at once that it will be longer.
    pub(super) fn limited(body: Body, data_max: u64) -> Result<Self, HeadError> {
        match body {
            Body::Length(length) if length > data_max => Err(HeadError::BodyTooLarge),
            Body::Chunked => Ok(Self::Chunked(Chunked::limited(data_max))),
            _ => Ok(Self::of(body)),
        }
    }

    /// Whether the whole body has been seen.
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Whether the sender's end is the body's end.
    pub(super) fn ends_with_connection(&self) -> bool {
        matches!(self, Self::UntilClose)
    }

    /// Follows the bytes at hand.
    ///
    /// # Errors
    /// A chunked body that is malformed or too long: nothing of these bytes may be forwarded.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Result<Run, HeadError> {
        let run = match self {
            Self::Done => return Ok(Run { forward: 0, skip: 0, done: true }),
            Self::Length(left) => {
                let forward = (bytes.len() as u64).min(*left);
                *left -= forward;
                Run { forward: forward as usize, skip: 0, done: *left == 0 }
            }
            Self::Chunked(chunked) => chunked.follow(bytes)?,
            Self::UntilClose => Run { forward: bytes.len(), skip: 0, done: false },
        };
        if run.done {
            *self = Self::Done;
        }
        Ok(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_no_more_than_the_length() {
        let mut flow = Flow::of(Body::Length(5));
        assert_eq!(flow.advance(b"abc"), Ok(Run { forward: 3, skip: 0, done: false }));
        assert_eq!(flow.advance(b"defgh"), Ok(Run { forward: 2, skip: 0, done: true }));
        assert_eq!(flow.advance(b"fgh"), Ok(Run { forward: 0, skip: 0, done: true }));
    }

    #[test]
    fn a_body_beyond_the_limit_is_refused_as_soon_as_it_says_so() {
        assert!(Flow::limited(Body::Length(5), 5).is_ok());
        assert_eq!(Flow::limited(Body::Length(6), 5).err(), Some(HeadError::BodyTooLarge));
        let chunked = || Flow::limited(Body::Chunked, 5).expect("nothing is announced yet");
        assert_eq!(chunked().advance(b"5\r\nhello\r\n0\r\n\r\n").map(|run| run.done), Ok(true));
        assert_eq!(chunked().advance(b"6\r\n"), Err(HeadError::BodyTooLarge));
        let mut flow = chunked();
        assert!(flow.advance(b"3\r\nabc\r\n").is_ok());
        assert_eq!(flow.advance(b"3\r\n"), Err(HeadError::BodyTooLarge));
    }

    #[test]
    fn a_body_that_is_not_there_takes_nothing() {
        assert_eq!(Flow::of(Body::None).advance(b"x"), Ok(Run { forward: 0, skip: 0, done: true }));
    }

    #[test]
    fn a_body_until_the_end_takes_everything() {
        let mut flow = Flow::of(Body::UntilClose);
        assert_eq!(flow.advance(b"abc"), Ok(Run { forward: 3, skip: 0, done: false }));
        assert!(flow.ends_with_connection() && !flow.is_done());
    }

    #[test]
    fn a_chunked_body_ends_after_its_last_chunk() {
        let mut flow = Flow::of(Body::Chunked);
        assert_eq!(flow.advance(b"1\r\nx\r\n0\r\n\r\nGET"), Ok(Run { forward: 11, skip: 0, done: true }));
        assert!(flow.is_done());
    }
}
