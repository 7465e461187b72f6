//! One TLS session, sans-IO: ciphertext in, plaintext out, and back.
//!
//! `proxy::stream` drives it between a socket and a lease. Only two leases are ever needed: what
//! arrives is decrypted into the lease it arrived in, and what is sealed is written over the
//! plaintext it was made from. rustls 0.23 copies inbound records once and outbound records once;
//! nothing here is called zero-copy.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};

/// A server-side session.
pub struct Session {
    connection: ServerConnection,
    closed_by_peer: bool,
    /// The peer broke the protocol: nothing but an alert may be sent.
    failed: bool,
    /// What the peer's first byte was.
    first_byte: Option<u8>,
}

/// What can be read of the plaintext now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plaintext {
    /// This many bytes were written to the output.
    Bytes(usize),
    /// More ciphertext is needed first.
    Pending,
    /// The peer said that nothing more follows.
    Closed,
}

impl Session {
    /// Before the client's first message.
    ///
    /// # Errors
    /// The configuration cannot be used (no memory, no randomness).
    pub fn new(config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        let mut connection = ServerConnection::new(config)?;
        // 64 KiB otherwise, beyond which plaintext is refused; the bound is the lease that is sealed.
        connection.set_buffer_limit(None);
        Ok(Self { connection, closed_by_peer: false, failed: false, first_byte: None })
    }

    /// Whether the handshake still goes on.
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether the peer broke the protocol. An alert may be left to send, and nothing else.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// Whether the peer began as HTTP without TLS does: with a capital letter, which begins no record.
    pub fn was_addressed_plainly(&self) -> bool {
        self.first_byte.is_some_and(|byte| byte.is_ascii_uppercase())
    }

    /// Takes ciphertext in, all that fits; returns how many bytes were taken. Zero means that
    /// plaintext has to be read first.
    ///
    /// # Errors
    /// The peer broke the protocol; an alert may be waiting in `wants_send`.
    pub fn feed(&mut self, ciphertext: &[u8]) -> Result<usize, rustls::Error> {
        let mut rest = ciphertext;
        self.first_byte = self.first_byte.or(ciphertext.first().copied());
        // Fails only when its plaintext buffer is full, and takes nothing then.
        let Ok(taken) = self.connection.read_tls(&mut rest) else { return Ok(0) };
        let state = self.connection.process_new_packets().inspect_err(|_| self.failed = true)?;
        self.closed_by_peer |= state.peer_has_closed();
        Ok(taken)
    }

    /// Moves plaintext to `output`.
    pub fn read(&mut self, output: &mut [u8]) -> Plaintext {
        match self.connection.reader().read(output) {
            Ok(0) if output.is_empty() => Plaintext::Bytes(0),
            Ok(0) => Plaintext::Closed,
            Ok(count) => Plaintext::Bytes(count),
            Err(_) if self.closed_by_peer => Plaintext::Closed,
            Err(_) => Plaintext::Pending,
        }
    }

    /// Takes plaintext in, all of it, to be sent with `take`.
    pub fn seal(&mut self, plaintext: &[u8]) {
        let written = self.connection.writer().write(plaintext);
        debug_assert!(matches!(written, Ok(count) if count == plaintext.len()));
    }

    /// Whether ciphertext is waiting to be sent.
    pub fn wants_send(&self) -> bool {
        self.connection.wants_write()
    }

    /// Moves waiting ciphertext to `output`; returns how many bytes.
    pub fn take(&mut self, output: &mut [u8]) -> usize {
        let mut rest = output;
        let room = rest.len();
        while self.connection.wants_write() && !rest.is_empty() {
            // Writing to memory fails only for lack of room, which the loop has excluded.
            if !matches!(self.connection.write_tls(&mut rest), Ok(count) if count > 0) {
                break;
            }
        }
        room - rest.len()
    }

    /// Says that nothing more follows, unless an alert has said so.
    pub fn close(&mut self) {
        if !self.failed {
            self.connection.send_close_notify();
        }
    }
}
