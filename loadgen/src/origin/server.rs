//! The origin's threads: each has its own listening sockets (SO_REUSEPORT) and its own clients.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};

use super::answers::{AnswerShape, Answers};
use super::connection::{Connection, Next, Scratch, Turn};
use super::delay::Delay;
use crate::engine::{Reactor, Ready, RunClock};
use crate::schedule::Random;
use crate::tls::{ServerSession, gather_randomness};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// The longest wait: how late a stop is noticed.
const WAIT_MAX_NS: u64 = 50_000_000;

/// Tokens from here on are listeners.
const LISTENERS: u64 = 1 << 63;

/// Pause after a connection could not be accepted.
const REST: Duration = Duration::from_millis(1);

/// Connections accepted in a row from one socket.
const ACCEPTS_IN_A_ROW: usize = 64;

/// Events after which answers that are due are looked for.
const EVENTS_BETWEEN_ANSWERS: usize = 8;

/// How long a client may take to read the last word and to close.
const LINGER_NS: u64 = 1_000_000_000;

/// What the origin is.
#[derive(Clone, Default)]
pub struct OriginPlan {
    /// Where it listens; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// Threads, at least one.
    pub threads: usize,
    /// What it answers.
    pub answer: AnswerShape,
    /// When.
    pub delay: Delay,
    /// `None`: plain TCP.
    pub tls: Option<Arc<ServerConfig>>,
}

/// An origin that runs until it is dropped.
pub struct Origin {
    addresses: Vec<SocketAddr>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

impl Origin {
    /// Binds and starts.
    ///
    /// # Errors
    /// An address cannot be bound, or no thread made.
    pub fn start(plan: OriginPlan) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut addresses = plan.listen.clone();
        let answers = Arc::new(Answers::new(&plan.answer));
        let origin = Instant::now();
        let mut threads = Vec::new();
        for thread in 0..plan.threads.max(1) {
            let mut listeners = Vec::new();
            for address in &mut addresses {
                let listener = listen(*address)?;
                *address = listener.local_addr()?;
                listeners.push(listener);
            }
            let (stop, answers, plan) = (stop.clone(), answers.clone(), plan.clone());
            let worker = move || Worker::new(listeners, answers, plan, thread, origin)?.run(&stop);
            threads.push(Builder::new().name(format!("origin-{thread}")).spawn(worker)?);
        }
        Ok(Self { addresses, stop, threads })
    }

    /// Where it listens, with the ports it really has.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Whether a thread has ended, which only a fault brings about.
    pub fn has_ended(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Waits for its end, which only a fault brings.
    ///
    /// # Errors
    /// What the kernel said to the first thread that could not go on.
    pub fn join(mut self) -> io::Result<()> {
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| io::Error::other("a thread ended by a fault of this program"))??;
        }
        Ok(())
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // Its result was for `join`; here it only has to be over.
            let _ = thread.join();
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

struct Worker {
    reactor: Reactor,
    listeners: Vec<TcpListener>,
    connections: Vec<Option<Connection>>,
    generations: Vec<u32>,
    free: Vec<u32>,
    /// Answers that are held back, and connections that are about to end: when they are due, and whose.
    due: BinaryHeap<Reverse<(u64, u64)>>,
    answers: Arc<Answers>,
    plan: OriginPlan,
    clock: RunClock,
    random: Random,
    /// Connections that have more to do than one turn allows.
    again: Vec<u64>,
    scratch: Scratch,
}

impl Worker {
    fn new(
        listeners: Vec<TcpListener>,
        answers: Arc<Answers>,
        plan: OriginPlan,
        thread: usize,
        origin: Instant,
    ) -> io::Result<Self> {
        let reactor = Reactor::new()?;
        for (index, listener) in listeners.iter().enumerate() {
            reactor.watch_listener(listener, LISTENERS + index as u64)?;
        }
        Ok(Self {
            reactor,
            listeners,
            connections: Vec::new(),
            generations: Vec::new(),
            free: Vec::new(),
            due: BinaryHeap::new(),
            answers,
            plan,
            clock: RunClock::new(origin),
            random: Random::new(0x6f72_6967_696e + thread as u64),
            again: Vec::new(),
            scratch: Scratch::default(),
        })
    }

    fn run(mut self, stop: &AtomicBool) -> io::Result<()> {
        Reactor::wake_exactly();
        if self.plan.tls.is_some() {
            gather_randomness();
        }
        while !stop.load(Ordering::Relaxed) {
            let timeout_ns = match self.due.peek() {
                _ if !self.again.is_empty() => 0,
                Some(Reverse((at_ns, _))) => at_ns.saturating_sub(self.clock.now_ns()).min(WAIT_MAX_NS),
                None => WAIT_MAX_NS,
            };
            let events = self.reactor.wait(timeout_ns)?;
            for index in 0..events {
                let ready = self.reactor.event(index);
                match ready.token.checked_sub(LISTENERS) {
                    Some(listener) => self.accept(listener as usize),
                    None => self.on_ready(ready),
                }
                if index % EVENTS_BETWEEN_ANSWERS == EVENTS_BETWEEN_ANSWERS - 1 {
                    self.send_due();
                }
            }
            self.go_on();
            self.send_due();
        }
        Ok(())
    }

    fn accept(&mut self, listener: usize) {
        for _ in 0..ACCEPTS_IN_A_ROW {
            // Those who wait are told of again, at once: without descriptors that would be all there is to do.
            let stream = match self.listeners[listener].accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return std::thread::sleep(REST),
            };
            let tls = self.plan.tls.as_ref().map(|config| ServerSession::new(config.clone()));
            let prepared = stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true));
            let (Ok(()), Ok(tls)) = (prepared, tls.transpose()) else { continue };
            let index = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.generations.push(0);
                (self.connections.len() - 1) as u32
            });
            let token = self.token(index as usize);
            if self.reactor.watch(&stream, token).is_ok() {
                self.connections[index as usize] = Some(Connection::new(stream, tls));
            } else {
                self.free.push(index);
            }
        }
    }

    fn token(&self, index: usize) -> u64 {
        // 31 bits of generation: the highest bit is the listeners'.
        (u64::from(self.generations[index] & 0x7fff_ffff) << 32) | index as u64
    }

    fn on_ready(&mut self, ready: Ready) {
        self.drive(ready.token, |connection, turn| {
            connection.wake(ready.readable, ready.ended);
            connection.go_on(turn)
        });
    }

    /// Goes on with those that had more to do than one turn allowed.
    fn go_on(&mut self) {
        // Those that still have more to do go to the end of the list anew.
        let count = self.again.len();
        for index in 0..count {
            let token = self.again[index];
            self.drive(token, |connection, turn| {
                connection.is_listed = false;
                connection.go_on(turn)
            });
            if index % EVENTS_BETWEEN_ANSWERS == EVENTS_BETWEEN_ANSWERS - 1 {
                self.send_due();
            }
        }
        self.again.drain(..count);
    }

    fn send_due(&mut self) {
        if self.due.is_empty() {
            return;
        }
        let now_ns = self.clock.now_ns();
        while let Some(&Reverse((at_ns, token))) = self.due.peek() {
            if at_ns > now_ns {
                return;
            }
            self.due.pop();
            self.drive(token, Connection::on_due);
        }
    }

    /// Gives a connection a turn that begins with `first`, and does what it asks for until it waits.
    fn drive(&mut self, token: u64, first: impl FnOnce(&mut Connection, &mut Turn<'_>) -> Next) {
        let index = (token & 0xffff_ffff) as usize;
        if self.token(index) != token {
            return;
        }
        let Some(connection) = &mut self.connections[index] else { return };
        let mut turn = Turn::new(&mut self.scratch, &self.answers);
        let mut next = first(connection, &mut turn);
        loop {
            next = match next {
                Next::Wait => return,
                Next::Again => {
                    if !connection.is_listed {
                        connection.is_listed = true;
                        self.again.push(token);
                    }
                    return;
                }
                Next::Close => break,
                Next::Answer if self.plan.delay == Delay::None => connection.on_due(&mut turn),
                Next::Answer => {
                    let due_ns = self.plan.delay.due_ns(self.clock.now_ns(), &mut self.random);
                    self.due.push(Reverse((due_ns, token)));
                    return;
                }
                Next::Linger => {
                    self.due.push(Reverse((self.clock.now_ns() + LINGER_NS, token)));
                    connection.go_on(&mut turn)
                }
            };
        }
        self.connections[index] = None;
        self.generations[index] = self.generations[index].wrapping_add(1);
        self.free.push(index as u32);
    }
}
