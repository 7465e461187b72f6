//! The rig itself, proved with programs that are known to work: a pair of keepalived and HAProxy.

use crate::capture::Capture;
use crate::keepalived::{Keepalived, PROGRAMS};
use crate::peers;
use crate::plan::Plan;
use crate::stage::{Cut, Place, SHARED, Stage};
use crate::visitor::Visitor;
use crate::web;

#[test]
fn a_pair_of_keepalived_takes_over_and_gives_back() {
    let Some(stage) = Stage::set(&PROGRAMS) else { return };
    web::start(&stage);
    let capture = Capture::start(&stage);
    let plan = Plan::quick();
    let mut a = Keepalived::start(&stage, Place::A, &plan);
    let _b = Keepalived::start(&stage, Place::B, &plan);
    capture.wait_for_advert(Place::A, 0, |advert| advert.priority == plan.serving(Place::A));
    stage.wait_for_owner(Place::A);
    let visitor = Visitor::start(&stage);
    visitor.wait_for_answer_by(Place::A);

    let mark = capture.mark();
    a.kill_haproxy();
    let lowered = capture.wait_for_advert(Place::A, mark, |advert| advert.priority == plan.base(Place::A));
    capture.wait_for_advert(Place::B, lowered, |advert| advert.priority == plan.serving(Place::B));
    stage.wait_for_owner(Place::B);
    visitor.wait_for_answer_by(Place::B);

    a.start_haproxy(&stage);
    stage.wait_for_owner(Place::A);
    visitor.wait_for_answer_by(Place::A);

    let mark = capture.mark();
    a.stop();
    capture.wait_for_advert(Place::A, mark, |advert| advert.priority == 0);
    capture.wait_for("B to announce the address", mark, |frame| {
        frame.from == Place::B && frame.announced() == Some(SHARED.parse().unwrap())
    });
    visitor.wait_for_answer_by(Place::B);
}

#[test]
fn each_kind_of_cut_cuts_what_it_says() {
    let Some(stage) = Stage::set(&PROGRAMS) else { return };
    web::start(&stage);
    let capture = Capture::start(&stage);
    let _a = Keepalived::start(&stage, Place::A, &Plan::quick());
    let _b = Keepalived::start(&stage, Place::B, &Plan::quick());
    let visitor = Visitor::start(&stage);
    stage.wait_for_owner(Place::A);
    visitor.wait_for_answer_by(Place::A);
    for cut in [Cut::Carrier, Cut::Silent, Cut::CannotSend] {
        stage.cut(Place::A, cut);
        visitor.wait_for_answer_by(Place::B);
        stage.mend(Place::A);
        stage.wait_for_owner(Place::A);
        visitor.wait_for_answer_by(Place::A);
    }
    // The standby hears nothing and takes the address too; who is heard there last gets the visitors.
    stage.cut(Place::B, Cut::CannotHear);
    capture.wait_for_advert(Place::B, capture.mark(), |_| true);
    peers::wait_until("B to own the address as well", || stage.owners().len() == 2);
    stage.mend(Place::B);
    stage.wait_for_owner(Place::A);
    // Both think that they are alone.
    stage.cut(Place::A, Cut::NoVrrp);
    capture.wait_for_advert(Place::B, capture.mark(), |_| true);
    stage.mend(Place::A);
    stage.wait_for_owner(Place::A);
}
