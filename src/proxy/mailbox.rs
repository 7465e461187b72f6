//! What the control thread may say to a worker, and how it gets there: a bounded queue and a bell.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::net::wake::{self, Bell, Ear};

/// Messages that may wait; control says very little.
const CAPACITY: usize = 16;

/// A message to a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Accept nothing more, end idle connections, finish the others, then end.
    Drain,
    /// Cut what is left.
    Stop,
    /// Go on serving, but end each connection with its next answer, and those that are idle now.
    Soften,
    /// Undo `Soften`; without effect after `Drain`.
    Resume,
}

/// Control's end.
#[derive(Debug)]
pub struct Mailbox {
    queue: SyncSender<Command>,
    bell: Bell,
}

/// The worker's end, before its runtime exists.
#[derive(Debug)]
pub struct Inbox {
    pub(super) queue: Receiver<Command>,
    pub(super) ear: Ear,
}

/// A connected pair.
///
/// # Errors
/// No descriptors.
pub fn pair() -> io::Result<(Mailbox, Inbox)> {
    let (sender, receiver) = sync_channel(CAPACITY);
    let (bell, ear) = wake::pair()?;
    Ok((Mailbox { queue: sender, bell }, Inbox { queue: receiver, ear }))
}

impl Mailbox {
    /// Sends; a full queue or a worker that has ended drops the message, which then changes nothing.
    pub fn send(&self, command: Command) {
        let _ = self.queue.try_send(command);
        self.bell.ring();
    }
}
