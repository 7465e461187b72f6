//! One TCP connection: receive into a lease, send from one, wait without one.
//!
//! To receive is to wait until there is something, then to take it without waiting: a wait may be given
//! up at any time, since it holds no bytes. Both directions may be in flight at once, one operation
//! each. All methods take `&self`.

use std::cell::{Cell, UnsafeCell};
use std::future::poll_fn;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use monoio::io::AsyncWriteRent;
use monoio::net::{TcpStream, UnixStream};
use socket2::SockRef;

use super::deadline::{Deadline, Deadlines};
use super::lease::{Lease, Sending};

/// A connection and its deadline.
pub struct Socket {
    // Declared first: the slot is freed before the descriptor closes.
    deadline: Deadline,
    /// Something is likely to be there: it was waited for, or the last receive filled its lease.
    promising: Cell<bool>,
    /// A TCP connection all the same: of monoio's streams this is the one that is a descriptor and
    /// nothing else. `TcpStream` has room for two addresses, 64 bytes in each of many parked clients.
    stream: UnsafeCell<UnixStream>,
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
    ///
    /// # Errors
    /// epoll cannot watch one more.
    pub(super) fn new(stream: TcpStream, deadlines: &Rc<Deadlines>) -> io::Result<Self> {
        let descriptor = stream.into_raw_fd();
        // SAFETY: it was just given up by its only owner.
        let stream = StdUnixStream::from(unsafe { OwnedFd::from_raw_fd(descriptor) });
        Ok(Self {
            deadline: deadlines.register(descriptor),
            promising: Cell::new(false),
            stream: UnsafeCell::new(UnixStream::from_std(stream)?),
        })
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
        let socket = Self::new(stream, deadlines)?;
        socket.options().set_tcp_nodelay(true)?;
        Ok(socket)
    }

    /// The deadline of this connection.
    #[inline]
    pub fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    /// Appends what arrives to `lease`; `Ok(0)` is the end of the stream. The lease has spare room.
    pub async fn receive(&self, mut lease: Lease) -> (io::Result<usize>, Lease) {
        loop {
            if !self.promising.get()
                && let Err(error) = self.readable().await
            {
                return (Err(error), lease);
            }
            match self.take(&mut lease) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return (result, lease),
            }
        }
    }

    /// As `receive`, but gives up at `park_at_ms` without losing a byte.
    pub async fn receive_or_park(&self, mut lease: Lease, park_at_ms: u64) -> (io::Result<Waited>, Lease) {
        loop {
            if !self.promising.get() {
                match self.readable_or_parked(park_at_ms).await {
                    Ok(true) => {}
                    Ok(false) => return (Ok(Waited::Parked), lease),
                    Err(error) => return (Err(error), lease),
                }
            }
            match self.take(&mut lease) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return (result.map(Waited::Received), lease),
            }
        }
    }

    /// Waits until there is something to receive; `false` when the parking deadline came first.
    async fn readable_or_parked(&self, park_at_ms: u64) -> io::Result<bool> {
        self.deadline.arm_parking(park_at_ms);
        let mut readable = pin!(self.readable());
        let result = poll_fn(|context| {
            if let Poll::Ready(result) = readable.as_mut().poll(context) {
                return Poll::Ready(result.map(|()| true));
            }
            if self.deadline.is_given_up(context.waker()) {
                return Poll::Ready(Ok(false));
            }
            Poll::Pending
        })
        .await;
        self.deadline.end_parking();
        result
    }

    /// Appends what has arrived to the lease, without waiting.
    fn take(&self, lease: &mut Lease) -> io::Result<usize> {
        let room = lease.spare_mut();
        debug_assert!(!room.is_empty(), "no room to receive into");
        let (start, size) = (room.as_mut_ptr().cast(), room.len());
        // SAFETY: the kernel writes at most `size` bytes into `room`, which is borrowed exclusively.
        let count = unsafe { libc::recv(self.as_fd().as_raw_fd(), start, size, libc::MSG_DONTWAIT) };
        let Ok(count) = usize::try_from(count) else {
            self.promising.set(false);
            return Err(io::Error::last_os_error());
        };
        self.promising.set(count == size);
        lease.grow(count);
        Ok(count)
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
        // For when the wait is over; one that is given up costs a receive of nothing.
        self.promising.set(true);
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
    fn stream(&self) -> &mut UnixStream {
        // SAFETY: monoio's operations use the exclusive reference only to clone the shared
        // descriptor when they are created; `UnixStream` is `Split`, so one read and one write may be
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
