//! torii started as root with `[process] user`: it binds what only root may and then is nobody.

use std::fs;
use std::net::TcpListener;

use crate::peers::{self, Peer};
use crate::proxies;

/// A port that only root may bind, free on the test's own loopback address.
fn privileged_port() -> u16 {
    let free = |port: &u16| TcpListener::bind(("127.0.0.77", *port)).is_ok();
    (600..1000).find(free).expect("one of 400 ports is free")
}

#[test]
fn root_is_given_up_after_binding() {
    if !peers::privileged() || !peers::available(&["curl"]) || proxies::subject() != proxies::Kind::Torii {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let port = privileged_port();
    let log = folder.path().join("access.log");
    let configuration = folder.path().join("torii.toml");
    let text = format!(
        "[process]\nuser = \"nobody\"\n[control]\nsocket = \"off\"\n[threads]\nworkers = 2\n\
         [log]\ntarget = \"file:{}\"\n\
         [[listener]]\nname = \"low\"\nbind = [\"127.0.0.77:{port}\"]\nbackend = \"none\"\n\
         [[backend]]\nname = \"none\"\n[[backend.server]]\nname = \"gone\"\naddress = \"127.0.0.77:1\"\n",
        log.display()
    );
    fs::write(&configuration, text).unwrap();
    let mut command = peers::command(env!("CARGO_BIN_EXE_torii"));
    command.arg("run").arg("-c").arg(&configuration);
    let mut torii = Peer::start("torii", command, folder.path());
    let url = format!("http://127.0.0.77:{port}/");
    torii.wait_until("first answer", || peers::curl(&[&url]).status == 503);

    // Every thread, since a user is a property of a thread; all four numbers, so that none can return.
    let tasks = fs::read_dir(format!("/proc/{}/task", torii.pid())).unwrap();
    let statuses: Vec<String> =
        tasks.map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap()).collect();
    assert!(statuses.len() >= 4, "two workers, log and control");
    for status in statuses {
        let user = nix::unistd::User::from_name("nobody").unwrap().expect("Debian has nobody");
        for (field, id) in [("Uid:", user.uid.as_raw()), ("Gid:", user.gid.as_raw())] {
            let line = status.lines().find(|line| line.starts_with(field)).unwrap();
            let ids: Vec<u32> = line.split_whitespace().skip(1).map(|id| id.parse().unwrap()).collect();
            assert_eq!(ids, [id; 4], "{status}");
        }
    }
    assert!(torii.stop().success());
    assert!(fs::read_to_string(&log).unwrap().contains("503"), "the log was opened as root and is written");
}
