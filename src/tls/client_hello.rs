//! The server name of a TLS ClientHello, read without terminating TLS.
//!
//! Called where a connection is routed by its server name and passed through as it is. Sans-IO: the
//! first bytes of the connection go in, as many as there are; a verdict comes out, and the bytes stay
//! where they are, to be forwarded. Never allocates, never decides who is right to connect.
//!
//! Rules: RFC 8446 section 4.1.2 (ClientHello), 5.1 (records), RFC 6066 section 3 (server_name). A
//! ClientHello may come in several records, cut at any byte. What a later verdict would refuse is
//! refused as soon as it is seen: the verdict on a longer prefix never contradicts a final one.

use crate::limits;

/// What the bytes so far are.
#[expect(clippy::large_enum_variant, reason = "matched at once; a name of its own saves an allocation")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A ClientHello as far as can be seen, and not all of it.
    NeedMore,
    /// No ClientHello, or one that breaks the rules or names its server in an unusable way.
    NotTls,
    /// Longer than [`limits::CLIENT_HELLO_SIZE`], by what it says or by what has come.
    TooLarge,
    /// A whole ClientHello.
    Hello {
        /// The name of the `server_name` extension; `None` where the client sent no such extension.
        server_name: Option<ServerName>,
    },
}

/// Longest name (RFC 1035 section 2.3.4 allows 255 octets on the wire).
const NAME_MAX: usize = 255;

/// A host name as the client wrote it: 1 to 255 bytes of printable ASCII. Names are compared without
/// regard to case. It may be an address. A dot at its end says nothing and is left out, as `rustls` does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ServerName {
    bytes: [u8; NAME_MAX],
    length: u8,
}

impl ServerName {
    /// The name.
    pub fn as_str(&self) -> &str {
        let name = &self.bytes[..usize::from(self.length)];
        std::str::from_utf8(name).expect("only printable ASCII is stored")
    }
}

impl std::fmt::Debug for ServerName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self.as_str(), formatter)
    }
}

/// Judges the first bytes of a connection. To be called again with all of them when more have come.
pub fn read(bytes: &[u8]) -> Verdict {
    let mut message = Message { wire: bytes, record: 0, left: HEADER };
    match client_hello(&mut message) {
        Ok(server_name) => Verdict::Hello { server_name },
        Err(Stop::NotTls) => Verdict::NotTls,
        Err(Stop::TooLarge) => Verdict::TooLarge,
        // What is here already fills the room, so the rest can never come.
        Err(Stop::NeedMore) if bytes.len() >= limits::CLIENT_HELLO_SIZE => Verdict::TooLarge,
        Err(Stop::NeedMore) => Verdict::NeedMore,
    }
}

const CONTENT_HANDSHAKE: u8 = 22;
const RECORD_HEADER: usize = 5;
/// RFC 8446 section 5.1: no longer plaintext record.
const RECORD_MAX: usize = 1 << 14;
const MESSAGE_CLIENT_HELLO: u8 = 1;
/// Message type and length.
const HEADER: usize = 4;
/// Version and random.
const VERSION_AND_RANDOM: usize = 2 + 32;
const SESSION_ID_MAX: usize = 32;
const EXTENSION_SERVER_NAME: usize = 0;
const NAME_TYPE_HOST: u8 = 0;

/// Why reading ended before the message did.
enum Stop {
    NeedMore,
    NotTls,
    TooLarge,
}

type Read<T> = Result<T, Stop>;

fn check(holds: bool) -> Read<()> {
    if holds { Ok(()) } else { Err(Stop::NotTls) }
}

fn client_hello(message: &mut Message<'_>) -> Read<Option<ServerName>> {
    check(message.byte()? == MESSAGE_CLIENT_HELLO)?;
    let length = message.number(3)?;
    if length > limits::CLIENT_HELLO_SIZE - HEADER - RECORD_HEADER {
        return Err(Stop::TooLarge);
    }
    message.left = length;

    message.skip(VERSION_AND_RANDOM)?;
    let session_id = message.number(1)?;
    check(session_id <= SESSION_ID_MAX)?;
    message.skip(session_id)?;
    let cipher_suites = message.number(2)?;
    check(cipher_suites >= 2 && cipher_suites.is_multiple_of(2))?;
    message.skip(cipher_suites)?;
    let compression_methods = message.number(1)?;
    check(compression_methods >= 1)?;
    message.skip(compression_methods)?;
    // TLS 1.2 may end here (RFC 5246 section 7.4.1.2).
    if message.left == 0 { Ok(None) } else { extensions(message) }
}

fn extensions(message: &mut Message<'_>) -> Read<Option<ServerName>> {
    let length = message.number(2)?;
    check(length == message.left)?;
    let mut server_name = None;
    while message.left > 0 {
        let kind = message.number(2)?;
        let length = message.number(2)?;
        if kind == EXTENSION_SERVER_NAME {
            // RFC 8446 section 4.2: no two extensions of one type.
            check(server_name.is_none())?;
            let after = message.enter(length)?;
            server_name = Some(host_name(message)?);
            message.leave(after)?;
        } else {
            message.skip(length)?;
        }
    }
    Ok(server_name)
}

/// The one name of type `host_name`. Other types begin with a length too (RFC 6066 section 3), and
/// are passed over; a list without a host name, or with two, is refused.
fn host_name(message: &mut Message<'_>) -> Read<ServerName> {
    let length = message.number(2)?;
    check(length == message.left)?;
    let mut name = None;
    while message.left > 0 {
        let kind = message.byte()?;
        let length = message.number(2)?;
        if kind == NAME_TYPE_HOST {
            check(name.is_none() && (1..=NAME_MAX).contains(&length))?;
            let mut found = ServerName { bytes: [0; NAME_MAX], length: 0 };
            for slot in &mut found.bytes[..length] {
                *slot = message.byte()?;
                check(slot.is_ascii_graphic())?;
                found.length += 1;
            }
            found.length -= u8::from(found.as_str().ends_with('.'));
            check(found.length > 0)?;
            name = Some(found);
        } else {
            message.skip(length)?;
        }
    }
    name.ok_or(Stop::NotTls)
}

/// The handshake message, read over the headers of the records it is cut into.
struct Message<'a> {
    /// What has come and was not read.
    wire: &'a [u8],
    /// Bytes left of the record that `wire` is in.
    record: usize,
    /// Bytes left of the innermost length that was entered.
    left: usize,
}

impl Message<'_> {
    /// Goes past a record header when a record has ended. Each byte is judged as soon as it is there.
    fn open_record(&mut self) -> Read<()> {
        if self.record > 0 {
            return Ok(());
        }
        let [content, major] = [self.wire.first(), self.wire.get(1)];
        // RFC 8446 section 5.1: the minor version is to be ignored.
        if content.is_some_and(|byte| *byte != CONTENT_HANDSHAKE) || major.is_some_and(|byte| *byte != 3) {
            return Err(Stop::NotTls);
        }
        let Some((header, rest)) = self.wire.split_at_checked(RECORD_HEADER) else {
            return Err(Stop::NeedMore);
        };
        let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
        // Empty handshake records are forbidden, and so would be an endless row of them.
        if length == 0 || length > RECORD_MAX {
            return Err(Stop::NotTls);
        }
        self.wire = rest;
        self.record = length;
        Ok(())
    }

    fn byte(&mut self) -> Read<u8> {
        if self.left == 0 {
            return Err(Stop::NotTls);
        }
        self.open_record()?;
        let Some((byte, rest)) = self.wire.split_first() else { return Err(Stop::NeedMore) };
        self.wire = rest;
        self.record -= 1;
        self.left -= 1;
        Ok(*byte)
    }

    /// A big-endian number of 1 to 3 bytes.
    fn number(&mut self, bytes: usize) -> Read<usize> {
        let mut number = 0;
        for _ in 0..bytes {
            number = number << 8 | usize::from(self.byte()?);
        }
        Ok(number)
    }

    fn skip(&mut self, count: usize) -> Read<()> {
        if count > self.left {
            return Err(Stop::NotTls);
        }
        let mut rest = count;
        while rest > 0 {
            self.open_record()?;
            let step = rest.min(self.record).min(self.wire.len());
            if step == 0 {
                return Err(Stop::NeedMore);
            }
            self.wire = &self.wire[step..];
            self.record -= step;
            rest -= step;
        }
        self.left -= count;
        Ok(())
    }

    /// Confines reading to the next `length` bytes; returns what `leave` needs.
    fn enter(&mut self, length: usize) -> Read<usize> {
        let after = self.left.checked_sub(length).ok_or(Stop::NotTls)?;
        self.left = length;
        Ok(after)
    }

    /// Back to the outer length. What was entered has to be read to its end.
    fn leave(&mut self, after: usize) -> Read<()> {
        check(self.left == 0)?;
        self.left = after;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
