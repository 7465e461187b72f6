//! What the machine remembers, and what it forgets when a state ends: one life after another.

use std::net::IpAddr;
use std::time::Duration;

use super::support::{Stage, ms, node_b, stage};
use crate::ha::vrrp::{Action, Cause, Event, Settings, State, Version};

const DOWN: Duration = Duration::from_micros(3_609_375);
const ANSWER: Action = Action::Send { priority: 100, repeat: 1 };

fn node_c() -> IpAddr {
    IpAddr::from([192, 0, 2, 13])
}

fn standby(change: impl FnOnce(&mut Settings)) -> Stage {
    let mut node = stage(change);
    node.at(0, Event::Start);
    node
}

/// Active since 2 s, because node B gave up.
fn master(change: impl FnOnce(&mut Settings)) -> Stage {
    let mut node = standby(change);
    node.advert(1000, 101, node_b());
    node.advert(2000, 0, node_b());
    assert_eq!(node.machine.state(), State::Master);
    node
}

#[test]
fn listening_ends_with_the_first_word_of_somebody_who_is_no_master() {
    let mut node = master(|settings| settings.preempt = false);
    assert_eq!(node.tick(ms(6000)), [], "stood still");
    assert_eq!(node.advert(6001, 0, node_b()), [ANSWER]);
    node.advert(6500, 99, node_c());
    assert_eq!(node.machine.state(), State::Master);
}

#[test]
fn a_successor_that_gave_up_a_moment_ago_is_heard() {
    let mut node = master(|_| {});
    node.at(2100, Event::HandOver);
    node.advert(2101, 101, node_b());
    assert_eq!(node.machine.state(), State::Backup);
}

#[test]
fn each_silence_may_be_waited_out_once_more() {
    let mut node = standby(|_| {});
    let mut wake = ms(20_000);
    for _ in 0..3 {
        assert_eq!(node.tick(wake), [], "late");
        assert!(node.deadline() > wake);
        node.advert_at(wake + ms(1), 101, node_b());
        wake += ms(20_000);
    }
    // And that of a hand-over after that of a standby.
    let mut node = standby(|_| {});
    node.tick(ms(20_000));
    let due = node.deadline();
    assert_eq!(node.tick(due).len(), 4);
    node.at(22_000, Event::HandOver);
    assert_eq!(node.tick(ms(60_000)), []);
    assert_eq!(node.machine.state(), State::Resigning);
}

#[test]
fn the_cause_of_a_takeover_is_the_last_word_heard() {
    let mut node = standby(|_| {});
    node.advert(1000, 101, node_b());
    node.advert(2000, 99, node_b());
    node.advert(3000, 101, node_b());
    let silent = Action::Enter { state: State::Master, cause: Cause::MasterSilent };
    assert_eq!(node.tick(ms(3000) + DOWN).last(), Some(&silent));
}

#[test]
fn a_lost_address_counts_for_one_time_of_being_active() {
    let mut node = master(|_| {});
    let put_back = [Action::AddAddresses, Action::Announce];
    assert_eq!(node.at(2010, Event::AddressLost), put_back);
    node.advert(3500, 102, node_b());
    node.advert(3510, 0, node_b());
    assert_eq!(node.at(3520, Event::AddressLost), put_back);
}

#[test]
fn the_delay_of_preemption_begins_anew_for_each_time_of_being_standby() {
    let mut node = standby(|settings| settings.preempt_delay = ms(2000));
    node.advert(1000, 99, node_b());
    node.advert(1500, 0, node_b());
    assert_eq!(node.machine.state(), State::Master);
    node.advert(3000, 102, node_b());
    node.advert(4000, 99, node_b());
    assert_eq!(node.deadline(), ms(4000) + DOWN, "accepted");
}

#[test]
fn whom_it_followed_is_forgotten_when_it_is_active() {
    let mut node = master(|_| {});
    assert_eq!(node.machine.followed(), None);
    node.at(3000, Event::Fault(true));
    node.at(4000, Event::Fault(false));
    // Node B gave up a moment ago, so nobody better is left.
    let resigned = Cause::MasterResigned { from: node_c() };
    let active = Action::Enter { state: State::Master, cause: resigned };
    assert_eq!(node.advert(4500, 0, node_c()).last(), Some(&active));
}

#[test]
fn an_owner_that_handed_over_stays_standby_through_a_fault() {
    let mut node = stage(|settings| settings.base_priority = 255);
    node.at(0, Event::Start);
    node.at(1000, Event::HandOver);
    node.advert(1001, 101, node_b());
    node.at(2000, Event::Fault(true));
    node.at(3000, Event::Fault(false));
    assert_eq!(node.machine.state(), State::Backup);
    assert_eq!(node.at(3001, Event::TakeBack), [], "nobody is known to be active; the timer decides");
    assert!(!node.machine.is_handed_over());
}

#[test]
fn a_learned_interval_is_forgotten_with_its_teacher() {
    let quick = |settings: &mut Settings| {
        settings.version = Version::V3;
        settings.interval = ms(10);
    };
    let own = Duration::from_micros(36_093);
    let mut node = standby(quick);
    node.advert_of(ms(20), 101, node_b(), ms(1000));
    node.at(30, Event::Fault(true));
    node.at(40, Event::Fault(false));
    assert_eq!(node.deadline(), ms(40) + own);

    let mut node = standby(quick);
    node.advert_of(ms(20), 101, node_b(), ms(1000));
    node.advert_of(ms(30), 0, node_b(), ms(1000));
    node.at(35, Event::HandOver);
    assert_eq!(node.machine.master_down_interval(), own, "how long a successor is waited for");
}

#[test]
fn a_hand_over_is_forgotten_when_taken_back_or_ended() {
    let handed_over = || {
        let mut node = master(|_| {});
        node.at(2100, Event::HandOver);
        node.advert(2101, 102, node_b());
        assert!(node.machine.is_handed_over());
        node
    };
    let mut node = handed_over();
    assert_eq!(node.at(3000, Event::TakeBack), [], "node B is better");
    assert!(!node.machine.is_handed_over());
    let mut node = handed_over();
    node.at(3000, Event::Shutdown);
    assert!(!node.machine.is_handed_over());
}

#[test]
fn good_health_does_not_call_off_a_hand_over() {
    let mut node = master(|_| {});
    node.at(2100, Event::HandOver);
    assert_eq!(node.at(2200, Event::Priority(120)), []);
    assert_eq!(node.machine.state(), State::Resigning);
}

#[test]
fn a_clock_that_goes_back_shortens_no_wait() {
    let mut node = master(|_| {});
    let latest = node.now();
    node.advert(500, 102, node_b());
    assert_eq!(node.deadline(), latest + DOWN);
    assert_eq!(node.machine.since(), latest);
}
