//! Records pushed by many workers arrive once, also those that a stop finds in the rings.

#![allow(clippy::unwrap_used)]

use std::os::unix::net::UnixDatagram;

use super::*;
use crate::observe::ring;

fn names() -> Names {
    let mut names = Names::default();
    names.add_listener("front_in", false);
    names.add_backend("web_backend", ["web1"].into_iter());
    names
}

fn file_log(path: PathBuf) -> Log {
    Log { target: LogTarget::File(path), format: LogFormat::Haproxy, facility: 16 }
}

fn record(number: u64) -> Record {
    Record { bytes: number, request_line: b"GET / HTTP/1.1".to_vec(), ..empty_record() }
}

#[test]
fn writes_every_record_of_every_worker_exactly_once() {
    const WORKERS: u64 = 3;
    const RECORDS: u64 = 5_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let (writers, readers): (Vec<_>, Vec<_>) = (0..WORKERS).map(|_| ring::new()).unzip();
    let log = start(&file_log(path.clone()), Echo::StandardError, names(), readers).unwrap();
    let counters = log.counters();
    let threads: Vec<_> = (0..WORKERS)
        .zip(writers)
        .map(|(worker, mut writer)| {
            thread::spawn(move || {
                for number in 0..RECORDS {
                    while !writer.push(&record(worker * RECORDS + number)) {
                        thread::yield_now();
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(log.stop());

    let text = std::fs::read_to_string(path).unwrap();
    let mut seen: Vec<u64> =
        text.lines().map(|line| line.split(' ').nth(6).unwrap().parse().unwrap()).collect();
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..WORKERS * RECORDS));
    assert_eq!((counters.written.get(), counters.dropped.get()), (WORKERS * RECORDS, 0));
}

#[test]
fn writes_its_own_messages_beside_traffic_without_forged_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let log = start(&file_log(path.clone()), Echo::StandardError, names(), Vec::new()).unwrap();
    log.notice(Level::Alert, "Server web_backend/web1 is DOWN, info: \"a\nb\"");
    assert!(log.stop());
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text.lines().count(), 1);
    assert!(text.ends_with("] alert: Server web_backend/web1 is DOWN, info: \"a\u{fffd}b\"\n"), "{text}");
}

#[test]
fn sends_records_as_info_and_messages_with_their_own_level_to_syslog() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let daemon = UnixDatagram::bind(&path).unwrap();
    let (mut writer, reader) = ring::new();
    let target = LogTarget::SyslogLocal(path);
    let log = Log { target, format: LogFormat::Haproxy, facility: 16 };
    let log = start(&log, Echo::StandardError, names(), vec![reader]).unwrap();
    assert!(writer.push(&record(1)));
    let mut buffer = [0; 8192];
    let mut next = || {
        let length = daemon.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let line = next();
    assert!(line.starts_with("<134>") && line.ends_with("\"GET / HTTP/1.1\"\n"), "{line}");
    log.notice(Level::Emergency, "backend web_backend has no server available!");
    let line = next();
    assert!(line.starts_with("<128>") && line.contains("]: backend web_backend has no server"), "{line}");
    assert!(log.stop());
}

#[test]
fn a_log_that_is_off_still_empties_the_rings() {
    let (mut writer, reader) = ring::with_capacity(1024);
    let log = Log { target: LogTarget::Off, format: LogFormat::Haproxy, facility: 16 };
    let log = start(&log, Echo::StandardError, names(), vec![reader]).unwrap();
    for number in 0..100 {
        while !writer.push(&record(number)) {
            thread::yield_now();
        }
    }
    assert!(log.stop());
}

#[test]
fn ends_by_itself_after_writing_when_nobody_can_speak_to_it_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let (mut writer, reader) = ring::new();
    let log = start(&file_log(path.clone()), Echo::StandardError, names(), vec![reader]).unwrap();
    let notices = log.notices();
    assert!(writer.push(&record(1)));
    notices.notice(Level::Notice, "still here");
    let LogHandle { notices: own, thread, .. } = log;
    drop((own, notices));
    thread.join().unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 2);
}
