//! Every record that goes in comes out, whole and in order, or is refused.

#![allow(clippy::unwrap_used)]

use std::thread;

use super::*;
use crate::observe::record::NONE;

/// A small generator (xorshift64*), so that a failure names its seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn record(&mut self) -> Record {
        let ip = if self.next().is_multiple_of(2) {
            IpAddr::V4(Ipv4Addr::from(self.next() as u32))
        } else {
            // Includes IPv4-mapped addresses, which must stay IPv6.
            let high =
                if self.next().is_multiple_of(4) { 0xffff_0000_0000 } else { u128::from(self.next()) << 64 };
            IpAddr::V6(Ipv6Addr::from(high | u128::from(self.next() as u32)))
        };
        let length = (self.next() as usize) % limits::LOG_REQUEST_LINE;
        Record {
            client: SocketAddr::new(ip, self.next() as u16),
            listener: self.next() as u16,
            backend: if self.next().is_multiple_of(3) { NONE } else { self.next() as u16 },
            server: self.next() as u16,
            start_unix_ms: self.next(),
            request_ms: self.next() as i32,
            queue_ms: -1,
            connect_ms: self.next() as i32,
            response_ms: self.next() as i32,
            active_ms: self.next() as i32,
            status: self.next() as i16,
            bytes: self.next(),
            termination: (self.next() as u32).to_le_bytes(),
            process_connections: self.next() as u32,
            listener_connections: self.next() as u32,
            backend_connections: self.next() as u32,
            server_connections: self.next() as u32,
            retries: self.next() as u16,
            redispatched: self.next().is_multiple_of(2),
            server_queue: self.next() as u32,
            backend_queue: self.next() as u32,
            request_line: (0..length).map(|_| self.next() as u8).collect(),
        }
    }
}

fn empty_record() -> Record {
    Random(1).record()
}

#[test]
fn gives_back_what_went_in() {
    for seed in 1..200 {
        let sent = Random(seed).record();
        let (mut writer, mut reader) = with_capacity(4096);
        assert!(writer.push(&sent));
        let mut received = empty_record();
        assert!(reader.pop(&mut received), "seed {seed}");
        assert_eq!(received, sent, "seed {seed}");
        assert!(!reader.pop(&mut received));
        assert_eq!(received, sent, "an empty ring leaves the record alone");
    }
}

#[test]
fn cuts_a_request_line_that_is_too_long() {
    let mut sent = empty_record();
    sent.request_line = vec![b'a'; 5000];
    let (mut writer, mut reader) = new();
    assert!(writer.push(&sent));
    let mut received = empty_record();
    assert!(reader.pop(&mut received));
    assert_eq!(received.request_line.len(), limits::LOG_REQUEST_LINE - 1);
}

#[test]
fn refuses_when_full_and_takes_again_when_there_is_room() {
    let (mut writer, mut reader) = with_capacity(3 * FIXED_SIZE);
    let mut sent = empty_record();
    sent.request_line.clear();
    assert!(writer.push(&sent) && writer.push(&sent) && writer.push(&sent));
    assert!(!writer.push(&sent));
    let mut received = empty_record();
    assert!(reader.pop(&mut received));
    sent.status = 204;
    assert!(writer.push(&sent));
    assert!(!writer.push(&sent));
    let mut statuses = Vec::new();
    while reader.pop(&mut received) {
        statuses.push(received.status);
    }
    assert_eq!(statuses.len(), 3);
    assert_eq!(statuses[2], 204);
}

#[test]
fn refuses_a_message_larger_than_the_ring() {
    let (mut writer, mut reader) = with_capacity(FIXED_SIZE - 1);
    assert!(!writer.push(&empty_record()));
    assert!(!reader.pop(&mut empty_record()));
}

#[test]
fn never_tears_a_record_between_two_threads() {
    const RECORDS: usize = 20_000;
    for seed in [3, 77, 0xdead_beef] {
        // A ring of a few records, so that it wraps at every offset and is often full.
        let (mut writer, mut reader) = with_capacity(2 * MESSAGE_SIZE_MAX + 13);
        let producer = thread::spawn(move || {
            let mut random = Random(seed);
            for _ in 0..RECORDS {
                let record = random.record();
                while !writer.push(&record) {
                    thread::yield_now();
                }
            }
        });
        let mut random = Random(seed);
        let mut received = empty_record();
        for number in 0..RECORDS {
            while !reader.pop(&mut received) {
                thread::yield_now();
            }
            assert_eq!(received, random.record(), "seed {seed}, record {number}");
        }
        producer.join().unwrap();
        assert!(reader.is_abandoned());
        assert!(!reader.pop(&mut received));
    }
}
