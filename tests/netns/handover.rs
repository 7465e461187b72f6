//! `torii failover`: the address changes hands because an operator wants it to, and no client notices.

use crate::plan::Plan;
use crate::scene::Scene;
use crate::stage::Place;
use crate::torii::Torii;
use crate::visitor::Visitor;

/// There and back again under visitors, of whom none may fail.
fn there_and_back(
    scene: &Scene,
    plan: &Plan,
    bring_back: impl FnOnce(&Torii<'_>, &Torii<'_>) -> (bool, String),
) {
    let (a, b) = scene.acquainted_pair(plan);
    let visitor = Visitor::start_slowly(&scene.stage);
    visitor.wait_for_answer_by(Place::A);
    let (done, said) = a.run(&["failover"]);
    assert!(done, "{said}");
    scene.stage.wait_for_owner(Place::B);
    visitor.wait_for_answer_by(Place::B);
    // A is the better node, and stays standby all the same until B hands over in its turn.
    b.wait_for_status("itself as active", |status| status.contains("\"active\""));
    let (done, said) = bring_back(&a, &b);
    assert!(done, "{said}");
    scene.stage.wait_for_owner(Place::A);
    visitor.wait_for_answer_by(Place::A);
    visitor.finish_without_failure();
}

#[test]
fn a_hand_over_and_one_back_fail_no_visit() {
    let plan = Plan { lines: "drain = \"500ms\"".into(), ..Plan::quick() };
    let Some(scene) = Scene::set(&[]) else { return };
    there_and_back(&scene, &plan, |_, b| b.run(&["failover"]));
}

#[test]
fn an_address_that_is_asked_for_comes_back_without_a_failed_visit() {
    let Some(scene) = Scene::set(&[]) else { return };
    let plan = Plan { lines: "drain = \"500ms\"".into(), ..Plan::quick() }.over_udp(scene.stage.folder());
    there_and_back(&scene, &plan, |a, b| {
        let (done, said) = a.run(&["failover", "--back"]);
        assert!(said.contains("b handed over as planned"), "{said}");
        // B obeyed A, not an operator of its own.
        b.wait_for_status("no order of its own", |status| status.contains("\"handed_over\": false"));
        (done, said)
    });
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
    assert!(done && said.contains("taken at once: over VRRP"), "{said}");
    assert!(said.contains("what was in flight there is cut"), "{said}");
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
