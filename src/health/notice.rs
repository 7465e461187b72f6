//! What the operator is told when a server changes, in HAProxy's words, so that tools which read its
//! messages keep working.
//!
//! Called by `health::run` on the control thread. Pure text; sending it is the caller's.

use std::fmt::Write as _;

use super::verdict::Verdict;

/// Urgency of a notice; names are those of syslog (RFC 5424 section 6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// A backend has no server left.
    Emergency,
    /// A server went down.
    Alert,
    /// A server came up.
    Notice,
}

/// What else a notice about a server tells.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Backend name.
    pub backend: &'a str,
    /// Server name.
    pub server: &'a str,
    /// Servers of the backend that take new clients, this change included.
    pub active_servers: usize,
    /// Requests at this server now.
    pub sessions: u32,
}

/// A server went down because of `verdict`. There are no backup servers and no queues yet: their
/// figures are zero.
pub fn server_down(subject: &Subject<'_>, verdict: &Verdict) -> String {
    let mut text = opening(subject, "DOWN", verdict);
    let Subject { active_servers, sessions, .. } = subject;
    push(
        &mut text,
        format_args!(
            " {active_servers} active and 0 backup servers left. \
             {sessions} sessions active, 0 requeued, 0 remaining in queue."
        ),
    );
    text
}

/// A server came up because of `verdict`.
pub fn server_up(subject: &Subject<'_>, verdict: &Verdict) -> String {
    let mut text = opening(subject, "UP", verdict);
    let active_servers = subject.active_servers;
    push(
        &mut text,
        format_args!(
            " {active_servers} active and 0 backup servers online. 0 sessions requeued, 0 total in queue."
        ),
    );
    text
}

/// The last server of a backend went down.
pub fn backend_down(backend: &str) -> String {
    format!("backend {backend} has no server available!")
}

fn opening(subject: &Subject<'_>, state: &str, verdict: &Verdict) -> String {
    let Subject { backend, server, .. } = subject;
    let mut text = format!("Server {backend}/{server} is {state}, reason: {}", verdict.status.description());
    if let Some(code) = verdict.http_code {
        push(&mut text, format_args!(", code: {code}"));
    }
    if let Some(info) = &verdict.info {
        push(&mut text, format_args!(", info: \"{info}\""));
    }
    push(&mut text, format_args!(", check duration: {}ms.", verdict.duration.as_millis()));
    text
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing to a String does not fail");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::health::verdict::CheckStatus;

    const SUBJECT: Subject<'_> =
        Subject { backend: "web_backend", server: "web1", active_servers: 2, sessions: 7 };

    #[test]
    fn a_refused_connection_reads_as_haproxys() {
        let verdict = Verdict::new(CheckStatus::L4Connection).with_info(b"Connection refused");
        assert_eq!(
            server_down(&SUBJECT, &verdict),
            "Server web_backend/web1 is DOWN, reason: Layer4 connection problem, \
             info: \"Connection refused\", check duration: 0ms. \
             2 active and 0 backup servers left. 7 sessions active, 0 requeued, \
             0 remaining in queue."
        );
    }

    #[test]
    fn a_wrong_status_tells_code_and_reason() {
        let mut verdict = Verdict::new(CheckStatus::L7Status).with_http_code(404).with_info(b"Not Found");
        verdict.duration = Duration::from_micros(3999);
        assert!(server_down(&SUBJECT, &verdict).starts_with(
            "Server web_backend/web1 is DOWN, reason: Layer7 wrong status, code: 404, info: \"Not Found\", \
             check duration: 3ms. 2 active"
        ));
    }

    #[test]
    fn coming_up_and_losing_the_last_server_read_as_haproxys() {
        let verdict = Verdict::new(CheckStatus::L7Ok).with_http_code(200);
        assert_eq!(
            server_up(&SUBJECT, &verdict),
            "Server web_backend/web1 is UP, reason: Layer7 check passed, code: 200, check duration: 0ms. \
             2 active and 0 backup servers online. 0 sessions requeued, 0 total in queue."
        );
        assert_eq!(backend_down("web_backend"), "backend web_backend has no server available!");
    }
}
