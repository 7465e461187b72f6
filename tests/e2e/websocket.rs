//! WebSocket (RFC 6455) with a real library at both ends, over plain connections and TLS.

use std::io::{Read, Write};

use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, WebSocket, accept_with_config, client::client_with_config};

use crate::support::certificate::Certificate;
use crate::support::{Client, Configuration, RawServer, Torii, pattern};

const MANY: usize = 10_000;
const LARGE: usize = 16 * 1024 * 1024;

fn config() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(2 * LARGE)).max_frame_size(Some(2 * LARGE))
}

/// Answers every message with itself until the client says goodbye.
fn echo_server() -> RawServer {
    RawServer::start(|stream| {
        let mut socket =
            accept_with_config(stream, Some(config())).map_err(|_| std::io::ErrorKind::InvalidData)?;
        while let Ok(message) = socket.read() {
            if message.is_text() || message.is_binary() {
                socket.send(message).map_err(|_| std::io::ErrorKind::BrokenPipe)?;
            }
        }
        Ok(())
    })
}

#[track_caller]
fn exchange_messages<S: Read + Write>(client: Client<S>, torii: &Torii) {
    let url = "ws://www.example.com/socket";
    let (mut socket, response) = client_with_config(url, client.into_stream(), Some(config()))
        .map_err(|error| error.to_string())
        .unwrap();
    assert_eq!(response.status(), 101);
    for number in 0..MANY {
        // Of every length around the limits of the frame formats and of a buffer.
        let text = "x".repeat(number % 300) + &number.to_string();
        socket.send(Message::text(text.clone())).unwrap();
        assert_eq!(socket.read().unwrap().into_text().unwrap().as_str(), text);
    }
    for _ in 0..2 {
        send_large(&mut socket);
    }
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
    drop(socket);
    let line = torii.log_of("/socket");
    assert_eq!((line.status, line.end()), (101, "--"));
}

fn send_large<S: Read + Write>(socket: &mut WebSocket<S>) {
    let large = pattern::bytes(LARGE);
    socket.send(Message::binary(large.clone())).unwrap();
    let message = socket.read().unwrap();
    assert!(message.is_binary() && message.into_data() == large);
}

#[test]
fn ten_thousand_messages_and_very_large_ones_pass() {
    let server = echo_server();
    let torii = Torii::start(&Configuration::new().server(server.address()));
    exchange_messages(torii.client(), &torii);
}

#[test]
fn ten_thousand_messages_and_very_large_ones_pass_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::for_names(&["a.test"]);
    certificate.write(folder.path(), "a.test");
    let server = echo_server();
    let torii = Torii::start(&Configuration::new().tls(folder.path(), "1.2").server(server.address()));
    let client = Client::connect_tls(torii.address(), "a.test", certificate.any_client()).unwrap();
    exchange_messages(client, &torii);
}
