//! One run of a program with a time limit: how it ended, and what it complained of.
//!
//! Used by `notify` on its own thread. The program gets no input, its output goes nowhere, the beginning of
//! its standard error is kept for the log. It is the leader of a process group, which is ended as a whole
//! when the time is over: SIGTERM, then SIGKILL. Nothing is left of it but children that made a group of
//! their own.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

use crate::limits::ha::{NOTIFY_GRACE, NOTIFY_WORDS};
use crate::observe::log::Level;

/// How long what a program wrote before its end may take to be read; a child of it may hold the pipe.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// By itself.
    Ended {
        /// Its status.
        status: ExitStatus,
        /// How long it ran.
        after: Duration,
        /// What it wrote to standard error, as far as it was kept.
        words: String,
    },
    /// It was ended for running longer than this.
    TooLong(Duration),
    /// It could not be started, or its end could not be awaited.
    Failed(io::Error),
}

impl Outcome {
    /// How serious that is.
    pub fn level(&self) -> Level {
        match self {
            Self::Ended { status, .. } if status.success() => Level::Notice,
            Self::Ended { .. } | Self::TooLong(_) => Level::Warning,
            Self::Failed(_) => Level::Error,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended { status, after, words } => {
                write!(f, "{status} after {} ms", after.as_millis())?;
                if words.is_empty() { Ok(()) } else { write!(f, ", saying: {words}") }
            }
            Self::TooLong(limit) => {
                write!(
                    f,
                    "it did not end within {} s and was killed; put what takes long into the \
                           background",
                    limit.as_secs()
                )
            }
            Self::Failed(error) => write!(
                f,
                "it cannot be run: {error}; it runs as the user of [process], who has to be allowed to"
            ),
        }
    }
}

/// Runs `program` with `arguments` for `limit` at most.
pub async fn run(program: &Path, arguments: &[&str], limit: Duration) -> Outcome {
    let begun = Instant::now();
    let spawned = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return Outcome::Failed(error),
    };
    let mut words = Vec::new();
    let mut stderr = child.stderr.take();
    let waited = timeout(limit, async {
        tokio::select! {
            status = child.wait() => status,
            () = listen(&mut stderr, &mut words) => child.wait().await,
        }
    });
    match waited.await {
        Ok(Ok(status)) => {
            let after = begun.elapsed();
            let _ = timeout(LAST_WORDS, listen(&mut stderr, &mut words)).await;
            Outcome::Ended { status, after, words: one_line(&words) }
        }
        Ok(Err(error)) => Outcome::Failed(error),
        Err(_) => {
            end(&mut child).await;
            Outcome::TooLong(limit)
        }
    }
}

/// Reads until the end, so that the program never waits for us; keeps the beginning.
async fn listen(stderr: &mut Option<ChildStderr>, words: &mut Vec<u8>) {
    let Some(pipe) = stderr else { return };
    let mut piece = [0; 256];
    while let Ok(count @ 1..) = pipe.read(&mut piece).await {
        let kept = count.min(NOTIFY_WORDS.saturating_sub(words.len()));
        words.extend_from_slice(&piece[..kept]);
    }
    *stderr = None;
}

/// Ends the program and what it started. It was not waited for yet, so its id is still its own.
async fn end(child: &mut Child) {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let Some(group) = group else { return };
    let _ = killpg(group, Signal::SIGTERM);
    // The leader may end at once and leave others behind: they get their time, and are not spared.
    let ended = timeout(NOTIFY_GRACE, child.wait()).await;
    let _ = killpg(group, Signal::SIGKILL);
    if ended.is_err() {
        let _ = child.wait().await;
    }
}

/// What was said, as one line without anything that steers a terminal.
fn one_line(words: &[u8]) -> String {
    let text = String::from_utf8_lossy(words);
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
