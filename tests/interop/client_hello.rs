//! The server name in what real TLS clients send first.

use std::io::Read;
use std::net::TcpListener;
use std::process::Command;

use torii::tls::client_hello::{self, Verdict};

use crate::peers::{self, Peer};

/// The server name that this command sends to the address it is given, read as bytes come in.
fn name_sent_by(program: &str, arguments: impl FnOnce(&mut Command, &str)) -> Option<String> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut command = peers::command(program);
    arguments(&mut command, &address);
    let _client = Peer::start(program, command, folder.path());
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(peers::PATIENCE)).unwrap();
    let mut bytes = Vec::new();
    loop {
        match client_hello::read(&bytes) {
            Verdict::NeedMore => {}
            Verdict::Hello { server_name } => return server_name.map(|name| name.as_str().to_owned()),
            other => panic!("{other:?}: {}", bytes.escape_ascii()),
        }
        let mut buffer = [0; 100];
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "{program} closed before its ClientHello was whole");
        bytes.extend_from_slice(&buffer[..count]);
    }
}

#[test]
fn openssl_and_curl_name_their_server() {
    if !peers::available(&["openssl", "curl"]) {
        return;
    }
    let openssl = |options: &'static [&'static str]| {
        name_sent_by("openssl", |command, address| {
            command.args(["s_client", "-connect", address]).args(options);
        })
    };
    for version in ["-tls1_2", "-tls1_3"] {
        let options: &'static [&'static str] =
            vec![version, "-servername", "Www.Example.com", "-alpn", "h2,http/1.1"].leak();
        assert_eq!(openssl(options).as_deref(), Some("Www.Example.com"), "{version}");
    }
    // Records of 512 bytes: the hello comes in several.
    let cut: &[&str] = &["-servername", "a.example", "-max_send_frag", "512", "-alpn", LONG_ALPN];
    assert_eq!(openssl(cut).as_deref(), Some("a.example"));
    assert_eq!(openssl(&["-noservername"]), None);
    let curl = name_sent_by("curl", |command, address| {
        let port = address.rsplit(':').next().unwrap();
        command.args(["--silent", "--insecure", "--connect-to", &format!("::{address}")]);
        command.arg(format!("https://shop.example:{port}/"));
    });
    assert_eq!(curl.as_deref(), Some("shop.example"));
}

/// Protocol names that make a ClientHello longer than one record of 512 bytes.
const LONG_ALPN: &str = "protocol-name-of-forty-bytes-number-00001,protocol-name-of-forty-bytes-number-00002,\
    protocol-name-of-forty-bytes-number-00003,protocol-name-of-forty-bytes-number-00004,\
    protocol-name-of-forty-bytes-number-00005,protocol-name-of-forty-bytes-number-00006,\
    protocol-name-of-forty-bytes-number-00007,protocol-name-of-forty-bytes-number-00008";
