//! What the fields of a request say about its client, and what a server is told in turn.
//!
//! Called by `proxy::identity` between parsing and rewriting: claims are read from, and taken out of,
//! the parsed fields, and our own lines are appended to the rewritten head. X-Forwarded-For is
//! custom; Forwarded is RFC 7239. Nothing here decides whom to trust: it asks.

use std::io::Write;
use std::net::{IpAddr, Ipv6Addr};

use super::fields::list;
use super::head::{Field, FieldKind, HeadError, Span};

const FORWARDED_FOR: &[u8] = b"x-forwarded-for";
const FORWARDED_PROTO: &[u8] = b"x-forwarded-proto";
const FORWARDED_PORT: &[u8] = b"x-forwarded-port";

/// Fields in which a proxy speaks about its client, and which nobody else may write.
const CLAIMS: [&[u8]; 6] =
    [FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_PORT, b"forwarded", b"x-forwarded-host", b"x-real-ip"];

/// Takes out what somebody who is not trusted says about the client; `header` is the field of ours
/// that would be believed.
pub fn remove_claims(buffer: &[u8], fields: &mut [Field], header: Option<&[u8]>) {
    for field in fields.iter_mut() {
        let name = field.name.of(buffer);
        let is_claim = |claim: &[u8]| name.eq_ignore_ascii_case(claim);
        if CLAIMS.iter().any(|claim| is_claim(claim)) || header.is_some_and(is_claim) {
            field.kind = FieldKind::LeftOut;
        }
    }
}

/// The address in the one field of this name. `None` when there is none, or two, or no address in it.
pub fn address_in(buffer: &[u8], fields: &[Field], name: &[u8]) -> Option<IpAddr> {
    let mut found = named(buffer, fields, name);
    let field = &fields[found.next()?];
    if found.next().is_some() {
        return None;
    }
    hop(field.value.of(buffer))
}

/// Follows X-Forwarded-For from its right end past trusted hops: the first that is not trusted is
/// the client; where all are, the last one looked at is. What stands left of it, which anybody may
/// have written, is taken out. `None`, and all is taken out, when the list does not even begin with an
/// address, or there is none.
pub fn follow(buffer: &[u8], fields: &mut [Field], is_trusted: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let mut client = None;
    'walk: for index in
        (0..fields.len()).rev().filter(|&index| is_named(buffer, &fields[index], FORWARDED_FOR))
    {
        let value = fields[index].value;
        let mut end = value.end;
        for element in value.of(buffer).rsplit(|&byte| byte == b',') {
            let start = end - element.len() as u32;
            // A list may have empty elements (RFC 9110 section 5.6.1.2).
            if !element.trim_ascii().is_empty() {
                let Some(address) = hop(element.trim_ascii()) else { break 'walk };
                let blanks = element.len() - element.trim_ascii_start().len();
                client = Some((address, index, start + blanks as u32));
                if !is_trusted(address) {
                    break 'walk;
                }
            }
            end = start.saturating_sub(1);
        }
    }
    keep_from(buffer, fields, client.map(|(_, index, start)| (index, start)));
    client.map(|(address, _, _)| address)
}

/// Takes out the X-Forwarded-For list up to a place in it, or all of it.
fn keep_from(buffer: &[u8], fields: &mut [Field], kept: Option<(usize, u32)>) {
    let kept_index = kept.map_or(fields.len(), |(index, _)| index);
    for field in fields[..kept_index].iter_mut() {
        if is_named(buffer, field, FORWARDED_FOR) {
            field.kind = FieldKind::LeftOut;
        }
    }
    if let Some((index, start)) = kept {
        fields[index].value = Span { start, ..fields[index].value };
    }
}

/// One hop of a list: an address, in brackets or not, with or without a port.
fn hop(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let port_is_good = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return address.parse::<Ipv6Addr>().ok().filter(|_| port_is_good).map(IpAddr::V6);
    }
    match text.split_once(':') {
        Some((address, port)) if address.contains('.') && is_port(port) => address.parse().ok(),
        _ => text.parse().ok(),
    }
}

fn is_port(text: &str) -> bool {
    text.len() <= 5 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_named(buffer: &[u8], field: &Field, name: &[u8]) -> bool {
    field.kind == FieldKind::Other && field.name.of(buffer).eq_ignore_ascii_case(name)
}

fn named<'a>(buffer: &'a [u8], fields: &'a [Field], name: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    (0..fields.len()).filter(move |&index| is_named(buffer, &fields[index], name))
}

/// Takes out every field of a name, to be written anew; with `keep`, the fields stay. Whether the
/// line is to be written by us.
fn replaces(buffer: &[u8], fields: &mut [Field], name: &[u8], keep: bool) -> bool {
    let mut found = false;
    for field in fields.iter_mut() {
        if is_named(buffer, field, name) {
            found = true;
            if !keep {
                field.kind = FieldKind::LeftOut;
            }
        }
    }
    !(keep && found)
}

/// Makes room for our own X-Forwarded-Proto: whether a line of ours is to be written. One that a
/// trusted proxy wrote stands: it knows how the client came, we know how the proxy did.
pub fn replaces_proto(buffer: &[u8], fields: &mut [Field], from_trusted: bool) -> bool {
    replaces(buffer, fields, FORWARDED_PROTO, from_trusted)
}

/// The same for X-Forwarded-Port.
pub fn replaces_port(buffer: &[u8], fields: &mut [Field], from_trusted: bool) -> bool {
    replaces(buffer, fields, FORWARDED_PORT, from_trusted)
}

/// An address as text, made once for many requests: canonical, without brackets or port.
#[derive(Debug, Clone, Copy)]
pub struct AddressText {
    bytes: [u8; Self::SIZE],
    len: u8,
    is_ipv6: bool,
}

impl AddressText {
    /// Bytes of the longest address, `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`.
    const SIZE: usize = 45;

    /// The text of an address.
    pub fn new(address: IpAddr) -> Self {
        let mut bytes = [0; Self::SIZE];
        let mut rest = &mut bytes[..];
        // An address is never longer than the array. // cold: once per session or client
        let _ = write!(rest, "{address}");
        let len = (Self::SIZE - rest.len()) as u8;
        Self { bytes, len, is_ipv6: address.is_ipv6() }
    }

    /// The text.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Appends `x-forwarded-for: ADDRESS`.
#[inline]
pub fn write_address(client: &AddressText, out: &mut Vec<u8>) {
    out.extend_from_slice(b"x-forwarded-for: ");
    out.extend_from_slice(client.bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends `x-forwarded-proto: https`, or `http`.
pub fn write_proto(over_tls: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(b"x-forwarded-proto: ");
    out.extend_from_slice(proto(over_tls));
    out.extend_from_slice(b"\r\n");
}

/// Appends `x-forwarded-port: PORT`.
pub fn write_port(port: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b"x-forwarded-port: ");
    out.extend_from_slice(itoa::Buffer::new().format(port).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends `forwarded: proto=…;host="…";for=…`, in HAProxy's order. A field of its own continues the
/// list of those before it (RFC 9110 section 5.3).
pub fn write_forwarded(client: &AddressText, over_tls: bool, host: Option<&[u8]>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"forwarded: proto=");
    out.extend_from_slice(proto(over_tls));
    if let Some(host) = host.filter(|host| is_quotable(host)) {
        out.extend_from_slice(b";host=\"");
        out.extend_from_slice(host);
        out.push(b'"');
    }
    // RFC 7239 section 6: an IPv6 address has brackets, and so has to be quoted.
    let (open, close): (&[u8], &[u8]) = if client.is_ipv6 { (b"\"[", b"]\"") } else { (b"", b"") };
    out.extend_from_slice(b";for=");
    out.extend_from_slice(open);
    out.extend_from_slice(client.bytes());
    out.extend_from_slice(close);
    out.extend_from_slice(b"\r\n");
}

fn proto(over_tls: bool) -> &'static [u8] {
    if over_tls { b"https" } else { b"http" }
}

/// Whether a value may stand between quotes as it is. A valid host always may.
fn is_quotable(host: &[u8]) -> bool {
    !host.is_empty() && host.iter().all(|&byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}

/// The host that a request was sent to, as its client wrote it.
pub fn host<'a>(buffer: &'a [u8], fields: &[Field], authority: Option<Span>) -> Option<&'a [u8]> {
    let field = fields.iter().find(|field| field.kind == FieldKind::Host).map(|field| field.value);
    field.or(authority).map(|span| span.of(buffer))
}

/// Takes out the fields that Connection nominates (RFC 9110 section 7.6.1), so that ours, which are
/// written later, cannot be among them. Fields with a rule of their own (framing, Host, cookies, …)
/// stay, whoever names them.
///
/// # Errors
/// More names than a head may have fields, `most`: they could not all be there.
pub fn remove_nominated(buffer: &[u8], fields: &mut [Field], most: usize) -> Result<(), HeadError> {
    let mut names = 0;
    for at in 0..fields.len() {
        if fields[at].kind != FieldKind::Connection {
            continue;
        }
        let value = fields[at].value;
        for token in list(value.of(buffer)) {
            names += 1;
            if names > most {
                return Err(HeadError::TooManyFields);
            }
            for field in fields.iter_mut().filter(|field| field.kind == FieldKind::Other) {
                if field.name.of(buffer).eq_ignore_ascii_case(token) {
                    field.kind = FieldKind::LeftOut;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
