//! Files that are appended to, rotated, forbidden or full; pipes that nobody reads.

#![allow(clippy::unwrap_used)]

use std::io::Read as _;

use super::*;
use crate::config::model::LogFormat;

fn log(target: LogTarget) -> Log {
    Log { target, format: LogFormat::Haproxy, facility: 16 }
}

fn add(sink: &mut Sink, line: &str) {
    sink.add_record(0, &mut LocalTime::default(), line.as_bytes());
}

fn look_again(sink: &mut Sink) {
    let Open::Stream(stream) = &mut sink.target else { panic!("not a stream") };
    stream.look_after = Instant::now();
}

fn with_output(output: File) -> Sink {
    Sink { target: Open::Stream(Stream::new(output, None)), counts: Counts::default(), failing: false }
}

#[test]
fn appends_whole_lines_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    std::fs::write(&path, "kept\n").unwrap();
    let mut sink = Sink::open(&log(LogTarget::File(path.clone()))).unwrap();
    add(&mut sink, "one");
    add(&mut sink, "two");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "kept\n", "lines are gathered until the flush");
    sink.flush();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "kept\none\ntwo\n");
    assert_eq!((sink.counts().written, sink.counts().dropped), (2, 0));
}

#[test]
fn writes_by_itself_before_a_batch_grows_beyond_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let mut sink = Sink::open(&log(LogTarget::File(path.clone()))).unwrap();
    let line = "x".repeat(2 * limits::LOG_LINE_SIZE);
    for _ in 0..100 {
        add(&mut sink, &line);
    }
    let Open::Stream(stream) = &sink.target else { panic!("not a stream") };
    assert!(stream.batch.len() <= limits::LOG_BATCH_BYTES);
    sink.flush();
    let written = std::fs::read(&path).unwrap();
    assert_eq!(written.len(), 100 * limits::LOG_LINE_SIZE, "each line is cut at its limit");
    assert_eq!(sink.counts().written, 100);
}

#[test]
fn follows_a_rotation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let old = folder.path().join("access.log.1");
    let mut sink = Sink::open(&log(LogTarget::File(path.clone()))).unwrap();
    add(&mut sink, "before");
    sink.flush();
    std::fs::rename(&path, &old).unwrap();
    look_again(&mut sink);
    add(&mut sink, "after");
    sink.flush();
    assert_eq!(std::fs::read_to_string(&old).unwrap(), "before\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "after\n");
}

#[test]
fn writes_on_to_the_old_file_while_the_path_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let old = folder.path().join("access.log.1");
    let mut sink = Sink::open(&log(LogTarget::File(path.clone()))).unwrap();
    std::fs::rename(&path, &old).unwrap();
    std::fs::create_dir(&path).unwrap();
    look_again(&mut sink);
    add(&mut sink, "line");
    sink.flush();
    assert_eq!(std::fs::read_to_string(&old).unwrap(), "line\n");
}

#[test]
fn says_which_file_cannot_be_opened_why_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("absent").join("access.log");
    let error = Sink::open(&log(LogTarget::File(path.clone()))).unwrap_err().to_string();
    assert!(error.contains(path.to_str().unwrap()) && error.contains("No such file"), "{error}");
    assert!(error.contains("log.target"), "{error}");
    let error = Sink::open(&log(LogTarget::File(folder.path().to_owned()))).unwrap_err().to_string();
    assert!(error.contains("directory"), "{error}");
}

#[test]
fn counts_what_a_full_disk_drops_and_keeps_running() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut sink = with_output(full);
    for _ in 0..3 {
        add(&mut sink, "lost");
        add(&mut sink, "lost");
        sink.flush();
        assert!(sink.failing);
    }
    assert_eq!((sink.counts().written, sink.counts().dropped), (0, 6));
}

#[test]
fn completes_a_half_written_line_before_the_next_one() {
    let (mut reader, writer) = io::pipe().unwrap();
    let output = File::from(std::os::fd::OwnedFd::from(writer));
    // Set through the open file description, as a shell's other children could.
    nix::fcntl::fcntl(&output, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK)).unwrap();
    let mut sink = with_output(output);
    let line = "y".repeat(999);
    while sink.counts().dropped == 0 {
        for _ in 0..60 {
            add(&mut sink, &line);
        }
        sink.flush();
    }
    let mut received = vec![0; 1 << 20];
    let length = reader.read(&mut received).unwrap();
    received.truncate(length);
    add(&mut sink, &line);
    sink.flush();
    drop(sink.target);
    reader.read_to_end(&mut received).unwrap();
    for received_line in String::from_utf8(received).unwrap().lines() {
        assert_eq!(received_line, line);
    }
}

#[test]
fn off_takes_everything_and_counts_nothing() {
    let mut sink = Sink::open(&log(LogTarget::Off)).unwrap();
    add(&mut sink, "line");
    sink.flush();
    assert_eq!((sink.counts().written, sink.counts().dropped), (0, 0));
}
