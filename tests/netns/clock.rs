//! The wall clock steps, as after a wrong battery and a late NTP: elections go by another clock.
//!
//! libfaketime sets torii's wall clock, and only that, by a file; the machine's own clock is left alone.

use std::path::Path;

use crate::peers;
use crate::plan::Plan;
use crate::scene::Scene;
use crate::stage::{Place, SHARED};
use crate::torii::Torii;

/// Where Debian's package has the library.
const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// Starts torii with a clock that follows a file.
pub fn start_with_clock<'stage>(
    scene: &'stage Scene,
    node: Place,
    plan: &Plan,
    clock: &Path,
) -> Torii<'stage> {
    let settings = [
        format!("LD_PRELOAD={LIBRARY}"),
        format!("FAKETIME_TIMESTAMP_FILE={}", clock.display()),
        "FAKETIME_NO_CACHE=1".to_owned(),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
    ];
    let wrapper: Vec<&str> = ["env"].into_iter().chain(settings.iter().map(String::as_str)).collect();
    Torii::start_through(&scene.stage, node, plan, &wrapper)
}

/// Steps the clocks of both nodes hither and thither; nobody may stir.
fn step(plan: &Plan, steps: &[&str]) {
    let Some(scene) = Scene::set(&["faketime"]) else { return };
    let clock = scene.stage.folder().join("clock");
    std::fs::write(&clock, "+0").unwrap();
    let _a = start_with_clock(&scene, Place::A, plan, &clock);
    let _b = start_with_clock(&scene, Place::B, plan, &clock);
    scene.stage.wait_for_owner(Place::A);
    let mark = scene.capture.mark();
    for step in steps {
        std::fs::write(&clock, step).unwrap();
        let now = scene.capture.mark();
        let from_a = || scene.capture.since(now).iter().filter(|frame| frame.from == Place::A).count();
        peers::wait_until("A to advertise for longer than B would wait", || from_a() >= 8);
        assert_eq!(scene.stage.owners(), [Place::A], "after {step}");
    }
    assert_eq!(scene.capture.announcers_since(mark, SHARED.parse().unwrap()), [], "nobody stirred");
}

#[test]
fn steps_of_the_clock_move_nobody() {
    step(&Plan::quick(), &["+1h", "-1h", "+30d", "+0"]);
}
