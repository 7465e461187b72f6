//! What the node writes to its log, as it is written: messages of torii's own, and access lines.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::limits;

/// Reads a log file from its beginning on.
pub(super) struct Tail {
    file: File,
    at: u64,
    /// The beginning of a line that is not yet all there.
    begun: Vec<u8>,
}

/// What is new.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    /// Messages of torii's own, with date and level.
    pub(super) notices: Vec<String>,
    /// Access lines; at most `limits::DEMO_LOG_LINES`.
    pub(super) access: Vec<String>,
    /// Something was passed over, because there was too much.
    pub(super) skipped: bool,
}

impl Tail {
    /// # Errors
    /// The system's reason.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, at: 0, begun: Vec::new() })
    }

    /// The lines since the last look; of more than `limits::DEMO_LOG_LOOK` bytes, the last.
    ///
    /// # Errors
    /// The system's reason.
    pub(super) fn look(&mut self) -> io::Result<News> {
        let mut news = News::default();
        let length = self.file.metadata()?.len();
        let mut torn = false;
        if length.saturating_sub(self.at) > limits::DEMO_LOG_LOOK {
            self.at = length - limits::DEMO_LOG_LOOK;
            self.begun.clear();
            (news.skipped, torn) = (true, true);
        }
        self.file.seek(SeekFrom::Start(self.at))?;
        let before = self.begun.len();
        Read::by_ref(&mut self.file).take(limits::DEMO_LOG_LOOK).read_to_end(&mut self.begun)?;
        self.at += (self.begun.len() - before) as u64;
        let end = memchr::memrchr(b'\n', &self.begun).map_or(0, |at| at + 1);
        let lines: Vec<u8> = self.begun.drain(..end).collect();
        for line in String::from_utf8_lossy(&lines).lines().skip(usize::from(torn)) {
            // An access line begins with the client's address, a message with its date in brackets.
            if line.starts_with('[') {
                news.notices.push(line.to_owned());
            } else if news.access.len() < limits::DEMO_LOG_LINES {
                news.access.push(line.to_owned());
            } else {
                news.skipped = true;
            }
        }
        Ok(news)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use super::*;

    #[test]
    fn gives_each_whole_line_once() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut tail = Tail::open(file.path()).unwrap();
        assert_eq!(tail.look().unwrap(), News::default());
        file.write_all(b"127.0.0.1:1 a\n[date] notice: b\n127.0").unwrap();
        let news = tail.look().unwrap();
        assert_eq!(news.access, ["127.0.0.1:1 a"]);
        assert_eq!(news.notices, ["[date] notice: b"]);
        file.write_all(b".0.1:2 c\n").unwrap();
        assert_eq!(tail.look().unwrap().access, ["127.0.0.1:2 c"]);
        assert_eq!(tail.look().unwrap(), News::default());
    }

    #[test]
    fn passes_over_what_is_too_much() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut tail = Tail::open(file.path()).unwrap();
        let many = limits::DEMO_LOG_LOOK as usize / 8;
        file.write_all("127.0.0.1:1 line\n".repeat(many).as_bytes()).unwrap();
        file.write_all(b"[date] alert: last\n").unwrap();
        let news = tail.look().unwrap();
        assert!(news.skipped);
        assert_eq!(news.access.len(), limits::DEMO_LOG_LINES);
        assert!(news.access.iter().all(|line| line == "127.0.0.1:1 line"));
        assert_eq!(news.notices, ["[date] alert: last"]);
    }
}
