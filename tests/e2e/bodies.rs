//! Large bodies, checked byte by byte, in both directions and in several framings.

use crate::support::pattern::{self, Pattern};
use crate::support::{Client, Configuration, Origin, Torii};
use std::io::Write;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const SIZES: [u64; 5] = [64 * KIB, 64 * KIB + 1, MIB - 1, 5 * MIB, 32 * MIB];

/// Downloads and checks `length` bytes.
#[track_caller]
pub fn download<S: std::io::Read + Write>(client: &mut Client<S>, kind: &str, length: u64) {
    client.send(format!("GET /{kind}/{length} HTTP/1.1\r\nHost: a\r\n\r\n"));
    let mut pattern = Pattern::new();
    let response = client.response_into("GET", &mut |piece| pattern.check(piece)).unwrap();
    assert_eq!((response.status, response.truncated), (200, false));
    pattern.assert_whole(length);
}

/// Uploads `length` bytes to a server that checks them.
#[track_caller]
pub fn upload<S: std::io::Read + Write>(client: &mut Client<S>, length: u64) {
    client.send(format!("POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"));
    let mut pattern = Pattern::new();
    while pattern.position() < length {
        client.send(pattern.next_piece(length - pattern.position()));
    }
    assert_eq!(client.response("POST").text(), format!("{length} right"));
}

fn start() -> (Origin, Torii) {
    let origin = Origin::start("one");
    let torii = Torii::start(&Configuration::new().server(origin.address()));
    (origin, torii)
}

#[test]
fn large_downloads_arrive_whole() {
    let (_origin, torii) = start();
    for length in SIZES {
        download(&mut torii.client(), "length", length);
        download(&mut torii.client(), "close", length);
    }
    let mut client = torii.client();
    for length in &SIZES[..4] {
        download(&mut client, "chunked", *length);
    }
}

#[test]
fn large_uploads_arrive_whole() {
    let (_origin, torii) = start();
    let mut client = torii.client();
    for length in SIZES {
        upload(&mut client, length);
    }
}

#[test]
fn a_large_chunked_upload_arrives_whole() {
    let (_origin, torii) = start();
    let mut client = torii.client();
    client.send("POST /sink HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut pattern = Pattern::new();
    for size in (1..4_000_u64).chain([3 * MIB, 1, 2 * MIB]) {
        let end = pattern.position() + size;
        client.send(format!("{size:x}\r\n"));
        while pattern.position() < end {
            client.send(pattern.next_piece(end - pattern.position()));
        }
        client.send("\r\n");
    }
    client.send("0\r\n\r\n");
    assert_eq!(client.response("POST").text(), format!("{} right", pattern.position()));
}

#[test]
fn both_directions_may_be_busy_at_once() {
    let (_origin, torii) = start();
    let transfers: Vec<_> = (0..8)
        .map(|number| {
            let mut client = torii.client();
            std::thread::spawn(move || match number % 2 {
                0 => download(&mut client, "length", 4 * MIB),
                _ => upload(&mut client, 4 * MIB),
            })
        })
        .collect();
    for transfer in transfers {
        transfer.join().unwrap();
    }
}

#[test]
fn an_echo_larger_than_every_buffer_comes_back() {
    let (_origin, torii) = start();
    let mut client = torii.client();
    let body = pattern::bytes(2 * MIB as usize);
    assert!(client.post("/echo", &body).body == body);
}
