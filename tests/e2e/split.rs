//! A message means the same wherever the network cuts it: requests split at every byte.
//!
//! All first halves are sent before any second half, so torii has read the former by itself.

use crate::support::{Client, Configuration, Origin, Torii};

/// Sends `request` over one connection per cut and returns the bodies of the answers.
fn answers_for_every_cut(torii: &Torii, request: &[u8], method: &str) -> Vec<String> {
    let mut clients: Vec<Client> = (1..request.len()).map(|_| torii.client()).collect();
    for (client, cut) in clients.iter_mut().zip(1..) {
        client.send(&request[..cut]);
    }
    for (client, cut) in clients.iter_mut().zip(1..) {
        client.send(&request[cut..]);
    }
    clients.iter_mut().map(|client| client.response(method).text()).collect()
}

/// A GET cut at every byte.
pub fn check_split_get(torii: &Torii) {
    let request = b"GET /name HTTP/1.1\r\nHost: www.example.com\r\nAccept: */*\r\nCookie: a=1; b=2\r\n\r\n";
    for answer in answers_for_every_cut(torii, request, "GET") {
        assert_eq!(answer, "one");
    }
}

fn start() -> (Origin, Torii) {
    let origin = Origin::start("one");
    let torii = Torii::start(&Configuration::new().server(origin.address()));
    (origin, torii)
}

#[test]
fn a_request_may_be_split_at_every_byte() {
    let (_origin, torii) = start();
    check_split_get(&torii);
}

#[test]
fn an_upload_by_length_may_be_split_at_every_byte() {
    let (_origin, torii) = start();
    let request = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world";
    for answer in answers_for_every_cut(&torii, request, "POST") {
        assert_eq!(answer, "hello world");
    }
}

#[test]
fn a_chunked_upload_may_be_split_at_every_byte() {
    let (_origin, torii) = start();
    let request = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
        5\r\nhello\r\n1;x=\"y\"\r\n \r\n05\r\nworld\r\n0\r\nX-Sum: 1\r\n\r\n";
    for answer in answers_for_every_cut(&torii, request, "POST") {
        assert_eq!(answer, "hello world");
    }
}

#[test]
fn a_request_may_arrive_one_byte_at_a_time() {
    let (_origin, torii) = start();
    let mut client = torii.client();
    for byte in b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n" {
        client.send([*byte]);
    }
    assert_eq!(client.response("POST").text(), "ab");
}
