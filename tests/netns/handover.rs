//! `torii failover`: the address changes hands because an operator wants it to, and no client notices.

use crate::plan::Plan;
use crate::scene::Scene;
use crate::stage::Place;
use crate::torii::Torii;
use crate::visitor::Visitor;

/// There and back again under visitors, of whom none may fail.
fn there_and_back(plan: &Plan) {
    let Some(scene) = Scene::set(&[]) else { return };
    let (a, b) = scene.acquainted_pair(plan);
    let visitor = Visitor::start_slowly(&scene.stage);
    visitor.wait_for_answer_by(Place::A);
    let (done, said) = a.run(&["failover"]);
    assert!(done, "{said}");
    scene.stage.wait_for_owner(Place::B);
    visitor.wait_for_answer_by(Place::B);
    // A is the better node, and stays standby all the same until B hands over in its turn.
    b.wait_for_status("itself as active", |status| status.contains("\"active\""));
    let (done, said) = b.run(&["failover"]);
    assert!(done, "{said}");
    scene.stage.wait_for_owner(Place::A);
    visitor.wait_for_answer_by(Place::A);
    visitor.finish_without_failure();
}

#[test]
fn a_hand_over_and_one_back_fail_no_visit() {
    there_and_back(&Plan { lines: "drain = \"500ms\"".into(), ..Plan::quick() });
}

/// The better node overrules the other, which may cost a visit: VRRP has no way to ask first.
#[test]
fn who_handed_over_takes_the_address_back_when_told() {
    let Some(scene) = Scene::set(&[]) else { return };
    let (a, b) = scene.acquainted_pair(&Plan { lines: "drain = \"500ms\"".into(), ..Plan::quick() });
    let (done, said) = a.run(&["failover"]);
    assert!(done, "{said}");
    scene.stage.wait_for_owner(Place::B);
    b.wait_for_status("itself as active", |status| status.contains("\"active\""));
    let (done, said) = b.run(&["failover", "--back"]);
    assert!(!done, "nothing was handed over by B: {said}");
    let (done, said) = a.run(&["failover", "--back"]);
    assert!(done, "{said}");
    scene.stage.wait_for_owner(Place::A);
}

#[test]
fn a_hand_over_without_a_successor_is_refused() {
    let plan = Plan::quick();
    let Some(scene) = Scene::set(&[]) else { return };
    let a = Torii::start(&scene.stage, Place::A, &plan);
    scene.stage.wait_for_owner(Place::A);
    let (done, said) = a.run(&["failover"]);
    assert!(!done && said.contains('b'), "{said}");
    assert_eq!(scene.stage.owners(), [Place::A]);
}
