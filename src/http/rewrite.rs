//! Writing the head that is forwarded: what HAProxy adds, removes and changes, and nothing else.
//!
//! `proxy` gives a parsed head and a reused buffer, and puts the result back in front of the body in
//! the lease. Field names keep their case and order, additions go to the end. Framing fields are
//! written from the framing decision, never copied. Rules: HAProxy's muxes (`docs/http.md`),
//! RFC 9110 section 7.6.

use super::cookie::FieldEdit;
use super::fields::{Connection, is_own_connection_token, list};
use super::head::{Field, FieldKind, Version};
use super::header_rules::HeaderRules;
use super::request::RequestHead;
use super::response::ResponseHead;
use super::upgrade;

/// Writes the request line and fields of `head` to `out`, without the final empty line, so that the
/// caller can add fields. `on_cookie` is asked about each Cookie value and may put a new one in its
/// scratch buffer, which it is given emptied. `rules` change what is left after that.
pub fn request(
    buffer: &[u8],
    head: &RequestHead,
    fields: &[Field],
    rules: Option<&HeaderRules>,
    scratch: &mut Vec<u8>,
    mut on_cookie: impl FnMut(&[u8], &mut Vec<u8>) -> FieldEdit,
    out: &mut Vec<u8>,
) {
    out.clear();
    out.extend_from_slice(head.method.of(buffer));
    out.push(b' ');
    match head.target.path.of(buffer) {
        [] => out.push(b'/'),
        path => out.extend_from_slice(path),
    }
    out.extend_from_slice(version_end(head.version));
    let mut copy = Copier::new(buffer);
    let mut expected = false;
    for field in fields {
        match field.kind {
            FieldKind::Cookie => {
                scratch.clear();
                // Persistence reads its cookie even where no cookie is forwarded.
                match on_cookie(field.value.of(buffer), scratch) {
                    _ if is_removed(rules, field, buffer) => copy.leave_out(field, out),
                    FieldEdit::Keep => copy.keep(field, out),
                    FieldEdit::Remove => copy.leave_out(field, out),
                    FieldEdit::Replace => copy.replace(field, scratch, out),
                }
            }
            _ if is_removed(rules, field, buffer) => copy.leave_out(field, out),
            // The one expectation there is, once: anything else is read differently by every server.
            FieldKind::Expect
                if expected || !field.value.of(buffer).eq_ignore_ascii_case(b"100-continue") =>
            {
                copy.leave_out(field, out);
            }
            FieldKind::Expect => {
                expected = true;
                copy.keep(field, out);
            }
            FieldKind::Te if !asks_for_trailers(field.value.of(buffer)) => copy.leave_out(field, out),
            FieldKind::Te => copy.replace(field, b"trailers", out),
            FieldKind::ContentLength => copy.replace_length(field, out),
            // What Connection names has been taken out, so that it need not be told. But TE asks the
            // next hop (RFC 9110 section 10.1.4).
            FieldKind::Connection if head.connection.other && names_te(field.value.of(buffer)) => {
                copy.replace(field, b"TE", out);
            }
            FieldKind::Connection => copy.leave_out(field, out),
            kind => common(kind, field, &head.connection, &mut copy, out),
        }
    }
    copy.flush(out);
    out.extend_from_slice(rules.map_or(b"", HeaderRules::lines));
    // RFC 9112 section 3.2.2: the host of an absolute target is the Host. HTTP/1.1 had to bring one.
    if let Some(authority) = head.target.authority
        && !fields.iter().any(|field| field.kind == FieldKind::Host)
        && !rules.is_some_and(|rules| rules.removes(b"host"))
    {
        out.extend_from_slice(b"host: ");
        out.extend_from_slice(authority.of(buffer));
        out.extend_from_slice(b"\r\n");
    }
    if head.offers_upgrade {
        upgrade::write_offer(buffer, fields, out);
    }
    // A 1.0 server connection closes unless asked not to (RFC 9112 section 9.3).
    if head.version == Version::Http10 {
        out.extend_from_slice(b"connection: keep-alive\r\n");
    }
}

/// What the proxy tells the client about its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientSide {
    /// The version the client speaks.
    pub version: Version,
    /// Whether its connection stays open after this response.
    pub keep_alive: bool,
}

/// Writes the status line and fields of `head` to `out`, without the final empty line.
/// `keep_set_cookie` is asked about each Set-Cookie value. `rules` change what is left after that.
pub fn response(
    buffer: &[u8],
    head: &ResponseHead,
    fields: &[Field],
    rules: Option<&HeaderRules>,
    client: ClientSide,
    mut keep_set_cookie: impl FnMut(&[u8]) -> bool,
    out: &mut Vec<u8>,
) {
    out.clear();
    let mut copy = Copier::new(buffer);
    copy.kept = (0, head.line.end as usize + 2);
    let mut length_written = head.length_overridden || drops_length(head.status);
    for field in fields {
        match field.kind {
            FieldKind::SetCookie if !keep_set_cookie(field.value.of(buffer)) => copy.leave_out(field, out),
            _ if is_removed(rules, field, buffer) => copy.leave_out(field, out),
            // Equal repeats are one length, and one line says it.
            FieldKind::ContentLength if length_written => copy.leave_out(field, out),
            FieldKind::ContentLength => {
                length_written = true;
                copy.replace_length(field, out);
            }
            FieldKind::TransferEncoding if drops_length(head.status) => copy.leave_out(field, out),
            kind => common(kind, field, &head.connection, &mut copy, out),
        }
    }
    copy.flush(out);
    out.extend_from_slice(rules.map_or(b"", HeaderRules::lines));
    if head.status >= 200 {
        connection_field(head.version, client, out);
    } else if head.status == 101 {
        upgrade::write_answer(buffer, fields, out);
    }
}

/// The Connection field that the client needs to see, if any (RFC 9112 section 9.3): `close` towards
/// 1.1, `keep-alive` when either side is 1.0 and the connection stays.
pub fn connection_field(server: Version, client: ClientSide, out: &mut Vec<u8>) {
    if client.keep_alive {
        if client.version == Version::Http10 || server == Version::Http10 {
            out.extend_from_slice(b"connection: keep-alive\r\n");
        }
    } else if client.version == Version::Http11 {
        out.extend_from_slice(b"connection: close\r\n");
    }
}

/// Whether the configuration takes this field out. Its rules never name one that frames a message.
#[inline]
fn is_removed(rules: Option<&HeaderRules>, field: &Field, buffer: &[u8]) -> bool {
    rules.is_some_and(|rules| rules.removes(field.name.of(buffer)))
}

/// RFC 9110 section 8.6 and RFC 9112 section 6.1: 1xx and 204 carry neither length nor coding.
fn drops_length(status: u16) -> bool {
    status < 200 || status == 204
}

/// Fields treated the same in both directions.
fn common(kind: FieldKind, field: &Field, connection: &Connection, copy: &mut Copier, out: &mut Vec<u8>) {
    match kind {
        FieldKind::Connection if connection.other => copy.replace_connection(field, out),
        // What is offered or granted of an Upgrade is written at the end, and only that.
        FieldKind::Connection | FieldKind::Upgrade | FieldKind::LeftOut | FieldKind::Disguised => {
            copy.leave_out(field, out);
        }
        FieldKind::TransferEncoding => copy.replace(field, b"chunked", out),
        _ => copy.keep(field, out),
    }
}

fn names_te(value: &[u8]) -> bool {
    list(value).any(|token| token.eq_ignore_ascii_case(b"te"))
}

/// HAProxy reduces TE to `trailers`, where that word stands alone in the list.
fn asks_for_trailers(value: &[u8]) -> bool {
    list(value).any(|coding| coding.eq_ignore_ascii_case(b"trailers"))
}

fn version_end(version: Version) -> &'static [u8] {
    match version {
        Version::Http11 => b" HTTP/1.1\r\n",
        Version::Http10 => b" HTTP/1.0\r\n",
    }
}

/// Copies runs of untouched lines in one go.
struct Copier<'a> {
    buffer: &'a [u8],
    /// Bytes that will be copied as they stand.
    kept: (usize, usize),
}

impl<'a> Copier<'a> {
    fn new(buffer: &'a [u8]) -> Self {
        Self { buffer, kept: (0, 0) }
    }

    #[inline]
    fn keep(&mut self, field: &Field, out: &mut Vec<u8>) {
        if !field.is_canonical(self.buffer) {
            return self.replace(field, field.value.of(self.buffer), out);
        }
        if self.kept.1 == field.line.start as usize {
            self.kept.1 = field.line.end as usize;
        } else {
            self.flush(out);
            self.kept = (field.line.start as usize, field.line.end as usize);
        }
    }

    fn leave_out(&mut self, _field: &Field, out: &mut Vec<u8>) {
        self.flush(out);
    }

    fn replace(&mut self, field: &Field, value: &[u8], out: &mut Vec<u8>) {
        self.flush(out);
        out.extend_from_slice(field.name.of(self.buffer));
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }

    /// The canonical number: no leading zeros.
    fn replace_length(&mut self, field: &Field, out: &mut Vec<u8>) {
        let value = field.value.of(self.buffer);
        let zeros = value.iter().take_while(|&&byte| byte == b'0').count();
        match zeros.min(value.len().saturating_sub(1)) {
            0 => self.keep(field, out),
            zeros => self.replace(field, &value[zeros..], out),
        }
    }

    /// Tokens that are not ours to decide.
    fn replace_connection(&mut self, field: &Field, out: &mut Vec<u8>) {
        self.flush(out);
        let start = out.len();
        out.extend_from_slice(field.name.of(self.buffer));
        out.extend_from_slice(b": ");
        let value_start = out.len();
        for token in list(field.value.of(self.buffer)) {
            if !token.is_empty() && !is_own_connection_token(token) {
                if out.len() > value_start {
                    out.extend_from_slice(b", ");
                }
                out.extend_from_slice(token);
            }
        }
        if out.len() == value_start { out.truncate(start) } else { out.extend_from_slice(b"\r\n") }
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.buffer[self.kept.0..self.kept.1]);
        self.kept = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::head::HeadLimits;
    use super::*;

    const LIMITS: HeadLimits = HeadLimits { size: 4096, fields: 32 };

    fn request_of(text: &str) -> String {
        let mut fields = Vec::new();
        let head = super::super::request::parse(text.as_bytes(), LIMITS, &mut fields).unwrap().unwrap();
        let mut out = Vec::new();
        request(text.as_bytes(), &head, &fields, None, &mut Vec::new(), strip_cookie, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// A stand-in for persistence: `gone` disappears, `x=` is replaced, anything else stays.
    fn strip_cookie(value: &[u8], scratch: &mut Vec<u8>) -> FieldEdit {
        match value {
            b"gone" => FieldEdit::Remove,
            [b'x', b'=', ..] => {
                scratch.extend_from_slice(b"y");
                FieldEdit::Replace
            }
            _ => FieldEdit::Keep,
        }
    }

    fn response_of(text: &str, client: ClientSide) -> String {
        let mut fields = Vec::new();
        let head =
            super::super::response::parse(text.as_bytes(), false, LIMITS, &mut fields).unwrap().unwrap();
        let mut out = Vec::new();
        response(text.as_bytes(), &head, &fields, None, client, |value| value != b"drop=1", &mut out);
        String::from_utf8(out).unwrap()
    }

    const KEPT: ClientSide = ClientSide { version: Version::Http11, keep_alive: true };
    const CLOSED: ClientSide = ClientSide { version: Version::Http11, keep_alive: false };
    const OLD: ClientSide = ClientSide { version: Version::Http10, keep_alive: true };

    #[test]
    fn copies_a_plain_request_as_it_stands() {
        let text = "GET /a?b HTTP/1.1\r\nHost: h\r\nX-CaSe: V\r\nCookie: a=b\r\n\r\n";
        assert_eq!(request_of(text), text[..text.len() - 2]);
    }

    #[test]
    fn normalises_spacing() {
        assert_eq!(
            request_of("GET / HTTP/1.1\r\nHost:h\r\nX: \t a  b \t\r\nY:\r\n\r\n"),
            "GET / HTTP/1.1\r\nHost: h\r\nX: a  b\r\nY: \r\n"
        );
    }

    #[test]
    fn decides_connection_fields_anew() {
        let with = |fields: &str| request_of(&format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
        let plain = "GET / HTTP/1.1\r\nHost: h\r\n";
        assert_eq!(with("Connection: Keep-Alive\r\n"), plain);
        assert_eq!(with("Connection: close\r\n"), plain);
        assert_eq!(with("Connection: upgrade\r\nUpgrade: h2c\r\n"), plain);
        assert_eq!(
            with("Connection: close, X-Real-Ip,, te ,y\r\nTE: trailers\r\n"),
            format!("{plain}Connection: TE\r\nTE: trailers\r\n")
        );
        assert_eq!(with("Connection: close, X-Real-Ip,, upgrade ,y\r\n"), plain);
        assert_eq!(
            with("Keep-Alive: 5\r\nProxy-Connection: x\r\n"),
            format!("{plain}Keep-Alive: 5\r\nProxy-Connection: x\r\n")
        );
    }

    #[test]
    fn forwards_an_upgrade_and_the_101_that_grants_it() {
        let with = |start: &str, fields: &str| request_of(&format!("{start}\r\nHost: h\r\n{fields}\r\n"));
        let asks = "Upgrade: h2c, websocket\r\nConnection: keep-alive, Upgrade\r\n";
        assert_eq!(
            with("GET / HTTP/1.1", asks),
            "GET / HTTP/1.1\r\nHost: h\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
        );
        assert_eq!(with("GET / HTTP/1.1", "Upgrade: websocket\r\n"), "GET / HTTP/1.1\r\nHost: h\r\n");
        assert_eq!(with("GET / HTTP/1.0", asks), "GET / HTTP/1.0\r\nHost: h\r\nconnection: keep-alive\r\n");
        assert_eq!(
            with("POST / HTTP/1.1", &format!("{asks}Content-Length: 3\r\n")),
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
        );
        assert_eq!(
            response_of("HTTP/1.1 101 Sw\r\nUpgrade: websocket\r\nConnection: upgrade\r\nA: b\r\n\r\n", KEPT),
            "HTTP/1.1 101 Sw\r\nA: b\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
        );
    }

    #[test]
    fn reduces_te_and_expect() {
        let with = |fields: &str| request_of(&format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
        let plain = "GET / HTTP/1.1\r\nHost: h\r\n";
        assert_eq!(with("TE: gzip, Trailers\r\n"), format!("{plain}TE: trailers\r\n"));
        assert_eq!(with("TE: trailers;q=0.5\r\n"), plain);
        assert_eq!(with("Expect: 100-continue\r\n"), format!("{plain}Expect: 100-continue\r\n"));
        assert_eq!(with("Expect: 200-ok\r\n"), plain);
        assert_eq!(
            with("Expect: 100-continue\r\nExpect: x\r\nExpect: 100-continue\r\n"),
            format!("{plain}Expect: 100-continue\r\n")
        );
    }

    #[test]
    fn writes_framing_from_the_decision() {
        assert_eq!(
            request_of("POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\t007\r\n\r\n"),
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n"
        );
        assert_eq!(
            request_of("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 00\r\n\r\n"),
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n"
        );
        assert_eq!(
            request_of("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:  CHUNKED\r\n\r\n"),
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
        );
    }

    #[test]
    fn edits_cookies_as_told() {
        assert_eq!(
            request_of("GET / HTTP/1.1\r\nCookie: gone\r\nHost: h\r\nCookie: x=1\r\nCookie: z\r\n\r\n"),
            "GET / HTTP/1.1\r\nHost: h\r\nCookie: y\r\nCookie: z\r\n"
        );
    }

    #[test]
    fn makes_an_absolute_target_a_path() {
        assert_eq!(request_of("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n"), "GET / HTTP/1.1\r\nHost: h\r\n");
        assert_eq!(
            request_of("GET http://h:80/a HTTP/1.0\r\n\r\n"),
            "GET /a HTTP/1.0\r\nhost: h:80\r\nconnection: keep-alive\r\n"
        );
    }

    #[test]
    fn asks_an_old_server_connection_to_stay() {
        assert_eq!(request_of("GET / HTTP/1.0\r\n\r\n"), "GET / HTTP/1.0\r\nconnection: keep-alive\r\n");
    }

    #[test]
    fn tells_the_client_whether_its_connection_stays() {
        let text = "HTTP/1.1 200 OK\r\nServer: s\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n";
        let plain = "HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 1\r\n";
        assert_eq!(response_of(text, KEPT), plain);
        assert_eq!(response_of(text, CLOSED), format!("{plain}connection: close\r\n"));
        assert_eq!(response_of(text, OLD), format!("{plain}connection: keep-alive\r\n"));
        let old_server = text.replace("1.1", "1.0");
        assert_eq!(
            response_of(&old_server, KEPT),
            format!("{}connection: keep-alive\r\n", plain.replace("1.1", "1.0"))
        );
    }

    #[test]
    fn leaves_out_what_a_response_must_not_carry() {
        assert_eq!(
            response_of("HTTP/1.1 200 OK\r\nSet-Cookie: drop=1\r\nSet-Cookie: a=b\r\n\r\n", KEPT),
            "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\n"
        );
        assert_eq!(
            response_of("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", KEPT),
            "HTTP/1.1 204 No Content\r\n"
        );
        assert_eq!(
            response_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", KEPT),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
        );
        assert_eq!(
            response_of("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", CLOSED),
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n"
        );
    }
}
