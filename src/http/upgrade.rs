//! Switching protocols (RFC 9110 section 7.8): what may be offered to a server, and what it may accept.
//!
//! `request` asks `offers` once per head that wants an upgrade, `rewrite` writes the fields, `proxy`
//! asks `is_granted` about a 101. Only a 101 that accepts what was offered opens a tunnel: anything
//! else stays HTTP, so that nobody can smuggle requests past the proxy in a tunnel that only one side
//! believes in. Cold path: once per upgrade.

use super::fields::list;
use super::head::{Field, FieldKind};
use super::scan;

/// Whether the Upgrade fields name a protocol that may be offered to a server.
pub fn offers(buffer: &[u8], fields: &[Field]) -> bool {
    protocols(buffer, fields).any(may_be_offered)
}

/// Writes the two fields that ask a server for an upgrade, the client's order kept, without what may
/// not be offered.
pub fn write_offer(buffer: &[u8], fields: &[Field], out: &mut Vec<u8>) {
    out.extend_from_slice(b"connection: Upgrade\r\nupgrade: ");
    append_offer(buffer, fields, out);
    out.extend_from_slice(b"\r\n");
}

/// Appends the protocols that are offered, as one list: to be kept until the answer is there.
pub fn append_offer(buffer: &[u8], fields: &[Field], out: &mut Vec<u8>) {
    append_list(protocols(buffer, fields).filter(|protocol| may_be_offered(protocol)), out);
}

/// Whether a 101 accepts nothing but what was offered: every protocol it names is in `offer`, and it
/// names one. Its Connection field is the caller's to look at.
pub fn is_granted(buffer: &[u8], fields: &[Field], offer: &[u8]) -> bool {
    let mut granted = false;
    for protocol in protocols(buffer, fields) {
        if !list(offer).any(|offered| offered.eq_ignore_ascii_case(protocol)) {
            return false;
        }
        granted = true;
    }
    granted
}

/// Writes the two fields of a 101, with the protocols that it names.
pub fn write_answer(buffer: &[u8], fields: &[Field], out: &mut Vec<u8>) {
    out.extend_from_slice(b"connection: Upgrade\r\nupgrade: ");
    append_list(protocols(buffer, fields), out);
    out.extend_from_slice(b"\r\n");
}

/// Elements of every Upgrade field in order, empty ones left out.
fn protocols<'a>(buffer: &'a [u8], fields: &'a [Field]) -> impl Iterator<Item = &'a [u8]> {
    let upgrades = fields.iter().filter(|field| field.kind == FieldKind::Upgrade);
    upgrades.flat_map(|field| list(field.value.of(buffer))).filter(|protocol| !protocol.is_empty())
}

/// A well-formed `name` or `name/version` that is not HTTP again: in such a tunnel requests would pass
/// that no rule of the proxy has seen. So no `h2c`, no `HTTP/2.0`, and no `TLS/1.0` (RFC 2817), in
/// which HTTP goes on.
fn may_be_offered(protocol: &[u8]) -> bool {
    let slash = memchr::memchr(b'/', protocol);
    let (name, version) = match slash {
        Some(at) => (&protocol[..at], Some(&protocol[at + 1..])),
        None => (protocol, None),
    };
    let is_http = [&b"h2c"[..], b"h2", b"http", b"tls"].iter().any(|http| name.eq_ignore_ascii_case(http));
    scan::is_token(name) && version.is_none_or(scan::is_token) && !is_http
}

fn append_list<'a>(elements: impl Iterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    for (index, element) in elements.enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(element);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::head::{HeadLimits, parse_fields};
    use super::*;

    fn with_fields<T>(lines: &[&str], look: impl Fn(&[u8], &[Field]) -> T) -> T {
        let text: String = lines.iter().map(|line| format!("{line}\r\n")).collect::<String>() + "\r\n";
        let mut fields = Vec::new();
        let limits = HeadLimits { size: 4096, fields: 32 };
        parse_fields(text.as_bytes(), 0, limits, &mut fields).unwrap().unwrap();
        look(text.as_bytes(), &fields)
    }

    fn offer_of(lines: &[&str]) -> String {
        with_fields(lines, |buffer, fields| {
            let mut out = Vec::new();
            append_offer(buffer, fields, &mut out);
            assert_eq!(offers(buffer, fields), !out.is_empty(), "{lines:?}");
            String::from_utf8(out).unwrap()
        })
    }

    #[test]
    fn offers_what_the_client_offers_in_its_order() {
        assert_eq!(offer_of(&["Upgrade: websocket"]), "websocket");
        assert_eq!(offer_of(&["UPGRADE: a/1 ,b", "x: y", "upgrade:,C"]), "a/1, b, C");
        assert_eq!(offer_of(&["x: y"]), "");
    }

    #[test]
    fn d79_never_offers_http_in_any_form() {
        for lines in [
            &["Upgrade: h2c"][..],
            &["Upgrade: H2C"],
            &["Upgrade: h2c,"],
            &["Upgrade: ,h2c , h2c"],
            &["Upgrade: h2"],
            &["Upgrade: h2c/14"],
            &["Upgrade: HTTP/2.0"],
            &["Upgrade: TLS/1.0, HTTP/1.1"],
            &["Upgrade: h2c", "Upgrade: h2c"],
        ] {
            assert_eq!(offer_of(lines), "", "{lines:?}");
        }
        assert_eq!(offer_of(&["Upgrade: websocket, h2c"]), "websocket");
        assert_eq!(offer_of(&["Upgrade: h2c", "Upgrade: websocket"]), "websocket");
    }

    #[test]
    fn offers_no_element_that_is_not_a_protocol() {
        for value in ["\"h2c\"", "h2c;q=1", "web socket", "a/", "/1", "a/b/c", "h2\u{e7}"] {
            assert_eq!(offer_of(&[&format!("Upgrade: {value}")]), "", "{value}");
        }
    }

    #[test]
    fn accepts_only_a_protocol_that_was_offered() {
        let granted = |lines: &[&str]| {
            with_fields(lines, |buffer, fields| is_granted(buffer, fields, b"websocket, a/1"))
        };
        assert!(granted(&["Upgrade: websocket"]) && granted(&["upgrade: WebSocket"]));
        assert!(granted(&["Upgrade: a/1, websocket"]));
        for lines in [
            &["x: y"][..],
            &["Upgrade:"],
            &["Upgrade: a"],
            &["Upgrade: a/2"],
            &["Upgrade: websocket, h2c"],
            &["Upgrade: websocket", "Upgrade: h2c"],
            &["Upgrade: websocket2"],
        ] {
            assert!(!granted(lines), "{lines:?}");
        }
    }

    #[test]
    fn writes_both_fields() {
        with_fields(&["Upgrade: websocket, h2c", "Upgrade: x"], |buffer, fields| {
            let mut written = Vec::new();
            write_offer(buffer, fields, &mut written);
            assert_eq!(written, b"connection: Upgrade\r\nupgrade: websocket, x\r\n");
        });
        with_fields(&["Upgrade: websocket"], |buffer, fields| {
            let mut written = Vec::new();
            write_answer(buffer, fields, &mut written);
            assert_eq!(written, b"connection: Upgrade\r\nupgrade: websocket\r\n");
        });
    }
}
