//! Tests of one connection without a server: what it holds, and what it does in one turn.

#![allow(clippy::unwrap_used)]

use std::net::TcpListener;
use std::thread::JoinHandle;

use super::super::answers::AnswerShape;
use super::*;
use crate::limits::HEAD_BYTES_MAX;

/// A connection whose client sends these bytes on a thread of its own, which returns what was answered.
fn fed(bytes: Vec<u8>) -> (Connection, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    stream.set_nonblocking(true).unwrap();
    let client = std::thread::spawn(move || {
        // A server that has said its last word may read no further.
        let _ = client.write_all(&bytes);
        let _ = client.shutdown(Shutdown::Write);
        let mut answered = Vec::new();
        let _ = client.read_to_end(&mut answered);
        answered
    });
    (Connection::new(stream, None), client)
}

/// Gives turns until the connection is done; `seen` looks at it after each. Returns what was asked for.
fn turns(connection: &mut Connection, mut seen: impl FnMut(&Connection)) -> Vec<Next> {
    let (mut scratch, answers) = (Scratch::default(), Answers::new(&AnswerShape::default()));
    let mut asked = Vec::new();
    loop {
        let mut turn = Turn::new(&mut scratch, &answers);
        connection.wake(true, false);
        let mut next = connection.go_on(&mut turn);
        while matches!(next, Next::Answer | Next::Linger) {
            asked.push(next);
            next =
                if next == Next::Answer { connection.on_due(&mut turn) } else { connection.go_on(&mut turn) };
        }
        seen(connection);
        if next == Next::Close {
            return asked;
        }
        asked.push(next);
        if next == Next::Wait {
            std::thread::yield_now();
        }
    }
}

fn count(bytes: &[u8], wanted: &[u8]) -> usize {
    memchr::memmem::find_iter(bytes, wanted).count()
}

#[test]
fn uploads_are_thrown_away_as_they_come_and_others_have_their_turn() {
    let length = 64 << 20;
    let plain = [format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n").into_bytes()];
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked = [head.to_vec(), format!("{length:x}\r\n").into_bytes()];
    for (mut bytes, end) in [(plain.concat(), &b""[..]), (chunked.concat(), b"\r\n0\r\n\r\n")] {
        bytes.resize(bytes.len() + length, b'x');
        bytes.extend_from_slice(end);
        let (mut connection, client) = fed(bytes);
        let asked = turns(&mut connection, |connection| {
            assert!(connection.kept.capacity() <= KEPT_BYTES_MAX, "{}", connection.kept.capacity());
        });
        assert_eq!(asked.iter().filter(|next| **next == Next::Answer).count(), 1);
        drop(connection);
        assert_eq!(count(&client.join().unwrap(), b"HTTP/1.1 200 Answer"), 1);
    }
}

#[test]
fn pipelined_requests_are_answered_in_turns() {
    let requests = 5_000;
    let (mut connection, client) = fed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(requests));
    let asked = turns(&mut connection, |connection| {
        assert!(connection.kept.capacity() <= 2 * (READ_BYTES + HEAD_BYTES_MAX));
    });
    assert!(asked.contains(&Next::Again));
    let turns = asked.split(|next| matches!(next, Next::Again | Next::Wait));
    assert!(turns.map(<[Next]>::len).all(|answers| answers <= ANSWERS_IN_A_ROW));
    drop(connection);
    assert_eq!(count(&client.join().unwrap(), b"HTTP/1.1 200 Answer"), requests);
}

#[test]
fn an_endless_head_is_refused_and_the_refusal_arrives() {
    let head = [b"GET / HTTP/1.1\r\nHost: a\r\nA: ".to_vec(), vec![b'x'; 4 << 20]].concat();
    let (mut connection, client) = fed(head);
    let asked = turns(&mut connection, |connection| {
        assert!(connection.kept.capacity() <= 2 * (READ_BYTES + HEAD_BYTES_MAX));
    });
    assert!(asked.contains(&Next::Linger) && !asked.contains(&Next::Answer), "{asked:?}");
    drop(connection);
    let answered = client.join().unwrap();
    assert_eq!(count(&answered, b"HTTP/1.1 400 Bad Request\r\n"), 1);
    assert_eq!(count(&answered, b"X-Refused: the head is longer"), 1);
}
