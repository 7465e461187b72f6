//! A process in torii's place: it keeps a guard, holds the shared address, and does what the test says,
//! line by line on its standard input. This test binary once more, told so by its environment.

use std::fs::File;
use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use caps::{CapSet, Capability};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, setuid};
use torii::ha::guard::{Keeper, News, arm};

use crate::peers;
use crate::world::{INTERFACE, SHARED, index, ip, pair};

/// Set in the stand-in's environment alone.
const MARK: &str = "TORII_TEST_STAND_IN";

/// What the stand-in begins with each line that is for the test: libtest prints lines of its own.
const ANSWER: &str = "stand-in: ";

/// The stand-in, as a test has it.
pub struct StandIn {
    child: Child,
    orders: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl StandIn {
    /// Starts it. `preparation` is done before it starts its guard.
    pub fn start(preparation: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "stand_in::stands_in_for_torii", "--ignored", "--nocapture"])
            .env(MARK, preparation)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, answers) = channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, orders, answers }
    }

    /// Starts it, has it take the address, and returns it with its guard's process id.
    pub fn start_active() -> (Self, Pid) {
        let mut stand_in = Self::start("");
        let guard = stand_in.guard();
        stand_in.order("active");
        assert_eq!(stand_in.answer(), "active");
        (stand_in, guard)
    }

    /// The process id of the guard that it says it has.
    pub fn guard(&mut self) -> Pid {
        let answer = self.answer();
        let pid = answer.strip_prefix("guard ").unwrap_or_else(|| panic!("no guard: {answer}"));
        Pid::from_raw(pid.parse().unwrap())
    }

    pub fn order(&mut self, order: &str) {
        writeln!(self.orders.as_mut().unwrap(), "{order}").unwrap();
    }

    /// Its next line for the test.
    pub fn answer(&mut self) -> String {
        loop {
            let line = self.answers.recv_timeout(peers::PATIENCE).expect("the stand-in to answer");
            // libtest writes "test … " without a line end before the first of ours.
            if let Some((_, answer)) = line.split_once(ANSWER) {
                return answer.to_owned();
            }
        }
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Everything it still writes to standard output, and how it ended.
    pub fn rest(mut self) -> (String, ExitStatus) {
        let lines: Vec<String> = self.answers.iter().collect();
        (lines.join("\n"), self.child.wait().unwrap())
    }

    /// Waits for its end; what was written to standard error, the guard's last words included.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let mut text = String::new();
        drop(self.orders.take());
        let status = self.child.wait().unwrap();
        // Ends when the guard has ended too: it has the same standard error.
        std::io::Read::read_to_string(&mut self.child.stderr.take().unwrap(), &mut text).unwrap();
        (status, text)
    }

    /// SIGKILL, and its end.
    pub fn kill(self) -> String {
        self.signal(Signal::SIGKILL);
        self.ended().1
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // After a failed test; otherwise it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a process is there and no zombie.
pub fn runs(pid: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

pub fn wait_for_the_end_of(pid: Pid) {
    peers::wait_until("the guard to end", || !runs(pid));
}

/// Not a test: what `StandIn::start` runs.
#[test]
#[ignore = "the stand-in for torii, which other tests start"]
fn stands_in_for_torii() {
    let Ok(preparation) = std::env::var(MARK) else { return };
    // Something that an exec would inherit.
    let leak = File::open("/dev/null").unwrap();
    fcntl(&leak, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    if preparation == "doomed" {
        // The test sees what the guard would be told: standard output takes its place.
        arm(stdout().as_fd());
        stdin().lines().map_while(Result::ok).for_each(|order| obey(&order, &mut None));
    }
    if preparation == "unprivileged" {
        caps::drop(None, CapSet::Bounding, Capability::CAP_NET_ADMIN).unwrap();
    }
    let program = Path::new(env!("CARGO_BIN_EXE_torii"));
    let mut keeper = Some(Keeper::start_program(program, &pair(), 0, index()));
    tell_guard(keeper.as_ref().unwrap());
    let (sender, orders) = channel();
    std::thread::spawn(move || stdin().lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let start = Instant::now();
    loop {
        if let Some(news) = keeper.as_mut().and_then(|keeper| keeper.look(start.elapsed())) {
            match news {
                News::Replaced => tell_guard(keeper.as_ref().unwrap()),
                news => println!("{ANSWER}{news:?}"),
            }
        }
        match orders.recv_timeout(Duration::from_millis(5)) {
            Ok(order) => obey(&order, &mut keeper),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn tell_guard(keeper: &Keeper) {
    match (keeper.pid(), keeper.unguarded()) {
        (Some(pid), None) => println!("{ANSWER}guard {pid}"),
        (_, reason) => println!("{ANSWER}no guard: {}", reason.unwrap()),
    }
}

fn obey(order: &str, keeper: &mut Option<Keeper>) {
    match order {
        "active" => {
            keeper.as_mut().unwrap().tell(true);
            ip(&format!("address add {SHARED}/32 dev {INTERFACE}"));
        }
        "standby" => {
            ip(&format!("address del {SHARED}/32 dev {INTERFACE}"));
            keeper.as_mut().unwrap().tell(false);
        }
        "end" => keeper.as_mut().unwrap().end(),
        "follow" => keeper.as_mut().unwrap().follow(&pair(), 0, index()),
        "panic" => panic!("as ordered"),
        "abort" => std::process::abort(),
        "exit" => std::process::exit(0),
        "nobody" => become_nobody(),
        "hello" => {}
        "overflow" => assert_ne!(overflow(1), 0),
        other => panic!("{other}?"),
    }
    println!("{ANSWER}{order}");
}

/// As torii does: another user, who keeps what the ha thread needs.
fn become_nobody() {
    prctl::set_keepcaps(true).unwrap();
    setuid(Uid::from_raw(65534)).unwrap();
    caps::raise(None, CapSet::Effective, Capability::CAP_NET_ADMIN).unwrap();
}

/// Uses up the stack.
#[expect(unconditional_recursion, reason = "it is what it is for")]
fn overflow(depth: u64) -> u64 {
    let place = std::hint::black_box([depth; 512]);
    overflow(place[7] + 1) + place[9]
}
