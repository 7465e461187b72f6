//! A conversation with the kernel about links and addresses (rtnetlink), one request at a time.
//!
//! Used by `address` and `interface` on the ha thread, and at start. A request is carried out inside the
//! system call that sends it, so its answer is there at once and no executor is needed. Must never wait
//! for anything else: a receive time-out bounds even a kernel that does not answer.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt,
    socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::limits::ha_thread::{NETLINK_ANSWER, NETLINK_DATAGRAMS, NETLINK_MESSAGE};

/// One socket. Not for two threads: answers belong to the last request.
#[derive(Debug)]
pub struct Netlink {
    socket: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Netlink {
    /// Opens a socket for requests.
    ///
    /// # Errors
    /// No descriptor or memory is left.
    pub fn open() -> io::Result<Self> {
        let netlink = Self::subscribed_to(0, SockFlag::SOCK_CLOEXEC)?;
        let limit = TimeVal::milliseconds(millis(NETLINK_ANSWER));
        setsockopt(&netlink.socket, sockopt::ReceiveTimeout, &limit)?;
        Ok(netlink)
    }

    /// Opens a socket that is told of changes, one bit of `groups` each (`RTMGRP_*`); `told` never waits.
    ///
    /// # Errors
    /// As `open`.
    pub fn watching(groups: u32) -> io::Result<Self> {
        Self::subscribed_to(groups, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK)
    }

    fn subscribed_to(groups: u32, flags: SockFlag) -> io::Result<Self> {
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
        Ok(Self { socket, sequence: 0, buffer: vec![0; NETLINK_MESSAGE] })
    }

    /// Has the kernel change something.
    ///
    /// # Errors
    /// The kernel's refusal, as its error number; `TimedOut` without an answer.
    pub fn change(&mut self, request: RouteNetlinkMessage) -> io::Result<()> {
        self.send(request, NLM_F_REQUEST | NLM_F_ACK)?;
        self.answers(|_| {})
    }

    /// Has the kernel list something; each entry is given to `each`.
    ///
    /// # Errors
    /// As `change`.
    pub fn list(
        &mut self,
        request: RouteNetlinkMessage,
        each: impl FnMut(RouteNetlinkMessage),
    ) -> io::Result<()> {
        self.send(request, NLM_F_REQUEST | NLM_F_DUMP)?;
        self.answers(each)
    }

    /// What a watching socket was told since the last call.
    ///
    /// # Errors
    /// `ENOBUFS`: the kernel had more to tell than the socket holds, and what was lost has to be listed.
    pub fn told(&mut self, mut each: impl FnMut(RouteNetlinkMessage)) -> io::Result<()> {
        // A flood of changes must not keep the thread from its timers: the rest is read in the next turn.
        for _ in 0..NETLINK_DATAGRAMS {
            let length = match recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::empty()) {
                Ok(length) => length,
                Err(Errno::EAGAIN) => return Ok(()),
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            for message in messages(&self.buffer[..length]) {
                if let NetlinkPayload::InnerMessage(message) = message.payload {
                    each(message);
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, request: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let bytes = serialized(request, flags, self.sequence);
        let sent = send(self.socket.as_raw_fd(), &bytes, MsgFlags::empty())?;
        if sent == bytes.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }

    /// Reads until the acknowledgement or the end of the list. Answers to an earlier request, which was
    /// given up, are passed over.
    fn answers(&mut self, mut each: impl FnMut(RouteNetlinkMessage)) -> io::Result<()> {
        for _ in 0..NETLINK_DATAGRAMS {
            let length = match recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::empty()) {
                Ok(length) => length,
                Err(Errno::EAGAIN) => return Err(io::ErrorKind::TimedOut.into()),
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            for message in messages(&self.buffer[..length]) {
                if message.header.sequence_number != self.sequence {
                    continue;
                }
                match message.payload {
                    NetlinkPayload::InnerMessage(message) => each(message),
                    NetlinkPayload::Error(error) if error.code.is_some() => return Err(error.to_io()),
                    NetlinkPayload::Error(_) | NetlinkPayload::Done(_) => return Ok(()),
                    _ => {}
                }
            }
        }
        Err(io::Error::other("the kernel's list does not end"))
    }
}

impl AsFd for Netlink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The bytes of a request. Sequence numbers tell answers apart; a sender that reads none may use any.
pub fn serialized(request: RouteNetlinkMessage, flags: u16, sequence: u32) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = flags;
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(request));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// Bytes of a message's header, in which its length comes first.
const HEADER_SIZE: usize = 16;

/// The messages of one datagram. One that cannot be read is about something else: an attribute that this
/// library does not know on any interface of the machine must not hide what follows.
fn messages(mut bytes: &[u8]) -> impl Iterator<Item = NetlinkMessage<RouteNetlinkMessage>> {
    std::iter::from_fn(move || {
        loop {
            let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
            let message = bytes.get(..length).filter(|_| length >= HEADER_SIZE)?;
            // Messages begin at multiples of four (NLMSG_ALIGN).
            bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
            if let Ok(message) = NetlinkMessage::deserialize(message) {
                return Some(message);
            }
        }
    })
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer of the kernel whose alias is not UTF-8 comes before one that can be read.
    #[test]
    fn a_message_that_cannot_be_read_hides_no_other() {
        // IFLA_IFALIAS (20) behind the 16 bytes of an interface's message.
        let mut strange = vec![0; HEADER_SIZE + 16];
        strange.extend([5, 0, 20, 0, 0xe9, 0, 0, 0]);
        let length = u32::try_from(strange.len()).expect("a short message");
        strange[..4].copy_from_slice(&length.to_ne_bytes());
        strange[4..6].copy_from_slice(&libc::RTM_NEWLINK.to_ne_bytes());
        assert!(NetlinkMessage::<RouteNetlinkMessage>::deserialize(&strange).is_err(), "it can be read");
        let link = RouteNetlinkMessage::GetLink(netlink_packet_route::link::LinkMessage::default());
        let datagram = [strange, serialized(link, 0, 7)].concat();
        let sequences: Vec<u32> = messages(&datagram).map(|read| read.header.sequence_number).collect();
        assert_eq!(sequences, [7]);
        for length in 0..datagram.len() {
            assert!(messages(&datagram[..length]).count() <= 1);
        }
    }
}
