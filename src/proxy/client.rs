//! The client's side of a connection: a socket, with or without a TLS session over it.
//!
//! The same four operations either way, so that nothing above knows which it is.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::Shutdown;

use super::turnstile::Turn;
use crate::net::driver::yield_now;
use crate::net::socket::Waited;
use crate::net::{Lease, Socket};
use crate::tls::session::{Plaintext, Session};

/// A client connection.
pub(super) struct Client {
    socket: Socket,
    tls: Option<Box<Tls>>,
}

struct Tls {
    session: RefCell<Session>,
    /// Its turn to do the arithmetic of a handshake.
    turn: Cell<Option<Turn>>,
    /// A send is pending; it takes along whatever the session has to say meanwhile.
    sending: Cell<bool>,
}

impl Client {
    pub(super) fn new(socket: Socket, tls: Option<Session>) -> Self {
        Self { socket, tls: tls.map(Tls::new) }
    }

    /// The connection below.
    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Whether it is encrypted.
    pub(super) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether a TLS handshake has to be done first.
    pub(super) fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.session.borrow().is_handshaking())
    }

    /// Whether it did not even try to speak TLS, but HTTP.
    pub(super) fn was_addressed_plainly(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.session.borrow().was_addressed_plainly())
    }

    /// Lets the next step of its handshake be done.
    pub(super) fn take_turn(&self, turn: Turn) {
        if let Some(tls) = &self.tls {
            tls.turn.set(Some(turn));
        }
    }

    /// Does what can be done of the TLS handshake now, with `lease` as its buffer: `false` when more
    /// has to come first, with nothing in the lease; `true` at its end, with the plaintext that came
    /// right behind it, if any. What the lease holds is the beginning of the handshake; without, there
    /// is something to receive.
    ///
    /// # Errors
    /// The connection ended or the peer broke the protocol; an alert has been sent, unless HTTP was
    /// spoken.
    pub(super) async fn handshake(&self, mut lease: Lease) -> (io::Result<bool>, Lease) {
        let Some(tls) = &self.tls else { return (Ok(true), lease) };
        let mut ahead = lease.len();
        loop {
            let (received, returned) = match std::mem::take(&mut ahead) {
                0 => {
                    // By way of the kernel, so that whoever became ready meanwhile has a turn before the
                    // arithmetic. A wait that fails shows in what is received.
                    let _ = self.socket.readable().await;
                    self.socket.receive(lease).await
                }
                count => (Ok(count), lease),
            };
            lease = returned;
            let fed = match received {
                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => decrypt(&tls.session, &mut lease, count),
                Err(error) => Err(error),
            };
            if let Some(turn) = tls.turn.take() {
                yield_now().await;
                drop(turn);
            }
            if let Err(error) = fed {
                lease.clear();
                if !self.was_addressed_plainly() {
                    lease = self.send_waiting(tls, lease).await.1;
                }
                return (Err(error), lease);
            }
            let (result, returned) = self.send_waiting(tls, lease).await;
            lease = returned;
            if let Err(error) = result {
                return (Err(error), lease);
            }
            let done = !tls.session.borrow().is_handshaking();
            if done || self.socket.is_quiet() {
                return (Ok(done), lease);
            }
        }
    }

    /// Appends what arrives to the lease, zero at the end; gives up at `park_at_ms` without losing a
    /// byte.
    pub(super) async fn receive_or_park(
        &self,
        mut lease: Lease,
        park_at_ms: u64,
    ) -> (io::Result<Waited>, Lease) {
        let Some(tls) = &self.tls else { return self.socket.receive_or_park(lease, park_at_ms).await };
        loop {
            if let Some(count) = read_plaintext(&tls.session, &mut lease) {
                return (Ok(Waited::Received(count)), lease);
            }
            let (waited, returned) = self.socket.receive_or_park(lease, park_at_ms).await;
            lease = returned;
            match waited {
                Ok(Waited::Received(count)) if count > 0 => {
                    let result = decrypt(&tls.session, &mut lease, count);
                    if result.is_err() && !tls.sending.get() {
                        // cold: the alert; a pending send would take it along
                        self.socket.deadline().arm(park_at_ms);
                        lease = self.send_waiting(tls, lease).await.1;
                        self.socket.deadline().disarm();
                    }
                    match result {
                        Ok(0) => {}
                        result => return (result.map(Waited::Received), lease),
                    }
                }
                _ => return (waited, lease),
            }
        }
    }

    /// Sends `start..end` of the lease's data. Over TLS those bytes are overwritten; the rest of the
    /// data stays.
    pub(super) async fn send(&self, mut lease: Lease, start: usize, end: usize) -> (io::Result<()>, Lease) {
        let Some(tls) = &self.tls else { return self.socket.send(lease, start, end).await };
        if tls.session.borrow().has_failed() {
            // Nothing follows an alert, and one that the client does not take is not waited for.
            self.socket.shutdown(Shutdown::Both);
            return (Err(io::ErrorKind::BrokenPipe.into()), lease);
        }
        tls.session.borrow_mut().seal(&lease.data()[start..end]);
        tls.sending.set(true);
        let result = loop {
            let count = tls.session.borrow_mut().take(lease.dead_mut(end));
            if count == 0 {
                break Ok(());
            }
            let (result, returned) = self.socket.send_dead(lease, count).await;
            lease = returned;
            if result.is_err() {
                break result;
            }
        };
        tls.sending.set(false);
        (result, lease)
    }

    /// Sends bytes past the TLS session, to a client that does not speak it.
    pub(super) async fn send_plainly(&self, mut lease: Lease, bytes: &[u8]) -> (io::Result<()>, Lease) {
        lease.clear();
        lease.append(bytes);
        self.socket.send(lease, 0, bytes.len()).await
    }

    /// Says that nothing more follows; what the client still sends can be received.
    pub(super) async fn finish(&self, mut lease: Lease) -> Lease {
        lease.clear();
        let lease = match &self.tls {
            Some(tls) if !self.was_addressed_plainly() => {
                tls.session.borrow_mut().close();
                self.send_waiting(tls, lease).await.1
            }
            _ => lease,
        };
        self.socket.shutdown(Shutdown::Write);
        lease
    }

    /// Sends what the TLS session has to say of its own. Data in the lease stays: the headroom before
    /// it is used then, else the whole lease.
    async fn send_waiting(&self, tls: &Tls, mut lease: Lease) -> (io::Result<()>, Lease) {
        tls.sending.set(true);
        let result = loop {
            let holds_data = !lease.is_empty();
            let room = if holds_data { lease.dead_mut(0) } else { lease.spare_mut() };
            let count = tls.session.borrow_mut().take(room);
            if count == 0 {
                break Ok(());
            }
            let (result, returned) = if holds_data {
                self.socket.send_dead(lease, count).await
            } else {
                lease.grow(count);
                let (result, mut returned) = self.socket.send(lease, 0, count).await;
                returned.clear();
                (result, returned)
            };
            lease = returned;
            if result.is_err() {
                break result;
            }
        };
        tls.sending.set(false);
        (result, lease)
    }
}

impl Tls {
    fn new(session: Session) -> Box<Self> {
        Box::new(Self { session: RefCell::new(session), turn: Cell::new(None), sending: Cell::new(false) })
    }
}

/// Plaintext that is already there: `Some(0)` at the end of the stream, `None` when there is none.
fn read_plaintext(tls: &RefCell<Session>, lease: &mut Lease) -> Option<usize> {
    match tls.borrow_mut().read(lease.spare_mut()) {
        Plaintext::Bytes(count) => {
            lease.grow(count);
            Some(count)
        }
        Plaintext::Closed => Some(0),
        Plaintext::Pending => None,
    }
}

/// Replaces the last `received` bytes of the lease, ciphertext, by the plaintext in them; returns
/// how much that is. Plaintext that does not fit stays in the session for the next read.
fn decrypt(tls: &RefCell<Session>, lease: &mut Lease, received: usize) -> io::Result<usize> {
    let session = &mut *tls.borrow_mut();
    let before = lease.len() - received;
    let region = lease.tail_mut(received);
    let (mut taken, mut written) = (0, 0);
    while taken < received {
        let fed = session.feed(&region[taken..]).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        taken += fed;
        let read_before = written;
        while let Plaintext::Bytes(count @ 1..) = session.read(&mut region[written..taken]) {
            written += count;
        }
        if fed == 0 && written == read_before {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    lease.truncate(before + written);
    Ok(written)
}
