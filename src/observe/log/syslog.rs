//! Log lines as RFC 3164 datagrams to a syslog daemon, over its local socket or UDP.
//!
//! Called by the log thread alone. The daemon may be slow, restart or be absent: a line that it
//! does not take is dropped and counted, never kept, and the socket is made anew when the daemon
//! is back.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Instant;

use super::sink::Counts;
use super::thread::Level;
use super::time::LocalTime;
use crate::limits;

/// Where the daemon listens.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// A unix datagram socket such as `/dev/log`.
    Local(PathBuf),
    /// A UDP address.
    Udp(SocketAddr),
}

/// A way to one daemon.
#[derive(Debug)]
pub(super) struct Syslog {
    target: Target,
    facility: u8,
    /// `torii[PID]: `
    tag: Vec<u8>,
    socket: Option<Socket>,
    /// No connection is tried before this.
    connect_after: Option<Instant>,
    /// Whether a send may wait for a full socket; not after one wait was in vain.
    patient: bool,
    datagram: Vec<u8>,
}

#[derive(Debug)]
enum Socket {
    Local(UnixDatagram),
    Udp(UdpSocket),
}

impl Syslog {
    /// Connects where possible; a daemon that is not there yet is looked for again later.
    pub(super) fn new(target: Target, facility: u8) -> Self {
        let tag = format!("torii[{}]: ", std::process::id()).into_bytes();
        let datagram = Vec::with_capacity(limits::LOG_LINE_SIZE);
        let mut syslog =
            Self { target, facility, tag, socket: None, connect_after: None, patient: true, datagram };
        syslog.connect();
        syslog
    }

    /// Whether there is a socket to send to.
    pub(super) fn is_connected(&self) -> bool {
        self.socket.is_some()
    }

    /// Sends one line as one datagram: `<PRI>Mon dd hh:mm:ss torii[PID]: ` before it, a line feed
    /// after it, the tail cut at `limits::LOG_LINE_SIZE`.
    pub(super) fn send(
        &mut self,
        level: Level,
        unix_ms: u64,
        time: &mut LocalTime,
        message: &[u8],
        counts: &mut Counts,
    ) {
        self.frame(level, unix_ms, time, message);
        // A second attempt pays for a socket found dead and for a refusal that concerned an earlier line.
        for _ in 0..2 {
            if !self.connect() {
                break;
            }
            let Some(result) = self.socket.as_ref().map(|socket| socket.send(&self.datagram)) else { break };
            match result.map_err(|error| Refusal::of(&error)) {
                Ok(()) => {
                    counts.written += 1;
                    self.set_patient(true);
                    return;
                }
                Err(Refusal::Full) => {
                    self.set_patient(false);
                    break;
                }
                Err(Refusal::TooLong) => break,
                // UDP: the kernel reports that nobody took an earlier datagram.
                Err(Refusal::Nobody) if matches!(self.socket, Some(Socket::Udp(_))) => counts.dropped += 1,
                Err(Refusal::Nobody) => self.socket = None,
            }
        }
        counts.dropped += 1;
    }

    fn frame(&mut self, level: Level, unix_ms: u64, time: &mut LocalTime, message: &[u8]) {
        let priority = u16::from(self.facility) * 8 + level as u16;
        self.datagram.clear();
        self.datagram.push(b'<');
        self.datagram.extend_from_slice(itoa::Buffer::new().format(priority).as_bytes());
        self.datagram.push(b'>');
        time.write_stamp(unix_ms, &mut self.datagram);
        self.datagram.push(b' ');
        self.datagram.extend_from_slice(&self.tag);
        let room = limits::LOG_LINE_SIZE.saturating_sub(self.datagram.len() + 1);
        self.datagram.extend_from_slice(&message[..message.len().min(room)]);
        self.datagram.push(b'\n');
    }

    /// Makes a socket unless there is one or the last attempt was a moment ago.
    fn connect(&mut self) -> bool {
        if self.socket.is_some() {
            return true;
        }
        if self.connect_after.is_some_and(|after| Instant::now() < after) {
            return false;
        }
        match Socket::connect(&self.target) {
            Ok(socket) => {
                self.socket = Some(socket);
                self.connect_after = None;
                self.patient = true;
                true
            }
            Err(_) => {
                self.connect_after = Some(Instant::now() + limits::LOG_REOPEN);
                false
            }
        }
    }

    fn set_patient(&mut self, patient: bool) {
        if self.patient == patient {
            return;
        }
        let changed = match &self.socket {
            Some(Socket::Local(socket)) => socket.set_nonblocking(!patient),
            Some(Socket::Udp(socket)) => socket.set_nonblocking(!patient),
            None => return,
        };
        if changed.is_ok() {
            self.patient = patient;
        }
    }
}

impl Socket {
    fn connect(target: &Target) -> io::Result<Self> {
        match target {
            Target::Local(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                socket.set_write_timeout(Some(limits::LOG_SYSLOG_WAIT))?;
                Ok(Self::Local(socket))
            }
            Target::Udp(address) => {
                let any: SocketAddr = match address {
                    SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                    SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
                };
                let socket = UdpSocket::bind(any)?;
                socket.connect(address)?;
                socket.set_write_timeout(Some(limits::LOG_SYSLOG_WAIT))?;
                Ok(Self::Udp(socket))
            }
        }
    }

    fn send(&self, datagram: &[u8]) -> io::Result<()> {
        match self {
            Self::Local(socket) => socket.send(datagram),
            Self::Udp(socket) => socket.send(datagram),
        }
        .map(|_| ())
    }
}

/// Why a datagram was not taken.
enum Refusal {
    /// No room in the daemon's or our queue.
    Full,
    /// Beyond what the socket carries.
    TooLong,
    /// Nobody listens, or the socket is of no more use.
    Nobody,
}

impl Refusal {
    fn of(error: &io::Error) -> Self {
        use nix::errno::Errno;
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EAGAIN | Errno::ENOBUFS | Errno::EINTR) => Self::Full,
            Some(Errno::EMSGSIZE) => Self::TooLong,
            _ => Self::Nobody,
        }
    }
}

#[cfg(test)]
#[path = "syslog/tests.rs"]
mod tests;
