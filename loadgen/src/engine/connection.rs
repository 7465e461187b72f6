//! One connection and what it is doing. The thread's worker moves it along; here are its parts and
//! the operations on its socket.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::limits::KEPT_BYTES_MAX;
use crate::measure::ErrorClass;
use crate::request::{BodyCheck, Claim, Verdict};
use crate::response::Reader;
use crate::tls::ClientSession;

/// What a connection is doing.
///
/// ```text
/// Connecting ─▶ Handshaking ─▶ Free ◀─▶ Exchanging
///      └───── without TLS ─────▲  └▶ AwaitingTicket (handshakes only)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The SYN is out.
    Connecting,
    /// TLS is being set up.
    Handshaking,
    /// It has nothing to do.
    Free,
    /// A request is on its way, or its answer.
    Exchanging,
    /// The handshake was all that was wanted, and the ticket for the next one is to come.
    AwaitingTicket,
}

/// A request on its way. Times are nanoseconds since the run began.
#[derive(Debug, Clone, Copy)]
pub struct InFlight {
    /// When it was due.
    pub planned_ns: u64,
    /// When it was written.
    pub written_ns: u64,
    /// When the first byte of the answer came; zero before that.
    pub first_byte_ns: u64,
    /// What it asks for.
    pub target: u16,
    /// Who asks.
    pub user: u32,
    /// Who answered.
    pub server: Option<u16>,
    /// Who has to answer, by the persistence cookie that it carries.
    pub claim: Claim,
    /// Who that is, once the answer has shown whether it keeps to it.
    pub verdict: Option<Verdict>,
    /// What is wrong with the answer so far.
    pub fault: Option<ErrorClass>,
}

/// A connection.
pub struct Connection {
    /// Its socket.
    pub stream: TcpStream,
    /// What it is doing.
    pub phase: Phase,
    /// Where it goes.
    pub endpoint: u16,
    /// The place in a closed loop that it serves.
    pub seat: u32,
    /// `None`: plain TCP.
    pub tls: Option<Box<ClientSession>>,
    /// The request it carries, or is being opened for.
    pub request: Option<InFlight>,
    /// The answer.
    pub reader: Reader,
    /// Follows the answer's body where that is asked for.
    pub body: Option<Box<BodyCheck>>,
    /// The peer has ended its side: what it has sent is still to be read, and nothing is asked of it.
    pub peer_ended: bool,
    /// When it last became free, in an open loop.
    pub freed_ns: u64,
    /// It is among those that have more to read.
    pub is_again: bool,
    /// Answers so far.
    pub answers: u64,
    /// When the SYN went out.
    pub opened_ns: u64,
    /// When the connection was there.
    pub connected_ns: u64,
    /// What could not be written yet, from `written` on.
    unwritten: Vec<u8>,
    written: usize,
    /// The beginning of a TLS record.
    pub sealed_rest: Vec<u8>,
    /// The beginning of a head.
    pub rest: Vec<u8>,
}

impl Connection {
    /// Begins to connect.
    ///
    /// # Errors
    /// The kernel refuses: no route, no port, no descriptor.
    pub fn open(
        address: SocketAddr,
        source: Option<IpAddr>,
        endpoint: u16,
        seat: u32,
        now_ns: u64,
    ) -> io::Result<Box<Self>> {
        let socket =
            Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
        socket.set_tcp_nodelay(true)?;
        if let Some(source) = source {
            bind_late(&socket, source)?;
        }
        match socket.connect(&address.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(nix::errno::Errno::EINPROGRESS as i32) => {}
            Err(error) => return Err(error),
        }
        Ok(Box::new(Self {
            stream: socket.into(),
            phase: Phase::Connecting,
            endpoint,
            seat,
            tls: None,
            request: None,
            reader: Reader::new(false),
            body: None,
            peer_ended: false,
            freed_ns: 0,
            is_again: false,
            answers: 0,
            opened_ns: now_ns,
            connected_ns: 0,
            unwritten: Vec::new(),
            written: 0,
            sealed_rest: Vec::new(),
            rest: Vec::new(),
        }))
    }

    /// Writes what can be written now and keeps the rest for later.
    ///
    /// # Errors
    /// The connection is broken.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.has_unwritten() {
            self.unwritten.extend_from_slice(bytes);
            return Ok(());
        }
        let count = write_some(&mut self.stream, bytes)?;
        if count < bytes.len() {
            self.unwritten.extend_from_slice(&bytes[count..]);
        }
        Ok(())
    }

    /// Goes on with what could not be written.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.has_unwritten() {
            self.written += write_some(&mut self.stream, &self.unwritten[self.written..])?;
        }
        if self.written == self.unwritten.len() {
            self.written = 0;
            empty(&mut self.unwritten);
        }
        Ok(())
    }

    /// Whether something waits to be written.
    #[inline]
    pub fn has_unwritten(&self) -> bool {
        self.written < self.unwritten.len()
    }

    /// Reads once. `None`: nothing is there now. Zero: the end.
    ///
    /// # Errors
    /// The connection is broken.
    #[inline]
    pub fn read(&mut self, room: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.stream.read(room) {
                Ok(count) => return Ok(Some(count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// How connecting ended.
    ///
    /// # Errors
    /// Why there is no connection.
    pub fn connect_result(&self) -> io::Result<()> {
        self.stream.take_error()?.map_or(Ok(()), Err)
    }

    /// Closing will be a reset, which leaves no port in TIME_WAIT.
    pub fn reset_on_close(&self) {
        // A connection that is already gone leaves nothing behind either.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}

/// Empties a buffer, and gives up its memory if it has grown beyond what every connection may keep.
pub fn empty(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEPT_BYTES_MAX {
        *buffer = Vec::new();
    } else {
        buffer.clear();
    }
}

/// Replaces a buffer's bytes.
pub fn set_aside(buffer: &mut Vec<u8>, bytes: &[u8]) {
    empty(buffer);
    buffer.extend_from_slice(bytes);
}

fn write_some(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}

/// Binds the address now and leaves the port to connect, which can share one among several targets:
/// IP_BIND_ADDRESS_NO_PORT of ip(7).
fn bind_late(socket: &Socket, source: IpAddr) -> io::Result<()> {
    // Where the kernel does not know it, ports are only used up sooner.
    let _ = nix::sys::socket::setsockopt(socket, nix::sys::socket::sockopt::IpBindAddressNoPort, &true);
    socket.bind(&SocketAddr::new(source, 0).into())
}
