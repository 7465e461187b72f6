//! One TLS session of a client, sans-IO, in rustls' form without buffers of its own: records are
//! decrypted where they were read, and encrypted to where they are written from.

use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};
use rustls::{ClientConfig, Error, HandshakeKind};

/// Room that one record needs beside its plaintext, and more than that.
const RECORD_OVERHEAD: usize = 64;

/// Plaintext of a record at most (RFC 8446 section 5.1).
const RECORD_PLAINTEXT: usize = 16 * 1024;

/// Steps of the state machine for one read: each takes input or makes output, and one read is finite.
const STEPS_MAX: usize = 10_000;

/// A session.
pub struct ClientSession {
    connection: UnbufferedClientConnection,
}

/// What came of some input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processed {
    /// Bytes that are done with. The others are the beginning of a record.
    pub taken: usize,
    /// Whether the peer has said that nothing more follows.
    pub is_closed: bool,
}

impl ClientSession {
    /// Before the first message.
    ///
    /// # Errors
    /// rustls refuses the configuration.
    pub fn new(config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self, Error> {
        Ok(Self { connection: UnbufferedClientConnection::new(config, name)? })
    }

    /// Whether the handshake still goes on.
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether the handshake was an abbreviated one.
    pub fn is_resumed(&self) -> bool {
        self.connection.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Whether a later session can be resumed from this one: TLS 1.2 settles that in the handshake,
    /// TLS 1.3 sends tickets after it.
    pub fn has_ticket(&self) -> bool {
        self.connection.protocol_version() != Some(rustls::ProtocolVersion::TLSv1_3)
            || self.connection.tls13_tickets_received() > 0
    }

    /// Version, cipher suite and protocol as agreed, for the record of a run.
    pub fn agreed(&self) -> (String, String, String) {
        let version = self.connection.protocol_version().and_then(|version| version.as_str());
        let suite = self.connection.negotiated_cipher_suite();
        let suite = suite.and_then(|suite| suite.suite().as_str());
        let alpn = self.connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
        (version.unwrap_or_default().into(), suite.unwrap_or_default().into(), alpn.unwrap_or_default())
    }

    /// Takes what was read, appends what has to be written to `output` and plaintext to `plaintext`.
    /// The first call, with no input, makes the first message.
    ///
    /// # Errors
    /// The peer broke the protocol, sent an alert, or its certificate is not acceptable. An alert may
    /// have been appended to `output`.
    pub fn process(
        &mut self,
        input: &mut [u8],
        output: &mut Vec<u8>,
        plaintext: &mut Vec<u8>,
    ) -> Result<Processed, Error> {
        let (mut taken, mut is_closed) = (0, false);
        for _ in 0..STEPS_MAX {
            let UnbufferedStatus { discard, state } =
                self.connection.process_tls_records(&mut input[taken..]);
            let mut is_settled = false;
            let mut more = 0;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        more += record.discard;
                        plaintext.extend_from_slice(record.payload);
                    }
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    let start = output.len();
                    output.resize(start + RECORD_PLAINTEXT + RECORD_OVERHEAD, 0);
                    let written = match data.encode(&mut output[start..]) {
                        Ok(written) => written,
                        Err(EncodeError::InsufficientSize(size)) => {
                            output.resize(start + size.required_size, 0);
                            data.encode(&mut output[start..]).unwrap_or(0)
                        }
                        Err(EncodeError::AlreadyEncoded) => 0,
                    };
                    output.truncate(start + written);
                }
                // It is in `output`, which is written before anything else.
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => is_closed = true,
                Ok(ConnectionState::Closed) => {
                    is_closed = true;
                    is_settled = true;
                }
                Ok(_) => is_settled = true,
                Err(error) => {
                    self.take_alert(output);
                    return Err(error);
                }
            }
            taken += discard + more;
            if is_settled {
                break;
            }
        }
        Ok(Processed { taken, is_closed })
    }

    /// After a fault: the alert that tells the peer, if there is one.
    fn take_alert(&mut self, output: &mut Vec<u8>) {
        let UnbufferedStatus { state, .. } = self.connection.process_tls_records(&mut []);
        if let Ok(ConnectionState::EncodeTlsData(mut data)) = state {
            let start = output.len();
            output.resize(start + RECORD_OVERHEAD * 4, 0);
            let written = data.encode(&mut output[start..]).unwrap_or(0);
            output.truncate(start + written);
        }
    }

    /// Appends `plaintext` as records.
    ///
    /// # Errors
    /// The session is not ready for it, or has used up its keys.
    pub fn seal(&mut self, plaintext: &[u8], output: &mut Vec<u8>) -> Result<(), Error> {
        let start = output.len();
        let records = plaintext.len() / RECORD_PLAINTEXT + 1;
        // Two records more: a key update may go before.
        output.resize(start + plaintext.len() + (records + 2) * RECORD_OVERHEAD, 0);
        let UnbufferedStatus { state, .. } = self.connection.process_tls_records(&mut []);
        let ConnectionState::WriteTraffic(mut traffic) = state? else {
            output.truncate(start);
            return Err(Error::HandshakeNotComplete);
        };
        let written = match traffic.encrypt(plaintext, &mut output[start..]) {
            Ok(written) => Ok(written),
            Err(EncryptError::InsufficientSize(size)) => {
                output.resize(start + size.required_size, 0);
                traffic.encrypt(plaintext, &mut output[start..])
            }
            Err(error) => Err(error),
        };
        let written = written.map_err(|_| Error::EncryptError);
        output.truncate(start + *written.as_ref().unwrap_or(&0));
        written.map(|_| ())
    }
}
