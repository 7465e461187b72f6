//! The commands' end of the control socket: one request, and its answers as they come.
//!
//! Used by `torii status` and `torii failover`, which have nothing else to do meanwhile: it blocks,
//! within time limits.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::protocol::{self, Request};
use crate::limits::control::ANSWER_SIZE;

/// Longest silence of a torii that lives: also while an order takes long it says something each second.
const SILENCE: Duration = Duration::from_secs(10);

/// A conversation.
#[derive(Debug)]
pub struct Client {
    answers: BufReader<UnixStream>,
    path: PathBuf,
}

/// Why a running torii cannot be reached.
#[derive(Debug)]
pub struct ClientError {
    path: PathBuf,
    error: io::Error,
}

impl Client {
    /// Connects and asks.
    ///
    /// # Errors
    /// Nobody listens there, or not for this user.
    pub fn ask(path: &Path, request: &Request) -> Result<Self, ClientError> {
        let asked = || {
            let mut stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(SILENCE))?;
            stream.set_write_timeout(Some(SILENCE))?;
            stream.write_all(&protocol::line(request))?;
            Ok(stream)
        };
        match asked() {
            Ok(stream) => Ok(Self { answers: BufReader::new(stream), path: path.to_owned() }),
            Err(error) => Err(ClientError { path: path.to_owned(), error }),
        }
    }

    /// The next line, without its line feed.
    ///
    /// # Errors
    /// It did not come in time, or not as a whole.
    pub fn next_line(&mut self) -> Result<Vec<u8>, ClientError> {
        let mut line = Vec::new();
        let read = self.answers.by_ref().take(ANSWER_SIZE as u64).read_until(b'\n', &mut line);
        let whole = read.and_then(|_| match line.pop() {
            Some(b'\n') => Ok(line),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        });
        whole.map_err(|error| ClientError { path: self.path.clone(), error })
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, error } = self;
        let path = path.display();
        match error.kind() {
            io::ErrorKind::NotFound => write!(
                f,
                "no torii is running with its socket at {path}\n  \
                 help: start it, or name its configuration: torii status -c FILE"
            ),
            io::ErrorKind::ConnectionRefused => write!(
                f,
                "torii is not running: nobody listens at {path}, which a process left that has died\n  \
                 help: see why it ended (journalctl -u torii), and start it again"
            ),
            io::ErrorKind::PermissionDenied => write!(
                f,
                "this user may not connect to {path}\n  \
                 help: run the command as root or as a member of the group of [process]"
            ),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => write!(
                f,
                "torii does not answer at {path}: for {} seconds nothing came\n  \
                 help: it may be stopped or its machine overloaded; look at the process",
                SILENCE.as_secs()
            ),
            io::ErrorKind::UnexpectedEof => write!(
                f,
                "torii ended the conversation at {path} before its answer was whole\n  \
                 help: it may have been stopped meanwhile; see its log"
            ),
            _ => write!(f, "torii cannot be reached at {path}: {error}"),
        }
    }
}

impl std::error::Error for ClientError {}
