//! Real programs as peers of a test: ports, processes that end with their guard, waiting, curl.
//!
//! Included with `#[path]` by every test target that runs other programs. A program that is not
//! installed skips the test with a line that says so, unless `TORII_TEST_REQUIRE_ALL=1` makes it a
//! failure. It never touches a process that it did not start.

#![allow(dead_code)] // each test target uses its own part

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// How long a test waits for anything before it fails. Long: a busy build machine is no bug.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Whether every program is installed. If not, says so and returns false: the test returns early.
///
/// # Panics
/// When one is missing and `TORII_TEST_REQUIRE_ALL` is 1.
pub fn available(programs: &[&str]) -> bool {
    let missing: Vec<_> = programs.iter().filter(|program| find(program).is_none()).collect();
    if missing.is_empty() {
        return true;
    }
    skip(&format!("not installed: {missing:?}"))
}

/// Whether the test runs as root. If not, as with `available`.
///
/// # Panics
/// When it does not and `TORII_TEST_REQUIRE_ALL` is 1.
pub fn privileged() -> bool {
    nix::unistd::Uid::effective().is_root() || skip("needs root")
}

fn skip(reason: &str) -> bool {
    assert!(std::env::var_os("TORII_TEST_REQUIRE_ALL").is_none_or(|value| value != "1"), "{reason}");
    println!("skipped: {reason}");
    false
}

/// Path of a program. Debian keeps servers in /usr/sbin, which an ordinary user's PATH lacks.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin".into(), "/sbin".into()]);
    folders.into_iter().map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// A command for an installed program.
pub fn command(program: &str) -> Command {
    Command::new(find(program).unwrap_or_else(|| panic!("{program} is not installed")))
}

/// Requests each client program sends: `TORII_TEST_REQUESTS`, or 2,000.
pub fn request_count() -> usize {
    std::env::var("TORII_TEST_REQUESTS").ok().and_then(|text| text.parse().ok()).unwrap_or(2000)
}

/// A TCP port that is free now, given to nobody else in this process, and below the range from which
/// the kernel takes ports of outgoing connections.
pub fn free_port() -> u16 {
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 20_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Two test processes at once start their search at different places.
    let offset = (std::process::id().wrapping_mul(97) % u32::from(COUNT)) as u16;
    for _ in 0..COUNT {
        let port = FIRST + (NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(offset)) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}

/// Waits for a condition.
///
/// # Panics
/// When it is still false after `PATIENCE`.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || condition().then_some(()));
}

/// Waits for a value.
///
/// # Panics
/// When there is none after `PATIENCE`.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = look() {
            return value;
        }
        assert!(Instant::now() < deadline, "gave up waiting: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A running program. Dropping it kills it; if the test failed, its output is printed first.
pub struct Peer {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Peer {
    /// Starts a command; standard output and error go to `NAME.out` in `folder`.
    pub fn start(name: &str, mut command: Command, folder: &Path) -> Self {
        let log = folder.join(format!("{name}.out"));
        let output = File::options().create(true).append(true).open(&log).expect("the folder is ours");
        let error = output.try_clone().expect("a descriptor to spare");
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(error)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Self { name: name.into(), child, log }
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has printed so far.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Whether it is still there.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for a condition; a peer that ends before it is true fails the test at once.
    pub fn wait_until(&mut self, what: &str, mut condition: impl FnMut() -> bool) {
        let what = format!("{}: {what}", self.name);
        wait_until(&what, || condition() || !self.is_running());
        assert!(self.is_running(), "{} ended before: {what}\n{}", self.name, self.output());
    }

    /// Sends a signal by name ("TERM", "HUP", "USR1").
    pub fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.pid());
        let status = Command::new("sh").args(["-c", &script]).status().expect("every system has sh");
        assert!(status.success(), "{script}");
    }

    /// SIGTERM, and the exit status it leads to.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        wait_for(&format!("{} to end after SIGTERM", self.name), || {
            self.child.try_wait().expect("our own child")
        })
    }

    /// SIGKILL: no farewell on any connection beyond what the kernel sends.
    pub fn kill(&mut self) {
        self.child.kill().expect("our own child");
        self.child.wait().expect("our own child");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let output = self.output();
            let lines: Vec<&str> = output.lines().collect();
            let last = lines[lines.len().saturating_sub(20)..].join("\n");
            eprintln!("--- end of the output of {}:\n{last}", self.name);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end. Its output is text.
pub fn run(command: &mut Command) -> (Output, String) {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output, text)
}

/// What curl received.
#[derive(Debug, Default, Clone)]
pub struct Answer {
    /// Status, 0 if there was no answer.
    pub status: u16,
    /// Field lines as received, without the status line.
    pub fields: Vec<String>,
    /// Body as text.
    pub body: String,
}

impl Answer {
    /// Value of the first field of this name, in any case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// One request by curl: certificate unchecked, 10 s at most. No answer gives status 0.
pub fn curl(arguments: &[&str]) -> Answer {
    let mut curl = command("curl");
    curl.args(["--silent", "--show-error", "--include", "--insecure", "--max-time", "10"]).args(arguments);
    let (output, _) = run(&mut curl);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Answer::default();
    };
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    Answer { status: status.unwrap_or(0), fields: lines.map(str::to_owned).collect(), body: body.into() }
}
