//! What the kernel knows about the process under test: memory, descriptors; and signals to it.

use std::path::PathBuf;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process by its id.
#[derive(Debug, Clone, Copy)]
pub struct Process(pub u32);

impl Process {
    fn folder(self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.0))
    }

    /// Resident memory, bytes.
    pub fn resident(self) -> u64 {
        self.figure("status", "VmRSS:")
    }

    /// Proportional share of memory, bytes: shared pages are divided among their users.
    pub fn proportional(self) -> u64 {
        self.figure("smaps_rollup", "Pss:")
    }

    /// Open descriptors.
    pub fn descriptors(self) -> usize {
        std::fs::read_dir(self.folder().join("fd")).map(Iterator::count).unwrap_or(0)
    }

    /// Sends a signal.
    pub fn signal(self, signal: Signal) {
        kill(Pid::from_raw(self.0 as i32), signal).unwrap();
    }

    fn figure(self, file: &str, name: &str) -> u64 {
        let text = std::fs::read_to_string(self.folder().join(file)).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|figure| figure.parse::<u64>().ok()).unwrap_or(0) * 1024
    }
}

/// Raises this process's descriptor limit as far as it may go and returns it. Children inherit it.
pub fn raise_descriptor_limit() -> u64 {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    hard
}
