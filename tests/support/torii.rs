//! One torii process per test: started on a free port, watched through stderr and its access log,
//! killed when the test ends.
//!
//! Expects of the binary: `torii run -c FILE`, a line with `ready` on stderr once every listener is
//! bound, access-log lines appended to the file of `[log] target`.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::client::Client;
use super::configuration::Configuration;
use super::log_line::{LogLine, TcpLine};
use super::ports::free_address;
use super::process::Process;
use super::wait;

/// A running torii.
pub struct Torii {
    child: Child,
    address: SocketAddr,
    stderr: Arc<Mutex<Vec<String>>>,
    folder: TempDir,
}

impl Torii {
    /// Starts with this configuration and waits until it serves.
    #[track_caller]
    pub fn start(configuration: &Configuration) -> Self {
        let torii = Self::launch(configuration, free_address());
        torii.wait_for_stderr("the line that says ready", |line| line.contains("ready"));
        torii
    }

    /// Starts on a given address without waiting for anything.
    pub fn launch(configuration: &Configuration, address: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = configuration.render(address, &folder.path().join("access.log"));
        let file = folder.path().join("torii.toml");
        std::fs::write(&file, text).unwrap();
        let mut child = through(configuration.command())
            .arg("run")
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&stderr);
        let pipe = child.stderr.take().expect("stderr was asked for as a pipe");
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        Self { child, address, stderr, folder }
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A new plain client connection.
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// The process, for its memory, descriptors and signals.
    pub fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Asks for a drain.
    pub fn terminate(&self) {
        self.process().signal(Signal::SIGTERM);
    }

    /// Waits for the end of the process.
    #[track_caller]
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let status = wait::until(|| child.try_wait().unwrap());
        status.unwrap_or_else(|| panic!("torii did not end; stderr:\n{}", self.stderr_text()))
    }

    /// Whether the process has ended.
    pub fn has_exited(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Everything written to stderr so far.
    pub fn stderr_text(&self) -> String {
        self.stderr.lock().unwrap().join("\n")
    }

    /// Waits for a line on stderr.
    #[track_caller]
    pub fn wait_for_stderr(&self, what: &str, predicate: impl Fn(&str) -> bool) -> String {
        let find = || self.stderr.lock().unwrap().iter().find(|line| predicate(line)).cloned();
        wait::until(find).unwrap_or_else(|| panic!("stderr lacks {what}; it says:\n{}", self.stderr_text()))
    }

    /// Access-log lines so far, each of HAProxy's httplog shape. torii's own messages, which begin
    /// with a date in brackets, stand between them.
    #[track_caller]
    pub fn log(&self) -> Vec<LogLine> {
        let text = std::fs::read_to_string(self.log_path()).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let parse = |line| LogLine::parse(line).unwrap_or_else(|why| panic!("log line {line:?}: {why}"));
        whole.lines().filter(|line| !line.starts_with('[')).map(parse).collect()
    }

    /// Access-log lines so far of a listener in tcp mode.
    #[track_caller]
    pub fn tcp_log(&self) -> Vec<TcpLine> {
        let text = std::fs::read_to_string(self.log_path()).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let parse = |line| TcpLine::parse(line).unwrap_or_else(|why| panic!("log line {line:?}: {why}"));
        whole.lines().filter(|line| !line.starts_with('[')).map(parse).collect()
    }

    /// Waits until so many connections in tcp mode are logged, and returns their lines.
    #[track_caller]
    pub fn wait_for_tcp_log(&self, count: usize) -> Vec<TcpLine> {
        let lines = wait::until(|| Some(self.tcp_log()).filter(|lines| lines.len() >= count));
        lines.unwrap_or_else(|| panic!("not {count} log lines: {:#?}", self.tcp_log()))
    }

    /// Waits for an access-log line.
    #[track_caller]
    pub fn wait_for_log(&self, what: &str, predicate: impl Fn(&LogLine) -> bool) -> LogLine {
        wait::until(|| self.log().into_iter().find(&predicate))
            .unwrap_or_else(|| panic!("no log line of {what} in {:#?}", self.log()))
    }

    /// Waits for the log line of a request to this target and returns it.
    #[track_caller]
    pub fn log_of(&self, target: &str) -> LogLine {
        self.wait_for_log(target, |line| line.request.split(' ').nth(1) == Some(target))
    }

    /// Sends a clean GET on a new connection, waits for its log line, and returns every line
    /// before it: what the log says about everything that has happened until now.
    #[track_caller]
    pub fn log_before_clean_get(&self) -> Vec<LogLine> {
        let response = self.client().get("/length/5?clean");
        assert_eq!((response.status, response.body.len()), (200, 5), "a clean GET afterwards");
        self.log_of("/length/5?clean");
        self.log().into_iter().filter(|line| !line.request.contains("?clean")).collect()
    }

    /// The access log.
    pub fn log_path(&self) -> PathBuf {
        self.folder.path().join("access.log")
    }

    /// A folder that lives as long as this process.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Torii {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- stderr of torii\n{}\n---", self.stderr_text());
        }
    }
}

/// The torii binary, started by a command that becomes it.
fn through(words: &[String]) -> Command {
    let torii = command();
    let Some((program, rest)) = words.split_first() else { return torii };
    let mut wrapper = Command::new(program);
    wrapper.args(rest).arg(torii.get_program());
    wrapper
}

/// The torii binary of this build, or the one that `TORII_TEST_BINARY` names, such as a packaged one.
pub fn command() -> Command {
    match std::env::var_os("TORII_TEST_BINARY") {
        Some(path) => Command::new(path),
        None => Command::new(env!("CARGO_BIN_EXE_torii")),
    }
}

/// Runs `torii check` over a configuration text: whether it passed, and what it said.
pub fn check(text: &str) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("torii.toml");
    std::fs::write(&file, text).unwrap();
    let output = command().arg("check").arg(&file).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}
