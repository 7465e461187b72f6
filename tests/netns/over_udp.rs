//! Adverts in sealed datagrams: what a firewall lets through, and what nobody without the secret can use.

use crate::clock::start_with_clock;
use crate::inject::{Injector, UDP, datagram};
use crate::peers;
use crate::plan::Plan;
use crate::scene::Scene;
use crate::stage::{Place, SHARED};
use crate::torii::Torii;
use crate::visitor::Visitor;

#[test]
fn a_killed_process_is_succeeded_and_comes_back() {
    let Some(scene) = Scene::set(&[]) else { return };
    let plan = Plan::quick().over_udp(scene.stage.folder());
    let (mut a, _b) = scene.pair(&plan);
    a.wait_for_guard();
    let visitor = Visitor::start(&scene.stage);
    visitor.wait_for_answer_by(Place::A);
    let mark = scene.capture.mark();
    a.kill();
    let resigned = scene.capture.wait_for_advert(Place::A, mark, |advert| advert.priority == 0);
    scene.capture.wait_for_advert(Place::B, resigned, |advert| advert.priority == plan.serving(Place::B));
    scene.stage.wait_for_owner(Place::B);
    visitor.wait_for_answer_by(Place::B);
    a.restart();
    scene.stage.wait_for_owner(Place::A);
    visitor.wait_for_answer_by(Place::A);
}

#[test]
fn a_pair_over_ipv6_takes_over() {
    let Some(scene) = Scene::set(&[]) else { return };
    let plan = Plan { ipv6: true, ..Plan::quick() }.over_udp(scene.stage.folder());
    let (mut a, _b) = scene.pair(&plan);
    a.kill();
    scene.wait_for_owner(&plan, Place::B);
    a.restart();
    scene.wait_for_owner(&plan, Place::A);
}

#[test]
fn another_secret_is_named() {
    let Some(scene) = Scene::set(&[]) else { return };
    let others = tempfile::tempdir().unwrap();
    let plan = Plan::quick().over_udp(scene.stage.folder());
    let other = Plan::quick().over_udp(others.path());
    std::fs::write(others.path().join("secret"), "another secret of as many bytes as it takes").unwrap();
    let a = Torii::start(&scene.stage, Place::A, &plan);
    let b = Torii::start(&scene.stage, Place::B, &other);
    peers::wait_until("both to have the address", || scene.stage.owners().len() == 2);
    for node in [&a, &b] {
        node.wait_for_status("the secret as the reason", |status| status.contains("secret"));
    }
}

#[test]
fn a_clock_that_is_wrong_is_named() {
    let Some(scene) = Scene::set(&["faketime"]) else { return };
    let plan = Plan::quick().over_udp(scene.stage.folder());
    let clock = scene.stage.folder().join("clock");
    std::fs::write(&clock, "+1h").unwrap();
    let a = Torii::start(&scene.stage, Place::A, &plan);
    let b = start_with_clock(&scene, Place::B, &plan, &clock);
    for node in [&a, &b] {
        node.wait_for_status("the clocks", |status| status.contains("clock"));
    }
    std::fs::write(&clock, "+0").unwrap();
    scene.stage.wait_for_owner(Place::A);
}

#[test]
fn a_hand_over_to_a_standby_that_is_gone_is_refused() {
    let Some(scene) = Scene::set(&[]) else { return };
    let plan = Plan::quick().over_udp(scene.stage.folder());
    let (a, mut b) = scene.pair(&plan);
    let present = |status: &str| status.contains("\"serving\"");
    a.wait_for_status("that B serves", present);
    b.kill_with_guard();
    peers::wait_until("the hand-over to be refused", || !a.run(&["failover"]).0);
    assert_eq!(scene.stage.owners(), [Place::A]);
}

/// The seal holds, but it was made for another time.
#[test]
fn adverts_that_were_recorded_keep_nobody_standby() {
    let Some(scene) = Scene::set(&[]) else { return };
    let plan = Plan::quick().over_udp(scene.stage.folder());
    let (mut a, b) = scene.pair(&plan);
    scene.capture.wait_for_advert(Place::A, scene.capture.mark(), |_| true);
    let adverts = scene.capture.frames().into_iter();
    let recorded: Vec<Vec<u8>> = adverts
        .filter(|frame| frame.from == Place::A && frame.advert().is_some_and(|advert| advert.priority > 0))
        .filter_map(|frame| Some(datagram(frame.datagram()?.1)))
        .collect();
    a.kill_with_guard();
    let injector = Injector::open(&scene.stage, Place::Client);
    peers::wait_until("B to take over in spite of them", || {
        for datagram in &recorded {
            injector.send_packet(Place::A.address(), Place::B, UDP, datagram);
        }
        scene.stage.has(Place::B, SHARED)
    });
    b.wait_for_status("that they were discarded", |status| status.contains("repeated"));
}
