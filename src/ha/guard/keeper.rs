//! Sees to it that there is a guard: notices when it died, starts another, tells it what torii is.
//!
//! Owned by the ha thread and asked in each of its turns. Starting a process takes milliseconds, and more
//! on a busy machine, so that a helper thread does it, which also is the only one that lends its capability
//! to a program.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use super::handle::{Guard, StartError};
use super::plan::Plan;
use crate::limits::ha::GUARD_RETRY;

/// This very program, whatever has become of its file.
const OWN_PROGRAM: &str = "/proc/self/exe";

const THREAD_FAILED: &str = "the thread that starts it has failed";

/// The guard, or the hope of one.
pub struct Keeper {
    task: Arc<Task>,
    is_active: bool,
    guard: Option<Guard>,
    /// Another one is on its way.
    starting: Option<Receiver<Result<Guard, StartError>>>,
    /// When to try again, and why there is none.
    retry_at: Option<Duration>,
    reason: String,
}

/// What every guard is started with.
struct Task {
    program: PathBuf,
    plan: Plan,
    socket: OwnedFd,
}

/// What the operator should know.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// The guard has died; another one is being started.
    Died,
    /// There is a guard again.
    Replaced,
    /// There is none, and why. It is tried again, silently until it works.
    Unguarded(String),
}

impl Keeper {
    /// Starts the first guard and waits for it. Should there be none, `unguarded` says why, and none is
    /// tried again: what was missing at the start does not come.
    pub fn start(plan: Plan, socket: OwnedFd) -> Self {
        Self::start_program(Path::new(OWN_PROGRAM), plan, socket)
    }

    /// As `start`, with the program named: a test is another program than torii.
    pub fn start_program(program: &Path, plan: Plan, socket: OwnedFd) -> Self {
        let task = Arc::new(Task { program: program.to_owned(), plan, socket });
        let (guard, reason) = match task.clone().start_aside().recv() {
            Ok(Ok(guard)) => (Some(guard), String::new()),
            Ok(Err(error)) => (None, error.to_string()),
            Err(_) => (None, THREAD_FAILED.into()),
        };
        Self { task, is_active: false, guard, starting: None, retry_at: None, reason }
    }

    /// Why there is no guard; `None`: there is one.
    pub fn unguarded(&self) -> Option<&str> {
        self.guard.is_none().then_some(&self.reason)
    }

    /// The guard's process id.
    pub fn pid(&self) -> Option<u32> {
        self.guard.as_ref().map(Guard::pid)
    }

    /// Says whether torii holds the shared addresses: before they are added, and after they are removed.
    pub fn tell(&mut self, is_active: bool) {
        self.is_active = is_active;
        if let Some(guard) = &mut self.guard {
            guard.tell(is_active);
        }
    }

    /// Has the guard replaced by one with another plan and socket: the interface is another one than
    /// before. The old one stays until then.
    pub fn replan(&mut self, plan: Plan, socket: OwnedFd) {
        self.task = Arc::new(Task { program: self.task.program.clone(), plan, socket });
        self.starting = Some(self.task.clone().start_aside());
    }

    /// Looks after the guard; never waits. `now` is any monotonic time.
    pub fn look(&mut self, now: Duration) -> Option<News> {
        if let Some(starting) = &self.starting {
            match starting.try_recv() {
                Ok(Ok(guard)) => return Some(self.change_to(guard)),
                Ok(Err(error)) => return self.failed(now, error.to_string()),
                Err(TryRecvError::Disconnected) => return self.failed(now, THREAD_FAILED.into()),
                Err(TryRecvError::Empty) => {}
            }
        }
        if self.guard.as_mut().is_some_and(|guard| !guard.is_alive()) {
            self.guard.take().into_iter().for_each(Guard::bury);
            self.reason = "it died, and another one is being started".into();
            self.starting.get_or_insert_with(|| self.task.clone().start_aside());
            return Some(News::Died);
        }
        if self.retry_at.is_some_and(|at| now >= at) {
            self.retry_at = None;
            self.starting.get_or_insert_with(|| self.task.clone().start_aside());
        }
        None
    }

    /// An orderly end: the guard does nothing.
    pub fn end(self) {
        self.guard.into_iter().for_each(Guard::end);
        // One that comes too late is ended all the same, so that it takes nothing for a death.
        if let Some(Ok(Ok(guard))) = self.starting.map(|starting| starting.recv()) {
            guard.end();
        }
    }

    fn change_to(&mut self, mut guard: Guard) -> News {
        self.starting = None;
        guard.tell(self.is_active);
        // At no time is there nobody who would act; for a moment there are two, which does no harm.
        if let Some(old) = self.guard.replace(guard) {
            old.end();
        }
        News::Replaced
    }

    fn failed(&mut self, now: Duration, reason: String) -> Option<News> {
        self.starting = None;
        self.retry_at = Some(now + GUARD_RETRY);
        let is_news = self.reason != reason;
        self.reason.clone_from(&reason);
        is_news.then_some(News::Unguarded(reason))
    }
}

impl Task {
    /// Starts a guard on a thread of its own, so that nobody waits for it and no other thread lends its
    /// capability. Nothing comes when not even a thread can be started.
    fn start_aside(self: Arc<Self>) -> Receiver<Result<Guard, StartError>> {
        let (sender, receiver) = sync_channel(1);
        let start = move || {
            let _ = sender.send(Guard::start(&self.program, &self.plan, self.socket.as_fd()));
        };
        let _ = thread::Builder::new().name("torii-guarding".into()).spawn(start);
        receiver
    }
}
