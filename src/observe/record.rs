//! One access record: what a worker knows of a finished exchange, before anyone formats it.
//!
//! A worker owns one `Record` per session and reuses it; `ring` copies it to the log thread.
//! Field names and meanings are those of HAProxy's log format (configuration manual section 8.2).

use std::net::SocketAddr;

/// "No such index": no backend or server was chosen.
pub const NONE: u16 = u16::MAX;

/// One finished exchange, or one rejected message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// `%ci:%cp`
    pub client: SocketAddr,
    /// Listener index; names are resolved by the log thread.
    pub listener: u16,
    /// Backend index, or `NONE`: the listener's own name is logged.
    pub backend: u16,
    /// Server index in the backend, or `NONE`: `<NOSRV>`.
    pub server: u16,
    /// `%tr`: UNIX time of the request's first byte, milliseconds.
    pub start_unix_ms: u64,
    /// `%TR` milliseconds, or -1.
    pub request_ms: i32,
    /// `%Tw` milliseconds, or -1.
    pub queue_ms: i32,
    /// `%Tc` milliseconds, or -1.
    pub connect_ms: i32,
    /// `%Tr` milliseconds, or -1.
    pub response_ms: i32,
    /// `%Ta` milliseconds.
    pub active_ms: i32,
    /// `%ST`, or -1.
    pub status: i16,
    /// `%B`: bytes sent to the client, head included, before TLS.
    pub bytes: u64,
    /// `%tsc`
    pub termination: [u8; 4],
    /// `%ac`
    pub process_connections: u32,
    /// `%fc`
    pub listener_connections: u32,
    /// `%bc`
    pub backend_connections: u32,
    /// `%sc`
    pub server_connections: u32,
    /// `%rc`
    pub retries: u16,
    /// `+` before `%rc`
    pub redispatched: bool,
    /// `%sq`
    pub server_queue: u32,
    /// `%bq`
    pub backend_queue: u32,
    /// `%r` as received, at most `limits::LOG_REQUEST_LINE` - 1 bytes; empty means `<BADREQ>`.
    pub request_line: Vec<u8>,
}

impl Record {
    /// A record of nothing yet: no backend, no server, no phase reached.
    pub fn new(client: SocketAddr, listener: u16) -> Self {
        Self {
            client,
            listener,
            backend: NONE,
            server: NONE,
            start_unix_ms: 0,
            request_ms: -1,
            queue_ms: -1,
            connect_ms: -1,
            response_ms: -1,
            active_ms: 0,
            status: 0,
            bytes: 0,
            termination: *b"----",
            process_connections: 0,
            listener_connections: 0,
            backend_connections: 0,
            server_connections: 0,
            retries: 0,
            redispatched: false,
            server_queue: 0,
            backend_queue: 0,
            request_line: Vec::new(),
        }
    }
}
