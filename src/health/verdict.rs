//! What one health check found out, in HAProxy's codes and words.
//!
//! Made by the probes, read by `health::run` for the state, the report and the notices.

use std::io;
use std::time::Duration;

use nix::errno::Errno;

use crate::limits;

/// Result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What happened.
    pub status: CheckStatus,
    /// HTTP status of the answer, where there was one.
    pub http_code: Option<u16>,
    /// Details: the system's reason, or the server's reason phrase. Printable, bounded.
    pub info: Option<String>,
    /// From the start of the connection attempt.
    pub duration: Duration,
}

/// HAProxy's check status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckStatus {
    /// The connection was established, and that was all that was asked for.
    L4Ok,
    /// No answer to the connection attempt in time.
    L4Timeout,
    /// Refused or unreachable.
    L4Connection,
    /// The answer was the expected one.
    L7Ok,
    /// A well-formed answer with a wrong status.
    L7Status,
    /// No, or no well-formed, answer.
    L7Response,
    /// Connected, but the answer was not complete in time.
    L7Timeout,
    /// This host's fault (no descriptor, no port), or the connection broke.
    SocketError,
}

impl CheckStatus {
    /// Whether the server passed.
    pub const fn passed(self) -> bool {
        matches!(self, Self::L4Ok | Self::L7Ok)
    }

    /// Code as on the statistics page.
    pub const fn code(self) -> &'static str {
        match self {
            Self::L4Ok => "L4OK",
            Self::L4Timeout => "L4TOUT",
            Self::L4Connection => "L4CON",
            Self::L7Ok => "L7OK",
            Self::L7Status => "L7STS",
            Self::L7Response => "L7RSP",
            Self::L7Timeout => "L7TOUT",
            Self::SocketError => "SOCKERR",
        }
    }

    /// Reason as in notices.
    pub const fn description(self) -> &'static str {
        match self {
            Self::L4Ok => "Layer4 check passed",
            Self::L4Timeout => "Layer4 timeout",
            Self::L4Connection => "Layer4 connection problem",
            Self::L7Ok => "Layer7 check passed",
            Self::L7Status => "Layer7 wrong status",
            Self::L7Response => "Layer7 invalid response",
            Self::L7Timeout => "Layer7 timeout",
            Self::SocketError => "Socket error",
        }
    }
}

impl Verdict {
    /// A result of which nothing more is known; the duration is set when the check is over.
    pub const fn new(status: CheckStatus) -> Self {
        Self { status, http_code: None, info: None, duration: Duration::ZERO }
    }

    /// A failed connection attempt.
    pub fn from_connect_error(error: &io::Error) -> Self {
        let status = match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ETIMEDOUT) => CheckStatus::L4Timeout,
            // Our own shortage says nothing of the server's network.
            Some(
                Errno::EMFILE
                | Errno::ENFILE
                | Errno::ENOBUFS
                | Errno::ENOMEM
                | Errno::EADDRNOTAVAIL
                | Errno::EADDRINUSE
                | Errno::EAGAIN,
            ) => CheckStatus::SocketError,
            _ => CheckStatus::L4Connection,
        };
        Self::new(status).with_info(reason(error).as_bytes())
    }

    /// A connection that broke after it was established.
    pub fn from_io_error(error: &io::Error) -> Self {
        Self::new(CheckStatus::SocketError).with_info(reason(error).as_bytes())
    }

    /// Adds details; bytes that are not printable, quotes and backslashes become `?`, so that a
    /// server cannot write into the log more than its reason.
    #[must_use]
    pub fn with_info(mut self, text: &[u8]) -> Self {
        let printable = |byte: &u8| match byte {
            b'"' | b'\\' => '?',
            b' '..=b'~' => char::from(*byte),
            _ => '?',
        };
        let info: String = text.iter().take(limits::PROBE_INFO_SIZE).map(printable).collect();
        self.info = (!info.is_empty()).then_some(info);
        self
    }

    /// Adds the HTTP status.
    #[must_use]
    pub const fn with_http_code(mut self, code: u16) -> Self {
        self.http_code = Some(code);
        self
    }
}

/// The system's words without the number that the standard library appends.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_string(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect_error(code: Errno) -> Verdict {
        Verdict::from_connect_error(&io::Error::from_raw_os_error(code as i32))
    }

    #[test]
    fn connect_errors_are_told_apart() {
        let refused = connect_error(Errno::ECONNREFUSED);
        assert_eq!((refused.status.code(), refused.info.as_deref()), ("L4CON", Some("Connection refused")));
        assert_eq!(connect_error(Errno::EHOSTUNREACH).status, CheckStatus::L4Connection);
        assert_eq!(connect_error(Errno::ETIMEDOUT).status, CheckStatus::L4Timeout);
        assert_eq!(connect_error(Errno::EMFILE).status, CheckStatus::SocketError);
        assert_eq!(connect_error(Errno::EADDRNOTAVAIL).status, CheckStatus::SocketError);
    }

    #[test]
    fn info_is_printable_and_bounded() {
        let verdict = Verdict::new(CheckStatus::L7Status);
        let info = |text: &[u8]| verdict.clone().with_info(text).info;
        assert_eq!(info(b"Not \"Found\r\n\x1b[0m\xff\\").as_deref(), Some("Not ?Found???[0m??"));
        assert_eq!(info(&[b'x'; 100_000]).map(|text| text.len()), Some(limits::PROBE_INFO_SIZE));
        assert_eq!(info(b""), None);
    }
}
