//! Listening sockets: made before privileges are dropped, one per worker, accepting on that worker.

use std::cell::Cell;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener as StdListener};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::rc::Rc;

use monoio::net::TcpListener;
use socket2::{Domain, Protocol, SockRef, Socket as RawSocket, Type};

use super::deadline::Deadlines;
use super::socket::Socket;
use crate::limits::{LISTEN_BACKLOG, UNSENT_SIZE};

/// Makes `count` sockets that share `address`; the kernel spreads connections over them.
///
/// IP_FREEBIND lets a standby node listen on an address it does not own yet. TCP_NODELAY and
/// TCP_NOTSENT_LOWAT are inherited by accepted connections.
///
/// # Errors
/// What the kernel says of the address: in use, not permitted, no such family.
pub fn bind_group(address: SocketAddr, count: usize) -> io::Result<Vec<StdListener>> {
    let mut group = Vec::with_capacity(count);
    if count > 0 {
        // With SO_REUSEPORT the kernel would let a second process of the same user share the port in
        // silence. So the first socket listens without it, which only one can, and is then opened.
        let first = bind_one(address, false)?;
        first.set_reuse_port(true)?;
        group.push(first);
    }
    for _ in 1..count {
        // The port that the first one got, should the address leave the choice to the kernel.
        let address = group[0].local_addr()?.as_socket().unwrap_or(address);
        group.push(bind_one(address, true)?);
    }
    Ok(group.into_iter().map(Into::into).collect())
}

fn bind_one(address: SocketAddr, shared: bool) -> io::Result<RawSocket> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    match address {
        SocketAddr::V4(_) => socket.set_freebind_v4(true)?,
        SocketAddr::V6(_) => socket.set_freebind_v6(true)?,
    }
    socket.bind(&address.into())?;
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_notsent_lowat(UNSENT_SIZE)?;
    socket.listen(LISTEN_BACKLOG)?;
    Ok(socket)
}

/// A listening socket on the worker that accepts from it.
pub struct Listener {
    inner: TcpListener,
    /// While it is being finished: how many connections may still be taken from the kernel's queue.
    owed: Cell<u32>,
}

impl Listener {
    /// Adopts a socket of `bind_group`. `nonblocking`: what the driver wants, see `Driver`.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn adopt(socket: StdListener, nonblocking: bool) -> io::Result<Self> {
        socket.set_nonblocking(nonblocking)?;
        Ok(Self { inner: TcpListener::from_std(socket)?, owed: Cell::new(0) })
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// `InvalidInput` after `stop`; otherwise what the kernel says (no descriptors, no memory).
    pub async fn accept(&self, deadlines: &Rc<Deadlines>) -> io::Result<(Socket, SocketAddr)> {
        let (stream, address) = self.inner.accept().await?;
        self.owed.set(self.owed.get().saturating_sub(1));
        Ok((Socket::new(stream, deadlines)?, address))
    }

    /// No connections beyond those whose handshake the kernel has finished by now. With none of those
    /// that is `stop`; otherwise the caller accepts while `owes`, and then stops.
    pub fn finish(&self) {
        // The pending accept may be about to take one that is still counted, hence one more.
        let queued = self.queued();
        self.owed.set(if queued == 0 { 0 } else { queued + 1 });
        if queued == 0 {
            self.stop();
        }
    }

    /// Whether there is a connection that was in the queue at `finish`, so that accepting will not wait.
    pub fn owes(&self) -> bool {
        self.owed.get() > 0 && self.queued() > 0
    }

    /// No further connections: the pending accept completes with `InvalidInput`, and the kernel resets
    /// what is in its queue.
    pub fn stop(&self) {
        // SAFETY: the descriptor stays open as long as `self`.
        let descriptor = unsafe { BorrowedFd::borrow_raw(self.inner.as_raw_fd()) };
        let _ = SockRef::from(&descriptor).shutdown(Shutdown::Both);
    }

    /// Connections in the kernel's queue. For a listening socket that is what Linux puts into
    /// `tcpi_unacked`.
    fn queued(&self) -> u32 {
        queued(self.inner.as_raw_fd())
    }
}

/// Connections in the queue of a listening socket; 0 when it is none.
pub(super) fn queued(socket: RawFd) -> u32 {
    // SAFETY: `tcp_info` is made of integers, for which zero is a value.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut length = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to `info`, which outlives the call.
    let result = unsafe {
        let info = (&raw mut info).cast();
        libc::getsockopt(socket, libc::IPPROTO_TCP, libc::TCP_INFO, info, &raw mut length)
    };
    if result == 0 { info.tcpi_unacked } else { 0 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_group_shares_one_address() {
        let first = bind_group("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let address = first[0].local_addr().unwrap();
        drop(first);
        let group = bind_group(address, 3).unwrap();
        assert!(group.iter().all(|socket| socket.local_addr().unwrap() == address));
    }

    #[test]
    fn accepted_connections_inherit_the_options() {
        let listener = bind_group("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let options = SockRef::from(&accepted);
        assert!(options.tcp_nodelay().unwrap());
        assert_eq!(options.tcp_notsent_lowat().unwrap(), UNSENT_SIZE);
    }

    #[test]
    fn the_kernels_queue_can_be_counted() {
        let socket = bind_group("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
        let address = socket.local_addr().unwrap();
        let mut runtime = monoio::RuntimeBuilder::<monoio::LegacyDriver>::new().build().unwrap();
        runtime.block_on(async {
            let listener = Listener::adopt(socket, true).unwrap();
            assert_eq!(listener.queued(), 0);
            let _clients: Vec<_> = (0..3).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
            listener.finish();
            let deadlines = Rc::new(Deadlines::default());
            let mut accepted = Vec::new();
            while listener.owes() {
                accepted.push(listener.accept(&deadlines).await.unwrap());
            }
            assert_eq!((accepted.len(), listener.queued()), (3, 0));
            listener.stop();
            assert!(std::net::TcpStream::connect(address).is_err());
        });
    }

    #[test]
    fn an_address_that_somebody_listens_on_is_refused() {
        let group = bind_group("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let error = bind_group(group[0].local_addr().unwrap(), 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn an_address_that_is_not_ours_can_be_bound() {
        assert!(bind_group("192.0.2.1:0".parse().unwrap(), 1).is_ok());
    }

    #[test]
    fn connections_are_spread_over_the_whole_group() {
        let group = bind_group("127.0.0.1:0".parse().unwrap(), 3).unwrap();
        let address = group[0].local_addr().unwrap();
        let _clients: Vec<_> = (0..64).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        for socket in &group {
            socket.set_nonblocking(true).unwrap();
            assert!(socket.accept().is_ok(), "one of the group got none of 64 connections");
        }
    }

    #[test]
    fn of_several_that_want_an_address_at_once_at_most_one_gets_it() {
        let free = bind_group("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let address = free[0].local_addr().unwrap();
        drop(free);
        for _ in 0..50 {
            let start = std::sync::Barrier::new(4);
            let groups: Vec<_> = std::thread::scope(|scope| {
                let bind = || {
                    start.wait();
                    bind_group(address, 2)
                };
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(bind)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(groups.iter().filter(|group| group.is_ok()).count() <= 1);
        }
    }
}
