//! The three web servers: each answers every request with its name and the address that asked, which says
//! through which node a visitor came.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use crate::stage::{Place, Stage, enter};

/// Addresses of the servers.
pub const SERVERS: [(&str, &str); 3] =
    [("web1", "192.0.2.11:80"), ("web2", "192.0.2.12:80"), ("web3", "192.0.2.13:80")];

/// A page that takes a server a while, so that some visits of it are always in flight.
pub const SLOW_PAGE: &str = "/slow.html";

/// How long; well below the time that a hand-over leaves to answers in flight.
const SLOWNESS: Duration = Duration::from_millis(40);

/// Longest silence of a proxy; its end also ends the thread.
const SILENCE: Duration = Duration::from_secs(60);

/// Starts the servers. They end with the test process: their threads hold nothing but sockets.
pub fn start(stage: &Stage) {
    let (listening, is_listening) = channel();
    for (name, address) in SERVERS {
        let namespace = stage.open(Place::Web);
        let listening: Sender<()> = listening.clone();
        std::thread::spawn(move || {
            enter(&namespace);
            let listener = TcpListener::bind(address).unwrap();
            listening.send(()).unwrap();
            for stream in listener.incoming().map_while(Result::ok) {
                std::thread::spawn(move || serve(name, stream));
            }
        });
    }
    for _ in SERVERS {
        is_listening.recv().expect("each server listens");
    }
}

/// Answers requests without bodies until the connection ends.
fn serve(name: &str, mut stream: TcpStream) {
    let Ok(peer) = stream.peer_addr() else { return };
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let body = format!("{name} {}", peer.ip());
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    while let Some(Ok(line)) = lines.next() {
        if line.contains(SLOW_PAGE) {
            std::thread::sleep(SLOWNESS);
        }
        if line.is_empty() && stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
