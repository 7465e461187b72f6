//! What an operator gave away stays away, and offers to a better standby are rare.

use std::net::IpAddr;
use std::time::Duration;

use super::support::{Stage, ms, node_b, stage};
use crate::ha::vrrp::{Action, Cause, Event, Peer, Settings, State};
use crate::limits::ha::OFFER_REST;

const RESIGNATION: Action = Action::Send { priority: 0, repeat: 3 };

fn node_c() -> IpAddr {
    IpAddr::from([192, 0, 2, 13])
}

fn with_c(settings: &mut Settings) {
    settings.peers.push(Peer { address: node_c(), priority_max: 103 });
}

/// B says that it is standby, serves, and has this priority.
fn says(priority: u8, is_handed_over: bool) -> Event<'static> {
    Event::Presence { from: node_b(), priority, serves: true, is_handed_over }
}

/// Node A, active at 4 s although it does not serve.
fn lonely(change: impl FnOnce(&mut Settings)) -> Stage {
    let mut node = stage(change);
    node.at(0, Event::Start);
    node.tick(node.deadline());
    assert_eq!(node.machine.state(), State::Master);
    node
}

/// Node A, which serves and gave the addresses to B by its operator's order at 4 s.
fn handed_over(change: impl FnOnce(&mut Settings)) -> Stage {
    let mut node = lonely(change);
    node.at(3700, Event::Priority(102));
    node.at(4000, Event::HandOver);
    node.advert(4003, 99, node_b());
    assert!(node.machine.is_handed_over());
    node
}

#[test]
fn no_offer_is_made_to_a_node_whose_operator_gave_the_addresses_away() {
    let mut node = lonely(|_| {});
    assert_eq!(node.at(4000, says(101, true)), []);
    // Nor is one resigned for whose operator did, when the own priority falls.
    node.at(4100, Event::Priority(102));
    node.at(4200, says(101, true));
    assert_eq!(node.at(4300, Event::Priority(100)), []);
    assert_eq!(node.at(4400, says(101, false))[0], RESIGNATION, "taken back");
}

#[test]
fn a_node_that_was_handed_over_leaves_the_addresses_to_a_third_one() {
    let mut node = handed_over(with_c);
    let due = node.deadline();
    assert_eq!(node.advert(5000, 0, node_b()), []);
    assert_eq!(node.deadline(), due, "but not for ever");
    node.advert(5001, 98, node_c());
    assert!(node.machine.is_handed_over());
    // Unless it asks for them.
    let mut node = handed_over(with_c);
    assert_eq!(node.at(4500, Event::AskBack(true)), []);
    node.at(4600, Event::Presence { from: node_c(), priority: 98, serves: true, is_handed_over: false });
    let taken = Action::Enter { state: State::Master, cause: Cause::MasterResigned { from: node_b() } };
    assert_eq!(node.advert(5000, 0, node_b()).last(), Some(&taken));
}

#[test]
fn the_other_one_takes_over_at_once_for_a_node_that_was_handed_over() {
    let mut node = stage(with_c);
    node.at(0, Event::Start);
    node.advert(1000, 99, node_b());
    node.at(1100, Event::Presence { from: node_c(), priority: 103, serves: true, is_handed_over: true });
    assert_eq!(node.advert(1200, 0, node_b())[0], Action::Send { priority: 100, repeat: 1 });
}

#[test]
fn an_offer_waits_for_the_preempt_delay() {
    let mut node = lonely(|settings| settings.preempt_delay = ms(5000));
    for time in [4000, 5000, 6000, 7000, 8000] {
        while node.deadline() < ms(time) {
            node.tick(node.deadline());
        }
        assert_eq!(node.at(time, says(101, false)), [], "{time}");
    }
    // Who says otherwise in between begins anew.
    let mut fickle = lonely(|settings| settings.preempt_delay = ms(5000));
    for (time, priority) in [(4000, 101), (6000, 99), (8000, 101), (9100, 101)] {
        while fickle.deadline() < ms(time) {
            fickle.tick(fickle.deadline());
        }
        assert_eq!(fickle.at(time, says(priority, false)), [], "{time}");
    }
    while node.deadline() < ms(9000) {
        node.tick(node.deadline());
    }
    assert_eq!(node.at(9000, says(101, false))[0], RESIGNATION);
}

#[test]
fn two_nodes_whose_health_alternates_do_not_take_turns_by_offers() {
    let mut node = lonely(|_| {});
    assert_eq!(node.at(4000, says(101, false))[0], RESIGNATION);
    assert_eq!(node.advert(4001, 101, node_b())[0], Action::RemoveAddresses);
    // B gives up in its turn.
    node.advert(5000, 0, node_b());
    assert_eq!(node.machine.state(), State::Master);
    assert_eq!(node.at(5600, says(101, false)), [], "it had its offer");
    let rest = Duration::from_micros(3_609_375) * OFFER_REST;
    while node.deadline() < ms(4000) + rest {
        node.tick(node.deadline());
    }
    let later = (ms(4001) + rest).as_millis() as u64;
    assert_eq!(node.at(later, says(101, false))[0], RESIGNATION);
}
