//! The notify program of an active node: what it hears over the node's life.

use std::path::Path;
use std::process::Command;

use crate::peers;
use crate::plan::Plan;
use crate::scene::Scene;
use crate::stage::Place;
use crate::torii::Torii;

/// A program that adds its arguments to a file beside it. Written by a shell: a descriptor open for writing
/// here, inherited by what another test starts, would keep the program from being run.
fn recorder(folder: &Path) -> String {
    let make = "printf '%s\\n' '#!/bin/sh' 'echo \"$@\" >>\"$0.told\"' >notify && chmod 755 notify";
    let made = Command::new("/bin/sh").args(["-c", make]).current_dir(folder).status().unwrap();
    assert!(made.success());
    folder.join("notify").display().to_string()
}

#[test]
fn the_notify_program_hears_of_every_state_up_to_the_end() {
    let Some(scene) = Scene::set(&[]) else { return };
    let program = recorder(scene.stage.folder());
    let plan = Plan::quick();
    let told = || -> Vec<String> {
        let text = std::fs::read_to_string(format!("{program}.told")).unwrap_or_default();
        let words = text.lines().map(|line| line.rsplit_once(' ').unwrap());
        words
            .map(|(state, priority)| {
                assert!(["100", "102"].contains(&priority), "{state} {priority}");
                state.to_owned()
            })
            .collect()
    };
    let _b = Torii::start(&scene.stage, Place::B, &plan);
    scene.wait_for_owner(&plan, Place::B);
    let telling = Plan { lines: format!("notify = \"{program}\""), ..plan.clone() };
    let mut a = Torii::start(&scene.stage, Place::A, &telling);
    scene.wait_for_owner(&plan, Place::A);
    let expected = ["INSTANCE VI_10 BACKUP", "INSTANCE VI_10 MASTER"];
    peers::wait_until("the program to hear of both states", || told() == expected);
    a.wait_for_words("was told of MASTER with priority 102: exit status: 0 after");
    assert!(a.terminate());
    scene.wait_for_owner(&plan, Place::B);
    let told = told();
    assert_eq!(told[2..], ["INSTANCE VI_10 BACKUP", "INSTANCE VI_10 STOP"]);
}
