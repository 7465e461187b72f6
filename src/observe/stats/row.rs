//! One row of the statistics: a listener, a server or a backend, with the figures torii has.
//!
//! Made by `collect`, shown by `csv` and by the statistics page. `None` means that the
//! figure does not apply to the row or is not known.

use std::fmt;
use std::sync::Arc;

use crate::config::model::Mode;

/// What a row describes; the number is HAProxy's column `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A listener.
    Frontend = 0,
    /// A backend as a whole.
    Backend = 1,
    /// A server of a backend.
    Server = 2,
}

/// HAProxy's status; `Display` gives its words (management guide, column `status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A listener that accepts.
    Open,
    /// A listener at its limit of connections.
    Full,
    /// Up, and every recent check passed. Also a backend with a usable server.
    Up,
    /// Up, but checks fail: this many failures left, of so many.
    GoingDown(u32, u32),
    /// Down. Also a backend without a usable server.
    Down,
    /// Down, but checks pass: this many successes, of so many needed.
    GoingUp(u32, u32),
    /// Weight 0: keeps its cookie holders, takes no one else.
    Draining,
    /// Weight 0, and checks fail.
    DrainingGoingDown(u32, u32),
    /// Taken to be up, since nobody checks.
    NotChecked,
}

/// A row. Byte, connection and request figures are totals since the start unless named otherwise.
#[derive(Debug, Clone)]
pub struct Row {
    /// What it describes.
    pub kind: Kind,
    /// Listener or backend.
    pub proxy: Arc<str>,
    /// What it speaks.
    pub mode: Mode,
    /// `FRONTEND`, `BACKEND` or the server.
    pub service: Arc<str>,
    /// Listeners, then backends, from 1.
    pub proxy_id: usize,
    /// Servers from 1; 0 for the rest.
    pub server_id: usize,
    /// Its status.
    pub state: State,
    /// Connections (listener) or requests in flight (server, backend) now.
    pub sessions_now: u64,
    /// Most of them at once.
    pub sessions_max: u64,
    /// How many are allowed.
    pub sessions_limit: Option<u64>,
    /// Requests that wait for a slot now, and most at once; of servers and backends.
    pub queue: Option<(u64, u64)>,
    /// Connections accepted (listener) or requests assigned.
    pub sessions_total: u64,
    /// New ones in the last second.
    pub session_rate: u64,
    /// Most in any second.
    pub session_rate_max: u64,
    /// Requests in the last second, and most in any second; of listeners.
    pub request_rate: Option<(u64, u64)>,
    /// Requests.
    pub requests_total: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes to clients, or from servers.
    pub bytes_out: u64,
    /// Malformed, aborted or timed-out requests.
    pub request_errors: Option<u64>,
    /// Failed connections to servers, and requests without a server.
    pub connect_errors: Option<u64>,
    /// Bad, missing or unfinished responses.
    pub response_errors: Option<u64>,
    /// Retries.
    pub retries: Option<u64>,
    /// Requests moved to another server.
    pub redispatches: Option<u64>,
    /// Connections refused before a byte was read; of listeners.
    pub denied_connections: Option<u64>,
    /// Requests that torii answered itself.
    pub intercepted: Option<u64>,
    /// Requests that a route denied.
    pub denied: Option<u64>,
    /// Requests assigned by balancing, not by cookie.
    pub balanced: Option<u64>,
    /// Seconds since the last request; -1 for never.
    pub last_request_s: Option<i64>,
    /// Answers: 1xx to 5xx, other.
    pub statuses: [u64; 6],
    /// Transfers that clients gave up.
    pub client_aborts: Option<u64>,
    /// Transfers that servers gave up.
    pub server_aborts: Option<u64>,
    /// New connections to servers.
    pub connects: Option<u64>,
    /// Connections to servers used again.
    pub reuses: Option<u64>,
    /// Idle connections to the server now.
    pub idle_connections: Option<u64>,
    /// Weight in effect; of a backend, the sum over servers that are up.
    pub weight: Option<u64>,
    /// Servers in use: 1 for a server, the count of those up for a backend.
    pub active: Option<u64>,
    /// Backup servers in use.
    pub backup: Option<u64>,
    /// Failed checks while up.
    pub check_failures: Option<u64>,
    /// Times it went down.
    pub down_count: Option<u64>,
    /// Seconds since the status changed.
    pub last_change_s: Option<u64>,
    /// Seconds spent down.
    pub downtime_s: Option<u64>,
    /// Its health check.
    pub check: Option<CheckFigures>,
    /// Times over the last exchanges.
    pub averages: Option<Averages>,
}

impl Row {
    /// A row without any figure.
    pub(super) fn empty(kind: Kind, proxy: &Arc<str>, mode: Mode, service: Arc<str>, proxy_id: usize) -> Row {
        Row {
            kind,
            proxy: Arc::clone(proxy),
            mode,
            service,
            proxy_id,
            server_id: 0,
            state: State::Open,
            sessions_now: 0,
            sessions_max: 0,
            sessions_limit: None,
            sessions_total: 0,
            queue: None,
            session_rate: 0,
            session_rate_max: 0,
            request_rate: None,
            requests_total: 0,
            bytes_in: 0,
            bytes_out: 0,
            request_errors: None,
            connect_errors: None,
            response_errors: None,
            retries: None,
            redispatches: None,
            denied_connections: None,
            intercepted: None,
            denied: None,
            balanced: None,
            last_request_s: None,
            statuses: [0; 6],
            client_aborts: None,
            server_aborts: None,
            connects: None,
            reuses: None,
            idle_connections: None,
            weight: None,
            active: None,
            backup: None,
            check_failures: None,
            down_count: None,
            last_change_s: None,
            downtime_s: None,
            check: None,
            averages: None,
        }
    }
}

/// The last health check of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckFigures {
    /// HAProxy's code such as `L7OK`.
    pub status: &'static str,
    /// The same in words.
    pub description: &'static str,
    /// Another one is running.
    pub running: bool,
    /// HTTP status it got.
    pub code: Option<u16>,
    /// How long it took, milliseconds; `None` before the first has ended.
    pub duration_ms: Option<u64>,
    /// Successes to come up.
    pub rise: u32,
    /// Failures to go down.
    pub fall: u32,
    /// Health counter, 0..=rise+fall-1.
    pub health: u32,
}

/// Average times in milliseconds over the last `limits::STATS_AVERAGE_WINDOW` exchanges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Averages {
    /// Connecting.
    pub connect_ms: u64,
    /// From the request to the response's head.
    pub response_ms: u64,
    /// The whole exchange.
    pub total_ms: u64,
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => formatter.write_str("OPEN"),
            Self::Full => formatter.write_str("FULL"),
            Self::Up => formatter.write_str("UP"),
            Self::GoingDown(left, fall) => write!(formatter, "UP {left}/{fall}"),
            Self::Down => formatter.write_str("DOWN"),
            Self::GoingUp(health, rise) => write!(formatter, "DOWN {health}/{rise}"),
            Self::Draining => formatter.write_str("DRAIN"),
            Self::DrainingGoingDown(left, fall) => write!(formatter, "DRAIN {left}/{fall}"),
            Self::NotChecked => formatter.write_str("no check"),
        }
    }
}

impl State {
    /// Whether a server or backend with it is taken to be up, or a listener takes connections.
    pub fn is_up(self) -> bool {
        !matches!(self, Self::Down | Self::GoingUp(..) | Self::Full)
    }

    /// The status of a server, by HAProxy's rules: health counts from 0 to rise+fall-1, up from rise.
    pub fn of_server(up: bool, weight: u16, check: Option<&CheckFigures>) -> Self {
        let Some(check) = check else {
            return match (up, weight) {
                (false, _) => Self::Down,
                (true, 0) => Self::Draining,
                (true, _) => Self::NotChecked,
            };
        };
        let left = (check.health + 1).saturating_sub(check.rise);
        let failing = check.health + 1 < check.rise + check.fall;
        match (up, weight, failing) {
            (false, ..) if check.health > 0 => Self::GoingUp(check.health, check.rise),
            (false, ..) => Self::Down,
            (true, 0, false) => Self::Draining,
            (true, 0, true) => Self::DrainingGoingDown(left, check.fall),
            (true, _, false) => Self::Up,
            (true, _, true) => Self::GoingDown(left, check.fall),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(up: bool, weight: u16, health: u32) -> String {
        let check = CheckFigures {
            status: "L7OK",
            description: "Layer7 check passed",
            running: false,
            code: None,
            duration_ms: None,
            rise: 2,
            fall: 5,
            health,
        };
        State::of_server(up, weight, Some(&check)).to_string()
    }

    #[test]
    fn follows_the_health_counter_down_and_up_again() {
        let down: Vec<_> = (2..=6).rev().map(|health| status(true, 1, health)).collect();
        assert_eq!(down, ["UP", "UP 4/5", "UP 3/5", "UP 2/5", "UP 1/5"]);
        assert_eq!(status(false, 1, 0), "DOWN");
        assert_eq!(status(false, 1, 1), "DOWN 1/2");
    }

    #[test]
    fn a_server_without_weight_drains() {
        assert_eq!(status(true, 0, 6), "DRAIN");
        assert_eq!(status(true, 0, 4), "DRAIN 3/5");
        assert_eq!(status(false, 0, 0), "DOWN");
    }

    #[test]
    fn a_server_that_nobody_checks_says_so() {
        assert_eq!(State::of_server(true, 1, None).to_string(), "no check");
        assert_eq!(State::of_server(true, 0, None).to_string(), "DRAIN");
    }
}
