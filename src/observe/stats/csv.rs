//! HAProxy's CSV: its columns in its order, empty where torii has no figure.
//!
//! Shown by the statistics service. Consumers find columns by name or number, so none may
//! move; HAProxy appends new ones before the column `-`.

use super::row::{Kind, Row};

/// Appends the header and a line for each row. Every line ends with a comma before its line feed,
/// as HAProxy's do.
pub fn write_csv(rows: &[Row], text: &mut String) {
    text.push_str("# ");
    for (name, _) in COLUMNS {
        text.push_str(name);
        text.push(',');
    }
    text.push('\n');
    for row in rows {
        for (_, figure) in COLUMNS {
            match figure(row) {
                Cell::Empty => {}
                Cell::Number(value) => text.push_str(itoa::Buffer::new().format(value)),
                Cell::Signed(value) => text.push_str(itoa::Buffer::new().format(value)),
                Cell::Text(value) => push_quoted(&value, text),
            }
            text.push(',');
        }
        text.push('\n');
    }
}

/// Text is quoted only where it must be: quotes doubled, carriage returns dropped, line feeds made
/// spaces, spaces at the end removed.
fn push_quoted(value: &str, text: &mut String) {
    if !value.contains(['"', ',', '\r', '\n']) {
        text.push_str(value);
        return;
    }
    let start = text.len() + 1;
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\"\""),
            '\r' => {}
            '\n' => text.push(' '),
            _ => text.push(character),
        }
    }
    while text.len() > start && text.ends_with(' ') {
        text.pop();
    }
    text.push('"');
}

/// What stands in one column of one row.
enum Cell {
    Empty,
    Number(u64),
    Signed(i64),
    Text(String),
}

impl From<u64> for Cell {
    fn from(value: u64) -> Self {
        Self::Number(value)
    }
}

impl From<usize> for Cell {
    fn from(value: usize) -> Self {
        Self::Number(value as u64)
    }
}

impl From<Option<u64>> for Cell {
    fn from(value: Option<u64>) -> Self {
        value.map_or(Self::Empty, Self::Number)
    }
}

impl From<Option<i64>> for Cell {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Self::Empty, Self::Signed)
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

type Column = (&'static str, fn(&Row) -> Cell);

const fn absent(name: &'static str) -> Column {
    (name, |_| Cell::Empty)
}

/// The status of a running check is marked, as on HAProxy's page.
fn check_status(row: &Row) -> Cell {
    let Some(check) = row.check else { return Cell::Empty };
    Cell::Text(if check.running { format!("* {}", check.status) } else { check.status.to_owned() })
}

/// Columns 0 to 118, then `-`.
const COLUMNS: &[Column] = &[
    ("pxname", |row| (&*row.proxy).into()),
    ("svname", |row| (&*row.service).into()),
    ("qcur", |row| row.queue.map(|(now, _)| now).into()),
    ("qmax", |row| row.queue.map(|(_, max)| max).into()),
    ("scur", |row| row.sessions_now.into()),
    ("smax", |row| row.sessions_max.into()),
    ("slim", |row| row.sessions_limit.into()),
    ("stot", |row| row.sessions_total.into()),
    ("bin", |row| row.bytes_in.into()),
    ("bout", |row| row.bytes_out.into()),
    ("dreq", |row| row.denied.into()),
    absent("dresp"),
    ("ereq", |row| row.request_errors.into()),
    ("econ", |row| row.connect_errors.into()),
    ("eresp", |row| row.response_errors.into()),
    ("wretr", |row| row.retries.into()),
    ("wredis", |row| row.redispatches.into()),
    ("status", |row| Cell::Text(row.state.to_string())),
    ("weight", |row| row.weight.into()),
    ("act", |row| row.active.into()),
    ("bck", |row| row.backup.into()),
    ("chkfail", |row| row.check_failures.into()),
    ("chkdown", |row| row.down_count.into()),
    ("lastchg", |row| row.last_change_s.into()),
    ("downtime", |row| row.downtime_s.into()),
    absent("qlimit"),
    // The process number within HAProxy's master, not the PID: always the first.
    ("pid", |_| Cell::Number(1)),
    ("iid", |row| row.proxy_id.into()),
    ("sid", |row| row.server_id.into()),
    absent("throttle"),
    ("lbtot", |row| row.balanced.into()),
    absent("tracked"),
    ("type", |row| Cell::Number(row.kind as u64)),
    ("rate", |row| row.session_rate.into()),
    absent("rate_lim"),
    ("rate_max", |row| row.session_rate_max.into()),
    ("check_status", check_status),
    ("check_code", |row| row.check.and_then(|check| check.code).map(u64::from).into()),
    ("check_duration", |row| row.check.and_then(|check| check.duration_ms).into()),
    ("hrsp_1xx", |row| row.statuses[0].into()),
    ("hrsp_2xx", |row| row.statuses[1].into()),
    ("hrsp_3xx", |row| row.statuses[2].into()),
    ("hrsp_4xx", |row| row.statuses[3].into()),
    ("hrsp_5xx", |row| row.statuses[4].into()),
    ("hrsp_other", |row| row.statuses[5].into()),
    absent("hanafail"),
    ("req_rate", |row| row.request_rate.map(|(now, _)| now).into()),
    ("req_rate_max", |row| row.request_rate.map(|(_, max)| max).into()),
    ("req_tot", |row| row.requests_total.into()),
    ("cli_abrt", |row| row.client_aborts.into()),
    ("srv_abrt", |row| row.server_aborts.into()),
    absent("comp_in"),
    absent("comp_out"),
    absent("comp_byp"),
    absent("comp_rsp"),
    ("lastsess", |row| row.last_request_s.into()),
    absent("last_chk"),
    absent("last_agt"),
    absent("qtime"),
    ("ctime", |row| row.averages.map(|averages| averages.connect_ms).into()),
    ("rtime", |row| row.averages.map(|averages| averages.response_ms).into()),
    ("ttime", |row| row.averages.map(|averages| averages.total_ms).into()),
    absent("agent_status"),
    absent("agent_code"),
    absent("agent_duration"),
    ("check_desc", |row| row.check.map_or(Cell::Empty, |check| check.description.into())),
    absent("agent_desc"),
    ("check_rise", |row| row.check.map(|check| u64::from(check.rise)).into()),
    ("check_fall", |row| row.check.map(|check| u64::from(check.fall)).into()),
    ("check_health", |row| row.check.map(|check| u64::from(check.health)).into()),
    absent("agent_rise"),
    absent("agent_fall"),
    absent("agent_health"),
    absent("addr"),
    absent("cookie"),
    ("mode", |row| row.mode.name().into()),
    absent("algo"),
    ("conn_rate", |row| frontend(row, row.session_rate)),
    ("conn_rate_max", |row| frontend(row, row.session_rate_max)),
    ("conn_tot", |row| frontend(row, row.sessions_total)),
    ("intercepted", |row| row.intercepted.into()),
    ("dcon", |row| row.denied_connections.into()),
    absent("dses"),
    absent("wrew"),
    ("connect", |row| row.connects.into()),
    ("reuse", |row| row.reuses.into()),
    absent("cache_lookups"),
    absent("cache_hits"),
    ("srv_icur", |row| row.idle_connections.into()),
    absent("src_ilim"),
    absent("qtime_max"),
    absent("ctime_max"),
    absent("rtime_max"),
    absent("ttime_max"),
    absent("eint"),
    absent("idle_conn_cur"),
    absent("safe_conn_cur"),
    absent("used_conn_cur"),
    absent("need_conn_est"),
    ("uweight", |row| row.weight.into()),
    absent("agg_server_status"),
    absent("agg_server_check_status"),
    absent("agg_check_status"),
    absent("srid"),
    absent("sess_other"),
    absent("h1sess"),
    absent("h2sess"),
    absent("h3sess"),
    absent("req_other"),
    absent("h1req"),
    absent("h2req"),
    absent("h3req"),
    absent("proto"),
    absent("priv_idle_cur"),
    absent("reqbin"),
    absent("reqbout"),
    absent("resbin"),
    absent("resbout"),
    absent("cache_hint_hits"),
    ("-", |_| "-".into()),
];

/// A figure that HAProxy gives for frontends only.
fn frontend(row: &Row, value: u64) -> Cell {
    if row.kind == Kind::Frontend { Cell::Number(value) } else { Cell::Empty }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_haproxys_columns_at_their_numbers() {
        let place = |name| COLUMNS.iter().position(|&(column, _)| column == name);
        for (number, name) in [
            (0, "pxname"),
            (17, "status"),
            (32, "type"),
            (36, "check_status"),
            (48, "req_tot"),
            (55, "lastsess"),
            (61, "ttime"),
            (73, "addr"),
            (84, "connect"),
            (88, "srv_icur"),
            (99, "uweight"),
            (118, "cache_hint_hits"),
            (119, "-"),
        ] {
            assert_eq!(place(name), Some(number), "{name}");
        }
        assert_eq!(COLUMNS.len(), 120);
    }

    #[test]
    fn quotes_only_what_needs_it() {
        let quoted = |value| {
            let mut text = String::new();
            push_quoted(value, &mut text);
            text
        };
        assert_eq!(quoted("web1 "), "web1 ");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"no\"\r\n \n"), "\"say \"\"no\"\"\"");
        assert_eq!(quoted("\n"), "\"\"");
    }

    #[test]
    fn writes_a_header_even_without_rows() {
        let mut text = String::new();
        write_csv(&[], &mut text);
        assert!(text.starts_with("# pxname,svname,qcur,"));
        assert!(text.ends_with(",cache_hint_hits,-,\n"));
        assert_eq!(text.lines().count(), 1);
    }
}
