//! A node run by Debian's keepalived and HAProxy: what torii replaces, and its partner during a migration.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::peers::{self, Peer};
use crate::plan::Plan;
use crate::stage::{Place, Stage};

/// What a stage with such a node needs.
pub const PROGRAMS: [&str; 2] = ["keepalived", "haproxy"];

/// The node. Its processes end when it is dropped.
pub struct Keepalived {
    node: Place,
    keepalived: Option<Peer>,
    haproxy: Option<Peer>,
    folder: PathBuf,
    plan: Plan,
}

impl Keepalived {
    /// Starts HAProxy, then keepalived.
    pub fn start(stage: &Stage, node: Place, plan: &Plan) -> Self {
        let folder = stage.folder().join(format!("keepalived-{}", node.name()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut this = Self { node, keepalived: None, haproxy: None, folder, plan: plan.clone() };
        this.start_haproxy(stage);
        this.start_keepalived(stage);
        this
    }

    /// Starts HAProxy, which the script of keepalived looks for.
    pub fn start_haproxy(&mut self, stage: &Stage) {
        let file = self.folder.join("haproxy.cfg");
        std::fs::write(&file, self.plan.haproxy()).unwrap();
        let mut command = stage.command(self.node, peers::find("haproxy").unwrap());
        command.arg("-db").arg("-f").arg(file);
        let haproxy = Peer::start("haproxy", command, &self.folder);
        std::fs::write(self.folder.join("haproxy.pid"), haproxy.pid().to_string()).unwrap();
        self.haproxy = Some(haproxy);
    }

    /// Starts keepalived.
    pub fn start_keepalived(&mut self, stage: &Stage) {
        // `killall -0 haproxy`, the usual script, would find the other node's HAProxy: they share a machine.
        let script = self.folder.join("check");
        let text = format!("#!/bin/sh\nkill -0 \"$(cat {}/haproxy.pid)\"\n", self.folder.display());
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        let file = self.folder.join("keepalived.conf");
        std::fs::write(&file, self.plan.keepalived(self.node, &script)).unwrap();
        let mut command = stage.command(self.node, peers::find("keepalived").unwrap());
        command.args(["--dont-fork", "--log-console", "--log-detail", "--vrrp"]);
        command.arg("--pid").arg(self.folder.join("parent.pid"));
        command.arg("--vrrp_pid").arg(self.folder.join("vrrp.pid"));
        command.arg("--use-file").arg(file);
        self.keepalived = Some(Peer::start("keepalived", command, &self.folder));
    }

    /// What keepalived has said.
    pub fn said(&self) -> String {
        self.keepalived.as_ref().map(Peer::output).unwrap_or_default()
    }

    /// Ends keepalived in order: it gives its address up.
    pub fn stop(&mut self) {
        self.keepalived.take().expect("it runs").stop();
    }

    /// Ends HAProxy at once.
    pub fn kill_haproxy(&mut self) {
        self.haproxy.take().expect("it runs").kill();
    }

    /// Ends keepalived at once: its address stays.
    pub fn kill(&mut self) {
        let parent = self.keepalived.take().expect("it runs");
        let children = format!("/proc/{0}/task/{0}/children", parent.pid());
        let children = std::fs::read_to_string(children).unwrap_or_default();
        // All at once: keepalived's child would take the death of its parent for a request to stop.
        let all =
            [parent.pid() as i32].into_iter().chain(children.split(' ').filter_map(|pid| pid.parse().ok()));
        for pid in all {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        drop(parent);
    }
}

impl Drop for Keepalived {
    fn drop(&mut self) {
        if let Some(mut keepalived) = self.keepalived.take().filter(|_| !std::thread::panicking()) {
            keepalived.stop();
        }
    }
}
