//! How often the end was asked for: once drains, twice cuts.
//!
//! Signals and the command `q` count alike.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Counts the requests to end. Clones count together.
#[derive(Debug, Clone)]
pub(super) struct Ending {
    asked: watch::Sender<u32>,
}

impl Ending {
    pub(super) fn new() -> Self {
        Self { asked: watch::Sender::new(0) }
    }

    /// Asks once more.
    pub(super) fn ask(&self) {
        self.asked.send_modify(|count| *count += 1);
    }

    /// Waits until the end was asked for `count` times.
    pub(super) async fn asked(&self, count: u32) {
        // The sender is `self`, so the channel stays open while this waits.
        let _ = self.asked.subscribe().wait_for(|asked| *asked >= count).await;
    }
}

/// Ctrl-C, `kill`, and a terminal that was closed.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// From here on these signals no longer end the process by themselves.
    ///
    /// # Errors
    /// The system's reason.
    pub(super) fn catch() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Passes every signal on, for ever.
    pub(super) async fn pass_on(mut self, ending: Ending) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
                _ = self.hangup.recv() => {}
            }
            ending.ask();
        }
    }
}
