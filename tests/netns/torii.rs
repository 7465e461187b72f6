//! A node run by torii.

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::peers::{self, Peer};
use crate::plan::Plan;
use crate::stage::{Place, Stage};

/// The node. Its processes end when it is dropped.
pub struct Torii<'stage> {
    stage: &'stage Stage,
    node: Place,
    peer: Option<Peer>,
    folder: PathBuf,
    file: PathBuf,
    /// A command that becomes torii, and what it needs of the environment.
    wrapper: Vec<String>,
}

impl<'stage> Torii<'stage> {
    /// Starts torii and waits until it serves.
    #[track_caller]
    pub fn start(stage: &'stage Stage, node: Place, plan: &Plan) -> Self {
        Self::start_through(stage, node, plan, &[])
    }

    /// The same, by a command that becomes torii, such as `env NAME=VALUE`.
    #[track_caller]
    pub fn start_through(stage: &'stage Stage, node: Place, plan: &Plan, wrapper: &[&str]) -> Self {
        let mut torii = Self::prepare(stage, node, plan, wrapper);
        torii.restart();
        torii
    }

    /// Everything but the process.
    pub fn prepare(stage: &'stage Stage, node: Place, plan: &Plan, wrapper: &[&str]) -> Self {
        let folder = stage.folder().join(format!("torii-{}", node.name()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("torii.toml");
        std::fs::write(&file, plan.torii(node, &folder)).unwrap();
        let wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
        Self { stage, node, peer: None, folder, file, wrapper }
    }

    /// Starts it again after its end, and waits until it serves.
    #[track_caller]
    pub fn restart(&mut self) {
        self.launch();
        self.wait_until_ready();
    }

    /// Waits until it serves.
    #[track_caller]
    pub fn wait_until_ready(&mut self) {
        let begin = self.said().rfind("--- start").unwrap_or(0);
        let peer = self.peer.as_mut().expect("it was launched");
        let log = self.folder.join("torii.out");
        peer.wait_until("the line that says ready", || {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            said[begin..].contains("ready")
        });
    }

    /// Starts it and does not wait. It ends with the calling thread, if not before.
    pub fn launch(&mut self) {
        let binary = binary();
        let mut command = match self.wrapper.split_first() {
            None => self.stage.command(self.node, binary),
            Some((program, rest)) => {
                let mut command = self.stage.command(self.node, peers::find(program).unwrap());
                command.args(rest).arg(binary);
                command
            }
        };
        command.arg("run").arg("-c").arg(&self.file);
        let log = self.folder.join("torii.out");
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        std::fs::write(&log, said + "--- start\n").unwrap();
        self.peer = Some(Peer::start("torii", command, &self.folder));
    }

    /// Everything it has said on standard error, over all its lives.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.join("torii.out")).unwrap_or_default()
    }

    /// Waits until it has said something.
    #[track_caller]
    pub fn wait_for_words(&self, words: &str) {
        peers::wait_until(&format!("{:?} to say {words:?}", self.node), || self.said().contains(words));
    }

    /// A folder of its own.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.peer.as_ref().expect("it runs").pid()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.peer.as_mut().is_some_and(Peer::is_running)
    }

    /// Process id of its guard, if there is one.
    pub fn guard(&self) -> Option<u32> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).ok()?;
        let lists = tasks.flatten().map(|task| std::fs::read_to_string(task.path().join("children")));
        let children: String = lists.flatten().collect();
        children
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok())
            .find(|&pid| name_of(pid) == "torii-guard")
    }

    /// Waits for a guard, and gives its process id.
    #[track_caller]
    pub fn wait_for_guard(&self) -> u32 {
        peers::wait_for(&format!("a guard of {:?}", self.node), || self.guard())
    }

    /// Ids of its worker threads.
    pub fn workers(&self) -> Vec<u32> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap().flatten();
        let named = tasks.filter(|task| {
            let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            name.starts_with("torii-worker")
        });
        named.map(|task| task.file_name().to_string_lossy().parse().unwrap()).collect()
    }

    /// Sends a signal to the process.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid() as i32), signal).unwrap();
    }

    /// SIGTERM, and whether it led to exit status 0.
    #[track_caller]
    pub fn terminate(&mut self) -> bool {
        self.peer.take().expect("it runs").stop().success()
    }

    /// SIGKILL to the process alone.
    pub fn kill(&mut self) {
        self.peer.take().expect("it runs").kill();
    }

    /// SIGKILL to the process and its guard together: nobody is left to give the address up.
    pub fn kill_with_guard(&mut self) {
        let guard = self.wait_for_guard();
        // Neither runs again before both are killed.
        for pid in [guard, self.pid()] {
            kill(Pid::from_raw(pid as i32), Signal::SIGSTOP).unwrap();
        }
        kill(Pid::from_raw(guard as i32), Signal::SIGKILL).unwrap();
        self.kill();
    }

    /// Runs one of torii's commands on this node: whether it succeeded, and what it said.
    pub fn run(&self, words: &[&str]) -> (bool, String) {
        let mut command = self.stage.command(self.node, binary());
        let (output, text) = peers::run(command.args(words).arg("-c").arg(&self.file));
        (output.status.success(), text)
    }

    /// `torii status` as an operator reads it.
    pub fn status(&self) -> String {
        self.run(&["status"]).1
    }

    /// Waits until `torii status --json` says this.
    #[track_caller]
    pub fn wait_for_status(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let look = || wanted(&self.run(&["status", "--json"]).1);
        peers::wait_until(&format!("the status of {:?} to show {what}", self.node), look);
    }
}

impl Drop for Torii<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() && self.peer.is_some() {
            eprintln!("--- status of {:?}\n{}", self.node, self.status());
        }
    }
}

/// The torii of this build, or the one that `TORII_TEST_BINARY` names.
fn binary() -> PathBuf {
    let built = || env!("CARGO_BIN_EXE_torii").into();
    std::env::var_os("TORII_TEST_BINARY").map_or_else(built, PathBuf::from)
}

/// A command of the torii under test outside of every stage.
pub fn command() -> Command {
    Command::new(binary())
}

fn name_of(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}
