//! What the origin answers, by path. Called by `origin` for each request.
//!
//! | path | behaviour |
//! |---|---|
//! | `/name`, `/server.html` | the origin's name |
//! | `/length/N` `/chunked/N` `/close/N` `/http10/N` | N bytes of `pattern`, framed so |
//! | `/trailers` | a chunked body with trailer fields |
//! | `/echo` | the request body, with its length |
//! | `/sink` | reads the request body, answers how many bytes were right |
//! | `/status/CODE` | that status and no body |
//! | `/interim` | 103 with a Link field, then 200 |
//! | `/continue` | 100 before it reads the body, then as `/sink` |
//! | `/early-413` | answers before the body came, then closes |
//! | `/headers` | odd but legal response fields |
//! | `/cookie` | sets `lbsessionid` itself |
//! | `/excess` | more bytes than its Content-Length |
//! | `/poison` | a second, unasked response after its answer |
//! | `/silent-close` | answers, then closes without having said so |
//! | `/no-answer` `/garbage` | closes, or writes no HTTP |
//! | `/half-then-reset` `/half-then-close` `/half-then-stall` | 500 of 1000 bytes |
//! | `/gate` | waits for `Origin::open_gate`, then as `/name` |
//!
//! A query of `etag` adds a validator.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::origin::Shared;
use super::pattern::Pattern;
use super::wire::{Framing, Head, Wire};

/// Bytes of one chunk of `/chunked`; not a power of two, so it never lines up with a buffer.
const CHUNK: u64 = 10_007;

type Connection = Wire<TcpStream>;

/// Answers one request; `Ok(true)` keeps the connection.
pub fn answer(wire: &mut Connection, head: &Head, shared: &Shared) -> io::Result<bool> {
    let target = head.target();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut parts = path.trim_start_matches('/').splitn(2, '/');
    let (kind, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match kind {
        "echo" => return echo(wire, head, shared),
        "sink" => return sink(wire, head, shared),
        "continue" => {
            wire.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            return sink(wire, head, shared);
        }
        "early-413" => return early(wire, head),
        _ => {}
    }
    let trailers = wire.read_body(head.framing(Framing::None), &mut |_| {})?;
    shared.note_trailers(trailers);
    let number = rest.parse::<u64>().unwrap_or(0);
    let is_head = head.method() == "HEAD";
    let etag = if query == "etag" { "ETag: \"1\"\r\n" } else { "" };
    let stream = &mut wire.stream;
    match kind {
        "name" | "server.html" => text(stream, is_head, etag, &shared.name).map(|()| true),
        "length" => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {number}\r\n{etag}\r\n")?;
            body(stream, is_head, number, shared).map(|()| true)
        }
        "chunked" => {
            write!(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{etag}\r\n")?;
            chunks(stream, is_head, number).map(|()| true)
        }
        "close" => {
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            body(stream, is_head, number, shared).map(|()| false)
        }
        "http10" => {
            write!(stream, "HTTP/1.0 200 OK\r\n\r\n")?;
            body(stream, is_head, number, shared).map(|()| false)
        }
        "status" => status(stream, number).map(|()| true),
        "gate" => {
            shared.pass_gate();
            text(stream, is_head, etag, &shared.name).map(|()| true)
        }
        _ => special(stream, kind, shared),
    }
}

/// Answers that need no number.
fn special(stream: &mut TcpStream, kind: &str, shared: &Shared) -> io::Result<bool> {
    const HALF: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
    match kind {
        "trailers" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            stream.write_all(b"5;ext=1\r\nhello\r\n0\r\nX-Checksum: abc\r\n\r\n")?;
            Ok(true)
        }
        "interim" => {
            stream.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")?;
            text(stream, false, "", &shared.name).map(|()| true)
        }
        "headers" => {
            stream.write_all(b"HTTP/1.1 200 Fine by me\r\nX-MiXeD: Kept\r\nKeep-Alive: timeout=5\r\n")?;
            stream.write_all(b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n")?;
            Ok(true)
        }
        "cookie" => {
            text(stream, false, "Set-Cookie: lbsessionid=mine; Path=/\r\n", &shared.name).map(|()| true)
        }
        "excess" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n")?;
            stream.write_all(b"Content-Length: 6\r\n\r\npoison").map(|()| true)
        }
        "poison" => {
            text(stream, false, "", &shared.name)?;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")?;
            shared.poisoned.fetch_add(1, Ordering::SeqCst);
            Ok(true)
        }
        "silent-close" => text(stream, false, "", &shared.name).map(|()| false),
        "no-answer" => Ok(false),
        "garbage" => stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n\r\n").map(|()| false),
        "half-then-close" => {
            stream.write_all(HALF)?;
            body(stream, false, 500, shared).map(|()| false)
        }
        "half-then-stall" => {
            stream.write_all(HALF)?;
            body(stream, false, 500, shared)?;
            shared.pass_gate();
            Ok(false)
        }
        "half-then-reset" => {
            stream.write_all(HALF)?;
            body(stream, false, 500, shared)?;
            shared.pass_gate();
            socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO))?;
            Ok(false)
        }
        _ => status(stream, 404).map(|()| true),
    }
}

fn text(stream: &mut TcpStream, is_head: bool, extra: &str, text: &str) -> io::Result<()> {
    let shown = if is_head { "" } else { text };
    let length = text.len();
    stream.write_all(format!("HTTP/1.1 200 OK\r\n{extra}Content-Length: {length}\r\n\r\n{shown}").as_bytes())
}

fn status(stream: &mut TcpStream, code: u64) -> io::Result<()> {
    let length = if matches!(code, 204 | 304) { "" } else { "Content-Length: 0\r\n" };
    stream.write_all(format!("HTTP/1.1 {code} Some Reason\r\nX-Status: {code}\r\n{length}\r\n").as_bytes())
}

fn body(stream: &mut TcpStream, is_head: bool, length: u64, shared: &Shared) -> io::Result<()> {
    let mut pattern = Pattern::new();
    while !is_head && pattern.position() < length {
        let piece = pattern.next_piece(length - pattern.position());
        stream.write_all(piece)?;
        shared.sent.fetch_add(piece.len() as u64, Ordering::SeqCst);
    }
    Ok(())
}

fn chunks(stream: &mut TcpStream, is_head: bool, length: u64) -> io::Result<()> {
    if is_head {
        return Ok(());
    }
    let mut pattern = Pattern::new();
    let mut buffer = Vec::new();
    while pattern.position() < length {
        let piece = pattern.next_piece(CHUNK.min(length - pattern.position()));
        buffer.clear();
        write!(buffer, "{:x};note=\"a b\"\r\n", piece.len())?;
        buffer.extend_from_slice(piece);
        buffer.extend_from_slice(b"\r\n");
        stream.write_all(&buffer)?;
    }
    stream.write_all(b"0\r\n\r\n")
}

fn echo(wire: &mut Connection, head: &Head, shared: &Shared) -> io::Result<bool> {
    let mut content = Vec::new();
    let framing = head.framing(Framing::None);
    shared.note_trailers(wire.read_body(framing, &mut |piece| content.extend_from_slice(piece))?);
    let length = content.len();
    wire.stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").as_bytes())?;
    wire.stream.write_all(&content)?;
    Ok(true)
}

fn sink(wire: &mut Connection, head: &Head, shared: &Shared) -> io::Result<bool> {
    let mut pattern = Pattern::new();
    let framing = head.framing(Framing::None);
    shared.note_trailers(wire.read_body(framing, &mut |piece| pattern.check(piece))?);
    let verdict = match pattern.mismatch() {
        None => format!("{} right", pattern.position()),
        Some(place) => format!("wrong at {place} of {}", pattern.position()),
    };
    text(&mut wire.stream, false, "", &verdict).map(|()| true)
}

/// Answers at once, then reads what still comes so that the answer is not lost to a reset.
fn early(wire: &mut Connection, head: &Head) -> io::Result<bool> {
    let answer = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 9\r\n\r\ntoo large";
    wire.stream.write_all(answer)?;
    let _ = wire.read_body(head.framing(Framing::None), &mut |_| {});
    Ok(false)
}
