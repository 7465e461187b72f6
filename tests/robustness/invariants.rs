//! What must hold after every case, whatever was sent:
//!
//! 1. torii is alive, no panic was reported, and a clean GET on a new connection is answered as itself.
//! 2. The origin has seen as many requests as torii logged as forwarded; the path /SMUG is not among
//!    them, and every one was in a form that cannot be misread.
//! 3. No server connection with unread or extra bytes is used again: whatever comes next over it is
//!    answered as itself.
//! 4. Connections, buffers and descriptors are back at what they were before.
//! 5. The log has exactly one line for each message that was recognised or refused, with a cause, and
//!    no control byte in it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use crate::support::{LogLine, wait};
use crate::world::World;

/// What torii needs at rest.
#[derive(Debug, Clone, Copy, Default)]
pub struct Baseline {
    /// Descriptors, without those of idle server connections.
    descriptors: usize,
}

impl Baseline {
    /// Waits until torii rests, and looks.
    pub fn take(world: &World) -> Self {
        wait::for_condition("connections to end", || world.figures(["Connections now"]) == [0]);
        let looked = wait::until_steady(std::time::Duration::from_millis(100), || own_descriptors(world));
        Self { descriptors: looked }
    }
}

/// Descriptors without those of idle server connections, which are meant to stay.
fn own_descriptors(world: &World) -> usize {
    let idle = world.cell("web1", "srv_icur") as usize;
    world.torii.process().descriptors().saturating_sub(idle)
}

/// Checks all five; returns the log lines since the last time, those of the clean requests left out.
#[track_caller]
pub fn check(world: &World, what: &str, lines: usize) -> Vec<LogLine> {
    let mut log = world.log_tail();
    let enough = wait::until(|| (log.read().len() >= lines).then_some(()));
    assert!(enough.is_some(), "{what}: {lines} log lines were due, these came: {:#?}", log.take());
    let ours = log.take();
    // 1, and 3: it goes over the server connection that was used last.
    world.clean_get();
    log.wait_for(&world.clean_target());
    let late: Vec<LogLine> =
        log.take().into_iter().filter(|line| !line.request.starts_with("GET /clean/")).collect();
    let all = [&ours[..], &late].concat();
    assert_eq!(all.len(), lines, "{what}: one line for each message: {all:#?}");
    assert_causes(what, &all);
    drop(log);

    let stderr = world.torii.stderr_text();
    assert!(!stderr.contains("panicked"), "{what}: {stderr}");
    assert_origin(world, what);
    assert_at_rest(world, what);
    all
}

/// 5: an answer of torii's own has a cause.
fn assert_causes(what: &str, lines: &[LogLine]) {
    for line in lines {
        let own_answer = line.server == "<NOSRV>" || line.timers[3] < 0;
        assert!(!own_answer || line.end() != "--", "{what}: no cause in {line:#?}");
    }
}

/// 2: what the log calls forwarded is what arrived.
fn assert_origin(world: &World, what: &str) {
    let forwarded = world.log_tail().forwarded;
    let arrived = || (world.recorder.count() == forwarded).then_some(());
    if wait::until(arrived).is_none() {
        let seen: Vec<String> =
            world.recorder.requests().iter().rev().take(9).map(|request| request.head.start_line()).collect();
        let count = world.recorder.count();
        panic!("{what}: {forwarded} requests were logged as forwarded, {count} arrived, the last: {seen:#?}");
    }
    assert_eq!(world.recorder.faults(), Vec::<String>::new(), "{what}: forwarded in a form to be misread");
    let smuggled = world.recorder.find("/SMUG");
    assert!(smuggled.is_none(), "{what}: smuggled: {smuggled:#?}");
}

/// 4: nothing is left behind.
fn assert_at_rest(world: &World, what: &str) {
    let limit = world.baseline().descriptors;
    let mut seen = (0, 0, 0);
    let rests = wait::until(|| {
        let [connections, buffers] = world.figures(["Connections now", "Buffers in use"]);
        // Cheaply first; connections that the server has closed and torii still keeps count only there.
        let open = world.recorder.open_connections();
        let mut own = world.torii.process().descriptors().saturating_sub(open);
        if own > limit {
            own = own_descriptors(world);
        }
        seen = (connections, buffers, own);
        (seen.0 == 0 && seen.1 == 0 && seen.2 <= limit).then_some(())
    });
    assert!(
        rests.is_some(),
        "{what}: connections, buffers and descriptors left behind: {seen:?}; at rest there are {limit} descriptors"
    );
}

/// The access log from where it was read last.
pub struct LogTail {
    path: PathBuf,
    offset: u64,
    partial: Vec<u8>,
    /// Lines read and not yet taken.
    lines: Vec<LogLine>,
    /// Requests that were sent to a server, repeated ones counted again.
    forwarded: usize,
}

impl LogTail {
    /// At the start of the file.
    pub fn new(path: PathBuf) -> Self {
        Self { path, offset: 0, partial: Vec::new(), lines: Vec::new(), forwarded: 0 }
    }

    /// Lines not yet taken, with what was written since.
    pub fn read(&mut self) -> &[LogLine] {
        let Ok(mut file) = File::open(&self.path) else { return &self.lines };
        file.seek(SeekFrom::Start(self.offset)).unwrap();
        let count = file.read_to_end(&mut self.partial).unwrap();
        self.offset += count as u64;
        while let Some(end) = self.partial.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            self.add(&line[..end]);
        }
        &self.lines
    }

    fn add(&mut self, line: &[u8]) {
        let clean = line.iter().all(|byte| matches!(byte, b' '..=b'~'));
        assert!(clean, "a control byte in log line {}", line.escape_ascii());
        // torii's own messages begin with a date in brackets.
        if line.starts_with(b"[") {
            return;
        }
        let text = String::from_utf8_lossy(line);
        let line = LogLine::parse(&text).unwrap_or_else(|why| panic!("log line {text:?}: {why}"));
        if line.server != "<NOSRV>" && line.timers[2] >= 0 {
            self.forwarded += 1 + line.retries.trim_start_matches('+').parse::<usize>().unwrap();
        }
        self.lines.push(line);
    }

    /// The lines since the last time.
    pub fn take(&mut self) -> Vec<LogLine> {
        self.read();
        std::mem::take(&mut self.lines)
    }

    /// Waits for the line of a request to this target.
    pub fn wait_for(&mut self, target: &str) {
        let found = wait::until(|| {
            self.read().iter().any(|line| line.request.split(' ').nth(1) == Some(target)).then_some(())
        });
        assert!(found.is_some(), "no log line of {target} in {:#?}", self.lines);
    }
}
