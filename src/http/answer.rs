//! torii's own responses: small, correct, in the shape HAProxy's users and tools know.
//!
//! `proxy` calls `write` where no server can answer. Cold path.

use super::head::Version;
use super::rewrite::{ClientSide, connection_field};

/// An answer of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Answer {
    BadRequest,
    RequestTimeout,
    BodyTooLarge,
    UriTooLong,
    HeadersTooLarge,
    NotImplemented,
    VersionNotSupported,
    BadGateway,
    ServiceUnavailable,
    GatewayTimeout,
}

impl Answer {
    /// HTTP status.
    pub fn status(self) -> u16 {
        self.parts().0
    }

    /// Status, reason phrase (HAProxy's words) and the sentence under the heading.
    fn parts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::BadRequest => (400, "Bad request", "The request could not be understood."),
            Self::RequestTimeout => (408, "Request Time-out", "The request did not arrive in time."),
            Self::BodyTooLarge => {
                (413, "Payload Too Large", "The request body is larger than this service accepts.")
            }
            Self::UriTooLong => {
                (414, "URI Too Long", "The request target is longer than this service accepts.")
            }
            Self::HeadersTooLarge => (
                431,
                "Request Header Fields Too Large",
                "The request head is larger than this service accepts.",
            ),
            Self::NotImplemented => {
                (501, "Not Implemented", "The request needs something that is not supported.")
            }
            Self::VersionNotSupported => {
                (505, "HTTP Version Not Supported", "The request's version of HTTP is not supported.")
            }
            Self::BadGateway => (502, "Bad Gateway", "The server gave no valid or complete answer."),
            Self::ServiceUnavailable => (503, "Service Unavailable", "No server can take this request now."),
            Self::GatewayTimeout => (504, "Gateway Time-out", "The server did not answer in time."),
        }
    }
}

/// Appends the whole response to `out`. `to_head`: the body is announced but not sent.
pub fn write(answer: Answer, client: ClientSide, to_head: bool, out: &mut Vec<u8>) {
    let (status, reason, sentence) = answer.parts();
    let mut number = itoa::Buffer::new();
    let status = number.format(status).as_bytes();
    let heading: [&[u8]; 8] = [
        b"<html><body><h1>",
        status,
        b" ",
        reason.as_bytes(),
        b"</h1>\n",
        sentence.as_bytes(),
        b"\n",
        b"</body></html>\n",
    ];
    let length: usize = heading.iter().map(|part| part.len()).sum();
    let mut number = itoa::Buffer::new();
    for part in [
        &b"HTTP/1.1 "[..],
        status,
        b" ",
        reason.as_bytes(),
        b"\r\ncontent-length: ",
        number.format(length).as_bytes(),
        b"\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n",
    ] {
        out.extend_from_slice(part);
    }
    connection_field(Version::Http11, client, out);
    out.extend_from_slice(b"\r\n");
    if !to_head {
        heading.iter().for_each(|part| out.extend_from_slice(part));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text(answer: Answer, keep_alive: bool, to_head: bool) -> String {
        let mut out = Vec::new();
        write(answer, ClientSide { version: Version::Http11, keep_alive }, to_head, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn is_a_complete_response() {
        let answer = text(Answer::ServiceUnavailable, true, false);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(
            head,
            format!(
                "HTTP/1.1 503 Service Unavailable\r\ncontent-length: {}\r\ncache-control: no-cache\r\n\
                 content-type: text/html",
                body.len()
            )
        );
        assert_eq!(
            body,
            "<html><body><h1>503 Service Unavailable</h1>\nNo server can take this request now.\n</body></html>\n"
        );
    }

    #[test]
    fn says_when_the_connection_closes() {
        assert!(text(Answer::BadRequest, false, false).contains("\r\nconnection: close\r\n"));
    }

    #[test]
    fn a_head_request_gets_the_length_without_the_body() {
        let answer = text(Answer::BadGateway, true, true);
        assert!(answer.ends_with("\r\n\r\n") && answer.contains("content-length: "));
    }
}
