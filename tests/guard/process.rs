//! The guard as a process: its name, its descriptors, what it may do, which signals it heeds.

use std::fs::{read_dir, read_link, read_to_string};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use caps::{CapSet, Capability};
use nix::sys::signal::{Signal, kill};

use crate::stand_in::StandIn;
use crate::world::{OtherNode, isolated};

#[test]
fn it_has_a_name_of_its_own() {
    isolated(|| {
        let (_stand_in, guard) = StandIn::start_active();
        assert_eq!(read_to_string(format!("/proc/{guard}/comm")).unwrap(), "torii-guard\n");
        let line = read_to_string(format!("/proc/{guard}/cmdline")).unwrap();
        assert!(line.starts_with("torii-guard\0"), "{line}");
        assert!(!line.contains("0123456789"), "the secret is no argument");
        assert_eq!(read_to_string(format!("/proc/{guard}/environ")).unwrap_or_default(), "");
    });
}

#[test]
fn it_has_no_descriptors_but_its_own() {
    isolated(|| {
        let (_stand_in, guard) = StandIn::start_active();
        let folder = format!("/proc/{guard}/fd");
        let mut descriptors: Vec<(String, String)> = read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.file_name().unwrap().to_string_lossy().into(), path))
            .map(|(name, path)| (name, read_link(path).unwrap().to_string_lossy().into_owned()))
            .collect();
        descriptors.sort();
        let kinds: Vec<&str> =
            descriptors.iter().map(|(_, target)| target.split(':').next().unwrap()).collect();
        assert_eq!(kinds, ["socket", "socket", "pipe", "socket"], "{descriptors:?}");
    });
}

#[test]
fn it_heeds_no_signal_that_can_be_refused() {
    isolated(|| {
        let mut other = OtherNode::listen();
        let (stand_in, guard) = StandIn::start_active();
        for signal in Signal::iterator().filter(|signal| !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP))
        {
            kill(guard, signal).unwrap();
        }
        assert_eq!(other.waiting(), None);
        stand_in.kill();
        other.sees_the_resignation();
    });
}

#[test]
fn it_is_in_a_session_of_its_own_so_that_no_terminal_ends_it() {
    isolated(|| {
        let (_stand_in, guard) = StandIn::start_active();
        assert_eq!(nix::unistd::getsid(Some(guard)).unwrap(), guard);
    });
}

#[test]
fn it_may_remove_addresses_and_nothing_else() {
    isolated(|| {
        let (_stand_in, guard) = StandIn::start_active();
        let status = read_to_string(format!("/proc/{guard}/status")).unwrap();
        // Capability 12 is CAP_NET_ADMIN.
        for set in ["CapPrm", "CapEff"] {
            assert!(status.contains(&format!("{set}:\t0000000000001000\n")), "{status}");
        }
    });
}

#[test]
fn it_is_the_last_to_go_when_memory_runs_out() {
    isolated(|| {
        let (_stand_in, guard) = StandIn::start_active();
        // A container may keep even root from asking for that.
        let may_ask = caps::has_cap(None, CapSet::Effective, Capability::CAP_SYS_RESOURCE).unwrap();
        let own = read_to_string("/proc/self/oom_score_adj").unwrap();
        let expected = if may_ask { "-1000\n" } else { &own };
        assert_eq!(read_to_string(format!("/proc/{guard}/oom_score_adj")).unwrap(), expected);
    });
}

#[test]
fn by_hand_it_says_that_it_is_of_no_use() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_torii")).arg("guard").stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("by hand it is of no use"), "{text}");
}

/// A core dump may take seconds, in which the process still has its descriptors.
#[test]
fn a_fatal_signal_tells_the_guard_before_a_core_is_dumped() {
    let ended_by = |doom: &dyn Fn(&mut StandIn)| {
        let mut stand_in = StandIn::start("doomed");
        stand_in.order("hello");
        assert_eq!(stand_in.answer(), "hello");
        doom(&mut stand_in);
        let (rest, status) = stand_in.rest();
        assert_eq!(rest, "x");
        Signal::try_from(status.signal().unwrap()).unwrap()
    };
    for signal in [Signal::SIGSEGV, Signal::SIGABRT, Signal::SIGQUIT, Signal::SIGBUS, Signal::SIGILL] {
        assert_eq!(ended_by(&|stand_in| stand_in.signal(signal)), signal);
    }
    assert_eq!(ended_by(&|stand_in| stand_in.order("abort")), Signal::SIGABRT);
    // Rust tells of a full stack and aborts; it still gets to do that.
    assert_eq!(ended_by(&|stand_in| stand_in.order("overflow")), Signal::SIGABRT);
}
