//! One TCP connection: receive into a lease, send from one, wait without one.
//!
//! Both directions may be in flight at once, one operation each. All methods take `&self`.

use std::cell::UnsafeCell;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::rc::Rc;
use std::time::Duration;

use monoio::io::{AsyncReadRent, AsyncWriteRent, CancelableAsyncReadRent};
use monoio::net::TcpStream;
use socket2::SockRef;

use super::deadline::{Deadline, Deadlines};
use super::lease::{Lease, Reading, Sending};

/// A connection and its deadline.
pub struct Socket {
    // Declared first: the slot is freed before the descriptor closes.
    deadline: Deadline,
    stream: UnsafeCell<TcpStream>,
}

/// What a read that may be given up for parking came to.
#[derive(Debug)]
pub enum Waited {
    /// Bytes were appended; zero is the end of the stream.
    Received(usize),
    /// Nothing came before the parking deadline.
    Parked,
}

impl Socket {
    /// Adopts a connection and gives it a deadline slot.
    pub(super) fn new(stream: TcpStream, deadlines: &Rc<Deadlines>) -> Self {
        Self { deadline: deadlines.register(stream.as_raw_fd()), stream: UnsafeCell::new(stream) }
    }

    /// Connects within `timeout`.
    ///
    /// # Errors
    /// `TimedOut` when the time is over; otherwise what the kernel says.
    pub async fn connect(
        address: SocketAddr,
        timeout: Duration,
        deadlines: &Rc<Deadlines>,
    ) -> io::Result<Self> {
        let stream = monoio::time::timeout(timeout, TcpStream::connect_addr(address))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let socket = Self::new(stream, deadlines);
        socket.options().set_tcp_nodelay(true)?;
        Ok(socket)
    }

    /// The deadline of this connection.
    #[inline]
    pub fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    /// Appends what arrives to `lease`; `Ok(0)` is the end of the stream. The lease has spare room.
    pub async fn receive(&self, lease: Lease) -> (io::Result<usize>, Lease) {
        debug_assert!(lease.spare() > 0, "no room to receive into");
        let (result, reading) = self.stream().read(Reading(lease)).await;
        (result, reading.0)
    }

    /// As `receive`, but gives up at `park_at_ms` without losing a byte.
    pub async fn receive_or_park(&self, lease: Lease, park_at_ms: u64) -> (io::Result<Waited>, Lease) {
        let handle = self.deadline.arm_parking(park_at_ms);
        let (result, reading) = self.stream().cancelable_read(Reading(lease), handle).await;
        self.deadline.end_parking();
        let waited = match result {
            Ok(count) => Ok(Waited::Received(count)),
            Err(error) if error.raw_os_error() == Some(libc::ECANCELED) => Ok(Waited::Parked),
            Err(error) => Err(error),
        };
        (waited, reading.0)
    }

    /// Sends `start..end` of the lease's data, all of it, and returns the lease as it was.
    pub async fn send(&self, lease: Lease, start: usize, end: usize) -> (io::Result<()>, Lease) {
        self.send_all(Sending::data(lease, start, end)).await
    }

    /// Sends the first `count` bytes that were put into `Lease::dead_mut`.
    pub async fn send_dead(&self, lease: Lease, count: usize) -> (io::Result<()>, Lease) {
        self.send_all(Sending::dead(lease, count)).await
    }

    async fn send_all(&self, mut sending: Sending) -> (io::Result<()>, Lease) {
        loop {
            let (result, returned) = self.stream().write(sending).await;
            sending = returned;
            match result {
                Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), sending.into_lease()),
                Ok(count) if sending.advance(count) => {}
                Ok(_) => return (Ok(()), sending.into_lease()),
                Err(error) => return (Err(error), sending.into_lease()),
            }
        }
    }

    /// Waits until there is something to receive, without a lease.
    ///
    /// # Errors
    /// What the kernel says; the connection is then of no use.
    // Not an `async fn`: what an idle connection holds is little else than this future.
    pub fn readable(&self) -> impl Future<Output = io::Result<()>> {
        self.stream().readable(false)
    }

    /// Throws away up to `count` bytes that have arrived, without copying them anywhere; zero is the end
    /// of the stream. Does not wait.
    ///
    /// # Errors
    /// `WouldBlock` when nothing has arrived; otherwise what the kernel says.
    pub fn discard(&self, count: usize) -> io::Result<usize> {
        let flags = libc::MSG_TRUNC | libc::MSG_DONTWAIT;
        // SAFETY: with MSG_TRUNC a TCP socket drops the bytes and writes nothing to the address (tcp(7)).
        let dropped = unsafe { libc::recv(self.as_fd().as_raw_fd(), std::ptr::null_mut(), count, flags) };
        usize::try_from(dropped).map_err(|_| io::Error::last_os_error())
    }

    /// Whether an idle connection is still good: open, and silent. Does not block, consume or lock
    /// the socket, since it is asked before every reuse.
    pub fn is_quiet(&self) -> bool {
        let mut poll =
            libc::pollfd { fd: self.as_fd().as_raw_fd(), events: libc::POLLIN | libc::POLLRDHUP, revents: 0 };
        // SAFETY: one entry, which outlives the call.
        unsafe { libc::poll(&raw mut poll, 1, 0) == 0 }
    }

    /// The address of this end; `None` when the connection is gone.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.options().local_addr().ok()?.as_socket()
    }

    /// Whether the peer has ended its side or reset the connection, whatever is still to be read.
    pub fn has_hung_up(&self) -> bool {
        let mut poll = libc::pollfd { fd: self.as_fd().as_raw_fd(), events: libc::POLLRDHUP, revents: 0 };
        // SAFETY: one entry, which outlives the call.
        unsafe { libc::poll(&raw mut poll, 1, 0) != 0 }
    }

    /// Ends one or both directions; a pending operation there completes.
    pub fn shutdown(&self, how: Shutdown) {
        // A connection that is already down cannot be shut down: nothing is left to do.
        let _ = self.options().shutdown(how);
    }

    /// Closes with a reset instead of an orderly end, so that the peer cannot take what it got for
    /// everything.
    pub fn reset_on_close(&self) {
        let _ = self.options().set_linger(Some(Duration::ZERO));
    }

    /// Breaks the connection at once: the peer is told by a reset, what is still to be sent is lost,
    /// and pending operations fail. Unlike a shutdown it says nothing that could be taken for an
    /// orderly end.
    pub fn abort(&self) {
        let nowhere = libc::sockaddr { sa_family: libc::AF_UNSPEC as libc::sa_family_t, sa_data: [0; 14] };
        let size = size_of::<libc::sockaddr>() as libc::socklen_t;
        // SAFETY: an address of the size that is said, which outlives the call. Connecting to no
        // address is how Linux is asked to dissolve a connection.
        let result = unsafe { libc::connect(self.as_fd().as_raw_fd(), &raw const nowhere, size) };
        if result != 0 {
            self.reset_on_close();
            self.shutdown(Shutdown::Both);
        }
    }

    fn options(&self) -> SockRef<'_> {
        SockRef::from(self)
    }

    #[allow(clippy::mut_from_ref)]
    fn stream(&self) -> &mut TcpStream {
        // SAFETY: monoio's operations use the exclusive reference only to clone the shared
        // descriptor when they are created; `TcpStream` is `Split`, so one read and one write may be
        // in flight at once. No reference obtained here is kept across an operation of its own kind.
        unsafe { &mut *self.stream.get() }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor stays open as long as `self`, which the borrow is bound to.
        unsafe { BorrowedFd::borrow_raw((*self.stream.get()).as_raw_fd()) }
    }
}
