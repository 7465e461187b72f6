//! Every row of VRRP's state machine (RFC 3768 section 6.4, RFC 9568 section 6.4) as keepalived does it,
//! and every point of it that is easy to miss.

use std::net::IpAddr;
use std::time::Duration;

use super::support::{Stage, ms, node_a, node_b, stage};
use crate::ha::vrrp::{Action, Cause, Event, State, Takeover, Version};

/// What a node does that becomes active.
fn becomes_master(priority: u8, cause: Cause) -> Vec<Action> {
    vec![
        Action::Send { priority, repeat: 1 },
        Action::AddAddresses,
        Action::Announce,
        Action::Enter { state: State::Master, cause },
    ]
}

fn enters(state: State, cause: Cause) -> Action {
    Action::Enter { state, cause }
}

const ONE: Action = Action::Send { priority: 100, repeat: 1 };
const RESIGNATION: Action = Action::Send { priority: 0, repeat: 3 };

/// Priority 100, version 2: three seconds and 156/256.
const DOWN: Duration = Duration::from_micros(3_609_375);
const SKEW: Duration = Duration::from_micros(609_375);

#[test]
fn init_owner_is_active_at_once() {
    let mut node = stage(|settings| settings.base_priority = 255);
    assert_eq!(node.at(0, Event::Start), becomes_master(255, Cause::Owner));
    assert_eq!(node.deadline(), ms(1000));
}

#[test]
fn init_others_wait_for_the_down_interval() {
    let mut node = stage(|_| {});
    assert_eq!(node.at(7, Event::Start), [enters(State::Backup, Cause::Started)]);
    assert_eq!(node.deadline(), ms(7) + DOWN);
    assert_eq!(node.machine.master_down_interval(), DOWN);
}

#[test]
fn init_heeds_nothing_but_start() {
    let mut node = stage(|_| {});
    assert_eq!(node.advert(0, 255, node_b()), []);
    for event in [
        Event::HandOver,
        Event::StepAside { by: node_b() },
        Event::TakeBack,
        Event::Shutdown,
        Event::AddressLost,
        Event::Fault(false),
    ] {
        assert_eq!(node.at(1, event), []);
    }
    assert_eq!((node.machine.state(), node.machine.deadline()), (State::Init, None));
}

#[test]
fn backup_timer_expires() {
    let mut node = stage(|_| {});
    node.at(0, Event::Start);
    assert_eq!(node.tick(DOWN - Duration::from_micros(1)), []);
    assert_eq!(node.tick(DOWN), becomes_master(100, Cause::MasterSilent));
    assert_eq!(node.deadline(), DOWN + ms(1000));
    assert_eq!(node.machine.since(), DOWN);
}

#[test]
fn backup_hears_priority_0() {
    let mut patient = stage(|settings| settings.takeover = Takeover::Skew);
    patient.at(0, Event::Start);
    patient.advert(1000, 101, node_b());
    assert_eq!(patient.advert(1500, 0, node_b()), []);
    assert_eq!(patient.deadline(), ms(1500) + SKEW);
    let resigned = Cause::MasterResigned { from: node_b() };
    assert_eq!(patient.tick(ms(1500) + SKEW), becomes_master(100, resigned));

    let mut quick = stage(|_| {});
    quick.at(0, Event::Start);
    quick.advert(1000, 101, node_b());
    assert_eq!(quick.advert(1500, 0, node_b()), becomes_master(100, resigned));
}

#[test]
fn backup_hears_an_equal_or_better_priority() {
    for priority in [100, 101, 255] {
        for from in [node_b(), IpAddr::from([192, 0, 2, 1])] {
            let mut node = stage(|_| {});
            node.at(0, Event::Start);
            assert_eq!(node.advert(3000, priority, from), []);
            assert_eq!(node.deadline(), ms(3000) + DOWN);
            assert_eq!(node.machine.followed(), Some((from, priority)));
        }
    }
}

#[test]
fn backup_without_preempt_hears_any_priority() {
    let mut node = stage(|settings| settings.preempt = false);
    node.at(0, Event::Start);
    assert_eq!(node.advert(3000, 1, node_b()), []);
    assert_eq!(node.deadline(), ms(3000) + DOWN);
}

#[test]
fn backup_discards_a_lower_priority_and_its_timer_runs_on() {
    let mut node = stage(|_| {});
    node.at(0, Event::Start);
    node.advert(1000, 101, node_b());
    for time in [2000, 3000, 4000] {
        assert_eq!(node.advert(time, 99, node_b()), []);
        assert_eq!(node.deadline(), ms(1000) + DOWN, "not at once, and not later either");
    }
    let cause = Cause::Preempted { from: node_b(), priority: 99 };
    assert_eq!(node.tick(ms(1000) + DOWN), becomes_master(100, cause));
}

#[test]
fn backup_waits_with_preemption_from_the_first_lower_advert() {
    let mut node = stage(|settings| settings.preempt_delay = ms(5000));
    node.at(0, Event::Start);
    for time in [1000, 2000, 3000, 4000, 5000] {
        node.advert(time, 99, node_b());
        assert_eq!(node.deadline(), ms(time) + DOWN, "accepted until the delay is over");
    }
    node.advert(6000, 99, node_b());
    assert_eq!(node.deadline(), ms(5000) + DOWN, "discarded after it; the rest of the timer still runs");
    // An equal or better one begins it anew.
    node.advert(7000, 100, node_b());
    node.advert(8000, 99, node_b());
    assert_eq!(node.deadline(), ms(8000) + DOWN);
}

#[test]
fn backup_shuts_down() {
    let mut node = stage(|_| {});
    node.at(0, Event::Start);
    assert_eq!(node.at(10, Event::Shutdown), [enters(State::Init, Cause::Shutdown)]);
    assert_eq!(node.machine.deadline(), None);
    assert_eq!(node.tick(ms(99_999)), []);
}

#[test]
fn master_advertises_at_each_interval_however_late_the_thread_was() {
    let mut node = master();
    let begin = node.now();
    for (late, next) in [(0, 2000), (400, 3000), (0, 4000), (999, 5000), (0, 6000)] {
        let due = node.deadline();
        assert_eq!(node.tick(due + ms(late)), [ONE]);
        assert_eq!(node.deadline(), begin + ms(next));
    }
    // Later than a whole interval: no two adverts in a row to catch up.
    let due = node.deadline();
    assert_eq!(node.tick(due + ms(1100)), [ONE]);
    assert_eq!(node.deadline(), due + ms(2100));
}

#[test]
fn master_answers_priority_0_at_once() {
    let mut node = master();
    let now = node.now() + ms(600);
    assert_eq!(node.advert_at(now, 0, node_b()), [ONE]);
    assert_eq!(node.deadline(), now + ms(1000), "and counts from there");
}

#[test]
fn master_yields_to_a_higher_priority_and_says_nothing() {
    let mut node = master();
    let now = node.now() + ms(600);
    let cause = Cause::BetterMaster { from: node_b(), priority: 101 };
    let yields = [Action::RemoveAddresses, enters(State::Backup, cause)];
    assert_eq!(node.advert_at(now, 101, node_b()), yields);
    assert_eq!(node.deadline(), now + DOWN);
}

#[test]
fn the_address_decides_between_two_masters_of_equal_priority() {
    let mut lower = master();
    let now = lower.now() + ms(600);
    let cause = Cause::BetterMaster { from: node_b(), priority: 100 };
    assert_eq!(lower.advert_at(now, 100, node_b())[1], enters(State::Backup, cause));

    let mut higher = master();
    let now = higher.now() + ms(600);
    // Numeric: 192.0.2.9 is below 192.0.2.11, though its text is above.
    assert_eq!(higher.advert_at(now, 100, IpAddr::from([192, 0, 2, 9])), [ONE, Action::Announce]);
}

#[test]
fn master_answers_a_lower_priority_with_an_advert_and_announces_again() {
    let mut node = master();
    let now = node.now() + ms(600);
    assert_eq!(node.advert_at(now, 99, node_b()), [ONE, Action::Announce]);
    assert_eq!(node.deadline(), now + ms(1000));
}

#[test]
fn answers_to_a_flood_are_spaced_and_the_last_one_is_not_lost() {
    let mut node = master();
    let begin = node.now() + ms(600);
    let mut sent = 0;
    for number in 0..10_000 {
        let now = begin + Duration::from_micros(number * 100);
        sent += node.advert_at(now, 99, node_b()).len();
        sent += node.tick(now).len();
    }
    assert_eq!(sent, 2 * 4, "four answers in a second, each with an announcement");
    let due = node.deadline();
    assert!(due < begin + ms(1250));
    assert_eq!(node.tick(due), [ONE, Action::Announce]);
}

#[test]
fn master_shuts_down() {
    let mut node = master();
    let ends = [RESIGNATION, Action::RemoveAddresses, enters(State::Init, Cause::Shutdown)];
    assert_eq!(node.at(5000, Event::Shutdown), ends);
    assert_eq!(node.machine.deadline(), None);
}

#[test]
fn fault_gives_up_and_leads_back_to_a_full_wait() {
    let mut node = master();
    let faults = [RESIGNATION, Action::RemoveAddresses, enters(State::Fault, Cause::Fault)];
    assert_eq!(node.at(5000, Event::Fault(true)), faults);
    assert_eq!(node.at(5001, Event::Fault(true)), []);
    assert_eq!(node.advert(5002, 101, node_b()), [], "neither sends nor heeds");
    assert_eq!(node.machine.heard(), None);
    assert_eq!(node.at(6000, Event::Fault(false)), [enters(State::Backup, Cause::FaultCleared)]);
    assert_eq!(node.deadline(), ms(6000) + DOWN);

    let mut standby = stage(|_| {});
    standby.at(0, Event::Start);
    assert_eq!(standby.at(1, Event::Fault(true)), [enters(State::Fault, Cause::Fault)]);
}

#[test]
fn a_fault_before_the_start_counts() {
    let mut node = stage(|_| {});
    node.at(0, Event::Fault(true));
    assert_eq!(node.at(1, Event::Start), [enters(State::Fault, Cause::Fault)]);
    assert_eq!(node.at(2, Event::Shutdown), [enters(State::Init, Cause::Shutdown)]);
}

#[test]
fn the_owner_leaves_a_fault_as_master() {
    let mut node = stage(|settings| settings.base_priority = 255);
    node.at(0, Event::Fault(true));
    node.at(0, Event::Start);
    assert_eq!(node.at(5, Event::Fault(false)), becomes_master(255, Cause::Owner));
    assert_eq!(node.at(6, Event::Priority(3)), [], "nor does health change it");
    assert_eq!(node.machine.priority(), 255);
}

#[test]
fn version_3_learns_the_interval_of_the_active_node() {
    let mut node = stage(|settings| {
        settings.version = Version::V3;
        settings.interval = ms(10);
    });
    node.at(0, Event::Start);
    assert_eq!(node.deadline(), Duration::from_micros(36_093));
    node.advert_of(ms(20), 101, node_b(), ms(100));
    assert_eq!(node.deadline(), ms(20) + Duration::from_micros(360_937));
    // One that is discarded teaches nothing.
    node.advert_of(ms(30), 99, node_b(), ms(1000));
    assert_eq!(node.machine.master_down_interval(), Duration::from_micros(360_937));
    // Active, it speaks in its own interval.
    let due = node.deadline();
    node.tick(due);
    assert_eq!(node.deadline(), due + ms(10));
    // And learns again as it yields.
    node.advert_of(due + ms(5), 101, node_b(), ms(1000));
    assert_eq!(node.deadline(), due + ms(5) + DOWN);
}

#[test]
fn a_change_of_priority_moves_the_standby_s_timer_by_the_difference_of_skews() {
    let mut node = stage(|_| {});
    node.at(0, Event::Start);
    node.at(1000, Event::Priority(102));
    assert_eq!(node.deadline(), Duration::from_micros(3_609_375 - 609_375 + 601_562));
    node.at(1001, Event::Priority(0));
    assert_eq!(node.machine.priority(), 1, "clamped");
    node.at(1002, Event::Priority(255));
    assert_eq!(node.machine.priority(), 254);
}

#[test]
fn a_clock_that_goes_back_stands_still() {
    let mut node = master();
    let before = node.now();
    let due = node.deadline();
    assert_eq!(node.at(0, Event::Priority(101)), []);
    assert_eq!(node.advert(1, 99, node_b()), [], "too soon for an answer");
    assert_eq!(node.tick(ms(2)), []);
    assert!(node.deadline() <= due && node.deadline() > before);
}

#[test]
fn its_own_adverts_are_not_heeded() {
    let mut node = master();
    let now = node.now() + ms(1);
    assert_eq!(node.advert_at(now, 255, node_a()), []);
    assert_eq!(node.machine.state(), State::Master);
}

/// Node A, priority 100, active since the end of its first wait.
fn master() -> Stage {
    let mut node = stage(|_| {});
    node.at(0, Event::Start);
    node.tick(DOWN);
    assert_eq!(node.machine.state(), State::Master);
    node
}
