//! Names of namespaces, and the removal of those that a crashed run has left behind.
//!
//! A name carries the process that made it: its id, and the time of its start, since ids are used again.

use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::peers;

/// What every name begins with. Nobody else on the machine may use it.
const PREFIX: &str = "torii-netns";

/// A prefix for the namespaces of one stage.
pub fn fresh_prefix() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let own = std::process::id();
    let started = start_time(own).expect("a running process has a start time");
    format!("{PREFIX}-{own}-{started}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Removes, once per process, the namespaces of runs that are over.
pub fn remove_stale() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        let names = std::fs::read_dir("/run/netns").into_iter().flatten().flatten();
        for name in names.filter_map(|entry| entry.file_name().into_string().ok()) {
            if is_stale(&name) {
                remove(&name);
            }
        }
    });
}

/// Whether the maker of this namespace, which is one of ours, has ended.
fn is_stale(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else { return false };
    let mut parts = rest.trim_start_matches('-').split('-');
    let (Some(pid), Some(started)) = (parts.next(), parts.next()) else { return false };
    let Ok(pid) = pid.parse() else { return false };
    start_time(pid).as_deref() != Some(started)
}

/// Ends what runs in a namespace, all of it started by its stage, and removes the namespace.
pub fn remove(name: &str) {
    // A program may start another one while this looks; twice is enough, since what is killed starts nothing.
    for _ in 0..2 {
        let (_, pids) = peers::run(peers::command("ip").args(["netns", "pids", name]));
        for pid in pids.lines().filter_map(|line| line.trim().parse().ok()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
    let (output, text) = peers::run(peers::command("ip").args(["netns", "del", name]));
    if !output.status.success() && Path::new("/run/netns").join(name).exists() {
        eprintln!("namespace {name} stays behind: {text}");
    }
}

/// The time at which a process started, in the kernel's ticks since it was booted; none if it has ended.
fn start_time(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; what follows it is regular.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19).map(str::to_owned)
}

#[test]
fn only_namespaces_of_ended_runs_are_stale() {
    assert!(!is_stale(&format!("{}-a", fresh_prefix())), "this run's own");
    assert!(is_stale(&format!("{PREFIX}-{}-1-0-a", std::process::id())), "the same id, another process");
    assert!(is_stale(&format!("{PREFIX}-4194999-77-0-a")), "no such process");
    for foreign in ["torii", "somebody-else", "torii-netns", "torii-netns-x-y-z"] {
        assert!(!is_stale(foreign), "{foreign}");
    }
}
