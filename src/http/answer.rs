//! torii's own responses: small, correct, in the shape HAProxy's users and tools know.
//!
//! `proxy` calls `write` where no server can answer, or where a route says so. Cold path.

use super::error_page::ErrorPage;
use super::head::Version;
use super::rewrite::{ClientSide, connection_field};

/// An answer of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Answer {
    Ok,
    BadRequest,
    Forbidden,
    NotFound,
    RequestTimeout,
    Gone,
    BodyTooLarge,
    UriTooLong,
    MisdirectedRequest,
    TooManyRequests,
    HeadersTooLarge,
    UnavailableForLegalReasons,
    NotImplemented,
    BadGateway,
    ServiceUnavailable,
    GatewayTimeout,
    VersionNotSupported,
}

/// What a route may answer, by number.
pub const OF_ROUTES: [Answer; 8] = [
    Answer::Ok,
    Answer::Forbidden,
    Answer::NotFound,
    Answer::Gone,
    Answer::MisdirectedRequest,
    Answer::TooManyRequests,
    Answer::UnavailableForLegalReasons,
    Answer::ServiceUnavailable,
];

impl Answer {
    /// Every answer, by number.
    pub const ALL: [Self; 17] = [
        Self::Ok,
        Self::BadRequest,
        Self::Forbidden,
        Self::NotFound,
        Self::RequestTimeout,
        Self::Gone,
        Self::BodyTooLarge,
        Self::UriTooLong,
        Self::MisdirectedRequest,
        Self::TooManyRequests,
        Self::HeadersTooLarge,
        Self::UnavailableForLegalReasons,
        Self::NotImplemented,
        Self::BadGateway,
        Self::ServiceUnavailable,
        Self::GatewayTimeout,
        Self::VersionNotSupported,
    ];

    /// HTTP status.
    pub fn status(self) -> u16 {
        self.parts().0
    }

    /// Whether a route that gives this answer refuses the request rather than serves it.
    pub fn is_denial(self) -> bool {
        self != Self::Ok
    }

    /// Status, reason phrase (HAProxy's words) and the sentence under the heading.
    fn parts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Ok => (200, "OK", "Service ready."),
            Self::BadRequest => (400, "Bad request", "The request could not be understood."),
            Self::Forbidden => (403, "Forbidden", "This request is not allowed here."),
            Self::NotFound => (404, "Not Found", "There is nothing at this address."),
            Self::RequestTimeout => (408, "Request Time-out", "The request did not arrive in time."),
            Self::Gone => (410, "Gone", "What was at this address is gone for good."),
            Self::BodyTooLarge => {
                (413, "Payload Too Large", "The request body is larger than this service accepts.")
            }
            Self::UriTooLong => {
                (414, "URI Too Long", "The request target is longer than this service accepts.")
            }
            Self::MisdirectedRequest => {
                (421, "Misdirected Request", "This service does not answer for that host.")
            }
            Self::TooManyRequests => (429, "Too Many Requests", "Too many requests came; try again later."),
            Self::HeadersTooLarge => (
                431,
                "Request Header Fields Too Large",
                "The request head is larger than this service accepts.",
            ),
            Self::UnavailableForLegalReasons => {
                (451, "Unavailable For Legal Reasons", "The law does not allow this to be shown.")
            }
            Self::NotImplemented => {
                (501, "Not Implemented", "The request needs something that is not supported.")
            }
            Self::BadGateway => (502, "Bad Gateway", "The server gave no valid or complete answer."),
            Self::ServiceUnavailable => (503, "Service Unavailable", "No server can take this request now."),
            Self::GatewayTimeout => (504, "Gateway Time-out", "The server did not answer in time."),
            Self::VersionNotSupported => {
                (505, "HTTP Version Not Supported", "The request's version of HTTP is not supported.")
            }
        }
    }
}

/// Appends the response to `out`, but for the body of `page` where there is one: the caller sends
/// that after it. `to_head`: the body is announced but not sent.
pub fn write(answer: Answer, page: Option<&ErrorPage>, client: ClientSide, to_head: bool, out: &mut Vec<u8>) {
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
    let (length, content_type) = match page {
        Some(page) => (page.body.len(), page.content_type),
        None => (heading.iter().map(|part| part.len()).sum(), "text/html"),
    };
    let mut number = itoa::Buffer::new();
    for part in [
        &b"HTTP/1.1 "[..],
        status,
        b" ",
        reason.as_bytes(),
        b"\r\ncontent-length: ",
        number.format(length).as_bytes(),
        b"\r\ncache-control: no-cache\r\ncontent-type: ",
        content_type.as_bytes(),
        b"\r\n",
    ] {
        out.extend_from_slice(part);
    }
    connection_field(Version::Http11, client, out);
    out.extend_from_slice(b"\r\n");
    if !to_head && page.is_none() {
        heading.iter().for_each(|part| out.extend_from_slice(part));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text_of(answer: Answer, page: Option<&ErrorPage>, keep_alive: bool, to_head: bool) -> String {
        let mut out = Vec::new();
        write(answer, page, ClientSide { version: Version::Http11, keep_alive }, to_head, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn text(answer: Answer, keep_alive: bool, to_head: bool) -> String {
        text_of(answer, None, keep_alive, to_head)
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
    fn every_answer_has_a_status_of_its_own_and_they_stand_in_order() {
        let statuses: Vec<u16> = Answer::ALL.iter().map(|answer| answer.status()).collect();
        assert!(statuses.is_sorted_by(|one, next| one < next), "{statuses:?}");
        assert!(OF_ROUTES.iter().all(|answer| Answer::ALL.contains(answer)));
    }

    #[test]
    fn announces_a_page_and_leaves_its_body_to_the_caller() {
        let page = ErrorPage { content_type: "application/json", body: b"{\"busy\": true}"[..].into() };
        for to_head in [false, true] {
            assert_eq!(
                text_of(Answer::ServiceUnavailable, Some(&page), true, to_head),
                "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 14\r\ncache-control: no-cache\r\n\
                 content-type: application/json\r\n\r\n"
            );
        }
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
