//! Holding new connections off for a moment: the kernel drops what would open one, and the client,
//! which takes that for a lost packet, asks again.
//!
//! Used by control while a shared address moves to another node. A connection that began here in
//! that moment would be reset when its next packet reached the other node; one that did not begin is
//! asked for again, a second later (RFC 6298 section 2.1), and begins there.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::sync::Arc;

use socket2::{SockFilter, SockRef};

use super::listener::queued;

/// Byte of a TCP header that holds SYN and ACK (RFC 9293 section 3.1).
const FLAGS_AT: u32 = 13;
const SYN: u32 = 0x02;
const ACK: u32 = 0x10;

/// Listening sockets that can be hushed; duplicates of those that workers accept from.
#[derive(Debug, Default, Clone)]
pub struct Hush {
    sockets: Arc<[TcpListener]>,
}

/// While this lives, no connection begins at the sockets.
#[derive(Debug)]
pub struct Hushed<'a>(&'a Hush);

impl Hush {
    /// Of these sockets.
    pub fn new(sockets: Vec<TcpListener>) -> Self {
        Self { sockets: sockets.into() }
    }

    /// Begins. Connections whose first packet came before are not touched.
    ///
    /// # Errors
    /// As `attach`; then nothing is held off.
    pub fn begin(&self) -> io::Result<Hushed<'_>> {
        let hushed = self.until_dropped();
        self.attach()?;
        Ok(hushed)
    }

    /// The filters are taken off when this is dropped, whoever put them on. That needs no right.
    pub fn until_dropped(&self) -> Hushed<'_> {
        Hushed(self)
    }

    /// Puts the filters on, to be called within the life of `until_dropped`.
    ///
    /// # Errors
    /// `PermissionDenied`: some kernels want CAP_NET_ADMIN for a socket's filter. No memory for it.
    pub fn attach(&self) -> io::Result<()> {
        self.sockets.iter().try_for_each(|socket| SockRef::from(socket).attach_filter(&program()))
    }

    /// Where they listen.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// Connections that the kernel has opened and no worker has taken yet.
    pub fn queued(&self) -> u32 {
        self.sockets.iter().map(|socket| queued(socket.as_raw_fd())).sum()
    }
}

impl Drop for Hushed<'_> {
    fn drop(&mut self) {
        for socket in self.0.sockets.iter() {
            // Without a filter there is nothing to take off.
            let _ = SockRef::from(socket).detach_filter();
        }
    }
}

/// Drops segments with SYN and without ACK, lets all others pass. A socket's filter sees a segment from
/// its TCP header on (Linux, `tcp_filter`).
fn program() -> [SockFilter; 5] {
    let code = |parts: u32| parts as u16;
    [
        SockFilter::new(code(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS), 0, 0, FLAGS_AT),
        SockFilter::new(code(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K), 0, 0, SYN | ACK),
        // How much of the segment is kept: nothing where equal, else all of it.
        SockFilter::new(code(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K), 0, 1, SYN),
        SockFilter::new(code(libc::BPF_RET | libc::BPF_K), 0, 0, 0),
        SockFilter::new(code(libc::BPF_RET | libc::BPF_K), 0, 0, u32::MAX),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{ErrorKind, Read, Write};
    use std::net::TcpStream;

    use socket2::{Domain, Socket, Type};

    use super::*;
    use crate::net::listener::bind_group;

    /// A group's first socket, a duplicate of it to hush, and where it listens.
    fn listening(address: &str) -> (TcpListener, Hush, SocketAddr) {
        let listener = bind_group(address.parse().unwrap(), 1).unwrap().remove(0);
        let hush = Hush::new(vec![listener.try_clone().unwrap()]);
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        (listener, hush, address)
    }

    /// A client whose first packet is on its way: over loopback it has arrived.
    fn asking(address: SocketAddr) -> Socket {
        let client = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        client.set_nonblocking(true).unwrap();
        if let Err(error) = client.connect(&address.into()) {
            assert_eq!(error.raw_os_error(), Some(libc::EINPROGRESS));
        }
        client
    }

    #[test]
    fn connections_asked_for_meanwhile_begin_afterwards() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let (listener, hush, address) = listening(address);
            let hushed = hush.begin().unwrap();
            let mut client = asking(address);
            assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
            assert_eq!(hush.queued(), 0);
            drop(hushed);
            client.set_nonblocking(false).unwrap();
            listener.set_nonblocking(false).unwrap();
            let (mut accepted, _) = listener.accept().unwrap();
            client.write_all(b"late").unwrap();
            let mut bytes = [0; 4];
            accepted.read_exact(&mut bytes).unwrap();
            assert_eq!(&bytes, b"late");
        }
    }

    #[test]
    fn connections_that_began_before_are_not_touched() {
        let (listener, hush, address) = listening("127.0.0.1:0");
        let mut open = TcpStream::connect(address).unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        let waiting = TcpStream::connect(address).unwrap();
        let _hushed = hush.begin().unwrap();
        open.write_all(b"on").unwrap();
        let mut bytes = [0; 2];
        accepted.read_exact(&mut bytes).unwrap();
        accepted.write_all(b"and on").unwrap();
        assert_eq!(hush.queued(), 1);
        let (mut accepted, peer) = listener.accept().unwrap();
        assert_eq!(peer, waiting.local_addr().unwrap());
        accepted.write_all(b"taken").unwrap();
    }
}
