//! epoll, edge-triggered, with waits in nanoseconds. Used by engine threads and the bundled origin.
//!
//! A socket is registered once for everything. An edge is told again only when something new happens,
//! so whoever is told reads until there is no more.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::Timespec;

use crate::limits::EVENTS_AT_ONCE;

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

/// What happened to one socket.
#[derive(Debug, Clone, Copy)]
pub struct Ready {
    /// Whose socket.
    pub token: u64,
    /// Something can be read, or the end of the stream or an error is there to be found by reading.
    pub readable: bool,
    /// There is room to write, or a connection is made or refused.
    pub writable: bool,
    /// The peer has ended its side, or the connection is broken: read to the end.
    pub ended: bool,
}

/// An epoll instance and the events last taken from it.
pub struct Reactor {
    epoll: OwnedFd,
    events: Vec<Event>,
}

impl Reactor {
    /// An instance without sockets.
    ///
    /// # Errors
    /// No descriptors.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self { epoll, events: Vec::with_capacity(EVENTS_AT_ONCE) })
    }

    /// Has the kernel wake this thread no later than asked (by default it may be 50 µs late).
    pub fn wake_exactly() {
        // Where it is refused, the 50 µs show as send lag.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    }

    /// Watches a socket until it is closed.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn watch(&self, socket: impl AsFd, token: u64) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(token), flags)?)
    }

    /// Watches a listening socket: told again as long as somebody waits there.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn watch_listener(&self, socket: impl AsFd, token: u64) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(token), EventFlags::IN)?)
    }

    /// Waits at most so long, and returns how many events there are; zero is also an interruption.
    ///
    /// # Errors
    /// What the kernel says; nothing can be waited for any more.
    pub fn wait(&mut self, timeout_ns: u64) -> io::Result<usize> {
        let timeout = Timespec {
            tv_sec: i64::try_from(timeout_ns / SECOND).unwrap_or(i64::MAX),
            tv_nsec: (timeout_ns % SECOND) as _,
        };
        self.events.clear();
        let buffer = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, buffer, Some(&timeout)) {
            Ok(count) => Ok(count),
            Err(Errno::INTR) => Ok(0),
            Err(Errno::NOSYS) => Err(io::Error::other("this needs Linux 5.11 or later (epoll_pwait2)")),
            Err(error) => Err(error.into()),
        }
    }

    /// One of the events of the last wait.
    #[inline]
    pub fn event(&self, index: usize) -> Ready {
        let event = self.events[index];
        let (flags, data) = (event.flags, event.data);
        let ended = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        Ready {
            token: data.u64(),
            readable: ended || flags.contains(EventFlags::IN),
            writable: ended || flags.contains(EventFlags::OUT),
            ended,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn tells_of_bytes_and_of_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let mut reactor = Reactor::new().unwrap();
        reactor.watch(&server, 7).unwrap();
        assert_eq!(reactor.wait(SECOND).unwrap(), 1, "it can be written to");
        assert!(reactor.event(0).writable && !reactor.event(0).readable);
        assert_eq!(reactor.wait(0).unwrap(), 0, "an edge is told once");
        client.write_all(b"x").unwrap();
        assert_eq!(reactor.wait(SECOND).unwrap(), 1);
        let ready = reactor.event(0);
        assert!(ready.readable && !ready.ended && ready.token == 7);
        drop(client);
        assert_eq!(reactor.wait(SECOND).unwrap(), 1);
        assert!(reactor.event(0).ended);
    }

    #[test]
    fn waits_no_shorter_than_asked() {
        let mut reactor = Reactor::new().unwrap();
        let begin = std::time::Instant::now();
        assert_eq!(reactor.wait(300_000).unwrap(), 0);
        assert!(begin.elapsed().as_nanos() >= 300_000);
    }
}
