//! Hosts for tests: threads with a network namespace each, joined by a cable. Needs root and `ip`.
//!
//! A socket belongs to the namespace of the thread that opens it, wherever it is used afterwards; so a
//! test opens what it needs on each host and then uses all of it from one thread.

#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::sync::mpsc;
use std::thread::JoinHandle;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Uid, gettid};

type Job = Box<dyn FnOnce() + Send>;

/// A machine of its own, as far as the network is concerned. Ends, with its interfaces, when dropped.
pub struct Host {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    thread_id: i32,
}

impl Host {
    /// A host with a loopback device; `None` where the machine does not allow namespaces, unless
    /// `TORII_TEST_REQUIRE_ALL` is set.
    pub fn new() -> Option<Self> {
        let required = std::env::var_os("TORII_TEST_REQUIRE_ALL").is_some_and(|value| value == "1");
        if !Uid::effective().is_root() && !required {
            eprintln!("skipped: network namespaces need root");
            return None;
        }
        let (jobs, received) = mpsc::channel::<Job>();
        let (told, thread_id) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let made = unshare(CloneFlags::CLONE_NEWNET);
            told.send(made.map(|()| gettid().as_raw())).unwrap();
            received.into_iter().for_each(|job| job());
        });
        match thread_id.recv().unwrap() {
            Ok(thread_id) => {
                let host = Self { jobs: Some(jobs), thread: Some(thread), thread_id };
                host.ip("link set lo up");
                Some(host)
            }
            Err(error) if required => panic!("no network namespace: {error}"),
            Err(error) => {
                eprintln!("skipped: no network namespace: {error}");
                None
            }
        }
    }

    /// Two hosts, each with an interface `eth0` at the ends of one cable, in state up.
    pub fn pair() -> Option<[Self; 2]> {
        let [near, far] = [Self::new()?, Self::new()?];
        near.ip("link add eth0 type veth peer name far0");
        near.ip(&format!("link set far0 netns {} name eth0", far.thread_id));
        near.ip("link set eth0 up");
        far.ip("link set eth0 up");
        Some([near, far])
    }

    /// Runs something on the host; a panic there is one here.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, result) = mpsc::channel();
        let job = move || {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
            let _ = done.send(outcome);
        };
        self.jobs.as_ref().unwrap().send(Box::new(job)).unwrap();
        result.recv().unwrap().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Runs `ip ARGUMENTS` on the host and returns what it printed.
    pub fn ip(&self, arguments: &str) -> String {
        let words: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
        self.run(move || {
            let output = Command::new("ip").args(&words).output().expect("the program `ip` is installed");
            let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "ip {words:?}: {complaint}");
            String::from_utf8_lossy(&output.stdout).into_owned()
        })
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Asks until the answer is yes; panics, saying what was awaited, when it never comes.
pub fn wait_until(what: &str, mut reached: impl FnMut() -> bool) {
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !reached() {
        assert!(std::time::Instant::now() < limit, "waited in vain for {what}");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}
