//! Where log lines end: a file, standard output, standard error, a syslog daemon, or nowhere.
//!
//! Owned by the log thread. Lines for a stream are gathered and written many at a time; a
//! write that fails loses its lines, is counted and said once, and the next one tries again.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::syslog::{Syslog, Target};
use super::thread::{Level, LogStartError};
use super::time::LocalTime;
use crate::config::model::{Log, LogTarget};
use crate::limits;

/// What became of the lines so far.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    /// Handed to the target.
    pub(super) written: u64,
    /// Not taken by the target.
    pub(super) dropped: u64,
}

/// A target of log lines.
#[derive(Debug)]
pub(super) struct Sink {
    target: Open,
    counts: Counts,
    /// Whether the failure that lasts has been said.
    failing: bool,
}

#[derive(Debug)]
enum Open {
    Off,
    Stream(Stream),
    Syslog(Syslog),
}

/// A file or an inherited descriptor.
#[derive(Debug)]
struct Stream {
    output: File,
    /// Whole lines not yet written; after a write that stopped within a line, the rest of that line first.
    batch: Vec<u8>,
    /// The path of a file, to notice that it was rotated.
    path: Option<PathBuf>,
    look_after: Instant,
}

impl Sink {
    /// Opens the target of a configuration. A syslog daemon may come later; a file may not.
    pub(super) fn open(log: &Log) -> Result<Self, LogStartError> {
        let target = match &log.target {
            LogTarget::Off => Open::Off,
            LogTarget::Stdout => Open::Stream(Stream::inherited(io::stdout(), "standard output")?),
            LogTarget::Stderr => Open::Stream(Stream::inherited(io::stderr(), "standard error")?),
            LogTarget::File(path) => Open::Stream(Stream::file(path)?),
            LogTarget::SyslogLocal(path) => {
                Open::Syslog(Syslog::new(Target::Local(path.clone()), log.facility))
            }
            LogTarget::SyslogUdp(address) => Open::Syslog(Syslog::new(Target::Udp(*address), log.facility)),
        };
        Ok(Self { target, counts: Counts::default(), failing: false })
    }

    /// Lines written and dropped so far.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Adds the line of an access record.
    pub(super) fn add_record(&mut self, unix_ms: u64, time: &mut LocalTime, line: &[u8]) {
        match &mut self.target {
            Open::Off => {}
            Open::Stream(stream) => stream.add(line, &mut self.counts),
            Open::Syslog(syslog) => syslog.send(Level::Info, unix_ms, time, line, &mut self.counts),
        }
    }

    /// Adds a message of torii's own; `stamped` is the same text with its date and level, for
    /// targets that keep neither.
    pub(super) fn add_notice(
        &mut self,
        level: Level,
        unix_ms: u64,
        time: &mut LocalTime,
        text: &[u8],
        stamped: &[u8],
    ) {
        match &mut self.target {
            Open::Off => {}
            Open::Stream(stream) => stream.add(stamped, &mut self.counts),
            Open::Syslog(syslog) => syslog.send(level, unix_ms, time, text, &mut self.counts),
        }
    }

    /// Writes what is gathered and looks, now and then, whether the file was rotated. A target
    /// that stops taking lines is named on standard error, once.
    pub(super) fn flush(&mut self) {
        let failure = match &mut self.target {
            Open::Off => return,
            Open::Stream(stream) => match stream.flush(&mut self.counts) {
                Ok(false) => return,
                Ok(true) => None,
                Err(error) => Some(error.to_string()),
            },
            Open::Syslog(syslog) => {
                (!syslog.is_connected()).then(|| "the syslog daemon is not there".to_owned())
            }
        };
        if let Some(why) = failure.as_ref().filter(|_| !self.failing) {
            // Standard error may be closed; there is nobody else to tell.
            let _ = writeln!(io::stderr(), "torii: log lines are being dropped: {why}");
        }
        self.failing = failure.is_some();
    }
}

impl Stream {
    fn inherited(descriptor: impl AsFd, name: &'static str) -> Result<Self, LogStartError> {
        // A duplicate (close-on-exec) is written directly, past the standard library's line buffer.
        let duplicate = descriptor.as_fd().try_clone_to_owned();
        let output = duplicate.map_err(|source| LogStartError::Inherited { name, source })?.into();
        Ok(Self::new(output, None))
    }

    fn file(path: &Path) -> Result<Self, LogStartError> {
        let output = open_to_append(path)
            .map_err(|source| LogStartError::OpenFile { path: path.to_owned(), source })?;
        Ok(Self::new(output, Some(path.to_owned())))
    }

    fn new(output: File, path: Option<PathBuf>) -> Self {
        let batch = Vec::with_capacity(limits::LOG_BATCH_BYTES);
        Self { output, batch, path, look_after: Instant::now() + limits::LOG_REOPEN }
    }

    fn add(&mut self, line: &[u8], counts: &mut Counts) {
        let line = &line[..line.len().min(limits::LOG_LINE_SIZE - 1)];
        if self.batch.len() + line.len() + 1 > limits::LOG_BATCH_BYTES {
            // A failure here is seen again, and said, by the flush that ends this round.
            let _ = self.flush(counts);
        }
        self.batch.extend_from_slice(line);
        self.batch.push(b'\n');
    }

    /// Writes the batch; `false` when there was nothing to write. What an error leaves unwritten
    /// is dropped and counted, except the rest of a line that is half written.
    fn flush(&mut self, counts: &mut Counts) -> io::Result<bool> {
        self.follow_rotation();
        if self.batch.is_empty() {
            return Ok(false);
        }
        let mut written = 0;
        let mut result = Ok(true);
        while written < self.batch.len() {
            match self.output.write(&self.batch[written..]) {
                Ok(0) => result = Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => written += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => result = Err(error),
            }
            if result.is_err() {
                break;
            }
        }
        counts.written += lines(&self.batch[..written]);
        let torn = match self.batch[..written].last() {
            None | Some(b'\n') => 0,
            Some(_) => memchr::memchr(b'\n', &self.batch[written..]).map_or(0, |at| at + 1),
        };
        counts.dropped += lines(&self.batch[written + torn..]);
        self.batch.truncate(written + torn);
        self.batch.drain(..written);
        result
    }

    /// Opens the path again when it names another file than the one being written (logrotate). While
    /// that fails the old file is written on.
    fn follow_rotation(&mut self) {
        let Some(path) = &self.path else { return };
        let now = Instant::now();
        if now < self.look_after {
            return;
        }
        self.look_after = now + limits::LOG_REOPEN;
        let same = |there: std::fs::Metadata, here: std::fs::Metadata| {
            (there.dev(), there.ino()) == (here.dev(), here.ino())
        };
        let current = std::fs::metadata(path).and_then(|there| Ok(same(there, self.output.metadata()?)));
        if current.unwrap_or(false) {
            return;
        }
        if let Ok(output) = open_to_append(path) {
            self.output = output;
        }
    }
}

fn open_to_append(path: &Path) -> io::Result<File> {
    // Client addresses are nobody else's business: no access for others. Close-on-exec is the default.
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

fn lines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

#[cfg(test)]
#[path = "sink/tests.rs"]
mod tests;
