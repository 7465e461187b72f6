//! What the machine does beyond the RFC: resigning, taking over at once, standing still, hand-overs, lost addresses.

use std::net::IpAddr;
use std::time::Duration;

use super::support::{Stage, ms, node_b, stage};
use crate::ha::vrrp::{Action, Cause, Event, Peer, Settings, State, Takeover};
use crate::limits::ha::OFFER_REST;

const RESIGNATION: Action = Action::Send { priority: 0, repeat: 3 };
const DOWN: Duration = Duration::from_micros(3_609_375);

fn enters(state: State, cause: Cause) -> Action {
    Action::Enter { state, cause }
}

/// A standby's sign of life.
fn says(from: IpAddr, priority: u8, serves: bool) -> Event<'static> {
    Event::Presence { from, priority, serves, is_handed_over: false }
}

/// A third node, priority 103 at most.
fn node_c() -> IpAddr {
    IpAddr::from([192, 0, 2, 13])
}

fn with_c(settings: &mut Settings) {
    settings.peers.push(Peer { address: node_c(), priority_max: 103 });
}

/// Node A of the article: base 100, serving 102, active.
fn master(change: impl FnOnce(&mut Settings)) -> Stage {
    let mut node = stage(change);
    node.at(0, Event::Priority(102));
    node.at(0, Event::Start);
    node.tick(node.deadline());
    assert_eq!(node.machine.state(), State::Master);
    node
}

/// The same, after it has stopped serving at 5 s.
fn resigning() -> Stage {
    let mut node = master(|_| {});
    let cause = Cause::OwnPriorityFell { priority: 100 };
    assert_eq!(node.at(4000, Event::Priority(100)), [RESIGNATION, enters(State::Resigning, cause)]);
    assert!(node.machine.holds_addresses(), "until there is a successor");
    node
}

#[test]
fn an_active_node_that_stops_serving_resigns_and_the_better_one_succeeds() {
    let mut node = resigning();
    let cause = Cause::Successor { from: node_b(), priority: 101 };
    assert_eq!(node.advert(4001, 101, node_b()), [Action::RemoveAddresses, enters(State::Backup, cause)]);
    assert_eq!(node.deadline(), ms(4001) + DOWN);
    assert!(!node.machine.is_handed_over());
}

#[test]
fn a_successor_that_is_no_better_is_overruled_at_once() {
    // Both are down, so the base priorities decide: 100 and 99.
    let mut node = resigning();
    let actions = node.advert(4001, 99, node_b());
    assert_eq!(actions[0], Action::Send { priority: 100, repeat: 1 });
    assert_eq!(actions[3], enters(State::Master, Cause::NobodyTookOver));
    assert!(!actions.contains(&Action::RemoveAddresses));
}

#[test]
fn a_resigning_node_says_so_again_and_is_active_again_if_nobody_comes() {
    let mut node = resigning();
    for time in [5000, 6000, 7000] {
        assert_eq!(node.deadline(), ms(time));
        assert_eq!(node.tick(ms(time)), [Action::Send { priority: 0, repeat: 1 }]);
    }
    assert_eq!(node.deadline(), ms(4000) + DOWN);
    let actions = node.tick(ms(4000) + DOWN);
    assert_eq!(actions[0], Action::Send { priority: 100, repeat: 1 });
    assert_eq!(actions[3], enters(State::Master, Cause::NobodyTookOver));
}

#[test]
fn a_node_that_serves_again_before_anybody_came_stays() {
    let mut node = resigning();
    let actions = node.at(4010, Event::Priority(102));
    assert_eq!(actions[0], Action::Send { priority: 102, repeat: 1 });
    assert_eq!(actions[3], enters(State::Master, Cause::Recovered));
}

#[test]
fn two_that_resign_learn_it_from_each_other() {
    let mut node = resigning();
    assert_eq!(node.advert(4001, 0, node_b())[3], enters(State::Master, Cause::NobodyTookOver));
}

#[test]
fn nobody_resigns_for_a_node_that_is_no_better() {
    let peer = |priority_max| {
        move |settings: &mut Settings| {
            settings.peers[0].priority_max = priority_max;
        }
    };
    for priority_max in [1, 99, 100] {
        let mut node = master(peer(priority_max));
        assert_eq!(node.at(4000, Event::Priority(100)), []);
        assert_eq!(node.machine.state(), State::Master);
    }
    // Nor for one that could be better and says that it is not.
    let mut node = master(|_| {});
    node.at(3900, says(node_b(), 99, false));
    assert_eq!(node.at(4000, Event::Priority(100)), []);
    // An old word says nothing.
    let mut node = master(|_| {});
    node.at(3700, says(node_b(), 99, false));
    for time in 4..9 {
        node.tick(ms(time * 1000));
    }
    assert_eq!(node.at(9000, Event::Priority(100))[0], RESIGNATION);
}

/// Node A without `preempt` at either, active although it does not serve: nobody else was there.
fn lonely() -> Stage {
    let mut node = master(|settings| settings.preempt = false);
    node.at(4000, Event::Priority(100));
    while node.machine.state() == State::Resigning {
        node.tick(node.deadline());
    }
    assert_eq!(node.machine.state(), State::Master);
    node
}

#[test]
fn an_active_node_that_does_not_serve_resigns_when_a_better_one_that_does_comes_later() {
    let mut node = lonely();
    let cause = Cause::BetterStandby { from: node_b(), priority: 101 };
    let resigns = [RESIGNATION, enters(State::Resigning, cause)];
    assert_eq!(node.at(9000, says(node_b(), 101, true)), resigns);
    assert!(node.machine.holds_addresses(), "until there is a successor");
    assert_eq!(node.advert(9001, 101, node_b())[0], Action::RemoveAddresses);
    assert!(!node.machine.is_handed_over());
}

#[test]
fn a_node_that_never_served_gives_way_too() {
    let mut node = stage(|settings| settings.preempt = false);
    node.at(0, Event::Start);
    node.tick(node.deadline());
    assert_eq!(node.at(4000, says(node_b(), 101, true))[0], RESIGNATION);
}

#[test]
fn nobody_gives_way_to_a_standby_that_serves_no_better() {
    for (priority, serves) in [(99, false), (101, false), (100, true), (0, true)] {
        assert_eq!(lonely().at(9000, says(node_b(), priority, serves)), [], "{priority} {serves}");
    }
    // Nor does a node that serves, whatever the base priorities are, nor one whose health counts nothing.
    assert_eq!(master(|_| {}).at(9000, says(node_b(), 150, true)), []);
    let mut weightless = stage(|settings| settings.priority_max = 100);
    weightless.at(0, Event::Start);
    weightless.tick(weightless.deadline());
    assert_eq!(weightless.at(4000, says(node_b(), 101, true)), []);
}

#[test]
fn an_offer_that_nobody_takes_is_not_made_again_at_once() {
    let mut node = lonely();
    assert_eq!(node.at(9000, says(node_b(), 101, true))[0], RESIGNATION);
    while node.machine.state() == State::Resigning {
        node.tick(node.deadline());
    }
    let rest = DOWN * OFFER_REST;
    let again = |node: &mut Stage, now: Duration| {
        let now = (ms(9000) + now).as_millis() as u64;
        node.at(now, says(node_b(), 101, true))
    };
    while node.deadline() < ms(9000) + rest {
        let now = node.deadline();
        node.tick(now);
        assert_eq!(again(&mut node, now.saturating_sub(ms(9000))), []);
    }
    assert_eq!(again(&mut node, rest + ms(1))[0], RESIGNATION);
}

#[test]
fn the_best_of_the_remaining_nodes_takes_over_at_once_the_others_wait() {
    let followed = |change: fn(&mut Settings)| {
        let mut node = stage(change);
        node.at(0, Event::Start);
        node.advert(1000, 110, node_b());
        node
    };
    let resigned = Cause::MasterResigned { from: node_b() };
    let becomes = enters(State::Master, resigned);
    assert_eq!(followed(|_| {}).advert(1500, 0, node_b()).last(), Some(&becomes), "alone");
    let mut second = followed(with_c);
    assert_eq!(second.advert(1500, 0, node_b()), []);
    assert_eq!(second.deadline(), ms(1500) + Duration::from_micros(609_375));
    // Again and again does not put it off.
    assert_eq!(second.advert(2000, 0, node_b()), []);
    assert_eq!(second.tick(ms(1500) + Duration::from_micros(609_375)).last(), Some(&becomes));
    // Unless the third one is known to be worse.
    let mut known = followed(with_c);
    known.at(1400, says(node_c(), 99, false));
    assert_eq!(known.advert(1500, 0, node_b()).last(), Some(&becomes));
    let mut patient = followed(|settings| settings.takeover = Takeover::Skew);
    assert_eq!(patient.advert(1500, 0, node_b()), []);
}

#[test]
fn priority_0_of_another_node_than_the_active_one_is_nothing() {
    let mut node = stage(with_c);
    node.at(0, Event::Start);
    node.advert(1000, 101, node_b());
    assert_eq!(node.advert(1001, 0, node_c()), []);
    assert_eq!(node.deadline(), ms(1000) + DOWN);
}

#[test]
fn an_advert_that_priority_0_has_overtaken_is_ignored() {
    let mut node = stage(|_| {});
    node.at(0, Event::Start);
    node.advert(1000, 101, node_b());
    node.advert(2000, 0, node_b());
    assert_eq!(node.machine.state(), State::Master);
    assert_eq!(node.advert(2001, 101, node_b()), []);
    node.advert(2002, 0, node_b());
    assert_eq!(node.advert(2003, 101, node_b()), []);
    assert_eq!(node.machine.state(), State::Master);
    // Another priority is a new word, and half an interval later everything is.
    assert_eq!(node.advert(2004, 102, node_b())[0], Action::RemoveAddresses);
    node.tick(node.deadline());
    node.advert(9000, 0, node_b());
    assert_eq!(node.advert(9500, 102, node_b())[0], Action::RemoveAddresses);
}

#[test]
fn a_node_that_stood_still_listens_before_it_speaks() {
    let still = ms(3000);
    let mut node = master(|_| {});
    let wake = node.now() + still;
    assert_eq!(node.tick(wake), [], "its advert is long due, and is not sent");
    assert_eq!(node.deadline(), wake + ms(1000));
    assert_eq!(node.tick(wake + ms(1000)), [Action::Send { priority: 102, repeat: 1 }], "nobody spoke");
    assert_eq!(node.machine.state(), State::Master);

    // Somebody worse took over and preemption is on: the addresses are ours by right.
    let mut node = master(|_| {});
    assert_eq!(node.tick(wake), []);
    let answer = [Action::Send { priority: 102, repeat: 1 }, Action::Announce];
    assert_eq!(node.advert_at(wake + ms(10), 101, node_b()), answer);

    // Somebody whom a standby would follow.
    let mut node = master(|settings| settings.preempt = false);
    let cause = Cause::TookOverDuringPause { from: node_b(), priority: 101 };
    let yields = [Action::RemoveAddresses, enters(State::Backup, cause)];
    assert_eq!(node.advert_at(wake, 101, node_b()), yields);

    // A short delay is no standstill.
    let mut node = master(|_| {});
    let late = node.now() + ms(2600);
    assert_eq!(node.tick(late), [Action::Send { priority: 102, repeat: 1 }]);
}

#[test]
fn a_standby_that_was_not_there_to_hear_waits_once_more() {
    let mut node = stage(|_| {});
    node.at(0, Event::Start);
    let wake = DOWN + ms(5000);
    assert_eq!(node.tick(wake), []);
    let due = wake + ms(1000) + Duration::from_micros(609_375);
    assert_eq!(node.deadline(), due);
    assert_eq!(node.tick(due + ms(5000)).len(), 4, "but not for ever, however late it always is");
}

#[test]
fn a_hand_over_keeps_the_addresses_until_the_successor_speaks() {
    let mut node = master(|_| {});
    assert_eq!(node.at(4000, Event::HandOver), [RESIGNATION, enters(State::Resigning, Cause::HandOver)]);
    // Even a worse one is the successor: that is what was asked for.
    let cause = Cause::Successor { from: node_b(), priority: 99 };
    assert_eq!(node.advert(4003, 99, node_b()), [Action::RemoveAddresses, enters(State::Backup, cause)]);
    assert!(node.machine.is_handed_over());
    // It follows lower priorities, preemption or not.
    for time in [5000, 6000, 7000] {
        node.advert(time, 99, node_b());
        assert_eq!(node.deadline(), ms(time) + node.machine.master_down_interval());
    }
    let actions = node.at(7500, Event::TakeBack);
    assert_eq!(actions[3], enters(State::Master, Cause::TakenBack));
    assert!(!node.machine.is_handed_over());
}

#[test]
fn a_node_that_stepped_aside_stands_for_election_as_before() {
    let mut node = master(|_| {});
    let (step_aside, asked) = (Event::StepAside { by: node_b() }, Cause::AskedFor { by: node_b() });
    assert_eq!(node.at(4000, step_aside), [RESIGNATION, enters(State::Resigning, asked)]);
    let cause = Cause::Successor { from: node_b(), priority: 99 };
    assert_eq!(node.advert(4003, 99, node_b()), [Action::RemoveAddresses, enters(State::Backup, cause)]);
    assert!(!node.machine.is_handed_over());
    let due = node.deadline();
    node.advert(5000, 99, node_b());
    assert_eq!(node.deadline(), due, "it preempts a worse node");
    // An order of its own before that is remembered by the same hand-over.
    let mut node = master(|_| {});
    node.at(4000, step_aside);
    node.at(4001, Event::HandOver);
    node.advert(4003, 101, node_b());
    assert!(node.machine.is_handed_over());
}

#[test]
fn a_hand_over_never_makes_the_address_dark() {
    let handed_over = || {
        let mut node = master(|_| {});
        node.at(4000, Event::HandOver);
        node.advert(4003, 101, node_b());
        node
    };
    let mut silent = handed_over();
    assert_eq!(silent.tick(silent.deadline())[3], enters(State::Master, Cause::MasterSilent));
    assert!(!silent.machine.is_handed_over());
    let resigned = Cause::MasterResigned { from: node_b() };
    assert_eq!(handed_over().advert(5000, 0, node_b())[3], enters(State::Master, resigned));

    // Nobody there at all.
    let mut alone = master(|_| {});
    alone.at(4000, Event::HandOver);
    for time in [5000, 6000, 7000] {
        alone.tick(ms(time));
    }
    assert_eq!(alone.tick(alone.deadline())[3], enters(State::Master, Cause::NobodyTookOver));
    let mut single = master(|settings| settings.peers.clear());
    assert_eq!(single.at(4000, Event::HandOver), []);
}

#[test]
fn a_hand_over_can_be_called_off_and_a_better_node_keeps_what_it_has() {
    let mut node = master(|_| {});
    node.at(4000, Event::HandOver);
    assert_eq!(node.at(4001, Event::TakeBack)[3], enters(State::Master, Cause::TakenBack));

    let mut worse = stage(|settings| settings.preempt = false);
    worse.at(0, Event::Start);
    worse.advert(1, 101, node_b());
    assert_eq!(worse.at(2, Event::TakeBack), []);
    assert_eq!(worse.at(3, Event::HandOver), [], "a standby has nothing to hand over");
    assert_eq!(worse.machine.state(), State::Backup);
}

#[test]
fn an_own_failure_turns_into_a_hand_over_when_asked() {
    let mut node = resigning();
    assert_eq!(node.at(4001, Event::HandOver), []);
    assert_eq!(node.advert(4002, 99, node_b())[0], Action::RemoveAddresses);
    assert!(node.machine.is_handed_over());
}

#[test]
fn shutdown_and_fault_while_resigning_let_go_at_once() {
    for event in [Event::Shutdown, Event::Fault(true)] {
        let actions = resigning().at(4500, event);
        assert_eq!(actions[..2], [RESIGNATION, Action::RemoveAddresses]);
    }
}

#[test]
fn a_lost_address_is_put_back_and_somebody_who_insists_gets_his_way() {
    let mut node = master(|_| {});
    assert_eq!(node.at(4000, Event::AddressLost), [Action::AddAddresses, Action::Announce]);
    let patience = node.machine.master_down_interval();
    let later = (ms(4001) + patience).as_millis() as u64;
    assert_eq!(node.at(later, Event::AddressLost), [Action::AddAddresses, Action::Announce]);
    let gives_up = [RESIGNATION, Action::RemoveAddresses, enters(State::Backup, Cause::AddressLost)];
    assert_eq!(node.at(later + 100, Event::AddressLost), gives_up);
    let skew = patience - ms(3000);
    assert_eq!(node.deadline(), ms(later + 100) + skew, "back soon if nobody else is there");
    assert_eq!(node.at(later + 200, Event::AddressLost), [], "it holds none now");
}
