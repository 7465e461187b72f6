//! The program and the bundled origin as processes.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_torii-loadgen"))
}

/// Exit code, standard output, standard error.
pub fn call(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = program().args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// The bundled origin as a process, and its URL.
pub struct Origin(Child, pub String);

impl Origin {
    pub fn start(more: &[&str]) -> Self {
        let mut command = program();
        command.args(["origin", "--listen", "127.0.0.1:0"]).args(more);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("ready ").unwrap().to_owned();
        let scheme = if more.contains(&"--tls") { "https" } else { "http" };
        Self(child, format!("{scheme}://{address}/"))
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Verdicts depend on the machine: these exit codes say that requests were answered.
pub fn is_answered(code: i32) -> bool {
    code == 0 || code == 3
}
