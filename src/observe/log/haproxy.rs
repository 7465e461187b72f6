//! HAProxy's `option httplog` and `option tcplog` lines, to the byte (configuration manual sections
//! 8.2.2, 8.2.3 and 8.6).
//!
//! Called by the log thread alone, once per record. A line carries no line feed: the sink adds
//! what its target wants.

use super::names::Names;
use super::time::LocalTime;
use crate::limits;
use crate::observe::record::Record;

/// Appends one line, of the shape that the listener's mode asks for.
pub(super) fn write_line(record: &Record, names: &Names, time: &mut LocalTime, line: &mut Vec<u8>) {
    write_place(record, names, time, line);
    if names.is_tcp(record) { write_connection(record, line) } else { write_exchange(record, line) }
}

/// `%ci:%cp [%t] %ft %b/%s`, where both shapes begin.
fn write_place(record: &Record, names: &Names, time: &mut LocalTime, line: &mut Vec<u8>) {
    write_ip(record.client.ip(), line);
    line.push(b':');
    number(record.client.port(), line);
    line.extend_from_slice(b" [");
    time.write_date(record.start_unix_ms, line);
    line.extend_from_slice(b"] ");
    line.extend_from_slice(names.frontend(record));
    line.push(b' ');
    line.extend_from_slice(names.backend(record));
    line.push(b'/');
    line.extend_from_slice(names.server(record));
}

/// `%Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq`
fn write_connection(record: &Record, line: &mut Vec<u8>) {
    separated(b' ', record.queue_ms, line);
    separated(b'/', record.connect_ms, line);
    separated(b'/', record.active_ms, line);
    separated(b' ', record.bytes, line);
    line.push(b' ');
    escape(&record.termination[..2], line);
    write_counts(record, line);
}

/// The rest of
/// `%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq "%r"`;
/// nothing is captured, so `%CC` and `%CS` are `-` and the header captures print nothing at all.
fn write_exchange(record: &Record, line: &mut Vec<u8>) {
    separated(b' ', record.request_ms, line);
    separated(b'/', record.queue_ms, line);
    separated(b'/', record.connect_ms, line);
    separated(b'/', record.response_ms, line);
    separated(b'/', record.active_ms, line);
    separated(b' ', record.status, line);
    separated(b' ', record.bytes, line);
    line.extend_from_slice(b" - - ");
    escape(&record.termination, line);
    write_counts(record, line);
    line.extend_from_slice(b" \"");
    write_request_line(&record.request_line, line);
    line.push(b'"');
}

/// `%ac/%fc/%bc/%sc/%rc %sq/%bq`, where both shapes end but for the request.
fn write_counts(record: &Record, line: &mut Vec<u8>) {
    separated(b' ', record.process_connections, line);
    separated(b'/', record.listener_connections, line);
    separated(b'/', record.backend_connections, line);
    separated(b'/', record.server_connections, line);
    line.push(b'/');
    if record.redispatched {
        line.push(b'+');
    }
    number(record.retries, line);
    separated(b' ', record.server_queue, line);
    separated(b'/', record.backend_queue, line);
}

/// Appends text with the bytes that could break a line or its fields as `#XX`: all outside
/// 32..=126, `#` and `"` (section 8.6). Spaces stay.
pub(super) fn escape(text: &[u8], line: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        match byte {
            b'#' | b'"' | 0..32 | 127.. => {
                line.extend_from_slice(&[
                    b'#',
                    DIGITS[usize::from(byte >> 4)],
                    DIGITS[usize::from(byte & 15)],
                ]);
            }
            _ => line.push(byte),
        }
    }
}

/// `%r`: what was received, cut where HAProxy cuts it (tune.http.logurilen), `<BADREQ>` for nothing.
fn write_request_line(request_line: &[u8], line: &mut Vec<u8>) {
    if request_line.is_empty() {
        line.extend_from_slice(b"<BADREQ>");
        return;
    }
    escape(&request_line[..request_line.len().min(limits::LOG_REQUEST_LINE - 1)], line);
}

/// `%ci`: an IPv6 address stands without brackets.
fn write_ip(ip: std::net::IpAddr, line: &mut Vec<u8>) {
    use std::io::Write as _;
    write!(line, "{ip}").expect("writing to a vector cannot fail");
}

fn separated(separator: u8, value: impl itoa::Integer, line: &mut Vec<u8>) {
    line.push(separator);
    number(value, line);
}

fn number(value: impl itoa::Integer, line: &mut Vec<u8>) {
    line.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use chrono::{Local, TimeZone as _};

    use super::*;
    use crate::config::model::Mode;
    use crate::observe::record::NONE;

    fn names() -> Names {
        let mut names = Names::default();
        names.add_listener("front_in", true);
        names.add_listener("plain", false);
        names.add_backend("web_backend", ["web1", "web2"].into_iter());
        names
    }

    fn unix_ms(date: (i32, u32, u32), clock: (u32, u32, u32), milliseconds: u64) -> u64 {
        let local = Local.with_ymd_and_hms(date.0, date.1, date.2, clock.0, clock.1, clock.2);
        local.earliest().unwrap().timestamp() as u64 * 1000 + milliseconds
    }

    fn served() -> Record {
        Record {
            client: "198.51.10.1:1562".parse().unwrap(),
            listener: 0,
            backend: 0,
            server: 0,
            start_unix_ms: unix_ms((2023, 7, 4), (4, 1, 52), 422),
            request_ms: 0,
            queue_ms: 0,
            connect_ms: 5,
            response_ms: 1,
            active_ms: 6,
            status: 304,
            bytes: 187,
            termination: *b"--VU",
            process_connections: 1,
            listener_connections: 1,
            backend_connections: 0,
            server_connections: 0,
            retries: 0,
            redispatched: false,
            server_queue: 0,
            backend_queue: 0,
            request_line: b"GET /server.html HTTP/1.1".to_vec(),
        }
    }

    fn line(record: &Record) -> String {
        let mut line = Vec::new();
        write_line(record, &names(), &mut LocalTime::default(), &mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn writes_the_line_of_a_connection_in_tcp_mode() {
        let mut names = names();
        names.add_listener("pg_in", true);
        names.set_mode(Mode::Tcp);
        let mut line = Vec::new();
        let record = Record { listener: 2, queue_ms: 1, redispatched: true, retries: 2, ..served() };
        write_line(&record, &names, &mut LocalTime::default(), &mut line);
        assert_eq!(
            String::from_utf8(line).unwrap(),
            "198.51.10.1:1562 [04/Jul/2023:04:01:52.422] pg_in~ web_backend/web1 1/5/6 187 -- 1/1/0/0/+2 0/0"
        );
    }

    #[test]
    fn writes_the_line_of_a_served_request() {
        assert_eq!(
            line(&served()),
            "198.51.10.1:1562 [04/Jul/2023:04:01:52.422] front_in~ web_backend/web1 0/0/5/1/6 304 187 - - \
             --VU 1/1/0/0/0 0/0 \"GET /server.html HTTP/1.1\""
        );
    }

    #[test]
    fn writes_the_line_of_a_request_that_never_parsed() {
        let record = Record {
            client: "198.51.100.7:40112".parse().unwrap(),
            backend: NONE,
            server: NONE,
            start_unix_ms: unix_ms((2026, 8, 21), (16, 1, 40), 118),
            request_ms: -1,
            queue_ms: -1,
            connect_ms: -1,
            response_ms: -1,
            active_ms: 0,
            status: 400,
            bytes: 0,
            termination: *b"PR--",
            request_line: Vec::new(),
            ..served()
        };
        assert_eq!(
            line(&record),
            "198.51.100.7:40112 [21/Aug/2026:16:01:40.118] front_in~ front_in/<NOSRV> -1/-1/-1/-1/0 400 0 - \
             - PR-- 1/1/0/0/0 0/0 \"<BADREQ>\""
        );
    }

    #[test]
    fn writes_no_tilde_for_a_plain_listener_and_no_brackets_for_ipv6() {
        let record = Record { client: "[2001:db8::7]:443".parse().unwrap(), listener: 1, ..served() };
        assert!(line(&record).starts_with("2001:db8::7:443 ["));
        assert!(line(&record).contains("] plain web_backend/web1 "));
        let record = Record { backend: NONE, server: NONE, ..record };
        assert!(line(&record).contains("] plain plain/<NOSRV> "));
    }

    #[test]
    fn names_the_backend_whose_servers_are_all_down() {
        let record = Record { server: NONE, queue_ms: -1, status: 503, termination: *b"SCNN", ..served() };
        assert!(line(&record).contains(" web_backend/<NOSRV> 0/-1/5/1/6 503 187 - - SCNN "));
    }

    #[test]
    fn marks_a_redispatch_before_the_retries() {
        let record = Record {
            retries: 3,
            redispatched: true,
            server: 1,
            server_queue: 7,
            backend_queue: 9,
            status: -1,
            ..served()
        };
        assert!(line(&record).contains("web_backend/web2 "));
        assert!(line(&record).contains(" -1 187 - - --VU 1/1/0/0/+3 7/9 "));
    }

    #[test]
    fn escapes_what_could_forge_a_line() {
        let record = Record { request_line: b"GET /\"\r\n#\x7f\xff ~ HTTP/1.1".to_vec(), ..served() };
        assert!(line(&record).ends_with(" \"GET /#22#0D#0A#23#7F#FF ~ HTTP/1.1\""));
    }

    #[test]
    fn cuts_the_request_line_where_haproxy_does() {
        let record = Record { request_line: vec![b'a'; 3000], ..served() };
        assert!(line(&record).ends_with(&format!(" \"{}\"", "a".repeat(1023))));
    }

    #[test]
    fn survives_indices_that_name_nothing() {
        let record = Record { listener: 9, backend: 9, server: 9, ..served() };
        assert!(line(&record).contains("] - -/<NOSRV> "));
        let record = Record { listener: 9, backend: NONE, ..served() };
        assert!(line(&record).contains("] - -/<NOSRV> "));
    }

    #[test]
    fn a_listener_named_with_a_line_feed_forges_nothing() {
        let mut names = Names::default();
        names.add_listener("a\nb", false);
        let mut line = Vec::new();
        write_line(&served(), &names, &mut LocalTime::default(), &mut line);
        assert!(String::from_utf8(line).unwrap().contains("] a#0Ab "));
    }
}
