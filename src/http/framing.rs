//! How a body is delimited: decided once, here, and obeyed by the relay, the pool and the rewriting.
//!
//! RFC 9112 section 6.3, with every case that two readers could read differently refused.

use super::fields::Delimiters;
use super::head::{HeadError, Version};

/// The one decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// No body.
    None,
    /// Exactly this many bytes (more than zero).
    Length(u64),
    /// Chunked transfer coding.
    Chunked,
    /// Everything until the server closes; responses only.
    UntilClose,
}

/// Framing of a request.
pub fn of_request(version: Version, delimiters: Delimiters) -> Result<Body, HeadError> {
    match (delimiters.chunked, delimiters.content_length) {
        // RFC 9112 section 6.1: both may be an attempt at smuggling; 1.0 does not know chunked.
        (true, Some(_)) => Err(HeadError::AmbiguousFraming),
        (true, None) if version == Version::Http10 => Err(HeadError::AmbiguousFraming),
        (true, None) => Ok(Body::Chunked),
        (false, Some(0) | None) => Ok(Body::None),
        (false, Some(length)) => Ok(Body::Length(length)),
    }
}

/// Framing of a response to a request; `to_head` says that the request was HEAD.
pub fn of_response(
    version: Version,
    status: u16,
    to_head: bool,
    delimiters: Delimiters,
) -> Result<Body, HeadError> {
    // RFC 9112 section 6.1: HTTP/1.0 knows no transfer coding, so its framing is faulty.
    if delimiters.chunked && version == Version::Http10 {
        return Err(HeadError::AmbiguousFraming);
    }
    if to_head || status < 200 || status == 204 || status == 304 {
        return Ok(Body::None);
    }
    match (delimiters.chunked, delimiters.content_length) {
        // With both, Transfer-Encoding wins (RFC 9112 section 6.3); the connection is not reused.
        (true, _) => Ok(Body::Chunked),
        (false, Some(0)) => Ok(Body::None),
        (false, Some(length)) => Ok(Body::Length(length)),
        (false, None) => Ok(Body::UntilClose),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delimiters(chunked: bool, content_length: Option<u64>) -> Delimiters {
        Delimiters { content_length, chunked }
    }

    #[test]
    fn a_request_says_its_length_in_one_way() {
        use Version::{Http10, Http11};
        assert_eq!(of_request(Http11, delimiters(false, None)), Ok(Body::None));
        assert_eq!(of_request(Http11, delimiters(false, Some(0))), Ok(Body::None));
        assert_eq!(of_request(Http10, delimiters(false, Some(7))), Ok(Body::Length(7)));
        assert_eq!(of_request(Http11, delimiters(true, None)), Ok(Body::Chunked));
        assert_eq!(of_request(Http11, delimiters(true, Some(7))), Err(HeadError::AmbiguousFraming));
        assert_eq!(of_request(Http10, delimiters(true, None)), Err(HeadError::AmbiguousFraming));
    }

    #[test]
    fn some_responses_never_have_a_body() {
        for (status, to_head) in [(200, true), (204, false), (304, false), (100, false), (103, false)] {
            let body = of_response(Version::Http11, status, to_head, delimiters(false, Some(9)));
            assert_eq!(body, Ok(Body::None), "{status} {to_head}");
        }
    }

    #[test]
    fn a_response_without_length_ends_with_the_connection() {
        assert_eq!(of_response(Version::Http11, 200, false, delimiters(false, None)), Ok(Body::UntilClose));
        assert_eq!(of_response(Version::Http11, 200, false, delimiters(true, Some(3))), Ok(Body::Chunked));
    }

    #[test]
    fn an_old_response_has_no_transfer_coding() {
        for (status, to_head) in [(200, false), (200, true), (304, false)] {
            let body = of_response(Version::Http10, status, to_head, delimiters(true, None));
            assert_eq!(body, Err(HeadError::AmbiguousFraming), "{status} {to_head}");
        }
    }
}
