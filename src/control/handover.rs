//! Giving the shared addresses to the other node without losing a connection: `torii failover`, and
//! the first thing that an active node does when it is asked to end.
//!
//! ```text
//! may it? ─▶ soften: answers end connections ─▶ hush: none begins ─▶ order: priority 0, successor
//!    │       (until none is left, at most `drain`)  (what ends, ends)   heard, addresses go
//!    └─▶ refused                                                        └─▶ as before, standby
//! ```
//!
//! Whatever interrupts it, workers serve as before afterwards: what was begun is undone on drop.

mod back;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep, timeout};

use super::status::Phase;
use crate::config::model::{Config, Ha};
use crate::ha::handle::PairHandle;
use crate::ha::order::{HandedOver, Refusal, may_hand_over};
use crate::ha::status::PairStatus;
use crate::limits::control::{ELECTION_END, HUSH_LEAST, HUSH_LIMIT, HUSH_SETTLE, HUSH_SETTLE_MAX};
use crate::net::hush::{Hush, Hushed};
use crate::observe::log::{Level, NoticeWriter};
use crate::observe::words::span;
use crate::proxy::mailbox::{Command, Mailbox};
use crate::snapshot::Snapshot;

/// How often open connections are counted while they become fewer.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The same in the moment before the addresses go.
const LOOK_CLOSELY: Duration = Duration::from_millis(1);

/// How often somebody who waits is told that it goes on.
const TELL_AGAIN: Duration = Duration::from_secs(1);

/// Everything that takes part.
pub struct Handover {
    pair: PairHandle,
    workers: Arc<[Mailbox]>,
    hush: Hush,
    snapshot: Arc<Snapshot>,
    /// Listeners that clients reach at a shared address.
    listeners: Vec<usize>,
    drain: Duration,
    phase: Phase,
    notices: NoticeWriter,
    /// Held by the one that is under way.
    running: Mutex<()>,
    /// Whether this node is asked to end: then it asks for nothing any more.
    is_leaving: watch::Sender<bool>,
}

impl Handover {
    /// Of a node with these workers. `hush` holds duplicates of the sockets of `is_shared` addresses.
    pub fn new(
        config: &Config,
        pair: PairHandle,
        workers: Arc<[Mailbox]>,
        hush: Hush,
        snapshot: Arc<Snapshot>,
        phase: Phase,
        notices: NoticeWriter,
    ) -> Self {
        let shares = |ha: &Ha, bind: &[SocketAddr]| bind.iter().any(|address| is_shared(ha, *address));
        let listeners = config.listeners.iter().enumerate();
        let listeners = listeners
            .filter(|(_, listener)| config.ha.as_ref().is_some_and(|ha| shares(ha, &listener.bind)))
            .map(|(index, _)| index)
            .collect();
        let drain = config.ha.as_ref().map_or(Duration::ZERO, |ha| ha.drain);
        let running = Mutex::new(());
        let is_leaving = watch::Sender::new(false);
        Self { pair, workers, hush, snapshot, listeners, drain, phase, notices, running, is_leaving }
    }

    /// Hands over, and says each step to `tell`; ends with what came of it in words.
    ///
    /// # Errors
    /// Why nothing was handed over.
    pub async fn hand_over(&self, force: bool, tell: impl Fn(String)) -> Result<String, Refusal> {
        let _running = self.running.try_lock().map_err(|_| Refusal::Busy)?;
        self.run(&Wish::Operator { force }, &tell, std::future::pending()).await
    }

    /// The first part of an orderly end: the addresses go to another node, and this one takes no part
    /// any more. If nobody would take them they stay, for `end`, while connections are finished.
    pub async fn leave(&self) {
        // Nothing comes to a node that ends. A hand-over that an operator asked for comes first.
        self.is_leaving.send_replace(true);
        let _running = self.running.lock().await;
        let status = self.pair.status.latest();
        if status.state.holds_addresses() {
            let force = match may_hand_over(&status, false) {
                Ok(()) => false,
                // Worth a try: if nobody is there, nothing but the time is lost.
                Err(Refusal::SuccessorUnknown(_)) => true,
                Err(refusal) => return self.keep(&refusal),
            };
            let wish = Wish::Operator { force };
            if let Err(refusal) = self.run(&wish, &|_| {}, std::future::pending()).await {
                return self.keep(&refusal);
            }
        }
        self.end().await;
    }

    /// Ends the election on this node; what it still has, it gives up.
    pub async fn end(&self) {
        if timeout(ELECTION_END, self.pair.shut_down()).await.is_err() {
            self.notices.notice(Level::Error, "the ha thread does not answer; its guard clears up after it");
        }
    }

    fn keep(&self, refusal: &Refusal) {
        let text = format!("the shared addresses stay until the end of this process: {refusal}");
        self.notices.notice(Level::Warning, text);
    }

    /// `called_off` ends it as long as the addresses have not begun to move.
    async fn run(
        &self,
        wish: &Wish,
        tell: &impl Fn(String),
        called_off: impl Future<Output = ()>,
    ) -> Result<String, Refusal> {
        may_hand_over(&self.pair.status.latest(), matches!(wish, Wish::Operator { force: true }))?;
        self.notices.notice(Level::Notice, format!("handing the shared addresses over to {wish}"));
        let begun = Instant::now();
        let softened = Softened::begin(self);
        tokio::select! {
            () = self.finish_connections(tell) => {}
            () = called_off => {
                let text = "the shared addresses stay: who asked for them asks no more, or it took too long";
                self.notices.notice(Level::Warning, text);
                return Err(Refusal::CalledOff);
            }
        }
        let result = self.move_addresses(wish, tell).await;
        drop(softened);
        match result? {
            HandedOver::TakenBy(name) => Ok(format!(
                "{} with {name} now, after {:.1} s",
                are(&self.pair.status.latest()),
                begun.elapsed().as_secs_f64()
            )),
            HandedOver::NobodyTookIt => Err(Refusal::NobodyTookIt),
        }
    }

    /// Until no client is connected, or the time for it is over.
    async fn finish_connections(&self, tell: &impl Fn(String)) {
        let begun = Instant::now();
        let mut told = None;
        while self.open() > 0 && begun.elapsed() < self.drain {
            if told.is_none_or(|told: Instant| told.elapsed() >= TELL_AGAIN) {
                tell(format!("each answer ends its connection; {} open", connections(self.open())));
                told = Some(Instant::now());
            }
            sleep(LOOK_AGAIN).await;
        }
        match self.open() {
            0 => tell("no connection is open".into()),
            left => tell(format!(
                "{} still open after {}: what ends in the next moment is finished, the rest is cut",
                connections(left),
                span(self.drain)
            )),
        }
    }

    /// The moment itself: what began before is finished, nothing begins, the addresses go.
    async fn move_addresses(&self, wish: &Wish, tell: &impl Fn(String)) -> Result<HandedOver, Refusal> {
        let hushed = self.hold_off().await;
        self.settle().await;
        tell("priority 0 is sent".into());
        let moving = async {
            match wish {
                Wish::Operator { force } => self.pair.hand_over(*force).await,
                Wish::OtherNode { address, .. } => self.pair.step_aside(*address).await,
            }
        };
        tokio::pin!(moving);
        if let Ok(result) = timeout(HUSH_LIMIT, &mut moving).await {
            return result;
        }
        // Clients are served from here as long as nobody else is heard.
        drop(hushed);
        loop {
            tell("no other node was heard yet".into());
            if let Ok(result) = timeout(TELL_AGAIN, &mut moving).await {
                return result;
            }
        }
    }

    /// While no connection begins: until the open ones have ended, or no more of them do.
    async fn settle(&self) {
        let begun = Instant::now();
        let mut fewest = (u32::MAX, begun);
        sleep(HUSH_LEAST).await;
        while begun.elapsed() < HUSH_SETTLE_MAX {
            let left = self.open() + self.hush.queued();
            if left < fewest.0 {
                fewest = (left, Instant::now());
            }
            if left == 0 || fewest.1.elapsed() >= HUSH_SETTLE {
                return;
            }
            sleep(LOOK_CLOSELY).await;
        }
    }

    /// No connection begins while what it returns lives.
    async fn hold_off(&self) -> Option<Hushed<'_>> {
        let hushed = self.hush.until_dropped();
        let attached = match self.hush.attach() {
            // Control has given up the right that this kernel wants.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let hush = self.hush.clone();
                self.pair.with_rights(move || hush.attach()).await.unwrap_or(Err(error))
            }
            attached => attached,
        };
        if let Err(error) = attached {
            let text = format!("new connections cannot be held off for the hand-over: {error}");
            self.notices.notice(Level::Warning, text);
            return None;
        }
        Some(hushed)
    }

    /// Client connections of listeners at shared addresses.
    fn open(&self) -> u32 {
        self.listeners.iter().map(|&index| self.snapshot.listeners[index].connections.current()).sum()
    }

    fn send(&self, command: Command) {
        self.workers.iter().for_each(|worker| worker.send(command));
    }
}

/// Whose wish a hand-over is.
#[derive(Debug)]
enum Wish {
    /// This node's operator; it is remembered until `torii failover --back`.
    Operator {
        /// Although nothing good is known of a successor.
        force: bool,
    },
    /// A better node, which asks for the addresses.
    OtherNode { name: String, address: IpAddr },
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator { .. } => f.write_str("another node, as asked"),
            Self::OtherNode { name, .. } => write!(f, "{name}, which asks for them"),
        }
    }
}

/// While this lives, answers end their connections.
struct Softened<'a>(&'a Handover);

impl<'a> Softened<'a> {
    fn begin(handover: &'a Handover) -> Self {
        handover.phase.soften();
        handover.send(Command::Soften);
        Self(handover)
    }
}

impl Drop for Softened<'_> {
    fn drop(&mut self) {
        self.0.send(Command::Resume);
        self.0.phase.resume();
    }
}

/// Whether clients of a shared address reach a socket that is bound to this one.
pub fn is_shared(ha: &Ha, bound: SocketAddr) -> bool {
    let wanted = bound.ip().to_canonical();
    let is_wanted = |address: IpAddr| wanted.is_unspecified() || address == wanted;
    ha.addresses.iter().any(|network| is_wanted(network.addr()))
}

fn are(status: &PairStatus) -> String {
    match status.addresses.as_slice() {
        [one] => format!("{one} is"),
        several => format!("{} are", several.join(", ")),
    }
}

fn connections(count: u32) -> String {
    if count == 1 { "1 connection is".into() } else { format!("{count} connections are") }
}

impl fmt::Debug for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handover").field("listeners", &self.listeners).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "handover/tests.rs"]
mod tests;
