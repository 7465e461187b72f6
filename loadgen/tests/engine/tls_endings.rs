//! TLS sessions that end behind a whole answer: the answer counts, and nothing more is asked there.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, Stream};

use crate::support::{finish, open_loop, plan};

/// What a server writes behind its answer, in the same write.
#[derive(Clone, Copy)]
enum Behind {
    /// close_notify, and the TCP connection stays open.
    Goodbye,
    /// A record that nobody has the keys for.
    Garbage,
}

/// A server whose sessions end behind their first answer. Its threads end with their connections.
fn server(behind: Behind) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = torii_loadgen::tls::server_config(None).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let config = config.clone();
            std::thread::spawn(move || answer_once(stream, config, behind));
        }
    });
    address
}

fn answer_once(mut stream: TcpStream, config: Arc<ServerConfig>, behind: Behind) {
    let mut session = ServerConnection::new(config).unwrap();
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if Stream::new(&mut session, &mut stream).read(&mut byte).ok() != Some(1) {
            return;
        }
        head.push(byte[0]);
    }
    session.writer().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").unwrap();
    let mut bytes = Vec::new();
    session.write_tls(&mut bytes).unwrap();
    match behind {
        Behind::Goodbye => {
            session.send_close_notify();
            session.write_tls(&mut bytes).unwrap();
        }
        Behind::Garbage => bytes.extend_from_slice(&[&[0x17, 3, 3, 0, 32][..], &[0; 32]].concat()),
    }
    let _ = stream.write_all(&bytes);
    // Until the client goes.
    while stream.read(&mut [0; 1000]).is_ok_and(|count| count > 0) {}
}

#[test]
fn an_answer_with_the_end_of_its_session_behind_it_is_a_good_one() {
    for behind in [Behind::Goodbye, Behind::Garbage] {
        let mut plan = plan(&format!("https://{}/", server(behind)), open_loop(40, 250));
        plan.connections = 1;
        let finished = finish(plan);
        let counts = finished.totals.counts;
        assert_eq!((counts.ok, counts.failed), (10, 0), "{:?}", finished.totals.errors.entries());
        assert_eq!(counts.connections_opened, 10, "each for one answer");
    }
}
