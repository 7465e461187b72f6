//! What the other node sees when torii dies, by what it died of.

use nix::sys::signal::{Signal, kill};
use torii::ha::transport::presence::{Presence, Role};
use torii::ha::transport::seal::Kind;

use crate::stand_in::{StandIn, runs, wait_for_the_end_of};
use crate::world::{INTERFACE, OtherNode, SHARED, has_shared_address, index, ip, isolated, make_interface};

#[test]
fn a_killed_active_node_resigns_and_loses_the_address() {
    isolated(|| {
        let mut other = OtherNode::listen();
        let (stand_in, guard) = StandIn::start_active();
        assert!(has_shared_address());
        assert_eq!(other.waiting(), None);
        let told = stand_in.kill();
        other.sees_the_resignation();
        wait_for_the_end_of(guard);
        assert!(
            told.contains(
                "torii died while it was active: 192.0.2.12 told by priority 0, 198.51.100.3/32 removed"
            ),
            "{told}"
        );
    });
}

#[test]
fn a_panic_an_abort_and_an_early_exit_are_deaths() {
    for death in ["panic", "abort", "exit"] {
        isolated(move || {
            let mut other = OtherNode::listen();
            let (mut stand_in, guard) = StandIn::start_active();
            stand_in.order(death);
            other.sees_the_resignation();
            wait_for_the_end_of(guard);
        });
    }
}

#[test]
fn after_an_orderly_end_the_guard_is_silent() {
    isolated(|| {
        let mut other = OtherNode::listen();
        let (mut stand_in, guard) = StandIn::start_active();
        stand_in.order("end");
        assert_eq!(stand_in.answer(), "end");
        wait_for_the_end_of(guard);
        let told = stand_in.kill();
        assert!(!told.contains("torii-guard"), "{told}");
        assert_eq!(other.waiting(), None);
        assert!(has_shared_address(), "what the stand-in left is not the guard's business");
    });
}

#[test]
fn a_killed_standby_says_that_it_leaves_and_resigns_nothing() {
    isolated(|| {
        let mut other = OtherNode::listen();
        let (mut stand_in, guard) = StandIn::start_active();
        stand_in.order("standby");
        assert_eq!(stand_in.answer(), "standby");
        stand_in.kill();
        let (kind, message) = other.next();
        assert_eq!(kind, Kind::Presence);
        assert_eq!(Presence::decode(&message).unwrap().role, Role::Leaving);
        wait_for_the_end_of(guard);
        assert_eq!(other.waiting(), None);
    });
}

#[test]
fn a_stopped_process_is_not_dead() {
    isolated(|| {
        let mut other = OtherNode::listen();
        let (stand_in, guard) = StandIn::start_active();
        stand_in.signal(Signal::SIGSTOP);
        // The guard is awake, and has nothing to do: a process that is stopped still has its descriptors.
        kill(guard, Signal::SIGTERM).unwrap();
        assert_eq!(other.waiting(), None);
        assert!(has_shared_address());
        stand_in.kill();
        other.sees_the_resignation();
    });
}

#[test]
fn an_address_that_somebody_else_removed_is_no_fault() {
    isolated(|| {
        let mut other = OtherNode::listen();
        let (stand_in, _) = StandIn::start_active();
        ip("address del 198.51.100.3/32 dev shared0");
        let told = stand_in.kill();
        other.sees_the_resignation();
        assert!(told.contains("removed from shared0"), "{told}");
    });
}

#[test]
fn a_dead_guard_is_replaced_by_one_that_knows_the_state() {
    isolated(|| {
        let mut other = OtherNode::listen();
        let (mut stand_in, first) = StandIn::start_active();
        kill(first, Signal::SIGKILL).unwrap();
        assert_eq!(stand_in.answer(), "Died");
        let second = stand_in.guard();
        assert_ne!(first, second);
        assert_eq!(other.waiting(), None, "a guard's death is nobody else's business");
        stand_in.kill();
        other.sees_the_resignation();
        wait_for_the_end_of(second);
    });
}

#[test]
fn another_interface_is_another_guard_and_the_first_one_ends_in_silence() {
    isolated(|| {
        let mut other = OtherNode::listen();
        let (mut stand_in, first) = StandIn::start_active();
        let before = index();
        ip(&format!("link del {INTERFACE}"));
        make_interface();
        ip(&format!("address add {SHARED}/32 dev {INTERFACE}"));
        assert_ne!(index(), before, "the same name, and another interface");
        stand_in.order("follow");
        assert_eq!(stand_in.answer(), "follow");
        let second = stand_in.guard();
        assert_ne!(first, second);
        wait_for_the_end_of(first);
        assert_eq!(other.waiting(), None);
        stand_in.kill();
        other.sees_the_resignation();
    });
}

#[test]
fn the_same_interface_is_no_news() {
    isolated(|| {
        let (mut stand_in, first) = StandIn::start_active();
        stand_in.order("follow");
        assert_eq!(stand_in.answer(), "follow");
        stand_in.order("hello");
        assert_eq!(stand_in.answer(), "hello");
        assert!(runs(first));
    });
}

#[test]
fn a_guard_can_be_replaced_once_torii_is_an_ordinary_user() {
    isolated(|| {
        let mut other = OtherNode::listen();
        let (mut stand_in, first) = StandIn::start_active();
        stand_in.order("nobody");
        assert_eq!(stand_in.answer(), "nobody");
        kill(first, Signal::SIGKILL).unwrap();
        assert_eq!(stand_in.answer(), "Died");
        let second = stand_in.guard();
        let status = std::fs::read_to_string(format!("/proc/{second}/status")).unwrap();
        assert!(status.contains("\nUid:\t65534\t65534\t65534\t65534\n"), "{status}");
        stand_in.kill();
        other.sees_the_resignation();
    });
}

#[test]
fn without_the_capability_there_is_no_guard_and_the_reason_says_so() {
    isolated(|| {
        let mut stand_in = StandIn::start("unprivileged");
        let answer = stand_in.answer();
        assert!(
            answer.starts_with("no guard: it may not remove addresses, which takes CAP_NET_ADMIN"),
            "{answer}"
        );
        stand_in.order("exit");
        let (status, _) = stand_in.ended();
        assert!(status.success());
    });
}
