//! One node torii, the other keepalived with HAProxy, both ways round: a migration in progress.

use crate::keepalived::{Keepalived, PROGRAMS};
use crate::peers;
use crate::plan::Plan;
use crate::scene::Scene;
use crate::stage::{Place, SHARED};
use crate::torii::Torii;
use crate::visitor::Visitor;

/// torii is A and active, keepalived B: torii dies, comes back, is ended in order.
fn torii_before_keepalived(plan: &Plan) {
    let Some(scene) = Scene::set(&PROGRAMS) else { return };
    let mut a = Torii::start(&scene.stage, Place::A, plan);
    let b = Keepalived::start(&scene.stage, Place::B, plan);
    scene.wait_for_owner(plan, Place::A);
    let visitor = Visitor::visiting(&scene.stage, plan.shared().parse().unwrap());
    visitor.wait_for_answer_by(Place::A);

    let mark = scene.capture.mark();
    a.kill();
    scene.capture.wait_for_advert(Place::A, mark, |advert| advert.priority == 0);
    scene.capture.wait_for_advert(Place::B, mark, |advert| advert.priority == plan.serving(Place::B));
    scene.wait_for_owner(plan, Place::B);
    visitor.wait_for_answer_by(Place::B);

    a.restart();
    scene.wait_for_owner(plan, Place::A);
    visitor.wait_for_answer_by(Place::A);

    assert!(a.terminate(), "{}", a.said());
    scene.wait_for_owner(plan, Place::B);
    visitor.wait_for_answer_by(Place::B);
    assert!(!b.said().contains("bogus"), "{}", b.said());
}

/// keepalived is A and active, torii B: HAProxy dies and comes back, keepalived is ended in order.
fn keepalived_before_torii(plan: &Plan) {
    let Some(scene) = Scene::set(&PROGRAMS) else { return };
    let b = Torii::start(&scene.stage, Place::B, plan);
    let mut a = Keepalived::start(&scene.stage, Place::A, plan);
    scene.wait_for_owner(plan, Place::A);
    let visitor = Visitor::visiting(&scene.stage, plan.shared().parse().unwrap());
    visitor.wait_for_answer_by(Place::A);

    let mark = scene.capture.mark();
    a.kill_haproxy();
    let lowered =
        scene.capture.wait_for_advert(Place::A, mark, |advert| advert.priority == plan.base(Place::A));
    scene.capture.wait_for_advert(Place::B, lowered, |advert| advert.priority == plan.serving(Place::B));
    scene.wait_for_owner(plan, Place::B);
    visitor.wait_for_answer_by(Place::B);

    a.start_haproxy(&scene.stage);
    scene.wait_for_owner(plan, Place::A);
    visitor.wait_for_answer_by(Place::A);

    let mark = scene.capture.mark();
    a.stop();
    scene.capture.wait_for_advert(Place::A, mark, |advert| advert.priority == 0);
    scene.wait_for_owner(plan, Place::B);
    visitor.wait_for_answer_by(Place::B);
    assert!(b.run(&["status"]).0, "{}", b.status());
}

#[test]
fn torii_active_keepalived_standby_version_2_with_password() {
    torii_before_keepalived(&Plan::reference());
}

#[test]
fn torii_active_keepalived_standby_version_3() {
    torii_before_keepalived(&Plan::quick());
}

#[test]
fn torii_active_keepalived_standby_version_3_multicast() {
    torii_before_keepalived(&Plan { transport: "multicast", ..Plan::quick() });
}

#[test]
fn keepalived_active_torii_standby_version_2_with_password() {
    keepalived_before_torii(&Plan::reference());
}

#[test]
fn keepalived_active_torii_standby_version_3() {
    keepalived_before_torii(&Plan::quick());
}

#[test]
fn torii_active_keepalived_standby_over_ipv6() {
    torii_before_keepalived(&Plan { ipv6: true, ..Plan::quick() });
}

#[test]
fn keepalived_active_torii_standby_over_ipv6() {
    keepalived_before_torii(&Plan { ipv6: true, ..Plan::quick() });
}

#[test]
fn another_password_is_named() {
    let Some(scene) = Scene::set(&PROGRAMS) else { return };
    let plan = Plan::reference();
    let a = Torii::start(&scene.stage, Place::A, &plan);
    let other = Plan { password: Some("different"), ..plan };
    let b = Keepalived::start(&scene.stage, Place::B, &other);
    // Neither believes the other: the classic split brain, which has to be named.
    peers::wait_until("both to have the address", || scene.stage.owners().len() == 2);
    a.wait_for_status("the password as the reason", |status| status.contains("password"));
    peers::wait_until("keepalived to complain as well", || b.said().to_lowercase().contains("auth"));
    assert!(scene.stage.has(Place::A, SHARED));
}
