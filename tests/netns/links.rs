//! What happens to a node's cable, seen from both ends: unplugged, dead, one-sided, loose.

use crate::peers;
use crate::plan::Plan;
use crate::scene::Scene;
use crate::stage::{Cut, Place, SHARED};
use crate::visitor::Visitor;

#[test]
fn a_node_whose_cable_is_pulled_loses_the_address_and_gets_it_back() {
    let plan = Plan::quick();
    let Some(scene) = Scene::set(&[]) else { return };
    let (mut a, _b) = scene.pair(&plan);
    let visitor = Visitor::start(&scene.stage);
    visitor.wait_for_answer_by(Place::A);
    scene.stage.cut(Place::A, Cut::Carrier);
    // It sees that its interface is down and lets go by itself.
    scene.stage.wait_for_owner(Place::B);
    visitor.wait_for_answer_by(Place::B);
    scene.stage.mend(Place::A);
    scene.stage.wait_for_owner(Place::A);
    visitor.wait_for_answer_by(Place::A);
    assert!(a.is_running());
}

#[test]
fn a_dead_switch_between_the_nodes_ends_with_one_owner() {
    let plan = Plan::quick();
    let Some(scene) = Scene::set(&[]) else { return };
    let (_a, _b) = scene.pair(&plan);
    let visitor = Visitor::start(&scene.stage);
    visitor.wait_for_answer_by(Place::A);
    scene.stage.cut(Place::A, Cut::Silent);
    visitor.wait_for_answer_by(Place::B);
    scene.stage.mend(Place::A);
    scene.stage.wait_for_owner(Place::A);
    visitor.wait_for_answer_by(Place::A);
}

#[test]
fn a_node_that_nobody_hears_is_succeeded() {
    let plan = Plan::quick();
    let Some(scene) = Scene::set(&[]) else { return };
    let (_a, _b) = scene.pair(&plan);
    let visitor = Visitor::start(&scene.stage);
    visitor.wait_for_answer_by(Place::A);
    scene.stage.cut(Place::A, Cut::CannotSend);
    visitor.wait_for_answer_by(Place::B);
    scene.stage.mend(Place::A);
    scene.stage.wait_for_owner(Place::A);
    visitor.wait_for_answer_by(Place::A);
}

#[test]
fn a_deaf_standby_is_answered_and_yields_when_it_hears_again() {
    let plan = Plan::quick();
    let Some(scene) = Scene::set(&[]) else { return };
    let (a, _b) = scene.pair(&plan);
    let mark = scene.capture.mark();
    scene.stage.cut(Place::B, Cut::CannotHear);
    // It believes that it is alone. The true owner says again, at once, whose the address is.
    let taken = scene.capture.wait_for_advert(Place::B, mark, |_| true);
    scene.capture.wait_for("A to announce its address again", taken, |frame| {
        frame.from == Place::A && frame.announced() == Some(SHARED.parse().unwrap())
    });
    a.wait_for_status("two active nodes", |status| status.contains("two active nodes"));
    assert!(scene.stage.has(Place::A, SHARED));
    scene.stage.mend(Place::B);
    scene.stage.wait_for_owner(Place::A);
    let visitor = Visitor::start(&scene.stage);
    visitor.wait_for_answer_by(Place::A);
}

#[test]
fn a_loose_cable_leaves_one_owner_in_the_end() {
    let plan = Plan::quick();
    let Some(scene) = Scene::set(&[]) else { return };
    let (mut a, mut b) = scene.pair(&plan);
    for round in 0..15 {
        let node = Place::NODES[round % 2];
        scene.stage.cut(node, Cut::Carrier);
        if round % 5 == 0 {
            let owner = node.other();
            peers::wait_until("the other node to have the address", || scene.stage.has(owner, SHARED));
        }
        scene.stage.mend(node);
    }
    scene.stage.wait_for_owner(Place::A);
    let visitor = Visitor::start(&scene.stage);
    visitor.wait_for_answer_by(Place::A);
    assert!(a.is_running() && b.is_running());
}

#[test]
fn a_firewall_that_drops_vrrp_makes_two_owners_and_udp_passes_it() {
    let Some(scene) = Scene::set(&[]) else { return };
    let plan = Plan::quick();
    {
        let (_a, _b) = scene.pair(&plan);
        scene.stage.cut(Place::A, Cut::NoVrrp);
        peers::wait_until("both to have the address", || scene.stage.owners().len() == 2);
    }
    let plan = plan.over_udp(scene.stage.folder());
    let (_a, _b) = scene.pair(&plan);
    let mark = scene.capture.mark();
    let from_a = |count: usize| {
        let sealed = |frame: &crate::frame::Frame| frame.from == Place::A && frame.datagram().is_some();
        scene.capture.since(mark).iter().filter(|frame| sealed(frame)).count() >= count
    };
    peers::wait_until("A to advertise for longer than B would wait", || from_a(8));
    assert_eq!(scene.stage.owners(), [Place::A]);
}
