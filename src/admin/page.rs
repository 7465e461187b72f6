//! The statistics page: rows of figures as HAProxy's table, column by column.
//!
//! Called by `route` for each view. The template escapes all text; the only markup made here
//! is that of `Digits`, which holds nothing but digits.

use std::fmt;

use askama::Template;
use aws_lc_rs::digest;
use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::duration;
use super::pair::Pair;
use crate::config::model::Stats;
use crate::ha::status::PairStatus;
use crate::limits;
use crate::observe::stats::{Kind, ProcessFigures, Report, Row, State};

/// How the page looks, decided once.
#[derive(Debug)]
pub(super) struct Page {
    version: Option<&'static str>,
    node: Option<String>,
    policy: HeaderValue,
}

impl Page {
    pub(super) fn new(stats: &Stats) -> Self {
        // The style sheet is in the page, and allowed by its digest: no other style, script, frame
        // or request can come from it.
        let style = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; img-src data:; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'"
        );
        Self {
            version: (!stats.hide_version).then_some(env!("CARGO_PKG_VERSION")),
            node: if stats.show_node { host_name() } else { None },
            policy: HeaderValue::try_from(policy).expect("the policy is printable ASCII"),
        }
    }

    /// Value of the Content-Security-Policy field.
    pub(super) fn content_security_policy(&self) -> HeaderValue {
        self.policy.clone()
    }

    /// The page as HTML; it loads itself again unless `refresh` is off.
    pub(super) fn render(
        &self,
        report: &Report,
        pair: Option<&PairStatus>,
        path: &str,
        refresh: bool,
    ) -> askama::Result<String> {
        let mut proxies: Vec<Proxy<'_>> = Vec::new();
        for row in &report.rows {
            let line = Line::of(row);
            match proxies.last_mut() {
                Some(proxy) if proxy.id == row.proxy_id => proxy.lines.push(line),
                _ => proxies.push(Proxy { id: row.proxy_id, name: &row.proxy, lines: vec![line] }),
            }
        }
        let page = StatsPage {
            style: STYLE,
            version: self.version,
            node: self.node.as_deref(),
            pid: std::process::id(),
            path,
            refresh,
            refresh_seconds: limits::STATS_REFRESH_SECONDS,
            facts: Fact::all(&report.process),
            events: Fact::events(&report.process),
            pair: pair.map(Pair::of),
            proxies,
        };
        page.render()
    }
}

#[derive(Template)]
#[template(path = "stats.html")]
struct StatsPage<'report> {
    style: &'static str,
    version: Option<&'static str>,
    node: Option<&'report str>,
    pid: u32,
    path: &'report str,
    refresh: bool,
    refresh_seconds: u64,
    facts: Vec<Fact>,
    events: Vec<Fact>,
    pair: Option<Pair>,
    proxies: Vec<Proxy<'report>>,
}

/// One figure of the process.
struct Fact {
    name: &'static str,
    value: Value,
    limit: Option<Digits>,
    per_second: bool,
    /// Worth a look when it is not zero.
    alarm: bool,
}

/// A listener's or a backend's table.
struct Proxy<'report> {
    id: usize,
    name: &'report str,
    lines: Vec<Line<'report>>,
}

/// One line of a table.
struct Line<'report> {
    class: &'static str,
    name: &'report str,
    /// In the order of the table's head.
    cells: Vec<Cell>,
}

/// One figure, and what the pointer shows over it.
struct Cell {
    value: Value,
    class: &'static str,
    title: String,
}

enum Value {
    Nothing,
    Number(Digits),
    Text(String),
}

/// A number whose digits before each group of three are spaced by the style sheet, so that a copied
/// number is still a number. HAProxy marks the same digits the same way.
struct Digits(u64);

impl fmt::Display for Digits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = itoa::Buffer::new();
        let digits = buffer.format(self.0);
        for (index, digit) in digits.char_indices() {
            let behind = digits.len() - index - 1;
            if behind > 0 && behind.is_multiple_of(3) {
                write!(formatter, "<span class=\"rls\">{digit}</span>")?;
            } else {
                write!(formatter, "{digit}")?;
            }
        }
        Ok(())
    }
}

impl Fact {
    fn all(process: &ProcessFigures) -> Vec<Self> {
        let text = |name, value| Self { value: Value::Text(value), ..Self::number(name, 0) };
        let rate = |name, value| Self { per_second: true, ..Self::number(name, value) };
        let trouble = |name, value| Self { alarm: value > 0, ..Self::number(name, value) };
        let limit = process.connections_limit.map(Digits);
        vec![
            text("Uptime", duration::long(process.uptime)),
            Self::number("Workers", process.workers as u64),
            Self { limit, ..Self::number("Connections now", process.connections) },
            Self::number("Connections at most", process.connections_max),
            rate("Connection rate", process.connection_rate),
            rate("Request rate", process.request_rate),
            Self::number("Tunnels open", process.tunnels_open),
            Self::number("Buffers in use", process.buffers_in_use),
            Self::number("Log lines written", process.log_written),
            trouble("Log lines dropped", process.log_dropped + process.notices_dropped),
        ]
    }

    /// Every limit hit and fault, zero or not: an operator wants to see that there were none.
    fn events(process: &ProcessFigures) -> Vec<Self> {
        process.events.iter().map(|&(name, count)| Self::number(name, count)).collect()
    }

    fn number(name: &'static str, value: u64) -> Self {
        Self { name, value: Value::Number(Digits(value)), limit: None, per_second: false, alarm: false }
    }
}

impl<'report> Line<'report> {
    fn of(row: &'report Row) -> Self {
        let name = match row.kind {
            Kind::Frontend => "Frontend",
            Kind::Backend => "Backend",
            Kind::Server => &row.service,
        };
        let mut cells = Vec::with_capacity(30);
        // Queue, without a limit of its own. Session rate.
        cells.extend([maybe(row.queue.map(|(now, _)| now)), maybe(row.queue.map(|(_, max)| max)), nothing()]);
        cells.extend([rate(row, row.session_rate, false), rate(row, row.session_rate_max, true), nothing()]);
        // Sessions.
        cells.extend([number(row.sessions_now), number(row.sessions_max), limit(row)]);
        cells.extend([total(row), maybe(row.balanced), last(row)]);
        // Bytes; denied: there are no rules that could deny.
        cells.extend([number(row.bytes_in), number(row.bytes_out), nothing(), nothing()]);
        // Errors, warnings.
        cells.extend([maybe(row.request_errors), maybe(row.connect_errors), response_errors(row)]);
        cells.extend([maybe(row.retries), maybe(row.redispatches)]);
        // Server.
        cells.extend([
            status(row),
            last_check(row),
            weight(row),
            active(row, row.active),
            active(row, row.backup),
        ]);
        cells.extend([maybe(row.check_failures), maybe(row.down_count)]);
        cells.extend([
            row.downtime_s.map_or_else(nothing, |seconds| text(duration::short(seconds))),
            nothing(),
        ]);
        Self { class: class(row), name, cells }
    }
}

fn nothing() -> Cell {
    Cell { value: Value::Nothing, class: "", title: String::new() }
}

fn number(value: u64) -> Cell {
    Cell { value: Value::Number(Digits(value)), ..nothing() }
}

fn maybe(value: Option<u64>) -> Cell {
    value.map_or_else(nothing, number)
}

fn text(value: impl Into<String>) -> Cell {
    Cell { value: Value::Text(value.into()), ..nothing() }
}

fn limit(row: &Row) -> Cell {
    row.sessions_limit.map_or_else(|| text("-"), number)
}

/// Session rate, with the request rate of a listener beside it under the pointer.
fn rate(row: &Row, sessions: u64, max: bool) -> Cell {
    let title = row.request_rate.map_or_else(String::new, |(now, highest)| {
        format!("Connections: {sessions}/s\nRequests: {}/s", if max { highest } else { now })
    });
    Cell { title, ..number(sessions) }
}

fn total(row: &Row) -> Cell {
    let [informational, success, redirect, client, server, other] = row.statuses;
    let mut title = format!(
        "Requests: {}\n1xx: {informational}\n2xx: {success}\n3xx: {redirect}\n4xx: {client}\n5xx: {server}\n\
         other: {other}",
        row.requests_total
    );
    if let Some(denied) = row.denied_connections.filter(|&count| count > 0) {
        title += &format!("\nConnections denied: {denied}");
    }
    if let Some(intercepted) = row.intercepted {
        title += &format!("\nAnswered by torii: {intercepted}");
    }
    if let Some(denied) = row.denied {
        title += &format!("\nDenied: {denied}");
    }
    if let (Some(connects), Some(reuses)) = (row.connects, row.reuses) {
        title += &format!("\nNew connections: {connects}\nReused connections: {reuses}");
    }
    if let Some(idle) = row.idle_connections {
        title += &format!("\nIdle connections: {idle}");
    }
    if let Some(averages) = row.averages {
        title += &format!(
            "\nAverage over the last {} requests:\nconnect {} ms, response {} ms, total {} ms",
            limits::STATS_AVERAGE_WINDOW,
            averages.connect_ms,
            averages.response_ms,
            averages.total_ms
        );
    }
    Cell { title, ..number(row.sessions_total) }
}

fn last(row: &Row) -> Cell {
    match row.last_request_s {
        None => nothing(),
        Some(seconds) => u64::try_from(seconds).map_or_else(|_| text("?"), |age| text(duration::short(age))),
    }
}

fn response_errors(row: &Row) -> Cell {
    let title = match (row.client_aborts, row.server_aborts) {
        (Some(client), Some(server)) => {
            format!("Transfers given up by clients: {client}\nby servers: {server}")
        }
        _ => String::new(),
    };
    Cell { title, ..maybe(row.response_errors) }
}

/// How long, then the status; an arrow says where health is going.
fn status(row: &Row) -> Cell {
    let arrow = match row.state {
        State::GoingUp(..) => " \u{2191}",
        State::GoingDown(..) | State::DrainingGoingDown(..) => " \u{2193}",
        _ => "",
    };
    let age = row.last_change_s.filter(|_| row.state != State::NotChecked);
    let age = age.map_or_else(String::new, |seconds| duration::short(seconds) + " ");
    let class = match (row.kind, row.state) {
        (Kind::Backend, State::Down) => "status alarm",
        (_, State::NotChecked) => "status unchecked",
        _ => "status",
    };
    Cell { class, ..text(format!("{age}{}{arrow}", row.state)) }
}

/// `[* ]CODE[/status] in Nms`, in words under the pointer.
fn last_check(row: &Row) -> Cell {
    let Some(check) = row.check else { return nothing() };
    let mut value = String::from(if check.running { "* " } else { "" });
    value += check.status;
    if let Some(code) = check.code {
        value += &format!("/{code}");
    }
    if let Some(milliseconds) = check.duration_ms {
        value += &format!(" in {milliseconds}ms");
    }
    Cell { class: "check", title: check.description.to_owned(), ..text(value) }
}

/// Effective and configured weight, which nothing tells apart yet.
fn weight(row: &Row) -> Cell {
    row.weight.map_or_else(nothing, |weight| text(format!("{weight}/{weight}")))
}

/// A count for a backend, yes or no for a server.
fn active(row: &Row, value: Option<u64>) -> Cell {
    match (row.kind, value) {
        (Kind::Server, Some(0)) => text("-"),
        (Kind::Server, Some(_)) => text("Y"),
        _ => maybe(value),
    }
}

fn class(row: &Row) -> &'static str {
    match (row.kind, row.state) {
        (Kind::Frontend, _) => "frontend",
        (Kind::Backend, _) => "backend",
        // HAProxy gives an up server without weight this colour whatever its health.
        (_, State::Draining | State::DrainingGoingDown(..)) => "active_draining",
        (_, State::GoingDown(..)) => "active_going_down",
        (_, State::Down) => "active_down",
        (_, State::GoingUp(..)) => "active_going_up",
        (_, State::NotChecked) => "active_no_check",
        (_, State::Up | State::Open | State::Full) => "active_up",
    }
}

/// The kernel's name for this machine.
fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

const STYLE: &str = include_str!("templates/stats.css");

#[cfg(test)]
#[path = "page/tests.rs"]
mod tests;
