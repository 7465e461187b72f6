//! The death of a node's processes: of the main one, of its guard, of both. The guard speaks for the dead.
//!
//! Where silence must not be what tells the standby, adverts come every 20 seconds: it would take a minute.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::plan::Plan;
use crate::scene::Scene;
use crate::stage::{Place, SHARED};
use crate::torii::Torii;
use crate::visitor::Visitor;

#[test]
fn a_killed_process_is_succeeded_at_once() {
    let plan = Plan::patient();
    let Some(scene) = Scene::set(&[]) else { return };
    let (mut a, _b) = scene.pair(&plan);
    a.wait_for_guard();
    let visitor = Visitor::start(&scene.stage);
    visitor.wait_for_answer_by(Place::A);
    let mark = scene.capture.mark();
    a.kill();
    let resigned = scene.capture.wait_for_advert(Place::A, mark, |advert| advert.priority == 0);
    let taken = scene.capture.wait_for_advert(Place::B, resigned, |advert| advert.priority > 0);
    scene.capture.wait_for("B to announce the address", taken, |frame| {
        frame.from == Place::B && frame.announced() == Some(SHARED.parse().unwrap())
    });
    scene.stage.wait_for_owner(Place::B);
    visitor.wait_for_answer_by(Place::B);
}

/// Privileges are given up after the start, but not those that the address needs.
#[test]
fn a_pair_that_runs_as_an_ordinary_user_takes_over_and_gives_back() {
    let plan = Plan { tables: "[process]\nuser = \"nobody\"\n".into(), ..Plan::quick() };
    let Some(scene) = Scene::set(&[]) else { return };
    let (mut a, _b) = scene.pair(&plan);
    let visitor = Visitor::start(&scene.stage);
    visitor.wait_for_answer_by(Place::A);
    let mark = scene.capture.mark();
    a.kill();
    scene.capture.wait_for_advert(Place::A, mark, |advert| advert.priority == 0);
    scene.stage.wait_for_owner(Place::B);
    visitor.wait_for_answer_by(Place::B);
    a.restart();
    scene.stage.wait_for_owner(Place::A);
    visitor.wait_for_answer_by(Place::A);
}

#[test]
fn without_guard_silence_tells_and_a_restart_removes_the_address_left_over() {
    // Without preemption the restarted node is told by nobody to give up what it has.
    let plan = Plan { lines: "preempt = false".into(), ..Plan::quick() };
    let Some(scene) = Scene::set(&[]) else { return };
    let mut a = Torii::start(&scene.stage, Place::A, &plan);
    scene.stage.wait_for_owner(Place::A);
    let _b = Torii::start(&scene.stage, Place::B, &plan);
    let visitor = Visitor::start(&scene.stage);
    visitor.wait_for_answer_by(Place::A);
    a.kill_with_guard();
    visitor.wait_for_answer_by(Place::B);
    assert_eq!(scene.stage.owners(), [Place::A, Place::B], "a dead node's kernel keeps its address");
    let mark = scene.capture.mark();
    a.restart();
    scene.stage.wait_for_owner(Place::B);
    visitor.wait_for_answer_by(Place::B);
    assert_eq!(scene.capture.adverts_since(mark).iter().find(|(from, _)| *from == Place::A), None);
}

#[test]
fn a_guard_that_dies_is_replaced() {
    let plan = Plan::patient();
    let Some(scene) = Scene::set(&[]) else { return };
    let (mut a, _b) = scene.pair(&plan);
    let first = a.wait_for_guard();
    kill(Pid::from_raw(first as i32), Signal::SIGKILL).unwrap();
    a.wait_for_words("the guard process was replaced");
    assert!(a.guard().is_some_and(|guard| guard != first));
    let mark = scene.capture.mark();
    assert_eq!(scene.stage.owners(), [Place::A], "the death of a guard moves nothing");
    a.kill();
    scene.capture.wait_for_advert(Place::A, mark, |advert| advert.priority == 0);
    scene.stage.wait_for_owner(Place::B);
}

#[test]
fn a_standby_takes_over_from_a_node_that_was_handed_over_to_and_then_dies() {
    let plan = Plan { lines: "drain = \"200ms\"".into(), ..Plan::quick() };
    let Some(scene) = Scene::set(&[]) else { return };
    let (a, mut b) = scene.acquainted_pair(&plan);
    let (done, said) = a.run(&["failover"]);
    assert!(done, "{said}");
    scene.stage.wait_for_owner(Place::B);
    // An operator's wish never leaves the address to nobody.
    b.kill();
    scene.stage.wait_for_owner(Place::A);
}
