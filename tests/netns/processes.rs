//! What happens to a node's process short of its death: stopped, ended, stalled, started again.
//!
//! Where silence must not be what tells the standby, adverts come every 20 seconds: it would take a minute.

use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::plan::Plan;
use crate::scene::Scene;
use crate::stage::{Cut, Place};
use crate::torii::Torii;
use crate::visitor::Visitor;

/// A thread that stands still while all others of its process run, as under a debugger; it goes on when this
/// is dropped, which has to be before its process is killed.
struct Stalled(Pid);

impl Stalled {
    fn new(thread: u32) -> Self {
        let thread = Pid::from_raw(thread as i32);
        ptrace::seize(thread, ptrace::Options::empty()).unwrap();
        ptrace::interrupt(thread).unwrap();
        waitpid(thread, Some(WaitPidFlag::__WALL)).unwrap();
        Self(thread)
    }
}

impl Drop for Stalled {
    fn drop(&mut self) {
        let _ = ptrace::detach(self.0, None);
    }
}

#[test]
fn an_active_node_that_is_terminated_hands_over_without_a_failed_visit() {
    let plan = Plan { lines: "drain = \"1s\"".into(), ..Plan::patient() };
    let Some(scene) = Scene::set(&[]) else { return };
    let (mut a, _b) = scene.pair(&plan);
    let visitor = Visitor::start(&scene.stage);
    visitor.wait_for_answer_by(Place::A);
    let mark = scene.capture.mark();
    assert!(a.terminate(), "{}", a.said());
    visitor.wait_for_answer_by(Place::B);
    scene.stage.wait_for_owner(Place::B);
    scene.capture.wait_for_advert(Place::A, mark, |advert| advert.priority == 0);
    visitor.finish_without_failure();
}

#[test]
fn a_standby_comes_and_goes_unnoticed() {
    let plan = Plan::quick();
    let Some(scene) = Scene::set(&[]) else { return };
    let (_a, mut b) = scene.pair(&plan);
    let visitor = Visitor::start(&scene.stage);
    visitor.wait_for_answer_by(Place::A);
    let mark = scene.capture.mark();
    assert!(b.terminate(), "{}", b.said());
    b.restart();
    b.kill();
    b.restart();
    let later = scene.capture.mark();
    // Long enough for the standby to take over, if it wanted to.
    for _ in 0..5 {
        scene.capture.wait_for_advert(Place::A, later, |_| true);
    }
    let adverts = scene.capture.adverts_since(mark);
    assert!(adverts.iter().all(|(from, advert)| *from == Place::A && advert.priority > 0), "{adverts:?}");
    assert_eq!(scene.stage.owners(), [Place::A]);
    let visits = visitor.finish();
    assert!(visits.iter().all(|visit| visit.outcome == Ok(Place::A.inner_address())));
}

#[test]
fn a_stopped_process_loses_by_silence_and_takes_part_again_when_it_goes_on() {
    let plan = Plan::quick();
    let Some(scene) = Scene::set(&[]) else { return };
    let (mut a, _b) = scene.pair(&plan);
    let visitor = Visitor::start(&scene.stage);
    visitor.wait_for_answer_by(Place::A);
    let mark = scene.capture.mark();
    a.signal(Signal::SIGSTOP);
    scene.capture.wait_for_advert(Place::B, mark, |advert| advert.priority == plan.serving(Place::B));
    visitor.wait_for_answer_by(Place::B);
    a.signal(Signal::SIGCONT);
    scene.stage.wait_for_owner(Place::A);
    visitor.wait_for_answer_by(Place::A);
    assert!(a.is_running());
}

#[test]
fn a_stalled_worker_costs_the_address() {
    let plan = Plan { workers: 2, ..Plan::quick() };
    let Some(scene) = Scene::set(&[]) else { return };
    let (a, _b) = scene.pair(&plan);
    let visitor = Visitor::start(&scene.stage);
    visitor.wait_for_answer_by(Place::A);
    let mark = scene.capture.mark();
    let stalled = Stalled::new(a.workers()[1]);
    scene.capture.wait_for_advert(Place::A, mark, |advert| advert.priority == 0);
    scene.stage.wait_for_owner(Place::B);
    visitor.wait_for_answer_by(Place::B);
    drop(stalled);
    scene.stage.wait_for_owner(Place::A);
    visitor.wait_for_answer_by(Place::A);
}

#[test]
fn a_node_that_reaches_no_server_of_a_required_backend_gives_the_address_away() {
    let plan = Plan { backend: "required = true".into(), ..Plan::quick() };
    let Some(scene) = Scene::set(&[]) else { return };
    let (_a, _b) = scene.pair(&plan);
    let visitor = Visitor::start(&scene.stage);
    visitor.wait_for_answer_by(Place::A);
    let mark = scene.capture.mark();
    scene.stage.cut(Place::A, Cut::NoServers);
    scene.capture.wait_for_advert(Place::A, mark, |advert| advert.priority == 0);
    scene.stage.wait_for_owner(Place::B);
    visitor.wait_for_answer_by(Place::B);
    scene.stage.mend(Place::A);
    scene.stage.wait_for_owner(Place::A);
    visitor.wait_for_answer_by(Place::A);
    assert!(
        scene.capture.adverts_since(mark).iter().any(|(_, advert)| advert.priority == plan.serving(Place::A))
    );
}

#[test]
fn two_nodes_that_start_at_once_agree_on_the_better_one() {
    let plan = Plan::quick();
    let Some(scene) = Scene::set(&[]) else { return };
    let mut nodes = Place::NODES.map(|node| Torii::prepare(&scene.stage, node, &plan, &[]));
    nodes.iter_mut().for_each(Torii::launch);
    nodes.iter_mut().for_each(Torii::wait_until_ready);
    scene.stage.wait_for_owner(Place::A);
    let visitor = Visitor::start(&scene.stage);
    visitor.wait_for_answer_by(Place::A);
}
