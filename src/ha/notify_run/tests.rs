//! Programs that end well, badly, late and never; each is a line of shell.

#![allow(clippy::unwrap_used)]

use super::*;

/// Long enough for any shell, however busy the machine is.
const AMPLE: Duration = Duration::from_secs(60);

fn run_shell(script: &str, limit: Duration) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(Path::new("/bin/sh"), &["-c", script], limit))
}

fn words_of(script: &str) -> String {
    match run_shell(script, AMPLE) {
        Outcome::Ended { words, .. } => words,
        other => panic!("{other}"),
    }
}

#[test]
fn a_good_end_is_a_notice() {
    let outcome = run_shell("exit 0", AMPLE);
    assert_eq!(outcome.level(), Level::Notice);
    assert!(outcome.to_string().starts_with("exit status: 0 after "), "{outcome}");
}

#[test]
fn a_bad_end_is_a_warning_with_what_was_said() {
    let outcome =
        run_shell("echo not here; echo no such >&2; echo '  \u{1b}[31m  network' >&2; exit 3", AMPLE);
    assert_eq!(outcome.level(), Level::Warning);
    let text = outcome.to_string();
    assert!(text.starts_with("exit status: 3 after "), "{text}");
    assert!(text.ends_with(" ms, saying: no such [31m network"), "{text}");
    assert!(run_shell("kill -9 $$", AMPLE).to_string().starts_with("signal: 9"));
}

#[test]
fn more_is_read_than_is_kept() {
    let words = words_of("head -c 300000 /dev/zero | tr '\\0' x >&2");
    assert_eq!(words, "x".repeat(NOTIFY_WORDS));
}

#[test]
fn a_child_that_keeps_the_pipe_does_not_keep_the_program() {
    assert_eq!(words_of("echo early >&2; (exec sleep 30) & exit 0"), "early");
}

#[test]
fn it_has_no_input() {
    assert_eq!(words_of("cat; echo done >&2"), "done");
}

#[test]
fn what_takes_too_long_is_ended_with_all_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let ids = folder.path().join("ids");
    // The child ignores SIGTERM, so that only SIGKILL can end it.
    let script =
        format!("(trap '' TERM; exec sleep 1000) & echo $! >{0}.new; mv {0}.new {0}; wait", ids.display());
    let outcome = run_shell(&script, Duration::from_secs(2));
    assert_eq!(outcome.level(), Level::Warning);
    assert!(outcome.to_string().starts_with("it did not end within 2 s and was killed"), "{outcome}");
    let child = std::fs::read_to_string(&ids).expect("two seconds are enough to start a child");
    let state = || std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
    let begun = Instant::now();
    while state().is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(begun.elapsed() < AMPLE, "the child lives on");
        std::thread::yield_now();
    }
}

#[test]
fn what_is_no_program_is_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(run(Path::new("/nonexistent/notify"), &[], AMPLE));
    assert_eq!(outcome.level(), Level::Error);
    assert!(outcome.to_string().starts_with("it cannot be run: No such file or directory"), "{outcome}");
}
