//! `notify = "PATH"`: a program that is told of each change of state, with keepalived's four arguments.
//!
//! ```text
//! PATH INSTANCE VI_10 MASTER 102
//! ```
//!
//! The ha thread calls [`Notifier::tell`], which only appends to a short queue. A thread of its own runs
//! the program: one at a time, in the order of the changes, and never for longer than
//! `limits::ha::NOTIFY_LIMIT`. While the program hangs, changes wait; when too many do, the oldest is not
//! told and counted, so that the last one is always the state there is. What waits when the ha
//! thread ends is still told; control waits for that with [`NotifyEnd`].

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use tokio::sync::Notify;

use super::notify_run::{Outcome, run};
use crate::limits::ha as limits;
use crate::observe::log::{Level, NoticeWriter};

/// The ha thread's end.
#[derive(Debug)]
pub struct Notifier {
    shared: Arc<Shared>,
    last_told: Option<&'static str>,
}

/// Control's end: the end of it all.
#[derive(Debug)]
pub struct NotifyEnd(Receiver<()>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    bell: Notify,
}

/// What is to be told; locked for a few instructions by either side.
#[derive(Debug, Default)]
struct Waiting {
    changes: VecDeque<Change>,
    /// Changes that nobody will be told of.
    dropped: u64,
    closed: bool,
}

/// A change of state as the program hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    /// `MASTER`, `BACKUP`, `FAULT` or `STOP`.
    state: &'static str,
    priority: u8,
}

impl Notifier {
    /// Starts the thread. It and its program have the rights, the core and the scheduling of the caller:
    /// to be called by control, once privileges are given up.
    ///
    /// # Errors
    /// No thread, or no descriptors for its runtime.
    pub fn start(
        program: PathBuf,
        virtual_router_id: u8,
        notices: NoticeWriter,
    ) -> io::Result<(Self, NotifyEnd)> {
        let say = move |level, text: String| notices.notice(level, text);
        Self::start_saying(program, virtual_router_id, say)
    }

    fn start_saying(
        program: PathBuf,
        virtual_router_id: u8,
        say: impl Fn(Level, String) + Send + 'static,
    ) -> io::Result<(Self, NotifyEnd)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::new(Shared::default());
        let (end, ended) = sync_channel::<()>(0);
        let serving = shared.clone();
        thread::Builder::new().name("torii-notify".into()).spawn(move || {
            let instance = format!("VI_{virtual_router_id}");
            runtime.block_on(serve(&serving, &program, &instance, &say));
            drop(end);
        })?;
        Ok((Self { shared, last_told: None }, NotifyEnd(ended)))
    }

    /// Has the program told of a state, with the effective priority, unless it was told of the same state
    /// last. Never waits for the program.
    pub fn tell(&mut self, state: &'static str, priority: u8) {
        if self.last_told.replace(state) == Some(state) {
            return;
        }
        let mut waiting = self.shared.lock();
        if waiting.changes.len() == limits::NOTIFY_QUEUE {
            waiting.changes.pop_front();
            waiting.dropped += 1;
        }
        waiting.changes.push_back(Change { state, priority });
        drop(waiting);
        self.shared.bell.notify_one();
    }

    /// Changes that the program was not told of, since the start.
    pub fn dropped(&self) -> u64 {
        self.shared.lock().dropped
    }
}

impl NotifyEnd {
    /// Once the notifier is dropped: waits until the program was told of everything, for
    /// `limits::ha::NOTIFY_END` at most; `false` when it was not by then.
    pub fn wait(self) -> bool {
        // The other end is dropped by the thread when it is done.
        self.0.recv_timeout(limits::NOTIFY_END) != Err(RecvTimeoutError::Timeout)
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn close(&self) {
        self.lock().closed = true;
        self.bell.notify_one();
    }

    /// The next change; `None` once there will be none. The bell remembers one ring, so none is missed.
    async fn next(&self) -> Option<Change> {
        loop {
            {
                let mut waiting = self.lock();
                match waiting.changes.pop_front() {
                    Some(change) => return Some(change),
                    None if waiting.closed => return None,
                    None => {}
                }
            }
            self.bell.notified().await;
        }
    }
}

/// The thread: tells, and says how each telling ended.
async fn serve(shared: &Shared, program: &Path, instance: &str, say: &impl Fn(Level, String)) {
    let mut reported = 0;
    while let Some(change) = shared.next().await {
        let dropped = shared.lock().dropped;
        if dropped > reported {
            let text = format!(
                "notify {}: it was too slow to be told of {} changes of state, {dropped} in all",
                program.display(),
                dropped - reported
            );
            say(Level::Warning, text);
            reported = dropped;
        }
        let priority = change.priority.to_string();
        let arguments = ["INSTANCE", instance, change.state, &priority];
        let outcome = run(program, &arguments, limits::NOTIFY_LIMIT).await;
        let told = Told { program, change, outcome: &outcome };
        say(outcome.level(), told.to_string());
    }
}

/// One telling, for the log.
struct Told<'a> {
    program: &'a Path,
    change: Change,
    outcome: &'a Outcome,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Change { state, priority } = self.change;
        write!(f, "notify {} was told of {state} with priority {priority}: ", self.program.display())?;
        self.outcome.fmt(f)
    }
}

#[cfg(test)]
mod tests;
