//! The guard process as torii sees it.
//!
//! Dropping a handle without `end` is what the death of torii looks like to the guard: while active it acts.

use std::fmt;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use caps::{CapSet, Capability};

use super::plan::Plan;
use super::process::byte;
use crate::limits::ha::{GUARD_END, GUARD_START};

/// A guard that is ready.
#[derive(Debug)]
pub struct Guard {
    channel: UnixStream,
    child: Child,
}

/// Why there is no guard.
#[derive(Debug)]
pub enum StartError {
    /// The process cannot be started, or a socket for it.
    Spawn(io::Error),
    /// It cannot do what it is for.
    Unable(String),
    /// It ended, or said nothing in time.
    Silent(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawn(error) => write!(formatter, "it cannot be started: {error}"),
            Self::Unable(reason) => formatter.write_str(reason),
            Self::Silent(error) => write!(formatter, "it was started and did not answer: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl Guard {
    /// Starts `program` as a guard and waits until it is ready, `GUARD_START` at most. `socket` is what it
    /// sends from. Not for a thread that has to keep time.
    ///
    /// # Errors
    /// Why there is none; nothing is left running.
    pub fn start(program: &Path, plan: &Plan, socket: BorrowedFd<'_>) -> Result<Self, StartError> {
        let (own, theirs) = UnixStream::pair().map_err(StartError::Spawn)?;
        let socket = socket.try_clone_to_owned().map_err(StartError::Spawn)?;
        let child = spawn(program, theirs.into(), socket).map_err(StartError::Spawn)?;
        let mut guard = Self { channel: own, child };
        match guard.introduce(plan) {
            Ok(()) => Ok(guard),
            Err(error) => {
                guard.bury();
                Err(error)
            }
        }
    }

    fn introduce(&mut self, plan: &Plan) -> Result<(), StartError> {
        let silent = StartError::Silent;
        let text = serde_json::to_vec(plan).map_err(|error| StartError::Spawn(error.into()))?;
        self.channel.set_write_timeout(Some(GUARD_START)).map_err(silent)?;
        self.channel.set_read_timeout(Some(GUARD_START)).map_err(silent)?;
        self.channel.write_all(&(text.len() as u32).to_be_bytes()).map_err(silent)?;
        self.channel.write_all(&text).map_err(silent)?;
        let mut answer = [0];
        self.channel.read_exact(&mut answer).map_err(silent)?;
        if answer[0] == byte::READY {
            return self.channel.set_nonblocking(true).map_err(silent);
        }
        let mut reason = String::new();
        self.channel.read_to_string(&mut reason).map_err(silent)?;
        Err(StartError::Unable(reason))
    }

    /// Says whether torii holds the shared addresses. To be said before they are added, and after they
    /// are removed. A guard that has died is noticed by `is_alive`.
    pub fn tell(&mut self, is_active: bool) {
        let state = if is_active { byte::ACTIVE } else { byte::STANDBY };
        let _ = self.channel.write(&[state]);
    }

    /// Whether it still is there. Never waits.
    pub fn is_alive(&mut self) -> bool {
        // A guard that is ready says nothing more; what comes is its end.
        match self.channel.read(&mut [0]) {
            Ok(count) => count > 0,
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    }

    /// Ends it; it does nothing. Waits for that, `GUARD_END` at most.
    pub fn end(mut self) {
        let channel = &mut self.channel;
        let _ = channel.write_all(&[byte::END]).and_then(|()| {
            channel.set_nonblocking(false)?;
            channel.set_read_timeout(Some(GUARD_END))?;
            channel.read(&mut [0])
        });
        // One that has not ended by now would find the channel closed when it goes on.
        self.bury();
    }

    /// Its end of the conversation, for `fatal`.
    pub(super) fn channel(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Removes what is left of it, should it be anything but dead.
    pub(super) fn bury(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the process: descriptor 0 is the channel, 1 the socket, 2 torii's standard error.
fn spawn(program: &Path, channel: OwnedFd, socket: OwnedFd) -> io::Result<Child> {
    lend_capability();
    Command::new(program)
        .arg0("torii-guard")
        .arg("guard")
        .env_clear()
        .stdin(Stdio::from(channel))
        .stdout(Stdio::from(socket))
        .spawn()
}

/// Lets a program that this thread starts keep CAP_NET_ADMIN, should the thread have it without being
/// root: an exec takes it away otherwise. Without effect where the thread does not have it.
fn lend_capability() {
    if !nix::unistd::Uid::effective().is_root()
        && caps::raise(None, CapSet::Inheritable, Capability::CAP_NET_ADMIN).is_ok()
    {
        let _ = caps::raise(None, CapSet::Ambient, Capability::CAP_NET_ADMIN);
    }
}
