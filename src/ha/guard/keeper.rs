//! Sees to it that there is a guard: notices when it died, starts another, tells it what torii is.
//!
//! Owned by the ha thread and asked in each of its turns. Starting a process takes milliseconds, and more
//! on a busy machine, so that a helper thread does it, which also is the only one that lends its capability
//! to a program.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use super::fatal;
use super::handle::{Guard, StartError};
use super::plan::{Plan, voice};
use crate::config::model::Ha;
use crate::ha::status;
use crate::limits::ha::GUARD_RETRY;

/// This very program, whatever has become of its file.
const OWN_PROGRAM: &str = "/proc/self/exe";

const THREAD_FAILED: &str = "the thread that starts it has failed";

/// The guard, or the hope of one.
pub struct Keeper {
    /// `None`: none can be made.
    task: Option<Arc<Task>>,
    interface: u32,
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
    /// Starts the first guard of node `own` of a pair, whose interface has this index, and waits for it.
    /// Should there be none, `unguarded` says why.
    pub fn start(ha: &Ha, own: usize, interface: u32) -> Self {
        if std::process::id() == 1 {
            return Self::without(
                "torii is process 1 of a container, and with that one the kernel ends every other: give the \
                 container an init (docker run --init)"
                    .into(),
            );
        }
        Self::start_program(Path::new(OWN_PROGRAM), ha, own, interface)
    }

    /// As `start`, with the program named: a test is another program than torii.
    pub fn start_program(program: &Path, ha: &Ha, own: usize, interface: u32) -> Self {
        let task = match Task::new(program, ha, own, interface) {
            Ok(task) => Arc::new(task),
            Err(error) => return Self::without(format!("it has no socket to send from: {error}")),
        };
        let mut keeper = Self::without(String::new());
        keeper.interface = interface;
        keeper.task = Some(task.clone());
        match task.start_aside().recv() {
            Ok(Ok(guard)) => keeper.adopt(guard),
            Ok(Err(error)) => keeper.reason = error.to_string(),
            Err(_) => keeper.reason = THREAD_FAILED.into(),
        }
        keeper
    }

    /// As the status of the pair shows it.
    pub fn status(&self) -> status::Guard {
        self.unguarded().map_or(status::Guard::Alive, |reason| status::Guard::None(reason.into()))
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

    /// Has the guard replaced when the interface is another one than before. The old one stays until then,
    /// and for good when the new one cannot be.
    pub fn follow(&mut self, ha: &Ha, own: usize, interface: u32) {
        // Where there can never be one, another interface changes nothing.
        let Some(known) = self.task.as_ref().filter(|_| self.interface != interface) else { return };
        self.interface = interface;
        if let Ok(task) = Task::new(&known.program, ha, own, interface) {
            self.task = Some(Arc::new(task));
            self.starting = None;
            self.start_another();
        }
    }

    /// Looks after the guard; never waits. `now` is any monotonic time.
    pub fn look(&mut self, now: Duration) -> Option<News> {
        if let Some(starting) = &self.starting {
            match starting.try_recv() {
                Ok(Ok(guard)) => {
                    self.adopt(guard);
                    return Some(News::Replaced);
                }
                Ok(Err(error)) => return self.failed(now, error.to_string()),
                Err(TryRecvError::Disconnected) => return self.failed(now, THREAD_FAILED.into()),
                Err(TryRecvError::Empty) => {}
            }
        }
        if self.guard.as_mut().is_some_and(|guard| !guard.is_alive()) {
            fatal::disarm();
            self.guard.take().into_iter().for_each(Guard::bury);
            self.reason = "it died, and another one is being started".into();
            self.start_another();
            return Some(News::Died);
        }
        if self.retry_at.is_some_and(|at| now >= at) {
            self.retry_at = None;
            self.start_another();
        }
        None
    }

    /// An orderly end: the guard does nothing. There is none afterwards.
    pub fn end(&mut self) {
        fatal::disarm();
        self.reason = "it was ended in order".into();
        self.retry_at = None;
        self.guard.take().into_iter().for_each(Guard::end);
        // One that comes too late is ended all the same, so that it takes nothing for a death.
        if let Some(Ok(Ok(guard))) = self.starting.take().map(|starting| starting.recv()) {
            guard.end();
        }
    }

    /// No guard, ever, for this reason.
    pub fn without(reason: String) -> Self {
        Self {
            task: None,
            interface: 0,
            is_active: false,
            guard: None,
            starting: None,
            retry_at: None,
            reason,
        }
    }

    fn adopt(&mut self, mut guard: Guard) {
        self.starting = None;
        guard.tell(self.is_active);
        fatal::arm(guard.channel());
        // At no time is there nobody who would act; for a moment there are two, which does no harm.
        if let Some(old) = self.guard.replace(guard) {
            old.end();
        }
    }

    fn start_another(&mut self) {
        if self.starting.is_none() {
            self.starting = self.task.clone().map(Task::start_aside);
        }
    }

    fn failed(&mut self, now: Duration, reason: String) -> Option<News> {
        self.starting = None;
        self.retry_at = Some(now + GUARD_RETRY);
        let is_news = self.guard.is_none() && self.reason != reason;
        self.reason.clone_from(&reason);
        is_news.then_some(News::Unguarded(reason))
    }
}

impl Task {
    fn new(program: &Path, ha: &Ha, own: usize, interface: u32) -> io::Result<Self> {
        let plan = Plan::of(ha, own, interface)?;
        Ok(Self { program: program.to_owned(), plan, socket: voice(ha, own, interface)? })
    }

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
