//! The HTTP check: one request on a connection of its own, judged by the status of the answer.
//!
//! Called by `health::run`. The request is HAProxy's to the byte (`option httpchk`). A server may
//! answer anything: reading is bounded in time by one limit for connection and answer together, and
//! in size by `limits::PROBE_RESPONSE_SIZE`; bodies are not read.

use std::net::SocketAddr;
use std::time::Duration;

use memchr::memchr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::tcp_probe;
use super::verdict::{CheckStatus, Verdict};
use crate::limits;

/// The check of one server, with its request and its buffer.
#[derive(Debug)]
pub struct HttpProbe {
    request: Vec<u8>,
    answer: Box<[u8]>,
}

impl HttpProbe {
    /// A check that asks with exactly these bytes, see [`request`].
    pub fn new(request: Vec<u8>) -> Self {
        Self { request, answer: vec![0; limits::PROBE_RESPONSE_SIZE].into_boxed_slice() }
    }

    /// Checks `address` once, within `limit`.
    pub async fn check(&mut self, address: SocketAddr, limit: Duration) -> Verdict {
        let start = Instant::now();
        let deadline = start + limit;
        let mut verdict = match tcp_probe::connect(address, deadline).await {
            Ok(mut stream) => match timeout_at(deadline, self.exchange(&mut stream)).await {
                Ok(verdict) => verdict,
                Err(_) => Verdict::new(CheckStatus::L7Timeout),
            },
            Err(verdict) => verdict,
        };
        verdict.duration = start.elapsed();
        verdict
    }

    /// Asks, and reads until the answer can be judged. Each turn of the loop reads at least one byte
    /// of a bounded buffer or ends.
    async fn exchange<S>(&mut self, stream: &mut S) -> Verdict
    where
        S: AsyncReadExt + AsyncWriteExt + Unpin,
    {
        if let Err(error) = stream.write_all(&self.request).await {
            return Verdict::from_io_error(&error);
        }
        let mut filled = 0;
        while filled < self.answer.len() {
            let count = match stream.read(&mut self.answer[filled..]).await {
                Ok(0) if filled == 0 => return invalid(b"empty response"),
                Ok(0) => return invalid(b"response ended early"),
                Ok(count) => count,
                Err(error) => return Verdict::from_io_error(&error),
            };
            // The end of the head may have been cut by the previous read.
            let unseen = filled.saturating_sub(2);
            filled += count;
            if let Some(verdict) = judge(&self.answer[..filled], unseen) {
                return verdict;
            }
        }
        invalid(b"response head too large")
    }
}

/// Bytes of a check's request. `host` becomes a `host` field; without it, the authority of an
/// absolute `target` does. `connection: close` is said to HTTP/1.1 only, HTTP/1.0 implies it.
pub fn request(method: &str, target: &str, version: &str, host: Option<&str>) -> Vec<u8> {
    let mut bytes = format!("{method} {target} {version}\r\n").into_bytes();
    let mut field = |name: &str, value: &str| {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    };
    if let Some(host) = host.or_else(|| authority(target)) {
        field("host", host);
    }
    if !matches!(method, "OPTIONS" | "GET" | "HEAD" | "DELETE") {
        field("content-length", "0");
    }
    if version == "HTTP/1.1" {
        field("connection", "close");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

fn authority(target: &str) -> Option<&str> {
    let (_, rest) = target.split_once("://").filter(|_| !target.starts_with('/'))?;
    rest.split(['/', '?']).next()
}

/// The verdict on what has been read so far; `None`: read on. A failure needs only the status line,
/// a pass the whole head. The head's end is searched from `unseen` on.
fn judge(answer: &[u8], unseen: usize) -> Option<Verdict> {
    let known = answer.len().min(PREFIX.len());
    if answer[..known] != PREFIX[..known] {
        return Some(invalid(b"not an HTTP response"));
    }
    let line_end = memchr(b'\n', answer)?;
    let line = &answer[..line_end];
    let Some((code, reason)) = status_line(line.strip_suffix(b"\r").unwrap_or(line)) else {
        return Some(invalid(b"invalid status line"));
    };
    if !(200..400).contains(&code) {
        return Some(Verdict::new(CheckStatus::L7Status).with_http_code(code).with_info(reason));
    }
    ends_head(answer, unseen.max(line_end)).then(|| Verdict::new(CheckStatus::L7Ok).with_http_code(code))
}

/// Status and reason phrase of a status line (RFC 9112 section 4). The space before an empty reason
/// may be missing, as HAProxy allows.
fn status_line(line: &[u8]) -> Option<(u16, &[u8])> {
    let rest = line.strip_prefix(PREFIX)?;
    let [minor, b' ', hundreds @ b'1'..=b'9', tens, ones, reason @ ..] = rest else {
        return None;
    };
    if ![minor, tens, ones].iter().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let reason = match reason {
        [] => reason,
        [b' ', text @ ..] => text,
        _ => return None,
    };
    if reason.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return None;
    }
    let digit = |byte: &u8| u16::from(byte - b'0');
    Some((digit(hundreds) * 100 + digit(tens) * 10 + digit(ones), reason))
}

/// Whether an empty line, ended by LF or CRLF, begins behind a line end at or after `from`.
fn ends_head(answer: &[u8], from: usize) -> bool {
    memchr::memchr_iter(b'\n', &answer[from..]).any(|offset| {
        let next = &answer[from + offset + 1..];
        next.starts_with(b"\n") || next.starts_with(b"\r\n")
    })
}

fn invalid(info: &[u8]) -> Verdict {
    Verdict::new(CheckStatus::L7Response).with_info(info)
}

const PREFIX: &[u8] = b"HTTP/1.";

#[cfg(test)]
mod tests;
