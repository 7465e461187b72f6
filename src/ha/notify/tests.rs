//! A program that writes down what it is told, and one that hangs.

#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::Write;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::*;

/// A folder with the program `notify`, the file `told` that it writes, and the pipe `gate` that it waits at
/// if it is to.
struct World {
    folder: tempfile::TempDir,
    said: Receiver<(Level, String)>,
    say: Sender<(Level, String)>,
}

impl World {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Written by another process: a descriptor open for writing, inherited by a child of a test that
        // runs beside this one, would keep the program from being run.
        let make =
            "mkfifo gate; printf '%s\\n' '#!/bin/sh' 'cd \"${0%/*}\"' \"$1\" >notify; chmod 755 notify";
        let made = Command::new("/bin/sh")
            .args(["-c", make, "sh", script])
            .current_dir(folder.path())
            .status()
            .unwrap();
        assert!(made.success());
        let (say, said) = channel();
        Self { folder, said, say }
    }

    fn notifier(&self) -> (Notifier, NotifyEnd) {
        let say = self.say.clone();
        let program = self.folder.path().join("notify");
        Notifier::start_saying(program, 10, move |level, text| say.send((level, text)).unwrap()).unwrap()
    }

    fn told(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("told")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The gate, which lets one program pass for each line that is written to it. Open at both ends, so
    /// that it neither waits for a reader nor ends when one leaves.
    fn gate(&self) -> File {
        File::options().read(true).write(true).open(self.folder.path().join("gate")).unwrap()
    }
}

#[test]
fn the_program_gets_keepaliveds_arguments_in_the_order_of_the_changes() {
    let world = World::new("echo \"$# $*\" >>told");
    let (mut notifier, end) = world.notifier();
    for (state, priority) in
        [("BACKUP", 100), ("MASTER", 102), ("MASTER", 101), ("FAULT", 102), ("STOP", 102)]
    {
        notifier.tell(state, priority);
    }
    drop(notifier);
    assert!(end.wait());
    let expected = ["BACKUP 100", "MASTER 102", "FAULT 102", "STOP 102"];
    assert_eq!(world.told(), expected.map(|change| format!("4 INSTANCE VI_10 {change}")));
    let (level, text) = world.said.recv().unwrap();
    let path = world.folder.path().join("notify");
    let begin = format!("notify {} was told of BACKUP with priority 100: exit status: 0", path.display());
    assert_eq!(level, Level::Notice);
    assert!(text.starts_with(&begin), "{text}");
}

#[test]
fn a_program_that_hangs_holds_up_nobody_and_hears_of_the_last_state() {
    let world = World::new("echo $3 $4 >>told; read line <gate");
    let mut gate = world.gate();
    let (mut notifier, end) = world.notifier();
    notifier.tell("BACKUP", 1);
    // The first hangs at the gate; the thread has taken it from the queue once it is written down.
    let begun = Instant::now();
    while world.told().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the program was not run");
        std::thread::yield_now();
    }
    for turn in 0..40 {
        notifier.tell(if turn % 2 == 0 { "MASTER" } else { "BACKUP" }, turn + 2);
    }
    let dropped = 40 - limits::NOTIFY_QUEUE;
    assert_eq!(notifier.dropped(), dropped as u64);
    gate.write_all(&[b'\n'; 1 + limits::NOTIFY_QUEUE]).unwrap();
    drop(notifier);
    assert!(end.wait());
    let told = world.told();
    assert_eq!((told.len(), told.last().unwrap().as_str()), (1 + limits::NOTIFY_QUEUE, "BACKUP 41"));
    assert_eq!(told[1], format!("MASTER {}", dropped + 2), "the oldest went, the order stayed");
    let said: Vec<_> = world.said.try_iter().filter(|(_, text)| text.contains("too slow")).collect();
    assert_eq!(said.len(), 1);
    let end = format!("it was too slow to be told of {dropped} changes of state, {dropped} in all");
    assert!(said[0].0 == Level::Warning && said[0].1.ends_with(&end), "{}", said[0].1);
}

#[test]
fn a_program_that_fails_is_run_again_at_the_next_change() {
    let world = World::new("echo $3 >>told; echo no permission >&2; exit 1");
    let (mut notifier, end) = world.notifier();
    notifier.tell("MASTER", 102);
    notifier.tell("BACKUP", 102);
    drop(notifier);
    assert!(end.wait());
    assert_eq!(world.told(), ["MASTER", "BACKUP"]);
    let said: Vec<_> = world.said.try_iter().collect();
    assert_eq!(said.len(), 2);
    assert!(
        said.iter().all(|(level, text)| *level == Level::Warning && text.ends_with("saying: no permission"))
    );
}
