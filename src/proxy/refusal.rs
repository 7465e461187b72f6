//! Why a request gets no server's answer, and the one table of what follows from it: torii's own
//! answer, HAProxy's letters in the log, and the counter of the limit that was hit.
//!
//! Made where a fault is noticed; `session` and `exchange` answer it, once, and `account` notes it.

use std::io;

use super::account::Termination;
use super::upstream;
use super::worker::Worker;
use crate::http::answer::Answer;
use crate::http::head::HeadError;
use crate::observe::counters::{Counter, WorkerEvents};

/// A request without a server's answer, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request, or what is there of its body, breaks a rule or a limit.
    Head(HeadError),
    /// Its head was not complete in time.
    HeadLate,
    /// The client ended the connection in mid-head.
    HeadCutOff,
    /// The client ended the connection in mid-body.
    BodyCutOff,
    /// The client sent nothing of the body for too long, or too little.
    BodyLate,
    /// The body is malformed further on.
    BodyMalformed,
    /// The body turned out to be too large.
    BodyTooLarge,
    /// No server is up.
    NoServerUp,
    /// Every server that is up has all the requests it may have, and as many wait as may.
    QueueFull,
    /// No server had room in time.
    QueueLate,
    /// The server did not take the connection.
    ConnectRefused,
    /// It did not take it in time.
    ConnectLate,
    /// There is no descriptor, port or memory for a connection.
    NoResources,
    /// The server ended the connection before its head was complete.
    ResponseMissing,
    /// The server's head was not complete in time.
    ResponseLate,
    /// The server's head breaks a rule.
    ResponseMalformed,
    /// The server's head is beyond a limit.
    ResponseTooLarge,
    /// More interim responses than are forwarded.
    InterimResponses,
}

impl Refusal {
    /// Of a server that did not take a connection.
    pub(super) fn of_connect(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::ConnectLate,
            _ if upstream::is_exhaustion(error) => Self::NoResources,
            _ => Self::ConnectRefused,
        }
    }

    /// Of a response head that cannot be forwarded.
    pub(super) fn of_response(error: HeadError) -> Self {
        match error {
            HeadError::HeadTooLarge | HeadError::TooManyFields => Self::ResponseTooLarge,
            _ => Self::ResponseMalformed,
        }
    }

    /// What the client is told.
    pub(super) fn answer(self) -> Answer {
        self.row().0
    }

    /// Who ended the request, and in which phase.
    pub(super) fn termination(self) -> Termination {
        Termination(*self.row().1)
    }

    /// Answer and letters (HAProxy's, configuration manual section 8.5).
    fn row(self) -> (Answer, &'static [u8; 2]) {
        match self {
            Self::Head(error) => (of_head(error), b"PR"),
            Self::HeadLate => (Answer::RequestTimeout, b"cR"),
            Self::HeadCutOff => (Answer::BadRequest, b"CR"),
            Self::BodyCutOff => (Answer::BadRequest, b"CH"),
            Self::BodyLate => (Answer::RequestTimeout, b"cH"),
            Self::BodyMalformed => (Answer::BadRequest, b"PR"),
            Self::BodyTooLarge => (Answer::BodyTooLarge, b"PR"),
            Self::NoServerUp | Self::ConnectRefused => (Answer::ServiceUnavailable, b"SC"),
            Self::QueueFull => (Answer::ServiceUnavailable, b"SQ"),
            Self::QueueLate => (Answer::ServiceUnavailable, b"sQ"),
            Self::ConnectLate => (Answer::ServiceUnavailable, b"sC"),
            Self::NoResources => (Answer::ServiceUnavailable, b"RC"),
            Self::ResponseMissing => (Answer::BadGateway, b"SH"),
            Self::ResponseLate => (Answer::GatewayTimeout, b"sH"),
            Self::ResponseMalformed | Self::ResponseTooLarge | Self::InterimResponses => {
                (Answer::BadGateway, b"PH")
            }
        }
    }

    /// The counter of the limit that was hit. What is noticed while bytes pass, or by a deadline, has
    /// been counted there.
    pub(super) fn counter(self, events: &WorkerEvents) -> Option<&Counter> {
        match self {
            Self::Head(error) => limit_of(error, events),
            Self::HeadLate => Some(&events.timeouts),
            Self::ResponseTooLarge => Some(&events.response_too_large),
            Self::InterimResponses => Some(&events.interim_limit),
            _ => None,
        }
    }
}

fn of_head(error: HeadError) -> Answer {
    match error {
        HeadError::Malformed
        | HeadError::AmbiguousFraming
        | HeadError::BadHost
        | HeadError::TooManyEmptyLines
        | HeadError::ChunkLineTooLong
        | HeadError::ChunkExtensionsTooLarge
        | HeadError::TrailersTooLarge => Answer::BadRequest,
        HeadError::UnsupportedVersion => Answer::VersionNotSupported,
        HeadError::UnsupportedCoding => Answer::NotImplemented,
        HeadError::BodyTooLarge => Answer::BodyTooLarge,
        HeadError::StartLineTooLong => Answer::UriTooLong,
        HeadError::HeadTooLarge | HeadError::TooManyFields => Answer::HeadersTooLarge,
    }
}

/// The counter of the limit that a message hit, whichever side sent it.
fn limit_of(error: HeadError, events: &WorkerEvents) -> Option<&Counter> {
    match error {
        HeadError::StartLineTooLong | HeadError::HeadTooLarge => Some(&events.head_too_large),
        HeadError::TooManyFields => Some(&events.too_many_fields),
        HeadError::BodyTooLarge => Some(&events.body_too_large),
        HeadError::TooManyEmptyLines => Some(&events.too_many_empty_lines),
        HeadError::ChunkLineTooLong | HeadError::ChunkExtensionsTooLarge => {
            Some(&events.chunk_lines_too_large)
        }
        HeadError::TrailersTooLarge => Some(&events.trailers_too_large),
        HeadError::Malformed
        | HeadError::AmbiguousFraming
        | HeadError::BadHost
        | HeadError::UnsupportedVersion
        | HeadError::UnsupportedCoding => None,
    }
}

/// Counts the limit that a body hit while it passed.
pub(super) fn count_limit(worker: &Worker, error: HeadError) {
    if let Some(counter) = limit_of(error, &worker.counters.worker) {
        counter.add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_not_to_connect_has_its_letters() {
        for (code, letters) in [
            (libc::ECONNREFUSED, b"SC"),
            (libc::ECONNRESET, b"SC"),
            (libc::ENETUNREACH, b"SC"),
            (libc::EHOSTUNREACH, b"SC"),
            (libc::ETIMEDOUT, b"sC"),
            (libc::EADDRNOTAVAIL, b"RC"),
            (libc::EMFILE, b"RC"),
            (libc::ENOMEM, b"RC"),
        ] {
            let refusal = Refusal::of_connect(&io::Error::from_raw_os_error(code));
            assert_eq!(
                (refusal.answer(), refusal.termination().0),
                (Answer::ServiceUnavailable, *letters),
                "{code}"
            );
        }
    }

    #[test]
    fn a_fault_of_the_client_is_a_4xx_and_one_of_a_server_a_5xx() {
        let by_client = [
            Refusal::Head(HeadError::Malformed),
            Refusal::HeadLate,
            Refusal::HeadCutOff,
            Refusal::BodyCutOff,
            Refusal::BodyLate,
            Refusal::BodyMalformed,
            Refusal::BodyTooLarge,
        ];
        let by_server = [
            Refusal::ConnectLate,
            Refusal::ResponseMissing,
            Refusal::ResponseLate,
            Refusal::of_response(HeadError::Malformed),
            Refusal::of_response(HeadError::TooManyFields),
            Refusal::InterimResponses,
        ];
        assert!(by_client.iter().all(|refusal| refusal.answer().status() / 100 == 4));
        assert!(by_server.iter().all(|refusal| refusal.answer().status() / 100 == 5));
    }

    #[test]
    fn each_limit_has_its_counter_and_a_plain_fault_has_none() {
        let events = WorkerEvents::default();
        for refusal in [
            Refusal::Head(HeadError::HeadTooLarge),
            Refusal::Head(HeadError::TooManyFields),
            Refusal::Head(HeadError::BodyTooLarge),
            Refusal::of_response(HeadError::HeadTooLarge),
            Refusal::InterimResponses,
            Refusal::HeadLate,
        ] {
            assert!(refusal.counter(&events).is_some(), "{refusal:?}");
        }
        assert!(Refusal::Head(HeadError::Malformed).counter(&events).is_none());
        assert!(Refusal::of_response(HeadError::Malformed).counter(&events).is_none());
    }
}
