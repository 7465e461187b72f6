//! A raw HTTP/1.1 client, plain or TLS: sends the bytes it is given, reads one response at a time.
//!
//! It adds nothing and forgives nothing, so a test sees exactly what torii wrote.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::wait::DEADLINE;
use super::wire::{Framing, Head, Wire};

/// TLS over TCP.
pub type TlsStream = StreamOwned<ClientConnection, TcpStream>;

/// One response.
#[derive(Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Status line and fields.
    pub head: Head,
    /// Body, as far as it came.
    pub body: Vec<u8>,
    /// Trailer lines of a chunked body.
    pub trailers: Vec<String>,
    /// The body ended before its framing said so.
    pub truncated: bool,
}

impl Response {
    /// Body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A client connection.
pub struct Client<S = TcpStream> {
    wire: Wire<S>,
}

impl Client<TcpStream> {
    /// Connects; panics when refused.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).unwrap_or_else(|error| panic!("connect to {address}: {error}"))
    }

    /// Connects, or says why not.
    pub fn try_connect(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { wire: Wire::new(open(address)?) })
    }

    /// Connects from this address, such as another one of loopback.
    #[track_caller]
    pub fn connect_from(source: IpAddr, address: SocketAddr) -> Self {
        let socket =
            socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(source, 0).into()).unwrap();
        socket.connect(&address.into()).unwrap();
        let stream: TcpStream = socket.into();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Self { wire: Wire::new(stream) }
    }

    /// The address of this end.
    pub fn local_address(&self) -> SocketAddr {
        self.wire.stream.local_addr().unwrap()
    }

    /// Takes over a connection.
    pub fn adopt(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Self { wire: Wire::new(stream) }
    }

    /// Connects with a small receive window, for a reader that is slow on purpose.
    pub fn connect_with_receive_buffer(address: SocketAddr, size: usize) -> Self {
        let socket =
            socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(size).unwrap();
        socket.connect(&address.into()).unwrap();
        let stream: TcpStream = socket.into();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Self { wire: Wire::new(stream) }
    }

    /// Closes with a reset instead of a FIN.
    pub fn reset(self) {
        socket2::SockRef::from(&self.wire.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Sends FIN and keeps reading.
    pub fn half_close(&self) {
        self.wire.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// The same connection again, for writing from another thread or reading past the client.
    pub fn handle(&self) -> TcpStream {
        self.wire.stream.try_clone().unwrap()
    }

    /// Whether nothing arrives within `quiet`: neither bytes nor the end of the stream.
    pub fn stays_silent(&mut self, quiet: Duration) -> bool {
        self.wire.stream.set_read_timeout(Some(quiet)).unwrap();
        let outcome = self.wire.fill();
        self.wire.stream.set_read_timeout(Some(DEADLINE)).unwrap();
        matches!(outcome, Err(error) if is_timeout(&error))
    }
}

impl Client<TlsStream> {
    /// Connects and completes the handshake for `name`.
    pub fn connect_tls(address: SocketAddr, name: &str, config: Arc<ClientConfig>) -> io::Result<Self> {
        Self::connect_tls_behind(address, b"", name, config)
    }

    /// The same, with bytes that go ahead of the handshake, in one piece with its beginning.
    pub fn connect_tls_behind(
        address: SocketAddr,
        ahead: &[u8],
        name: &str,
        config: Arc<ClientConfig>,
    ) -> io::Result<Self> {
        let name = ServerName::try_from(name.to_owned()).expect("a DNS name");
        let mut session = ClientConnection::new(config, name).map_err(io::Error::other)?;
        let mut stream = open(address)?;
        let mut first = ahead.to_vec();
        session.write_tls(&mut first)?;
        stream.write_all(&first)?;
        while session.is_handshaking() {
            session.complete_io(&mut stream)?;
        }
        Ok(Self { wire: Wire::new(StreamOwned::new(session, stream)) })
    }

    /// The TLS session, to look at its certificate, version and ALPN.
    pub fn session(&self) -> &ClientConnection {
        &self.wire.stream.conn
    }

    /// Sends close_notify and FIN, and keeps reading.
    pub fn finish_writing(&mut self) {
        self.wire.stream.conn.send_close_notify();
        self.wire.stream.flush().unwrap();
        self.wire.stream.sock.shutdown(Shutdown::Write).unwrap();
    }

    /// Closes the TCP connection without a close_notify.
    pub fn drop_without_notice(self) {
        self.wire.stream.sock.shutdown(Shutdown::Both).unwrap();
    }
}

impl<S: Read + Write> Client<S> {
    /// Sends bytes as they are.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).unwrap_or_else(|error| panic!("send: {error}"));
    }

    /// Sends bytes, or says why not.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.wire.stream.write_all(bytes.as_ref())?;
        self.wire.stream.flush()
    }

    /// Sends `GET TARGET` with a Host field and reads its final response.
    #[track_caller]
    pub fn get(&mut self, target: &str) -> Response {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: www.example.com\r\n\r\n"));
        self.response("GET")
    }

    /// Sends a request with a Content-Length body and reads its final response.
    #[track_caller]
    pub fn post(&mut self, target: &str, body: &[u8]) -> Response {
        let length = body.len();
        self.send(format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"));
        self.send(body);
        self.response("POST")
    }

    /// Next final response to a request of this method; interim ones are skipped.
    #[track_caller]
    pub fn response(&mut self, method: &str) -> Response {
        loop {
            let response = self.next_response(method);
            if response.status >= 200 {
                return response;
            }
        }
    }

    /// Next response, interim or final.
    #[track_caller]
    pub fn next_response(&mut self, method: &str) -> Response {
        self.try_response(method).unwrap_or_else(|error| panic!("no response to {method}: {error}"))
    }

    /// Next response, or why there is none.
    pub fn try_response(&mut self, method: &str) -> io::Result<Response> {
        let mut body = Vec::new();
        let mut response = self.response_into(method, &mut |piece| body.extend_from_slice(piece))?;
        response.body = body;
        Ok(response)
    }

    /// Next response with its body given to `sink` instead of being kept.
    pub fn response_into(&mut self, method: &str, sink: &mut dyn FnMut(&[u8])) -> io::Result<Response> {
        let closed = || io::Error::new(io::ErrorKind::UnexpectedEof, "closed without a response");
        let head = self.wire.read_head()?.ok_or_else(closed)?;
        let status = status_of(&head)?;
        let framing = match (method, status) {
            ("HEAD", _) | (_, 100..=199 | 204 | 304) => Framing::None,
            _ => head.framing(Framing::UntilClose),
        };
        let (trailers, truncated) = match self.wire.read_body(framing, sink) {
            Ok(trailers) => (trailers, false),
            Err(error) if is_timeout(&error) => return Err(error),
            Err(_) => (Vec::new(), true),
        };
        Ok(Response { status, head, body: Vec::new(), trailers, truncated })
    }

    /// The next `count` bytes, whatever they are.
    #[track_caller]
    pub fn exactly(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.wire
            .read_body(Framing::Length(count as u64), &mut |piece| bytes.extend_from_slice(piece))
            .unwrap_or_else(|error| panic!("{error} after {:?}", lossy(&bytes)));
        bytes
    }

    /// Everything until the end of the stream.
    pub fn until_end(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.each_piece_until_end(&mut |piece| bytes.extend_from_slice(piece))?;
        Ok(bytes)
    }

    /// The same, given to `sink` instead of being kept.
    pub fn each_piece_until_end(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        self.wire.read_body(Framing::UntilClose, sink).map(drop)
    }

    /// The connection, of which nothing has been read too far, for a library to use.
    pub fn into_stream(self) -> S {
        assert!(self.wire.pending().is_empty(), "bytes that the library would miss");
        self.wire.stream
    }

    /// Whether torii closes without another byte.
    pub fn is_closed(&mut self) -> bool {
        self.wire.pending().is_empty()
            && match self.wire.fill() {
                Ok(count) => count == 0,
                Err(error) => !is_timeout(&error),
            }
    }

    /// Panics unless torii closes without another byte.
    #[track_caller]
    pub fn expect_close(&mut self) {
        assert!(self.is_closed(), "still open, or more bytes: {:?}", lossy(self.wire.pending()));
    }
}

fn status_of(head: &Head) -> io::Result<u16> {
    let line = head.start_line();
    let mut parts = line.splitn(3, ' ');
    let (version, status) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match status.parse() {
        Ok(status) if version == "HTTP/1.1" || version == "HTTP/1.0" => Ok(status),
        _ => Err(io::Error::other(format!("status line {line:?}"))),
    }
}

fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, DEADLINE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    Ok(stream)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
