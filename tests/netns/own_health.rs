//! A node without another: a worker that really stands still costs it the weight and not the address, and
//! the operator is told which.

use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::plan::Plan;
use crate::scene::Scene;
use crate::stage::Place;
use crate::torii::Torii;

#[test]
fn a_lonely_node_with_a_stalled_worker_keeps_the_address_and_says_why_it_is_worth_less() {
    let Some(scene) = Scene::set(&[]) else { return };
    let plan = Plan { workers: 2, lines: "stall_limit = \"300ms\"".into(), ..Plan::quick() };
    let a = Torii::start(&scene.stage, Place::A, &plan);
    scene.wait_for_owner(&plan, Place::A);
    a.wait_for_status("the weight", serves);
    let mark = scene.capture.mark();
    // As a debugger does: one thread stands still, all others run.
    let worker = Pid::from_raw(a.workers()[1] as i32);
    ptrace::seize(worker, ptrace::Options::empty()).unwrap();
    ptrace::interrupt(worker).unwrap();
    waitpid(worker, Some(WaitPidFlag::__WALL)).unwrap();
    a.wait_for_status("the stalled worker", |json| json.contains("worker 1 has made no progress for"));
    // It gave the address away, nobody took it, and it advertises again with what it is worth.
    scene.capture.wait_for_advert(Place::A, mark, |advert| advert.priority == 0);
    let mark = scene.capture.mark();
    scene.capture.wait_for_advert(Place::A, mark, |advert| advert.priority == plan.base(Place::A));
    scene.wait_for_owner(&plan, Place::A);
    ptrace::detach(worker, None).unwrap();
    scene.capture.wait_for_advert(Place::A, mark, |advert| advert.priority == plan.serving(Place::A));
}

/// Whether the sum has the weight; spaces of the JSON do not matter.
fn serves(json: &str) -> bool {
    json.split_whitespace().collect::<String>().contains("\"what\":\"serving\",\"points\":2")
}
